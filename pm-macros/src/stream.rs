//! `#[worker_stream]`: from a struct to the pool of its streams.

use crate::errors::Errors;
use crate::keys::Subject;
use crate::model::{Model, Names, respan};
use crate::{args, attribute, check, entry, pool, signature};
use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::ext::IdentExt;
use syn::{Attribute, Field, ItemStruct, parse_quote};

/// `#[worker_stream]`.
pub(crate) fn worker_stream(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let options = args::parse(Subject::Stream, args, &mut errors);
    let Some(mut item_struct) = check::structure(item.clone(), &mut errors) else {
        return quote!(#item #errors);
    };
    check::attributes("worker_stream", &mut item_struct.attrs, &mut errors);
    let mut mistakes = Errors::default();
    check::concrete(&item_struct.generics, &mut mistakes);
    let is_sound = mistakes.is_empty();
    errors.extend(mistakes);
    let locals = take_locals(&mut item_struct, &mut errors);
    let ident = &item_struct.ident;
    let title = ident.unraw().to_string();
    let stem = options.stem.as_ref().map_or_else(|| title.clone(), ToString::to_string);
    let model = Model {
        runtime: options.runtime(),
        options,
        attrs: attribute::shared(&item_struct.attrs),
        vis: respan(item_struct.vis.to_token_stream()),
        names: Names::new(&stem, ident.span()),
        doc: format!("[`{title}`]"),
        title,
        state: None,
        signature: fingerprint(&item_struct, &locals),
        queries: Vec::new(),
    };
    model.options.check_builder(&model.names.pool, &mut errors);
    derive_serde(&mut item_struct, &locals, &model.runtime);
    if !is_sound {
        return quote!(#item_struct #errors);
    }
    let items = items(&model, &item_struct, &stem);
    quote!(#item_struct #items #errors)
}

/// Takes the `#[local]` off fields; which have it.
fn take_locals(item: &mut ItemStruct, errors: &mut Errors) -> Vec<bool> {
    let mut is_local = |field: &mut Field| {
        let mut local = false;
        field.attrs.retain(|attr| {
            let is_mark = attr.path().is_ident("local");
            if is_mark && attr.meta.require_path_only().is_err() {
                errors.on(attr, "`#[local]` takes no value: remove it");
            }
            local |= is_mark;
            !is_mark
        });
        local
    };
    item.fields.iter_mut().map(&mut is_local).collect()
}

/// What pool and worker have to agree on, as far as it can be seen.
fn fingerprint(item: &ItemStruct, locals: &[bool]) -> String {
    let sent = item.fields.iter().zip(locals).filter(|(_, local)| !**local);
    let fields = sent.map(|(field, _)| match &field.ident {
        Some(name) => format!("{}: {}", name.unraw(), signature::type_text(&field.ty)),
        None => signature::type_text(&field.ty),
    });
    let fields: Vec<_> = fields.collect();
    format!("stream {} {{ {} }}", item.ident.unraw(), fields.join(", "))
}

/// The struct travels: it has serde's traits, and its local fields stay out.
fn derive_serde(item: &mut ItemStruct, locals: &[bool], runtime: &TokenStream) {
    for (field, _) in item.fields.iter_mut().zip(locals).filter(|(_, local)| **local) {
        field.attrs.push(parse_quote!(#[serde(skip)]));
    }
    let missing: Vec<_> = ["Serialize", "Deserialize"]
        .into_iter()
        .filter(|name| !item.attrs.iter().any(|attr| derives(attr, name)))
        .map(|name| format_ident!("{name}"))
        .collect();
    if missing.is_empty() {
        return;
    }
    let serde = format!("{}::__private::serde", signature::plain(runtime.clone()));
    item.attrs.push(parse_quote!(#[derive(#(#runtime::__private::#missing),*)]));
    item.attrs.push(parse_quote!(#[serde(crate = #serde)]));
}

/// Whether an attribute derives a trait, on some condition perhaps.
fn derives(attr: &Attribute, name: &str) -> bool {
    fn mentions(tokens: TokenStream, name: &str) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(ident) => ident == name,
            TokenTree::Group(group) => mentions(group.stream(), name),
            _ => false,
        })
    }
    let can = attr.path().is_ident("derive") || attr.path().is_ident("cfg_attr");
    can && mentions(attr.meta.to_token_stream(), name)
}

fn items(model: &Model, item: &ItemStruct, stem: &str) -> TokenStream {
    let Model { runtime, attrs, vis, names, doc, .. } = model;
    let (request, response, pool) = (&names.request, &names.response, &names.pool);
    let ident = &item.ident;
    let stream = format_ident!("{stem}Stream", span = pool.span());
    let worker = quote!(<#ident as #runtime::StreamWorker>);
    let serde = format!("{}::__private::serde", signature::plain(runtime.clone()));
    let request_doc = format!(" What is said to a {doc}, as it travels to a worker.");
    let response_doc = format!(" What a {doc} says, as it travels back.");
    let stream_doc = format!(" An open {doc}.");
    let open_doc = format!(" Opens a {doc} in a worker process.");
    let create_doc = format!(" Opens a {doc} as it is by default.");
    let methods = quote! {
        #[doc = #open_doc]
        #[doc(alias = "create_stream")]
        pub fn open(&self, opening: #ident) -> #runtime::Opening<#ident> {
            #runtime::__private::open_stream(&self.0, opening)
        }

        #[doc = #create_doc]
        #[doc(alias = "open")]
        pub fn create_stream<__S: ::core::default::Default>(&self) -> #runtime::Opening<#ident>
        where
            #ident: #runtime::__private::Same<__S>,
        {
            self.open(#runtime::__private::Same::same(__S::default()))
        }
    };
    let after = model.options.init.as_ref().map(|init| quote!(.after(|| __private::init(#init))));
    let message = model.message().map(|message| quote!(.message::<#message>()));
    let serve = quote!(__private::Serve::stream::<#ident>() #after #message);
    let registration = entry::registration(model);
    let inside = quote! {
        impl __private::StreamMessages for #ident {
            type Request = #request;
            type Response = #response;

            fn opening(self) -> #request {
                #request::Open(self)
            }

            fn input(input: Self::Input) -> #request {
                #request::Write(input)
            }

            fn into_opening(request: #request) -> ::core::option::Option<Self> {
                match request {
                    #request::Open(opening) => ::core::option::Option::Some(opening),
                    #request::Write(_) => ::core::option::Option::None,
                }
            }

            fn into_input(request: #request) -> ::core::option::Option<Self::Input> {
                match request {
                    #request::Write(input) => ::core::option::Option::Some(input),
                    #request::Open(_) => ::core::option::Option::None,
                }
            }

            fn output(output: Self::Output) -> #response {
                #response::Output(output)
            }

            fn failure(error: Self::Error) -> #response {
                #response::Failed(error)
            }

            fn into_result(
                response: #response,
            ) -> ::core::result::Result<Self::Output, Self::Error> {
                match response {
                    #response::Output(output) => ::core::result::Result::Ok(output),
                    #response::Failed(error) => ::core::result::Result::Err(error),
                }
            }
        }

        #registration
    };
    let handle = pool::handle(model, methods, serve, inside);
    quote! {
        #[doc = #request_doc]
        #(#attrs)*
        #[derive(#runtime::__private::Serialize, #runtime::__private::Deserialize)]
        #[serde(crate = #serde)]
        #[allow(private_interfaces, clippy::large_enum_variant, reason = "these are your types")]
        #vis enum #request {
            /// Opens it.
            Open(#ident),
            /// An input.
            Write(#worker::Input),
        }

        #[doc = #response_doc]
        #(#attrs)*
        #[derive(#runtime::__private::Serialize, #runtime::__private::Deserialize)]
        #[serde(crate = #serde)]
        #[allow(private_interfaces, clippy::large_enum_variant, reason = "these are your types")]
        #vis enum #response {
            /// An output.
            Output(#worker::Output),
            /// An error of its own, after which it goes on.
            Failed(#worker::Error),
        }

        #[doc = #stream_doc]
        #(#attrs)*
        #vis type #stream = #runtime::StreamHandle<#ident>;

        #handle
    }
}
