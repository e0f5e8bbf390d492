//! What a query may look like, and what to write where it does not.

use crate::errors::Errors;
use crate::model::{Names, bare};
use crate::signature::type_text;
use crate::{attribute, check_types};
use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{
    Attribute, FnArg, GenericParam, Generics, Item, ItemFn, ItemImpl, ItemStruct, Pat, PatType,
    Path, Receiver, ReturnType, Safety, Signature, Type,
};

/// What `#[worker_query]` stands above.
pub(crate) enum Subject {
    Function(ItemFn),
    Service(ItemImpl),
}

/// The function below the attribute.
pub(crate) fn function(attribute: &str, item: TokenStream, errors: &mut Errors) -> Option<ItemFn> {
    match syn::parse2(item) {
        Ok(Item::Fn(function)) => return Some(function),
        Ok(Item::Struct(item)) if attribute == "worker_raw" => errors.at(
            item.struct_token.span,
            "`#[worker_raw]` stands above a `fn` with a body; a struct is a `#[worker_stream]`",
        ),
        Ok(Item::Impl(item)) if attribute == "worker_raw" => errors.at(
            item.impl_token.span,
            "`#[worker_raw]` stands above a `fn` with a body; an `impl` block is a `#[worker_query]`",
        ),
        Ok(other) => errors.at(
            keyword(&other),
            format!("`#[{attribute}]` stands above a `fn` with a body: move it there"),
        ),
        Err(error) => errors.push(error),
    }
    None
}

/// The item below `#[worker_query]`.
pub(crate) fn query(item: TokenStream, errors: &mut Errors) -> Option<Subject> {
    match syn::parse2(item) {
        Ok(Item::Fn(function)) => return Some(Subject::Function(function)),
        Ok(Item::Impl(service)) => return Some(Subject::Service(service)),
        Ok(other) => errors.at(
            keyword(&other),
            "`#[worker_query]` stands above a `fn` with a body, or above the `impl` block of a \
             service: move it there",
        ),
        Err(error) => errors.push(error),
    }
    None
}

/// The struct below `#[worker_stream]`.
pub(crate) fn structure(item: TokenStream, errors: &mut Errors) -> Option<ItemStruct> {
    match syn::parse2(item) {
        Ok(Item::Struct(item)) => return Some(item),
        Ok(Item::Enum(item)) => errors.at(
            item.enum_token.span,
            "`#[worker_stream]` stands above a `struct`, which is the message that opens a stream \
             and its state: put the enum into a field of one",
        ),
        Ok(Item::Impl(item)) => errors.at(
            item.impl_token.span,
            "`#[worker_stream]` stands above the `struct`, not above its `impl`: move it there",
        ),
        Ok(Item::Fn(item)) => errors.at(
            item.sig.fn_token.span,
            "`#[worker_stream]` stands above a `struct`; a function is a `#[worker_query]`",
        ),
        Ok(other) => errors.at(
            keyword(&other),
            "`#[worker_stream]` stands above a `struct`, which is the message that opens a stream \
             and its state: move it there",
        ),
        Err(error) => errors.push(error),
    }
    None
}

/// The generics of a stream's struct: none.
pub(crate) fn concrete(generics: &Generics, errors: &mut Errors) {
    for parameter in &generics.params {
        let message = match parameter {
            GenericParam::Type(_) => {
                "a stream cannot be generic, because the worker must know the type: write a \
                 concrete one"
            }
            GenericParam::Const(_) => "a stream cannot be generic: make the constant a field",
            GenericParam::Lifetime(_) => {
                "a stream lives in another process, and borrows nothing: own what it needs"
            }
        };
        errors.on(parameter, message);
    }
    if let Some(clause) = &generics.where_clause {
        errors.on(clause.where_token, "a stream cannot be generic: remove the `where` clause");
    }
}

/// Where an item says what it is.
fn keyword(item: &Item) -> Span {
    match item {
        Item::Struct(item) => item.struct_token.span,
        Item::Enum(item) => item.enum_token.span,
        Item::Union(item) => item.union_token.span,
        Item::Trait(item) => item.trait_token.span,
        Item::Mod(item) => item.mod_token.span,
        Item::Impl(item) => item.impl_token.span,
        Item::Const(item) => item.const_token.span,
        Item::Static(item) => item.static_token.span,
        Item::Type(item) => item.type_token.span,
        Item::Use(item) => item.use_token.span,
        other => other.span(),
    }
}

/// Takes away attributes of this crate that cannot stand beside the one at work.
pub(crate) fn attributes(attribute: &str, attrs: &mut Vec<Attribute>, errors: &mut Errors) {
    attrs.retain(|attr| {
        let ours = attribute::is_ours(attr);
        if ours {
            let other = attribute::written(attr.path());
            errors.on(
                attr,
                format!("`#[{other}]` cannot stand beside `#[{attribute}]`: keep one of them"),
            );
        }
        !ours
    });
}

