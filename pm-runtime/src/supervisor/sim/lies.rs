//! Workers that break the protocol.

use super::super::WorkerId;
use super::super::slot::{Gate, Phase};
use super::super::{End, Place, QueryKey};
use super::ledger::Check;
use super::worker::{FakeWorker, Lie, Up};
use super::world::World;

impl World {
    /// Somebody lies, about anything.
    pub(super) fn lie_any(&mut self) -> Check {
        const LIES: &[Lie] = &[
            Lie::Garbage,
            Lie::BegunStranger,
            Lie::EndedStranger,
            Lie::EndedStranger,
            Lie::ReturnedStranger,
            Lie::DroppedStranger,
            Lie::OpenedStranger,
            Lie::OverStranger,
            Lie::OverTooEarly,
            Lie::EndedTooEarly,
            Lie::ReadyAgain,
            Lie::GatedUnasked,
        ];
        const RAW_LIES: &[Lie] = &[
            Lie::Garbage,
            Lie::BegunStranger,
            Lie::EndedStranger,
            Lie::OpenedStranger,
            Lie::ReadyAgain,
            Lie::GatedUnasked,
            Lie::LeftTooEarly,
            Lie::LeftTooEarly,
        ];
        let lies = if self.config.raw { RAW_LIES } else { LIES };
        let lie = self.rng.pick(lies).unwrap_or(Lie::Garbage);
        if let Some(worker) = self.any(FakeWorker::is_well) {
            self.with(worker, |fake| fake.up.push_back(Up::Lie(lie)));
        }
        Ok(())
    }
}

/// A lie arrives: it must not be believed, and costs the liar its life.
pub(super) fn hear(world: &mut World, worker: WorkerId, lie: Lie) -> Check {
    let now = world.now;
    let Some(slot) = world.core.slot(worker) else {
        return Ok(());
    };
    let dying = slot.is_dying();
    let live = slot.phase == Phase::Live;
    let starts = slot.is_starting();
    let gate_is_open = slot.gate == Gate::Open;
    let stranger = stranger(world, worker);
    let unbegun = world.core.slot(worker).and_then(|slot| slot.handed.front().copied());
    let is_open = |key: &QueryKey| world.core.is_stream(*key);
    let unopened = world
        .core
        .slot(worker)
        .and_then(|slot| slot.begun.iter().copied().find(|key| !is_open(key)));
    world.ledger.shadow(worker)?.lied = true;
    let core = &mut world.core;
    let believed = match lie {
        Lie::BegunStranger => core.begun(worker, stranger, now).is_ok(),
        Lie::EndedStranger => core.ended(worker, stranger, End::Answered, now).is_ok(),
        Lie::ReturnedStranger => core.returned(worker, stranger, now).is_ok(),
        Lie::DroppedStranger => core.dropped(worker, stranger, now).is_ok(),
        Lie::OpenedStranger => core.opened(worker, stranger, now).is_ok(),
        Lie::OverStranger => core.closed(worker, stranger, now).is_ok(),
        Lie::OverTooEarly => unopened.is_some_and(|key| core.closed(worker, key, now).is_ok()),
        Lie::EndedTooEarly => {
            unbegun.is_some_and(|key| core.ended(worker, key, End::Answered, now).is_ok())
        }
        Lie::ReadyAgain if live => core.ready(worker, now).is_ok(),
        Lie::GatedUnasked if gate_is_open && !dying => core.gated(worker, &[], now).is_ok(),
        Lie::LeftTooEarly if starts => core.leave(worker, now).is_ok(),
        Lie::LeftTooEarly | Lie::ReadyAgain | Lie::GatedUnasked | Lie::Garbage => false,
    };
    if believed {
        return Err(format!("worker {worker} lied ({lie:?}), and was believed"));
    }
    core.violated(worker, "it lied", now);
    Ok(())
}

/// A query that the worker does not have: another one's, one that waits, or none at all.
fn stranger(world: &mut World, worker: WorkerId) -> QueryKey {
    let elsewhere = |key: &QueryKey| match world.core.queries.get(*key).map(|query| query.place) {
        Some(Place::Handed { worker: at, .. } | Place::Begun { worker: at, .. }) => at != worker,
        Some(Place::Waiting | Place::Paused { .. }) | None => true,
    };
    let open = world.ledger.open.iter().filter_map(|&id| world.ledger.facts[id].key);
    let keys: Vec<QueryKey> = open.filter(elsewhere).collect();
    let forged = QueryKey::from_wire(world.rng.next());
    world.rng.pick(&keys).unwrap_or(forged)
}
