//! What the oracle has to say of workers beyond the pool's size.

use super::super::{Slot, WorkerId};
use super::judge::ensure;
use super::ledger::Check;
use super::world::World;

/// Takes note of spares that have taken a place.
pub(super) fn enlist(world: &mut World) {
    for slot in world.core.slots.iter().filter(|slot| !slot.spare) {
        let Some(shadow) = world.ledger.shadows.get_mut(&slot.id).filter(|shadow| shadow.spare)
        else {
            continue;
        };
        shadow.spare = false;
        shadow.temporary = slot.temporary;
        shadow.progress = world.now;
        shadow.moved = world.now;
        if world.config.raw && shadow.ready {
            shadow.live = Some(world.now);
        }
        world.ledger.launched += usize::from(!slot.temporary);
    }
}

fn is_here(slot: &&Slot) -> bool {
    slot.spare && (slot.is_starting() || slot.is_ready())
}

/// There are no more spares than there are to be, none while the pool is not in use or one of its size
/// is missing, and they have nothing to do.
pub(super) fn check(world: &World) -> Check {
    let core = &world.core;
    let spares: Vec<&Slot> = core.slots.iter().filter(is_here).collect();
    let most = world.config.spares;
    ensure(spares.len() <= most, || format!("{} spares, of {most}", spares.len()))?;
    let Some(spare) = spares.iter().find(|spare| spare.lost.is_none()) else { return Ok(()) };
    ensure(spare.load() == 0 || spare.is_starting(), || format!("spare {} has a load", spare.id))?;
    if !world.is_open() {
        return Ok(());
    }
    ensure(core.target > 0, || format!("spare {} is there for nobody", spare.id))?;
    ensure(core.missing() == 0, || {
        format!("{} workers are missing, and {} is a spare", core.missing(), spare.id)
    })
}

/// Those that are ready, or may be.
pub(super) fn here(world: &World) -> Vec<WorkerId> {
    world.core.slots.iter().filter(is_here).map(|slot| slot.id).collect()
}

/// Every worker was to be replaced: none of these may take a place any more.
pub(super) fn check_gone(world: &World, spares: &[WorkerId]) -> Check {
    let stays = |slot: &&Slot| slot.is_starting() || slot.is_ready();
    let old = world.core.slots.iter().filter(stays).find(|slot| spares.contains(&slot.id));
    ensure(old.is_none(), || {
        format!("spare {:?} is as old as what was replaced", old.map(|s| s.id))
    })
}

/// Spares are started as soon as they may be.
pub(super) fn check_punctual(world: &World) -> Check {
    let (core, count) = (&world.core, &world.ledger.count);
    let starting = core.slots.iter().filter(|slot| slot.is_starting()).count();
    let allowed = starting < world.config.boots_at_once
        && !count.is_spent(&world.config, world.now)
        && core.budget.not_before().is_none_or(|at| at <= world.now);
    let here = core.slots.iter().filter(is_here).count();
    let missing = world.config.spares > here && world.is_open() && core.target > 0;
    ensure(!missing || !allowed, || format!("only {here} spares, and none is started"))
}
