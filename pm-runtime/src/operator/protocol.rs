//! What is said over an operator's socket: lines of JSON in both directions.
//!
//! A client sends a [`Request`] a line, and reads [`Line`]s. Both are types of serde, so that a program
//! in Rust need not know how they are written; what others write and read looks so:
//!
//! ```text
//! {"do":"health"}
//! {"ok":{"health":{"version":1,"pid":4711,"name":"thumbnails","pools":[{"id":1,"health":{…}}], …}}}
//! {"do":"respawn","pool":1,"worker":3,"id":"a name of yours"}
//! {"ok":"respawn","id":"a name of yours"}
//! {"do":"forgive"}
//! {"error":"no request: `forgive` needs `pool`; …"}
//! {"do":"events"}
//! {"ok":"events"}
//! {"event":{"Ready":{"worker":4,"at":{…}}},"pool":1}
//! ```
//!
//! ```
//! use pm_runtime::operator::protocol::{Command, Done, Line, Request};
//!
//! let request = Request::from(Command::Respawn { pool: 1, worker: Some(3) });
//! assert_eq!(request.to_string(), r#"{"do":"respawn","pool":1,"worker":3}"#);
//!
//! let line: Line = serde_json::from_str(r#"{"ok":"respawn"}"#)?;
//! assert_eq!(line, Line::Ok { done: Done::Respawn, id: None });
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! # What is in them
//!
//! [`Health`] and [`Event`] have the names of their fields in Rust. A length of time is seconds and
//! nanoseconds, and a point in time the same since 1970, UTC; what is not known is `null`. More fields and
//! more events may come without another [`VERSION`]. So a pool looks:
//!
//! ```
//! # let text = r#"
//! {"id": 1, "health": {
//!     "name": "parser",
//!     "workers": [{
//!         "id": 3, "pid": 4714, "state": "Busy", "load": 2,
//!         "running": {"query": "parse", "age": {"secs": 12, "nanos": 500000000}, "open": false, "debug": "page 7"},
//!         "queries": 1300, "age": {"secs": 90, "nanos": 0}, "rss": 50331648, "cpu": {"secs": 60, "nanos": 0},
//!         "temporary": false, "in_process": false
//!     }],
//!     "starting": 0, "idle": 0, "busy": 1, "spares": 0, "releasing": 0,
//!     "queued": 7, "queued_bytes": 2048, "in_flight": 2, "detached": 0,
//!     "deaths": 1, "crashes": 1, "last_crash": null, "exhausted": false, "quarantined": 0, "missed": 0,
//!     "restarts": 1, "timeouts": 1, "panics": 0,
//!     "account": {
//!         "submitted": 1310, "completed": 1298, "failed": 3, "cancelled": 0, "rejected": 0, "waiting": 8, "running": 1
//!     },
//!     "window": {"secs": 60, "nanos": 0},
//!     "rates": {"submitted": 5.5, "completed": 5.25, "failed": 0.25, "cancelled": 0.0, "rejected": 0.0},
//!     "latency": {
//!         "queue": null,
//!         "run": {
//!             "count": 315, "mean": {"secs": 0, "nanos": 4000000}, "p50": {"secs": 0, "nanos": 3000000},
//!             "p90": {"secs": 0, "nanos": 8000000}, "p99": {"secs": 0, "nanos": 20000000}, "max": {"secs": 2, "nanos": 0}
//!         }
//!     }
//! }}
//! # "#;
//! # let pool: pm_runtime::operator::protocol::PoolState = serde_json::from_str(text)?;
//! # assert!(pool.health.account.balances());
//! # let written = serde_json::to_value(&pool)?;
//! # assert_eq!(written, serde_json::from_str::<serde_json::Value>(text)?);
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! and a line of an event:
//!
//! ```
//! # let text = r#"
//! {"event": {"TimedOut": {
//!     "worker": 3,
//!     "at": {"secs_since_epoch": 1764460800, "nanos_since_epoch": 250000000},
//!     "after": {"secs": 5, "nanos": 0}
//! }}, "pool": 1}
//! # "#;
//! # let line: pm_runtime::operator::protocol::Line = serde_json::from_str(text)?;
//! # assert_eq!(serde_json::to_value(&line)?, serde_json::from_str::<serde_json::Value>(text)?);
//! # Ok::<(), serde_json::Error>(())
//! ```

mod fields;

use std::fmt;
use std::time::SystemTime;

use serde_derive::{Deserialize, Serialize};
use serde_json::Number;

use crate::error::Escaped;
use crate::event::Event;
use crate::health::Health;
use fields::{LineFields, RequestFields, id_of, is_object};

/// The version of this protocol. What is added to answers does not change it.
pub const VERSION: u32 = 1;

/// Bytes of the longest request, without the end of its line.
pub const LONGEST_REQUEST: usize = 64 << 10;

/// The most workers that [`Command::Spawn`] may ask for: a slip of the finger is not to start a million
/// processes.
pub const MOST_WORKERS: usize = 1024;

