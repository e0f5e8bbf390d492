use std::fmt;
use std::sync::Arc;

use super::Escaped;

/// A value that bincode could not write.
#[derive(Clone, PartialEq, Eq)]
pub struct EncodeError(Arc<Codec>);

/// Bytes that are no value of the expected type.
#[derive(Clone, PartialEq, Eq)]
pub struct DecodeError(Arc<Codec>);

/// Both texts may come from a worker, and quote what it sent.
#[derive(PartialEq, Eq)]
struct Codec {
    type_name: Box<str>,
    message: Box<str>,
}

impl EncodeError {
    pub(crate) fn new(type_name: &str, message: impl fmt::Display) -> Self {
        Self(Codec::new(type_name, message))
    }

    pub(crate) fn into_parts(self) -> (Box<str>, Box<str>) {
        (self.0.type_name.clone(), self.0.message.clone())
    }

    /// The type whose value could not be written.
    pub fn type_name(&self) -> &str {
        &self.0.type_name
    }
}

impl DecodeError {
    pub(crate) fn new(type_name: &str, message: impl fmt::Display) -> Self {
        Self(Codec::new(type_name, message))
    }

    pub(crate) fn into_parts(self) -> (Box<str>, Box<str>) {
        (self.0.type_name.clone(), self.0.message.clone())
    }

    /// The type that was expected.
    pub fn type_name(&self) -> &str {
        &self.0.type_name
    }
}

impl Codec {
    fn new(type_name: &str, message: impl fmt::Display) -> Arc<Self> {
        Arc::new(Self { type_name: type_name.into(), message: message.to_string().into() })
    }

    /// What is likely behind the failure, a serde attribute as a rule, with what to write instead.
    ///
    /// bincode's format does not describe itself, so whatever asks the input what comes next
    /// fails, and a field that is left out shifts all that follow. The words looked for are those
    /// of bincode (and of serde's derive) where a value is written, of `wire::codec` where it is
    /// read.
    fn cause(&self) -> &'static str {
        let message = &*self.message;
        if message.contains("deserialize_any") || message.contains("tagged newtype variant") {
            "; `#[serde(untagged)]`, `#[serde(tag = ..)]` and `serde_json::Value` cannot travel in \
             bincode: use an enum with serde's default tagging"
        } else if message.contains("deserialize_identifier") {
            "; `#[serde(tag = .., content = ..)]` and `#[serde(flatten)]` cannot travel in \
             bincode: use serde's default tagging for the first, make the second a field"
        } else if message.contains("deserialize_ignored_any") {
            "; `serde::de::IgnoredAny` and `#[serde(flatten)]` cannot travel in bincode: read all \
             that was written, make the second a field"
        } else if message.contains("SequenceMustHaveLength") {
            "; `#[serde(flatten)]` and sequences of unknown length cannot travel in bincode: \
             make the first a field, collect the second into a `Vec`"
        } else if message.contains("nested too deeply") {
            "; send a list as a `Vec`, and a deep tree as a `Vec` of nodes that name each other by \
             index"
        } else if message.contains("elements that take no bytes") {
            "; send their number instead"
        } else {
            ""
        }
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Codec { type_name, message } = &*self.0;
        write!(f, "cannot encode `{}`: {}{}", Escaped(type_name), Escaped(message), self.0.cause())
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Codec { type_name, message } = &*self.0;
        write!(f, "cannot decode `{}`: {}", Escaped(type_name), Escaped(message))?;
        match self.0.cause() {
            "" => f.write_str(
                " (a usual cause is `#[serde(skip_serializing_if = ..)]` in it, which shifts \
                 every later field: remove it)",
            ),
            cause => f.write_str(cause),
        }
    }
}

impl fmt::Debug for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for EncodeError {}
impl std::error::Error for DecodeError {}
