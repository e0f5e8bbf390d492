//! What observers are told of a pool and its workers.
//!
//! What has to agree is read in one look; what the system has to be asked for, after it.

use std::sync::Arc;
use std::time::Instant;

use super::shared::{Shared, State};
use crate::health::{Health, WorkerHealth, WorkerState};
use crate::supervisor::{SlotView, WorkerId};
use crate::worker::Worker;

/// A worker's health, and its process, which is yet to be asked.
type Measured = (WorkerHealth, Option<Arc<Worker>>);

pub(super) fn of_pool(shared: &Shared) -> Health {
    let missed = shared.missed();
    let (health, last_crash, workers) = shared.look(|state| {
        let (core, now) = (&state.core, Instant::now());
        let workers: Vec<Measured> = core.views().map(|view| read(state, &view, now)).collect();
        let count = |wanted| workers.iter().filter(|(worker, _)| worker.state == wanted).count();
        let health = Health {
            name: shared.name().to_owned(),
            starting: count(WorkerState::Starting),
            idle: count(WorkerState::Idle),
            busy: count(WorkerState::Busy),
            spares: count(WorkerState::Spare),
            releasing: count(WorkerState::Releasing),
            queued: core.waiting(),
            queued_bytes: core.waiting_bytes(),
            in_flight: workers.iter().map(|(worker, _)| worker.load).sum(),
            detached: core.detached(),
            deaths: core.losses().deaths,
            crashes: core.crashes(),
            last_crash: None,
            quarantined: core.quarantined(),
            missed,
            restarts: core.restarts(),
            timeouts: core.losses().timeouts,
            panics: core.losses().panics,
            account: core.account(),
            window: core.window(now),
            rates: core.rates(now),
            latency: core.latency(now),
            workers: Vec::new(),
        };
        (health, core.last_crash().cloned(), workers)
    });
    Health {
        last_crash: last_crash.map(|report| (*report).clone()),
        workers: workers.into_iter().map(measure).collect(),
        ..health
    }
}

/// `None`: it is gone.
pub(super) fn of_worker(shared: &Shared, id: WorkerId) -> Option<WorkerHealth> {
    let read = |state: &State| Some(read(state, &state.core.view(id)?, Instant::now()));
    shared.look(read).map(measure)
}

/// 0 where no process has been started.
pub(super) fn pid(state: &State, id: WorkerId) -> u32 {
    state.worker(id).map_or(0, |worker| worker.pid().unwrap_or_else(std::process::id))
}

fn read(state: &State, view: &SlotView, now: Instant) -> Measured {
    let health = WorkerHealth {
        id: view.id,
        pid: pid(state, view.id),
        state: view.state,
        load: view.load,
        queries: view.served,
        age: now.saturating_duration_since(view.since),
        rss: None,
        cpu: None,
        temporary: view.temporary,
        in_process: state.is_in_process(view.id),
    };
    (health, state.worker(view.id).cloned())
}

fn measure((health, worker): Measured) -> WorkerHealth {
    let usage = worker.map(|worker| worker.usage()).unwrap_or_default();
    WorkerHealth { rss: usage.rss, cpu: usage.cpu, ..health }
}
