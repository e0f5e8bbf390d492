//! What the oracle has to say of each action, at the moment of it.

use std::time::Duration;

use super::super::budget::BACKOFF_CAP;
use super::super::query::Query;
use super::super::slot::Phase;
use super::super::{
    DROP_PATIENCE, GATE_PATIENCE, LINK_PATIENCE, Place, QueryKey, Route, Slot, Stage, WorkerId,
};
use super::blame;
use super::ledger::{Check, Shadow, Ticket};
use super::worker::Ending;
use super::world::{Before, Event, World};
use crate::conduct::Conduct;
use crate::error::{Blame, BootError, CrashCause, Exit};

pub(super) fn ensure(fine: bool, complaint: impl FnOnce() -> String) -> Check {
    if fine { Ok(()) } else { Err(complaint()) }
}

/// Counts a death against budget and backoff, by what truly happened.
pub(super) fn count_death(world: &mut World, shadow: &Shadow, ending: &Ending, failed: bool) {
    let (exit, boot_error) = (ending.exit, ending.boot_error.as_ref());
    let outside = blame::of_ending(ending) == Blame::Outside;
    let well = matches!(exit, Exit::Code(0) | Exit::Unknown);
    let lives = world.ledger.shadows.values().any(is_up);
    if world.config.raw
        && !shadow.spare
        && shadow.live.is_some_and(|at| at + BACKOFF_CAP <= world.now)
    {
        world.ledger.count.in_a_row = 0;
    }
    let permanent = boot_error.is_some_and(BootError::is_permanent) && !lives;
    let (counts, slows) = match &shadow.killed {
        _ if shadow.temporary => (false, false),
        Some((_, CrashCause::Grace(_))) if failed => (true, true),
        Some((_, CrashCause::TimedOut(_) | CrashCause::Cancelled | CrashCause::Grace(_))) => {
            (false, false)
        }
        Some((_, CrashCause::Boot(_))) => (!permanent, true),
        // It was dying all the while.
        Some(_) if shadow.lost.is_some() && !matches!(exit, Exit::Signal(9) | Exit::Unknown) => {
            (!outside, true)
        }
        Some(_) => (true, true),
        // Not yet able to decline what every process is told.
        None if !shadow.ready && exit == Exit::Signal(15) => (false, true),
        None if !shadow.ready => (!permanent, true),
        None if (shadow.told_to_end || shadow.left) && well && !failed => (false, false),
        None => (!outside, true),
    };
    if counts {
        world.ledger.count.crash(world.now);
    }
    if slows {
        world.ledger.count.death(world.now);
    }
    let stays = |shadow: &Shadow| {
        let leaves = shadow.evicted || shadow.releasing.is_some() || shadow.killed.is_some();
        // A spare that is about to die takes no place.
        let dies = shadow.spare && shadow.lost.is_some();
        !shadow.temporary && !leaves && !dies
    };
    let unwanted = matches!(shadow.killed, Some((_, CrashCause::Grace(_))));
    if !shadow.temporary
        && !unwanted
        && !world.ledger.count.is_spent(&world.config, world.now)
        && boot_error.is_some_and(BootError::is_permanent)
        && !world.ledger.shadows.values().any(stays)
    {
        // The pool gives up, and starts afresh when somebody asks for something.
        world.ledger.count.calm_down();
    }
    if !shadow.temporary && world.ledger.count.is_spent(&world.config, world.now) {
        // The next one is a probe.
        world.ledger.count.not_after = Some(world.now + BACKOFF_CAP);
    }
}

/// Takes queries, or would if its gate were open.
pub(super) fn is_live(shadow: &Shadow) -> bool {
    is_up(shadow) && !shadow.spare
}

/// The same, or is a spare that is ready.
fn is_up(shadow: &Shadow) -> bool {
    let leaves = shadow.evicted || shadow.releasing.is_some() || shadow.killed.is_some();
    !shadow.temporary && shadow.ready && !leaves
}

