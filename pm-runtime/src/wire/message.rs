//! The messages between a pool and a worker that is ready, as frames.
//!
//! They run in one ordered stream each way:
//!
//! ```text
//! pool ──► worker   Timeout, Query, TakeBack, Drop, ShutGate, OpenGate, End
//! pool ◄── worker   Begun, Answer, Panicked, Refused, Returned, Dropped, Gated, LastPanic,
//!                   Debug, Message, Report, Opened, Closed, Failed
//! ```
//!
//! A worker says `Begun` before the query's code runs, so that at its death everybody knows what
//! had begun. To `TakeBack` it says `Returned`, unless it has begun the query; to `Drop` it says
//! `Returned` or, where it runs the query and can drop it, `Dropped`. It says `Gated` when nothing
//! can begin any more, with what runs at that moment. `Timeout` is about the next query, where that
//! has another one than its pool. `Debug`, `Message` and `Report` are words of the application's
//! code, which may say them at any time, also before the worker is ready. `Opened` ends the opening of
//! a stream, which lives on under the query's name until it is said how it ended; the pieces of its
//! messages ([`stream`]) are frames of their own, or go through shared memory. A worker that runs no
//! queries has one stream as long as it lives, under the name [`RAW`]: it says `Closed` of that when its
//! function has returned, or `Failed`, with the error that it returned.

use std::time::{Duration, Instant};

use serde_derive::{Deserialize, Serialize};

use super::bulk::{FOOTER, Parcel};
use super::codec;
use super::frame::{Frame, FrameError};
use super::small::SmallBytes;
use crate::error::{CodecNote, PanicNote};

/// Kinds of frames from the pool.
pub(crate) mod to_worker {
    pub(crate) const QUERY: u8 = 1;
    pub(crate) const TAKE_BACK: u8 = 2;
    pub(crate) const DROP: u8 = 3;
    pub(crate) const SHUT_GATE: u8 = 4;
    pub(crate) const OPEN_GATE: u8 = 5;
    pub(crate) const END: u8 = 6;
    pub(crate) const TIMEOUT: u8 = 7;
    pub(crate) const BELL: u8 = 8;
    pub(crate) const TERMS: u8 = 9;
}

/// Kinds of frames from a worker.
pub(crate) mod from_worker {
    pub(crate) const BEGUN: u8 = 1;
    pub(crate) const ANSWER: u8 = 2;
    pub(crate) const PANICKED: u8 = 3;
    pub(crate) const REFUSED: u8 = 4;
    pub(crate) const RETURNED: u8 = 5;
    pub(crate) const DROPPED: u8 = 6;
    pub(crate) const GATED: u8 = 7;
    pub(crate) const LAST_PANIC: u8 = 8;
    pub(crate) const DEBUG: u8 = 9;
    pub(crate) const MESSAGE: u8 = 10;
    pub(crate) const REPORT: u8 = 11;
    pub(crate) const OPENED: u8 = 12;
    pub(crate) const CLOSED: u8 = 13;
    pub(crate) const FAILED: u8 = 14;
    pub(crate) const EXTENDED: u8 = 15;
}

/// Kinds of pieces of streams, in both directions and beside the kinds of frames: how a stream ended
/// is said as a frame's kind, [`CLOSED`](from_worker::CLOSED) if nothing went wrong.
pub(crate) mod stream {
    /// A message, or the rest of one.
    pub(crate) const MESSAGE: u8 = 32;
    /// Some of a message.
    pub(crate) const PIECE: u8 = 33;
    /// What was read, so that as much may be sent.
    pub(crate) const GRANT: u8 = 34;
    /// No more inputs come.
    pub(crate) const OVER: u8 = 35;
    /// The pool does not want the stream any more; it has to end.
    pub(crate) const DESTROY: u8 = 36;

    /// Whether a frame is one of these.
    pub(crate) fn is_piece(kind: u8) -> bool {
        (MESSAGE..=DESTROY).contains(&kind)
    }
}

/// In the place of an id: of no query (none has the last row), or, of a timeout, no limit.
pub(crate) const NONE: u64 = u64::MAX;

