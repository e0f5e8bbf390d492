//! The pool as the application sees it: a typed handle, its builder and its methods.

use crate::bytes::bulk;
use crate::model::{Answer, Argument, Model, Query, is_text_or_slice, message_lifetime};
use crate::parts::{in_parentheses, local, own};
use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};

/// The typed handle. It holds everything that does not depend on types of the user.
pub(crate) fn handle(
    model: &Model,
    methods: TokenStream,
    serve: TokenStream,
    registration: TokenStream,
) -> TokenStream {
    let Model { runtime, options, attrs, vis, names, title, doc, .. } = model;
    let signature = model.fingerprint();
    let (pool, builder) = (&names.pool, &names.builder);
    let pool_doc = format!(" A typed handle to a pool of worker processes that run {doc}.");
    let builder_doc = format!(" The builder of [`{pool}`].");
    let set = options.setters.iter().map(|setter| &setter.method);
    let messages = message_argument(model);
    let answer = model.answer().into_iter();
    let handle = match model.queries.iter().any(|query| query.method == "on_message") {
        // It wins over that of every pool.
        true => quote!(silent #pool),
        false => quote!(#pool #messages #(=> #answer)*),
    };
    let values = options.setters.iter().map(|setter| setter.value(runtime));
    quote! {
        #[doc = #pool_doc]
        #(#attrs)*
        #[derive(::core::clone::Clone, ::core::fmt::Debug)]
        #vis struct #pool(#runtime::Pool);

        #[doc = #builder_doc]
        #(#attrs)*
        #vis type #builder = #runtime::PoolBuilder<#pool>;

        #(#attrs)*
        #[allow(dead_code, private_interfaces, reason = "unused calls, your types")]
        impl #pool {
            /// Sets up a pool with other options.
            pub fn builder() -> #builder {
                #runtime::__private::builder() #(.#set(#values))*
            }

            #methods
        }

        #(#attrs)*
        const _: () = {
            use #runtime::__private;

            __private::handle!(#handle);

            impl __private::Handle for #pool {
                const ENTRY: __private::Entry = __private::Entry {
                    name: ::core::any::type_name::<Self>,
                    title: #title,
                    signature: #signature,
                    place: (::core::file!(), ::core::line!()),
                    serve: #serve,
                };
            }

            #registration
        };
    }
}

/// The methods that send a query: plainly, at once or not at all, to a worker of its own, and one
/// for each of many inputs. Where there are several queries, each has the plain one, and its `Call`
/// the rest.
pub(crate) fn methods(model: &Model, query: &Query) -> TokenStream {
    let Model { runtime, names, .. } = model;
    let Query { method, arguments, .. } = query;
    let answer = &query.answer.ty;
    let messages = message_argument(model);
    let plain = self::method(model, query);
    if model.state.is_some() {
        return plain;
    }
    let attempt = format_ident!("try_{method}");
    let temporary = format_ident!("{method}_temporary");
    let attempt_doc = format!(" [`{method}`]({0}::{method}), if it need not wait.", names.pool);
    let temporary_doc = " The same in a worker of its own, gone afterwards.";
    let broadcast_doc = " The same in every worker, also in those to come.";
    let types: Vec<_> = arguments.iter().map(|argument| &argument.ty).collect();
    let locals: Vec<_> = arguments.iter().map(|argument| local(&argument.name)).collect();
    let many = (arguments.len() > 6).then(many);
    let map = map(model, query);
    quote! {
        #plain

        #[doc = #attempt_doc]
        #many
        pub fn #attempt(&self, #(#locals: #types),*) -> #runtime::Call<#answer #messages> {
            self.#method(#(#locals),*).immediate()
        }

        #[doc = #temporary_doc]
        #many
        pub fn #temporary(&self, #(#locals: #types),*) -> #runtime::Call<#answer #messages> {
            self.#method(#(#locals),*).temporary()
        }

        #[doc = #broadcast_doc]
        #many
        pub fn broadcast(&self, #(#locals: #types),*) -> #runtime::Broadcast<#answer #messages> {
            self.#method(#(#locals),*).broadcast()
        }

        #map
    }
}

