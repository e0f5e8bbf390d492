//! The parser of options.

use crate::errors::Errors;
use crate::keys::{KEYS, Key, Kind, OF_BUILDER, OF_RAW_BUILDER, Subject, known_elsewhere};
use crate::value::{self, Value};
use crate::variables;
use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, LitInt, Path, Token, Type, token};

/// What an attribute was given.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) setters: Vec<Setter>,
    pub(crate) stem: Option<Ident>,
    pub(crate) init: Option<Expr>,
    /// The type of the workers' messages, if it is not text.
    pub(crate) message: Option<Type>,
    /// What only the builder can be told, and how.
    of_builder: Vec<(Ident, &'static str)>,
    runtime: Option<Path>,
}

/// One option that is passed on to the builder, whose method has its name.
pub(crate) struct Setter {
    pub(crate) method: Ident,
    value: TokenStream,
    /// The value is a path in the runtime crate.
    in_runtime: bool,
}

impl Setter {
    pub(crate) fn value(&self, runtime: &TokenStream) -> TokenStream {
        let value = &self.value;
        match self.in_runtime {
            true => quote::quote!(#runtime::#value),
            false => quote::quote!(#value),
        }
    }
}

impl Options {
    /// The path of the runtime crate.
    pub(crate) fn runtime(&self) -> TokenStream {
        match &self.runtime {
            Some(path) => path.to_token_stream(),
            None => quote::quote!(::pm_runtime),
        }
    }

    /// What was said to the attribute, and is to be said to the builder of this pool.
    pub(crate) fn check_builder(&self, pool: &Ident, errors: &mut Errors) {
        for (name, instead) in &self.of_builder {
            errors.on(
                name,
                format!("`{name}` is said to the builder: write `{pool}::builder().{instead}`"),
            );
        }
    }

    /// Where a cancelled query costs its worker, nothing may run beside it.
    fn check_neighbours(&self, errors: &mut Errors) {
        let value = |name| {
            let setter = self.setters.iter().find(|setter| setter.method == name);
            setter.map(|setter| &setter.value)
        };
        let (Some(cancel), Some(concurrency)) = (value("cancel"), value("concurrency")) else {
            return;
        };
        let kills = cancel.clone().into_iter().any(|token| token.to_string() == "Kill");
        // Where it is an expression, the pool says so when it starts.
        let number = syn::parse2::<LitInt>(concurrency.clone());
        let number = number.and_then(|number| number.base10_parse::<usize>());
        if kills && number.is_ok_and(|number| number > 1) {
            errors.on(
                concurrency,
                "where a cancelled query is killed with its worker, none can run beside it: \
                 write `concurrency = 1`, or `cancel = \"detach\"`",
            );
        }
    }

    fn set(&mut self, method: Ident, value: TokenStream, in_runtime: bool) {
        self.setters.push(Setter { method, value, in_runtime });
    }

    fn take(&mut self, method: Ident, value: Value) {
        match value {
            Value::Setting(value) => self.set(method, value, false),
            Value::Settings(values) => {
                values.into_iter().for_each(|value| self.set(method.clone(), value, false));
            }
            Value::Variant(value) => self.set(method, value, true),
            Value::Stem(stem) => self.stem = Some(stem),
            Value::Runtime(path) => self.runtime = Some(path),
            Value::Init(init) => self.init = Some(init),
            Value::Message(message) => self.message = Some(message),
            Value::OfBuilder(instead) => self.of_builder.push((method, instead)),
        }
    }
}

/// Who takes options.
#[derive(Clone, Copy)]
enum Taker<'a> {
    Pool(Subject),
    /// An attribute that takes the path of the runtime only.
    CrateOnly(&'a str),
}

/// Reads the options of a pool's attribute.
pub(crate) fn parse(subject: Subject, args: TokenStream, errors: &mut Errors) -> Options {
    let options = parse_for(Taker::Pool(subject), args, errors);
    options.check_neighbours(errors);
    options
}

/// Reads the options of `main` or `test`, which take the path of the runtime only.
pub(crate) fn parse_crate_only(attribute: &str, args: TokenStream, errors: &mut Errors) -> Options {
    parse_for(Taker::CrateOnly(attribute), args, errors)
}

fn parse_for(taker: Taker<'_>, args: TokenStream, errors: &mut Errors) -> Options {
    let mut options = Options::default();
    let mut seen = Vec::new();
    let parser = |input: ParseStream| {
        while !input.is_empty() {
            match option(input, taker, &mut seen) {
                Ok((method, value)) => options.take(method, value),
                Err(error) => {
                    errors.push(error);
                    skip_option(input);
                }
            }
            if let Some(stray) = separator(input) {
                errors.at(stray, "put a comma between two options");
            }
        }
        Ok(())
    };
    if let Err(error) = parser.parse2(args) {
        errors.push(error);
    }
    options
}

fn option(
    input: ParseStream,
    taker: Taker<'_>,
    seen: &mut Vec<&'static str>,
) -> syn::Result<(Ident, Value)> {
    let name = input.call(Ident::parse_any).map_err(|error| {
        syn::Error::new(
            error.span(),
            "an option is a name and a value, such as `timeout = \"30s\"`",
        )
    })?;
    let fail = |message: String| Err(syn::Error::new(name.span(), message));
    if let Taker::Pool(subject) = taker {
        let is_this = |(option, _): &&(&str, &str)| name == option;
        let of_raw = OF_RAW_BUILDER.iter().find(is_this);
        if of_raw.is_some() && subject != Subject::Raw {
            let (raw, attribute) = (Subject::Raw.attribute(), subject.attribute());
            return fail(format!(
                "`{name}` is said to the builder of a `#[{raw}]`, and has no meaning for \
                 `#[{attribute}]`: remove it"
            ));
        }
        if let Some((_, instead)) = OF_BUILDER.iter().find(is_this).or(of_raw) {
            skip_option(input);
            return Ok((name, Value::OfBuilder(instead)));
        }
    }
    let Some(key) = KEYS.iter().find(|key| name == key.name) else {
        return fail(unknown(&name.to_string(), taker));
    };
    match taker {
        Taker::CrateOnly(attribute) if key.kind != Kind::Crate => {
            return fail(format!(
                "`{name}` is an option of {}: `#[{attribute}]` takes only `crate`",
                takers(key)
            ));
        }
        Taker::Pool(subject) if !key.subjects().contains(&subject) => {
            let (takers, attribute) = (takers(key), subject.attribute());
            return fail(format!(
                "`{name}` is an option of {takers}, and has no meaning for `#[{attribute}]`: \
                 remove it"
            ));
        }
        Taker::CrateOnly(_) | Taker::Pool(_) => {}
    }
    if seen.contains(&key.name) {
        let instead = match key.kind {
            Kind::Variables => "put all variables into one",
            _ => "keep one of them",
        };
        return fail(format!("`{name}` is given twice: {instead}"));
    }
    seen.push(key.name);
    if key.kind == Kind::Variables {
        return Ok((name.clone(), Value::Settings(variables::parse(key, &name, input)?)));
    }
    if key.kind == Kind::Switch && (input.is_empty() || input.peek(Token![,])) {
        let on = quote::quote_spanned!(value::made(name.span())=> true);
        return Ok((name, Value::Setting(on)));
    }
    if !input.peek(Token![=]) || input.peek(Token![==]) {
        return fail(format!("`{name}` takes its value after `=`: write `{}`", key.example));
    }
    let equals: Token![=] = input.parse()?;
    if input.is_empty() || input.peek(Token![,]) {
        let message = format!("`{name}` has no value: write `{}`", key.example);
        return Err(syn::Error::new_spanned(equals, message));
    }
    let value = match taker {
        // Nothing says how many are needed.
        Taker::Pool(Subject::Raw) => value::parse(&key.without_range(), input)?,
        _ => value::parse(key, input)?,
    };
    Ok((name, value))
}

/// The attributes that take an option.
fn takers(key: &Key) -> String {
    let all = key.subjects().iter().map(|subject| format!("`#[{}]`", subject.attribute()));
    let all: Vec<_> = all.collect();
    match &all[..] {
        [others @ .., last] if !others.is_empty() => format!("{} and {last}", others.join(", ")),
        _ => all.concat(),
    }
}

/// Moves behind the comma, or to the place where one is missing.
fn separator(input: ParseStream) -> Option<Span> {
    if input.is_empty() || input.parse::<Token![,]>().is_ok() {
        return None;
    }
    let stray = input.span();
    let looks_like_an_option = input.peek(Ident::peek_any) && input.peek2(Token![=]);
    if !looks_like_an_option {
        skip_option(input);
        let _ = input.parse::<Token![,]>(); // None at the end.
    }
    Some(stray)
}

/// Leaves the rest of an option that could not be read, whatever its value looks like.
fn skip_option(input: ParseStream) {
    while !input.is_empty() && !is_at_next_option(input) {
        if input.parse::<TokenTree>().is_err() {
            return;
        }
    }
}

fn is_at_next_option(input: ParseStream) -> bool {
    let ahead = input.fork();
    if ahead.parse::<Token![,]>().is_err() {
        return false;
    }
    let begins_option = |ahead: ParseStream| {
        ahead.is_empty()
            || ahead.peek(Token![=])
            || ahead.peek(token::Paren)
            || ahead.peek(Token![,])
    };
    ahead.is_empty() || (ahead.call(Ident::parse_any).is_ok() && begins_option(&ahead))
}

fn unknown(name: &str, taker: Taker<'_>) -> String {
    let subject = match taker {
        Taker::Pool(subject) => subject,
        Taker::CrateOnly(attribute) => {
            return format!("unknown option `{name}`: `#[{attribute}]` takes only `crate`");
        }
    };
    let hint = match known_elsewhere(name, subject).or_else(|| closest(name, subject)) {
        Some(key) => format!(": did you mean `{key}`?"),
        None => String::from(":"),
    };
    let fits = |key: &&Key| key.subjects().contains(&subject);
    let list: Vec<_> = KEYS.iter().filter(fits).map(|key| key.name).collect();
    format!("unknown option `{name}`{hint} the options are {}", list.join(", "))
}

/// The known option that a misspelt one, or one cut short, most likely stands for.
fn closest(name: &str, subject: Subject) -> Option<&'static str> {
    /// Words that begin so alike are close, however they end.
    const ALIKE: usize = 4;
    let keys = KEYS.iter().filter(|key| key.subjects().contains(&subject)).map(|key| key.name);
    keys.map(|key| (edits(name, key), same_start(name, key), key))
        .filter(|&(edits, start, key)| edits <= (key.len() / 3).max(1) || start >= ALIKE)
        .min_by_key(|&(edits, start, _)| (edits.saturating_sub(start), edits))
        .map(|(.., key)| key)
}

/// How many letters two words begin with alike.
fn same_start(one: &str, other: &str) -> usize {
    one.chars().zip(other.chars()).take_while(|(one, other)| one == other).count()
}

/// Insertions, deletions and substitutions that lead from one word to the other.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, c) in from.chars().enumerate() {
        let mut diagonal = line;
        let mut left = line + 1;
        for (above, other) in row.iter_mut().skip(1).zip(&to) {
            left = (*above + 1).min(left + 1).min(diagonal + usize::from(c != *other));
            diagonal = std::mem::replace(above, left);
        }
        if let Some(first) = row.first_mut() {
            *first = line + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}
