//! Bytes that, where they are few, need no memory of their own: most messages are short.

use std::fmt;
use std::ops::Deref;

use crate::process::large;

/// So many bytes are few.
const FEW: usize = 30;

/// Encoded bytes.
#[derive(Clone)]
pub(crate) enum SmallBytes {
    Few { length: u8, bytes: [u8; FEW] },
    Many(Vec<u8>),
}

impl SmallBytes {
    pub(crate) const fn new() -> Self {
        Self::Few { length: 0, bytes: [0; FEW] }
    }

    /// So many bytes, as they are filled in.
    #[inline]
    pub(crate) fn filled(length: usize, fill: impl FnOnce(&mut [u8])) -> Self {
        if length <= FEW {
            let mut bytes = [0; FEW];
            fill(&mut bytes[..length]);
            return Self::Few { length: length as u8, bytes };
        }
        let mut bytes = vec![0; length];
        fill(&mut bytes);
        Self::Many(bytes)
    }

    /// Appends; where these are many, there is room for so many more behind them.
    #[inline]
    pub(crate) fn extend(&mut self, more: &[u8], spare: usize) {
        match self {
            Self::Few { length, bytes } => {
                let here = usize::from(*length);
                match bytes.get_mut(here..here + more.len()) {
                    Some(room) => {
                        room.copy_from_slice(more);
                        *length += more.len() as u8;
                    }
                    None => self.spill(more, spare),
                }
            }
            Self::Many(bytes) => {
                large::reserve(bytes, more.len() + spare);
                bytes.extend_from_slice(more);
            }
        }
    }

    #[cold]
    fn spill(&mut self, more: &[u8], spare: usize) {
        let mut bytes = Vec::new();
        large::reserve(&mut bytes, self.len() + (more.len() + spare).max(FEW));
        bytes.extend_from_slice(self);
        bytes.extend_from_slice(more);
        *self = Self::Many(bytes);
    }

    pub(crate) fn into_vec(self) -> Vec<u8> {
        match self {
            Self::Few { .. } => self.to_vec(),
            Self::Many(bytes) => bytes,
        }
    }
}

impl Deref for SmallBytes {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Self::Few { length, bytes } => bytes.get(..usize::from(*length)).unwrap_or_default(),
            Self::Many(bytes) => bytes,
        }
    }
}

impl From<Vec<u8>> for SmallBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Many(bytes)
    }
}

impl Default for SmallBytes {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for SmallBytes {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for SmallBytes {}

impl fmt::Debug for SmallBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_and_many_are_the_same_bytes() {
        let all: Vec<u8> = (0..200).collect();
        for length in 0..=all.len() {
            let filled = SmallBytes::filled(length, |room| room.copy_from_slice(&all[..length]));
            assert_eq!(filled, SmallBytes::from(all[..length].to_vec()));
            for step in [1, 7, 30, 31, 200] {
                let mut grown = SmallBytes::new();
                all[..length].chunks(step).for_each(|chunk| grown.extend(chunk, 8));
                assert_eq!(grown, filled);
                assert_eq!(grown.into_vec(), all[..length]);
            }
        }
    }

    #[test]
    fn they_take_a_word_more_than_a_vector() {
        assert_eq!(size_of::<SmallBytes>(), size_of::<Vec<u8>>() + size_of::<usize>());
    }
}
