//! What the function of a raw worker may look like, and what to write where it does not.

use crate::errors::Errors;
use crate::model::Model;
use crate::raw;
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{FnArg, GenericParam, ItemFn, Safety, Signature, Type};

/// The signature: a link, and nothing else.
pub(crate) fn signature(signature: &Signature, errors: &mut Errors) {
    if let Some(token) = &signature.constness {
        errors.on(token, "a worker's function runs in another process: remove `const`");
    }
    if let Safety::Unsafe(token) = &signature.safety {
        errors.on(
            token,
            "a pool cannot promise what an `unsafe fn` asks of its callers: \
             remove `unsafe`, or call it from a safe function",
        );
    }
    if let Some(abi) = &signature.abi {
        errors.on(abi, "a worker's function is a Rust function: remove the `extern`");
    }
    for parameter in &signature.generics.params {
        let message = match parameter {
            GenericParam::Type(_) | GenericParam::Const(_) => {
                "a worker's function cannot be generic, because the worker must know the types: \
                 write concrete ones"
            }
            GenericParam::Lifetime(_) => {
                "a worker's function owns its link: remove the lifetime parameter"
            }
        };
        errors.on(parameter, message);
    }
    if let Some(clause) = &signature.generics.where_clause {
        errors.on(
            clause.where_token,
            "a worker's function cannot be generic: remove the `where` clause",
        );
    }
    arguments(signature, errors);
}

fn arguments(signature: &Signature, errors: &mut Errors) {
    let mut arguments = signature.inputs.iter();
    match arguments.next() {
        None => errors.at(
            signature.ident.span(),
            "a worker's function takes its link: write `link: RawLink`",
        ),
        Some(FnArg::Receiver(receiver)) => errors.on(
            receiver,
            "a worker's function has no `self`, only its link: write `link: RawLink`",
        ),
        Some(FnArg::Typed(typed)) => {
            if let Type::Reference(reference) = &*typed.ty {
                errors.on(reference, "a worker's function owns its link: write `link: RawLink`");
            }
        }
    }
    for more in arguments {
        errors.on(
            more,
            "a worker's function takes nothing but its link: send the rest as its first message",
        );
    }
    if let Some(variadic) = &signature.variadic {
        errors.on(variadic, "a worker's function takes nothing but its link: remove this");
    }
}

/// The function, and a pool with the same face that runs nothing.
pub(crate) fn fallback(model: &Model, function: ItemFn) -> TokenStream {
    let is_method = function.sig.receiver().is_some();
    if is_method {
        // An `impl` holds no types.
        return function.into_token_stream();
    }
    let serve = quote!(__private::Serve::raw(|_| loop {}));
    let handle = raw::handle(model, None, serve, TokenStream::new());
    quote!(#function #handle)
}
