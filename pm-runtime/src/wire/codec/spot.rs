//! Where in a value something is wrong.

use std::any::type_name;
use std::fmt;

use crate::error::Place;
use crate::wire::bytes;

/// Told from the inside to the outside, as an error returns.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Spot {
    /// The innermost struct, and its field.
    field: Option<(&'static str, &'static str)>,
    /// The outermost variant, which of its values, and the type of that.
    value: Option<(u32, u32, &'static str)>,
}

impl Spot {
    #[cold]
    pub(super) fn within_field(&mut self, owner: &'static str, field: &'static str) {
        self.field.get_or_insert((owner, field));
    }

    #[cold]
    pub(super) fn within_variant<T: ?Sized>(&mut self, variant: u32, position: u32) {
        self.value = Some((variant, position, type_name::<T>()));
    }

    /// The innermost struct, or variant like one, and its field.
    pub(super) fn field(&self) -> (&'static str, &'static str) {
        self.field.unwrap_or_default()
    }

    /// Which of a message's values it is, by the names that messages have for it.
    pub(super) fn place(&self) -> Option<Place> {
        self.value.map(|(query, argument, _)| Place { query, argument })
    }

    /// The type of that value, as its user knows it: what is lent counts as what it is, and so do
    /// bytes.
    pub(super) fn type_name(&self) -> Option<String> {
        const LENT: &str = "pm_runtime::__private::Ref<";
        let (.., name) = self.value?;
        let lent = name.strip_prefix(LENT).and_then(|name| name.strip_suffix('>'));
        // Compilers differ in whether they write the lifetime.
        let name = lent.map_or(name, |name| name.strip_prefix("'_, ").unwrap_or(name));
        Some(bytes::without_wrappers(name))
    }
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field {
            Some(("", field)) => write!(f, ", in the field `{field}`"),
            Some((owner, field)) => write!(f, ", in the field `{field}` of `{owner}`"),
            None => Ok(()),
        }
    }
}