/// The name of the stream that a worker has which runs no queries: that of none.
pub(crate) const RAW: u64 = NONE;

/// The longest note of a worker, in bytes: its texts are cut, and three of them fit well.
const NOTE: usize = 16 << 10;

/// The longest debug text, in bytes.
pub(crate) const DEBUG_TEXT: usize = 32 << 10;

/// The longest payload of a query or an answer.
pub(crate) fn longest(max_frame: u32) -> u32 {
    max_frame.saturating_add(FOOTER as u32)
}

/// The longest payload that a worker has reason to send: `max_frame` is for answers, and whoever
/// sets it low still wants to hear of panics, and what runs.
pub(crate) fn longest_from_worker(max_frame: u32, concurrency: u32) -> u32 {
    longest(max_frame).max(DEBUG_TEXT as u32).max(concurrency.saturating_mul(8))
}

/// A message of the pool, as the worker reads it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ToWorker {
    Query {
        id: u64,
        request: Parcel,
    },
    TakeBack {
        id: u64,
    },
    Drop {
        id: u64,
    },
    ShutGate,
    OpenGate,
    End,
    /// Look at the memory.
    Bell,
    /// In nanoseconds.
    Timeout {
        nanos: Option<u64>,
    },
    /// Those of the next query, as a number.
    Terms {
        number: u32,
    },
}

/// A message of a worker, as the pool reads it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FromWorker {
    /// `at`: where it is known.
    Begun {
        id: u64,
        at: Option<Instant>,
    },
    /// One of its queries ran for this long.
    Took {
        time: Duration,
    },
    /// A query has run that somebody follows, and nothing in its records says so.
    Untold {
        id: u64,
    },
    /// `begun`: when, if that was not told before.
    Answer {
        id: u64,
        begun: Option<Instant>,
        response: Parcel,
    },
    Panicked {
        id: u64,
        note: PanicNote,
    },
    Refused {
        id: u64,
        refusal: Refusal,
    },
    Returned {
        id: u64,
    },
    Dropped {
        id: u64,
    },
    Gated {
        running: Vec<u64>,
    },
    LastPanic {
        note: PanicNote,
    },
    Debug {
        query: Option<u64>,
        text: Box<str>,
    },
    Message {
        query: Option<u64>,
        message: Vec<u8>,
    },
    Report {
        text: Box<str>,
    },
    /// The query has opened a stream, which lives on.
    Opened {
        id: u64,
    },
    /// A stream has ended, and nothing went wrong.
    Closed {
        id: u64,
    },
    /// The query is to have so much more time.
    Extended {
        id: u64,
        by: Duration,
    },
    /// Its function has returned an error, and it ends.
    Failed {
        error: Box<str>,
    },
}

impl FromWorker {
    /// An answer whose query has begun then, which was not told before.
    #[inline]
    pub(crate) fn answered(
        id: u64,
        begun: Instant,
        answer: SmallBytes,
    ) -> Result<Self, FrameError> {
        let response = parcel(from_worker::ANSWER, answer)?;
        Ok(Self::Answer { id, begun: Some(begun), response })
    }

    /// The begin that was seen, and not told, whatever else it says.
    pub(crate) fn into_seen_begin(self) -> Option<Self> {
        match self {
            Self::Begun { id, at: at @ Some(_) } | Self::Answer { id, begun: at @ Some(_), .. } => {
                Some(Self::Begun { id, at })
            }
            _ => None,
        }
    }

    /// The query that is over with it, on the worker's side.
    pub(crate) fn over(&self) -> Option<u64> {
        match self {
            Self::Answer { id, .. }
            | Self::Panicked { id, .. }
            | Self::Refused { id, .. }
            | Self::Returned { id }
            | Self::Dropped { id }
            | Self::Closed { id } => Some(*id),
            _ => None,
        }
    }

    /// A query has come to an end of its own.
    pub(crate) fn is_end(&self) -> bool {
        matches!(
            self,
            Self::Answer { .. }
                | Self::Panicked { .. }
                | Self::Refused { .. }
                | Self::Opened { .. }
                | Self::Closed { .. }
        )
    }
}

