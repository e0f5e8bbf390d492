//! Values as bytes. The only place that knows of bincode.
//!
//! bincode writes, and a decoder of our own reads: bincode's, given hostile bytes, takes memory
//! for text that is not there, counts to 2⁶⁴ where elements take no bytes, and overflows the
//! stack where types recurse.

mod access;
mod decoder;
mod error;
mod examine;
mod spot;
#[cfg(test)]
mod tests;

use std::any::type_name;

use bincode::enc::write::Writer;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use self::decoder::Decoder;
use self::error::Error;
use self::examine::{Flaw, Kind, examine};
use self::spot::Spot;
use super::bulk::{Bulk, FOOTER, Parcel};
use super::small::SmallBytes;
use crate::error::{DecodeError, EncodeError, RoundTripError};

/// Fixed-width integers: a little more to copy, much less to compute. The decoder reads this
/// configuration and no other.
fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_fixed_int_encoding()
}

pub(crate) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, EncodeError> {
    write(value).map(SmallBytes::into_vec).map_err(|error| {
        let (message, spot) = unwritten(value, error);
        EncodeError::new(type_name::<T>(), format_args!("{message}{spot}"))
    })
}

/// Encodes a message of generated code, whose variants are queries or answers, and which has this
/// bulk: an error is about the value in it.
pub(crate) fn encode_message<T: Serialize>(message: &T, bulk: Bulk) -> Result<Parcel, EncodeError> {
    let value = write(message).map_err(|error| {
        let (text, spot) = unwritten(message, error);
        let type_name = spot.type_name().unwrap_or_else(|| type_name::<T>().into());
        EncodeError::new(&type_name, format_args!("{text}{spot}")).in_message(spot.place())
    })?;
    Ok(Parcel::new(value, bulk))
}

fn write<T: Serialize + ?Sized>(value: &T) -> Result<SmallBytes, bincode::error::EncodeError> {
    let mut out = Out(SmallBytes::new());
    bincode::serde::encode_into_writer(value, &mut out, config())?;
    Ok(out.0)
}

/// What is written, with room for what a [`Parcel`] puts behind it.
struct Out(SmallBytes);

impl Writer for &mut Out {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), bincode::error::EncodeError> {
        self.0.extend(bytes, FOOTER);
        Ok(())
    }
}

/// What bincode says of a value, in a sentence, and what of the value it says that of.
#[cold]
fn unwritten<T: Serialize + ?Sized>(
    value: &T,
    error: bincode::error::EncodeError,
) -> (String, Spot) {
    use bincode::error::EncodeError::{OtherString, Serde};
    use bincode::serde::EncodeError::SequenceMustHaveLength;
    let text = match error {
        // What the type itself said, which bincode would show in quotes.
        OtherString(text) => text,
        Serde(SequenceMustHaveLength) => "a map or sequence does not know its length".into(),
        error => error.to_string(),
    };
    let spot = match examine(value, false) {
        // Where the examination ends, which is somewhere before the place.
        Err(Flaw { kind: Kind::Depth, .. }) | Ok(_) => Spot::default(),
        Err(flaw) => flaw.spot,
    };
    (text, spot)
}

/// Whether an encoded message says more than which variant it is.
pub(crate) fn has_arguments(message: &Parcel) -> bool {
    let [bulk, value] = message.parts();
    !bulk.is_empty() || value.len() > size_of::<u32>()
}

/// Which variant of an enum was encoded, counted from 0.
pub(crate) fn variant(bytes: &[u8]) -> Option<usize> {
    let index = u32::from_le_bytes(*bytes.first_chunk()?);
    usize::try_from(index).ok()
}

pub(crate) fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, DecodeError> {
    read(bytes).map_err(|unread| DecodeError::new(type_name::<T>(), unread.text))
}

/// Decodes a message of generated code, as [`encode_message`] encodes it; bytes that own what they
/// are take it out of the parcel.
pub(crate) fn decode_message<'a, T: Deserialize<'a>>(
    parcel: &'a mut Parcel,
) -> Result<T, DecodeError> {
    let (value, bulk) = parcel.open();
    finish(Decoder::new(value).beside(bulk), value.len()).map_err(|Unread { text, spot }| {
        let type_name = spot.type_name().unwrap_or_else(|| type_name::<T>().into());
        DecodeError::new(&type_name, text).in_message(spot.place())
    })
}

struct Unread {
    text: String,
    spot: Spot,
}

fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Unread> {
    finish(Decoder::new(bytes), bytes.len())
}

fn finish<'a, T: Deserialize<'a>>(mut decoder: Decoder<'a>, all: usize) -> Result<T, Unread> {
    let value = T::deserialize(&mut decoder);
    value
        .and_then(|value| decoder.finish().map(|()| value))
        .map_err(|error| unread(decoder, error, all))
}

#[cold]
fn unread(decoder: Decoder<'_>, error: Error, all: usize) -> Unread {
    let at = all - decoder.left();
    let spot = decoder.spot;
    Unread { text: format!("{error}{spot} (at byte {at} of {all})"), spot }
}

/// Whether a value comes back as it was sent.
pub(crate) fn round_trip<T: Serialize + DeserializeOwned>(value: &T) -> Result<(), RoundTripError> {
    let type_name = type_name::<T>();
    let different = RoundTripError::Different { type_name };
    let said = examine(value, false);
    if let Err(Flaw { kind: Kind::Depth, .. }) = said {
        // To write it could overflow the stack, and nobody would read it.
        return Err(RoundTripError::Decode(DecodeError::new(type_name, Error::Depth)));
    }
    let back = encode(value)?;
    let back = decode::<T>(&back).map_err(RoundTripError::Decode).and_then(|back| {
        if examine(&back, false).ok() == said.ok() { Ok(()) } else { Err(different) }
    });
    // A field that is left out explains either failure.
    back.map_err(|error| match examine(value, true) {
        Err(Flaw { spot, kind: Kind::Skipped }) => {
            let (owner, field) = spot.field();
            RoundTripError::Skipped { type_name, owner, field }
        }
        _ => error,
    })
}
