//! What the oracle has to say of the outcomes that callers and waiters are told.

use super::super::{Route, Slot, Stage, WaiterId, WorkerId};
use super::judge::ensure;
use super::ledger::{Check, Outcome, Wish};
use super::world::{Before, World};
use crate::error::{BootError, CrashCause, Exit, QueryError, SpawnError};

/// The variant alone; the reports are long.
fn name(error: &QueryError) -> String {
    let text = format!("{error:?}");
    text.split([' ', '(']).next().unwrap_or_default().into()
}

/// A query failed: may it, and in which column?
pub(super) fn failure(
    world: &World,
    id: usize,
    error: &QueryError,
    before: &Before,
) -> Check<Outcome> {
    let now = world.now;
    let fact = &world.ledger.facts[id];
    let wrong = || format!("query {id} failed with {}, but: {fact:?}", name(error));
    let ran_in = |worker| ensure(fact.begun_in == Some(worker) && fact.told.is_some(), wrong);
    let never_began = || ensure(fact.begun_in.is_none(), wrong);
    match error {
        QueryError::Crashed(report) => {
            ran_in(report.worker)?;
            ensure(!world.may_run_again(id), wrong)?;
        }
        QueryError::Protocol(report) => {
            ran_in(report.worker)?;
            ensure(!world.may_run_again(id), wrong)?;
            ensure(matches!(report.cause, CrashCause::Protocol(_)), wrong)?;
        }
        QueryError::Released => {
            let Some(worker) = fact.begun_in else {
                return Err(wrong());
            };
            ran_in(worker)?;
        }
        QueryError::TimedOut { after, worker, .. } => {
            ran_in(*worker)?;
            let due = fact.told.is_some_and(|at| now >= at + *after);
            ensure(fact.timeout == Some(*after) && due, wrong)?;
        }
        QueryError::Quarantined { crashes } => {
            let refused = world.ledger.blames.refuses(fact.print(id));
            ensure(refused == Some(*crashes), wrong)?;
        }
        QueryError::QueueTimedOut { after } => {
            never_began()?;
            ensure(fact.queue_timeout == Some(*after) && now >= fact.since + *after, wrong)?;
        }
        QueryError::QueueFull => {
            never_began()?;
            let config = &world.config;
            let full = before.waiting >= config.queue
                || before.waiting_bytes + fact.size > config.queue_bytes;
            ensure(fact.immediate && full && fact.key.is_none(), wrong)?;
            let queries = &world.core.queries;
            let is_free = |slot: &Slot| {
                slot.takes_queries() && slot.load() == 0 && queries.front_pinned(slot.id).is_none()
            };
            let for_anybody = matches!(fact.route, Route::Any | Route::Key(_));
            ensure(!for_anybody || !world.core.slots.iter().any(is_free), wrong)?;
        }
        QueryError::BudgetExhausted { .. } => {
            never_began()?;
            ensure(matches!(fact.route, Route::Any | Route::Key(_)), wrong)?;
            ensure(world.ledger.count.is_spent(&world.config, now), wrong)?;
            ensure(!world.core.slots.iter().any(|slot| slot.is_live()), wrong)?;
        }
        QueryError::WorkerGone => {
            never_began()?;
            let Route::Worker(worker) = fact.route else {
                return Err(wrong());
            };
            let slot = world.core.slot(worker);
            ensure(!slot.is_some_and(|slot| slot.is_staying()), wrong)?;
        }
        QueryError::Boot(error) if fact.route == Route::Temporary => {
            never_began()?;
            let killed = matches!(error, BootError::Exited { exit: Exit::Signal(9 | 15) });
            ensure(!killed, wrong)?;
        }
        QueryError::Boot(error) => {
            never_began()?;
            ensure(error.is_permanent(), wrong)?;
            ensure(!world.core.slots.iter().any(|slot| slot.is_live()), wrong)?;
        }
        QueryError::Destroyed => {
            never_began()?;
            ensure(!world.is_open(), wrong)?;
            let over = world.ledger.destroyed.is_none_or(|at| now >= at + world.config.grace);
            ensure(over || fact.key.is_none(), wrong)?;
        }
        _ => return Err(wrong()),
    }
    Ok(if fact.told.is_some() { Outcome::Failed } else { Outcome::Rejected })
}

/// Somebody who waits is told.
pub(super) fn reached(
    world: &mut World,
    waiter: WaiterId,
    result: &Result<(), SpawnError>,
    before: &Before,
) -> Check {
    let Some(wish) = world.ledger.waiters.remove(&waiter) else {
        return Err(format!("waiter {waiter} is told {result:?}, and does not wait"));
    };
    let wrong = || format!("waiter {waiter} ({wish:?}) is told {result:?}");
    let core = &world.core;
    let live = core.slots.iter().filter(|slot| slot.is_live()).count();
    let gone = |workers: &[WorkerId]| workers.iter().all(|&worker| core.slot(worker).is_none());
    let lowered = |wanted: usize| core.target < wanted || before.target < wanted;
    match (result, &wish) {
        (Ok(()), &Wish::Ready(wanted)) => ensure(live >= wanted || lowered(wanted), wrong),
        (Ok(()), &Wish::One(worker)) => {
            let ready = world.ledger.shadows.get(&worker).is_some_and(|shadow| shadow.ready);
            let stays = core.slot(worker).is_some_and(|slot| slot.is_starting());
            ensure(ready || !stays, wrong)
        }
        (Ok(()), Wish::Gone(workers)) => ensure(gone(workers), wrong),
        (Ok(()), Wish::Replaced { old, .. }) => ensure(gone(old) || core.target == 0, wrong),
        (Ok(()), Wish::Destroyed) => {
            ensure(core.stage == Stage::Destroyed, wrong)?;
            ensure(core.slots.is_empty() && world.ledger.shadows.is_empty(), wrong)
        }
        (Err(_), Wish::Gone(_) | Wish::Destroyed) => Err(wrong()),
        (Err(SpawnError::Destroyed), _) => ensure(!world.is_open(), wrong),
        (Err(SpawnError::BudgetExhausted { .. }), _) => {
            ensure(world.ledger.count.is_spent(&world.config, world.now), wrong)
        }
        (Err(SpawnError::Boot(error)), wish) => {
            let is_its_own = |from| world.ledger.last_dead.is_some_and(|worker| worker >= from);
            let fails = matches!(wish, Wish::Replaced { from, .. } if is_its_own(*from));
            ensure(error.is_permanent() || fails, wrong)
        }
    }
}
