//! Workers that run one function each, to its end.

mod ends;
mod load;
mod pauses;
mod waiters;

use super::*;
use crate::health::WorkerState;
use budget::BACKOFF_CAP;
use slot::Phase;

const CRASH: Exit = Exit::Signal(libc::SIGSEGV);
const KILLED: Exit = Exit::Signal(libc::SIGKILL);
const WELL: Exit = Exit::Code(0);

fn raw(workers: usize) -> Config {
    Config { raw: true, ..config(workers) }
}

impl Scene {
    fn leave(&mut self, worker: WorkerId) {
        self.core.leave(worker, self.now).unwrap();
    }

    /// Its function has returned an error.
    fn fail(&mut self, worker: WorkerId, exit: Exit) -> Result<(), QueryError> {
        self.core.failed(worker, self.now).unwrap();
        self.core.died(
            worker,
            Obituary { failure: Some("lost".into()), ..obituary(exit) },
            self.now,
        )
    }

    fn end_of(&mut self, worker: WorkerId, exit: Exit) -> Result<(), QueryError> {
        self.core.died(worker, obituary(exit), self.now)
    }

    fn become_ready(&mut self, worker: WorkerId) {
        self.core.ready(worker, self.now).unwrap();
    }

    /// Some worker that is not there to stay; else one that may leave.
    fn next_to_move(&self) -> Option<(WorkerId, Phase)> {
        let live = |slot: &&Slot| slot.is_live();
        let slots = &self.core.slots;
        let slot =
            slots.iter().find(|slot| !slot.is_live()).or_else(|| slots.iter().rfind(live))?;
        Some((slot.id, slot.phase.clone()))
    }

    fn state_of(&self, worker: WorkerId) -> WorkerState {
        self.core.view(worker).unwrap().state
    }

    /// How long after the death of this worker the next one was started.
    fn pause_after(&mut self, worker: WorkerId) -> Duration {
        self.die(worker, CRASH);
        self.actions();
        let mut pause = Duration::ZERO;
        while self.launched().is_empty() {
            let at = self.core.wake_at().unwrap();
            pause += at - self.now;
            self.pass(at - self.now);
            self.actions();
        }
        self.become_ready(worker + 1);
        pause
    }
}

fn cause(end: &Result<(), QueryError>) -> Option<&CrashCause> {
    match end {
        Err(QueryError::Crashed(report)) => Some(&report.cause),
        _ => None,
    }
}
