//! Large bytes, which travel beside the value that they belong to: moved into the message, and out
//! of it again, instead of being copied into it and out of it.

use super::bytes::Bytes;
use super::small::SmallBytes;
use crate::process::large;

/// So many bytes are bulk. To copy fewer costs less than to tell them apart.
const LARGE: usize = 64 << 10;

/// What a message copies in one go: parts that others follow are whole words.
const WORD: usize = 8;

/// Bytes of what tells how much of a message is bulk.
pub(crate) const FOOTER: usize = size_of::<u64>();

/// The bulk of a message that is being made: the first large bytes in it.
#[derive(Debug, Default)]
pub struct Bulk(Vec<u8>);

impl Bulk {
    /// There is none.
    pub fn new() -> Self {
        Self(Vec::new())
    }

    /// Bytes as they stand in the message; some of them may be here from now on.
    pub fn pack<T: Pack>(&mut self, bytes: T) -> Bytes<T> {
        bytes.pack(self)
    }

    fn takes(&self, length: usize) -> bool {
        self.0.is_empty() && length >= LARGE
    }
}

/// Bytes that may be bulk.
pub trait Pack: Sized {
    fn pack(self, bulk: &mut Bulk) -> Bytes<Self>;
}

impl Pack for Vec<u8> {
    fn pack(mut self, bulk: &mut Bulk) -> Bytes<Self> {
        if !bulk.takes(self.len()) {
            return Bytes::here(self);
        }
        let rest = self.split_off(whole(self.len()));
        bulk.0 = self;
        Bytes::beside(rest, bulk.0.len())
    }
}

impl Pack for Box<[u8]> {
    fn pack(self, bulk: &mut Bulk) -> Bytes<Self> {
        bulk.pack(self.into_vec()).map(Vec::into_boxed_slice)
    }
}

impl Pack for &[u8] {
    fn pack(self, bulk: &mut Bulk) -> Bytes<Self> {
        let (first, rest) = self.split_at(whole(self.len()));
        match bulk.takes(self.len()).then(|| large::buffer(first.len())) {
            Some(Ok(mut buffer)) => {
                buffer.extend_from_slice(first);
                bulk.0 = buffer;
                Bytes::beside(rest, first.len())
            }
            _ => Bytes::here(self),
        }
    }
}

impl<const N: usize> Pack for [u8; N] {
    fn pack(self, _: &mut Bulk) -> Bytes<Self> {
        Bytes::here(self)
    }
}

fn whole(length: usize) -> usize {
    length - length % WORD
}

/// An encoded query or answer.
///
/// ```text
/// ├ bulk … ┼ value … ┼ length of the bulk, 8 bytes
/// ```
///
/// The bulk comes first, so that it can be received into the very vector that its reader gets. Only
/// what has as many bytes as a bulk has the length behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel(Form);

/// As a rule there is no bulk, and what there is as a rule is moved a dozen times on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    /// The value, with what follows it.
    Value(SmallBytes),
    /// The same, and the bulk that comes before it.
    Both(Box<(Vec<u8>, SmallBytes)>),
}

impl Parcel {
    /// What is sent. The value's memory should have room for [`FOOTER`] more bytes.
    #[inline]
    pub(crate) fn new(value: impl Into<SmallBytes>, Bulk(bulk): Bulk) -> Self {
        let value = value.into();
        match bulk.is_empty() && value.len() < LARGE {
            true => Self(Form::Value(value)),
            false => Self::large(bulk, value),
        }
    }

    #[cold]
    fn large(bulk: Vec<u8>, mut value: SmallBytes) -> Self {
        if bulk.len() + value.len() >= LARGE {
            value.extend(&(bulk.len() as u64).to_le_bytes(), 0);
        }
        Self(if bulk.is_empty() { Form::Value(value) } else { Form::Both(Box::new((bulk, value))) })
    }

    /// What was received; `None`: it is none.
    #[inline]
    pub(crate) fn from_bytes(bytes: impl Into<SmallBytes>) -> Option<Self> {
        let bytes = bytes.into();
        if bytes.len() < LARGE { Some(Self(Form::Value(bytes))) } else { Self::from_large(bytes) }
    }

    #[cold]
    fn from_large(bytes: SmallBytes) -> Option<Self> {
        let (rest, length) = bytes.split_last_chunk()?;
        let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
        if length > rest.len() {
            return None;
        }
        Some(match length {
            0 => Self(Form::Value(bytes)),
            _ => {
                let mut bulk = bytes.into_vec();
                let value = bulk.split_off(length).into();
                Self(Form::Both(Box::new((bulk, value))))
            }
        })
    }

    /// The encoded value.
    #[inline]
    pub(crate) fn value(&self) -> &[u8] {
        match &self.0 {
            Form::Value(value) => without_footer(value, 0),
            Form::Both(both) => without_footer(&both.1, both.0.len()),
        }
    }

    /// The encoded value, and what travels beside it.
    #[inline]
    pub(crate) fn open(&mut self) -> (&[u8], Option<&mut Vec<u8>>) {
        match &mut self.0 {
            Form::Value(value) => (without_footer(value, 0), None),
            Form::Both(both) => {
                let (bulk, value) = &mut **both;
                (without_footer(value, bulk.len()), Some(bulk))
            }
        }
    }

    /// Bytes of the value, its bulk included: as many as if it had none.
    #[inline]
    pub(crate) fn size(&self) -> usize {
        self.parts()[0].len() + self.value().len()
    }

    /// What travels, one behind the other.
    #[inline]
    pub(crate) fn parts(&self) -> [&[u8]; 2] {
        match &self.0 {
            Form::Value(value) => [&[], value],
            Form::Both(both) => [&both.0, &both.1],
        }
    }
}

/// A value without what follows it, where so many bytes of bulk come before it.
#[inline]
fn without_footer(value: &[u8], bulk: usize) -> &[u8] {
    let footer = if bulk + value.len() < LARGE { 0 } else { FOOTER };
    value.get(..value.len().saturating_sub(footer)).unwrap_or_default()
}

impl Default for Parcel {
    fn default() -> Self {
        Self(Form::Value(SmallBytes::new()))
    }
}

/// The next message may be as large.
impl Drop for Parcel {
    #[inline]
    fn drop(&mut self) {
        match &mut self.0 {
            Form::Value(SmallBytes::Few { .. }) => {}
            Form::Value(SmallBytes::Many(value)) => large::give_back(std::mem::take(value)),
            Form::Both(both) => {
                large::give_back(std::mem::take(&mut both.0));
                if let SmallBytes::Many(value) = &mut both.1 {
                    large::give_back(std::mem::take(value));
                }
            }
        }
    }
}
