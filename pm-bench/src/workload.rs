//! What contestants are asked to do.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One thing to do again and again, and to measure. Unless said otherwise a query adds two numbers
/// in one worker.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub(crate) enum Workload {
    /// Query after query.
    Alone,
    /// Each so long after the answer to the one before.
    Paused { micros: u64 },
    /// A query that computes for so long; what it takes beyond that is measured.
    Work { micros: u64 },
    /// So many queries in flight.
    Flight { calls: usize },
    /// So many queries in flight, over so many workers.
    Crowd { workers: usize, calls: usize },
    /// So many tasks on two threads of an executor, each with a query after the other.
    Tasks { workers: usize, tasks: usize },
    /// Bytes there and back.
    Echo { bytes: usize },
    /// Bytes there, and a number back.
    Lend { bytes: usize },
    /// Numbers there and back over so many streams at once.
    Streams { workers: usize, streams: usize },
    /// A message there and back over a raw link, one after the other.
    RawAlone,
    /// Messages there and back over a raw link, as many at once as it takes.
    RawStream,
    /// Connections to so many workers: how many the busiest has of each hundred that would be even.
    Spread { workers: usize, own_sockets: bool },
    /// To open a stream, one after the other.
    OpenStream,
    /// An async query, one after the other.
    AsyncQuery,
    /// What each of so many open streams takes that idle: in the caller's process, or in the worker.
    OpenStreams { streams: usize, in_worker: bool },
    /// From nothing to the first answer of a new worker.
    Spawn,
    /// From the SIGKILL to a worker amid a query to the caller's error.
    Killed,
    /// From the SIGKILL to a worker amid a query to the answer of the next one.
    Replaced,
    /// From a call to its error, where it crashes a worker that has so many bytes resident.
    Crash { resident: usize, dump: bool },
    /// A query that follows one that was polled once, and leaked.
    AfterLeak,
    /// What each of so many waiting queries takes.
    Waiting { calls: usize },
    /// What a process takes that idles.
    Idle,
    /// How often the threads of an idle pool and of its workers wake, within so long.
    WakeUps { seconds: u64 },
}

/// In what its results are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Unit {
    Seconds,
    PerSecond,
    BytesPerSecond,
    Bytes,
    Percent,
}

impl Workload {
    pub(crate) fn unit(self) -> Unit {
        match self {
            Self::Flight { .. }
            | Self::Crowd { .. }
            | Self::Tasks { .. }
            | Self::Streams { .. }
            | Self::RawStream
            | Self::WakeUps { .. } => Unit::PerSecond,
            Self::Echo { .. } | Self::Lend { .. } => Unit::BytesPerSecond,
            Self::Spread { .. } => Unit::Percent,
            Self::Waiting { .. } | Self::OpenStreams { .. } | Self::Idle => Unit::Bytes,
            _ => Unit::Seconds,
        }
    }

    /// Whether each slice needs a new process.
    pub(crate) fn is_once(self) -> bool {
        matches!(
            self,
            Self::Waiting { .. }
                | Self::OpenStreams { .. }
                | Self::Spread { .. }
                | Self::Idle
                | Self::WakeUps { .. }
        )
    }
}

impl Unit {
    /// A value, with three digits.
    pub(crate) fn show(self, value: f64) -> String {
        let (scaled, unit) = self.scaled(value);
        let digits = match scaled.abs() {
            size if size >= 100.0 => 0,
            size if size >= 10.0 => 1,
            _ => 2,
        };
        format!("{scaled:.digits$} {unit}")
    }

    /// A value that has but one digit that counts.
    pub(crate) fn show_round(self, value: f64) -> String {
        let (scaled, unit) = self.scaled(value);
        format!("{scaled:.0} {unit}")
    }

    /// A value in a unit that suits it.
    fn scaled(self, value: f64) -> (f64, &'static str) {
        let (scale, unit) = match self {
            Self::Seconds if value.abs() < 0.9999e-6 => (1e9, "ns"),
            Self::Seconds if value.abs() < 0.9999e-3 => (1e6, "µs"),
            Self::Seconds => (1e3, "ms"),
            Self::PerSecond if value >= 1e6 => (1e-6, "million/s"),
            Self::PerSecond if value >= 1e3 => (1e-3, "thousand/s"),
            Self::PerSecond => (1.0, "/s"),
            Self::BytesPerSecond if value >= 1e9 => (1e-9, "GB/s"),
            Self::BytesPerSecond => (1e-6, "MB/s"),
            Self::Bytes if value.abs() >= 1024.0 * 1024.0 => (1.0 / 1024.0 / 1024.0, "MiB"),
            Self::Bytes if value.abs() >= 10240.0 => (1.0 / 1024.0, "KiB"),
            Self::Bytes => (1.0, "B"),
            Self::Percent => (1.0, "%"),
        };
        (value * scale, unit)
    }

    /// Whether less of it is better.
    pub(crate) fn wants_less(self) -> bool {
        matches!(self, Self::Seconds | Self::Bytes | Self::Percent)
    }
}

/// For so many microseconds.
pub(crate) fn micros(micros: u64) -> Duration {
    Duration::from_micros(micros)
}
