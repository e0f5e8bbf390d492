//! From tokens to tokens: parse, model, check, expand.

use crate::errors::Errors;
use crate::model::{Model, Query};
use crate::{args, check, entry, fallback, messages, pool};
use proc_macro2::TokenStream;
use quote::quote;
use syn::ItemFn;

/// `#[worker_query]`.
pub(crate) fn worker_query(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let options = args::parse(args, &mut errors);
    let Some(mut function) = check::query(item.clone(), &mut errors) else {
        return quote!(#item #errors);
    };
    check::attributes("worker_query", &mut function.attrs, &mut errors);
    let Some(mut model) = Model::new(&function, options) else {
        errors.at(
            function.sig.ident.span(),
            "no name of a type can be made of this one: write `#[worker_query(name = \"Roll\")]`",
        );
        return quote!(#function #errors);
    };
    let mut mistakes = Errors::default();
    check::signature(&function.sig, &model.names, &mut mistakes);
    if !mistakes.is_empty() {
        errors.extend(mistakes);
        let stub = fallback::pool(&model, function);
        return quote!(#stub #errors);
    }
    model.queries.push(Query::new(&function.sig));
    let items = items(&model, &function);
    quote!(#items #errors)
}

/// The function and everything beside it.
fn items(model: &Model, function: &ItemFn) -> TokenStream {
    let messages = messages::enums(model);
    let methods = model.queries.iter().map(|query| pool::method(model, query));
    let serve = model.queries.iter().map(|query| entry::serve(model, query));
    let handle =
        pool::handle(model, methods.collect(), serve.collect(), entry::registration(model));
    quote! {
        #function
        #messages
        #handle
    }
}
