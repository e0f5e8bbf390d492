//! `#[pm_runtime::main]` and `#[pm_runtime::test]`.

use crate::errors::Errors;
use crate::{args, attribute, check, fallback};
use proc_macro2::TokenStream;
use quote::quote;
use syn::{AttrStyle, Attribute, ItemFn};

const MAIN: &str = "pm_runtime::main";
const TEST: &str = "pm_runtime::test";

/// What both attributes need to know.
struct Start {
    runtime: TokenStream,
    function: ItemFn,
    errors: Errors,
    /// Whether the function can be called without arguments.
    is_callable: bool,
}

/// `#[pm_runtime::main]`.
pub(crate) fn main(args: TokenStream, item: TokenStream) -> TokenStream {
    let Start { runtime, function, mut errors, is_callable } =
        match read(MAIN, "`main`", args, item) {
            Ok(start) => start,
            Err(tokens) => return tokens,
        };
    if function.sig.ident != "main" {
        errors.at(
            function.sig.ident.span(),
            "`#[pm_runtime::main]` stands above `fn main`: move it there",
        );
        return quote!(#function #errors);
    }
    let main = if !is_callable {
        let function = fallback::main(function);
        quote!(#function)
    } else if function.sig.asyncness.is_some() {
        async_main(&runtime, function)
    } else {
        sync_main(&runtime, &function)
    };
    quote!(#main #errors)
}

fn sync_main(runtime: &TokenStream, function: &ItemFn) -> TokenStream {
    let ItemFn { vis, sig, block, .. } = function;
    let (outer, inner) = by_style(&function.attrs);
    quote! {
        #(#outer)*
        #vis #sig {
            #(#inner)*
            #runtime::init();
            #block
        }
    }
}

/// The async function goes into the real one, and with it whatever else wants to drive it.
fn async_main(runtime: &TokenStream, mut function: ItemFn) -> TokenStream {
    let attrs = std::mem::take(&mut function.attrs);
    let (kept, moved): (Vec<_>, _) = attrs.into_iter().partition(stays_outside);
    let is_driven = moved.iter().any(|attr| attribute::is_named(attr.path(), "main"));
    function.attrs = moved;
    let name = &function.sig.ident;
    let run = match is_driven {
        true => quote!(#name()),
        false => quote!(#runtime::block_on(#name())),
    };
    let vis = std::mem::replace(&mut function.vis, syn::Visibility::Inherited);
    let mut signature = function.sig.clone();
    signature.asyncness = None;
    quote! {
        #(#kept)*
        #vis #signature {
            #function
            #runtime::init();
            #run
        }
    }
}

/// Attributes of the real `main`; all others belong to the async function.
fn stays_outside(attr: &Attribute) -> bool {
    let names = ["doc", "cfg", "cfg_attr", "allow", "expect", "warn", "deny", "forbid"];
    is_outer(attr) && names.iter().any(|name| attr.path().is_ident(name))
}

/// `#[pm_runtime::test]`.
pub(crate) fn test(args: TokenStream, item: TokenStream) -> TokenStream {
    let Start { runtime, function, errors, is_callable } = match read(TEST, "a test", args, item) {
        Ok(start) => start,
        Err(tokens) => return tokens,
    };
    if !is_callable {
        let function = fallback::without_syntax_errors(function);
        return quote!(#function #errors);
    }
    let shared = attribute::shared(&function.attrs);
    let is_test = function.attrs.iter().any(|attr| attribute::is_named(attr.path(), "test"));
    let test = match function.sig.asyncness {
        _ if is_test => quote!(#function),
        Some(_) => async_test(&runtime, function),
        None => quote!(#[::core::prelude::v1::test] #function),
    };
    quote! {
        #test

        #[cfg(test)]
        #(#shared)*
        const _: () = {
            #[used]
            #[unsafe(link_section = ".init_array")]
            static TAKEOVER: extern "C" fn() = #runtime::__private::takeover;
        };
        #errors
    }
}

fn async_test(runtime: &TokenStream, mut function: ItemFn) -> TokenStream {
    let attrs = std::mem::take(&mut function.attrs);
    let (outer, inner): (Vec<_>, _) = attrs.into_iter().partition(is_outer);
    function.attrs = inner;
    let name = &function.sig.ident;
    let vis = std::mem::replace(&mut function.vis, syn::Visibility::Inherited);
    let mut signature = function.sig.clone();
    signature.asyncness = None;
    quote! {
        #[::core::prelude::v1::test]
        #(#outer)*
        #vis #signature {
            #function
            #runtime::block_on(#name())
        }
    }
}

/// Reads what stands below the attribute; what cannot be read is emitted as it is.
fn read(
    attribute: &str,
    what: &str,
    args: TokenStream,
    item: TokenStream,
) -> Result<Start, TokenStream> {
    let mut errors = Errors::default();
    let runtime = args::parse_crate_only(attribute, args, &mut errors).runtime();
    let Some(mut function) = check::function(attribute, item.clone(), &mut errors) else {
        return Err(quote!(#item #errors));
    };
    check::attributes(attribute, &mut function.attrs, &mut errors);
    let mut mistakes = Errors::default();
    check::takes_nothing(what, &function.sig, &mut mistakes);
    let is_callable = mistakes.is_empty();
    errors.extend(mistakes);
    Ok(Start { runtime, function, errors, is_callable })
}

fn by_style(attrs: &[Attribute]) -> (Vec<&Attribute>, Vec<&Attribute>) {
    attrs.iter().partition(|attr| is_outer(attr))
}

fn is_outer(attr: &Attribute) -> bool {
    matches!(attr.style, AttrStyle::Outer)
}
