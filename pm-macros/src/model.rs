//! What the attribute was put on, as plain data.

use crate::args::Options;
use crate::bytes::Shape;
use crate::service::replace_self;
use crate::value::is_stem;
use crate::{attribute, signature};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::ext::IdentExt;
use syn::visit_mut::{self, VisitMut};
use syn::{
    Expr, FnArg, ItemFn, Lifetime, ParenthesizedGenericArguments, Pat, ReturnType, Signature, Type,
    TypeFnPtr, TypeReference, parse_quote,
};

/// A pool: its names, its options and the queries that it runs.
pub(crate) struct Model {
    pub(crate) runtime: TokenStream,
    pub(crate) options: Options,
    /// Attributes that every generated item shares with the user's.
    pub(crate) attrs: Vec<TokenStream>,
    pub(crate) vis: TokenStream,
    pub(crate) names: Names,
    /// What reports call the entry, as the user wrote it.
    pub(crate) title: String,
    /// What docs call it.
    pub(crate) doc: String,
    /// The type of a service.
    pub(crate) state: Option<Type>,
    pub(crate) signature: String,
    pub(crate) queries: Vec<Query>,
}

/// The names of the generated items.
pub(crate) struct Names {
    pub(crate) request: Ident,
    pub(crate) response: Ident,
    pub(crate) pool: Ident,
    pub(crate) builder: Ident,
}

/// One function that workers run.
pub(crate) struct Query {
    /// Its path.
    pub(crate) function: TokenStream,
    /// What docs call it.
    pub(crate) doc: String,
    /// What it does with the state of its service.
    pub(crate) access: Access,
    pub(crate) is_async: bool,
    /// The variant of the messages.
    pub(crate) variant: Ident,
    /// The method of the pool.
    pub(crate) method: Ident,
    pub(crate) vis: TokenStream,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) answer: Answer,
}

/// What a query returns.
pub(crate) struct Answer {
    pub(crate) ty: Type,
    /// Where it has bytes.
    pub(crate) shape: Shape,
}

/// What a query does with the state of its service.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Access {
    /// It belongs to none.
    Nothing,
    /// `&self`
    Reads,
    /// `&mut self`
    Writes,
}

/// One argument of a query, and how it travels.
pub(crate) struct Argument {
    pub(crate) name: Ident,
    /// As the user wrote it.
    pub(crate) ty: Type,
    /// The same with its lifetimes named; without the `&` where it goes by reference.
    pub(crate) field: Type,
    /// `&T`: sent by reference and received in a box.
    pub(crate) by_reference: bool,
    pub(crate) borrows: Borrows,
    /// Where the field has bytes.
    pub(crate) shape: Shape,
}

/// Whether a received value points into the message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Borrows {
    Nothing,
    /// `&str`, which serde borrows unasked.
    Unasked,
    /// Anything else, which serde has to be asked for.
    Asked,
}

impl Model {
    /// `None` where no name of a type can be made of the function's.
    pub(crate) fn new(function: &ItemFn, options: Options) -> Option<Model> {
        let ident = &function.sig.ident;
        let title = ident.unraw().to_string();
        let stem = match &options.stem {
            Some(stem) => stem.to_string(),
            None => Some(camel_case(&title)).filter(|stem| is_stem(stem))?,
        };
        Some(Model {
            runtime: options.runtime(),
            options,
            attrs: attribute::shared(&function.attrs),
            vis: respan(function.vis.to_token_stream()),
            names: Names::new(&stem, ident.span()),
            doc: format!("[`{title}()`]"),
            title,
            state: None,
            signature: signature::text(&function.sig),
            queries: Vec::new(),
        })
    }
}

impl Model {
    /// What the function of a pool returns that runs nothing else.
    pub(crate) fn answer(&self) -> Option<&Type> {
        let of_function = self.queries.first().filter(|_| self.state.is_none());
        of_function.map(|query| &query.answer.ty)
    }

    /// The type of the workers' messages, where it is not text.
    pub(crate) fn message(&self) -> Option<TokenStream> {
        let message = self.options.message.as_ref()?.to_token_stream();
        Some(match &self.state {
            Some(state) => replace_self(message, state),
            None => message,
        })
    }

    /// The signature that pool and worker compare: what they have to agree on.
    pub(crate) fn fingerprint(&self) -> String {
        match self.message() {
            Some(message) => {
                format!("{}, message {}", self.signature, signature::plain(message))
            }
            None => self.signature.clone(),
        }
    }
}

impl Names {
    pub(crate) fn new(stem: &str, span: Span) -> Names {
        let span = made(span);
        Names {
            request: format_ident!("{stem}Request", span = span),
            response: format_ident!("{stem}Response", span = span),
            pool: format_ident!("{stem}Pool", span = span),
            builder: format_ident!("{stem}PoolBuilder", span = span),
        }
    }

    pub(crate) fn all(&self) -> [&Ident; 4] {
        [&self.request, &self.response, &self.pool, &self.builder]
    }
}

