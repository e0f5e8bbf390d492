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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parcel {
    bulk: Vec<u8>,
    /// With what follows it.
    value: SmallBytes,
}

impl Parcel {
    /// What is sent. The value's memory should have room for [`FOOTER`] more bytes.
    pub(crate) fn new(value: impl Into<SmallBytes>, Bulk(bulk): Bulk) -> Self {
        let mut value = value.into();
        if bulk.len() + value.len() >= LARGE {
            value.extend(&(bulk.len() as u64).to_le_bytes(), 0);
        }
        Self { bulk, value }
    }

    /// What was received; `None`: it is none.
    pub(crate) fn from_bytes(bytes: impl Into<SmallBytes>) -> Option<Self> {
        let bytes = bytes.into();
        if bytes.len() < LARGE {
            return Some(Self { bulk: Vec::new(), value: bytes });
        }
        let (rest, length) = bytes.split_last_chunk()?;
        let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
        if length > rest.len() {
            return None;
        }
        Some(match length {
            0 => Self { bulk: Vec::new(), value: bytes },
            _ => {
                let mut bulk = bytes.into_vec();
                let value = bulk.split_off(length).into();
                Self { bulk, value }
            }
        })
    }

    /// The encoded value.
    pub(crate) fn value(&self) -> &[u8] {
        let footer = if self.bulk.len() + self.value.len() < LARGE { 0 } else { FOOTER };
        self.value.get(..self.value.len().saturating_sub(footer)).unwrap_or_default()
    }

    /// The encoded value, and what travels beside it.
    pub(crate) fn open(&mut self) -> (&[u8], &mut Vec<u8>) {
        let Self { bulk, value } = self;
        let footer = if bulk.len() + value.len() < LARGE { 0 } else { FOOTER };
        (value.get(..value.len().saturating_sub(footer)).unwrap_or_default(), bulk)
    }

    /// Bytes of the value, its bulk included: as many as if it had none.
    pub(crate) fn size(&self) -> usize {
        self.bulk.len() + self.value().len()
    }

    /// What travels, one behind the other.
    pub(crate) fn parts(&self) -> [&[u8]; 2] {
        [&self.bulk, &self.value]
    }
}

/// The next message may be as large.
impl Drop for Parcel {
    fn drop(&mut self) {
        if self.bulk.capacity() > 0 {
            large::give_back(std::mem::take(&mut self.bulk));
        }
        if let SmallBytes::Many(value) = &mut self.value {
            large::give_back(std::mem::take(value));
        }
    }
}
