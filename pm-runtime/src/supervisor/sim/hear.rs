//! What workers say reaches the policy.

use std::time::{Duration, SystemTime};

use super::super::{End, Obituary, QueryKey, Violation, WorkerId};
use super::ledger::{Check, Outcome, Ticket};
use super::raw::FAILURE;
use super::worker::{Ending, Up};
use super::world::{Event, World};
use super::{blame, judge, lies, raw, scale};
use crate::conduct::Conduct;
use crate::error::{BootError, CrashCause};

/// What came to be known of a query that has ended.
enum Seen {
    /// That it has begun, and was answered.
    Whole,
    /// The end, after the begin.
    End(End),
    /// The end of the stream that it had opened.
    Over,
}

impl World {
    /// The next frame of a worker arrives, or, after the last one, the news of its death.
    pub(super) fn deliver(&mut self, worker: WorkerId) -> Check<bool> {
        let Some(fake) = self.workers.get_mut(&worker) else {
            return Ok(false);
        };
        if let Some(frame) = fake.up.pop_front() {
            self.say(|| format!("worker {worker} says {frame:?}"));
            self.hear(worker, frame)?;
            return Ok(true);
        }
        let Some(ending) = fake.dead.clone() else {
            return Ok(false);
        };
        let failed = fake.failed;
        self.workers.remove(&worker);
        self.bury(worker, ending, failed)?;
        Ok(true)
    }

    fn hear(&mut self, worker: WorkerId, frame: Up) -> Check {
        let before = self.look();
        let now = self.now;
        let honest = |result: Result<(), Violation>, what: &Up| {
            result.map_err(|error| {
                format!("an honest worker said {what:?} and was told off: {error}")
            })
        };
        match &frame {
            Up::Ready => {
                self.weigh_newborn(worker)?;
                honest(self.core.ready(worker, now), &frame)?;
            }
            &Up::Begun(key) => {
                self.note_begin(worker, key)?;
                // As memory shows it, where both have come to be known at once.
                if self.rng.one_in(2) && self.takes_answer(worker, key) {
                    self.hear_end(worker, key, Seen::Whole)?;
                    self.core.catch_up(now);
                } else {
                    honest(self.core.begun(worker, key, now), &frame)?;
                }
            }
            &Up::Ended(key, end) => {
                let mut spoils = self.spoils(key, end);
                self.hear_end(worker, key, Seen::End(end))?;
                // What has come with it is heard before anything follows from either.
                while self.rng.one_in(2)
                    && let Some((key, end)) = self.next_end(worker)
                {
                    spoils |= self.spoils(key, end);
                    self.hear_end(worker, key, Seen::End(end))?;
                }
                self.core.catch_up(now);
                if spoils {
                    return self.react(Event::Spoiled(worker), &before);
                }
            }
            &Up::Returned(key) | &Up::Dropped(key) => {
                let id = self.ledger.id(key)?;
                let shadow = self.ledger.shadow(worker)?;
                shadow.held.remove(&id);
                shadow.progress = now;
                let result = match frame {
                    Up::Returned(_) => self.core.returned(worker, key, now),
                    _ => {
                        shadow.note_wear(true);
                        shadow.moved = now;
                        self.core.dropped(worker, key, now)
                    }
                };
                honest(result, &frame)?;
            }
            &Up::Extended(key, by) => {
                let ends =
                    self.core.is_overdue(key) || self.ledger.shadow(worker)?.killed.is_some();
                let id = self.ledger.id(key)?;
                let fact = &mut self.ledger.facts[id];
                if !ends && let Some(timeout) = &mut fact.timeout {
                    *timeout += by;
                    *self.ledger.extended.entry(id).or_default() += by;
                }
                honest(self.core.extended(worker, key, by), &frame)?;
            }
            &Up::Opened(key) => {
                // Nobody asks a dying worker to drop anything; what it has done counts.
                let asked = self.core.is_overdue(key);
                let fact = self.ledger.by_key(key)?;
                fact.is_open = true;
                let due = fact.told.zip(fact.timeout).map(|(told, limit)| told + limit);
                fact.is_in_time = !asked || due.is_none_or(|due| now < due);
                if fact.is_in_time {
                    fact.timeout = None;
                }
                self.prove(worker)?;
                let shadow = self.ledger.shadow(worker)?;
                shadow.note_wear(true);
                shadow.progress = now;
                shadow.moved = now;
                honest(self.core.opened(worker, key, now).map(drop), &frame)?;
                self.core.catch_up(now);
            }
            &Up::Over(key) if self.ledger.by_key(key)?.is_in_time => {
                self.hear_end(worker, key, Seen::Over)?;
                self.core.catch_up(now);
            }
            // It was nobody's: who asked for it is told that it took too long.
            &Up::Over(key) => {
                let id = self.ledger.id(key)?;
                let shadow = self.ledger.shadow(worker)?;
                shadow.held.remove(&id);
                shadow.note_wear(false);
                shadow.progress = now;
                shadow.moved = now;
                let closed = self.core.closed(worker, key, now);
                if let Ok(Some(_)) = closed {
                    return Err(format!("query {id} took too long, and was completed"));
                }
                honest(closed.map(drop), &frame)?;
            }
            Up::Left => return self.hear_leave(worker, &before),
            Up::Failed => {
                let shadow = self.ledger.shadow(worker)?;
                shadow.failing.get_or_insert(now);
                honest(self.core.failed(worker, now), &frame)?;
            }
            Up::Gated(running) => {
                self.ledger.shadow(worker)?.confirmed = Some(running.clone());
                honest(self.core.gated(worker, running, now), &frame)?;
            }
            Up::Closed => {
                let shadow = self.ledger.shadow(worker)?;
                if shadow.killed.is_none() {
                    shadow.lost = Some(now);
                }
                self.core.lost(worker, now);
            }
            &Up::Lie(lie) => lies::hear(self, worker, lie)?,
        }
        self.react(Event::Other, &before)
    }

