//! Random histories: what happens next.

use std::time::Duration;

use super::super::{End, QueryKey, WorkerId};
use super::ledger::Check;
use super::worker::{Ending, FakeWorker, Up};
use super::world::World;
use crate::error::{BootError, Exit, Limit};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

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
}
