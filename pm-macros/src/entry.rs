//! The worker's side: how a query is answered, and where a worker finds its function. Both stand
//! where `__private` is in scope.

use crate::bytes::bulk;
use crate::model::{Access, Model, Query};
use crate::parts::{in_parentheses, local, own};
use crate::service;
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::Type;

/// What a worker does with the bytes of a query.
pub(crate) fn serve(model: &Model) -> TokenStream {
    let message = model.message().map(|message| quote!(.message::<#message>()));
    match &model.state {
        Some(state) => {
            let serve = serve_service(model, state);
            quote!(#serve #message)
        }
        None => {
            let after =
                model.options.init.as_ref().map(|init| quote!(.after(|| __private::init(#init))));
            let serve = model.queries.iter().map(|query| serve_function(model, query));
            quote!(#(#serve)* #after #message)
        }
    }
}

/// The only query of a function's pool.
fn serve_function(model: &Model, query: &Query) -> TokenStream {
    let (request, response) = (received(model, query), answered(model, query, false));
    let (frame, answer, error) = (own("frame"), own("answer"), own("error"));
    let (bulk, replied) = (new_bulk(model), replied(model, quote!(#answer)));
    if query.is_async {
        return quote! {
            __private::Serve::concurrent(|mut #frame| __private::boxed(async move {
                #bulk
                let #answer = match __private::decode(&mut #frame) {
                    ::core::result::Result::Ok(#request) => ::core::result::Result::Ok(#response),
                    ::core::result::Result::Err(#error) => ::core::result::Result::Err(#error),
                };
                #replied
            }))
        };
    }
    if !packs(model) {
        let run = own("run");
        return quote! {
            __private::Serve::blocking(|#frame| {
                let #run = |#request| { #response };
                __private::reply(#frame, #run)
            })
        };
    }
    quote! {
        __private::Serve::blocking(|#frame| {
            #bulk
            let #answer = __private::decode(#frame).map(|#request| { #response });
            #replied
        })
    }
}

/// The queries of a service, on a state that is set up first.
fn serve_service(model: &Model, state: &Type) -> TokenStream {
    let is_async = model.queries.iter().any(|query| query.is_async);
    let conducts = model.queries.iter().map(|query| match (query.access, query.is_async) {
        (Access::Writes, _) => quote!(__private::Conduct::Exclusive),
        (_, true) => quote!(__private::Conduct::Async),
        (_, false) => quote!(__private::Conduct::Blocking),
    });
    let init = match &model.options.init {
        Some(init) => service::replace_self(init.to_token_stream(), state),
        None => quote!(__private::default_without_init::<#state>()),
    };
    let requests = model.queries.iter().map(|query| received(model, query));
    let responses = model.queries.iter().map(|query| answered(model, query, is_async));
    let (held, frame) = (held(), own("frame"));
    let (request, error) = (own("request"), own("error"));
    let answers = quote!(match #request { #(#requests => #responses,)* });
    let answer = own("answer");
    let (bulk, replied) = (new_bulk(model), replied(model, quote!(#answer)));
    if is_async {
        return quote! {
            __private::Serve::async_service(&[#(#conducts),*], || {
                __private::async_service::<#state, _>(#init, |#held, mut #frame| {
                    __private::boxed(async move {
                        #bulk
                        let #answer = match __private::decode(&mut #frame) {
                            ::core::result::Result::Ok(#request) => {
                                ::core::result::Result::Ok(#answers)
                            }
                            ::core::result::Result::Err(#error) => {
                                ::core::result::Result::Err(#error)
                            }
                        };
                        #replied
                    })
                })
            })
        };
    }
    quote! {
        __private::Serve::service(&[#(#conducts),*], || {
            __private::service::<#state, _>(#init, |#held, #frame| {
                #bulk
                let #answer = __private::decode(#frame).map(|#request| #answers);
                #replied
            })
        })
    }
}

fn packs(model: &Model) -> bool {
    model.queries.iter().any(|query| !query.answer.shape.is_other())
}

/// What large bytes of an answer are put into, if there may be some.
fn new_bulk(model: &Model) -> Option<TokenStream> {
    let bulk = bulk();
    packs(model).then(|| quote!(let mut #bulk = __private::Bulk::new();))
}

fn replied(model: &Model, answer: TokenStream) -> TokenStream {
    let bulk = bulk();
    match packs(model) {
        true => quote!(__private::answer_with(#answer, #bulk)),
        false => quote!(__private::answer(#answer)),
    }
}

/// The state in a worker, by a name that no argument is expected to have: those are locals of the
/// same kind.
fn held() -> Ident {
    own("__state")
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
fn answered(model: &Model, query: &Query, shares_state: bool) -> TokenStream {
    let response = &model.names.response;
    let Query { function, variant, arguments, answer, .. } = query;
    let held = held();
    let state = match (query.access, shares_state) {
        (Access::Nothing, _) => None,
        (_, false) => Some(quote!(#held)),
        (Access::Reads, true) => Some(quote!(&*__private::read(&#held).await)),
        (Access::Writes, true) => Some(quote!(&mut *__private::write(&#held).await)),
    };
    let passed = arguments.iter().map(|argument| {
        let local = local(&argument.name);
        match argument.by_reference {
            true => quote!(&*#local),
            false => argument.shape.unpacked(quote!(#local)),
        }
    });
    let passed = state.into_iter().chain(passed);
    let wait = query.is_async.then(|| quote!(.await));
    let returned = quote!(#function(#(#passed),*) #wait);
    let packed = answer.shape.packed(returned);
    quote!(#response::#variant(#packed))
}

/// The entry in the link-time table, by which a worker finds its function.
pub(crate) fn registration(model: &Model) -> TokenStream {
    let pool = &model.names.pool;
    quote!(__private::register!(#pool);)
}
