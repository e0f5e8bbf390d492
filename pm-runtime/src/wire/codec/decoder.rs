//! Reads what bincode writes through serde, from bytes that may be hostile.
//!
//! ```text
//! bool, u8, i8           one byte; a bool is 0 or 1
//! u16 … u128, i16 …      2 … 16 bytes, little-endian; floats are their bits
//! char                   its UTF-8, one to four bytes
//! unit                   nothing
//! str, bytes             a length of 8 bytes, then as many bytes; with the highest bit of the length
//!                        all but the last few of them are beside the message
//! Option                 one byte, 0 or 1, then the value if there is one
//! seq, map               a count of 8 bytes, then the elements, or keys and values in turn
//! tuple, array, struct   the elements, with no count: the type knows it
//! enum                   the variant's index in 4 bytes, then what the variant holds
//! ```
//!
//! The format does not describe itself: a type that asks what comes next is refused. What
//! hostile bytes can cost is bounded before it is spent. A length is checked against the bytes
//! that are left, a count too, as an element takes at least a byte, or else draws on a budget
//! for [`EMPTY`] ones; so time is linear in the bytes, and memory is at most an element of the
//! type for each byte. What nests draws on a budget for the [`STACK`].

use serde::de::{Deserializer, Visitor};

use super::access::{Counted, Fields, Fixed, Variant};
use super::error::Error;
use super::spot::Spot;
use crate::wire::bytes::BESIDE;

/// How many elements that take no bytes a message may have, in all its sequences and maps.
pub(super) const EMPTY: usize = 1 << 20;

/// What values within values may take of the stack, by estimate, in bytes.
///
/// A pool decodes on its caller's stack, often of 2 MiB, as tokio's threads have, and a worker
/// on 1 MiB at least. It is enough for a JSON-like tree 290 levels deep, or a list of 350 boxes.
pub(super) const STACK: usize = 768 << 10;

/// The stack that one level takes beside its values: 0.5 to 1 KiB in debug builds, a tenth to a
/// half of that in release builds.
const LEVEL: usize = 1 << 10;

/// More levels than this are always refused.
pub(super) const LEVELS: usize = STACK / LEVEL;

/// How often a level has its value on the stack in debug builds: 6 to 8 times. There an enum's
/// level has besides, next to each other, what each of its variants holds.
const COPIES: usize = 8;

/// The most that a level's values count for: large arrays may travel, a few levels deep. So a
/// type that holds itself and, in place, more than 32 KiB besides could still overflow 2 MiB.
const LARGE: usize = STACK / 8;

/// Reads one message.
pub(super) struct Decoder<'de> {
    pub(super) rest: &'de [u8],
    /// What is left of [`EMPTY`].
    empty: usize,
    /// What is left of [`STACK`].
    stack: usize,
    /// What is beside the message, until it is taken.
    bulk: Option<&'de mut Vec<u8>>,
    /// Where it failed.
    pub(super) spot: Spot,
}

impl<'de> Decoder<'de> {
    #[inline]
    pub(super) fn new(bytes: &'de [u8]) -> Self {
        Self { rest: bytes, empty: EMPTY, stack: STACK, bulk: None, spot: Spot::default() }
    }

    /// Beside the message there are these bytes, which are the first of some value's.
    #[inline]
    pub(super) fn beside(self, bulk: Option<&'de mut Vec<u8>>) -> Self {
        Self { bulk: bulk.filter(|bulk| !bulk.is_empty()), ..self }
    }

    /// How many bytes have not been read.
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    /// That nothing follows the value, or was beside it in vain.
    #[inline]
    pub(super) fn finish(&self) -> Result<(), Error> {
        match self.left() + self.bulk.as_ref().map_or(0, |bulk| bulk.len()) {
            0 => Ok(()),
            left => Err(Error::Rest(left)),
        }
    }

    /// The next bytes, not yet taken.
    #[inline]
    pub(super) fn peek<const N: usize>(&self) -> Result<(&'de [u8; N], &'de [u8]), Error> {
        match self.rest.split_first_chunk() {
            Some(split) => Ok(split),
            None => Err(Error::End { wanted: N, left: self.left() }),
        }
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (array, rest) = self.peek()?;
        self.rest = rest;
        Ok(*array)
    }

    /// A byte that says which of two it is.
    #[inline]
    fn flag(&mut self, senseless: fn(u8) -> Error) -> Result<bool, Error> {
        let (&[byte], rest) = self.peek()?;
        if byte > 1 {
            return Err(senseless(byte));
        }
        self.rest = rest;
        Ok(byte == 1)
    }

    /// The length of what has at least a byte for each, except for so many.
    #[inline]
    fn length(&mut self, except: usize) -> Result<usize, Error> {
        let (length, rest) = self.peek()?;
        let length = u64::from_le_bytes(*length);
        match usize::try_from(length) {
            Ok(sane) if sane.saturating_sub(rest.len()) <= except => {
                self.rest = rest;
                Ok(sane)
            }
            _ => Err(Error::Length { length, left: rest.len() }),
        }
    }

