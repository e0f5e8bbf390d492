//! Histories of raw pools: what their workers do, and what the oracle has to say of it.

use super::super::budget::BACKOFF_CAP;
use super::super::{LINK_PATIENCE, Slot, WorkerId};
use super::judge::{ensure, is_live};
use super::ledger::{Check, Shadow};
use super::worker::FakeWorker;
use super::world::{Before, Event, World};
use crate::error::{CrashCause, Exit, QueryError};
use crate::health::WorkerState;

/// What a function says that fails.
pub(super) const FAILURE: &str = "the safari is over";

impl World {
    /// The function of a worker returns. Mostly its process ends well then, but not always.
    pub(super) fn leave_any(&mut self, which: impl Fn(&FakeWorker) -> bool) -> Check {
        if let Some(worker) = self.any(|fake| fake.serves() && !fake.shut && which(fake)) {
            let exit = match self.rng.below(8) {
                0 => None,
                1 => Some(Exit::Signal(11)),
                2 => Some(Exit::Signal(9)),
                _ => Some(Exit::Code(0)),
            };
            self.say(|| format!("worker {worker} returns, and then {exit:?}"));
            self.with(worker, |fake| fake.leave(exit));
        }
        Ok(())
    }

    pub(super) fn fail_any(&mut self) -> Check {
        if let Some(worker) = self.any(|fake| fake.serves() && !fake.shut) {
            let exit = (!self.rng.one_in(6)).then_some(Exit::Code(1));
            self.say(|| format!("worker {worker} returns an error, and then {exit:?}"));
            self.with(worker, |fake| fake.fail(exit));
        }
        Ok(())
    }

    pub(super) fn add_load_any(&mut self) -> Check {
        let mut workers: Vec<WorkerId> = self.core.slots.iter().map(|slot| slot.id).collect();
        // Now and then one that is gone.
        workers.push(1);
        let delta = self.rng.pick(&[1, 1, 2, 5, -1, -2, isize::MAX, isize::MIN]).unwrap_or(1);
        if let Some(worker) = self.rng.pick(&workers) {
            self.say(|| format!("worker {worker} has {delta} more to do"));
            if let Some(shadow) = self.ledger.shadows.get_mut(&worker) {
                shadow.added = shadow.added.saturating_add_signed(delta);
            }
            let before = self.look();
            self.core.add_load(worker, delta);
            ensure(self.core.is_quiet(), || "what the application counts moves somebody".into())?;
            self.react(Event::Other, &before)?;
        }
        Ok(())
    }

    /// The policy hears that a function has returned: the pool is smaller by one, unless that worker
    /// was on its way out anyway.
    pub(super) fn hear_leave(&mut self, worker: WorkerId, before: &Before) -> Check {
        let now = self.now;
        let shadow = self.ledger.shadow(worker)?;
        let leaves = is_live(shadow);
        shadow.left |= shadow.killed.is_none();
        self.ledger.left += usize::from(leaves);
        let worn = self.core.slot(worker).is_some_and(|slot| slot.worn);
        self.ledger.left_worn += usize::from(leaves && worn);
        self.core
            .leave(worker, now)
            .map_err(|error| format!("worker {worker} has returned, and was told off: {error}"))?;
        let (size, wanted) = (self.core.target, before.target - usize::from(leaves));
        ensure(size == wanted, || format!("worker {worker} has left {size} of {wanted}"))?;
        let stays = self.core.slot(worker).is_some_and(Slot::is_staying);
        ensure(!stays, || format!("worker {worker} has left, and stays"))?;
        self.react(Event::Left(worker), before)
    }
}

/// A worker is told to open its gate: where it is raw, that its function may begin.
pub(super) fn begin(world: &mut World, worker: WorkerId) -> Check {
    let raw = world.config.raw;
    let shadow = world.ledger.shadow(worker)?;
    let begun = std::mem::replace(&mut shadow.begun, true);
    ensure(!raw || (shadow.ready && !shadow.spare && !begun), || {
        format!("worker {worker} is to begin: {shadow:?}")
    })
}

/// A raw pool has no queries, its released workers know that they are, and what the application
/// counts is what it sees.
pub(super) fn check(world: &World) -> Check {
    if !world.config.raw {
        return Ok(());
    }
    let (core, ledger) = (&world.core, &world.ledger);
    for (&worker, shadow) in &ledger.shadows {
        let told = shadow.told_to_end || shadow.left || shadow.killed.is_some();
        ensure(shadow.releasing.is_none() || told, || {
            format!("worker {worker} is released, and does not know")
        })?;
        ensure(core.load(worker) == shadow.added, || {
            format!("worker {worker} has a load of {}, not {}", core.load(worker), shadow.added)
        })?;
        ensure(shadow.begun || !is_live(shadow) || world.config.spares == 0, || {
            format!("worker {worker} is there, and does not know that it may begin")
        })?;
        let is_idle = core.view(worker).is_some_and(|view| view.state == WorkerState::Idle);
        ensure(is_idle == (is_live(shadow) && shadow.added == 0), || {
            format!("worker {worker} is idle {is_idle}, with {}", shadow.added)
        })?;
    }
    let load = |worker: WorkerId| ledger.shadows.get(&worker).map(|shadow| shadow.added);
    let takes =
        |shadow: &&Shadow| is_live(shadow) && shadow.lost.is_none() && shadow.failing.is_none();
    let least = ledger.shadows.values().filter(takes).map(|shadow| shadow.added).min();
    let given = core.acquire().and_then(load);
    ensure(given == least, || format!("who asks for the least loaded gets {given:?}"))
}

