//! An `impl` block as plain data: a state, and the methods that are queries on it.

use crate::args::Options;
use crate::model::{
    Access, Answer, Model, Names, Query, arguments, bare, camel_case, made, respan,
};
use crate::value::is_stem;
use crate::{attribute, signature};
use proc_macro2::{Group, Ident, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::{
    FnArg, ImplItem, ImplItemFn, ItemImpl, PathArguments, Receiver, ReceiverKind, Signature, Type,
    TypePath, Visibility,
};

/// The methods that are queries: those with `self`.
pub(crate) fn methods(service: &ItemImpl) -> impl Iterator<Item = &ImplItemFn> {
    service.items.iter().filter_map(|item| match item {
        ImplItem::Fn(function) if function.sig.receiver().is_some() => Some(function),
        _ => None,
    })
}

/// The type of a service; `None` where it has no name.
pub(crate) fn state(service: &ItemImpl) -> Option<&TypePath> {
    match bare(&service.self_ty) {
        Type::Path(state) if state.qself.is_none() => Some(state),
        _ => None,
    }
}

/// The service without its queries, which have to pass the checks first; `None` where its type
/// has no name.
pub(crate) fn model(service: &ItemImpl, options: Options) -> Option<Model> {
    let state = state(service)?;
    let ident = &state.path.segments.last()?.ident;
    let title = ident.unraw().to_string();
    let stem = options.stem.as_ref().map_or_else(|| title.clone(), Ident::to_string);
    let mut attrs = attribute::shared(&service.attrs);
    attrs.extend(methods(service).flat_map(|method| attribute::shared(&method.attrs)));
    let signatures: Vec<_> = methods(service).map(|method| signature::text(&method.sig)).collect();
    Some(Model {
        runtime: options.runtime(),
        options,
        attrs,
        vis: widest(service),
        names: Names::new(&stem, ident.span()),
        doc: format!("`{title}`"),
        signature: format!("impl {title} {{ {} }}", signatures.join("; ")),
        title,
        state: Some((*service.self_ty).clone()),
        queries: Vec::new(),
    })
}

/// The query of a method that has passed the checks.
pub(crate) fn query(method: &ImplItemFn, title: &str, state: &Type) -> Option<Query> {
    let name = &method.sig.ident;
    let signature: Signature =
        syn::parse2(replace_self(method.sig.to_token_stream(), state)).ok()?;
    let mut function = name.clone();
    function.set_span(made(name.span()));
    Some(Query {
        function: quote!(<#state>::#function),
        doc: format!("`{title}::{}()`", name.unraw()),
        access: access(method.sig.receiver()?)?,
        is_async: signature.asyncness.is_some(),
        variant: variant(name)?,
        method: function,
        vis: respan(method.vis.to_token_stream()),
        arguments: arguments(&signature),
        answer: Answer::new(&signature),
    })
}

/// The variant of a method; `None` where its name makes none.
pub(crate) fn variant(method: &Ident) -> Option<Ident> {
    let name = camel_case(&method.unraw().to_string());
    let is_variant = is_stem(&name) && syn::parse_str::<Ident>(&name).is_ok();
    is_variant.then(|| Ident::new(&name, made(method.span())))
}

/// How a method borrows the state; `None` where it does something else with it.
pub(crate) fn access(receiver: &Receiver) -> Option<Access> {
    let mutability = match &receiver.kind {
        ReceiverKind::Reference(_, _, mutability) => mutability.is_some(),
        ReceiverKind::Typed(_, ty) => match bare(ty) {
            Type::Reference(reference) => match bare(&reference.elem) {
                Type::Path(path) if path.path.is_ident("Self") => reference.mutability.is_some(),
                _ => return None,
            },
            _ => return None,
        },
        _ => return None,
    };
    Some(if mutability { Access::Writes } else { Access::Reads })
}

/// The visibility of the method that most can see.
fn widest(service: &ItemImpl) -> TokenStream {
    let width = |vis: &&Visibility| match vis {
        Visibility::Public(_) => 4,
        Visibility::Restricted(within) if within.path.is_ident("crate") => 3,
        Visibility::Restricted(within) if within.path.is_ident("self") => 0,
        Visibility::Restricted(within) if within.in_token.is_some() => 2,
        Visibility::Restricted(_) => 1,
        Visibility::Inherited => 0,
    };
    let widest = methods(service).map(|method| &method.vis).max_by_key(width);
    respan(widest.to_token_stream())
}

/// Writes the type of the service where `Self` stands, because the generated items have another.
pub(crate) fn replace_self(tokens: TokenStream, state: &Type) -> TokenStream {
    let mut replaced = TokenStream::new();
    for token in tokens {
        match token {
            TokenTree::Ident(ident) if ident == "Self" => {
                let spelt = spelt(state).into_iter().map(|mut token| {
                    token.set_span(ident.span());
                    token
                });
                replaced.extend(spelt);
            }
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), replace_self(group.stream(), state));
                inner.set_span(group.span());
                replaced.extend([TokenTree::Group(inner)]);
            }
            token => replaced.extend([token]),
        }
    }
    replaced
}

/// A type as it may stand in types and in expressions: `Dex::<u8>`.
fn spelt(state: &Type) -> TokenStream {
    let mut state = bare(state).clone();
    if let Type::Path(state) = &mut state {
        for segment in &mut state.path.segments {
            if let PathArguments::AngleBracketed(arguments) = &mut segment.arguments {
                arguments.colon2_token.get_or_insert_with(Default::default);
            }
        }
    }
    state.into_token_stream()
}

/// The arguments after `self`, as types in which `Self` is understood.
pub(crate) fn free(signature: &Signature, state: &Type) -> Option<Signature> {
    let mut signature: Signature =
        syn::parse2(replace_self(signature.to_token_stream(), state)).ok()?;
    let inputs = std::mem::take(&mut signature.inputs).into_iter();
    signature.inputs = inputs.filter(|input| matches!(input, FnArg::Typed(_))).collect();
    Some(signature)
}
