//! What a worker does: it tells what a line is.

use std::fmt;
use std::sync::LazyLock;

use pm_runtime::{Outbox, OutboxClosed, StreamWorker, worker_stream};
use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use crate::grammar;

/// What lines are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Class {
    /// Of a request, by the first digit of its status.
    Status(char),
    Level(Level),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub(crate) enum ParserError {
    #[error("neither a request nor pairs of keys and values, from byte {0} on")]
    Neither(usize),
    #[error("no level that is known")]
    NoLevel,
    #[error(transparent)]
    Closed(#[from] OutboxClosed),
}

/// Parses the lines of one input, and answers each of them once, in their order.
///
/// A line on which the parser dies is no reason to give the pool up, so that any number of crashes
/// is made good.
#[worker_stream(max_crashes = None, stdio = "capture")]
#[derive(Default)]
pub(crate) struct LineParser;

impl StreamWorker for LineParser {
    type Input = String;
    type Output = Class;
    type Error = ParserError;

    async fn write(&mut self, line: String, out: &Outbox<Class>) -> Result<(), ParserError> {
        Ok(out.send(class(&line)?).await?)
    }
}

/// A request in the common or the combined log format.
static REQUEST: LazyLock<Regex> = LazyLock::new(|| {
    let text = r#""(?:[^"\\]|\\.)*""#;
    let pattern = format!(
        r"^[^ ]+ [^ ]+ [^ ]+ \[[^\]]+\] {text} ([1-5])[0-9][0-9] (?:[0-9]+|-)(?: {text} {text})?$"
    );
    // It takes time in proportion to the line's length, and memory within these limits.
    let bounded = RegexBuilder::new(&pattern).size_limit(256 << 10).dfa_size_limit(1 << 20).build();
    bounded.expect("the pattern is correct and small")
});

fn class(line: &str) -> Result<Class, ParserError> {
    let request = REQUEST.captures(line);
    if let Some(status) = request.and_then(|request| request.get(1)?.as_str().chars().next()) {
        return Ok(Class::Status(status));
    }
    let pairs = grammar::pairs(line).map_err(ParserError::Neither)?;
    let level = pairs.iter().find(|(key, _)| *key == "level").map(|(_, level)| *level);
    Ok(Class::Level(match level {
        Some("trace") => Level::Trace,
        Some("debug") => Level::Debug,
        Some("info") => Level::Info,
        Some("warn") => Level::Warn,
        Some("error") => Level::Error,
        _ => return Err(ParserError::NoLevel),
    }))
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(digit) => write!(f, "{digit}xx"),
            Self::Level(level) => f.write_str(match level {
                Level::Trace => "trace",
                Level::Debug => "debug",
                Level::Info => "info",
                Level::Warn => "warn",
                Level::Error => "error",
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_request_or_has_a_level() {
        let common =
            r#"::1 - ash [10/Oct/2026:13:55:36 +0000] "GET /dex?q=\"eevee\" HTTP/1.1" 404 -"#;
        assert_eq!(class(common), Ok(Class::Status('4')));
        let combined = format!(r#"{common} "-" "curl/8.1 (übermut)""#);
        assert_eq!(class(&combined), Ok(Class::Status('4')));
        assert_eq!(class("msg=up level=warn"), Ok(Class::Level(Level::Warn)));
        assert_eq!(class("level=loud"), Err(ParserError::NoLevel));
        assert_eq!(class("level=info {"), Err(ParserError::Neither(11)));
    }
}