    fn note_begin(&mut self, worker: WorkerId, key: QueryKey) -> Check {
        let now = self.now;
        let fact = self.ledger.by_key(key)?;
        if fact.told.replace(now).is_none() && !fact.cancelled {
            fact.waited = Some(now - fact.since);
        }
        let shadow = self.ledger.shadow(worker)?;
        if shadow.confirmed.is_some() {
            return Err(format!("worker {worker} began {key:?} behind its shut gate"));
        }
        shadow.progress = now;
        shadow.moved = now;
        Ok(())
    }

    /// Takes the worker's next frame, if that is the answer to this query.
    fn takes_answer(&mut self, worker: WorkerId, key: QueryKey) -> bool {
        let Some(worker) = self.workers.get_mut(&worker) else { return false };
        let is_next = matches!(worker.up.front(), Some(Up::Ended(of, End::Answered)) if *of == key);
        is_next && worker.up.pop_front().is_some()
    }

    /// Takes the worker's next frame, if that is an end too.
    fn next_end(&mut self, worker: WorkerId) -> Option<(QueryKey, End)> {
        let up = &mut self.workers.get_mut(&worker)?.up;
        match up.front() {
            Some(&Up::Ended(key, end)) => {
                up.pop_front();
                Some((key, end))
            }
            _ => None,
        }
    }

    /// Whether a worker is of no use after such an end.
    pub(super) fn spoils(&self, key: QueryKey, end: End) -> bool {
        let conduct = self.ledger.id(key).map(|id| self.ledger.facts[id].conduct);
        end == End::Panicked && conduct == Ok(Conduct::Exclusive)
    }

