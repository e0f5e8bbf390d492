//! What must hold after each step, whatever has happened.

use std::collections::BTreeMap;

use super::super::pace::BRISK;
use super::super::slot::{Gate, Phase, Slot};
use super::super::{Caller, Place, QueryKey, RECALL_PATIENCE, Stage};
use super::ledger::Check;
use super::world::World;
use super::{raw, recycle, scale, spares};

pub(super) fn check(world: &World) -> Check {
    check_places(world)?;
    check_account(world)?;
    check_slots(world)?;
    check_queue(world)?;
    check_temporary(world)?;
    check_spread(world)?;
    recycle::check(world)?;
    spares::check(world)?;
    raw::check(world)
}

/// Every query without an outcome is in exactly one place, and there are no others.
fn check_places(world: &World) -> Check {
    let core = &world.core;
    let mut held: BTreeMap<QueryKey, usize> = BTreeMap::new();
    for slot in &core.slots {
        for &key in slot.handed.iter().chain(&slot.begun) {
            *held.entry(key).or_default() += 1;
        }
    }
    let mut placed = 0;
    for &id in &world.ledger.open {
        let fact = &world.ledger.facts[id];
        let query = fact.key.and_then(|key| core.queries.get(key).map(|query| (key, query)));
        let Some((key, query)) = query else {
            return Err(format!("query {id} is lost: {fact:?}"));
        };
        if query.payload.0 != id {
            return Err(format!("query {id} has the payload of {}", query.payload.0));
        }
        if (query.caller == Caller::Gone) != fact.cancelled {
            return Err(format!("query {id}: cancelled {}", fact.cancelled));
        }
        let waits = matches!(query.place, Place::Waiting | Place::Paused { .. });
        if fact.cancelled && waits {
            return Err(format!("query {id} was cancelled, and waits"));
        }
        let times = held.get(&key).copied().unwrap_or(0);
        let there = match query.place {
            Place::Waiting | Place::Paused { .. } => times == 0,
            Place::Handed { worker, .. } => {
                times == 1 && core.slot(worker).is_some_and(|slot| slot.handed.contains(&key))
            }
            Place::Begun { worker, .. } => {
                times == 1 && core.slot(worker).is_some_and(|slot| slot.begun.contains(&key))
            }
        };
        if !there {
            return Err(format!("query {id} is not where it is said to be: {:?}", query.place));
        }
        placed += times;
    }
    let (known, open) = (core.queries.iter().count(), world.ledger.open.len());
    if known != open || placed != held.values().sum::<usize>() {
        return Err(format!("{known} queries of {open}, {placed} placed, workers hold {held:?}"));
    }
    Ok(())
}

/// The account balances, and equals a recount.
fn check_account(world: &World) -> Check {
    let account = world.core.account();
    let (mut waiting, mut running, mut detached) = (0, 0, 0);
    for query in world.core.queries.iter() {
        match (query.place, query.caller) {
            (Place::Begun { .. }, Caller::Waits) => running += 1,
            (Place::Begun { .. }, Caller::Gone) => detached += 1,
            (_, Caller::Waits) => waiting += 1,
            (_, Caller::Gone) => {}
        }
    }
    let ledger = &world.ledger;
    let counted = (ledger.facts.len() as u64, ledger.completed, ledger.failed, ledger.cancelled);
    let told = (account.submitted, account.completed, account.failed, account.cancelled);
    let fine = account.balances()
        && counted == told
        && account.rejected == ledger.rejected
        && (account.waiting, account.running) == (waiting, running)
        && world.core.detached() == detached;
    if fine {
        return Ok(());
    }
    Err(format!(
        "the account {account:?} with {} detached; counted {counted:?}, {} rejected, \
         {waiting} waiting, {running} running, {detached} detached",
        world.core.detached(),
        ledger.rejected,
    ))
}

/// Slots hold what was handed to them and has not ended.
fn check_slots(world: &World) -> Check {
    for slot in &world.core.slots {
        let worker = slot.id;
        let Some(shadow) = world.ledger.shadows.get(&worker) else {
            return Err(format!("worker {worker} is dead, and has a slot"));
        };
        if slot.load() != shadow.held.len() {
            return Err(format!("worker {worker}: load {}, holds {:?}", slot.load(), shadow.held));
        }
        let (mut bytes, mut recalled, mut bound) = (0, 0, 0);
        for &key in &slot.handed {
            let Some(query) = world.core.queries.get(key) else {
                continue;
            };
            bytes += query.size();
            let back = matches!(query.place, Place::Handed { recalled: true, .. });
            recalled += usize::from(back);
            bound += usize::from(!back && query.route.is_bound());
        }
        if (bytes, recalled, bound) != (slot.handed_bytes, slot.recalled, slot.bound) {
            return Err(format!(
                "worker {worker}: {bytes} bytes, {recalled} recalled, {bound} bound"
            ));
        }
        for &id in &shadow.held {
            let fact = &world.ledger.facts[id];
            let begun = fact.key.is_some_and(|key| slot.begun.contains(&key));
            if begun != fact.told.is_some() {
                return Err(format!("worker {worker}: query {id} begun {begun}, told otherwise"));
            }
        }
        let open = shadow.held.iter().filter(|&&id| world.ledger.facts[id].is_open).count();
        if slot.open != open {
            return Err(format!("worker {worker} has {open} streams, not {}", slot.open));
        }
        if slot.begun.len() > world.config.concurrency {
            return Err(format!("worker {worker} runs {} queries", slot.begun.len()));
        }
    }
    if world.ledger.shadows.len() != world.core.slots.len() {
        return Err("a living worker has no slot".into());
    }
    Ok(())
}

