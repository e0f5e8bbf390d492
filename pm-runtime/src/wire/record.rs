//! What a worker logs, on its way to its pool: small frames in a pipe.
//!
//! A frame is its length, in two bytes, and a [`Record`]. None is longer than what the system writes
//! into a pipe in one piece, so that the threads of a worker do not interleave; longer texts are cut.
//! A callsite is told once, before it is first named, and is named by its place among those that were.

mod room;

use serde_derive::{Deserialize, Serialize};

pub(crate) use self::room::{Room, Values};
use super::codec;

/// The longest frame, in bytes: `PIPE_BUF`.
pub(crate) const LONGEST: usize = 4096;

/// The bytes of a frame's length.
const HEADER: usize = 2;

/// The most fields of a callsite; what has more loses the rest.
pub(crate) const FIELDS: usize = 96;

/// What a worker has to say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Record {
    /// The next callsite.
    Site(Site),
    /// A traced query has begun.
    Begun { query: u64 },
    /// It is over, and nothing more belongs to it.
    Ended { query: u64 },
    /// A new span.
    Span { span: u64, site: u32, parent: Parent, fields: Vec<Field> },
    /// More fields of a span.
    Recorded { span: u64, fields: Vec<Field> },
    /// A span follows from another one.
    Follows { span: u64, other: u64 },
    /// A span is over.
    Closed { span: u64 },
    /// Something has happened.
    Event { site: u32, parent: Parent, fields: Vec<Field> },
    /// A line that was logged.
    Line { line: Line, parent: Parent },
    /// So many records were lost, because for long nobody has read them.
    Lost { records: u64 },
}

/// What something belongs to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Parent {
    /// The innermost span.
    pub(crate) span: Option<u64>,
    /// The query whose code it is.
    pub(crate) query: Option<u64>,
}

/// Where spans or events come from, and what they may tell.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Site {
    pub(crate) is_span: bool,
    pub(crate) name: String,
    pub(crate) place: Place,
    /// The names of the fields.
    pub(crate) fields: Vec<String>,
}

/// How much something matters, and where it is said.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) level: Level,
    pub(crate) target: String,
    pub(crate) module: Option<String>,
    pub(crate) file: Option<String>,
    pub(crate) line: Option<u32>,
}

/// A line of the crate `log`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) place: Place,
    pub(crate) message: String,
}

/// The value of the field with this index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Field {
    pub(crate) index: u8,
    pub(crate) value: Value,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Value {
    Bool(bool),
    I64(i64),
    U64(u64),
    I128(i128),
    U128(u128),
    F64(f64),
    Text(String),
    /// What `Debug` has written.
    Debug(String),
}

/// A level, the most urgent one first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl Level {
    /// As the handshake has it: 0 would be nothing at all.
    pub(crate) fn to_wire(self) -> u8 {
        self as u8 + 1
    }

    pub(crate) fn from_wire(number: u8) -> Option<Self> {
        Some(match number {
            0 => return None,
            1 => Self::Error,
            2 => Self::Warn,
            3 => Self::Info,
            4 => Self::Debug,
            _ => Self::Trace,
        })
    }
}

impl From<tracing::Level> for Level {
    fn from(level: tracing::Level) -> Self {
        match level {
            tracing::Level::ERROR => Self::Error,
            tracing::Level::WARN => Self::Warn,
            tracing::Level::INFO => Self::Info,
            tracing::Level::DEBUG => Self::Debug,
            _ => Self::Trace,
        }
    }
}

impl From<Level> for tracing::Level {
    fn from(level: Level) -> Self {
        match level {
            Level::Error => Self::ERROR,
            Level::Warn => Self::WARN,
            Level::Info => Self::INFO,
            Level::Debug => Self::DEBUG,
            Level::Trace => Self::TRACE,
        }
    }
}

impl From<log::Level> for Level {
    fn from(level: log::Level) -> Self {
        match level {
            log::Level::Error => Self::Error,
            log::Level::Warn => Self::Warn,
            log::Level::Info => Self::Info,
            log::Level::Debug => Self::Debug,
            log::Level::Trace => Self::Trace,
        }
    }
}

impl From<Level> for log::Level {
    fn from(level: Level) -> Self {
        match level {
            Level::Error => Self::Error,
            Level::Warn => Self::Warn,
            Level::Info => Self::Info,
            Level::Debug => Self::Debug,
            Level::Trace => Self::Trace,
        }
    }
}

impl Record {
    /// `None`: it does not fit into a frame, as its texts did not come from a [`Room`].
    pub(crate) fn to_frame(&self) -> Option<Vec<u8>> {
        let body = codec::encode(self).ok()?;
        let length = u16::try_from(body.len()).ok()?;
        let frame = [&length.to_le_bytes()[..], &body].concat();
        (frame.len() <= LONGEST).then_some(frame)
    }
}

