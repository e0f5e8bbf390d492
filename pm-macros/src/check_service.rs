//! What a service may look like, and what to write where it does not.

use crate::check;
use crate::errors::Errors;
use crate::model::{Names, bare};
use crate::service::{self, access, variant};
use crate::signature::type_text;
use proc_macro2::{Ident, TokenStream, TokenTree};
use std::collections::HashMap;
use syn::visit::Visit;
use syn::{
    Attribute, GenericParam, ImplItem, ImplItemFn, ItemImpl, Lifetime, Receiver, ReceiverKind,
    Visibility,
};

/// What the generated handle has itself, and cannot have twice.
pub(crate) const RESERVED: [&str; 5] = ["new", "builder", "shared", "in_process", "clone"];

/// The block, but for its methods.
pub(crate) fn block(service: &ItemImpl, errors: &mut Errors) {
    let state = type_text(&service.self_ty);
    if let Some((path, _)) = &service.trait_ {
        // Nothing else about it has to do with pools.
        return errors.on(
            path,
            format!(
                "a service is an `impl` block of its own, without a trait: write `impl {state}`, \
                 with methods that call those of the trait"
            ),
        );
    }
    if let Some(token) = &service.unsafety {
        errors.on(token, "a service promises nothing that is unsafe: remove `unsafe`");
    }
    for parameter in &service.generics.params {
        let message = match parameter {
            GenericParam::Lifetime(_) => {
                "the state of a service lives as long as its worker: leave the lifetime out, \
                 and write `'static`"
            }
            GenericParam::Type(_) | GenericParam::Const(_) => {
                "a service cannot be generic, because the worker must know the type: write a \
                 concrete one, such as `impl Dex<u32>`"
            }
        };
        errors.on(parameter, message);
    }
    if let Some(clause) = &service.generics.where_clause {
        errors.on(clause.where_token, "a service cannot be generic: remove the `where` clause");
    }
    match service::state(service) {
        Some(state) => Anonymous(errors).visit_type_path(state),
        None => errors.on(
            &service.self_ty,
            format!("a service is a type with a name: wrap `{state}` in a `struct`"),
        ),
    }
    if service::methods(service).next().is_none() {
        errors.at(
            service.impl_token.span,
            "a service has at least one method with `&self` or `&mut self`, which is a query: \
             add one, or put `#[worker_query]` on a free `fn`",
        );
    }
}

/// Lifetimes that would differ from message to message.
struct Anonymous<'a>(&'a mut Errors);

impl<'ast> Visit<'ast> for Anonymous<'_> {
    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        if lifetime.ident == "_" {
            self.0.on(
                lifetime,
                "the state of a service lives as long as its worker: write `'static`",
            );
        }
    }
}

/// Its functions: no attribute of this crate among theirs, and queries that can be asked.
pub(crate) fn functions(service: &mut ItemImpl, names: &Names, errors: &mut Errors) {
    for item in &mut service.items {
        if let ImplItem::Fn(function) = item {
            check::attributes("worker_query", &mut function.attrs, errors);
        }
    }
    let mut variants: HashMap<String, &Ident> = HashMap::new();
    let is_public = |method: &ImplItemFn| !matches!(method.vis, Visibility::Inherited);
    let some_are_public = service::methods(service).any(is_public);
    for method in service::methods(service) {
        let mut of_method = Errors::default();
        self::method(method, names, &mut of_method);
        if !of_method.is_empty() && some_are_public && !is_public(method) {
            let name = &method.sig.ident;
            of_method.on(
                name,
                format!(
                    "`{name}` is a query, as every method with `self` is: if it is a helper, move \
                     it into an `impl` block without `#[worker_query]`"
                ),
            );
        }
        errors.extend(of_method);
        let Some(variant) = variant(&method.sig.ident) else { continue };
        if let Some(first) = variants.insert(variant.to_string(), &method.sig.ident)
            && *first != method.sig.ident
        {
            errors.on(
                &method.sig.ident,
                format!("`{first}` is the variant `{variant}` of the messages, too: rename one"),
            );
        }
    }
}

fn method(method: &ImplItemFn, names: &Names, errors: &mut Errors) {
    let name = &method.sig.ident;
    for attr in method.attrs.iter().filter(|attr| is_condition(attr)) {
        errors.on(
            attr,
            "pool and worker have to agree on the queries of a service: put the condition into \
             the method's body, or write the whole `impl` twice",
        );
    }
    if RESERVED.iter().any(|reserved| name == reserved) {
        errors.on(
            name,
            format!(
                "`{name}` is what every pool has itself: rename the method, or take its `self` away"
            ),
        );
    } else if variant(name).is_none() {
        errors.on(name, "no variant of a message can be named after this: rename the method");
    }
    check::signature(&method.sig, receiver, names, errors);
}

fn receiver(receiver: &Receiver, errors: &mut Errors) {
    let lifetime = match &receiver.kind {
        ReceiverKind::Reference(_, lifetime, _) => lifetime.as_ref(),
        ReceiverKind::Typed(_, ty) => match bare(ty) {
            syn::Type::Reference(reference) => reference.lifetime.as_ref(),
            _ => None,
        },
        _ => None,
    };
    if let Some(lifetime) = lifetime.filter(|lifetime| lifetime.ident == "static") {
        errors.on(lifetime, "a query borrows the state while it runs: leave the lifetime out");
    }
    if access(receiver).is_none() {
        errors.on(
            receiver,
            "the state stays in its worker, for the next query: write `&self` or `&mut self`",
        );
    }
}

fn is_condition(attr: &Attribute) -> bool {
    let mentions_cfg = |tokens: TokenStream| {
        tokens.into_iter().any(|token| matches!(token, TokenTree::Ident(word) if word == "cfg"))
    };
    attr.path().is_ident("cfg")
        || (attr.path().is_ident("cfg_attr")
            && attr.meta.require_list().is_ok_and(|list| mentions_cfg(list.tokens.clone())))
}