/// A temporary worker is there for one query, an evicted one for what it has; there are no more of
/// the former than the pool's size, and the table of keys keeps within its bound.
fn check_temporary(world: &World) -> Check {
    let config = &world.config;
    for (worker, shadow) in &world.ledger.shadows {
        let idle = shadow.ready && shadow.held.is_empty();
        let leaves = shadow.temporary && idle || shadow.evicted && (idle || !shadow.ready);
        let ends = shadow.told_to_end || shadow.left || shadow.killed.is_some();
        if leaves && !ends {
            return Err(format!("worker {worker} has nothing to stay for, and stays"));
        }
    }
    let temporary = world.ledger.shadows.values().filter(|shadow| shadow.temporary).count();
    if temporary > config.most {
        return Err(format!("{temporary} temporary workers at once"));
    }
    if world.core.keys.len() > config.keys {
        return Err(format!("{} keys are remembered", world.core.keys.len()));
    }
    Ok(())
}

/// What waits stands by age, and is counted.
fn check_queue(world: &World) -> Check {
    let (mut count, mut bytes) = (0, 0);
    for line in world.core.queries.lines() {
        let mut last = None;
        for query in line {
            let id = query.payload.0;
            if last.is_some_and(|last| last >= id) {
                return Err(format!("query {id} stands behind the younger {last:?}"));
            }
            last = Some(id);
            count += 1;
            bytes += query.size();
        }
    }
    for query in world.core.queries.iter() {
        if matches!(query.place, Place::Paused { .. }) {
            count += 1;
            bytes += query.size();
        }
    }
    if (count, bytes) != (world.core.waiting(), world.core.waiting_bytes()) {
        return Err(format!("{count} wait with {bytes} bytes, which is not what is told"));
    }
    Ok(())
}

/// No worker that could begin something is idle while something waits, or while another one
/// holds more than it can run.
fn check_spread(world: &World) -> Check {
    let core = &world.core;
    let alone = |key: &QueryKey| {
        let suspected = core.queries.get(*key).is_some_and(|query| query.runs_alone());
        let id = world.ledger.id(*key);
        suspected || id.is_ok_and(|id| world.config.is_exclusive(world.ledger.facts[id].conduct))
    };
    let alone_in = |slot: &Slot| slot.handed.iter().chain(&slot.begun).filter(|k| alone(k)).count();
    if let Some(slot) = core.slots.iter().find(|slot| slot.exclusive != alone_in(slot)) {
        return Err(format!("worker {} has {}, not {}", slot.id, alone_in(slot), slot.exclusive));
    }
    let width = |slot: &Slot| match alone_in(slot) {
        0 => world.config.concurrency,
        _ => 1,
    };
    let begins =
        |slot: &Slot, key: &QueryKey| slot.load() < if alone(key) { 1 } else { width(slot) };
    let age = |key: QueryKey| world.ledger.id(key).unwrap_or(usize::MAX);
    let takers = core.slots.iter().filter(|slot| slot.takes_queries());
    let front = core.queries.front();
    let gets_on = |slot: &Slot| {
        let shadow = world.ledger.shadows.get(&slot.id);
        let moved = shadow.is_some_and(|shadow| world.now < shadow.moved + BRISK);
        core.pace.depth() > 0 && slot.load() > 0 && moved
    };
    let brisk = core.slots.iter().filter(|slot| gets_on(slot)).count();
    for slot in takers.clone() {
        let pinned = core.queries.front_pinned(slot.id);
        // The older of both has its turn.
        let next = [front, pinned].into_iter().flatten().min_by_key(|&key| age(key));
        // Fast queries wait for those that get on with them, rather than for one to wake.
        let pinned_or_slow = pinned == next || brisk < world.config.cores;
        if let Some(next) = next
            && begins(slot, &next)
            && pinned_or_slow
        {
            let waiting = core.waiting();
            return Err(format!("{waiting} queries wait although worker {} is idle", slot.id));
        }
    }
    let free = takers.filter(|slot| core.queries.front_pinned(slot.id).is_none());
    let idle: usize = free.clone().map(|slot| width(slot).saturating_sub(slot.load())).sum();
    let empty = free.filter(|slot| slot.load() == 0).count();
    let room_for = |key: &QueryKey| if alone(key) { empty.min(idle) } else { idle };
    let patient = |slot: &&Slot| world.now < slot.asked + RECALL_PATIENCE;
    let recalled: usize = core.slots.iter().filter(patient).map(|slot| slot.recalled).sum();
    let moves = |key: &&QueryKey| {
        core.queries.get(**key).is_some_and(|query| {
            let stays = world.ledger.facts[query.payload.0].stays_where_it_is();
            !stays && matches!(query.place, Place::Handed { recalled: false, .. })
        })
    };
    for slot in core.slots.iter().filter(|slot| slot.answers(world.now)) {
        let waits = slot.load() - slot.recalled > width(slot);
        let held = slot.handed.iter().filter(moves).any(|key| room_for(key) > recalled);
        if waits && held && !gets_on(slot) {
            return Err(format!("worker {} holds {} while another is idle", slot.id, slot.load()));
        }
    }
    Ok(())
}

