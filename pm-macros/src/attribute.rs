//! The attributes beside ours.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{AttrStyle, Attribute, Meta, Path, Token};

/// What the user's item and every generated one have in common: conditions, and allowed lints.
pub(crate) fn shared(attrs: &[Attribute]) -> Vec<TokenStream> {
    let outer = attrs.iter().filter(|attr| matches!(attr.style, AttrStyle::Outer));
    outer.filter_map(|attr| shared_meta(&attr.meta)).map(|meta| quote!(#[#meta])).collect()
}

fn shared_meta(meta: &Meta) -> Option<TokenStream> {
    let path = meta.path();
    if path.is_ident("cfg") || path.is_ident("allow") {
        return Some(meta.to_token_stream());
    }
    if path.is_ident("deprecated") {
        // The pool calls it nevertheless.
        return Some(quote!(allow(deprecated)));
    }
    let list = meta.require_list().ok()?;
    if path.is_ident("expect") {
        // What is expected of the user's item need not hold for the others.
        let lints = &list.tokens;
        return Some(quote!(allow(#lints)));
    }
    if !path.is_ident("cfg_attr") {
        return None;
    }
    let (condition, metas) = conditional.parse2(list.tokens.clone()).ok()?;
    let mut metas = metas.iter().filter_map(shared_meta).peekable();
    metas.peek()?;
    Some(quote!(cfg_attr(#condition, #(#metas),*)))
}

/// The arguments of a `cfg_attr`.
fn conditional(input: ParseStream) -> syn::Result<(TokenStream, Punctuated<Meta, Token![,]>)> {
    let mut condition = TokenStream::new();
    while !input.is_empty() && !input.peek(Token![,]) {
        condition.extend([input.parse::<TokenTree>()?]);
    }
    input.parse::<Token![,]>()?;
    Ok((condition, Punctuated::parse_terminated(input)?))
}

/// Whether it is an attribute of this crate.
pub(crate) fn is_ours(attr: &Attribute) -> bool {
    let path = attr.path();
    let pools = ["worker_query", "worker_stream", "worker_raw"];
    let starts = ["main", "test"];
    let qualified = path.segments.len() > 1
        && path.segments.first().is_some_and(|first| first.ident == "pm_runtime");
    pools.iter().any(|name| is_named(path, name))
        || (qualified && starts.iter().any(|name| is_named(path, name)))
}

/// A path as it is written.
pub(crate) fn written(path: &Path) -> String {
    let words: Vec<_> = path.segments.iter().map(|word| word.ident.to_string()).collect();
    words.join("::")
}

/// Whether its last word is `name`, whatever path leads there.
pub(crate) fn is_named(path: &Path, name: &str) -> bool {
    path.segments.last().is_some_and(|last| last.ident == name)
}

#[cfg(test)]
mod tests {
    use super::shared;
    use quote::quote;
    use syn::{ItemFn, parse_quote};

    #[test]
    fn conditions_and_allowed_lints_are_shared() {
        let function: ItemFn = parse_quote! {
            /// Docs are not.
            #[cfg(unix)]
            #[cfg_attr(all(unix, true), inline, cfg(test), cfg_attr(test, doc = "no"))]
            #[cfg_attr(test, inline)]
            #[allow(deprecated)]
            #[expect(dead_code)]
            #[deprecated = "no"]
            #[inline]
            fn f() {}
        };
        let attrs = shared(&function.attrs);
        let expected = quote! {
            #[cfg(unix)]
            #[cfg_attr(all(unix, true), cfg(test))]
            #[allow(deprecated)]
            #[allow(dead_code)]
            #[allow(deprecated)]
        };
        assert_eq!(quote!(#(#attrs)*).to_string(), expected.to_string());
    }
}