/// Frames as they come, in pieces.
#[derive(Default)]
pub(crate) struct Frames {
    buffer: Vec<u8>,
    read: usize,
}

/// Bytes that are no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what it wrote for its log is no record")]
pub(crate) struct NoRecord;

impl Frames {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..std::mem::take(&mut self.read));
        self.buffer.extend_from_slice(bytes);
    }

    /// The next record that is whole. After an error there is nothing to be had any more.
    pub(crate) fn next(&mut self) -> Result<Option<Record>, NoRecord> {
        let Some((length, rest)) = self.buffer[self.read..].split_first_chunk::<HEADER>() else {
            return Ok(None);
        };
        let length = usize::from(u16::from_le_bytes(*length));
        if length + HEADER > LONGEST {
            return Err(NoRecord);
        }
        let Some(body) = rest.get(..length) else { return Ok(None) };
        let record = codec::decode(body).map_err(|_| NoRecord)?;
        self.read += HEADER + length;
        Ok(Some(record))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn place(target: String) -> Place {
        Place { level: Level::Info, target, module: None, file: Some("a.rs".into()), line: Some(7) }
    }

    fn values() -> impl Strategy<Value = Value> {
        prop_oneof![
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::I64),
            any::<u64>().prop_map(Value::U64),
            any::<i128>().prop_map(Value::I128),
            any::<u128>().prop_map(Value::U128),
            // What is no number is not like itself.
            any::<i32>().prop_map(|number| Value::F64(number.into())),
            ".{0,40}".prop_map(Value::Text),
            ".{0,40}".prop_map(Value::Debug),
        ]
    }

    fn records() -> impl Strategy<Value = Record> {
        let fields = || {
            let field = (any::<u8>(), values()).prop_map(|(index, value)| Field { index, value });
            prop::collection::vec(field, 0..4)
        };
        let parent = || {
            (any::<Option<u64>>(), any::<Option<u64>>())
                .prop_map(|(span, query)| Parent { span, query })
        };
        prop_oneof![
            (any::<bool>(), "[a-z]{0,9}", prop::collection::vec("[a-z]{0,9}", 0..4)).prop_map(
                |(is_span, name, fields)| Record::Site(Site {
                    is_span,
                    place: place(name.clone()),
                    name,
                    fields,
                })
            ),
            any::<u64>().prop_map(|query| Record::Begun { query }),
            any::<u64>().prop_map(|query| Record::Ended { query }),
            (any::<u64>(), any::<u32>(), parent(), fields()).prop_map(
                |(span, site, parent, fields)| Record::Span { span, site, parent, fields }
            ),
            (any::<u64>(), fields()).prop_map(|(span, fields)| Record::Recorded { span, fields }),
            (any::<u64>(), any::<u64>()).prop_map(|(span, other)| Record::Follows { span, other }),
            any::<u64>().prop_map(|span| Record::Closed { span }),
            (any::<u32>(), parent(), fields()).prop_map(|(site, parent, fields)| Record::Event {
                site,
                parent,
                fields
            }),
            (".{0,40}", parent()).prop_map(|(message, parent)| Record::Line {
                line: Line { place: place(String::new()), message },
                parent,
            }),
            any::<u64>().prop_map(|records| Record::Lost { records }),
        ]
    }

    /// All that is read of bytes that come in pieces of this size.
    fn read(bytes: &[u8], piece: usize) -> (Vec<Record>, Result<(), NoRecord>) {
        let (mut frames, mut records) = (Frames::default(), Vec::new());
        for piece in bytes.chunks(piece) {
            frames.push(piece);
            loop {
                match frames.next() {
                    Ok(Some(record)) => records.push(record),
                    Ok(None) => break,
                    Err(error) => return (records, Err(error)),
                }
            }
            assert!(frames.buffer.len() <= LONGEST + piece.len(), "it keeps what is read");
        }
        (records, Ok(()))
    }

    proptest! {
        #[test]
        fn records_come_as_they_were_however_they_are_cut(
            records in prop::collection::vec(records(), 0..20),
            piece in 1_usize..5000,
        ) {
            let frames: Vec<u8> = records.iter().flat_map(|record| record.to_frame().unwrap()).collect();
            prop_assert_eq!(read(&frames, piece), (records, Ok(())));
        }

        #[test]
        fn any_bytes_are_records_or_an_error(
            bytes in prop::collection::vec(any::<u8>(), 0..9000),
            piece in 1_usize..5000,
        ) {
            let _ = read(&bytes, piece);
        }

        #[test]
        fn what_was_changed_on_the_way_hurts_nobody(
            records in prop::collection::vec(records(), 1..9),
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let mut frames: Vec<u8> =
                records.iter().flat_map(|record| record.to_frame().unwrap()).collect();
            let at = at.index(frames.len());
            frames[at] = byte;
            let (read, _) = read(&frames, LONGEST);
            prop_assert!(read.len() <= frames.len() / HEADER);
        }
    }
}
