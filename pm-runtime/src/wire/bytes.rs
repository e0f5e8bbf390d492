//! Bytes that travel as bytes.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, SerializeTuple, Serializer};

/// What generated code has found to be bytes: written and read in one piece, where serde, which
/// takes them for a sequence, would go through them one by one.
///
/// Up to 32 bytes an array would travel without a length, and longer ones not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bytes<T>(
    pub T,
    /// How many bytes before those are beside the message.
    usize,
);

/// In the length of bytes: all but the last few of them are beside the message.
pub(crate) const BESIDE: u64 = 1 << 63;

impl<T> Bytes<T> {
    pub(crate) fn here(bytes: T) -> Self {
        Self(bytes, 0)
    }

    /// The first so many are beside the message, and these are the rest.
    pub(crate) fn beside(rest: T, first: usize) -> Self {
        Self(rest, first)
    }

    pub(crate) fn map<U>(self, map: impl FnOnce(T) -> U) -> Bytes<U> {
        Bytes(map(self.0), self.1)
    }
}

impl<T: AsRef<[u8]>> Serialize for Bytes<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes = self.0.as_ref();
        if self.1 == 0 {
            return serializer.serialize_bytes(bytes);
        }
        let mut parts = serializer.serialize_tuple(1 + bytes.len())?;
        parts.serialize_element(&(BESIDE | (self.1 + bytes.len()) as u64))?;
        for byte in bytes {
            parts.serialize_element(byte)?;
        }
        parts.end()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Bytes<&'a [u8]> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&[u8]>::deserialize(deserializer).map(Self::here)
    }
}

impl<'de> Deserialize<'de> for Bytes<Vec<u8>> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_byte_buf(Buffer).map(Self::here)
    }
}

impl<'de> Deserialize<'de> for Bytes<Box<[u8]>> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Bytes(bytes, _) = Bytes::<Vec<u8>>::deserialize(deserializer)?;
        Ok(Self::here(bytes.into_boxed_slice()))
    }
}

impl<'de, const N: usize> Deserialize<'de> for Bytes<[u8; N]> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(Array).map(Self::here)
    }
}

struct Buffer;

impl Visitor<'_> for Buffer {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
        Ok(bytes)
    }
}

struct Array<const N: usize>;

impl<const N: usize> Visitor<'_> for Array<N> {
    type Value = [u8; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the bytes of `[u8; {N}]`")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<[u8; N], E> {
        bytes.try_into().map_err(|_| E::invalid_length(bytes.len(), &self))
    }
}

/// The name of a type whose parts are told without their [`Bytes`].
pub(crate) fn without_wrappers(name: &str) -> String {
    const WRAPPER: &str = concat!(module_path!(), "::Bytes<");
    let Some((before, inside)) = name.split_once(WRAPPER) else { return name.to_owned() };
    let mut depth = 1;
    let end = inside.find(|c| {
        match c {
            '<' => depth += 1,
            '>' => depth -= 1,
            _ => {}
        }
        depth == 0
    });
    let (inside, after) = inside.split_at(end.unwrap_or(inside.len()));
    let after = after.strip_prefix('>').unwrap_or(after);
    format!("{before}{inside}{}", without_wrappers(after))
}

#[cfg(test)]
mod tests {
    use std::any::type_name;

    use super::*;

    #[test]
    fn errors_do_not_speak_of_wrappers() {
        type Packed = Result<(Bytes<Vec<u8>>, Option<Bytes<Box<[u8]>>>), Vec<u8>>;
        type Plain = Result<(Vec<u8>, Option<Box<[u8]>>), Vec<u8>>;
        assert_ne!(type_name::<Packed>(), type_name::<Plain>());
        assert_eq!(without_wrappers(type_name::<Packed>()), type_name::<Plain>());
        assert_eq!(without_wrappers(type_name::<Plain>()), type_name::<Plain>());
    }
}
