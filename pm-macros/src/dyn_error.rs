//! `dyn Error`, of which serde would say nothing that leads on.

use crate::attribute::is_named;
use syn::visit::{self, Visit};
use syn::{Error, Type, TypeParamBound, TypeTraitObject};

/// What is wrong with a trait object of errors; `verb` says what is done with its place. Objects of
/// other traits may be serde's by a crate such as `typetag`.
pub(crate) fn refused(ty: &TypeTraitObject, verb: &str) -> Option<Error> {
    let is_error = |bound: &TypeParamBound| match bound {
        TypeParamBound::Trait(bound) => is_named(&bound.path, "Error"),
        _ => false,
    };
    let message = format!(
        "`Box<dyn Error>` cannot travel between processes: {verb} an enum that derives serde's \
         traits, or a `String`"
    );
    ty.bounds.iter().any(is_error).then(|| Error::new_spanned(ty, message))
}

/// The first one in a type.
pub(crate) fn refused_in(ty: &Type, verb: &'static str) -> Option<Error> {
    struct First(&'static str, Option<Error>);
    impl<'ast> Visit<'ast> for First {
        fn visit_type_trait_object(&mut self, ty: &'ast TypeTraitObject) {
            self.1 = self.1.take().or_else(|| refused(ty, self.0));
            visit::visit_type_trait_object(self, ty);
        }
    }
    let mut first = First(verb, None);
    first.visit_type(ty);
    first.1
}