    fn hear_end(&mut self, worker: WorkerId, key: QueryKey, seen: Seen) -> Check {
        let now = self.now;
        let end = match seen {
            Seen::Whole | Seen::Over => End::Answered,
            Seen::End(end) => end,
        };
        let id = self.ledger.id(key)?;
        let print = self.ledger.print_of(id);
        self.ledger.blames.acquit(print, &self.config, now);
        // Before it is ready it only hears what every worker hears.
        self.prove(worker)?;
        self.note_heard(worker, id, self.spoils(key, end))?;
        let (cancelled, is_open) = (self.ledger.facts[id].cancelled, self.ledger.facts[id].is_open);
        let shadow = self.ledger.shadow(worker)?;
        shadow.held.remove(&id);
        shadow.note_wear(!is_open);
        shadow.progress = now;
        shadow.moved = now;
        if self.hasty && self.rng.one_in(4) {
            let slow = self.rng.one_in(8);
            self.core.took(Duration::from_micros(if slow { 1000 } else { 1 }));
        }
        let ended = match seen {
            Seen::Whole => self.core.answered(worker, key, now, now),
            Seen::End(end) => self.core.ended(worker, key, end, now),
            Seen::Over => self.core.closed(worker, key, now),
        };
        match ended {
            Err(error) => Err(format!("worker {worker} truly ran {key:?}, but: {error}")),
            Ok(Some(Ticket(other))) if other != id || cancelled => {
                Err(format!("the answer to {id}, cancelled {cancelled}, reached {other}"))
            }
            Ok(Some(_)) => self.ledger.resolve(
                id,
                if end == End::Answered { Outcome::Completed } else { Outcome::Failed },
                now,
            ),
            Ok(None) if cancelled => Ok(()),
            Ok(None) => Err(format!("the answer to query {id} was lost")),
        }
    }

    /// A worker has answered something, or opened a stream.
    fn prove(&mut self, worker: WorkerId) -> Check {
        let shadow = self.ledger.shadow(worker)?;
        if shadow.live.is_none() {
            // It has only heard what every worker hears.
            return Ok(());
        }
        let (heals, temporary) = (std::mem::take(&mut shadow.probe), shadow.temporary);
        if !temporary {
            self.ledger.count.in_a_row = 0;
        }
        if heals {
            self.ledger.count.heal();
        }
        self.ledger.alarm.answered |= !temporary;
        Ok(())
    }

    fn bury(&mut self, worker: WorkerId, ending: Ending, failed: bool) -> Check {
        let before = self.look();
        self.say(|| format!("worker {worker} is dead: {ending:?}"));
        let Some(shadow) = self.ledger.shadows.remove(&worker) else {
            return Err(format!("worker {worker} died twice"));
        };
        judge::count_death(self, &shadow, &ending, failed);
        let blame = blame::of(&shadow, &ending, failed);
        let Ending { exit, boot_error, limit, oom_killed } = ending;
        let unwanted = matches!(shadow.killed, Some((_, CrashCause::Cancelled)));
        // A pool that can have no worker gives up, as if somebody had asked for none.
        self.ledger.meddled |= boot_error.as_ref().is_some_and(BootError::is_permanent);
        let obituary = Obituary {
            pid: None,
            exit,
            limit,
            oom_killed,
            max_rss: None,
            cpu: None,
            panic: None,
            debug: None,
            stderr_tail: None,
            begun: self.particulars(worker),
            setting_up: false,
            boot_error,
            failure: failed.then(|| FAILURE.into()),
            at: SystemTime::UNIX_EPOCH,
        };
        let told_crashes = self.ledger.told_crashes;
        let target = self.cause_of_kill(worker).ok().and_then(|(_, target)| target);
        let ran = self.ran_in(&shadow);
        self.hold_against(&shadow, exit, blame);
        self.count_deadly(&shadow, exit, blame);
        self.ledger.last_dead = Some(worker);
        let vain = scale::is_vain(self, &shadow) && obituary.failure.is_none();
        let end = self.core.died(worker, obituary, self.now);
        judge::ensure(!vain || self.core.target < before.target, || {
            format!("worker {worker} did not start, and nobody needs another one")
        })?;
        self.note_reruns(&ran, &shadow, target)?;
        self.check_words()?;
        let keeps_size = self.core.target >= before.target || self.config.scales();
        judge::ensure(!unwanted || keeps_size || !self.is_open(), || {
            format!("worker {worker} died for a query that nobody wants, and is not missed")
        })?;
        self.react(Event::Other, &before)?;
        let told = self.ledger.told_crashes - told_crashes;
        let blamed = self.ledger.told_blame.filter(|_| told > 0);
        judge::ensure(blamed.is_none_or(|blamed| blamed == blame), || {
            format!("worker {worker} died, and to blame is {blame:?}, not {blamed:?}")
        })?;
        raw::judge_end(self, worker, &shadow, exit, failed, told, &end)?;
        let (total, counted) = (self.core.crashes(), self.ledger.count.total);
        judge::ensure(total == counted, || format!("{total} crashes, not {counted}"))
    }
}
