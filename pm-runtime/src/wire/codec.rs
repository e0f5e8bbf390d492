//! Values as bytes. The only place that knows of bincode.

use std::any::type_name;

use serde::{Deserialize, Serialize};

use crate::error::{DecodeError, EncodeError};

/// Fixed-width integers: a little more to copy, much less to compute.
fn config() -> impl bincode::config::Config {
    // Without a limit a hostile length aborts the process.
    bincode::config::standard().with_fixed_int_encoding().with_limit::<{ 1 << 32 }>()
}

pub(crate) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, EncodeError> {
    bincode::serde::encode_to_vec(value, config())
        .map_err(|error| EncodeError::new(type_name::<T>(), error))
}

pub(crate) fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, DecodeError> {
    let (value, used) = bincode::serde::borrow_decode_from_slice(bytes, config())
        .map_err(|error| DecodeError::new(type_name::<T>(), error))?;
    match bytes.len() - used {
        0 => Ok(value),
        rest => Err(DecodeError::new(type_name::<T>(), format_args!("{rest} bytes too many"))),
    }
}