pub(super) fn launch(world: &World, worker: WorkerId, event: Event) -> Check {
    let now = world.now;
    let ledger = &world.ledger;
    ensure(world.core.stage != Stage::Destroyed, || "a destroyed pool starts a worker".into())?;
    let spent = ledger.count.is_spent(&world.config, now);
    if event == Event::SpawnedOne(worker) {
        return ensure(!spent, || "spawn_one although the budget is spent".into());
    }
    let starting = ledger
        .shadows
        .values()
        .filter(|shadow| !shadow.ready && shadow.killed.is_none() && !shadow.by_hand)
        .count();
    ensure(starting < world.config.boots_at_once, || format!("{} boots at once", starting + 1))?;
    if world.core.slot(worker).is_some_and(|slot| slot.temporary) {
        return Ok(());
    }
    let early = ledger.count.not_before.is_some_and(|at| now < at);
    ensure(!early, || format!("worker {worker} starts without a pause after deaths in a row"))?;
    if spent {
        let counts = |shadow: &Shadow| !shadow.temporary && shadow.killed.is_none();
        let left = ledger.shadows.values().any(counts);
        ensure(!left, || format!("worker {worker} starts although the budget is spent"))?;
        let soon = ledger.count.last_probe.is_some_and(|at| now < at + BACKOFF_CAP);
        ensure(!soon, || format!("worker {worker} is one probe too many"))?;
    }
    Ok(())
}

pub(super) fn hand(world: &World, worker: WorkerId, key: QueryKey, before: &Before) -> Check {
    let config = &world.config;
    let id = world.ledger.id(key)?;
    let Some(shadow) = world.ledger.shadows.get(&worker) else {
        return Err(format!("query {id} handed to worker {worker}, which is no more"));
    };
    let replay = world.ledger.facts[id].replay;
    ensure(shadow.ready != replay, || {
        format!("query {id} handed to worker {worker}, which is not ready, or is")
    })?;
    ensure(shadow.killed.is_none(), || format!("query {id} handed to a dying worker"))?;
    ensure(shadow.lost.is_none(), || {
        format!("query {id} handed to worker {worker}, which is lost")
    })?;
    ensure(shadow.shut.is_none(), || format!("query {id} handed to a shut gate"))?;
    let releasing = before.releasing.contains(&worker) || shadow.told_to_end;
    ensure(!releasing, || format!("query {id} handed to worker {worker}, which is released"))?;
    ensure(!shadow.evicted, || format!("query {id} handed to worker {worker}, which is evicted"))?;
    ensure(!shadow.spare || replay, || {
        format!("query {id} handed to worker {worker}, which is a spare")
    })?;
    let fact = &world.ledger.facts[id];
    ensure(fact.outcome.is_none(), || format!("query {id} handed after its end"))?;
    ensure(fact.begun_in.is_none(), || format!("query {id} handed again after its begin"))?;
    let load = shadow.held.len() + 1;
    ensure(load <= config.concurrency + config.ahead, || {
        format!("worker {worker} holds {load} queries")
    })?;
    let not_begun = shadow.held.iter().filter(|&&held| world.ledger.facts[held].told.is_none());
    let bytes = not_begun.map(|&held| world.ledger.facts[held].size).sum::<usize>() + fact.size;
    ensure(load <= config.concurrency || bytes <= config.ahead_bytes, || {
        format!("worker {worker} holds {bytes} bytes ahead")
    })?;
    if replay {
        return Ok(());
    }
    let older = |query: &&Query<Ticket>| {
        let waits = query.place == Place::Waiting && query.payload.0 < id;
        waits && could_have_been(worker, query.route, fact.route)
    };
    let older = world.core.queries.iter().find(older);
    ensure(older.is_none(), || format!("query {id} overtakes an older one"))?;
    route(world, worker, id)
}

/// Whether a worker that was handed a query could have been handed another one instead.
fn could_have_been(worker: WorkerId, other: Route, handed: Route) -> bool {
    match other {
        Route::Temporary => handed == Route::Temporary,
        Route::Worker(pinned) => pinned == worker,
        Route::Any | Route::Key(_) => handed != Route::Temporary,
    }
}

