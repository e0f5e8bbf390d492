//! `env(NAME = "value", ..)`: variables of a worker's environment.

use crate::errors::Errors;
use crate::keys::Key;
use crate::value::{bare, made};
use proc_macro2::{Group, Ident, TokenStream};
use quote::quote;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::spanned::Spanned;
use syn::{Error, Expr, Lit, LitStr, Result, Token, token};

/// Reads what follows the option's name: for each variable the arguments of the builder's method.
pub(crate) fn parse(key: &Key, option: &Ident, input: ParseStream) -> Result<Vec<TokenStream>> {
    if !input.peek(token::Paren) {
        let message =
            format!("`{}` takes its variables in parentheses: write `{}`", key.name, key.example);
        return Err(Error::new(option.span(), message));
    }
    let list: Group = input.parse()?;
    if list.stream().is_empty() {
        let message = format!("`{}` has no variable: write `{}`", key.name, key.example);
        return Err(Error::new(option.span(), message));
    }
    all.parse2(list.stream())
}

fn all(input: ParseStream) -> Result<Vec<TokenStream>> {
    let mut variables: Vec<(LitStr, Expr)> = Vec::new();
    let mut errors = Errors::default();
    while !input.is_empty() {
        let (name, value) = variable(input)?;
        if let Err(error) = check(&name, &value) {
            errors.push(error);
        }
        if variables.iter().any(|(other, _)| other.value() == name.value()) {
            let message = format!("`{}` is given twice: keep one of them", name.value());
            errors.at(name.span(), message);
        }
        variables.push((name, value));
        if !input.is_empty() && input.parse::<Token![,]>().is_err() {
            return Err(Error::new(input.span(), "put a comma between two variables"));
        }
    }
    errors.into_result()?;
    Ok(variables.into_iter().map(|(name, value)| quote!(#name, #value)).collect())
}

fn variable(input: ParseStream) -> Result<(LitStr, Expr)> {
    let name = if input.peek(LitStr) {
        input.parse()?
    } else {
        let name = input.call(Ident::parse_any).map_err(|error| {
            let message = "a variable is a name and a value, such as `SAFARI_MODE = \"calm\"`";
            Error::new(error.span(), message)
        })?;
        LitStr::new(&name.unraw().to_string(), made(name.span()))
    };
    if !input.peek(Token![=]) || input.peek(Token![==]) {
        let message = format!(
            "`{0}` takes its value after `=`: write `{0} = \"value\"`; a name that is no identifier \
             stands in quotes",
            name.value()
        );
        return Err(Error::new(name.span(), message));
    }
    let equals: Token![=] = input.parse()?;
    if input.is_empty() || input.peek(Token![,]) {
        let message = format!("`{0}` has no value: write `{0} = \"\"`", name.value());
        return Err(Error::new_spanned(equals, message));
    }
    Ok((name, bare(input.parse()?)))
}

fn check(name: &LitStr, value: &Expr) -> Result<()> {
    let text = name.value();
    if text.is_empty() || text.contains(['=', '\0']) {
        let message = "this cannot be the name of a variable: write one such as `SAFARI_MODE`";
        return Err(Error::new(name.span(), message));
    }
    match value {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(value) if value.value().contains('\0') => {
                Err(Error::new(value.span(), "the value of a variable contains no zero byte"))
            }
            Lit::Str(_) => Ok(()),
            Lit::Int(number) => {
                let message = format!("`{text}` is text: write `{text} = \"{number}\"`");
                Err(Error::new(number.span(), message))
            }
            _ => Err(no_text(&text, value)),
        },
        Expr::Array(_) | Expr::Tuple(_) | Expr::Closure(_) | Expr::Range(_) | Expr::Assign(_) => {
            Err(no_text(&text, value))
        }
        // Its type is the compiler's to check.
        _ => Ok(()),
    }
}

fn no_text(name: &str, value: &Expr) -> Error {
    Error::new(value.span(), format!("`{name}` is text: write `{name} = \"value\"`"))
}