/// No worker outlives its grace, and a probe that lives for long enough heals its pool.
pub(super) fn check_punctual(world: &World) -> Check {
    if !world.config.raw {
        return Ok(());
    }
    for (&worker, shadow) in &world.ledger.shadows {
        let grace = world.config.grace;
        // One whose function has ended has a moment in any case.
        let grace = if shadow.left { grace.max(LINK_PATIENCE) } else { grace };
        let ends = [shadow.releasing, shadow.failing].into_iter().flatten().min();
        let grace = if shadow.failing == ends { grace.max(LINK_PATIENCE) } else { grace };
        let over = ends.is_some_and(|at| at + grace <= world.now);
        ensure(!over || shadow.killed.is_some(), || {
            format!("worker {worker} lives beyond its grace")
        })?;
        let proven = is_live(shadow) && is_old(shadow, world);
        let heals = shadow.probe || world.ledger.alarm.rings;
        ensure(!proven || !heals, || format!("worker {worker} lives, and heals nothing"))?;
    }
    Ok(())
}

fn is_old(shadow: &Shadow, world: &World) -> bool {
    shadow.live.is_some_and(|at| at + BACKOFF_CAP <= world.now)
}

/// The pool is said to be healed.
pub(super) fn healed(world: &mut World, worker: WorkerId) -> Check {
    if !world.config.raw {
        return Ok(());
    }
    let rings = world.ledger.alarm.rings;
    let proven =
        |shadow: &Shadow| (shadow.probe || rings) && is_live(shadow) && is_old(shadow, world);
    ensure(world.ledger.shadows.get(&worker).is_some_and(proven), || {
        format!("worker {worker} heals the pool too early, or there was nothing to heal")
    })?;
    if std::mem::take(&mut world.ledger.shadow(worker)?.probe) {
        world.ledger.count.heal();
    }
    Ok(())
}

/// Of those that are ready, the least loaded go first.
pub(super) fn judge_resize(world: &World, before: &Before) -> Check {
    if !world.config.raw {
        return Ok(());
    }
    let live = world.look().live;
    let load = |worker: &WorkerId| world.ledger.shadows.get(worker).map_or(0, |s| s.added);
    let (kept, gone): (Vec<WorkerId>, _) =
        before.live.iter().partition(|worker| live.contains(worker));
    let most = gone.iter().map(load).max();
    let least = kept.iter().map(load).min();
    ensure(most.zip(least).is_none_or(|(gone, kept)| gone <= kept), || {
        format!("{gone:?} are released rather than {kept:?}")
    })
}

/// How a worker ended, for who was speaking with it, and for who looks on.
pub(super) fn judge_end(
    world: &World,
    worker: WorkerId,
    shadow: &Shadow,
    exit: Exit,
    failed: bool,
    told_crashes: usize,
    end: &Result<(), QueryError>,
) -> Check {
    if !world.config.raw {
        return Ok(());
    }
    let well = matches!(exit, Exit::Code(0) | Exit::Unknown);
    let was_dying = shadow.lost.is_some() && !matches!(exit, Exit::Signal(9) | Exit::Unknown);
    let fine = match (&shadow.killed, end) {
        (Some((_, CrashCause::Grace(_))), Ok(())) => shadow.live.is_none(),
        (Some((_, CrashCause::Grace(_))), Err(QueryError::Released)) => {
            shadow.live.is_some() && !failed
        }
        (Some((_, CrashCause::Grace(_))), Err(QueryError::Crashed(_))) => failed,
        (Some((_, CrashCause::Protocol(_))), Err(QueryError::Protocol(_))) => !was_dying,
        (Some((_, CrashCause::Protocol(_))), Err(QueryError::Crashed(_))) => was_dying,
        (Some(_), Err(QueryError::Crashed(_))) => true,
        (None, Ok(())) => (shadow.told_to_end || shadow.left) && well && !failed,
        (None, Err(QueryError::Crashed(_))) => {
            failed || !well || !(shadow.told_to_end || shadow.left)
        }
        _ => false,
    };
    ensure(fine, || format!("worker {worker} is said to have ended with {end:?}: {shadow:?}"))?;
    let crashed = matches!(end, Err(error) if *error != QueryError::Released);
    ensure(told_crashes == usize::from(crashed), || {
        format!("{told_crashes} crashes were told of when worker {worker} ended")
    })?;
    let Err(QueryError::Crashed(report)) = end else { return Ok(()) };
    let of_itself = shadow.killed.is_none() || was_dying;
    let cause = &report.cause;
    ensure(!failed || !of_itself || *cause == CrashCause::Failed(FAILURE.into()), || {
        format!("worker {worker} failed, and is said to have died of {cause:?}")
    })
}
