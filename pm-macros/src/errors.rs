//! Mistakes are collected, so that one compile shows all of them.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use std::fmt::Display;
use syn::Error;

/// Every mistake found so far; each stage pushes freely.
#[derive(Default)]
pub(crate) struct Errors {
    all: Option<Error>,
}

impl Errors {
    /// A mistake at one place.
    pub(crate) fn at(&mut self, span: Span, message: impl Display) {
        self.push(Error::new(span, message));
    }

    /// A mistake that covers several tokens.
    pub(crate) fn on(&mut self, tokens: impl ToTokens, message: impl Display) {
        self.push(Error::new_spanned(tokens, message));
    }

    pub(crate) fn push(&mut self, error: Error) {
        match &mut self.all {
            Some(all) => all.combine(error),
            none => *none = Some(error),
        }
    }

    pub(crate) fn extend(&mut self, others: Errors) {
        if let Some(error) = others.all {
            self.push(error);
        }
    }

    pub(crate) fn into_result(self) -> syn::Result<()> {
        self.all.map_or(Ok(()), Err)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_none()
    }
}

impl ToTokens for Errors {
    /// One `compile_error!` for each mistake, nothing where there is none.
    fn to_tokens(&self, tokens: &mut TokenStream) {
        if let Some(all) = &self.all {
            tokens.extend(all.to_compile_error());
        }
    }
}
