//! What can be seen to be bytes, and travels as such: serde would take it for a sequence, and go
//! through it byte by byte.

use crate::messages::around;
use crate::model::{bare, is_named};
use crate::parts::own;
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::{GenericArgument, PathArguments, PathSegment, Type, TypePath};

/// Where in a type there are bytes.
pub(crate) enum Shape {
    /// Nowhere that can be seen.
    Other,
    /// `Vec<u8>`, `&[u8]`, `Box<[u8]>`, `[u8; N]`.
    Bytes,
    /// In the first argument of an `Option` or a `Result`.
    Held(Box<Shape>),
    Tuple(Vec<Shape>),
}

impl Shape {
    pub(crate) fn of(ty: &Type) -> Shape {
        match bare(ty) {
            Type::Path(path) => Shape::of_path(path),
            Type::Reference(to) if to.mutability.is_none() && is_bytes(&to.elem) => Shape::Bytes,
            Type::Array(array) if is_named(&array.elem, "u8") => Shape::Bytes,
            Type::Tuple(tuple) => {
                let shapes: Vec<_> = tuple.elems.iter().map(Shape::of).collect();
                match shapes.iter().all(Shape::is_other) {
                    true => Shape::Other,
                    false => Shape::Tuple(shapes),
                }
            }
            _ => Shape::Other,
        }
    }

    fn of_path(path: &TypePath) -> Shape {
        let Some(last) = path.path.segments.last().filter(|_| path.qself.is_none()) else {
            return Shape::Other;
        };
        let Some(held) = first_argument(last) else { return Shape::Other };
        let is = |name, home| is_of_std(path, name, home);
        let owns = is("Vec", "vec") && is_named(held, "u8") || is("Box", "boxed") && is_bytes(held);
        // A crate's own `Result` is another name for that of std.
        let holds = is("Option", "option") || last.ident == "Result";
        match (owns, holds) {
            (true, _) => Shape::Bytes,
            (_, true) => match Shape::of(held) {
                Shape::Other => Shape::Other,
                shape => Shape::Held(Box::new(shape)),
            },
            _ => Shape::Other,
        }
    }

    pub(crate) fn is_other(&self) -> bool {
        matches!(self, Shape::Other)
    }

    /// The type as it stands in a message.
    pub(crate) fn field(&self, ty: &Type, runtime: &TokenStream) -> TokenStream {
        let mut field = bare(ty).clone();
        match (self, &mut field) {
            (Shape::Other, _) => return ty.to_token_stream(),
            (Shape::Bytes, field) => {
                return around(field, quote!(#runtime::__private::Bytes), quote!(#field));
            }
            (Shape::Held(shape), Type::Path(path)) => {
                if let Some(segment) = path.path.segments.last_mut()
                    && let PathArguments::AngleBracketed(arguments) = &mut segment.arguments
                    && let Some(GenericArgument::Type(held)) = arguments.args.first_mut()
                {
                    *held = Type::Verbatim(shape.field(held, runtime));
                }
            }
            (Shape::Tuple(shapes), Type::Tuple(tuple)) => {
                for (shape, element) in shapes.iter().zip(&mut tuple.elems) {
                    *element = Type::Verbatim(shape.field(element, runtime));
                }
            }
            (Shape::Held(_) | Shape::Tuple(_), _) => {}
        }
        field.into_token_stream()
    }

    /// A value of the user's as it stands in a message, some of it in [`bulk`] perhaps.
    pub(crate) fn packed(&self, value: TokenStream) -> TokenStream {
        let bulk = bulk();
        self.map(value, &|bytes| quote!(#bulk.pack(#bytes)))
    }

    /// A value of a message as the user has it.
    pub(crate) fn unpacked(&self, value: TokenStream) -> TokenStream {
        self.map(value, &|bytes| quote!(#bytes.0))
    }

    fn map(&self, value: TokenStream, bytes: &dyn Fn(TokenStream) -> TokenStream) -> TokenStream {
        match self {
            Shape::Other => value,
            Shape::Bytes => bytes(value),
            Shape::Held(shape) => {
                let held = own("held");
                let mapped = shape.map(quote!(#held), bytes);
                quote!(#value.map(|#held| #mapped))
            }
            Shape::Tuple(shapes) => {
                let names: Vec<_> = (0..shapes.len()).map(|n| own(&format!("part_{n}"))).collect();
                let mapped = shapes.iter().zip(&names).map(|(part, n)| part.map(quote!(#n), bytes));
                quote!(match #value { (#(#names,)*) => (#(#mapped,)*) })
            }
        }
    }
}

/// Where large bytes are while a message is made, by a name that no argument is expected to have.
pub(crate) fn bulk() -> Ident {
    own("__bulk")
}

/// `[u8]`.
fn is_bytes(ty: &Type) -> bool {
    matches!(bare(ty), Type::Slice(slice) if is_named(&slice.elem, "u8"))
}

/// `Vec`, `vec::Vec` or `std::vec::Vec`, whose module is its home.
fn is_of_std(path: &TypePath, name: &str, home: &str) -> bool {
    let mut segments = path.path.segments.iter().rev();
    segments.next().is_some_and(|last| last.ident == name)
        && segments.next().is_none_or(|module| module.ident == home)
        && segments.next().is_none_or(|root| root.ident == "std" || root.ident == "alloc")
        && segments.next().is_none()
}

/// The `T` of `Name<T, ..>`.
fn first_argument(segment: &PathSegment) -> Option<&Type> {
    match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => match arguments.args.first() {
            Some(GenericArgument::Type(first)) => Some(first),
            _ => None,
        },
        _ => None,
    }
}
