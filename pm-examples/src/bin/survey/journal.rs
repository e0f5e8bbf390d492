//! What became of the workers.

use futures_util::FutureExt;
use pm_runtime::{Event, Events, Pool};

/// The deaths and births of a pool, from its events.
pub(crate) struct Journal {
    events: Events,
    /// Those that it had in the beginning.
    originals: usize,
    started: Vec<u64>,
    lost: Vec<u64>,
    pub(crate) crashed: u64,
    pub(crate) timed_out: u64,
}

impl Journal {
    /// Of a pool that has not been used yet, and will have so many workers.
    pub(crate) fn new(pool: &Pool, originals: usize) -> Self {
        Self {
            events: pool.events(),
            originals,
            started: Vec::new(),
            lost: Vec::new(),
            crashed: 0,
            timed_out: 0,
        }
    }

    /// Takes in what has happened. The pool keeps only so many events for a reader, so that this
    /// wants to be called often.
    pub(crate) fn catch_up(&mut self) {
        while let Some(Some(event)) = self.events.next().now_or_never() {
            match event {
                Event::Spawned { worker, .. } => self.started.push(worker),
                Event::Crashed(report) => {
                    self.crashed += 1;
                    self.lost.push(report.worker);
                }
                Event::TimedOut { worker, .. } => {
                    self.timed_out += 1;
                    self.lost.push(worker);
                }
                _ => {}
            }
        }
    }

    /// Workers that took the places of others.
    pub(crate) fn replacements(&self) -> &[u64] {
        self.started.get(self.originals..).unwrap_or_default()
    }

    /// Who took the place of a worker that died.
    pub(crate) fn successor(&self, worker: u64) -> Option<u64> {
        let place = self.lost.iter().position(|&lost| lost == worker)?;
        self.replacements().get(place).copied()
    }
}
