//! Random histories: what pool they are of.

use std::time::Duration;

use super::super::Config;
use super::recycle::LIMIT;
use super::rng::Rng;
use crate::options::Cancel;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// Any of either kind.
pub(super) fn any(rng: &mut Rng, raw: bool) -> Config {
    let cancel = rng.pick(&[Cancel::Detach, Cancel::Kill]).unwrap_or_default();
    // Who kills for one query has no other beside it.
    let most = if cancel == Cancel::Kill { 1 } else { 3 };
    let boot_timeouts: &[Duration] = match raw {
        // Nothing else is due for long, once a worker is there.
        true => &[SECOND, 10 * SECOND, 100 * SECOND],
        false => &[SECOND, 10 * SECOND],
    };
    let workers = 1 + rng.below(4);
    let largest = workers + if raw || !rng.one_in(3) { 0 } else { 1 + rng.below(4) };
    Config {
        name: "sim".into(),
        workers,
        most: largest,
        idle_timeout: rng.pick(&[None, Some(MS), Some(SECOND), Some(10 * SECOND)]).flatten(),
        concurrency: 1 + rng.below(most),
        one_thread: rng.pick(&[false, true]).unwrap_or_default(),
        cancel,
        ahead: rng.pick(&[0, 1, 2, 4, 16]).unwrap_or(0),
        ahead_bytes: rng.pick(&[0, 150, 10_000, 10_000]).unwrap_or(0),
        boot_timeout: rng.pick(boot_timeouts).unwrap_or(SECOND),
        grace: rng.pick(&[Duration::ZERO, 100 * MS, 5 * SECOND, 30 * SECOND]).unwrap_or(SECOND),
        queue: rng.pick(&[0, 3, 1024]).unwrap_or(0),
        queue_bytes: rng.pick(&[0, 200, 100_000]).unwrap_or(0),
        max_crashes: rng.pick(&[None, Some(0), Some(1), Some(2), Some(5), Some(5)]).flatten(),
        crash_window: rng.pick(&[None, Some(20 * SECOND), Some(1800 * SECOND)]).flatten(),
        quarantine: rng.pick(&[None, Some(1), Some(2), Some(3)]).flatten(),
        spares: rng.pick(&[0, 0, 1, 2]).unwrap_or(0),
        max_queries: rng.pick(&[None, None, None, Some(1), Some(3), Some(10)]).flatten(),
        max_age: rng.pick(&[None, None, None, Some(5 * SECOND), Some(60 * SECOND)]).flatten(),
        max_memory: rng.pick(&[None, None, Some(LIMIT)]).flatten(),
        keys: rng.pick(&[2, 1000]).unwrap_or(2),
        boots_at_once: 1 + rng.below(3),
        cores: 1 + rng.below(3),
        raw,
        seed: rng.next(),
    }
}
