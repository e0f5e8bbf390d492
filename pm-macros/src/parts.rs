//! Small parts that several stages write.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

/// `(a, b)`, or nothing where there is nothing.
pub(crate) fn in_parentheses(parts: impl Iterator<Item = TokenStream>) -> Option<TokenStream> {
    let mut parts = parts.peekable();
    parts.peek().is_some().then(|| quote!((#(#parts),*)))
}

/// An argument's name as a local of generated code, which no name of the user's can meet.
pub(crate) fn local(name: &Ident) -> Ident {
    let mut local = name.clone();
    local.set_span(name.span().resolved_at(Span::mixed_site()));
    local
}