/// Nothing that was due is left undone.
pub(super) fn check_punctual(world: &World) -> Check {
    let (core, now, config) = (&world.core, world.now, &world.config);
    for &id in &world.ledger.open {
        let fact = &world.ledger.facts[id];
        let due = fact.queue_timeout.is_some_and(|limit| fact.since + limit <= now);
        let waits = fact.key.and_then(|key| core.queries.get(key));
        if due && waits.is_some_and(|query| query.place == Place::Waiting) {
            return Err(format!("query {id} waits beyond its queue time-out"));
        }
    }
    for slot in &core.slots {
        let worker = slot.id;
        let late = |what: &str| Err(format!("worker {worker}: {what} is overdue"));
        let gate_is_open = match slot.gate {
            Gate::Shutting { until, .. } if until <= now && !slot.is_dying() => {
                return late("the confirmation of its gate");
            }
            Gate::Shutting { .. } => false,
            Gate::Open => true,
        };
        if slot.failing.is_some_and(|at| at <= now) && !slot.is_dying() {
            return late("the death of what has failed");
        }
        if slot.lost.is_some_and(|at| at <= now) && !slot.is_dying() && !slot.is_told() {
            return late("the death of what lost its link");
        }
        let given_up = world.ledger.shadows.get(&worker).is_some_and(|shadow| shadow.abandoned);
        match slot.phase {
            Phase::Starting { deadline } if deadline <= now => return late("its boot"),
            Phase::Releasing { deadline: Some(deadline), .. }
                if deadline <= now && gate_is_open =>
            {
                return late("its release");
            }
            Phase::Dying { deadline, .. } if deadline <= now && !given_up => {
                return late("its death");
            }
            _ => {}
        }
        if slot.is_dying() || !gate_is_open {
            continue;
        }
        if slot.stuck_since().is_some_and(|since| since + config.boot_timeout <= now) {
            return late("a begin");
        }
        // What is heard before a worker is ready has as long as its boot.
        let timed = slot.begun.iter().filter(|_| !slot.is_starting());
        for &key in timed {
            let Some(query) = core.queries.get(key) else {
                continue;
            };
            let (Place::Begun { at, .. }, due) = (query.place, query.due()) else {
                continue;
            };
            if !due.is_some_and(|due| due.spared)
                && world.ledger.facts[query.payload.0].is_unwanted(config)
            {
                return late("the end of a query that nobody wants");
            }
            let due = match (due, query.timeout()) {
                (Some(due), _) => due.until <= now,
                (None, Some(timeout)) => at + timeout <= now,
                (None, None) => false,
            };
            if due {
                return late("the end of a query");
            }
        }
    }
    if let Stage::Draining { deadline, over: false } = core.stage
        && deadline <= now
    {
        return Err("the end of the grace is overdue".into());
    }
    raw::check_punctual(world)?;
    world.check_blames()?;
    world.check_alarm()?;
    recycle::check_punctual(world)?;
    scale::check_punctual(world)?;
    spares::check_punctual(world)?;
    check_spread(world)?;
    check_births(world)
}

/// What is missing is started, as soon as it may be.
fn check_births(world: &World) -> Check {
    let (core, count) = (&world.core, &world.ledger.count);
    let starting = core.slots.iter().filter(|slot| slot.is_starting()).count();
    let temporary = core.slots.iter().filter(|slot| slot.temporary);
    let coming = temporary.clone().filter(|slot| slot.is_starting()).count();
    if core.queries.waiting_temporary() > coming
        && temporary.count() < world.config.most
        && starting < world.config.boots_at_once
        && core.temporary_pauses.not_before().is_none_or(|at| at <= world.now)
    {
        return Err("a query waits for a temporary worker, and none is started".into());
    }
    let allowed = starting < world.config.boots_at_once
        && !count.is_spent(&world.config, world.now)
        && (core.budget.not_before().is_none_or(|at| at <= world.now)
            || count.not_after.is_none_or(|at| at <= world.now));
    let missing = (core.target + core.to_replace()).saturating_sub(core.staying());
    if allowed && missing > 0 && core.stage != Stage::Destroyed {
        return Err(format!("{missing} workers are missing, and none is started"));
    }
    Ok(())
}
