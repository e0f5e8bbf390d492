//! An event, for people.

use std::fmt;

use super::Event;
use crate::error::{Bytes, Escaped, Span};

/// One line, which says everything but the pool and the time; control characters of what workers said
/// are escaped. `{:#}` adds the lines that a [`CrashReport`](crate::CrashReport) adds.
///
/// ```text
/// worker 3 was started
/// worker 3 is ready
/// worker 3: a query ran longer than 30 s
/// worker 3 of pool `thumbnail` (pid 4711) was killed by SIGSEGV, running `thumbnail` (48 KiB, …
/// worker 4 comes: 3 workers, 1 more
/// ```
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spawned { worker, .. } => write!(f, "worker {worker} was started"),
            Self::Ready { worker, .. } => write!(f, "worker {worker} is ready"),
            Self::Crashed(report) | Self::Killed(report) => report.fmt(f),
            Self::TimedOut { worker, after, .. } => {
                write!(f, "worker {worker}: a query ran longer than {}", Span(*after))
            }
            Self::Cancelled { worker, .. } => {
                write!(f, "worker {worker}: the query that it ran was cancelled")
            }
            Self::Recycled { worker, .. } => {
                write!(f, "worker {worker} makes way for another one")
            }
            Self::Released { worker, .. } => write!(f, "worker {worker} has ended as it was to"),
            Self::Scaled { worker, from, to, .. } => {
                let (verb, noun) = if to > from { ("comes", "more") } else { ("goes", "fewer") };
                write!(f, "worker {worker} {verb}: {to} workers, {} {noun}", to.abs_diff(*from))
            }
            Self::BudgetExhausted { worker, .. } => write!(
                f,
                "worker {worker} was the last one, and too many have died: queries fail until one \
                 that is tried every 10 s answers, or somebody forgives"
            ),
            Self::Healed { worker, .. } => {
                write!(f, "worker {worker} answers: the pool is well again")
            }
            Self::Quarantined { report, crashes } => {
                write!(f, "refused from now on, because it has killed {crashes} ")?;
                f.write_str(if *crashes == 1 { "worker: " } else { "workers, the last one so: " })?;
                report.fmt(f)
            }
            Self::Message { worker, size, .. } => {
                write!(f, "worker {worker} sent a message of {}", Bytes(*size as u64))
            }
            Self::Reported { worker, text, .. } => {
                write!(f, "worker {worker} reports: {}", Escaped(text))
            }
            Self::Output { worker, stream, line, .. } => {
                write!(f, "worker {worker}, {stream}: {line}")
            }
            Self::Lagged { missed: 1 } => f.write_str("1 event was missed here"),
            Self::Lagged { missed } => write!(f, "{missed} events were missed here"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn each_is_one_line_that_nothing_in_it_can_forge() {
        let (worker, at) = (3, SystemTime::UNIX_EPOCH);
        let after = Duration::from_secs(30);
        for (event, text) in [
            (Event::Spawned { worker, at }, "worker 3 was started"),
            (Event::TimedOut { worker, at, after }, "worker 3: a query ran longer than 30 s"),
            (Event::Scaled { worker, at, from: 2, to: 3 }, "worker 3 comes: 3 workers, 1 more"),
            (Event::Scaled { worker, at, from: 4, to: 2 }, "worker 3 goes: 2 workers, 2 fewer"),
            (Event::Message { worker, at, size: 2048 }, "worker 3 sent a message of 2 KiB"),
            (
                Event::Reported { worker, at, text: "\x1b[2Jno\nworker 1 is ready".into() },
                "worker 3 reports: \\u{1b}[2Jno\\nworker 1 is ready",
            ),
            (Event::Lagged { missed: 1 }, "1 event was missed here"),
        ] {
            assert_eq!(event.to_string(), text);
        }
    }
}
