//! The worker's side: how a query is answered, and where a worker finds its function. Both stand
//! where `__private` is in scope.

use crate::model::{Model, Query};
use crate::parts::{in_parentheses, local, own};
use proc_macro2::TokenStream;
use quote::quote;

/// What a worker does with the bytes of a query, the only one of a function's pool.
pub(crate) fn serve(model: &Model, query: &Query) -> TokenStream {
    let (request, response) = (received(model, query), answered(model, query));
    let (frame, answer, error) = (own("frame"), own("answer"), own("error"));
    if query.is_async {
        return quote! {
            __private::Serve::Async(|#frame| __private::boxed(async move {
                __private::answer(match __private::decode(&#frame) {
                    ::core::result::Result::Ok(#request) => ::core::result::Result::Ok(#response),
                    ::core::result::Result::Err(#error) => ::core::result::Result::Err(#error),
                })
            }))
        };
    }
    quote! {
        __private::Serve::Blocking(|#frame| {
            let #answer = __private::decode(#frame).map(|#request| { #response });
            __private::answer(#answer)
        })
    }
}

/// The pattern of a request.
fn received(model: &Model, query: &Query) -> TokenStream {
    let (request, variant) = (&model.names.request, &query.variant);
    let fields = in_parentheses(query.arguments.iter().map(|argument| {
        let local = local(&argument.name);
        quote!(#local)
    }));
    quote!(#request::#variant #fields)
}

/// The call of the user's function, and what becomes of its answer.
fn answered(model: &Model, query: &Query) -> TokenStream {
    let response = &model.names.response;
    let Query { function, variant, arguments, .. } = query;
    let passed = arguments.iter().map(|argument| {
        let local = local(&argument.name);
        match argument.by_reference {
            true => quote!(&*#local),
            false => quote!(#local),
        }
    });
    let wait = query.is_async.then(|| quote!(.await));
    quote!(#response::#variant(#function(#(#passed),*) #wait))
}

/// The entry in the link-time table, by which a worker finds its function.
pub(crate) fn registration(model: &Model) -> TokenStream {
    let pool = &model.names.pool;
    quote! {
        #[__private::linkme::distributed_slice(__private::ENTRIES)]
        #[linkme(crate = __private::linkme)]
        static ENTRY: __private::Entry = <#pool as __private::Handle>::ENTRY;
    }
}
