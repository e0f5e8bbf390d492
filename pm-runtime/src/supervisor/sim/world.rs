//! The policy, its fake workers and a clock; every call goes through here, and every action that
//! comes out is done and judged here.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::super::budget::BACKOFF_CAP;
use super::super::slot::Phase;
use super::super::{
    Action, Bug, Config, Core, Note, QueryKey, Route, Slot, Stage, Submission, WaiterId, WorkerId,
};

use super::ledger::{Check, Fact, Ledger, Outcome, Shadow, Ticket, Wear, Wish};
use super::rng::Rng;
use super::worker::{Down, Ending, FakeWorker};
use super::{judge, oracle, outcomes, raw, recount, recycle, scale, spares};
use crate::conduct::Conduct;
use crate::error::{CrashCause, Exit};

/// What the policy was just told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    Submitted,
    /// Somebody asked for fewer workers.
    Lowered,
    SpawnedOne(WorkerId),
    /// Every worker is to live elsewhere.
    Rehoused,
    /// The function of a worker has returned.
    Left(WorkerId),
    /// A worker is of no use any more.
    Spoiled(WorkerId),
    Other,
}

/// What the pool looked like before.
pub(super) struct Before {
    pub(super) live: Vec<WorkerId>,
    pub(super) releasing: Vec<WorkerId>,
    pub(super) waiting: usize,
    pub(super) waiting_bytes: usize,
    pub(super) target: usize,
}

pub(super) struct World {
    pub(super) core: Core<Ticket>,
    pub(super) config: Config,
    pub(super) rng: Rng,
    pub(super) now: Instant,
    pub(super) workers: BTreeMap<WorkerId, FakeWorker>,
    pub(super) ledger: Ledger,
    /// How many queries may be open at once.
    pub(super) crowd: usize,
    /// Frames arrive before the clock goes on.
    pub(super) prompt: bool,
    /// One query in so many is not for any worker.
    pub(super) plain: usize,
    /// Workers measure what they run, and find most of it fast.
    pub(super) hasty: bool,
    /// Workers whose memory was asked for.
    pub(super) weighings: Vec<WorkerId>,
    /// Prints what happens.
    pub(super) loud: bool,
}

impl World {
    pub(super) fn new(config: Config, bug: Option<Bug>, mut rng: Rng) -> Self {
        let mut core = Core::new(config.clone());
        core.bug = bug;
        let crowd = rng.pick(&[2, 6, 40, 40]).unwrap_or(1);
        let prompt = !rng.one_in(3);
        let plain = rng.pick(&[2, 4, 100]).unwrap_or(4);
        let hasty = rng.one_in(3);
        Self {
            core,
            config,
            rng,
            now: Instant::now(),
            workers: BTreeMap::new(),
            ledger: Ledger::default(),
            crowd,
            prompt,
            plain,
            hasty,
            weighings: Vec::new(),
            loud: false,
        }
    }

    pub(super) fn say(&self, what: impl FnOnce() -> String) {
        if self.loud {
            println!("    {}", what());
        }
    }

    pub(super) fn look(&self) -> Before {
        let those = |wanted: fn(&Slot) -> bool| {
            let slots = self.core.slots.iter().filter(|slot| wanted(slot));
            slots.map(|slot| slot.id).collect()
        };
        Before {
            live: those(Slot::is_live),
            releasing: those(Slot::is_releasing),
            waiting: self.core.waiting(),
            waiting_bytes: self.core.waiting_bytes(),
            target: self.core.target,
        }
    }

    pub(super) fn submit(&mut self, fact: Fact) -> Check {
        let before = self.look();
        let id = self.ledger.facts.len();
        let submission = Submission {
            payload: Ticket(id),
            size: fact.size,
            timeout: fact.timeout,
            queue_timeout: fact.queue_timeout,
            immediate: fact.immediate,
            route: fact.route,
            conduct: fact.conduct,
            retries: fact.retries,
        };
        let print = fact.print(id).filter(|_| self.core.is_wary_of(fact.size));
        self.say(|| format!("submit {id}: {fact:?}"));
        self.ledger.facts.push(fact);
        self.ledger.open.insert(id);
        let key = self.core.submit(submission, print, self.now);
        self.ledger.facts[id].key = key;
        if let Some(key) = key
            && self.ledger.keys.insert(key, id).is_some()
        {
            return Err(format!("{key:?} was used twice"));
        }
        self.react(Event::Submitted, &before)
    }

