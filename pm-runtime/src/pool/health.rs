//! What observers are told of a pool and its workers.
//!
//! What has to agree is read in one look; what the system has to be asked for, after it.

use std::sync::Arc;
use std::time::Instant;

use super::shared::{Shared, State};
use crate::health::{Health, Running, WorkerHealth, WorkerState};
use crate::supervisor::{QueryKey, SlotView, WorkerId};
use crate::worker::Worker;

/// A worker's health, and its process, which is yet to be asked.
type Measured = (WorkerHealth, Option<Arc<Worker>>);

pub(super) fn of_pool(shared: &Shared) -> Health {
    let missed = shared.missed();
    let (health, last_crash, workers) = shared.look(|state| {
        let (core, now) = (&state.core, Instant::now());
        let read = |view| read(shared, state, &view, now);
        let workers: Vec<Measured> = core.views().map(read).collect();
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
            exhausted: core.is_exhausted(),
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
    let read = |state: &State| Some(read(shared, state, &state.core.view(id)?, Instant::now()));
    shared.look(read).map(measure)
}

/// 0 where no process has been started.
pub(super) fn pid(state: &State, id: WorkerId) -> u32 {
    state.worker(id).map_or(0, |worker| worker.pid().unwrap_or_else(std::process::id))
}

fn read(shared: &Shared, state: &State, view: &SlotView, now: Instant) -> Measured {
    let health = WorkerHealth {
        id: view.id,
        pid: pid(state, view.id),
        state: view.state,
        load: view.load,
        running: view.oldest.and_then(|oldest| running(shared, state, oldest, now)),
        queries: view.served,
        age: now.saturating_duration_since(view.since),
        rss: None,
        cpu: None,
        temporary: view.temporary,
        in_process: state.is_in_process(view.id),
    };
    (health, state.worker(view.id).cloned())
}

fn running(shared: &Shared, state: &State, key: QueryKey, now: Instant) -> Option<Running> {
    let (ticket, age) = state.core.ran_for(key, now)?;
    Some(Running {
        query: shared.plan.entry.query_of(ticket.request().value()),
        age,
        open: state.core.is_stream(key),
        debug: ticket.debug().map(|text| String::from(&*text)),
    })
}

fn measure((health, worker): Measured) -> WorkerHealth {
    let usage = worker.map(|worker| worker.usage()).unwrap_or_default();
    WorkerHealth { rss: usage.rss, cpu: usage.cpu, ..health }
}
