//! From tokens to tokens: parse, model, check, expand.

use crate::args::Options;
use crate::check::Subject;
use crate::errors::Errors;
use crate::model::{Model, Query};
use crate::{args, check, check_service, entry, fallback, keys, messages, pool, service};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{ItemFn, ItemImpl};

/// `#[worker_query]`.
pub(crate) fn worker_query(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let options = args::parse(keys::Subject::Query, args, &mut errors);
    let items = match check::query(item.clone(), &mut errors) {
        Some(Subject::Function(function)) => of_function(function, options, &mut errors),
        Some(Subject::Service(service)) => of_service(service, options, &mut errors),
        None => item,
    };
    quote!(#items #errors)
}

fn of_function(mut function: ItemFn, options: Options, errors: &mut Errors) -> TokenStream {
    check::attributes("worker_query", &mut function.attrs, errors);
    let Some(mut model) = Model::new(&function, options) else {
        errors.at(
            function.sig.ident.span(),
            "no name of a type can be made of this one: write `#[worker_query(name = \"Roll\")]`",
        );
        return function.into_token_stream();
    };
    model.options.check_builder(&model.names.pool, errors);
    let mut mistakes = Errors::default();
    check::signature(&function.sig, check::no_receiver, &model.names, &mut mistakes);
    check::no_self_type(&function.sig, model.options.message.as_ref(), &mut mistakes);
    if !mistakes.is_empty() {
        errors.extend(mistakes);
        return fallback::pool(&model, function);
    }
    model.queries.push(Query::new(&function.sig, model.doc.clone()));
    items(&model, function)
}

fn of_service(mut service: ItemImpl, options: Options, errors: &mut Errors) -> TokenStream {
    // Of a state that seems to lack its `init` the compiler would ask a `Default`.
    let has_unread_init = !errors.is_empty() && options.init.is_none();
    check::attributes("worker_query", &mut service.attrs, errors);
    let mut of_block = Errors::default();
    check_service::block(&service, &mut of_block);
    let is_sound = of_block.is_empty();
    errors.extend(of_block);
    let Some(mut model) = service::model(&service, options).filter(|_| service.trait_.is_none())
    else {
        return service.into_token_stream();
    };
    model.options.check_builder(&model.names.pool, errors);
    let mut mistakes = Errors::default();
    check_service::functions(&mut service, &model.names, &mut mistakes);
    let is_right = mistakes.is_empty();
    errors.extend(mistakes);
    if !is_sound {
        return fallback::block(service).into_token_stream();
    }
    if !is_right || has_unread_init {
        return fallback::service(&model, service);
    }
    let query = |method| service::query(method, &model.title, &service.self_ty);
    model.queries = service::methods(&service).filter_map(query).collect();
    items(&model, service)
}

/// The user's item and everything beside it.
fn items(model: &Model, item: impl ToTokens) -> TokenStream {
    let messages = messages::enums(model);
    let methods = model.queries.iter().map(|query| pool::methods(model, query));
    let handle =
        pool::handle(model, methods.collect(), entry::serve(model), entry::registration(model));
    quote! {
        #item
        #messages
        #handle
    }
}