    pub(super) fn cancel(&mut self, id: usize) -> Check {
        let before = self.look();
        let fact = &mut self.ledger.facts[id];
        // Nobody waits for what a worker hears before it is ready, and so nobody drops it.
        let Some(key) = fact.key.filter(|_| !fact.replay) else { return Ok(()) };
        if fact.outcome.is_none() && !fact.cancelled {
            fact.cancelled = true;
            fact.over = Some(self.now);
            self.ledger.cancelled += 1;
        }
        self.say(|| format!("cancel {id}"));
        self.core.cancel(key, self.now);
        self.react(Event::Other, &before)?;
        let fact = &self.ledger.facts[id];
        let runs = fact.told.is_some() && fact.outcome.is_none();
        judge::ensure(!runs || fact.unwanted, || {
            format!("query {id} runs, is cancelled, and its worker does not know")
        })
    }

    /// A user's command, and what it waits for.
    pub(super) fn command(
        &mut self,
        event: Event,
        wish: Wish,
        tell: impl FnOnce(&mut Core<Ticket>, Instant) -> WaiterId,
    ) -> Check {
        let before = self.look();
        self.say(|| format!("{event:?}: {wish:?}"));
        // Who asks for more moves nobody.
        self.ledger.meddled |= !matches!((event, &wish), (Event::Other, Wish::Ready(_)));
        let waiter = tell(&mut self.core, self.now);
        if self.ledger.waiters.insert(waiter, wish).is_some() {
            return Err(format!("two waiters are called {waiter}"));
        }
        self.react(event, &before)
    }

    pub(super) fn spawn_one(&mut self) -> Check {
        let before = self.look();
        let (waiter, worker) = self.core.spawn_one(self.now);
        self.say(|| format!("spawn_one: {worker}"));
        self.ledger.waiters.insert(waiter, Wish::One(worker));
        self.react(Event::SpawnedOne(worker), &before)
    }

    /// Every worker there is has to go, and need not hurry.
    pub(super) fn rehouse(&mut self) -> Check {
        let before = self.look();
        self.say(|| "rehouse".into());
        self.ledger.meddled = true;
        let replaced = self.core.rolling.as_ref().map_or(Vec::new(), |rolling| rolling.old.clone());
        if self.is_open() {
            self.ledger.shadows.values_mut().for_each(|shadow| shadow.evicted = true);
        }
        self.core.rehouse(self.now);
        for worker in before.live.iter().filter(|worker| !replaced.contains(worker)) {
            let slot = self.core.slot(*worker).filter(|slot| slot.load() > 0);
            if let Some(Phase::Releasing { deadline: Some(_), .. }) = slot.map(|slot| &slot.phase) {
                return Err(format!("worker {worker} may not end what it runs"));
            }
        }
        self.react(Event::Rehoused, &before)
    }

    /// Ticks as the real owner does: when it is due, and only then.
    pub(super) fn tick(&mut self) -> Check {
        for _ in 0..8 {
            if self.core.wake_at().is_none_or(|at| self.now < at) {
                return Ok(());
            }
            let before = self.look();
            self.say(|| "tick".into());
            self.core.tick(self.now);
            self.react(Event::Other, &before)?;
        }
        Err("it is due again and again although no time passes".into())
    }

    pub(super) fn advance(&mut self, by: Duration) -> Check {
        self.now += by;
        self.say(|| format!("{by:?} pass"));
        self.tick()?;
        oracle::check_punctual(self)?;
        recount::check_window(self)
    }

    /// A worker reads its next frame.
    pub(super) fn read(&mut self, worker: WorkerId) {
        let Some(fake) = self.workers.get_mut(&worker).filter(|fake| fake.is_well()) else {
            return;
        };
        let ledger = &self.ledger;
        fake.read(|key| {
            let fact = ledger.id(key).map(|id| &ledger.facts[id]);
            fact.is_ok_and(|fact| fact.conduct == Conduct::Async && !fact.stubborn)
        });
    }

