use std::fmt;

use super::{DecodeError, EncodeError};

/// Why a value does not come back from a worker as it was sent.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RoundTripError {
    /// It cannot be written.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// What was written cannot be read.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A field is left out where it is written, and always read.
    #[error(
        "`{type_name}` does not come back: the field `{field}` of `{owner}` is left out, and all \
         fields are read, so that each gets the bytes of another: remove its \
         `#[serde(skip_serializing_if = ..)]`"
    )]
    Skipped {
        /// The type of the value.
        type_name: &'static str,
        /// The struct, or the variant, in it that has the field.
        owner: &'static str,
        /// The field.
        field: &'static str,
    },
    /// Something else is read than was written.
    #[error(
        "`{type_name}` comes back as another value: `Serialize` and `Deserialize` differ in what \
         they write and read, as by `#[serde(skip_serializing)]` without `skip_deserializing`, or \
         by a `serialize_with` without its `deserialize_with`"
    )]
    Different {
        /// The type of the value.
        type_name: &'static str,
    },
}

impl fmt::Debug for RoundTripError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
