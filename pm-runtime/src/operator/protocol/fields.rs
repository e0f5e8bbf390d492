//! How requests and answers are written: their fields, and which of them go together.

use std::fmt;

use serde::{Deserialize as _, Deserializer};
use serde_derive::{Deserialize, Serialize};
use serde_json::Value;

use super::{Command, Done, Id, Line, MOST_WORKERS, Request};
use crate::error::Escaped;
use crate::event::Event;

/// All that a request may say. What kind of value each is, is looked at later, so that a mistake is said
/// in words for people.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RequestFields {
    #[serde(rename = "do", default, deserialize_with = "given")]
    verb: Option<Value>,
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pool: Option<Value>,
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    worker: Option<Value>,
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    workers: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<Value>,
}

/// What is there has to be something: a `null` from a script that has gone wrong is not to mean all workers.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

#[derive(Clone, Copy, PartialEq)]
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

fn verb_of(value: Option<&Value>) -> Result<Verb, Wrong> {
    let name = value.and_then(Value::as_str).ok_or(Wrong::NoCommand)?;
    let known = Verb::ALL.into_iter().find(|verb| verb.grammar().0 == name);
    known.ok_or_else(|| Wrong::Unknown(name.to_owned()))
}

fn number_of(field: &'static str, value: Option<&Value>) -> Result<Option<u64>, Wrong> {
    let number = |value: &Value| {
        value.as_u64().ok_or_else(|| Wrong::NoNumber { field, instead: value.to_string() })
    };
    value.map(number).transpose()
}

fn id_from(value: Option<Value>) -> Result<Option<Id>, Wrong> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => Ok(Some(Id::Number(number))),
        Some(Value::String(text)) => Ok(Some(Id::Text(text))),
        Some(_) => Err(Wrong::NoId),
    }
}

impl TryFrom<RequestFields> for Request {
    type Error = Wrong;

    fn try_from(fields: RequestFields) -> Result<Self, Wrong> {
        let verb = verb_of(fields.verb.as_ref())?;
        let given = [
            ("pool", fields.pool.is_some()),
            ("worker", fields.worker.is_some()),
            ("workers", fields.workers.is_some()),
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
        let pool = number_of("pool", fields.pool.as_ref())?.unwrap_or_default();
        let worker = number_of("worker", fields.worker.as_ref())?;
        let workers = number_of("workers", fields.workers.as_ref())?.unwrap_or_default();
        let command = match verb {
            Verb::Health => Command::Health,
            Verb::Events => Command::Events,
            Verb::Spawn => match usize::try_from(workers) {
                Ok(workers) if workers <= MOST_WORKERS => Command::Spawn { pool, workers },
                _ => return Err(Wrong::TooMany),
            },
            Verb::Respawn => Command::Respawn { pool, worker },
            Verb::Unspawn => Command::Unspawn { pool, worker },
            Verb::Forgive => Command::Forgive { pool },
        };
        Ok(Self { id: id_from(fields.id)?, command })
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
        let id = id.map(|id| match id {
            Id::Number(number) => Value::Number(number),
            Id::Text(text) => Value::String(text),
        });
        let verb = Some(verb.grammar().0.into());
        let (pool, worker) = (pool.map(Value::from), worker.map(Value::from));
        Self { verb, pool, worker, workers: workers.map(Value::from), id }
    }
}

/// What is wrong with a request that is one by its form.
pub(super) enum Wrong {
    NoCommand,
    Unknown(String),
    NoNumber { field: &'static str, instead: String },
    NoId,
    Missing { command: &'static str, field: &'static str },
    Surplus { command: &'static str, field: &'static str },
    TooMany,
}

/// Every command.
fn known() -> String {
    Verb::ALL.map(|verb| format!("`{}`", verb.grammar().0)).join(", ")
}

fn short(text: &str) -> String {
    const LONGEST: usize = 40;
    let mut short: String = text.chars().take(LONGEST).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCommand => write!(f, "`do` names what is to be done: {}", known()),
            Self::NoId => f.write_str("`id` is a number or text"),
            Self::NoNumber { field, instead } => {
                let told = if *field == "workers" { "" } else { ", as `health` tells it," };
                write!(f, "`{field}` is a number{told} and {} is none", short(instead))
            }
            Self::Unknown(name) => {
                let (name, known) = (short(name), known());
                write!(f, "there is no command `{}`; there are {known}", Escaped(&name))
            }
            Self::Missing { command, field } => write!(f, "`{command}` needs `{field}`"),
            Self::Surplus { command, field } => write!(f, "`{command}` takes no `{field}`"),
            Self::TooMany => write!(f, "`workers` may be {MOST_WORKERS} at most"),
        }
    }
}

/// Whether a line begins as an object does. Serde would take the fields from an array, too.
pub(super) fn is_object(line: &[u8]) -> bool {
    line.trim_ascii_start().first() == Some(&b'{')
}

/// The id of a line that may say anything else.
#[derive(Deserialize)]
struct RequestId {
    id: Option<Id>,
}

/// What a line that is no request calls itself, where that can be read.
pub(super) fn id_of(line: &[u8]) -> Option<Id> {
    if !is_object(line) {
        return None;
    }
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
