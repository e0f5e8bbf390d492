//! Values of options: what the macro can read is checked here, the rest is the compiler's.

use crate::check::owned;
use crate::keys::{Choice, Key, Kind, Width};
use crate::model::{bare as bare_type, is_named};
use crate::{duration, dyn_error, signature, size};
use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::parse::ParseStream;
use syn::spanned::Spanned;
use syn::{
    Error, Expr, ExprLit, ExprRange, ExprUnary, Lit, LitInt, Path, RangeLimits, Result, Type, UnOp,
};

/// What an option was set to.
pub(crate) enum Value {
    /// An argument for the builder's method.
    Setting(TokenStream),
    /// The same, for each time that it is called.
    Settings(Vec<TokenStream>),
    /// The same, in the runtime crate.
    Variant(TokenStream),
    /// The stem of the generated names.
    Stem(Ident),
    /// The path of the runtime crate.
    Runtime(Path),
    /// What a worker does before it is ready.
    Init(Expr),
    /// The type of the workers' messages.
    Message(Type),
    /// Nothing, because only the builder can be told: what to write there.
    OfBuilder(&'static str),
}

/// Reads a value as it stands in the attribute.
pub(crate) fn parse(key: &Key, input: ParseStream) -> Result<Value> {
    match key.kind {
        Kind::Message => message(key, input).map(Value::Message),
        _ => read(key, input.parse::<Expr>()?),
    }
}

fn read(key: &Key, value: Expr) -> Result<Value> {
    let value = bare(value);
    match key.kind {
        Kind::Workers => workers(key, value),
        Kind::Count { none, zero, width } => count(key, value, none, zero, width),
        Kind::Time { zero } => time(key, value, zero),
        Kind::Seconds => seconds(key, value),
        Kind::Size { none, least } => bytes(key, value, none, least),
        Kind::Choice(choice) => return variant(key, choice, &value).map(Value::Variant),
        Kind::Program | Kind::Folder => path(key, value),
        Kind::Nice => nice(key, value),
        Kind::Switch => switch(key, value),
        Kind::Name => return stem(key, &value).map(Value::Stem),
        Kind::Crate => return runtime(key, &value).map(Value::Runtime),
        Kind::Init => return init(key, value).map(Value::Init),
        Kind::Message | Kind::Variables => Err(wrong(key, &value)),
    }
    .map(Value::Setting)
}

/// Without the parentheses, and the invisible groups that `macro_rules!` makes.
pub(crate) fn bare(value: Expr) -> Expr {
    match value {
        Expr::Group(group) => bare(*group.expr),
        Expr::Paren(paren) => bare(*paren.expr),
        value => value,
    }
}

fn count(key: &Key, value: Expr, unlimited: bool, zero: bool, width: Width) -> Result<TokenStream> {
    if let Some(span) = says_none(&value) {
        let ty = match width {
            Width::Usize => "usize",
            Width::U32 => "u32",
        };
        return match unlimited {
            true => Ok(none(span, Ident::new(ty, made(span)).to_token_stream())),
            false => Err(needs_limit(key, &value)),
        };
    }
    match literal(key, &value)? {
        Some(Lit::Int(number)) => {
            let count = integer(key, number, zero, width)?;
            Ok(count.to_token_stream())
        }
        Some(_) => Err(wrong(key, &value)),
        None => Ok(value.into_token_stream()),
    }
}

fn workers(key: &Key, value: Expr) -> Result<TokenStream> {
    let Expr::Range(range) = &value else {
        return count(key, value, false, false, Width::Usize);
    };
    let (Some(least), Some(most)) = (&range.start, &range.end) else {
        let message = "a range of workers has two ends: write `workers = 1..=8`";
        return Err(Error::new_spanned(range, message));
    };
    let numbers = as_number(least).zip(as_number(most));
    if matches!(range.limits, RangeLimits::HalfOpen(_)) {
        let (from, to) = numbers.unwrap_or((1, 9));
        let last = to.saturating_sub(1).max(from);
        let message =
            format!("a range of workers holds its end: write `workers = {from}..={last}`");
        return Err(Error::new_spanned(range, message));
    }
    let (least, most) = (end(key, least)?, end(key, most)?);
    match numbers {
        Some((from, to)) if from > to => {
            let message = format!("this range is empty: write `workers = {to}..={from}`");
            Err(Error::new_spanned(range, message))
        }
        _ => {
            let limits = &range.limits;
            Ok(quote!(#least #limits #most))
        }
    }
}

/// One end of a range of workers.
fn end(key: &Key, value: &Expr) -> Result<TokenStream> {
    count(key, bare(value.clone()), false, false, Width::Usize)
}

fn time(key: &Key, value: Expr, zero: bool) -> Result<TokenStream> {
    if let Some(span) = says_none(&value) {
        return Ok(none(span, quote_spanned!(made(span)=> ::core::time::Duration)));
    }
    match literal(key, &value)? {
        Some(Lit::Str(text)) => {
            let nanos =
                duration::parse(&text.value()).map_err(|why| Error::new(text.span(), why))?;
            if nanos == 0 && !zero {
                return Err(zero_is_refused(key, text));
            }
            Ok(duration::to_tokens(nanos, made(text.span())))
        }
        Some(Lit::Int(number)) if duration::parse(&number.to_string()).is_ok() => {
            Err(without_quotes(key, number))
        }
        Some(Lit::Int(number)) => Err(without_unit(key, number, "30s")),
        Some(_) => Err(wrong(key, &value)),
        None => Ok(value.into_token_stream()),
    }
}

/// A length of time that the system counts in seconds.
fn seconds(key: &Key, value: Expr) -> Result<TokenStream> {
    if let Some(Lit::Str(text)) = literal(key, &value)?
        && duration::parse(&text.value()).is_ok_and(|nanos| nanos % 1_000_000_000 != 0)
    {
        let message =
            format!("`{}` is counted in whole seconds: write `{}`", key.name, key.example);
        return Err(Error::new(text.span(), message));
    }
    time(key, value, false)
}

fn bytes(key: &Key, value: Expr, unlimited: bool, least: u64) -> Result<TokenStream> {
    if let Some(span) = says_none(&value) {
        return match unlimited {
            true => Ok(none(span, Ident::new("usize", made(span)).to_token_stream())),
            false => Err(needs_limit(key, &value)),
        };
    }
    match literal(key, &value)? {
        Some(Lit::Str(text)) => {
            let bytes = size::parse(&text.value()).map_err(|why| Error::new(text.span(), why))?;
            enough(key, text, bytes, least)?;
            let mut literal = match (unlimited, usize::try_from(bytes)) {
                // A builder's method that also takes `None` has to be told of which type it is.
                (true, Ok(bytes)) => Literal::usize_suffixed(bytes),
                _ => Literal::u64_unsuffixed(bytes),
            };
            literal.set_span(made(text.span()));
            Ok(literal.into_token_stream())
        }
        Some(Lit::Int(number)) if size::parse(&number.to_string()).is_ok() => {
            Err(without_quotes(key, number))
        }
        Some(Lit::Int(number)) => {
            let count = integer(key, number, true, Width::Usize)?;
            enough(key, number, number.base10_parse()?, least)?;
            Ok(count.into_token_stream())
        }
        Some(_) => Err(wrong(key, &value)),
        None => Ok(value.into_token_stream()),
    }
}

/// Whether a size is no smaller than makes sense.
fn enough(key: &Key, value: impl ToTokens, bytes: u64, least: u64) -> Result<()> {
    match bytes {
        _ if bytes >= least => Ok(()),
        0 => Err(zero_is_refused(key, value)),
        _ => {
            let message = format!(
                "a worker itself needs about a MiB, and {bytes} bytes are less: write `{}`, or \
                 \"none\" for no limit",
                key.example
            );
            Err(Error::new_spanned(value, message))
        }
    }
}

fn variant(key: &Key, choice: &Choice, value: &Expr) -> Result<TokenStream> {
    let Some(Lit::Str(text)) = literal(key, value)? else {
        return Err(wrong(key, value));
    };
    let word = text.value();
    let Some((_, variant)) = choice.words.iter().find(|(known, _)| *known == word) else {
        return Err(wrong(key, value));
    };
    if word == "tokio" && cfg!(not(feature = "tokio")) {
        return Err(Error::new(
            text.span(),
            "tokio is an optional part of pm-runtime: enable its feature `tokio`, as in \
             `pm-runtime = { version = \"..\", features = [\"tokio\"] }`",
        ));
    }
    let span = made(text.span());
    let (ty, variant) = (Ident::new(choice.ty, span), Ident::new(variant, span));
    Ok(quote_spanned!(span=> #ty::#variant))
}

fn path(key: &Key, value: Expr) -> Result<TokenStream> {
    match literal(key, &value)? {
        Some(Lit::Str(text)) if !text.value().is_empty() => Ok(text.to_token_stream()),
        Some(_) => Err(wrong(key, &value)),
        None => Ok(value.into_token_stream()),
    }
}

fn nice(key: &Key, value: Expr) -> Result<TokenStream> {
    let (sign, digits) = match &value {
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => (-1, &**expr),
        digits => (1, digits),
    };
    let Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) = digits else {
        return match digits {
            Expr::Lit(_) => Err(wrong(key, &value)),
            _ => literal(key, &value).map(|_| value.to_token_stream()),
        };
    };
    let nice = number.base10_parse::<i32>().ok().map(|number| sign * number);
    match nice.filter(|nice| (-20..=19).contains(nice)) {
        Some(_) if ["", "i32"].contains(&number.suffix()) => Ok(value.into_token_stream()),
        _ => Err(wrong(key, &value)),
    }
}

fn switch(key: &Key, value: Expr) -> Result<TokenStream> {
    match literal(key, &value)? {
        Some(Lit::Bool(_)) | None => Ok(value.into_token_stream()),
        Some(_) => Err(wrong(key, &value)),
    }
}

fn stem(key: &Key, value: &Expr) -> Result<Ident> {
    let Some(Lit::Str(text)) = literal(key, value)? else {
        return Err(wrong(key, value));
    };
    let stem = text.value();
    if !is_stem(&stem) {
        let message = format!(
            "`{stem}` cannot begin the name of a type: write one word, such as `{}`",
            key.example
        );
        return Err(Error::new(text.span(), message));
    }
    Ok(Ident::new(&stem, text.span()))
}

/// Whether names can begin with it. A keyword can, because something follows it.
pub(crate) fn is_stem(stem: &str) -> bool {
    let name = format!("{stem}Pool");
    let parsed = syn::parse_str::<Ident>(&name);
    !stem.is_empty() && !stem.starts_with("r#") && parsed.is_ok_and(|parsed| parsed == name)
}

fn runtime(key: &Key, value: &Expr) -> Result<Path> {
    match value {
        Expr::Path(value) if value.qself.is_none() => Ok(value.path.clone()),
        Expr::Lit(value) => match &value.lit {
            Lit::Str(text) => text.parse_with(Path::parse_mod_style).map_err(|_| wrong(key, value)),
            _ => Err(wrong(key, value)),
        },
        _ => Err(wrong(key, value)),
    }
}

fn message(key: &Key, input: ParseStream) -> Result<Type> {
    let start = input.cursor();
    let ty: Type = match input.fork().parse::<Type>() {
        Ok(_) => input.parse()?,
        Err(_) => return Err(wrong(key, start.token_stream().into_iter().next())),
    };
    let borrowed = match bare_type(&ty) {
        Type::Reference(reference) => &reference.elem,
        Type::ImplTrait(_) | Type::Infer(_) | Type::Never(_) => return Err(wrong(key, &ty)),
        Type::Slice(_) => &ty,
        text if is_named(text, "str") => text,
        _ => return dyn_error::refused_in(&ty, "send").map_or(Ok(ty), Err),
    };
    let message =
        format!("a message owns what it carries: write `{} = {}`", key.name, owned(borrowed));
    Err(Error::new_spanned(&ty, message))
}

fn init(key: &Key, value: Expr) -> Result<Expr> {
    match &value {
        Expr::Path(_) | Expr::Closure(_) => Ok(value),
        Expr::Call(call) if call.args.is_empty() => {
            let function = signature::plain(call.func.to_token_stream());
            let message = format!(
                "the worker calls it: leave the parentheses out, and write `init = {function}`"
            );
            Err(Error::new_spanned(&value, message))
        }
        _ => Err(wrong(key, value)),
    }
}

/// A literal value, or `None` for an expression whose type is the compiler's to check.
fn literal<'a>(key: &Key, value: &'a Expr) -> Result<Option<&'a Lit>> {
    match value {
        Expr::Lit(literal) => Ok(Some(&literal.lit)),
        Expr::Range(range) => Err(range_is_refused(key, range)),
        Expr::Unary(minus) if matches!(*minus.expr, Expr::Lit(_)) => Err(Error::new_spanned(
            minus,
            format!("`{}` cannot be negative: write `{}`", key.name, key.example),
        )),
        Expr::Array(_) | Expr::Tuple(_) | Expr::Closure(_) | Expr::Assign(_) => {
            Err(wrong(key, value))
        }
        _ => Ok(None),
    }
}

/// The span of `None` or `"none"`.
fn says_none(value: &Expr) -> Option<Span> {
    match value {
        Expr::Path(path) if path.path.is_ident("None") => Some(path.span()),
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) if text.value() == "none" => Some(text.span()),
            _ => None,
        },
        _ => None,
    }
}

