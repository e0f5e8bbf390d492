//! How requests and answers are written: their fields, and which of them go together.

use std::fmt;

use serde::Deserializer;
use serde_derive::{Deserialize, Serialize};

use super::{Command, Done, Id, Line, MOST_WORKERS, Request};
use crate::error::Escaped;
use crate::event::Event;

/// All that a request may say.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RequestFields {
    #[serde(rename = "do")]
    verb: Verb,
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pool: Option<u64>,
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    worker: Option<u64>,
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    workers: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<Id>,
}

/// What is there has to be something: a `null` from a script that has gone wrong is not to mean all workers.
fn given<'de, D: Deserializer<'de>, T: serde::Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", rename_all = "lowercase")]
enum Verb {
    Health,
    Events,
    Spawn,
    Respawn,
    Unspawn,
    Forgive,
}

impl Verb {
    const ALL: [Self; 6] =
        [Self::Health, Self::Events, Self::Spawn, Self::Respawn, Self::Unspawn, Self::Forgive];

    /// Its name, the fields that it needs, and those that it takes beside them.
    fn grammar(self) -> (&'static str, &'static [&'static str], &'static [&'static str]) {
        match self {
            Self::Health => ("health", &[], &[]),
            Self::Events => ("events", &[], &[]),
            Self::Spawn => ("spawn", &["pool", "workers"], &[]),
            Self::Respawn => ("respawn", &["pool"], &["worker"]),
            Self::Unspawn => ("unspawn", &["pool"], &["worker"]),
            Self::Forgive => ("forgive", &["pool"], &[]),
        }
    }
}

impl TryFrom<String> for Verb {
    type Error = Wrong;

    fn try_from(name: String) -> Result<Self, Wrong> {
        let known = Self::ALL.into_iter().find(|verb| verb.grammar().0 == name);
        known.ok_or(Wrong::Unknown(name))
    }
}

impl TryFrom<RequestFields> for Request {
    type Error = Wrong;

    fn try_from(fields: RequestFields) -> Result<Self, Wrong> {
        let RequestFields { verb, id, pool, worker, workers } = fields;
        let given = [
            ("pool", pool.is_some()),
            ("worker", worker.is_some()),
            ("workers", workers.is_some()),
        ];
        let (command, needs, takes) = verb.grammar();
        for (field, is_given) in given {
            match (needs.contains(&field), is_given) {
                (true, false) => return Err(Wrong::Missing { command, field }),
                (false, true) if !takes.contains(&field) => {
                    return Err(Wrong::Surplus { command, field });
                }
                _ => {}
            }
        }
        let (pool, most) = (pool.unwrap_or_default(), workers.unwrap_or_default());
        let command = match verb {
            Verb::Health => Command::Health,
            Verb::Events => Command::Events,
            Verb::Spawn if most > MOST_WORKERS => return Err(Wrong::TooMany),
            Verb::Spawn => Command::Spawn { pool, workers: most },
            Verb::Respawn => Command::Respawn { pool, worker },
            Verb::Unspawn => Command::Unspawn { pool, worker },
            Verb::Forgive => Command::Forgive { pool },
        };
        Ok(Self { id, command })
    }
}

impl From<Request> for RequestFields {
    fn from(Request { id, command }: Request) -> Self {
        let (verb, pool, worker, workers) = match command {
            Command::Health => (Verb::Health, None, None, None),
            Command::Events => (Verb::Events, None, None, None),
            Command::Spawn { pool, workers } => (Verb::Spawn, Some(pool), None, Some(workers)),
            Command::Respawn { pool, worker } => (Verb::Respawn, Some(pool), worker, None),
            Command::Unspawn { pool, worker } => (Verb::Unspawn, Some(pool), worker, None),
            Command::Forgive { pool } => (Verb::Forgive, Some(pool), None, None),
        };
        Self { verb, pool, worker, workers, id }
    }
}

/// What is wrong with a request that is one by its form.
pub(super) enum Wrong {
    Unknown(String),
    Missing { command: &'static str, field: &'static str },
    Surplus { command: &'static str, field: &'static str },
    TooMany,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name) => {
                let name: String = name.chars().take(40).collect();
                let known = Verb::ALL.map(|verb| format!("`{}`", verb.grammar().0)).join(", ");
                write!(f, "there is no command `{}`; there are {known}", Escaped(&name))
            }
            Self::Missing { command, field } => write!(f, "`{command}` needs `{field}`"),
            Self::Surplus { command, field } => write!(f, "`{command}` takes no `{field}`"),
            Self::TooMany => write!(f, "`workers` may be {MOST_WORKERS} at most"),
        }
    }
}

/// The id of a line that may say anything else.
#[derive(Deserialize)]
struct RequestId {
    id: Option<Id>,
}

/// What a line that is no request calls itself, where that can be read.
pub(super) fn id_of(line: &[u8]) -> Option<Id> {
    serde_json::from_slice(line).ok().and_then(|RequestId { id }| id)
}

/// All that a line of an application's may say.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct LineFields {
    #[serde(skip_serializing_if = "Option::is_none")]
    ok: Option<Done>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<Event>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pool: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Id>,
}

/// A line that says nothing, or several things at once.
pub(super) struct Unclear;

impl fmt::Display for Unclear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a line has either `ok`, or `error`, or `event` and `pool`")
    }
}

impl TryFrom<LineFields> for Line {
    type Error = Unclear;

    fn try_from(fields: LineFields) -> Result<Self, Unclear> {
        match fields {
            LineFields { ok: Some(done), error: None, event: None, pool: None, id } => {
                Ok(Self::Ok { done, id })
            }
            LineFields { ok: None, error: Some(error), event: None, pool: None, id } => {
                Ok(Self::Error { error, id })
            }
            LineFields {
                ok: None,
                error: None,
                event: Some(event),
                pool: Some(pool),
                id: None,
            } => Ok(Self::Event { event, pool }),
            _ => Err(Unclear),
        }
    }
}

impl From<Line> for LineFields {
    fn from(line: Line) -> Self {
        let none = Self { ok: None, error: None, event: None, pool: None, id: None };
        match line {
            Line::Ok { done, id } => Self { ok: Some(done), id, ..none },
            Line::Error { error, id } => Self { error: Some(error), id, ..none },
            Line::Event { event, pool } => Self { event: Some(event), pool: Some(pool), ..none },
        }
    }
}
