//! `#[worker_raw]`: from a function to the pool of its workers.

use crate::args::Options;
use crate::errors::Errors;
use crate::fallback::{is_concrete, mentions};
use crate::keys::Subject;
use crate::model::{Model, bare, made};
use crate::parts::own;
use crate::{args, check, check_raw, entry, pool};
use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use syn::{
    Attribute, FnArg, GenericArgument, ItemFn, Pat, PatIdent, PathArguments, ReturnType, Signature,
    Type, parse_quote,
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
    model.options.check_builder(&model.names.pool, errors);
    let mut mistakes = Errors::default();
    check_raw::signature(&function.sig, &model.names, &mut mistakes);
    if !mistakes.is_empty() {
        errors.extend(mistakes);
        return check_raw::fallback(&model, function);
    }
    let serve = serve(&model, &function.sig);
    let registration = entry::registration(&model);
    let handle = handle(&model, types(&function.sig), serve, registration);
    use_mut(&mut function);
    quote!(#function #handle)
}

/// `recv` takes no `&mut`, and nobody need know that: a link may be `mut` without a warning. Nothing
/// is said where that is expected.
fn use_mut(function: &mut ItemFn) {
    let is_expected = |attr: &Attribute| {
        attr.path().is_ident("expect")
            && mentions(attr.meta.to_token_stream(), &format_ident!("unused_mut"))
    };
    if !function.attrs.iter().any(is_expected)
        && let Some(FnArg::Typed(typed)) = function.sig.inputs.first()
        && let Pat::Ident(PatIdent { by_ref: None, mutability: Some(_), ident, .. }) = &*typed.pat
    {
        function.block.stmts.insert(0, parse_quote!(let _ = &mut #ident;));
    }
}

/// What a worker does with its link.
fn serve(model: &Model, signature: &Signature) -> TokenStream {
    let runtime = &model.runtime;
    let mut function = signature.ident.clone();
    function.set_span(made(function.span()));
    let after = model.options.init.as_ref().map(|init| quote!(.after(|| __private::init(#init))));
    let message = model.message().map(|message| quote!(.message::<#message>()));
    let channel = own("channel");
    let types = match types(signature) {
        Some([to, from]) => quote!(#to, #from),
        None => quote!(#runtime::RawBytes, #runtime::RawBytes),
    };
    let call = quote!(#function(__private::raw_link::<#types>(#channel)));
    // Where the type is named, the compiler complains of it.
    let returned = |value| match &signature.output {
        ReturnType::Type(_, ty) if matches!(bare(ty), Type::Never(_)) => quote!(match #value {}),
        ReturnType::Type(_, ty) if is_concrete(ty) => quote!(__private::returned::<#ty>(#value)),
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
pub(crate) fn types(signature: &Signature) -> Option<[&Type; 2]> {
    let FnArg::Typed(link) = signature.inputs.first()? else { return None };
    <[&Type; 2]>::try_from(arguments(&link.ty)).ok()
}

/// The types in the angle brackets of a link.
pub(crate) fn arguments(link: &Type) -> Vec<&Type> {
    let Type::Path(path) = bare(link) else { return Vec::new() };
    let Some(PathArguments::AngleBracketed(types)) =
        path.path.segments.last().map(|last| &last.arguments)
    else {
        return Vec::new();
    };
    let types = types.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    types.collect()
}

/// The pool, whose workers have the types of its messages.
pub(crate) fn handle(
    model: &Model,
    types: Option<[&Type; 2]>,
    serve: TokenStream,
    registration: TokenStream,
) -> TokenStream {
    let pool = &model.names.pool;
    let types = types.map(|[to, from]| quote!(, #to, #from));
    let inside = quote!(__private::raw_handle!(#pool #types););
    pool::handle(model, TokenStream::new(), serve, quote!(#inside #registration))
}