/// No limit, for a builder's method that has to be told of which type.
fn none(span: Span, ty: TokenStream) -> TokenStream {
    quote_spanned!(made(span)=> ::core::option::Option::<#ty>::None)
}

fn needs_limit(key: &Key, value: &Expr) -> Error {
    let message = format!("`{}` needs a limit: write `{}`", key.name, key.example);
    Error::new_spanned(value, message)
}

fn integer(key: &Key, number: &LitInt, zero: bool, width: Width) -> Result<Literal> {
    let suffix = match width {
        Width::Usize => "usize",
        Width::U32 => "u32",
    };
    if !number.suffix().is_empty() && number.suffix() != suffix {
        let digits = number.base10_digits();
        let message = format!("`{}` is a `{suffix}`: write `{digits}`", key.name);
        return Err(Error::new(number.span(), message));
    }
    let literal = match width {
        Width::Usize => number.base10_parse().map(Literal::usize_suffixed),
        Width::U32 => number.base10_parse().map(Literal::u32_suffixed),
    };
    let mut literal = literal.map_err(|_| {
        let message = format!(
            "`{}` is a `{suffix}`, which this number does not fit: write `{}`",
            key.name, key.example
        );
        Error::new(number.span(), message)
    })?;
    if number.base10_digits() == "0" && !zero {
        return Err(zero_is_refused(key, number));
    }
    literal.set_span(number.span());
    Ok(literal)
}

fn without_unit(key: &Key, number: &LitInt, example: &str) -> Error {
    let digits = number.base10_digits();
    let example = if digits == "0" { example.to_owned() } else { format!("{digits}s") };
    let message = format!("`{0}` needs a unit: write `{0} = \"{example}\"`", key.name);
    Error::new(number.span(), message)
}

/// `64MiB`, which is a number to the compiler, too.
fn without_quotes(key: &Key, number: &LitInt) -> Error {
    let message =
        format!("a value with a unit stands in quotes: write `{} = \"{number}\"`", key.name);
    Error::new(number.span(), message)
}

fn zero_is_refused(key: &Key, value: impl ToTokens) -> Error {
    let none = match key.kind {
        Kind::Time { .. } | Kind::Seconds | Kind::Size { none: true, .. } => {
            ", or \"none\" for no limit"
        }
        _ => "",
    };
    let message = format!("`{}` cannot be zero: write `{}`{none}", key.name, key.example);
    Error::new_spanned(value, message)
}

fn range_is_refused(key: &Key, range: &ExprRange) -> Error {
    let message = match key.name {
        "workers" => {
            let most = range.end.as_deref().and_then(as_number).filter(|&most| most > 0);
            let most = most.unwrap_or(4);
            format!(
                "raw workers have no queries, which would tell how many are needed: write one \
                 number, such as `workers = {most}`"
            )
        }
        name => format!("`{name}` is not a range: write `{}`", key.example),
    };
    Error::new_spanned(range, message)
}

fn as_number(value: &Expr) -> Option<usize> {
    match value {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Int(number) => number.base10_parse().ok(),
            _ => None,
        },
        _ => None,
    }
}

fn wrong(key: &Key, value: impl ToTokens) -> Error {
    let words;
    let what = match key.kind {
        Kind::Choice(choice) => {
            let quoted: Vec<_> =
                choice.words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            words = quoted.join(" or ");
            &words
        }
        Kind::Workers | Kind::Count { .. } => "a whole number",
        Kind::Time { .. } => "a length of time",
        Kind::Seconds => "a number of seconds",
        Kind::Size { .. } => "a size in bytes",
        Kind::Program => "the path of a program",
        Kind::Folder => "the path of a folder",
        Kind::Nice => "a whole number from -20 (served first) to 19 (served last)",
        Kind::Switch => "true or false",
        Kind::Variables => "a list in parentheses",
        Kind::Name => "a word in quotes",
        Kind::Crate => "a path",
        Kind::Init => "the path of a function without arguments",
        Kind::Message => "a type",
    };
    let message = format!("`{}` is {what}: write `{}`", key.name, key.example);
    Error::new_spanned(value, message)
}

/// The same place, for tokens that lints shall not take for the user's own.
pub(crate) fn made(span: Span) -> Span {
    span.resolved_at(Span::mixed_site())
}