/// What a `Call` has behind its answer, where its messages are no text.
pub(crate) fn message_argument(model: &Model) -> Option<TokenStream> {
    model.message().map(|message| quote!(, #message))
}

/// The method that sends a query for each of many inputs: arguments, or tuples of them. What the
/// function borrows may be owned by the iterator, because a call has encoded its arguments when it is
/// made.
fn map(model: &Model, query: &Query) -> TokenStream {
    let Model { runtime, names, .. } = model;
    let Query { method, arguments, .. } = query;
    let answer = &query.answer.ty;
    let messages = message_argument(model);
    let doc = format!(" [`{method}`]({0}::{method}) for each input.", names.pool);
    // No argument and no type of the user is called like these.
    let (inputs, handle, all) = (quote!(__I), own("__pool"), own("inputs"));
    let lifetime = arguments.iter().any(Argument::names_lifetime).then(message_lifetime);
    let (mut parameters, mut types, mut values) = (Vec::new(), Vec::new(), Vec::new());
    parameters.extend(lifetime.map(|lifetime| quote!(#lifetime)));
    let locals: Vec<_> = arguments.iter().map(|argument| local(&argument.name)).collect();
    for (index, (argument, local)) in arguments.iter().zip(&locals).enumerate() {
        let Some(target) = argument.target() else {
            types.push(argument.field.to_token_stream());
            values.push(quote!(#local));
            continue;
        };
        let owner = format_ident!("__T{index}");
        // `&String` lends a `str` as well, which `Borrow` does not know; any `T` lends itself, which
        // `AsRef` does not.
        let (lends, lent) = match is_text_or_slice(target) {
            true => (quote!(::core::convert::AsRef::<#target>), quote!(as_ref)),
            false => (quote!(::core::borrow::Borrow::<#target>), quote!(borrow)),
        };
        parameters.push(quote!(#owner: #lends));
        types.push(owner.into_token_stream());
        values.push(quote!(#lends::#lent(&#local)));
    }
    let item = match &types[..] {
        [one] => quote!(#one),
        types => quote!((#(#types),*)),
    };
    let pattern = match &locals[..] {
        [one] => quote!(#one),
        locals => quote!((#(#locals),*)),
    };
    quote! {
        #[doc = #doc]
        pub fn map<#(#parameters,)* #inputs: ::core::iter::IntoIterator<Item = #item>>(
            &self,
            #all: #inputs,
        ) -> #runtime::Map<Self, #inputs::IntoIter, #answer #messages> {
            #runtime::Map::new(self, #all, |#handle, #pattern| #handle.#method(#(#values),*))
        }
    }
}

/// The method that sends a query.
fn method(model: &Model, query: &Query) -> TokenStream {
    let Model { runtime, names, .. } = model;
    let Query { doc, variant, method, vis, arguments, answer: returned, .. } = query;
    let Answer { ty: returned, shape } = returned;
    let (request, response) = (&names.request, &names.response);
    let messages = message_argument(model);
    let doc = format!(" Runs {doc} in a worker process.");
    let types = arguments.iter().map(|argument| &argument.ty);
    let locals = arguments.iter().map(|argument| local(&argument.name));
    let sent = in_parentheses(arguments.iter().map(|argument| {
        let local = local(&argument.name);
        match argument.by_reference {
            true => quote!(#runtime::__private::Ref::Borrowed(#local)),
            false => argument.shape.packed(quote!(#local)),
        }
    }));
    let (frame, message, answer) = (own("frame"), own("message"), own("answer"));
    let unpacked = shape.unpacked(quote!(#answer));
    let open = match model.queries.len() {
        1 => quote! {
            #runtime::__private::decode(#frame).map(|#response::#variant(#answer)| #unpacked)
        },
        _ => quote! {
            #runtime::__private::open(#frame, |#message| match #message {
                #response::#variant(#answer) => ::core::option::Option::Some(#unpacked),
                _ => ::core::option::Option::None,
            })
        },
    };
    let sent = quote!(#request::#variant #sent);
    let opens = own("open");
    let packs = arguments.iter().any(|argument| !argument.shape.is_other());
    let (packed, call) = match packs {
        false => (None, quote!(call(&self.0, &#sent, #opens))),
        true => {
            let (bulk, request) = (bulk(), own("request"));
            let packed = quote! {
                let mut #bulk = #runtime::__private::Bulk::new();
                let #request = #sent;
            };
            (Some(packed), quote!(call_with(&self.0, &#request, #bulk, #opens)))
        }
    };
    // With `self` it has one more than the function, of which clippy has its opinion.
    let many = (arguments.len() > 6).then(many);
    // A service's own names are the better ones.
    let alias = model.state.is_none().then(|| quote!(#[doc(alias = "submit")]));
    quote! {
        #[doc = #doc]
        #alias
        #many
        #vis fn #method(&self, #(#locals: #types),*) -> #runtime::Call<#returned #messages> {
            #packed
            let #opens = |#frame: &mut _| { #open };
            #runtime::__private::#call
        }
    }
}

/// What clippy thinks of more than seven arguments, `self` among them.
fn many() -> TokenStream {
    quote!(#[allow(clippy::too_many_arguments, reason = "as many as yours")])
}
