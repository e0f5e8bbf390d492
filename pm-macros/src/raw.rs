//! `#[worker_raw]`: from a function to the pool of its workers.

use crate::args::Options;
use crate::errors::Errors;
use crate::keys::Subject;
use crate::model::{Model, bare};
use crate::parts::own;
use crate::{args, check, check_raw, entry, pool};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{
    AngleBracketedGenericArguments, FnArg, GenericArgument, ItemFn, PathArguments, ReturnType,
    Signature, Type,
};

/// `#[worker_raw]`.
pub(crate) fn worker_raw(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let options = args::parse(Subject::Raw, args, &mut errors);
    let items = match check::function("worker_raw", item.clone(), &mut errors) {
        Some(function) => of_function(function, options, &mut errors),
        None => item,
    };
    quote!(#items #errors)
}

fn of_function(mut function: ItemFn, options: Options, errors: &mut Errors) -> TokenStream {
    check::attributes("worker_raw", &mut function.attrs, errors);
    let Some(model) = Model::new(&function, options) else {
        errors.at(
            function.sig.ident.span(),
            "no name of a type can be made of this one: write `#[worker_raw(name = \"Serve\")]`",
        );
        return function.into_token_stream();
    };
    let mut mistakes = Errors::default();
    check_raw::signature(&function.sig, &mut mistakes);
    if !mistakes.is_empty() {
        errors.extend(mistakes);
        return check_raw::fallback(&model, function);
    }
    let serve = serve(&model, &function.sig);
    let registration = entry::registration(&model);
    let handle = handle(&model, types(&function.sig), serve, registration);
    // `recv` takes no `&mut`, and nobody need know that.
    quote! {
        #[allow(unused_mut, reason = "a link may be `mut`")]
        #function
        #handle
    }
}

/// What a worker does with its link.
fn serve(model: &Model, signature: &Signature) -> TokenStream {
    let function = &signature.ident;
    let after = model.options.init.as_ref().map(|init| quote!(.after(|| __private::init(#init))));
    let message = model.message().map(|message| quote!(.message::<#message>()));
    let channel = own("channel");
    let call = quote!(#function(__private::raw_link(#channel)));
    let returned = |value| match &signature.output {
        ReturnType::Type(_, ty) if matches!(bare(ty), Type::Never(_)) => quote!(match #value {}),
        _ => quote!(__private::returned(#value)),
    };
    let serve = match signature.asyncness {
        Some(_) => {
            let returned = returned(quote!(#call.await));
            quote! {
                __private::Serve::raw_async(|#channel| {
                    __private::boxed_raw(async move { #returned })
                })
            }
        }
        None => {
            let returned = returned(call);
            quote!(__private::Serve::raw(|#channel| #returned))
        }
    };
    quote!(#serve #after #message)
}

/// The types of the messages to a worker and from it, where the link names them.
fn types(signature: &Signature) -> Option<&AngleBracketedGenericArguments> {
    let FnArg::Typed(link) = signature.inputs.first()? else { return None };
    let Type::Path(path) = bare(&link.ty) else { return None };
    match &path.path.segments.last()?.arguments {
        PathArguments::AngleBracketed(types) => Some(types),
        PathArguments::None | PathArguments::Parenthesized(_) => None,
    }
}

/// The pool, whose workers have the types of its messages.
pub(crate) fn handle(
    model: &Model,
    types: Option<&AngleBracketedGenericArguments>,
    serve: TokenStream,
    registration: TokenStream,
) -> TokenStream {
    let pool = &model.names.pool;
    let types: Vec<_> = types
        .into_iter()
        .flat_map(|types| &types.args)
        .filter_map(|argument| match argument {
            GenericArgument::Type(ty) => Some(ty),
            _ => None,
        })
        .collect();
    let inside = match &types[..] {
        [to, from] => quote!(__private::raw_handle!(#pool, #to, #from);),
        _ => quote!(__private::raw_handle!(#pool);),
    };
    pool::handle(model, TokenStream::new(), serve, quote!(#inside #registration))
}
