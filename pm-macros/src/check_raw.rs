//! What the function of a raw worker may look like, and what to write where it does not.

use crate::check::owned;
use crate::errors::Errors;
use crate::fallback::{mentions, without_syntax_errors};
use crate::model::{Model, Names, bare};
use crate::signature::type_text;
use crate::{dyn_error, raw};
use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use syn::visit::{self, Visit};
use syn::{
    FnArg, GenericParam, ItemFn, Lifetime, PatType, Path, ReturnType, Safety, Signature, Type,
    TypeFnPtr, TypeImplTrait, TypeInfer, TypeReference, TypeTraitObject,
};

/// The signature: a link, and nothing else.
pub(crate) fn signature(signature: &Signature, names: &Names, errors: &mut Errors) {
    if let Some(token) = &signature.constness {
        errors.on(token, "a worker's function runs in another process: remove `const`");
    }
    if let Safety::Unsafe(token) = &signature.safety {
        errors.on(
            token,
            "a pool cannot promise what an `unsafe fn` asks of its callers: \
             remove `unsafe`, or call it from a safe function",
        );
    }
    if let Some(abi) = &signature.abi {
        errors.on(abi, "a worker's function is a Rust function: remove the `extern`");
    }
    for parameter in &signature.generics.params {
        let message = match parameter {
            GenericParam::Type(_) => {
                "a worker's function cannot be generic, because the worker must know the type: \
                 write a concrete one"
            }
            GenericParam::Const(_) => {
                "a worker's function cannot be generic: write a `const` beside it, or send the \
                 number as its first message"
            }
            GenericParam::Lifetime(_) => {
                "a worker's function owns its link: remove the lifetime parameter"
            }
        };
        errors.on(parameter, message);
    }
    if let Some(clause) = &signature.generics.where_clause {
        errors.on(
            clause.where_token,
            "a worker's function cannot be generic: remove the `where` clause",
        );
    }
    arguments(signature, names, errors);
    if let ReturnType::Type(_, ty) = &signature.output {
        Selves(errors).visit_type(ty);
    }
}

fn arguments(signature: &Signature, names: &Names, errors: &mut Errors) {
    let mut arguments = signature.inputs.iter();
    match arguments.next() {
        None => errors.at(
            signature.ident.span(),
            "a worker's function takes its link: write `link: RawLink`",
        ),
        Some(FnArg::Receiver(receiver)) => errors.on(
            receiver,
            "a worker's function has no `self`, only its link: write `link: RawLink`",
        ),
        Some(FnArg::Typed(typed)) => link(typed, names, errors),
    }
    for more in arguments {
        errors.on(
            more,
            "a worker's function takes nothing but its link: send the rest as its first message",
        );
    }
    if let Some(variadic) = &signature.variadic {
        errors.on(variadic, "a worker's function takes nothing but its link: remove this");
    }
}

fn link(typed: &PatType, names: &Names, errors: &mut Errors) {
    for attr in &typed.attrs {
        if attr.path().is_ident("cfg") || attr.path().is_ident("cfg_attr") {
            errors.on(
                attr,
                "the link of a worker's function cannot depend on a condition: write the whole \
                 function twice",
            );
        }
    }
    match bare(&typed.ty) {
        Type::Reference(reference) => {
            let link = type_text(&reference.elem);
            let link = if link.contains("RawLink") { link } else { String::from("RawLink") };
            errors.on(reference, format!("a worker's function owns its link: write `{link}`"));
        }
        // Behind another name its types could not be seen, and the pool would not know them.
        ty if !is_called(ty, "RawLink") => errors.on(
            ty,
            "a worker's function takes its link, by this name: write `RawLink`, or \
             `RawLink<In, Out>` with the types of its messages",
        ),
        ty => {
            if let [to] = raw::arguments(ty)[..] {
                let to = type_text(to);
                errors.on(
                    ty,
                    format!(
                        "a link has a type for each direction, or none: write `RawLink<{to}, Out>` \
                         with the type of what the worker sends"
                    ),
                );
            }
            for ty in raw::arguments(ty).into_iter().filter(|ty| is_called(ty, "RawBytes")) {
                errors.on(
                    ty,
                    "this is what a link without types carries: write `RawLink` alone, or \
                     `Vec<u8>` for bytes in one direction",
                );
            }
            Messages { names, errors }.visit_type(ty)
        }
    }
}

