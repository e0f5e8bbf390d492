//! Random histories: what happens next.

use std::time::Duration;

use super::super::{Config, End, QueryKey, Route, WorkerId};
use super::ledger::{Check, Fact};
use super::recycle::LIMIT;
use super::rng::Rng;
use super::worker::{Ending, FakeWorker, Lie, Up};
use super::world::World;
use crate::conduct::Conduct;
use crate::error::{BootError, Exit, Limit};
use crate::options::Cancel;

/// Mostly what can be dropped, because most can go wrong with that.
const CONDUCTS: &[Conduct] =
    &[Conduct::Blocking, Conduct::Async, Conduct::Async, Conduct::Exclusive];
const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

pub(super) fn config(rng: &mut Rng, raw: bool) -> Config {
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

/// How often each thing happens: (weight, what), and weights that only hold where faults do.
const STEPS: &[(usize, Step)] = &[
    (60, Step::Submit),
    (12, Step::Cancel),
    (40, Step::Advance),
    (80, Step::Read),
    (80, Step::Begin),
    (60, Step::End),
    (30, Step::Open),
    (15, Step::Over),
    (12, Step::Extend),
    (120, Step::Deliver),
    (30, Step::Boot),
    (30, Step::Die),
    (10, Step::Flush),
    (8, Step::Command),
    (10, Step::Weigh),
    (4, Step::Broadcast),
];
const FAULTS: &[(usize, Step)] =
    &[(8, Step::FailBoot), (10, Step::Crash), (5, Step::Stop), (3, Step::Close), (3, Step::Lie)];

/// The same where workers run functions of their own.
const RAW_STEPS: &[(usize, Step)] = &[
    (30, Step::Advance),
    (40, Step::Read),
    (80, Step::Deliver),
    (40, Step::Boot),
    (20, Step::Die),
    (8, Step::Flush),
    (25, Step::Command),
    (12, Step::Leave),
    (12, Step::LeaveAsAsked),
    (20, Step::AddLoad),
    (10, Step::Weigh),
];
const RAW_FAULTS: &[(usize, Step)] = &[
    (4, Step::FailBoot),
    (8, Step::Crash),
    (8, Step::Fail),
    (2, Step::Stop),
    (2, Step::Close),
    (2, Step::Lie),
];

#[derive(Debug, Clone, Copy)]
enum Step {
    Submit,
    Cancel,
    Advance,
    Read,
    Begin,
    End,
    /// A query opens its stream.
    Open,
    /// That ends.
    Over,
    /// A query asks for more time.
    Extend,
    Deliver,
    Boot,
    /// A killed worker dies of it.
    Die,
    /// Every frame arrives.
    Flush,
    Command,
    Broadcast,
    /// The function of a raw worker returns.
    Leave,
    /// The same, where that was asked to.
    LeaveAsAsked,
    /// It returns an error.
    Fail,
    AddLoad,
    /// The system says how much memory a worker holds.
    Weigh,
    FailBoot,
    Crash,
    Stop,
    Close,
    Lie,
}

impl World {
    /// One random step.
    pub(super) fn step(&mut self, faults: usize) -> Check {
        let total = |steps: &[(usize, Step)]| steps.iter().map(|(weight, _)| weight).sum::<usize>();
        let (usual, faulty) = match self.config.raw {
            true => (RAW_STEPS, RAW_FAULTS),
            false => (STEPS, FAULTS),
        };
        let mut left = self.rng.below(total(usual) + faults * total(faulty));
        let faulty = faulty.iter().map(|&(weight, step)| (weight * faults, step));
        let mut step = Step::Advance;
        for (weight, candidate) in usual.iter().copied().chain(faulty) {
            if left < weight {
                step = candidate;
                break;
            }
            left -= weight;
        }
        self.perform(step)?;
        self.tick()
    }

    pub(super) fn any(&mut self, which: impl Fn(&FakeWorker) -> bool) -> Option<WorkerId> {
        let some: Vec<WorkerId> =
            self.workers.values().filter(|fake| which(fake)).map(|fake| fake.id).collect();
        self.rng.pick(&some)
    }

    fn perform(&mut self, step: Step) -> Check {
        match step {
            Step::Submit => self.submit_any(),
            Step::Cancel => {
                if self.rng.one_in(3)
                    && let Some(id) = self.any_behind_a_gate()
                {
                    return self.cancel(id);
                }
                let all = self.ledger.facts.len();
                // Mostly a recent one; sometimes one that has long ended.
                let recent = all.saturating_sub(1 + self.rng.below(20));
                let id = if self.rng.one_in(5) { self.rng.below(all) } else { recent };
                if all == 0 { Ok(()) } else { self.cancel(id) }
            }
            Step::Advance => self.pass_time(),
            Step::Read => {
                if let Some(worker) = self.any(|fake| fake.is_well() && !fake.down.is_empty()) {
                    self.read(worker);
                }
                Ok(())
            }
            Step::Begin => match self.any(FakeWorker::can_begin) {
                Some(worker) => self.begin(worker).map(drop),
                None => Ok(()),
            },
            Step::End => {
                if let Some(worker) = self.any(|fake| fake.serves() && !fake.running.is_empty()) {
                    self.end_any(worker);
                }
                Ok(())
            }
            Step::Open => {
                if let Some((worker, key)) = self.any_that_opens() {
                    self.with(worker, |fake| fake.open_stream(key));
                }
                Ok(())
            }
            Step::Over => {
                if let Some(worker) = self.any(|fake| fake.serves() && !fake.open.is_empty()) {
                    let open = self.workers.get(&worker).map_or(Vec::new(), |w| w.open.clone());
                    let end = self.rng.below(6);
                    if let Some(key) = self.rng.pick(&open) {
                        self.with(worker, |fake| match end {
                            0 => fake.fail_stream(key, End::Failed),
                            1 => fake.fail_stream(key, End::Panicked),
                            _ => fake.close_stream(key),
                        });
                    }
                }
                Ok(())
            }
            Step::Extend => {
                if let Some(worker) = self.any(|fake| fake.serves() && !fake.running.is_empty()) {
                    let running =
                        self.workers.get(&worker).map_or(Vec::new(), |w| w.running.clone());
                    let by = self.rng.duration(3 * SECOND);
                    if let Some(key) = self.rng.pick(&running) {
                        self.with(worker, |fake| fake.up.push_back(Up::Extended(key, by)));
                    }
                }
                Ok(())
            }
            Step::Deliver => match self.any(|fake| !fake.up.is_empty() || fake.dead.is_some()) {
                Some(worker) => self.deliver(worker).map(drop),
                None => Ok(()),
            },
            Step::Boot => {
                if let Some(worker) = self.any(|fake| fake.is_well() && !fake.booted) {
                    self.with(worker, FakeWorker::boot);
                }
                Ok(())
            }
            Step::Die => {
                if let Some(worker) = self.any(|fake| fake.kill_asked && !fake.immortal) {
                    self.with(worker, |fake| fake.die(Ending::by(Exit::Signal(9))));
                }
                Ok(())
            }
            Step::Flush => self.flush(),
            Step::Command => self.command_any(),
            Step::Broadcast => self.broadcast_any(),
            Step::Leave => self.leave_any(|_| true),
            Step::LeaveAsAsked => self.leave_any(|fake| fake.end_asked),
            Step::Fail => self.fail_any(),
            Step::AddLoad => self.add_load_any(),
            Step::Weigh => self.weigh_any(),
            Step::FailBoot => {
                if let Some(worker) = self.any(|fake| fake.is_well() && !fake.booted) {
                    let permanent = BootError::UnknownEntry { entry: "sim".into() };
                    let passing = BootError::Refused { reason: "sim".into() };
                    let error = match self.rng.below(4) {
                        0 => Some(permanent),
                        1 => Some(passing),
                        _ => None,
                    };
                    self.with(worker, |fake| {
                        fake.die(Ending { boot_error: error, ..Ending::by(Exit::Code(1)) })
                    });
                }
                Ok(())
            }
            Step::Crash => {
                if let Some(worker) = self.any(|fake| fake.dead.is_none()) {
                    let of_limit = |exit, limit| Ending { limit: Some(limit), ..Ending::by(exit) };
                    let oom_killed = Ending { oom_killed: true, ..Ending::by(Exit::Signal(9)) };
                    let endings = [
                        Ending::by(Exit::Signal(11)),
                        Ending::by(Exit::Signal(9)),
                        Ending::by(Exit::Signal(15)),
                        Ending::by(Exit::Signal(6)),
                        Ending::by(Exit::Code(0)),
                        Ending::by(Exit::Code(101)),
                        of_limit(Exit::Signal(6), Limit::Memory(1 << 20)),
                        of_limit(Exit::Signal(libc::SIGXCPU), Limit::Cpu(SECOND)),
                        oom_killed,
                    ];
                    let index = self.rng.below(endings.len());
                    let ending = endings[index].clone();
                    self.with(worker, |fake| fake.die(ending));
                }
                Ok(())
            }
            Step::Stop => {
                if let Some(worker) = self.any(FakeWorker::is_well) {
                    self.say(|| format!("worker {worker} stops"));
                    self.with(worker, |fake| fake.stopped = true);
                }
                Ok(())
            }
            Step::Close => {
                if let Some(worker) = self.any(FakeWorker::is_well) {
                    self.say(|| format!("worker {worker} closes its link"));
                    self.with(worker, FakeWorker::close);
                }
                Ok(())
            }
            Step::Lie => self.lie_any(),
        }
    }

    /// A running query that is to open a stream.
    fn any_that_opens(&mut self) -> Option<(WorkerId, QueryKey)> {
        let ledger = &self.ledger;
        let opens = |key: &QueryKey| ledger.id(*key).is_ok_and(|id| ledger.facts[id].opens);
        let some: Vec<_> = self
            .workers
            .values()
            .filter(|fake| fake.serves())
            .flat_map(|fake| fake.running.iter().map(|key| (fake.id, *key)))
            .filter(|(_, key)| opens(key))
            .collect();
        self.rng.pick(&some)
    }

    /// A query that runs in a worker whose gate is to be shut, for whatever reason.
    fn any_behind_a_gate(&mut self) -> Option<usize> {
        let ledger = &self.ledger;
        let shut = |fake: &&FakeWorker| {
            ledger.shadows.get(&fake.id).is_some_and(|shadow| shadow.shut.is_some())
        };
        let running = self.workers.values().filter(shut).flat_map(|fake| &fake.running);
        let ids: Vec<usize> = running.filter_map(|&key| ledger.id(key).ok()).collect();
        self.rng.pick(&ids)
    }

    pub(super) fn with(&mut self, worker: WorkerId, change: impl FnOnce(&mut FakeWorker)) {
        if let Some(fake) = self.workers.get_mut(&worker) {
            change(fake);
        }
    }

    fn submit_any(&mut self) -> Check {
        if self.ledger.open.len() > self.crowd {
            return Ok(());
        }
        let fact = self.any_fact();
        self.submit(fact)
    }

    /// A query as somebody may submit it.
    pub(super) fn any_fact(&mut self) -> Fact {
        let route = self.route_any();
        let rng = &mut self.rng;
        let mut limit = |none: usize, max: Duration| {
            let limit = rng.duration(max);
            (!rng.one_in(none)).then_some(limit)
        };
        let timeout = limit(6, 4 * SECOND);
        // Some share theirs, so that several overrun at once.
        let timeout = timeout.map(|limit| if limit < 2 * SECOND { 500 * MS } else { limit });
        let queue_timeout = limit(2, 6 * SECOND);
        let conduct = rng.pick(CONDUCTS).unwrap_or(Conduct::Blocking);
        let opens = conduct == Conduct::Async && rng.one_in(2);
        const SIZES: [usize; 6] = [0, 10, 100, 1000, 10, 100];
        let bytes = rng.pick(&[0, 1, 2, 3, 4, 5]).filter(|_| !rng.one_in(2));
        Fact {
            key: None,
            size: match bytes {
                Some(bytes) => SIZES[usize::from(bytes)],
                None => rng.pick(&SIZES).unwrap_or(0),
            },
            timeout,
            queue_timeout,
            submitted: self.now,
            since: self.now,
            immediate: rng.one_in(6),
            route,
            conduct,
            replay: false,
            retries: rng.pick(&[0, 0, 1, 2, 5]).unwrap_or(0),
            bytes,
            runs: 0,
            crashed: None,
            stubborn: rng.one_in(4),
            cancelled: false,
            opens,
            is_open: false,
            is_in_time: false,
            unwanted: false,
            outcome: None,
            begun_in: None,
            told: None,
            waited: None,
            over: None,
        }
    }

    /// Mostly any worker; in a history in its own mix of the rest.
    fn route_any(&mut self) -> Route {
        if !self.rng.one_in(self.plain) {
            return Route::Any;
        }
        match self.rng.below(4) {
            0 => Route::Temporary,
            1 => Route::Key(self.rng.below(5) as u64),
            _ => {
                let workers: Vec<WorkerId> = self.core.slots.iter().map(|slot| slot.id).collect();
                // Now and then one that is gone, or never was.
                let some = self.rng.below(9) as WorkerId;
                Route::Worker(self.rng.pick(&workers).filter(|_| some > 0).unwrap_or(some))
            }
        }
    }

    fn end_any(&mut self, worker: WorkerId) {
        let index = self.workers.get(&worker).map_or(0, |fake| fake.running.len());
        let index = self.rng.below(index);
        let end = match self.rng.below(8) {
            0 => End::Failed,
            1 => End::Panicked,
            _ => End::Answered,
        };
        let key = self.workers.get(&worker).and_then(|fake| fake.running.get(index).copied());
        let spoils = key.is_some_and(|key| self.spoils(key, end));
        self.with(worker, |fake| {
            fake.spoiled |= spoils;
            fake.end(index, end);
        });
    }

    fn pass_time(&mut self) -> Check {
        if self.prompt {
            for worker in self.workers.keys().copied().collect::<Vec<_>>() {
                let late = self.rng.one_in(3);
                self.with(worker, |fake| {
                    if fake.is_well() && !fake.booted && !late {
                        fake.boot();
                    }
                });
            }
            self.flush()?;
        }
        let wake = self.core.wake_at().map(|at| at.saturating_duration_since(self.now));
        let by = match (self.rng.below(10), wake) {
            (0..=3, Some(until)) if until < 60 * SECOND => until,
            (4, Some(until)) if !until.is_zero() => until - until.min(MS),
            (0..=6, _) => self.rng.duration(50 * MS),
            (7..=8, _) => self.rng.duration(2 * SECOND),
            _ if self.rng.one_in(10) => self.rng.duration(100 * SECOND),
            _ => self.rng.duration(10 * SECOND),
        };
        self.advance(by)
    }

    /// Every frame that is on its way arrives, and what can begin begins.
    pub(super) fn flush(&mut self) -> Check {
        loop {
            let mut moved = false;
            for worker in self.workers.keys().copied().collect::<Vec<_>>() {
                while self
                    .workers
                    .get(&worker)
                    .is_some_and(|fake| fake.is_well() && !fake.down.is_empty())
                {
                    self.read(worker);
                    moved = true;
                }
                while self.begin(worker)? {
                    moved = true;
                }
                while self.deliver(worker)? {
                    moved = true;
                }
            }
            if !moved {
                return Ok(());
            }
        }
    }

    fn lie_any(&mut self) -> Check {
        const LIES: &[Lie] = &[
            Lie::Garbage,
            Lie::BegunStranger,
            Lie::EndedStranger,
            Lie::EndedStranger,
            Lie::ReturnedStranger,
            Lie::DroppedStranger,
            Lie::OpenedStranger,
            Lie::OverStranger,
            Lie::OverTooEarly,
            Lie::EndedTooEarly,
            Lie::ReadyAgain,
            Lie::GatedUnasked,
        ];
        const RAW_LIES: &[Lie] = &[
            Lie::Garbage,
            Lie::BegunStranger,
            Lie::EndedStranger,
            Lie::OpenedStranger,
            Lie::ReadyAgain,
            Lie::GatedUnasked,
            Lie::LeftTooEarly,
            Lie::LeftTooEarly,
        ];
        let lies = if self.config.raw { RAW_LIES } else { LIES };
        let lie = self.rng.pick(lies).unwrap_or(Lie::Garbage);
        if let Some(worker) = self.any(FakeWorker::is_well) {
            self.with(worker, |fake| fake.up.push_back(Up::Lie(lie)));
        }
        Ok(())
    }
}
