//! Workers grow old and heavy, and what the oracle has to say of their replacement.

use std::time::Duration;

use super::super::WorkerId;
use super::super::recycle::WEIGHING;
use super::super::slot::Phase;
use super::judge::ensure;
use super::ledger::{Check, Shadow};
use super::world::{Event, World};

/// Bytes that a worker may hold, where there is a limit.
pub(super) const LIMIT: u64 = 100;

impl Shadow {
    /// It has ended something, which `more`: was not counted before. What it hears before it is ready
    /// does not count.
    pub(super) fn note_wear(&mut self, more: bool) {
        if self.ready {
            self.wear.used += u64::from(more);
            self.wear.stale = true;
            self.wear.recent += 1;
        }
    }
}

impl World {
    /// The system says how much one of those holds that were asked for.
    pub(super) fn weigh_any(&mut self) -> Check {
        if self.weighings.is_empty() {
            return Ok(());
        }
        let index = self.rng.below(self.weighings.len());
        let worker = self.weighings.swap_remove(index);
        let rss = self.rng.pick(&[Some(LIMIT / 2), Some(LIMIT), Some(LIMIT + 1), Some(200), None]);
        let rss = rss.flatten();
        self.say(|| format!("worker {worker} holds {rss:?}"));
        let before = self.look();
        let raw = self.config.raw;
        if let Some(shadow) = self.ledger.shadows.get_mut(&worker) {
            let heavy = rss.is_some_and(|rss| rss > LIMIT);
            let wear = &mut shadow.wear;
            wear.exempt |= rss.is_none();
            wear.too_heavy |=
                heavy && !wear.exempt && (wear.heavy || (shadow.held.is_empty() && !raw));
            wear.heavy = heavy;
        }
        self.core.weighed(worker, rss, self.now);
        self.react(Event::Other, &before)
    }

    pub(super) fn weigh_newborn(&mut self, worker: WorkerId) -> Check {
        if self.config.max_memory.is_some() {
            let rss = self.rng.pick(&[Some(10), Some(LIMIT), Some(LIMIT), Some(LIMIT + 1), None]);
            let rss = rss.flatten();
            self.ledger.shadow(worker)?.wear.exempt = rss.is_none_or(|rss| rss > LIMIT);
            self.core.weigh_newborn(worker, rss);
        }
        Ok(())
    }

    /// Nobody is to be replaced for these any more.
    pub(super) fn forget_wear(&mut self) {
        for slot in self.core.slots.iter().filter(|slot| slot.worn) {
            if let Some(shadow) = self.ledger.shadows.get_mut(&slot.id) {
                shadow.wear.before = true;
            }
        }
        // Who is worn out by then is replaced all the same.
        let age = self.config.recycles().then_some(Duration::from_secs(365 * 24 * 3600));
        for config in [&mut self.core.config, &mut self.config] {
            config.max_age = age;
            config.max_memory = None;
        }
    }
}

/// The policy wants to know how much a worker holds.
pub(super) fn weigh(world: &mut World, worker: WorkerId) -> Check {
    let (now, raw, option) = (world.now, world.config.raw, world.config.max_memory);
    let facts = &world.ledger.facts;
    let Some(shadow) = world.ledger.shadows.get_mut(&worker) else {
        return Err(format!("worker {worker} is to be weighed, and is no more"));
    };
    ensure(option.is_some() && !shadow.wear.exempt, || {
        format!("worker {worker} is weighed for nothing")
    })?;
    let soon = shadow.wear.asked.is_some_and(|asked| now < asked + WEIGHING);
    ensure(!soon, || format!("worker {worker} is weighed again and again"))?;
    let streams = shadow.held.iter().any(|&id| facts[id].is_open);
    ensure(shadow.wear.stale || streams || raw, || {
        format!("worker {worker} has done nothing, and is weighed")
    })?;
    shadow.wear.asked = Some(now);
    // It is asked for at the first end.
    shadow.wear.stale = shadow.wear.recent > 1;
    world.weighings.push(worker);
    Ok(())
}

/// A worker is said to be replaced.
pub(super) fn recycled(world: &mut World, worker: WorkerId, event: Event) -> Check {
    let phase = world.core.slot(worker).map(|slot| slot.phase.clone());
    let shadow = world.ledger.shadow(worker)?;
    shadow.evicted = true;
    if event == Event::Spoiled(worker) {
        return Ok(());
    }
    let hurries = matches!(phase, Some(Phase::Releasing { deadline: Some(_), .. }));
    ensure(!hurries || shadow.held.is_empty(), || {
        format!("worker {worker} is replaced, and may not end what it runs")
    })?;
    let shadow = &world.ledger.shadows[&worker];
    ensure(is_worn(shadow, world), || format!("worker {worker} is replaced for nothing"))
}

/// Who is worn out is known to be, nobody else is, and goes as soon as it may. Those that were ready
/// together do not grow old together.
pub(super) fn check(world: &World) -> Check {
    let core = &world.core;
    if !world.config.recycles() {
        return Ok(());
    }
    let ready = core.slots.iter().filter(|slot| slot.is_live()).count();
    for slot in core.slots.iter().filter(|slot| slot.is_live()) {
        let Some(shadow) = world.ledger.shadows.get(&slot.id) else { continue };
        ensure(!slot.worn || is_worn(shadow, world), || {
            format!("worker {} is to be replaced for nothing: {shadow:?}", slot.id)
        })?;
        ensure(!slot.worn || !world.is_open() || ready <= core.target, || {
            format!("worker {} has its replacement, and stays", slot.id)
        })?;
        let twin = |other: &&super::super::Slot| {
            other.id != slot.id && other.is_live() && other.live == slot.live
        };
        let in_step = core
            .slots
            .iter()
            .filter(twin)
            .find(|twin| core.old_at(twin).is_some() && core.old_at(twin) == core.old_at(slot));
        ensure(in_step.is_none(), || format!("worker {} grows old with another", slot.id))?;
    }
    Ok(())
}

/// Nobody serves for longer than it should without anything being done about it.
pub(super) fn check_punctual(world: &World) -> Check {
    if !world.is_open() {
        return Ok(());
    }
    for slot in world.core.slots.iter().filter(|slot| slot.is_live() && !slot.worn) {
        let Some(shadow) = world.ledger.shadows.get(&slot.id) else { continue };
        let wear = &shadow.wear;
        let used = world.config.max_queries.is_some_and(|most| wear.used >= most);
        let old =
            world.config.max_age.zip(shadow.live).is_some_and(|(age, at)| at + age <= world.now);
        ensure(!used && !old && !wear.too_heavy, || {
            format!("worker {} is worn out, and nobody knows: {shadow:?}", slot.id)
        })?;
        let asked = wear.asked.is_some_and(|asked| world.now < asked + WEIGHING);
        let weighs = world.config.max_memory.is_some() && wear.stale && !wear.exempt;
        ensure(!weighs || asked, || format!("nobody asks what worker {} holds", slot.id))?;
    }
    Ok(())
}

fn is_worn(shadow: &Shadow, world: &World) -> bool {
    let config = &world.config;
    let used = config.max_queries.is_some_and(|most| shadow.wear.used >= most);
    let old = config.max_age.zip(shadow.live);
    let old = old.is_some_and(|(age, at)| at + (age - age / 4) <= world.now);
    used || old || shadow.wear.too_heavy || shadow.wear.before
}
