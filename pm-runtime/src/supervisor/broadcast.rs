//! What was said to every worker, and is said to each that comes, before it serves anybody.
//!
//! Of each method the last word is remembered. A worker that has set itself up is told all of them, one
//! after the other, and counts as ready only then. The owner has the words; here is who still has to
//! hear which.

use std::time::Instant;

use super::query::Place;
use super::slot::Slot;
use super::{Action, Bug, Core, Note, QueryKey, Route, Submission, WorkerId, later};
use crate::error::{Blame, BootError, CrashCause, CrashReport};

/// So many workers may die of hearing a word again, before it is forgotten.
const ENOUGH: u32 = 2;

/// Names what is said: a method.
pub(crate) type Method = usize;

/// A word that is said to every worker to come.
struct Word {
    method: Method,
    /// Tells it from an earlier word of its method.
    version: u64,
    /// How many workers have died of it.
    deaths: u32,
}

/// The words that are remembered, in the order in which they were said.
#[derive(Default)]
pub(super) struct Broadcasts {
    words: Vec<Word>,
    version: u64,
}

/// What a worker has still to hear before it is ready.
#[derive(Debug, Clone, Default)]
pub(crate) struct Replay {
    /// By method, the next first.
    next: Vec<Method>,
    /// What it hears now, and the query that this is.
    now: Option<(Method, u64, Option<QueryKey>)>,
}

impl<P> Core<P> {
    /// Something is said to every worker, and to those to come. Which there are that serve by now, and
    /// are told like anybody else; the others hear it before they do.
    pub(crate) fn broadcast(&mut self, method: Method, now: Instant) -> Vec<WorkerId> {
        let Broadcasts { words, version } = &mut self.broadcasts;
        *version += 1;
        words.retain(|word| word.method != method);
        words.push(Word { method, version: *version, deaths: 0 });
        let misses = self.has(Bug::MissLateBroadcast);
        for slot in &mut self.slots {
            if let Some(replay) = &mut slot.replay
                && !misses
            {
                replay.next.retain(|&other| other != method);
                replay.next.push(method);
            }
        }
        self.replace_spares(now);
        let serving = self.serving().collect();
        self.after_change(now);
        serving
    }

    /// Workers that are told what is said to every worker like anything else.
    pub(crate) fn serving(&self) -> impl Iterator<Item = WorkerId> {
        let serves = |slot: &&Slot| slot.is_live() && slot.is_staying();
        self.slots.iter().filter(serves).map(|slot| slot.id)
    }

    /// Spares that are ready have not heard it, and nobody may speak to them: others take their places.
    fn replace_spares(&mut self, now: Instant) {
        let ready = |slot: &&Slot| slot.is_spare() && slot.is_ready();
        let deaf: Vec<WorkerId> = self.slots.iter().filter(ready).map(|slot| slot.id).collect();
        for worker in deaf {
            if self.has(Bug::KeepDeafSpares) {
                return;
            }
            self.release(worker, later(now, self.config.grace), now);
        }
    }

    /// A worker has set itself up: it hears what every worker hears. `false`: there is nothing.
    pub(super) fn begin_replay(&mut self, worker: WorkerId) -> bool {
        let next: Vec<Method> = self.broadcasts.words.iter().map(|word| word.method).collect();
        if next.is_empty() || self.has(Bug::SkipReplay) {
            return false;
        }
        if let Some(slot) = self.slot_mut(worker) {
            slot.replay = Some(Box::new(Replay { next, now: None }));
        }
        self.replay_next(worker)
    }

    /// `false`: it has heard everything.
    fn replay_next(&mut self, worker: WorkerId) -> bool {
        let Some(replay) = self.slot_mut(worker).and_then(|slot| slot.replay.as_mut()) else {
            return false;
        };
        let mut next = std::mem::take(&mut replay.next).into_iter();
        let words = &self.broadcasts.words;
        let found = next.find_map(|method| words.iter().find(|word| word.method == method));
        let found = found.map(|word| (word.method, word.version));
        let Some(replay) = self.slot_mut(worker).and_then(|slot| slot.replay.as_mut()) else {
            return false;
        };
        replay.next = next.collect();
        replay.now = found.map(|(method, version)| (method, version, None));
        match found {
            Some((method, _)) => self.actions.push_back(Action::Replay(worker, method)),
            None => {
                if let Some(slot) = self.slot_mut(worker) {
                    slot.replay = None;
                }
            }
        }
        found.is_some()
    }

    /// The query that [`Action::Replay`] asks for.
    pub(crate) fn replay(
        &mut self,
        worker: WorkerId,
        submission: Submission<P>,
        now: Instant,
    ) -> Option<QueryKey> {
        let index = self.index_of(worker)?;
        if !self.slots[index].is_starting() {
            return None;
        }
        self.tally.submit(now);
        let submission = Submission { route: Route::Worker(worker), ..submission };
        let key = self.queries.push(submission, Place::Waiting, now);
        if let Some((_, _, query)) =
            self.slots[index].replay.as_mut().and_then(|replay| replay.now.as_mut())
        {
            *query = Some(key);
        }
        self.hand(index, key, now);
        Some(key)
    }

    /// A query has ended in its worker: if it was one that the worker had to hear, the next one
    /// follows, or the worker is ready.
    pub(super) fn heard(&mut self, worker: WorkerId, key: QueryKey, spoils: bool, now: Instant) {
        let Some(slot) = self.slot(worker).filter(|slot| slot.is_starting()) else { return };
        let now_heard = slot.replay.as_ref().and_then(|replay| replay.now);
        if !matches!(now_heard, Some((_, _, Some(query))) if query == key) {
            return;
        }
        if spoils {
            let cause = CrashCause::Boot(BootError::Replay { exit: None });
            return self.kill(worker, cause, None, now);
        }
        if !self.replay_next(worker) {
            self.go_live(worker, now);
        }
    }

    /// A worker has died before it was ready: of what it heard, perhaps.
    pub(super) fn died_of_replay(&mut self, slot: &Slot, blame: Blame, report: &CrashReport) {
        let heard = slot.replay.as_ref().and_then(|replay| replay.now);
        let killed_by_others = report.exit.is_from_outside() && !slot.is_dying();
        let is_to_blame = match blame {
            Blame::Start => !killed_by_others,
            blame => blame.is_of_query(),
        };
        let Some((method, version, Some(_))) = heard.filter(|_| is_to_blame) else { return };
        let enough = if self.has(Bug::ForgetBroadcastEarly) { 1 } else { ENOUGH };
        let keeps = self.has(Bug::KeepDeadlyBroadcast);
        let words = &mut self.broadcasts.words;
        let is_it = |word: &&mut Word| word.method == method && word.version == version;
        let Some(word) = words.iter_mut().find(is_it) else { return };
        word.deaths += 1;
        if word.deaths >= enough && !keeps {
            words.retain(|word| word.method != method);
            self.actions.push_back(Action::Unlearn(method));
            self.note(Note::Forgotten(report.clone()));
        }
    }

    #[cfg(test)]
    pub(super) fn remembered(&self) -> Vec<Method> {
        self.broadcasts.words.iter().map(|word| word.method).collect()
    }
}

impl Slot {
    /// It is told something that was said to every worker.
    pub(super) fn hears_again(&self) -> bool {
        self.replay.as_ref().is_some_and(|replay| matches!(replay.now, Some((_, _, Some(_)))))
    }
}