impl Query {
    /// The query of a free function whose signature has passed the checks.
    pub(crate) fn new(signature: &Signature, doc: String) -> Query {
        let span = made(signature.ident.span());
        let mut function = signature.ident.clone();
        function.set_span(span);
        Query {
            function: function.into_token_stream(),
            doc,
            access: Access::Nothing,
            is_async: signature.asyncness.is_some(),
            variant: Ident::new("Query", span),
            method: Ident::new("query", span),
            vis: quote!(pub),
            arguments: arguments(signature),
            answer: Answer::new(signature),
        }
    }
}

pub(crate) fn arguments(signature: &Signature) -> Vec<Argument> {
    signature.inputs.iter().filter_map(Argument::new).collect()
}

impl Answer {
    pub(crate) fn new(signature: &Signature) -> Answer {
        let ty = match &signature.output {
            ReturnType::Type(_, ty) => (**ty).clone(),
            ReturnType::Default => parse_quote!(()),
        };
        Answer { shape: Shape::of(&ty), ty }
    }
}

impl Argument {
    /// `None` for what the checks refuse.
    fn new(argument: &FnArg) -> Option<Argument> {
        let FnArg::Typed(typed) = argument else {
            return None;
        };
        let Pat::Ident(pattern) = &*typed.pat else {
            return None;
        };
        let mut fill = FillLifetimes { any: false };
        let (mut field, by_reference) = match bare(&typed.ty) {
            Type::Reference(reference) if !is_text_or_bytes(&reference.elem) => {
                ((*reference.elem).clone(), true)
            }
            other => (other.clone(), false),
        };
        fill.visit_type_mut(&mut field);
        let is_reference = matches!(field, Type::Reference(_));
        let shape = if by_reference { Shape::Other } else { Shape::of(&field) };
        Some(Argument {
            name: pattern.ident.clone(),
            ty: (*typed.ty).clone(),
            by_reference,
            borrows: match fill.any {
                true if is_reference && !by_reference && shape.is_other() => Borrows::Unasked,
                true => Borrows::Asked,
                false => Borrows::Nothing,
            },
            field,
            shape,
        })
    }

    /// What it borrows, where it is a reference.
    pub(crate) fn target(&self) -> Option<&Type> {
        match bare(&self.field) {
            field if self.by_reference => Some(field),
            Type::Reference(reference) => Some(&reference.elem),
            _ => None,
        }
    }

    /// Whether its type names a lifetime, but for that of the reference that it may be.
    pub(crate) fn names_lifetime(&self) -> bool {
        self.borrows != Borrows::Nothing && (self.by_reference || self.target().is_none())
    }

    /// Whether the message needs a lifetime for it.
    pub(crate) fn has_lifetime(&self) -> bool {
        self.by_reference || self.borrows != Borrows::Nothing
    }
}

/// `str` or `[u8]`.
fn is_text_or_bytes(target: &Type) -> bool {
    match bare(target) {
        Type::Slice(slice) => is_named(&slice.elem, "u8"),
        target => is_named(target, "str"),
    }
}

/// `str`, or any slice.
pub(crate) fn is_text_or_slice(target: &Type) -> bool {
    matches!(bare(target), Type::Slice(_)) || is_named(target, "str")
}

/// The type of this name, and nothing else.
pub(crate) fn is_named(ty: &Type, name: &str) -> bool {
    matches!(bare(ty), Type::Path(path) if path.path.is_ident(name))
}

/// Without parentheses, and without the invisible groups that `macro_rules!` makes.
pub(crate) fn bare(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => bare(&group.elem),
        Type::Paren(paren) => bare(&paren.elem),
        ty => ty,
    }
}

/// The lifetime of a message. Mixed-site, as all of them: a user's own `'pm` is another.
pub(crate) fn message_lifetime() -> Lifetime {
    Lifetime::new("'pm", Span::mixed_site())
}

/// Names every lifetime that a type leaves out.
struct FillLifetimes {
    any: bool,
}

impl VisitMut for FillLifetimes {
    fn visit_type_reference_mut(&mut self, reference: &mut TypeReference) {
        if reference.lifetime.is_none() {
            reference.lifetime = Some(message_lifetime());
            self.any = true;
        }
        visit_mut::visit_type_reference_mut(self, reference);
    }

    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        if lifetime.ident == "_" {
            *lifetime = message_lifetime();
            self.any = true;
        }
    }

    // The lifetimes in these are their own.
    fn visit_type_fn_ptr_mut(&mut self, _: &mut TypeFnPtr) {}
    fn visit_parenthesized_generic_arguments_mut(&mut self, _: &mut ParenthesizedGenericArguments) {
    }
    fn visit_expr_mut(&mut self, _: &mut Expr) {}
}

/// `roll_dice` as `RollDice`.
pub(crate) fn camel_case(name: &str) -> String {
    let mut words = String::new();
    for word in name.split('_') {
        let mut letters = word.chars();
        words.extend(letters.next().into_iter().flat_map(char::to_uppercase));
        words.push_str(letters.as_str());
    }
    words
}

/// The user's place under the macro's name: errors point at it, lints know who wrote it.
pub(crate) fn made(span: Span) -> Span {
    span.resolved_at(Span::call_site())
}

pub(crate) fn respan(tokens: TokenStream) -> TokenStream {
    let each = tokens.into_iter().map(|mut token| {
        token.set_span(made(token.span()));
        token
    });
    each.collect()
}
