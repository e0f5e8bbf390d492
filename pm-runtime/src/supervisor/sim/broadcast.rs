//! What is said to every worker, counted once more: who has heard what, and who has died of it.

use std::collections::BTreeMap;

use super::super::{Route, Slot, Submission, WorkerId};
use super::judge::{ensure, is_live};
use super::ledger::{Check, Fact, Shadow, Ticket};
use super::world::{Event, World};
use crate::error::{Blame, Exit};

/// Something that is said to every worker: its method, which of those it is, and how many died of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Word {
    pub(super) method: usize,
    version: u64,
    deaths: u32,
}

/// What a worker has heard of all that, by method.
#[derive(Debug, Clone, Default)]
pub(super) struct Hearing {
    heard: BTreeMap<usize, u64>,
    /// What it hears now, as which query.
    now: Option<(usize, u64, usize)>,
    /// That has panicked, and changed its state by half.
    pub(super) spoiled: bool,
}

impl World {
    /// Somebody says something to every worker.
    pub(super) fn broadcast_any(&mut self) -> Check {
        if !self.is_open() || self.ledger.open.len() > self.crowd {
            return Ok(());
        }
        let method = self.rng.below(3);
        self.say(|| format!("broadcast {method}"));
        self.ledger.version += 1;
        let version = self.ledger.version;
        self.ledger.words.retain(|word| word.method != method);
        self.ledger.words.push(Word { method, version, deaths: 0 });
        let before = self.look();
        let workers = self.core.broadcast(method, self.now);
        let shadows = &self.ledger.shadows;
        let live: Vec<WorkerId> = shadows
            .iter()
            .filter(|(_, shadow)| is_live(shadow))
            .map(|(&worker, _)| worker)
            .collect();
        ensure(live.iter().all(|worker| workers.contains(worker)), || {
            format!("{workers:?} are told, and {live:?} are there")
        })?;
        self.react(Event::Other, &before)?;
        self.check_words()?;
        for worker in workers {
            let fact = self.any_word(worker);
            self.submit(fact)?;
        }
        Ok(())
    }

    fn any_word(&mut self, worker: WorkerId) -> Fact {
        Fact {
            route: Route::Worker(worker),
            immediate: false,
            queue_timeout: None,
            ..self.any_fact()
        }
    }

    /// The policy wants this to be said to a worker that comes.
    pub(super) fn replay(&mut self, worker: WorkerId, method: usize) -> Check {
        let Some(word) = self.ledger.words.iter().find(|word| word.method == method).copied()
        else {
            return Err(format!("worker {worker} is told what is forgotten"));
        };
        if !self.core.slot(worker).is_some_and(Slot::is_starting) {
            // It is not wanted any more.
            return Ok(());
        }
        let id = self.ledger.facts.len();
        let fact = Fact { replay: true, retries: 0, opens: false, ..self.any_word(worker) };
        let submission = Submission {
            payload: Ticket(id),
            size: fact.size,
            timeout: fact.timeout,
            queue_timeout: None,
            immediate: false,
            route: fact.route,
            conduct: fact.conduct,
            retries: 0,
        };
        self.say(|| format!("replay {id}: {fact:?}"));
        self.ledger.facts.push(fact);
        self.ledger.open.insert(id);
        let shadow = self.ledger.shadow(worker)?;
        ensure(!shadow.ready && shadow.hearing.now.is_none(), || {
            format!("worker {worker} is told something when it is ready, or has enough to hear")
        })?;
        shadow.hearing.now = Some((method, word.version, id));
        let key = self.core.replay(worker, submission, self.now);
        let Some(key) = key else { return Err(format!("worker {worker} is not told {method}")) };
        self.ledger.facts[id].key = Some(key);
        self.ledger.keys.insert(key, id);
        Ok(())
    }

    /// A query has ended in its worker.
    pub(super) fn note_heard(&mut self, worker: WorkerId, id: usize, spoils: bool) -> Check {
        let shadow = self.ledger.shadow(worker)?;
        if shadow.killed.is_some() {
            // It came too late, and that is what it is killed for.
            return Ok(());
        }
        let hearing = &mut shadow.hearing;
        if spoils {
            hearing.spoiled |= hearing.now.is_some_and(|(_, _, query)| query == id);
            return Ok(());
        }
        if let Some((method, version, _)) = hearing.now.take_if(|(_, _, query)| *query == id) {
            hearing.heard.insert(method, version);
        }
        Ok(())
    }

    /// The policy counts a worker as ready: it has heard everything.
    pub(super) fn judge_ready(&mut self, worker: WorkerId) -> Check {
        let words = self.ledger.words.clone();
        let (now, shadow) = (self.now, self.ledger.shadow(worker)?);
        let heard = |word: &Word| shadow.hearing.heard.get(&word.method) == Some(&word.version);
        let missed = words.iter().find(|word| !heard(word)).copied();
        ensure(missed.is_none(), || format!("worker {worker} is ready, and missed {missed:?}"))?;
        shadow.ready = true;
        shadow.live = shadow.killed.is_none().then_some(now);
        shadow.progress = now;
        // A dying one says nothing of the next.
        let took = shadow.killed.is_none().then(|| now - shadow.launched);
        self.ledger.note_boot(took);
        Ok(())
    }

    /// A worker has died: of what it heard?
    pub(super) fn count_deadly(&mut self, shadow: &Shadow, exit: Exit, blame: Blame) {
        let Some((method, version, _)) = shadow.hearing.now.filter(|_| !shadow.ready) else {
            return;
        };
        let others = matches!(exit, Exit::Signal(9 | 15)) && shadow.killed.is_none();
        let is_to_blame = match blame {
            Blame::Start => !others,
            blame => blame.is_of_query(),
        };
        let words = &mut self.ledger.words;
        let is_it = |word: &&mut Word| word.method == method && word.version == version;
        if let Some(word) = words.iter_mut().find(is_it).filter(|_| is_to_blame) {
            word.deaths += 1;
        }
        words.retain(|word| word.deaths < 2);
    }

    /// What is remembered is what was said last, and killed fewer than two; and spares have heard it.
    pub(super) fn check_words(&self) -> Check {
        for slot in self.core.slots.iter().filter(|slot| slot.is_spare() && slot.is_ready()) {
            let shadow = self.ledger.shadows.get(&slot.id);
            let heard = |word: &Word| {
                let heard = shadow.and_then(|shadow| shadow.hearing.heard.get(&word.method));
                heard == Some(&word.version)
            };
            let missed = self.ledger.words.iter().find(|word| !heard(word));
            ensure(missed.is_none(), || format!("spare {} has missed {missed:?}", slot.id))?;
        }
        let (told, words) = (self.core.remembered(), &self.ledger.words);
        let remembered: Vec<usize> = words.iter().map(|word| word.method).collect();
        ensure(told == remembered, || format!("{told:?} are remembered, not {words:?}"))
    }
}
