//! The policy's promises, one by one; and the scene on which they are kept.

mod broadcast;
mod cancel;
mod lost;
mod pace;
mod quarantine;
mod queries;
mod raw;
mod recycle;
mod retries;
mod routes;
mod scale;
mod spares;
mod workers;

use std::time::{Duration, Instant, SystemTime};

use super::*;
use crate::error::{Blame, BootError, CrashCause, Exit, Limit};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// A pool without processes: a test says what its workers do.
struct Scene {
    core: Core<u32>,
    now: Instant,
    seen: Vec<Action<u32>>,
    /// Of what is submitted.
    conduct: Conduct,
    immediate: bool,
}

fn config(workers: usize) -> Config {
    Config {
        name: "test".into(),
        workers,
        most: workers,
        idle_timeout: None,
        concurrency: 1,
        one_thread: false,
        ahead: 4,
        ahead_bytes: 1 << 20,
        boot_timeout: 10 * SECOND,
        grace: 30 * SECOND,
        cancel: Cancel::Detach,
        queue: 2,
        queue_bytes: 1 << 20,
        max_crashes: Some(5),
        crash_window: Some(1800 * SECOND),
        quarantine: Some(3),
        spares: 0,
        max_queries: None,
        max_age: None,
        max_memory: None,
        keys: 64,
        boots_at_once: 8,
        cores: 8,
        raw: false,
        seed: 1,
    }
}

/// Of a worker that ended like that, and of which nothing else is known.
fn obituary(exit: Exit) -> Obituary {
    Obituary {
        pid: None,
        exit,
        limit: None,
        oom_killed: false,
        max_rss: None,
        cpu: None,
        panic: None,
        debug: None,
        stderr_tail: None,
        begun: Default::default(),
        setting_up: false,
        failure: None,
        boot_error: None,
        at: SystemTime::UNIX_EPOCH,
    }
}

/// A query of any worker that may take its time.
fn submission(payload: u32) -> Submission<u32> {
    Submission {
        payload,
        size: 8,
        timeout: None,
        queue_timeout: None,
        conduct: Conduct::Blocking,
        immediate: false,
        route: Route::Any,
        retries: 0,
    }
}

impl Scene {
    fn new(config: Config) -> Self {
        Self {
            core: Core::new(config),
            now: Instant::now(),
            seen: Vec::new(),
            conduct: Conduct::Blocking,
            immediate: false,
        }
    }

    /// A pool whose workers, numbered from 1, are ready.
    fn ready(config: Config) -> Self {
        let workers = config.workers;
        let mut scene = Self::new(config);
        scene.core.spawn(workers, scene.now);
        for worker in 1..=workers as WorkerId {
            scene.core.ready(worker, scene.now).unwrap();
        }
        scene.actions();
        scene
    }

    fn actions(&mut self) -> String {
        self.seen.clear();
        while let Some(action) = self.core.next_action() {
            self.seen.push(action);
        }
        self.seen.iter().map(|action| format!("{action:?}\n")).collect()
    }

    fn submit(&mut self, payload: u32) -> QueryKey {
        self.submit_with(payload, Some(10 * SECOND), None).unwrap()
    }

    fn submit_with(
        &mut self,
        payload: u32,
        timeout: Option<Duration>,
        queue_timeout: Option<Duration>,
    ) -> Option<QueryKey> {
        self.submit_as(payload, Route::Any, timeout, queue_timeout)
    }

    fn submit_to(&mut self, payload: u32, route: Route) -> Option<QueryKey> {
        self.submit_as(payload, route, Some(10 * SECOND), None)
    }

    fn submit_as(
        &mut self,
        payload: u32,
        route: Route,
        timeout: Option<Duration>,
        queue_timeout: Option<Duration>,
    ) -> Option<QueryKey> {
        let (immediate, conduct) = (self.immediate, self.conduct);
        let submission =
            Submission { timeout, queue_timeout, conduct, immediate, route, ..submission(payload) };
        self.core.submit(submission, None, self.now)
    }

    fn begin(&mut self, worker: WorkerId, key: QueryKey) {
        self.core.begun(worker, key, self.now).unwrap();
    }

    fn end(&mut self, worker: WorkerId, key: QueryKey) -> Option<u32> {
        let ended = self.core.ended(worker, key, End::Answered, self.now).unwrap();
        self.core.catch_up(self.now);
        ended
    }

    fn die(&mut self, worker: WorkerId, exit: Exit) {
        self.die_of(worker, exit, None);
    }

    fn die_of(&mut self, worker: WorkerId, exit: Exit, boot_error: Option<BootError>) {
        let obituary = Obituary { boot_error, ..obituary(exit) };
        let _ = self.core.died(worker, obituary, self.now);
    }

    fn pass(&mut self, by: Duration) {
        self.now += by;
        for _ in 0..3 {
            if self.core.wake_at().is_some_and(|at| at <= self.now) {
                self.core.tick(self.now);
            }
        }
    }

    /// The error of a query that failed in the last actions.
    fn error_of(&self, payload: u32) -> Option<&QueryError> {
        self.seen.iter().find_map(|action| match action {
            Action::Fail(other, error) if *other == payload => Some(error),
            _ => None,
        })
    }

    fn launched(&self) -> Vec<WorkerId> {
        let launched = |action: &Action<u32>| match action {
            Action::Launch(worker) => Some(*worker),
            _ => None,
        };
        self.seen.iter().filter_map(launched).collect()
    }

    fn result_of(&self, waiter: WaiterId) -> Option<&Result<(), SpawnError>> {
        self.seen.iter().find_map(|action| match action {
            Action::Reached(other, result) if *other == waiter => Some(result),
            _ => None,
        })
    }

    fn live(&self) -> Vec<WorkerId> {
        self.core.slots.iter().filter(|slot| slot.is_live()).map(|slot| slot.id).collect()
    }

    /// Workers die one after another, each just after its boot.
    fn crash_in_a_row(&mut self, times: usize) {
        for _ in 0..times {
            let worker = self.core.slots[0].id;
            if self.core.slots[0].is_starting() {
                self.core.ready(worker, self.now).unwrap();
            }
            self.die(worker, Exit::Signal(libc::SIGSEGV));
            while self.core.slots.is_empty() {
                self.pass(SECOND);
            }
        }
    }
}