    #[inline]
    fn bytes(&mut self) -> Result<&'de [u8], Error> {
        let length = self.length(0)?;
        match self.rest.split_at_checked(length) {
            Some((bytes, rest)) => {
                self.rest = rest;
                Ok(bytes)
            }
            None => Err(Error::End { wanted: length, left: self.left() }),
        }
    }

    /// Bytes that are beside the message, with the last few of them, if these are.
    #[inline]
    fn bulk(&mut self) -> Result<Option<&'de mut Vec<u8>>, Error> {
        let Some(bulk) = &self.bulk else { return Ok(None) };
        let (length, rest) = self.peek()?;
        let length = u64::from_le_bytes(*length);
        let Some(all) = length.checked_sub(BESIDE) else { return Ok(None) };
        let here = all.checked_sub(bulk.len() as u64).and_then(|here| usize::try_from(here).ok());
        let split = here.and_then(|here| rest.split_at_checked(here));
        let Some((last, rest)) = split else {
            return Err(Error::Length { length: all, left: bulk.len() + rest.len() });
        };
        self.rest = rest;
        let Some(bulk) = self.bulk.take() else { return Ok(None) };
        bulk.extend_from_slice(last);
        Ok(Some(bulk))
    }

    /// Accounts for an element before which so many bytes were left.
    #[inline]
    pub(super) fn account<T>(&mut self, before: usize) -> Result<(), Error> {
        if self.left() == before {
            // It may still have fields that do not travel, and so take memory.
            let cost = 1 + size_of::<T>() / 16;
            self.empty = self.empty.checked_sub(cost).ok_or(Error::Empty)?;
        }
        Ok(())
    }

    /// Goes one level deeper, to a value of this type; the way back returns what it took.
    #[inline]
    pub(super) fn enter<T>(&mut self, variants: usize) -> Result<usize, Error> {
        let values = size_of::<T>().saturating_mul(COPIES.saturating_add(variants));
        let cost = LEVEL + values.min(LARGE);
        self.stack = self.stack.checked_sub(cost).ok_or(Error::Depth)?;
        Ok(cost)
    }

    #[inline]
    pub(super) fn leave(&mut self, cost: usize) {
        self.stack += cost;
    }
}

/// Numbers of fixed width.
macro_rules! numbers {
    ($($method:ident, $visit:ident, $type:ty;)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            visitor.$visit(<$type>::from_le_bytes(self.array()?))
        }
    )*};
}

/// Methods that do as another does.
macro_rules! same {
    ($($method:ident($($name:ident: $type:ty),*) = $other:ident($($argument:expr),*);)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(
            self,
            $($name: $type,)*
            visitor: V,
        ) -> Result<V::Value, Error> {
            self.$other($($argument,)* visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for &mut Decoder<'de> {
    type Error = Error;

    numbers! {
        deserialize_u8, visit_u8, u8;
        deserialize_u16, visit_u16, u16;
        deserialize_u32, visit_u32, u32;
        deserialize_u64, visit_u64, u64;
        deserialize_u128, visit_u128, u128;
        deserialize_i8, visit_i8, i8;
        deserialize_i16, visit_i16, i16;
        deserialize_i32, visit_i32, i32;
        deserialize_i64, visit_i64, i64;
        deserialize_i128, visit_i128, i128;
        deserialize_f32, visit_f32, f32;
        deserialize_f64, visit_f64, f64;
    }

    same! {
        deserialize_string() = deserialize_str();
        deserialize_unit_struct(_name: &'static str) = deserialize_unit();
        deserialize_tuple_struct(_name: &'static str, len: usize) = deserialize_tuple(len);
    }

    #[inline]
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_bool(self.flag(Error::Bool)?)
    }

    #[inline]
    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let (&[first], _) = self.peek()?;
        let width = match first {
            0x00..=0x7f => 1,
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            _ => return Err(Error::Char),
        };
        let Some((bytes, rest)) = self.rest.split_at_checked(width) else {
            return Err(Error::End { wanted: width, left: self.left() });
        };
        let text = std::str::from_utf8(bytes).map_err(|_| Error::Char)?;
        let char = text.chars().next().ok_or(Error::Char)?;
        self.rest = rest;
        visitor.visit_char(char)
    }

    #[inline]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let text = std::str::from_utf8(self.bytes()?).map_err(|_| Error::Text)?;
        visitor.visit_borrowed_str(text)
    }

    #[inline]
    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.bulk()? {
            Some(bulk) => visitor.visit_borrowed_bytes(bulk),
            None => visitor.visit_borrowed_bytes(self.bytes()?),
        }
    }

    #[inline]
    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.bulk()? {
            Some(bulk) => visitor.visit_byte_buf(std::mem::take(bulk)),
            None => visitor.visit_borrowed_bytes(self.bytes()?),
        }
    }

    #[inline]
    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if !self.flag(Error::Option)? {
            return visitor.visit_none();
        }
        let cost = self.enter::<V::Value>(0)?;
        let value = visitor.visit_some(&mut *self);
        self.leave(cost);
        value
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        let cost = self.enter::<V::Value>(0)?;
        let value = visitor.visit_newtype_struct(&mut *self);
        self.leave(cost);
        value
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let left = self.length(self.empty)?;
        let cost = self.enter::<V::Value>(0)?;
        let value = visitor.visit_seq(Counted::new(self, left));
        self.leave(cost);
        value
    }

    #[inline]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let left = self.length(self.empty)?;
        let cost = self.enter::<V::Value>(0)?;
        let value = visitor.visit_map(Counted::new(self, left));
        self.leave(cost);
        value
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Error> {
        let cost = self.enter::<V::Value>(0)?;
        let value = visitor.visit_seq(Fixed::new(self, len));
        self.leave(cost);
        value
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let cost = self.enter::<V::Value>(0)?;
        let value = visitor.visit_seq(Fields::new(self, name, fields));
        self.leave(cost);
        value
    }

    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let cost = self.enter::<V::Value>(variants.len())?;
        let value = visitor.visit_enum(Variant { decoder: &mut *self, index: 0 });
        self.leave(cost);
        value
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::Any)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::Identifier)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::Ignored)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}