/// What a client wants: a line of JSON, which its `Display` writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RequestFields", into = "RequestFields")]
pub struct Request {
    /// Comes back with the answer. None is written, or is `null`.
    pub id: Option<Id>,
    /// What is to be done.
    pub command: Command,
}

/// What there is to be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// The state of every pool, once.
    Health,
    /// Every event of every pool from now on, until the client hangs up, or has shut its side of the
    /// connection and all its other requests are answered; also of pools that are made later.
    Events,
    /// [`Pool::spawn`](crate::Pool::spawn): more workers, if there are fewer than that.
    Spawn {
        /// The pool's number.
        pool: u64,
        /// How many workers there are to be at least; [`MOST_WORKERS`] at most.
        workers: usize,
    },
    /// [`Pool::respawn`](crate::Pool::respawn): others in the places of all workers, or of one.
    Respawn {
        /// The pool's number.
        pool: u64,
        /// The number of the one; `None`: all, for which nothing is written. A `null` is a mistake.
        worker: Option<u64>,
    },
    /// [`Pool::unspawn`](crate::Pool::unspawn): no workers until there is something to do; or one less.
    Unspawn {
        /// The pool's number.
        pool: u64,
        /// The number of the one; `None`: all, for which nothing is written. A `null` is a mistake.
        worker: Option<u64>,
    },
    /// [`Pool::forgive`](crate::Pool::forgive): the crash budget is whole again.
    Forgive {
        /// The pool's number.
        pool: u64,
    },
}

/// What a client calls its request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "`id` is a number or text")]
pub enum Id {
    /// A number, which comes back as JSON libraries keep it: 64 bits, whole or floating.
    Number(Number),
    /// Text.
    Text(String),
}

/// What an application says: a line of JSON, which its `Display` writes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "LineFields", into = "LineFields")]
pub enum Line {
    /// What was asked for is done.
    Ok {
        /// What was.
        done: Done,
        /// That of the request.
        id: Option<Id>,
    },
    /// It was not done.
    Error {
        /// Why, for people.
        error: String,
        /// That of the request, where that could be read.
        id: Option<Id>,
    },
    /// Something happened.
    Event {
        /// What.
        event: Event,
        /// The number of the pool in which it did.
        pool: u64,
    },
}

/// What was done: the command's name, and what it has brought.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Done {
    /// The state that was asked for.
    Health(ApplicationState),
    /// Events follow.
    Events,
    /// The workers are ready.
    Spawn,
    /// The old workers are gone, and others ready in their places.
    Respawn,
    /// The workers are gone.
    Unspawn,
    /// All is forgiven.
    Forgive,
}

/// An application and its pools at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ApplicationState {
    /// [`VERSION`] where it was built.
    pub version: u32,
    /// Its process id.
    pub pid: u32,
    /// The name of its executable.
    pub name: String,
    /// When it was started, as far as the system tells.
    pub started: Option<SystemTime>,
    /// Every pool, in the order in which they were made.
    pub pools: Vec<PoolState>,
}

/// A pool at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PoolState {
    /// Its number in its application, which stays the same: [`Pool::id`](crate::Pool::id).
    pub id: u64,
    /// How it is.
    pub health: Health,
}

impl Request {
    /// Reads a line, without its end.
    ///
    /// # Errors
    ///
    /// The answer to a line that is none: an [`Error`](Line::Error), which says what is wrong with it.
    ///
    /// ```
    /// use pm_runtime::operator::protocol::{Command, Request};
    ///
    /// let request = Request::parse(br#"{"do":"forgive","pool":1}"#);
    /// assert_eq!(request, Ok(Command::Forgive { pool: 1 }.into()));
    /// assert!(Request::parse(b"forgive!").unwrap_err().to_string().starts_with(r#"{"error":"#));
    /// ```
    pub fn parse(line: &[u8]) -> Result<Self, Line> {
        let fields = match is_object(line) {
            true => serde_json::from_slice::<RequestFields>(line).map_err(|error| said(&error)),
            false => Err("it is no object".to_owned()),
        };
        let request =
            fields.and_then(|fields| Self::try_from(fields).map_err(|wrong| wrong.to_string()));
        request.map_err(|reason| mistake(line, &reason))
    }
}

/// What serde says. Where a line is JSON, its columns say nothing to people.
fn said(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((reason, _)) if error.is_data() => reason.to_owned(),
        _ => text,
    }
}

/// The answer to a line that is no request.
fn mistake(line: &[u8], reason: &str) -> Line {
    const LONGEST: usize = 400;
    let reason: String = reason.chars().take(LONGEST).collect();
    let error =
        format!(r#"no request: {}; one is a line such as {{"do":"health"}}"#, Escaped(&reason));
    Line::Error { error, id: id_of(line) }
}

impl From<Command> for Request {
    fn from(command: Command) -> Self {
        Self { id: None, command }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

#[cfg(test)]
mod tests;
