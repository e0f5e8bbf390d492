//! What the policy of a pool is told of its options.

use std::sync::OnceLock;

use crate::child::entries::Entry;
use crate::options::Options;
use crate::supervisor::Config;

/// Queries and bytes that a worker may hold beyond those that it runs. What it has not begun can
/// be had back, so that the numbers only need to keep it busy.
const AHEAD: usize = 128;
const AHEAD_BYTES: usize = 1 << 20;

/// Keys whose workers a pool remembers: about half a megabyte of them.
const KEYS: usize = 1 << 14;

/// Workers of a pool, and queries that a worker runs at once: more than any system bears, and few
/// enough to be added up and multiplied.
pub(crate) const MOST: usize = 1 << 20;

/// The policy's part of the options.
pub(super) fn config(name: &str, entry: &Entry, options: &Options) -> Config {
    let cpus = cpus();
    let asked = options.concurrency.or(entry.serve.alone(options.cancel));
    let concurrency = entry.serve.concurrency(asked).min(MOST);
    // What is told to one worker's state is news to another's.
    let usual = if entry.serve.changes_state() { 1 } else { cpus };
    let workers = options.workers.unwrap_or(usual.into());
    Config {
        name: name.to_owned(),
        workers: workers.least.min(MOST),
        most: workers.most.min(MOST),
        idle_timeout: options.idle_timeout.map(Options::finite),
        concurrency,
        one_thread: !entry.serve.blocks(),
        ahead: AHEAD,
        ahead_bytes: AHEAD_BYTES,
        boot_timeout: Options::finite(options.boot_timeout),
        grace: Options::finite(options.grace),
        cancel: options.cancel,
        queue: options.queue,
        queue_bytes: options.queue_bytes,
        max_crashes: options.max_crashes,
        crash_window: options.crash_window,
        // What opens a stream is seldom what kills its worker.
        quarantine: options.quarantine.filter(|_| !entry.serve.has_streams()),
        spares: options.spares.min(MOST),
        max_queries: options.max_queries.map(|queries| queries as u64),
        max_age: options.max_age.map(Options::finite),
        max_memory: options.max_memory,
        keys: KEYS,
        boots_at_once: cpus,
        cores: cpus,
        raw: entry.serve.is_raw(),
        seed: u64::from(std::process::id()) << 32 | u64::from(seed()),
    }
}

/// How many CPUs the application may use, as its first pool finds them: to find out takes a dozen
/// system calls, where a group of processes has a quota.
fn cpus() -> usize {
    static CPUS: OnceLock<usize> = OnceLock::new();
    *CPUS.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from))
}

/// Spreads the jitter of pools that start together.
pub(super) fn seed() -> u32 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0) as u32
}
