//! Bytes that travel as bytes.

use std::any::type_name;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};

/// What generated code has found to be bytes: written and read in one piece, where serde, which
/// takes them for a sequence, would go through them one by one.
///
/// Up to 32 bytes an array would travel without a length, and longer ones not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bytes<T>(pub T);

impl<T: AsRef<[u8]>> Serialize for Bytes<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0.as_ref())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Bytes<&'a [u8]> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&[u8]>::deserialize(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for Bytes<Vec<u8>> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_byte_buf(Owned(PhantomData)).map(Self)
    }
}

impl<'de> Deserialize<'de> for Bytes<Box<[u8]>> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Bytes(bytes) = Bytes::<Vec<u8>>::deserialize(deserializer)?;
        Ok(Self(bytes.into_boxed_slice()))
    }
}

impl<'de, const N: usize> Deserialize<'de> for Bytes<[u8; N]> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(Owned(PhantomData)).map(Self)
    }
}

/// Reads bytes into something that owns them.
struct Owned<T>(PhantomData<T>);

impl<'de, T: for<'a> TryFrom<&'a [u8]>> Visitor<'de> for Owned<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the bytes of `{}`", type_name::<T>())
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<T, E> {
        T::try_from(bytes).map_err(|_| E::invalid_length(bytes.len(), &self))
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
