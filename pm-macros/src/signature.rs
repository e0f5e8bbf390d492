//! A signature as text: the same from every compiler, because it tells two builds apart.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{FnArg, ReturnType, Signature, Type};

/// `fn encounter(EncounterInput) -> EncounterResult`. A function and its async twin have the
/// same: what travels is the same.
pub(crate) fn text(signature: &Signature) -> String {
    let arguments = signature.inputs.iter().map(|argument| match argument {
        FnArg::Typed(typed) => type_text(&typed.ty),
        FnArg::Receiver(receiver) => plain(receiver.to_token_stream()),
    });
    let arguments: Vec<_> = arguments.collect();
    let name = signature.ident.unraw();
    let answer = match &signature.output {
        ReturnType::Type(_, ty) => format!(" -> {}", type_text(ty)),
        ReturnType::Default => String::new(),
    };
    format!("fn {name}({}){answer}", arguments.join(", "))
}

/// A type as it is written by hand.
pub(crate) fn type_text(ty: &Type) -> String {
    plain(ty.to_token_stream())
}

/// Tokens as they are written by hand.
pub(crate) fn plain(tokens: TokenStream) -> String {
    let mut text = String::new();
    write(tokens, &mut text);
    text
}

fn write(tokens: TokenStream, text: &mut String) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::None => ("", ""),
                };
                text.push_str(open);
                write(group.stream(), text);
                text.push_str(close);
            }
            TokenTree::Punct(punct) => write_punct(punct.as_char(), tokens.peek(), text),
            TokenTree::Ident(ident) => write_word(&ident.to_string(), text),
            TokenTree::Literal(literal) => write_word(&literal.to_string(), text),
        }
    }
}

fn write_punct(punct: char, next: Option<&TokenTree>, text: &mut String) {
    let is_arrow = || matches!(next, Some(TokenTree::Punct(next)) if next.as_char() == '>');
    match punct {
        ',' if next.is_none() => {}
        ',' => text.push_str(", "),
        ';' => text.push_str("; "),
        '-' if is_arrow() => text.push_str(" -"),
        '>' if text.ends_with(" -") => text.push_str("> "),
        '+' => text.push_str(" + "),
        '=' => text.push_str(" = "),
        '\'' => write_word("'", text),
        other => text.push(other),
    }
}

/// Keeps two words apart.
fn write_word(word: &str, text: &mut String) {
    if text.ends_with(|c: char| c.is_alphanumeric() || c == '_') {
        text.push(' ');
    }
    text.push_str(word);
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn a_signature_reads_as_it_is_written_by_hand() {
        for (written, read) in [
            (
                "fn encounter(input : EncounterInput)->EncounterResult",
                "fn encounter(EncounterInput) -> EncounterResult",
            ),
            ("async fn r#type(a: u8, b: &'static str,)", "fn type(u8, &'static str)"),
            (
                "fn f(a: Vec<(u8, Option<&[u8]>)>, b: [u8; 4])",
                "fn f(Vec<(u8, Option<&[u8]>)>, [u8; 4])",
            ),
            (
                "fn f(a: std::vec::Vec::<u8>) -> Result<(), Box<dyn Error + Send + 'static>>",
                "fn f(std::vec::Vec::<u8>) -> Result<(), Box<dyn Error + Send + 'static>>",
            ),
            (
                "fn f(a: fn(u8) -> u8, b: &mut dyn Iterator<Item = u8>)",
                "fn f(fn(u8) -> u8, &mut dyn Iterator<Item = u8>)",
            ),
            ("fn f(a: Cow<'_, str>, b: (u8,))", "fn f(Cow<'_, str>, (u8))"),
        ] {
            let function: syn::ItemFn = syn::parse_str(&format!("{written} {{}}")).expect(written);
            assert_eq!(text(&function.sig), read);
        }
    }
}