    /// A worker begins its next query, if it may.
    pub(super) fn begin(&mut self, worker: WorkerId) -> Check<bool> {
        let Some(key) = self.workers.get_mut(&worker).and_then(FakeWorker::begin) else {
            return Ok(false);
        };
        let fact = self.ledger.by_key(key)?;
        if let Some(earlier) = fact.begun_in.replace(worker) {
            return Err(format!("{key:?} began in worker {earlier}, and again in {worker}"));
        }
        if fact.outcome.is_some() {
            return Err(format!("{key:?} has its outcome, and began in worker {worker}"));
        }
        self.say(|| format!("worker {worker} begins {key:?}"));
        Ok(true)
    }

    /// Does what the policy wants done, and judges it.
    pub(super) fn react(&mut self, event: Event, before: &Before) -> Check {
        spares::enlist(self);
        while let Some(action) = self.core.next_action() {
            self.say(|| format!("  -> {action:?}"));
            self.act(action, event, before)?;
        }
        self.ledger.shadows.values_mut().for_each(|shadow| shadow.wear.recent = 0);
        judge::sizes(self, event, before)?;
        oracle::check(self)?;
        recount::check_restarts(self)
    }

    fn act(&mut self, action: Action<Ticket>, event: Event, before: &Before) -> Check {
        let now = self.now;
        match action {
            Action::Launch(worker) => {
                judge::launch(self, worker, event)?;
                let temporary = self.core.slot(worker).is_some_and(|slot| slot.temporary);
                let spare = self.core.slot(worker).is_some_and(|slot| slot.spare);
                let probe = !temporary && self.ledger.count.is_spent(&self.config, now);
                if probe {
                    self.ledger.count.last_probe = Some(now);
                    self.ledger.count.not_after = Some(now + BACKOFF_CAP);
                }
                let shadow = Shadow {
                    launched: now,
                    by_hand: event == Event::SpawnedOne(worker),
                    probe,
                    temporary,
                    spare,
                    begun: false,
                    evicted: false,
                    wear: Wear::default(),
                    handed: Default::default(),
                    ready: false,
                    hearing: Default::default(),
                    live: None,
                    added: 0,
                    held: Default::default(),
                    shut: None,
                    confirmed: None,
                    progress: now,
                    moved: now,
                    releasing: None,
                    told_to_end: false,
                    left: false,
                    killed: None,
                    abandoned: false,
                    lied: false,
                    lost: None,
                    failing: None,
                };
                self.ledger.launched += usize::from(!temporary && !spare);
                if self.ledger.shadows.insert(worker, shadow).is_some() {
                    return Err(format!("worker {worker} was launched twice"));
                }
                let Config { concurrency, raw, spares, .. } = self.config;
                let fake = FakeWorker::new(worker, concurrency, raw, raw && spares > 0);
                self.workers.insert(worker, fake);
            }
            Action::Hand(worker, key) => {
                judge::hand(self, worker, key, before)?;
                let id = self.ledger.id(key)?;
                self.judge_rerun(id, key)?;
                let facts = &self.ledger.facts;
                let fact_is_replay = facts[id].replay;
                let open = |held: &usize| facts[*held].is_open;
                let idle =
                    self.ledger.shadows.get(&worker).is_some_and(|s| s.held.iter().all(open));
                let shadow = self.ledger.shadow(worker)?;
                if idle {
                    shadow.progress = now;
                    shadow.moved = now;
                }
                shadow.held.insert(id);
                if !fact_is_replay {
                    shadow.handed.insert(id);
                }
                if let Route::Key(of) = self.ledger.facts[id].route {
                    self.ledger.usual.insert(of, worker);
                }
                let terms = self.core.handing(key).map(|(_, terms, _)| terms);
                let alone = terms.is_some_and(|terms| terms.alone);
                self.send(worker, Down::Hand { key, alone });
            }
            Action::Recall(worker, key) => {
                judge::recall(self, worker, key)?;
                self.send(worker, Down::Recall(key));
            }
            Action::Drop(worker, key) => {
                judge::drop(self, key)?;
                self.ledger.by_key(key)?.unwanted = true;
                self.send(worker, Down::Drop(key));
            }
            Action::ShutGate(worker) => {
                let shadow = self.ledger.shadow(worker)?;
                if shadow.shut.replace(now).is_some() {
                    return Err(format!("worker {worker} is to shut its gate twice"));
                }
                shadow.confirmed = None;
                self.send(worker, Down::ShutGate);
            }
            Action::OpenGate(worker) => {
                raw::begin(self, worker)?;
                let shadow = self.ledger.shadow(worker)?;
                shadow.shut = None;
                shadow.confirmed = None;
                shadow.progress = now;
                self.send(worker, Down::OpenGate);
            }
            Action::Replay(worker, method) => self.replay(worker, method)?,
            Action::Unlearn(_) => self.check_words()?,
            Action::End(worker) => {
                let shadow = self.ledger.shadow(worker)?;
                if !shadow.held.is_empty() || std::mem::replace(&mut shadow.told_to_end, true) {
                    return Err(format!("worker {worker} is to end, with {:?}", shadow.held));
                }
                self.send(worker, Down::End);
            }
            Action::Kill(worker) => {
                let cause = judge::kill(self, worker)?;
                self.ledger.shadow(worker)?.killed = Some((now, cause));
                let immortal = self.rng.one_in(20);
                if let Some(fake) = self.workers.get_mut(&worker) {
                    fake.kill_asked = true;
                    fake.immortal = immortal;
                }
            }
            Action::Abandon(worker) => self.abandon(worker)?,
            Action::Fail(Ticket(id), error) => {
                let outcome = outcomes::failure(self, id, &error, before)?;
                self.ledger.resolve(id, outcome, now)?;
            }
            Action::Forget(Ticket(id)) => self.ledger.resolve(id, Outcome::Forgotten, now)?,
            Action::Reached(waiter, result) => outcomes::reached(self, waiter, &result, before)?,
            Action::Weigh(worker) => recycle::weigh(self, worker)?,
            Action::Note(Note::Recycled(worker)) => recycle::recycled(self, worker, event)?,
            Action::Note(Note::Scaled { worker, from, to }) => {
                scale::scaled(self, worker, from, to)?;
            }
            Action::Note(Note::Crashed(report)) => {
                self.ledger.told_crashes += 1;
                self.ledger.told_blame = Some(report.blame);
            }
            Action::Note(Note::Ready(worker)) => self.judge_ready(worker)?,
            Action::Note(Note::BudgetExhausted(worker)) => self.exhausted(worker)?,
            Action::Note(Note::Healed(worker)) => self.healed(worker)?,
            Action::Note(_) => {}
        }
        Ok(())
    }

    /// A killed worker that does not die is as good as dead: nothing more is heard of it.
    fn abandon(&mut self, worker: WorkerId) -> Check {
        let patience = super::super::DEATH_PATIENCE;
        let shadow = self.ledger.shadow(worker)?;
        shadow.abandoned = true;
        match shadow.killed {
            Some((at, _)) if at + patience <= self.now => {}
            _ => return Err(format!("worker {worker} was given up too early")),
        }
        if let Some(fake) = self.workers.get_mut(&worker) {
            fake.die(Ending::by(Exit::Unknown));
        }
        Ok(())
    }

    fn send(&mut self, worker: WorkerId, frame: Down) {
        if let Some(fake) = self.workers.get_mut(&worker)
            && fake.dead.is_none()
        {
            fake.down.push_back(frame);
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.core.stage == Stage::Open
    }

    pub(super) fn cause_of_kill(&self, worker: WorkerId) -> Check<(CrashCause, Option<QueryKey>)> {
        match self.core.slot(worker).map(|slot| &slot.phase) {
            Some(Phase::Dying { cause, target, .. }) => Ok((cause.clone(), *target)),
            other => Err(format!("worker {worker} is killed in phase {other:?}")),
        }
    }
}