/// The signature of a query; what its `self` may be depends on where it stands.
pub(crate) fn signature(
    signature: &Signature,
    receiver: fn(&Receiver, &mut Errors),
    names: &Names,
    errors: &mut Errors,
) {
    if let Some(token) = &signature.constness {
        errors.on(token, "a query runs in another process: remove `const`");
    }
    if let Safety::Unsafe(token) = &signature.safety {
        errors.on(
            token,
            "a pool cannot promise what an `unsafe fn` asks of its callers: \
             remove `unsafe`, or call it from a safe function",
        );
    }
    if let Some(abi) = &signature.abi {
        errors.on(abi, "a query is a Rust function: remove the `extern`");
    }
    generics(signature, errors);
    for argument in &signature.inputs {
        match argument {
            FnArg::Receiver(token) => receiver(token, errors),
            FnArg::Typed(typed) => self::argument(typed, names, errors),
        }
    }
    if let Some(variadic) = &signature.variadic {
        errors.on(variadic, "a query has a fixed number of arguments: take a `Vec<T>`");
    }
    if let ReturnType::Type(_, ty) = &signature.output {
        check_types::answer(ty, names, errors);
    }
}

/// The `self` of a free function.
pub(crate) fn no_receiver(receiver: &Receiver, errors: &mut Errors) {
    errors.on(
        receiver,
        "a query on a free function has no `self`: take the value as an argument, such as \
         `state: State`, or put `#[worker_query]` on the `impl` block",
    );
}

/// The `Self` of a free function, which may be one inside of an `impl` block, and of its messages.
pub(crate) fn no_self_type(signature: &Signature, message: Option<&Type>, errors: &mut Errors) {
    let mut selves = Selves(errors);
    if let Some(message) = message {
        selves.visit_type(message);
    }
    for argument in &signature.inputs {
        if let FnArg::Typed(typed) = argument {
            selves.visit_type(&typed.ty);
        }
    }
    selves.visit_return_type(&signature.output);
}

struct Selves<'a>(&'a mut Errors);

impl<'ast> Visit<'ast> for Selves<'_> {
    fn visit_path(&mut self, path: &'ast Path) {
        if let Some(first) = path.segments.first().filter(|first| first.ident == "Self") {
            self.0.on(
                &first.ident,
                "a query on a free function has no `Self`: write the type's name, or put \
                 `#[worker_query]` on the `impl` block",
            );
        }
        visit::visit_path(self, path);
    }
}

fn generics(signature: &Signature, errors: &mut Errors) {
    for parameter in &signature.generics.params {
        let message = match parameter {
            GenericParam::Type(_) => {
                "a query cannot be generic, because the worker must know the type: \
                 write a concrete one, and a query for each that you need"
            }
            GenericParam::Const(_) => "a query cannot be generic: take the constant as an argument",
            GenericParam::Lifetime(_) => {
                "a query has no lifetime parameters: leave the lifetime out, as in `&str` and `Cow<'_, str>`"
            }
        };
        errors.on(parameter, message);
    }
    if let Some(clause) = &signature.generics.where_clause {
        errors.on(clause.where_token, "a query cannot be generic: remove the `where` clause");
    }
}

fn argument(typed: &PatType, names: &Names, errors: &mut Errors) {
    for attr in &typed.attrs {
        if attr.path().is_ident("cfg") || attr.path().is_ident("cfg_attr") {
            errors.on(
                attr,
                "an argument of a query cannot depend on a condition: write the whole function twice",
            );
        }
    }
    let instead = match &*typed.pat {
        Pat::Ident(pattern) if pattern.subpat.is_some() => Some("take it apart in the body"),
        Pat::Ident(pattern) => pattern.by_ref.as_ref().map(|_| "leave `ref` out"),
        Pat::Wild(_) => Some("write one, such as `_unused`"),
        _ => Some("take it apart in the body"),
    };
    if let Some(instead) = instead {
        errors.on(&typed.pat, format!("an argument of a query needs a plain name: {instead}"));
    }
    check_types::argument(&typed.ty, names, errors);
}

/// The type to own what a reference points at.
pub(crate) fn owned(target: &Type) -> String {
    match bare(target) {
        Type::Path(path) if path.path.is_ident("str") => String::from("String"),
        Type::Path(path) if path.path.is_ident("Path") => String::from("PathBuf"),
        Type::Slice(slice) => format!("Vec<{}>", type_text(&slice.elem)),
        target => type_text(target),
    }
}

/// The signature that `main` and a test have.
pub(crate) fn takes_nothing(what: &str, signature: &Signature, errors: &mut Errors) {
    if let Some(token) = &signature.constness {
        errors.on(token, format!("{what} cannot be `const`: remove it"));
    }
    if let Safety::Unsafe(token) = &signature.safety {
        errors
            .on(token, format!("{what} is called by code that promises nothing: remove `unsafe`"));
    }
    if let Some(abi) = &signature.abi {
        errors.on(abi, format!("{what} is a Rust function: remove the `extern`"));
    }
    if !signature.generics.params.is_empty() {
        errors.on(&signature.generics, format!("{what} cannot be generic: remove the parameters"));
    }
    if let Some(clause) = &signature.generics.where_clause {
        errors
            .on(clause.where_token, format!("{what} cannot be generic: remove the `where` clause"));
    }
    if !signature.inputs.is_empty() {
        let arguments = signature.inputs.to_token_stream();
        errors.on(arguments, format!("{what} takes no arguments: remove them"));
    }
    if let Some(variadic) = &signature.variadic {
        errors.on(variadic, format!("{what} takes no arguments: remove them"));
    }
}
