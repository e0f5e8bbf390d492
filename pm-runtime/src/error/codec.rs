use std::fmt;
use std::sync::Arc;

use serde_derive::{Deserialize, Serialize};

use super::{Escaped, cut};

/// A value that bincode could not write.
#[derive(Clone, PartialEq, Eq)]
pub struct EncodeError(Arc<Codec>);

/// Bytes that are no value of the expected type.
#[derive(Clone, PartialEq, Eq)]
pub struct DecodeError(Arc<Codec>);

/// Both texts may come from a worker, and quote what it sent.
#[derive(Clone, PartialEq, Eq)]
struct Codec {
    type_name: Box<str>,
    message: Box<str>,
    place: Option<Place>,
    /// What the value is to the query; empty where nobody said so.
    role: Box<str>,
}

/// Which of a message's values it is about, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// The variant of the message: one for each query of the pool.
    pub(crate) query: u32,
    /// Among the query's arguments; 0 in an answer.
    pub(crate) argument: u32,
}

/// A failure as a worker tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CodecNote {
    pub(crate) type_name: Box<str>,
    pub(crate) message: Box<str>,
    pub(crate) place: Option<Place>,
}

impl EncodeError {
    pub(crate) fn new(type_name: &str, message: impl fmt::Display) -> Self {
        Self(Codec::new(type_name, message))
    }

    /// It is about this value of a message.
    pub(crate) fn in_message(self, place: Option<Place>) -> Self {
        Self(Arc::new(Codec { place, ..Arc::unwrap_or_clone(self.0) }))
    }

    /// Says what the value is to its query.
    pub(crate) fn about(self, role: impl FnOnce(Option<Place>) -> String) -> Self {
        let role = role(self.0.place).into();
        Self(Arc::new(Codec { role, ..Arc::unwrap_or_clone(self.0) }))
    }

    pub(crate) fn note(&self) -> CodecNote {
        self.0.note()
    }

    pub(crate) fn from_note(note: CodecNote) -> Self {
        Self::new(&note.type_name, note.message).in_message(note.place)
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

    /// It is about this value of a message.
    pub(crate) fn in_message(self, place: Option<Place>) -> Self {
        Self(Arc::new(Codec { place, ..Arc::unwrap_or_clone(self.0) }))
    }

    /// Says what the value is to its query.
    pub(crate) fn about(self, role: impl FnOnce(Option<Place>) -> String) -> Self {
        let role = role(self.0.place).into();
        Self(Arc::new(Codec { role, ..Arc::unwrap_or_clone(self.0) }))
    }

    pub(crate) fn note(&self) -> CodecNote {
        self.0.note()
    }

    pub(crate) fn from_note(note: CodecNote) -> Self {
        Self::new(&note.type_name, note.message).in_message(note.place)
    }

    /// The type that was expected.
    pub fn type_name(&self) -> &str {
        &self.0.type_name
    }
}

impl Codec {
    fn new(type_name: &str, message: impl fmt::Display) -> Arc<Self> {
        Arc::new(Self {
            type_name: type_name.into(),
            message: message.to_string().into(),
            place: None,
            role: "".into(),
        })
    }

    fn note(&self) -> CodecNote {
        CodecNote {
            type_name: cut(&self.type_name).into(),
            message: cut(&self.message).into(),
            place: self.place,
        }
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, verb: &str) -> fmt::Result {
        let Self { type_name, message, role, .. } = self;
        write!(f, "cannot {verb} ")?;
        if !role.is_empty() {
            write!(f, "{role}, of type ")?;
        }
        write!(f, "`{}`: {}", Escaped(type_name), Escaped(message))
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
        } else if message.contains("does not know its length") {
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
        self.0.write(f, "encode")?;
        f.write_str(self.0.cause())
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write(f, "decode")?;
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
