//! How long it takes.

use std::time::Duration;

use serde_derive::{Deserialize, Serialize};

/// How long queries waited and ran, over [`Health::window`].
///
/// | | from | to | of which queries |
/// |---|---|---|---|
/// | `queue` | their first poll | their begin | those that began in the window |
/// | `run` | their begin | their end | those that ended in it, `completed` or `failed` |
///
/// So `queue` counts no query that never began, be it rejected or cancelled, and `run` none that
/// its caller dropped, even where it runs on: what those are worth is in the [`Rates`]. Time-outs,
/// crashes and panics count in `run` with the time until they were noticed.
///
/// Both are measured where the pool learns of begins and ends. A worker tells of a begin together
/// with the end before it, and whoever reads takes all that has come at once: what is shorter than
/// such a batch, which is microseconds under load, may count as nothing.
///
/// [`Health::window`]: crate::Health::window
/// [`Rates`]: crate::Rates
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Latencies {
    /// Between submission and begin; `None`: no query has begun in the window.
    pub queue: Option<Latency>,
    /// Between begin and end; `None`: no query has ended in the window.
    pub run: Option<Latency>,
}

/// How long something took, over many times.
///
/// `count`, `mean` and `max` are exact. Quantiles are within 1/32 (3.2 %) of the true ones; times
/// above 39 hours count as that much in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Latency {
    /// How many times.
    pub count: u64,
    /// The arithmetic mean.
    pub mean: Duration,
    /// Half of them took no longer.
    pub p50: Duration,
    /// Nine of ten took no longer.
    pub p90: Duration,
    /// Ninety-nine of a hundred took no longer.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
}
