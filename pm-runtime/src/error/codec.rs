use std::fmt;
use std::sync::Arc;

/// A value that bincode could not write.
#[derive(Clone, PartialEq, Eq)]
pub struct EncodeError(Arc<Codec>);

/// Bytes that are no value of the expected type.
#[derive(Clone, PartialEq, Eq)]
pub struct DecodeError(Arc<Codec>);

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

    /// The serde attribute that is likely behind the failure, with what to write instead.
    ///
    /// bincode's format does not describe itself, so whatever asks the input what comes next
    /// fails, and a field that is left out shifts all that follow.
    fn cause(&self) -> &'static str {
        let message = &*self.message;
        if message.contains("AnyNotSupported") || message.contains("deserialize_any") {
            "; `#[serde(untagged)]`, `#[serde(tag = ..)]` and `serde_json::Value` cannot travel in \
             bincode: use an enum with serde's default tagging"
        } else if message.contains("IdentifierNotSupported") {
            "; `#[serde(flatten)]` cannot travel in bincode: make it a field"
        } else if message.contains("SequenceMustHaveLength") {
            "; `#[serde(flatten)]` and sequences of unknown length cannot travel in bincode: \
             make the first a field, collect the second into a `Vec`"
        } else {
            ""
        }
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Codec { type_name, message } = &*self.0;
        write!(f, "cannot encode `{type_name}`: {message}{}", self.0.cause())
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Codec { type_name, message } = &*self.0;
        write!(f, "cannot decode `{type_name}`: {message}")?;
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
