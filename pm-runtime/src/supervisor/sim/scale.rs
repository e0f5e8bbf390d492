//! Pools that find their size, and what the oracle has to say of that.

use std::time::Duration;

use super::super::scale::SHORT;
use super::super::slot::Slot;
use super::super::{Place, QueryKey, Route, WorkerId};
use super::judge::ensure;
use super::ledger::{Check, Fact, Ledger, Shadow};
use super::world::World;

impl Ledger {
    /// A worker has become ready, and took so long.
    pub(super) fn note_boot(&mut self, took: Option<Duration>) {
        let Some(took) = took else { return };
        let (shortest, longest) = self.boots.unwrap_or((took, took));
        self.boots = Some((shortest.min(took), longest.max(took)));
    }
}

/// The pool is said to have found another size.
pub(super) fn scaled(world: &mut World, worker: WorkerId, from: usize, to: usize) -> Check {
    let wrong = |what: &str| Err(format!("from {from} to {to} with worker {worker}: {what}"));
    let (config, ledger, now) = (&world.config, &world.ledger, world.now);
    if to == from + 1 {
        if to > config.most {
            return wrong("more than there may be");
        }
        let worth = ledger.boots.map_or(SHORT, |(shortest, _)| shortest.max(SHORT));
        let waits = |fact: &&Fact| {
            let is_free = matches!(fact.route, Route::Any | Route::Key(_));
            is_free && fact.told.is_none() && fact.since + worth <= now
        };
        let waiting = ledger.open.iter().map(|&id| &ledger.facts[id]).filter(waits).count();
        let all = ledger.open.iter().map(|&id| &ledger.facts[id]);
        let all = all.filter(|fact| fact.told.is_none()).count();
        // This one is among those that are about to start.
        let starting =
            world.core.slots.iter().filter(|slot| slot.is_starting() && slot.is_staying());
        let others = starting.filter(|slot| slot.id < worker).count();
        if waiting == 0 {
            return wrong("nothing has waited for long");
        }
        if all <= others * config.concurrency && config.spares == 0 {
            return wrong("those that are coming are enough");
        }
        return Ok(());
    }
    if to + 1 != from || to < config.workers {
        return wrong("which is no step within its range");
    }
    if ledger.last_dead == Some(worker) && !ledger.shadows.contains_key(&worker) {
        // It did not start, and its place has gone with it.
        let is_held_up = world.core.slots.iter().any(|slot| slot.recalled > 0);
        if world.core.queries.waiting_for_any() > 0 || is_held_up {
            return wrong("which somebody waits for");
        }
        world.ledger.left += 1;
        return Ok(());
    }
    let (Some(patience), Some(shadow)) = (config.idle_timeout, ledger.shadows.get(&worker)) else {
        return wrong("which is not to go");
    };
    if !shadow.ready || !shadow.held.is_empty() || shadow.progress + patience.max(SHORT) > now {
        return wrong("which has not been idle for so long");
    }
    if ledger.grown.is_some_and(|at| at + patience.max(SHORT) > now) {
        return wrong("which flaps");
    }
    world.ledger.left += 1;
    world.ledger.left_worn += usize::from(world.core.slot(worker).is_some_and(|slot| slot.worn));
    Ok(())
}

/// Whether nobody needs the place of a worker that is beyond the least, should it fail to start.
pub(super) fn is_vain(world: &World, shadow: &Shadow) -> bool {
    let (core, config) = (&world.core, &world.config);
    let is_its_own =
        !shadow.ready && shadow.killed.is_none() && !shadow.told_to_end && !shadow.left;
    let idles = |slot: &Slot| slot.takes_queries() && slot.load_with_added() == 0;
    is_its_own
        && !shadow.temporary
        && !shadow.spare
        && config.workers < config.most
        && world.is_open()
        && core.target > config.workers
        && core.rolling.is_none()
        && world.ledger.waiters.is_empty()
        && world.ledger.open.is_empty()
        && core.slots.iter().any(idles)
        && core.slots.iter().filter(|slot| slot.is_live()).count() < core.target
}

/// Nothing waits for long where another worker may be started, and nobody idles for long.
pub(super) fn check_punctual(world: &World) -> Check {
    let (core, config, now) = (&world.core, &world.config, world.now);
    if config.workers == config.most || !world.is_open() || core.target == 0 || core.missing() > 0 {
        return Ok(());
    }
    let longest = world.ledger.boots.map_or(SHORT, |(_, longest)| longest.max(SHORT));
    let starting = core.slots.iter().filter(|slot| slot.is_starting()).count();
    let allowed = starting < config.boots_at_once
        && !world.ledger.count.is_spent(config, now)
        && core.budget.not_before().is_none_or(|at| at <= now);
    let fact = |key| world.ledger.id(key).ok().map(|id| &world.ledger.facts[id]);
    let late = |fact: &Fact| fact.since + longest <= now;
    if core.target < config.most && allowed {
        let waiting: Vec<&Fact> = world
            .ledger
            .open
            .iter()
            .map(|&id| &world.ledger.facts[id])
            .filter(|fact| matches!(fact.route, Route::Any | Route::Key(_)))
            .filter(|fact| {
                let query = fact.key.and_then(|key| core.queries.get(key));
                query.is_some_and(|query| query.place == Place::Waiting)
            })
            .collect();
        let ahead = |slot: &Slot| {
            let begins = slot.width(config.concurrency).saturating_sub(slot.begun.len());
            let back = |key: &&QueryKey| {
                let place = core.queries.get(**key).map(|query| query.place);
                matches!(place, Some(Place::Handed { recalled: true, .. }))
            };
            let movable = slot.handed.iter().filter(|key| !back(key)).skip(begins);
            let movable = movable.filter_map(|&key| fact(key)).filter(|f| f.route == Route::Any);
            movable.collect::<Vec<_>>()
        };
        let all: Vec<&Fact> =
            waiting.into_iter().chain(core.slots.iter().flat_map(ahead)).collect();
        // One that runs again stands before others that wait for longer.
        let in_order = all.iter().all(|fact| fact.runs == 0);
        let any_late = in_order && all.iter().any(|fact| late(fact));
        let coming = core.slots.iter().filter(|slot| slot.is_starting() && slot.is_staying());
        ensure(!any_late || all.len() <= coming.count() * config.concurrency, || {
            format!("{} queries wait for long, and {} workers are enough", all.len(), core.target)
        })?;
    }
    if world.ledger.open.iter().any(|&id| world.ledger.facts[id].told.is_none()) {
        return Ok(());
    }
    let Some(patience) = config.idle_timeout.filter(|_| core.target > config.workers) else {
        return Ok(());
    };
    let idles = |slot: &&Slot| {
        let since = core.scaled.raised.map_or(slot.progress, |at| at.max(slot.progress));
        slot.takes_queries() && slot.load() == 0 && since + patience.max(longest) <= now
    };
    let ready = core.slots.iter().filter(|slot| slot.is_live()).count();
    if ready < core.target {
        return Ok(());
    }
    match core.slots.iter().find(idles) {
        Some(slot) => Err(format!("worker {} is not needed, and stays", slot.id)),
        None => Ok(()),
    }
}
