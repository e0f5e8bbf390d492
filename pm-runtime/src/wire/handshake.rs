//! The first words between a pool and a new worker.
//!
//! They run over the control socket, before anything else: the pool's [`Hello`], with the worker's
//! ends of the data socket and of the shared memory beside it, then the worker's [`Reply`], and
//! before it [`Reply::SettingUp`] where the application's code has something to set up. Beside that
//! the control socket carries only doorbells, which say: look at the rest of the link now (from the
//! pool single bytes, from the worker [`BELL`], a frame as its reply is one), and by its end it tells
//! each side of the other's death. What a worker may say just before its own is [`OUT_OF_MEMORY`].

use std::time::Duration;

use serde_derive::{Deserialize, Serialize};

use super::codec;
use super::frame::{Frame, FrameError, Header};
use crate::error::{BootError, DecodeError, EncodeError};
use crate::fault::Faults;
use crate::options::Window;
use crate::surroundings::Attributes;

/// The version comes first, because the format does not describe itself: only a worker of the
/// same version reads on.
const MAGIC: [u8; 12] = *b"pm-worker\0\0\x01";

const HELLO: u8 = 1;
const REPLY: u8 = 2;

/// The kind of the frame that is a worker's doorbell. It is empty.
pub(crate) const BELL: u8 = 3;

/// The kind of the frame, empty as well, that says a worker is dying because it was refused memory.
pub(crate) const OUT_OF_MEMORY: u8 = 4;

/// The longest handshake, in bytes: much longer than any, small enough to take on trust.
pub(crate) const LIMIT: u32 = 64 << 10;

/// What a worker has to know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Hello {
    /// The stable name of the entry to serve.
    pub(crate) entry: String,
    /// Its signature in the pool's program.
    pub(crate) signature: String,
    /// The worker's number.
    pub(crate) worker: u64,
    /// The pool's name.
    pub(crate) pool: String,
    /// The pool's process.
    pub(crate) parent: u32,
    /// How many workers of workers it is away from the application.
    pub(crate) depth: u32,
    /// Queries that it runs at once.
    pub(crate) concurrency: u32,
    /// The longest payload, in bytes.
    pub(crate) max_frame: u32,
    /// Queries that fit into the memory that it shares with its pool; 0: it shares none, and
    /// queries come over the data socket.
    pub(crate) slots: u32,
    /// How much may be on its way in one direction of a stream; `None`: it has none.
    pub(crate) window: Option<Window>,
    /// Nothing begins in it before it is told to open its gate.
    pub(crate) waits: bool,
    /// How fine what it logs may be that its pool wants to have, from 1 (errors) to 5 (everything); 0:
    /// nothing, and there is no pipe for it.
    pub(crate) records: u8,
    /// What drives its async code.
    pub(crate) runtime: String,
    /// How long a query may run, unless it is sent with another timeout.
    pub(crate) timeout: Option<Duration>,
    /// What it is to change of its own process.
    pub(crate) attributes: Attributes,
    /// Faults that it is to inject.
    pub(crate) faults: Faults,
}

/// What a new worker says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Reply {
    /// It runs what the application's code wants to be done before it takes queries.
    SettingUp,
    /// It takes queries.
    Ready,
    /// It cannot be of use.
    Failed(BootError),
}

impl Hello {
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, EncodeError> {
        to_bytes(HELLO, self)
    }

    pub(crate) fn parse(frame: &Frame) -> Result<Self, BootError> {
        parse(HELLO, frame)
    }
}

impl Reply {
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, EncodeError> {
        to_bytes(REPLY, self)
    }

    pub(crate) fn parse(frame: &Frame) -> Result<Self, BootError> {
        parse(REPLY, frame)
    }
}

fn to_bytes<T: serde::Serialize>(kind: u8, value: &T) -> Result<Vec<u8>, EncodeError> {
    let body = codec::encode(value)?;
    let header = Header { length: (MAGIC.len() + body.len()) as u32, kind, id: 0 };
    Ok([&header.to_bytes()[..], &MAGIC, &body].concat())
}

fn parse<'a, T: serde::Deserialize<'a>>(kind: u8, frame: &'a Frame) -> Result<T, BootError> {
    if frame.kind != kind {
        return Err(protocol(FrameError::Kind(frame.kind)));
    }
    let Some(body) = frame.payload.strip_prefix(&MAGIC) else {
        return Err(protocol("it speaks another version of pm-runtime, or none"));
    };
    codec::decode(body).map_err(|error: DecodeError| protocol(error))
}

/// A handshake that went wrong.
pub(crate) fn protocol(reason: impl std::fmt::Display) -> BootError {
    BootError::Protocol { reason: reason.to_string().into() }
}
