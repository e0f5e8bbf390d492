//! The macros from end to end: tokens in, tokens out.

mod diagnostics;
mod expansions;
mod options;

use proc_macro2::{Span, TokenStream, TokenTree};

type Macro = fn(TokenStream, TokenStream) -> TokenStream;

/// What a macro makes of source text.
fn expand(expand: Macro, args: &str, item: &str) -> TokenStream {
    let parse = |text: &str| text.parse().expect("the text of a test is Rust");
    expand(parse(args), parse(item))
}

/// The same, laid out as a file.
fn pretty(macro_: Macro, args: &str, item: &str) -> String {
    let tokens = expand(macro_, args, item);
    let file = syn::parse2(tokens).expect("an expansion is Rust");
    prettyplease::unparse(&file)
}

/// The source text under each error of an expansion, and its message.
fn mistakes(macro_: Macro, args: &str, item: &str) -> Vec<(String, String)> {
    let tokens = expand(macro_, args, item);
    syn::parse2::<syn::File>(tokens.clone()).expect("what stands beside errors is Rust");
    let tokens: Vec<_> = tokens.into_iter().collect();
    let mut found = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let is_error = matches!(token, TokenTree::Ident(ident) if ident == "compile_error");
        if let (true, Some(TokenTree::Group(group))) = (is_error, tokens.get(index + 2)) {
            let message: syn::LitStr = syn::parse2(group.stream()).expect("a message");
            found.push((source(token.span(), group.span()), message.value()));
        }
    }
    found
}

fn source(start: Span, end: Span) -> String {
    let span = start.join(end).unwrap_or(start);
    span.source_text().unwrap_or_default()
}
