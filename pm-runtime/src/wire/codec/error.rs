//! What the decoder says of bytes that it refuses.

use std::fmt::{self, Display, Write};

use super::decoder::EMPTY;

/// The longest text of an error, in bytes: those that types make may quote what was sent.
const TEXT: usize = 512;

/// Why bytes are no value of the expected type.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Error {
    #[error("{} needed, and {left} are left", Bytes(*wanted))]
    End { wanted: usize, left: usize },
    #[error("a length of {length} makes no sense, as {} left", Bytes(*left))]
    Length { length: u64, left: usize },
    #[error("there are more than {EMPTY} elements that take no bytes")]
    Empty,
    #[error("values are nested too deeply")]
    Depth,
    #[error("{0} is neither false nor true, 0 nor 1")]
    Bool(u8),
    #[error("{0} is neither None nor Some, 0 nor 1")]
    Option(u8),
    #[error("a character is not UTF-8")]
    Char,
    #[error("text is not UTF-8")]
    Text,
    #[error("{} left over behind the value", Bytes(*.0))]
    Rest(usize),
    #[error("the type asks what comes next, by `deserialize_any`")]
    Any,
    #[error("the type asks for a field's or variant's name, by `deserialize_identifier`")]
    Identifier,
    #[error("the type skips what comes next, by `deserialize_ignored_any`")]
    Ignored,
    #[error("{0}")]
    Custom(Box<str>),
}

/// How many bytes there are.
struct Bytes(usize);

impl Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("1 byte is"),
            count => write!(f, "{count} bytes are"),
        }
    }
}

impl serde::de::Error for Error {
    fn custom<T: Display>(message: T) -> Self {
        let mut text = Text(String::new());
        // It fails where the text is cut, or where the type's own `Display` does.
        if write!(text, "{message}").is_err() {
            text.0.push('…');
        }
        Self::Custom(text.0.into())
    }
}

/// Text that is cut where it becomes too long.
struct Text(String);

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            if self.0.len() + c.len_utf8() > TEXT {
                return Err(fmt::Error);
            }
            self.0.push(c);
        }
        Ok(())
    }
}