/// Why a worker could not run a query, or could not send its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Refusal {
    /// The arguments are no value of their type.
    Decode(CodecNote),
    /// The answer cannot be encoded.
    Encode(CodecNote),
    /// The encoded answer is larger than `max_frame`.
    TooLarge { size: u64 },
}

impl TryFrom<Frame> for ToWorker {
    type Error = FrameError;

    fn try_from(frame: Frame) -> Result<Self, FrameError> {
        let Frame { kind, id, payload } = frame;
        Ok(match kind {
            to_worker::QUERY => Self::Query { id, request: parcel(kind, payload)? },
            to_worker::TAKE_BACK => Self::TakeBack { id },
            to_worker::DROP => Self::Drop { id },
            to_worker::SHUT_GATE => Self::ShutGate,
            to_worker::OPEN_GATE => Self::OpenGate,
            to_worker::END => Self::End,
            to_worker::BELL => Self::Bell,
            to_worker::TIMEOUT => Self::Timeout { nanos: some(id) },
            to_worker::TERMS => Self::Terms { number: id as u32 },
            kind => return Err(FrameError::Kind(kind)),
        })
    }
}

impl TryFrom<Frame> for FromWorker {
    type Error = FrameError;

    fn try_from(frame: Frame) -> Result<Self, FrameError> {
        let Frame { kind, id, payload } = frame;
        let senseless = |_| FrameError::Content { kind };
        let longest = match kind {
            from_worker::ANSWER | from_worker::MESSAGE | from_worker::GATED => usize::MAX,
            from_worker::PANICKED | from_worker::REFUSED | from_worker::LAST_PANIC => NOTE,
            from_worker::REPORT | from_worker::FAILED => NOTE,
            from_worker::DEBUG => DEBUG_TEXT,
            from_worker::EXTENDED => size_of::<u64>(),
            _ => 0,
        };
        if payload.len() > longest {
            return Err(FrameError::Content { kind });
        }
        Ok(match kind {
            from_worker::BEGUN => Self::Begun { id, at: None },
            from_worker::ANSWER => {
                Self::Answer { id, begun: None, response: parcel(kind, payload)? }
            }
            from_worker::PANICKED => {
                Self::Panicked { id, note: codec::decode(&payload).map_err(senseless)? }
            }
            from_worker::REFUSED => {
                Self::Refused { id, refusal: codec::decode(&payload).map_err(senseless)? }
            }
            from_worker::RETURNED => Self::Returned { id },
            from_worker::DROPPED => Self::Dropped { id },
            from_worker::GATED => {
                let (ids, rest) = payload.as_chunks::<8>();
                if !rest.is_empty() {
                    return Err(FrameError::Content { kind });
                }
                Self::Gated { running: ids.iter().map(|id| u64::from_le_bytes(*id)).collect() }
            }
            from_worker::LAST_PANIC => {
                Self::LastPanic { note: codec::decode(&payload).map_err(senseless)? }
            }
            from_worker::DEBUG => Self::Debug { query: some(id), text: text(kind, payload)? },
            from_worker::MESSAGE => Self::Message { query: some(id), message: payload.into_vec() },
            from_worker::REPORT => Self::Report { text: text(kind, payload)? },
            from_worker::OPENED => Self::Opened { id },
            from_worker::CLOSED => Self::Closed { id },
            from_worker::EXTENDED => {
                let nanos = payload.first_chunk().ok_or(FrameError::Content { kind })?;
                Self::Extended { id, by: Duration::from_nanos(u64::from_le_bytes(*nanos)) }
            }
            from_worker::FAILED => Self::Failed { error: text(kind, payload)? },
            kind => return Err(FrameError::Kind(kind)),
        })
    }
}

fn some(id: u64) -> Option<u64> {
    (id != NONE).then_some(id)
}

#[inline]
fn parcel(kind: u8, payload: SmallBytes) -> Result<Parcel, FrameError> {
    Parcel::from_bytes(payload).ok_or(FrameError::Content { kind })
}

fn text(kind: u8, payload: SmallBytes) -> Result<Box<str>, FrameError> {
    let text = String::from_utf8(payload.into_vec()).map_err(|_| FrameError::Content { kind })?;
    Ok(text.into_boxed_str())
}
