//! Small parts that several stages write.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

/// `(a, b)`, or nothing where there is nothing.
pub(crate) fn in_parentheses(parts: impl Iterator<Item = TokenStream>) -> Option<TokenStream> {
    let mut parts = parts.peekable();
    parts.peek().is_some().then(|| quote!((#(#parts),*)))
}

/// A local of generated code, which no name of the user's can meet: a function may be called
/// `frame`.
pub(crate) fn own(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

/// An argument's name as such a local.
pub(crate) fn local(name: &Ident) -> Ident {
    let mut local = name.clone();
    local.set_span(name.span().resolved_at(Span::mixed_site()));
    local
}
