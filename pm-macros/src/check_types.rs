//! What arguments and answers of queries cannot be, wherever it is in their types.

use crate::check::owned;
use crate::dyn_error;
use crate::errors::Errors;
use crate::model::Names;
use crate::signature::type_text;
use syn::visit::{self, Visit};
use syn::{
    AngleBracketedGenericArguments, Expr, GenericArgument, Lifetime, ParenthesizedGenericArguments,
    PathArguments, Type, TypeFnPtr, TypeImplTrait, TypeNever, TypePath, TypeReference,
    TypeTraitObject,
};

/// The type of an argument.
pub(crate) fn argument(ty: &Type, names: &Names, errors: &mut Errors) {
    Types { place: Place::Argument, names, errors }.visit_type(ty);
}

/// The type of an answer.
pub(crate) fn answer(ty: &Type, names: &Names, errors: &mut Errors) {
    Types { place: Place::Answer, names, errors }.visit_type(ty);
}

/// What cannot travel, wherever it is in a type.
struct Types<'a> {
    place: Place,
    names: &'a Names,
    errors: &'a mut Errors,
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Argument,
    Answer,
}

impl Types<'_> {
    /// A `Cow`, which may own what other types borrow.
    fn cow(&mut self, ty: &TypePath, arguments: &AngleBracketedGenericArguments) {
        match (arguments.args.first(), self.place) {
            (Some(GenericArgument::Lifetime(lifetime)), Place::Answer) if lifetime.ident == "_" => {
                self.errors.on(
                    lifetime,
                    "an answer comes from another process and cannot be borrowed: write `'static`",
                );
            }
            (Some(GenericArgument::Lifetime(_)), _) => {}
            // Here the compiler's advice would lead to a generic function.
            (_, place) => {
                let lifetime = match place {
                    Place::Argument => "'_",
                    Place::Answer => "'static",
                };
                self.errors.on(
                    ty,
                    format!("a message has to know this lifetime: write `Cow<{lifetime}, ..>`"),
                );
            }
        }
        let is_type = |argument: &&_| !matches!(argument, GenericArgument::Lifetime(_));
        let types = arguments.args.iter().filter(is_type);
        types.for_each(|argument| self.visit_generic_argument(argument));
    }
}

impl<'ast> Visit<'ast> for Types<'_> {
    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        let is_static = |lifetime: &Lifetime| lifetime.ident == "static";
        let target = type_text(&reference.elem);
        match self.place {
            Place::Answer => self.errors.on(
                reference,
                format!(
                    "an answer comes from another process and cannot be borrowed: return `{}`",
                    owned(&reference.elem)
                ),
            ),
            Place::Argument if reference.mutability.is_some() => self.errors.on(
                reference,
                format!(
                    "the worker gets a copy, so nothing would come back through `&mut`: \
                     take `{}` and return the new value",
                    owned(&reference.elem)
                ),
            ),
            Place::Argument if reference.lifetime.as_ref().is_some_and(is_static) => {
                self.errors.on(
                    &reference.lifetime,
                    format!(
                        "in the worker, an argument lives as long as its query: write `&{target}`"
                    ),
                )
            }
            Place::Argument => {}
        }
        // What is below a refused reference goes with it.
        if self.place == Place::Argument && reference.mutability.is_none() {
            self.visit_type(&reference.elem);
        }
    }

    fn visit_type_impl_trait(&mut self, ty: &'ast TypeImplTrait) {
        let message = match self.place {
            Place::Argument => "`impl Trait` cannot travel to a worker: write a concrete type",
            Place::Answer => {
                "`impl Trait` cannot travel from a worker: return a concrete type, such as `Vec<T>`"
            }
        };
        self.errors.on(ty, message);
    }

    fn visit_type_trait_object(&mut self, ty: &'ast TypeTraitObject) {
        let verb = match self.place {
            Place::Argument => "take",
            Place::Answer => "return",
        };
        match dyn_error::refused(ty, verb) {
            Some(error) => self.errors.push(error),
            None => visit::visit_type_trait_object(self, ty),
        }
    }

    fn visit_type_never(&mut self, ty: &'ast TypeNever) {
        if self.place == Place::Answer {
            self.errors.on(ty, "a query returns an answer: write `()`, or leave the type out");
        }
    }

    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        if self.place == Place::Answer && lifetime.ident == "_" {
            self.errors.at(
                lifetime.span(),
                "an answer comes from another process and cannot be borrowed: return a type that \
                 owns its fields, such as a `String` for a `&str`",
            );
        }
    }

    fn visit_type_path(&mut self, ty: &'ast TypePath) {
        let reserved = |name: &&&syn::Ident| ty.path.is_ident(**name);
        if let Some(name) = self.names.all().iter().find(reserved) {
            self.errors.on(
                ty,
                format!(
                    "`{name}` is a type that `#[worker_query]` makes: rename yours, \
                     or choose another stem with `name = \"..\"`"
                ),
            );
        }
        let is_link = ty.path.segments.last().is_some_and(|last| last.ident == "RawLink");
        if is_link && self.place == Place::Argument {
            return self.errors.on(
                ty,
                "a link is the argument of a `#[worker_raw]`: write that instead of \
                 `#[worker_query]`",
            );
        }
        match cow(ty) {
            Some(arguments) => self.cow(ty, arguments),
            None => visit::visit_type_path(self, ty),
        }
    }

    // These cannot travel at all, which serde says best; their lifetimes are their own.
    fn visit_type_fn_ptr(&mut self, _: &'ast TypeFnPtr) {}
    fn visit_parenthesized_generic_arguments(&mut self, _: &'ast ParenthesizedGenericArguments) {}
    fn visit_expr(&mut self, _: &'ast Expr) {}
}

/// What stands in the angle brackets of a `Cow`.
fn cow(ty: &TypePath) -> Option<&AngleBracketedGenericArguments> {
    let last = ty.path.segments.last().filter(|last| last.ident == "Cow")?;
    match &last.arguments {
        PathArguments::AngleBracketed(arguments) => Some(arguments),
        _ => None,
    }
}
