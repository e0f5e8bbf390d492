//! The messages of a pool: what travels to a worker and back.

use crate::model::{Argument, Borrows, Model, Query, message_lifetime};
use crate::parts::in_parentheses;
use crate::signature;
use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::Type;

/// The two message enums, with a variant for each query.
pub(crate) fn enums(model: &Model) -> TokenStream {
    let Model { runtime, attrs, vis, names, doc, .. } = model;
    let (request, response) = (&names.request, &names.response);
    let request_doc = format!(" A query for {doc}, as it travels to a worker.");
    let response_doc = format!(" The answer of {doc}, as it travels back.");
    let serde = format!("{}::__private::serde", signature::plain(runtime.clone()));

    let has_lifetime = |query: &Query| query.arguments.iter().any(Argument::has_lifetime);
    let lifetime = message_lifetime();
    let generics = model.queries.iter().any(has_lifetime).then(|| quote!(<#lifetime>));
    let requests = model.queries.iter().map(|Query { doc, variant, arguments, .. }| {
        let doc = format!(" The arguments of {doc}.");
        let fields = in_parentheses(arguments.iter().map(|argument| field(runtime, argument)));
        quote! {
            #[doc = #doc]
            #variant #fields,
        }
    });
    let answers = model.queries.iter().map(|Query { doc, variant, answer, .. }| {
        let answer = answer.shape.field(&answer.ty, runtime);
        let doc = format!(" What {doc} returned.");
        quote! {
            #[doc = #doc]
            #variant(#answer),
        }
    });
    quote! {
        #[doc = #request_doc]
        #(#attrs)*
        #[derive(#runtime::__private::Serialize, #runtime::__private::Deserialize)]
        #[serde(crate = #serde)]
        #[allow(private_interfaces, clippy::type_complexity, reason = "these are your types")]
        #vis enum #request #generics {
            #(#requests)*
        }

        #[doc = #response_doc]
        #(#attrs)*
        #[derive(#runtime::__private::Serialize, #runtime::__private::Deserialize)]
        #[serde(crate = #serde)]
        #[allow(private_interfaces, clippy::type_complexity, reason = "these are your types")]
        #vis enum #response {
            #(#answers)*
        }
    }
}

fn field(runtime: &TokenStream, argument: &Argument) -> TokenStream {
    let borrow = (argument.borrows == Borrows::Asked).then(|| quote!(#[serde(borrow)]));
    let ty = &argument.field;
    if !argument.by_reference {
        let ty = argument.shape.field(ty, runtime);
        return quote!(#borrow #ty);
    }
    let lifetime = message_lifetime();
    let reference = around(&argument.ty, quote!(#runtime::__private::Ref), quote!(#lifetime, #ty));
    quote!(#borrow #reference)
}

/// `Outer<inner>` in the place of the user's type, which is what errors about it are to show.
pub(crate) fn around(ty: &Type, outer: TokenStream, inner: TokenStream) -> TokenStream {
    let (start, end) = ends(ty.to_token_stream());
    let (outer, close) = (at(start, outer), at(end, quote!(>)));
    quote!(#outer<#inner #close)
}

fn ends(tokens: TokenStream) -> (Span, Span) {
    let mut tokens = tokens.into_iter();
    let start = tokens.next().map_or_else(Span::call_site, |token| token.span());
    let end = match tokens.last() {
        Some(TokenTree::Group(group)) => group.span_close(),
        Some(token) => token.span(),
        None => start,
    };
    (start, end)
}

fn at(span: Span, tokens: TokenStream) -> TokenStream {
    let each = tokens.into_iter().map(|mut token| {
        token.set_span(span.resolved_at(Span::mixed_site()));
        token
    });
    each.collect()
}
