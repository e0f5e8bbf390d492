//! A piece of what a stream says, wherever it stands.

use super::memory::Words;

/// A message, or some of one, or a word about its stream.
pub(crate) struct Piece<'a> {
    pub(crate) kind: u8,
    /// The name of the stream.
    pub(crate) id: u64,
    pub(crate) body: Body<'a>,
}

/// The bytes of a piece. They are read once: in shared memory they may change.
pub(crate) enum Body<'a> {
    Shared(Words<'a>),
    Own(&'a [u8]),
}

impl Body<'_> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Shared(words) => words.len(),
            Self::Own(bytes) => bytes.len(),
        }
    }

    pub(crate) fn append_to(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Shared(words) => words.append_to(bytes),
            Self::Own(own) => bytes.extend_from_slice(own),
        }
    }

    pub(crate) fn to_vec(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.append_to(&mut bytes);
        bytes
    }
}