fn is_called(ty: &Type, name: &str) -> bool {
    let Type::Path(path) = bare(ty) else { return false };
    path.path.segments.last().is_some_and(|last| last.ident == name)
}

/// What messages cannot be, wherever it is in the type of a link.
struct Messages<'a> {
    names: &'a Names,
    errors: &'a mut Errors,
}

impl<'ast> Visit<'ast> for Messages<'_> {
    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        self.errors.on(
            reference,
            format!(
                "a message goes to another process, and borrows nothing: write `{}`",
                owned(&reference.elem)
            ),
        );
    }

    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        if lifetime.ident != "static" {
            self.errors.at(
                lifetime.span(),
                "a message goes to another process, and borrows nothing: write `Cow<'static, ..>`, \
                 or a type that owns its fields, such as `String`",
            );
        }
    }

    fn visit_type_impl_trait(&mut self, ty: &'ast TypeImplTrait) {
        self.errors.on(ty, "`impl Trait` cannot travel: write a concrete type");
    }

    fn visit_type_trait_object(&mut self, ty: &'ast TypeTraitObject) {
        match dyn_error::refused(ty, "send") {
            Some(error) => self.errors.push(error),
            None => visit::visit_type_trait_object(self, ty),
        }
    }

    fn visit_type_infer(&mut self, ty: &'ast TypeInfer) {
        self.errors.on(ty, "the pool has to know the types of the messages: write this one");
    }

    // Serde says best that this cannot travel at all; its lifetimes are its own.
    fn visit_type_fn_ptr(&mut self, _: &'ast TypeFnPtr) {}

    fn visit_path(&mut self, path: &'ast Path) {
        Selves(self.errors).judge(path);
        let [.., pool, builder] = self.names.all();
        if let Some(name) = [pool, builder].into_iter().find(|name| path.is_ident(*name)) {
            self.errors.on(
                path,
                format!(
                    "`{name}` is a type that `#[worker_raw]` makes: rename yours, or choose \
                     another stem with `name = \"..\"`"
                ),
            );
        }
        visit::visit_path(self, path);
    }
}

/// The `Self` of a free function, which may be one inside of an `impl` block.
struct Selves<'a>(&'a mut Errors);

impl Selves<'_> {
    fn judge(&mut self, path: &Path) {
        if let Some(first) = path.segments.first().filter(|first| first.ident == "Self") {
            self.0.on(
                &first.ident,
                "a worker's function has no `Self`: write the type's name, and put the function \
                 outside of the `impl` block",
            );
        }
    }
}

impl<'ast> Visit<'ast> for Selves<'_> {
    fn visit_path(&mut self, path: &'ast Path) {
        self.judge(path);
        visit::visit_path(self, path);
    }
}

/// The function, and a pool with the same face that runs nothing.
pub(crate) fn fallback(model: &Model, function: ItemFn) -> TokenStream {
    let of_a_block = |tokens| mentions(tokens, &format_ident!("Self"));
    let is_method = function.sig.receiver().is_some()
        || of_a_block(function.sig.to_token_stream())
        || model.message().is_some_and(of_a_block);
    if is_method {
        // An `impl` holds no types.
        return function.into_token_stream();
    }
    let [.., pool, builder] = model.names.all();
    if [pool, builder].iter().any(|name| mentions(function.sig.to_token_stream(), name)) {
        // A name is given once.
        return function.into_token_stream();
    }
    let mut errors = Errors::default();
    if let Some(FnArg::Typed(typed)) = function.sig.inputs.first() {
        link(typed, &model.names, &mut errors);
    }
    // A type may be a parameter, which no pool has.
    let is_generic = !function.sig.generics.params.is_empty();
    let types = match errors.is_empty() && !is_generic {
        true => raw::types(&function.sig),
        false => None,
    };
    let serve = quote!(__private::Serve::raw(|_| loop {}));
    let handle = raw::handle(model, types, serve, TokenStream::new());
    let function = without_syntax_errors(function);
    quote!(#function #handle)
}
