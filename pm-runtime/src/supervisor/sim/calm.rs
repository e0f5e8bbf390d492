//! The end of a history: faults are over, and everything has to come to its end.

use std::time::Duration;

use super::super::{DEATH_PATIENCE, DROP_PATIENCE, End, GATE_PATIENCE, Route, Stage, WorkerId};
use super::ledger::{Check, Shadow};
use super::worker::Ending;
use super::world::World;
use crate::error::Exit;

/// Longer than any chain of time-outs, pauses and graces that a history sets up.
const LONG: Duration = Duration::from_secs(600);

impl World {
    /// Every worker that can do something does it, until there is nothing left to do.
    fn work(&mut self) -> Check {
        let raw = self.config.raw;
        loop {
            let mut moved = false;
            for worker in self.workers.keys().copied().collect::<Vec<_>>() {
                self.with(worker, |fake| {
                    if fake.kill_asked && !fake.immortal && fake.dead.is_none() {
                        fake.die(Ending::by(Exit::Signal(9)));
                    }
                    if fake.is_well() && !fake.booted {
                        fake.boot();
                    }
                    if fake.serves() && fake.end_asked && raw && !fake.shut {
                        fake.leave(Some(Exit::Code(0)));
                    }
                    if fake.serves() {
                        while !fake.running.is_empty() {
                            fake.end(0, End::Answered);
                        }
                        while let Some(&key) = fake.open.first() {
                            fake.close_stream(key);
                        }
                    }
                });
                let alive = |world: &Self| world.workers.get(&worker).is_some_and(|w| w.is_well());
                while alive(self) && self.workers.get(&worker).is_some_and(|w| !w.down.is_empty()) {
                    self.read(worker);
                    moved = true;
                }
                moved |= self.begin(worker)?;
                while self.deliver(worker)? {
                    moved = true;
                }
            }
            self.tick()?;
            if !moved {
                return Ok(());
            }
        }
    }

    /// Works and waits until `done`, for no longer than `limit`; false where it never will be.
    fn work_until(&mut self, limit: Duration, done: impl Fn(&Self) -> bool) -> Check<bool> {
        let end = self.now + limit;
        loop {
            self.work()?;
            if done(self) {
                return Ok(true);
            }
            match self.core.wake_at() {
                Some(at) if at <= end => self.advance(at.saturating_duration_since(self.now))?,
                _ => return Ok(false),
            }
        }
    }

    /// A worker is stopped and runs a query that nothing limits: only a release ends it.
    fn is_stuck_for_ever(&self, worker: WorkerId, shadow: &Shadow) -> bool {
        let stopped = self.workers.get(&worker).is_some_and(|fake| fake.stopped && !fake.closed);
        stopped && shadow.held.iter().any(|&id| self.is_endless(id))
    }

    fn is_endless(&self, id: usize) -> bool {
        let fact = &self.ledger.facts[id];
        fact.told.is_some() && fact.timeout.is_none() && !fact.is_unwanted(&self.config)
    }

    /// Whether a query can only end together with a worker that is stuck for ever: because that
    /// one holds it, or because it waits and there is no other worker.
    fn is_stranded(&self, id: usize) -> bool {
        let stuck =
            |(&worker, shadow): (&WorkerId, &Shadow)| self.is_stuck_for_ever(worker, shadow);
        let mut shadows = self.ledger.shadows.iter();
        match shadows.clone().find(|(_, shadow)| shadow.held.contains(&id)) {
            Some(holder) => {
                stuck(holder) && (self.ledger.facts[id].told.is_none() || self.is_endless(id))
            }
            None => match self.ledger.facts[id].route {
                Route::Worker(worker) => shadows.any(|other| *other.0 == worker && stuck(other)),
                Route::Temporary => {
                    let temporary = shadows.filter(|(_, shadow)| shadow.temporary);
                    temporary.filter(|other| stuck(*other)).count() >= self.config.most
                }
                Route::Any | Route::Key(_) => {
                    let mut others =
                        shadows.filter(|(_, shadow)| !shadow.temporary && !shadow.spare).peekable();
                    others.peek().is_some() && others.all(stuck)
                }
            },
        }
    }

    pub(super) fn calm_down(&mut self) -> Check {
        self.say(|| "calm".into());
        // Workers grow old for ever, and those that have no queries are looked at for ever.
        self.forget_wear();
        let settled = |world: &Self| {
            let open = &world.ledger.open;
            open.iter().all(|&id| world.is_stranded(id)) && world.ledger.waiters.is_empty()
        };
        if !self.work_until(LONG, settled)? {
            let open: Vec<_> =
                self.ledger.open.iter().filter(|&&id| !self.is_stranded(id)).collect();
            return Err(format!(
                "queries {open:?} and waiters {:?} wait for ever",
                self.ledger.waiters
            ));
        }
        // Leftover timers end; then an idle pool sleeps.
        for _ in 0..300 {
            // Whoever forgot something does not remember it later; a worker that is stopped is
            // looked at ever less often.
            let soon = self.now + 12 * LONG;
            let Some(at) = self.core.wake_at().filter(|&at| at < soon) else {
                return self.advance(12 * LONG);
            };
            self.advance(at.saturating_duration_since(self.now))?;
            self.work()?;
        }
        Err("an idle pool wakes up again and again".into())
    }

    pub(super) fn end_of_history(&mut self) -> Check {
        if !self.rng.one_in(4) {
            self.calm_down()?;
        }
        self.destroy()?;
        let patience = GATE_PATIENCE + DROP_PATIENCE + DEATH_PATIENCE;
        let limit = self.config.grace + patience + Duration::from_millis(1);
        self.work_until(limit, |world| world.core.stage == Stage::Destroyed)?;
        let left = &self.ledger;
        if self.core.stage != Stage::Destroyed || !left.shadows.is_empty() {
            return Err(format!("workers {:?} outlive their pool", left.shadows.keys()));
        }
        if !left.open.is_empty() || !left.waiters.is_empty() {
            return Err(format!("{:?} and {:?} outlive the pool", left.open, left.waiters));
        }
        for _ in 0..3 {
            if let Some(at) = self.core.wake_at() {
                self.advance(at.saturating_duration_since(self.now))?;
            }
        }
        match self.core.wake_at() {
            None => Ok(()),
            Some(_) => Err("a destroyed pool wakes up again and again".into()),
        }
    }
}
