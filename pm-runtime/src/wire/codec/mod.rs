//! Values as bytes. The only place that knows of bincode.
//!
//! bincode writes, and a decoder of our own reads: bincode's, given hostile bytes, takes memory
//! for text that is not there, counts to 2⁶⁴ where elements take no bytes, and overflows the
//! stack where types recurse.

mod access;
mod decoder;
mod error;
#[cfg(test)]
mod tests;

use std::any::type_name;

use serde::{Deserialize, Serialize};

use self::decoder::Decoder;
use crate::error::{DecodeError, EncodeError};

/// Fixed-width integers: a little more to copy, much less to compute. The decoder reads this
/// configuration and no other.
fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_fixed_int_encoding()
}

pub(crate) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, EncodeError> {
    bincode::serde::encode_to_vec(value, config()).map_err(|error| match error {
        // What the type itself said, which bincode would show in quotes.
        bincode::error::EncodeError::OtherString(text) => EncodeError::new(type_name::<T>(), text),
        error => EncodeError::new(type_name::<T>(), error),
    })
}

/// Which variant of an enum was encoded, counted from 0.
pub(crate) fn variant(bytes: &[u8]) -> Option<usize> {
    let index = u32::from_le_bytes(*bytes.first_chunk()?);
    usize::try_from(index).ok()
}

pub(crate) fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, DecodeError> {
    let mut decoder = Decoder::new(bytes);
    T::deserialize(&mut decoder).and_then(|value| decoder.finish().map(|()| value)).map_err(
        |error| {
            let (at, all) = (bytes.len() - decoder.left(), bytes.len());
            DecodeError::new(type_name::<T>(), format_args!("{error} (at byte {at} of {all})"))
        },
    )
}