/// Whether this query may be handed to this worker at all.
fn route(world: &World, worker: WorkerId, id: usize) -> Check {
    let wrong = |what: &str| Err(format!("query {id} is handed to worker {worker}, {what}"));
    let Some(shadow) = world.ledger.shadows.get(&worker) else {
        return wrong("which is no more");
    };
    let is_temporary = |id: &usize| world.ledger.facts[*id].route == Route::Temporary;
    let meant = world.ledger.facts[id].route;
    if shadow.temporary != (meant == Route::Temporary) {
        return wrong("which is temporary, or should be");
    }
    if shadow.handed.iter().any(|other| is_temporary(other) || is_temporary(&id)) {
        return wrong("which was another query's own");
    }
    match meant {
        Route::Worker(pinned) if pinned != worker => wrong("and meant for another"),
        Route::Key(of) if world.config.keys > 5 * 2 => match world.ledger.usual.get(&of) {
            Some(&usual) if usual != worker && has_room(world, usual, id) => {
                wrong("although the one of its key is there")
            }
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

/// Whether a worker could have been handed a query too.
fn has_room(world: &World, worker: WorkerId, id: usize) -> bool {
    let (ledger, config) = (&world.ledger, &world.config);
    let Some(shadow) = ledger.shadows.get(&worker) else {
        return false;
    };
    let takes = is_live(shadow)
        && shadow.shut.is_none()
        && world.core.slot(worker).is_some_and(|slot| slot.takes_queries())
        && world.core.queries.front_pinned(worker).is_none();
    let not_begun = shadow.held.iter().filter(|&&held| ledger.facts[held].told.is_none());
    let bytes: usize = not_begun.map(|&held| ledger.facts[held].size).sum();
    let load = shadow.held.len();
    let ahead = load < config.concurrency + config.ahead
        && bytes + ledger.facts[id].size <= config.ahead_bytes;
    let suspected = |id: usize| {
        let query = ledger.facts[id].key.and_then(|key| world.core.queries.get(key));
        query.is_some_and(|query| query.runs_alone())
    };
    let alone = |id: usize| suspected(id) || config.is_exclusive(ledger.facts[id].conduct);
    let width = match alone(id) || shadow.held.iter().any(|&held| alone(held)) {
        true => 1,
        false => config.concurrency,
    };
    takes && (load < width || ahead)
}

/// A query is asked back: only if that is of use.
pub(super) fn recall(world: &World, worker: WorkerId, key: QueryKey) -> Check {
    let id = world.ledger.id(key)?;
    let fact = &world.ledger.facts[id];
    let overdue = fact.queue_timeout.is_some_and(|limit| fact.since + limit <= world.now);
    let stays = world.core.slot(worker).is_some_and(|slot| slot.is_staying());
    let refused = world.ledger.blames.refuses(world.ledger.print_of(id)).is_some();
    ensure(!stays || overdue || refused || !fact.stays_where_it_is(), || {
        format!("{key:?} is asked back from worker {worker}, where it belongs")
    })
}

/// What changes a worker's state is not dropped half-way.
pub(super) fn drop(world: &World, key: QueryKey) -> Check {
    let id = world.ledger.id(key)?;
    let fact = &world.ledger.facts[id];
    ensure(fact.told.is_none() || fact.conduct == Conduct::Async || fact.cancelled, || {
        format!("query {id} runs, is {:?}, and is to be dropped", fact.conduct)
    })?;
    ensure(!fact.is_open || fact.cancelled, || {
        format!("query {id} has opened a stream, and is to be dropped")
    })
}

/// Gives back the cause, which stands in the worker's phase.
pub(super) fn kill(world: &World, worker: WorkerId) -> Check<CrashCause> {
    let now = world.now;
    let config = &world.config;
    let (cause, target) = world.cause_of_kill(worker)?;
    let Some(shadow) = world.ledger.shadows.get(&worker) else {
        return Err(format!("worker {worker} is killed, and is no more"));
    };
    ensure(shadow.killed.is_none(), || format!("worker {worker} is killed twice"))?;
    let patience_over = shadow.shut.is_some_and(|at| now >= at + GATE_PATIENCE);
    let gate_is_shut = || {
        ensure(shadow.shut.is_some() && (shadow.confirmed.is_some() || patience_over), || {
            format!("worker {worker} is killed for {cause:?} behind an open gate")
        })
    };
    match &cause {
        CrashCause::TimedOut(_) | CrashCause::Cancelled => {
            gate_is_shut()?;
            let Some(key) = target else {
                return Err("a kill for no query".into());
            };
            let id = world.ledger.id(key)?;
            let fact = &world.ledger.facts[id];
            let ran = shadow.confirmed.as_ref().map_or(patience_over, |ran| ran.contains(&key));
            ensure(ran, || {
                format!("worker {worker} is killed for query {id}, which no longer ran")
            })?;
            ensure(shadow.held.contains(&id), || {
                format!("worker {worker} is killed for query {id}, which has ended")
            })?;
            let patience = match fact.conduct {
                Conduct::Async => DROP_PATIENCE,
                Conduct::Blocking | Conduct::Exclusive => Duration::ZERO,
            };
            let told = fact.told.zip(fact.timeout);
            let due = told.is_some_and(|(at, limit)| now >= at + limit + patience);
            let guilty = match cause {
                CrashCause::TimedOut(after) => due && fact.timeout == Some(after),
                _ => fact.told.is_some() && fact.is_unwanted(config),
            };
            ensure(guilty, || {
                format!("worker {worker} is killed for query {id} without a reason")
            })?;
        }
        CrashCause::Stuck(_) => {
            gate_is_shut()?;
            let mute = shadow.shut.is_some_and(|at| {
                now >= at + GATE_PATIENCE + DROP_PATIENCE && shadow.confirmed.is_none()
            });
            let runs = shadow.held.iter().any(|&id| world.ledger.facts[id].is_at_work());
            let idle = now >= shadow.progress + config.boot_timeout && !shadow.held.is_empty();
            ensure(mute || (idle && !runs), || {
                format!("worker {worker} is killed as stuck, and is not")
            })?;
        }
        CrashCause::Grace(_) if !shadow.ready => {}
        CrashCause::Grace(_) => {
            if !shadow.held.is_empty() {
                gate_is_shut()?;
            }
            let since = [shadow.releasing, shadow.failing, world.ledger.destroyed];
            let since = since.into_iter().flatten().min();
            ensure(since.is_some_and(|at| now >= at + config.grace), || {
                format!("worker {worker} is killed before its grace is over")
            })?;
        }
        CrashCause::Boot(BootError::Replay { .. }) => {
            ensure(shadow.hearing.spoiled, || {
                format!("worker {worker} is killed for what it heard, and bore it well")
            })?;
        }
        CrashCause::Boot(BootError::TimedOut { .. }) => {
            let due = !shadow.ready && now >= shadow.launched + config.boot_timeout;
            ensure(due, || format!("worker {worker} is killed before its boot time-out"))?;
        }
        _ => {
            let lives_on = shadow.lost.is_some_and(|at| now >= at + LINK_PATIENCE);
            ensure(shadow.lied || lives_on, || {
                format!("honest worker {worker} is killed for {cause:?}")
            })?;
        }
    }
    Ok(cause)
}

/// Whether the pool is as large as it should be, after an event.
pub(super) fn sizes(world: &mut World, event: Event, before: &Before) -> Check {
    let now = world.now;
    let after = world.look();
    for worker in &after.releasing {
        let phase = world.core.slot(*worker).map(|slot| &slot.phase);
        if matches!(phase, Some(Phase::Releasing { deadline: None, .. })) {
            // A temporary or evicted worker, at work.
            continue;
        }
        world.ledger.shadow(*worker)?.releasing.get_or_insert(now);
    }
    if world.core.target > before.target {
        world.ledger.grown = Some(now);
    }
    let core = &world.core;
    let cap = world.ledger.cap.max(core.config.most);
    ensure(core.target <= cap, || format!("the target is {}, not {cap}", core.target))?;
    if !world.is_open() {
        return Ok(());
    }
    let rolling = core.rolling.as_ref().map_or(Vec::new(), |rolling| rolling.old.clone());
    let goes = |slot: &&Slot| slot.is_staying() && (slot.worn || rolling.contains(&slot.id));
    let old = core.slots.iter().filter(goes).count().min(core.target);
    let staying = core.slots.iter().filter(|slot| slot.is_staying()).count();
    ensure(staying <= core.target + old, || {
        format!("{staying} workers stay, of {} and {old} to be replaced", core.target)
    })?;
    let left: Vec<_> = before.live.iter().filter(|worker| !after.live.contains(worker)).collect();
    let lost =
        |worker: &WorkerId| !after.releasing.contains(worker) || event == Event::Left(*worker);
    let lost = left.iter().filter(|worker| lost(worker)).count();
    if let Event::Spoiled(worker) = event {
        let stays = core.slot(worker).is_some_and(|slot| slot.is_staying());
        return ensure(!stays, || format!("worker {worker} is spoiled, and stays"));
    }
    if !matches!(event, Event::Lowered | Event::Rehoused) && left.len() > lost {
        let capacity = before.live.len().min(before.target).min(core.target);
        ensure(after.live.len() + lost >= capacity, || {
            format!("{} were ready, and now {} are", before.live.len(), after.live.len())
        })?;
    }
    Ok(())
}
