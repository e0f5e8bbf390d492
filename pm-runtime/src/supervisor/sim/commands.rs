//! What users ask of the whole pool.

use super::super::{Slot, WorkerId};
use super::judge::ensure;
use super::ledger::{Check, Wish};
use super::world::{Event, World};
use super::{raw, spares};

impl World {
    /// A random command.
    pub(super) fn command_any(&mut self) -> Check {
        let some = self.rng.below(6);
        let workers: Vec<WorkerId> = self.core.slots.iter().map(|slot| slot.id).collect();
        let open = self.is_open();
        match self.rng.below(46) {
            0..=7 => {
                if open {
                    self.ledger.cap = self.ledger.cap.max(some);
                }
                self.command(Event::Other, Wish::Ready(some), |core, now| core.spawn(some, now))
            }
            8..=12 => {
                if workers.len() < 8 {
                    self.ledger.cap = self.ledger.cap.max(self.core.target + 1);
                    self.spawn_one()?;
                }
                Ok(())
            }
            13..=15 => {
                self.command(Event::Lowered, Wish::Gone(workers), |core, now| core.unspawn(now))
            }
            16..=20 => match self.rng.pick(&workers) {
                Some(worker) => {
                    self.command(Event::Lowered, Wish::Gone(vec![worker]), |core, now| {
                        core.unspawn_one(worker, now)
                    })
                }
                None => Ok(()),
            },
            21..=25 => {
                if open {
                    self.ledger.cap = some;
                }
                let before = self.look();
                let rolls = self.core.rolling.is_some() || self.core.slots.iter().any(|s| s.worn);
                self.command(Event::Lowered, Wish::Ready(some), |core, now| {
                    core.resize(some, now)
                })?;
                // What is to be replaced goes first.
                if rolls { Ok(()) } else { raw::judge_resize(self, &before) }
            }
            26..=28 => self.respawn_any_one(&workers),
            29..=35 => {
                let size = self.rng.one_in(3).then_some(some);
                let event = if size.is_some() { Event::Lowered } else { Event::Other };
                let staying = self.core.slots.iter().filter(|slot| slot.is_staying());
                let old = staying.map(|slot| slot.id).collect();
                self.ledger.cap = self.ledger.cap.max(size.unwrap_or(0));
                let spares = if open { spares::here(self) } else { Vec::new() };
                let wish = Wish::Replaced { old, from: self.core.next_worker };
                self.command(event, wish, |core, now| core.respawn(size, now))?;
                spares::check_gone(self, &spares)
            }
            36..=38 => {
                let waiters: Vec<_> = self.ledger.waiters.keys().copied().collect();
                if let Some(waiter) = self.rng.pick(&waiters) {
                    self.ledger.waiters.remove(&waiter);
                    self.core.stop_waiting(waiter);
                }
                Ok(())
            }
            39..=41 => self.rehouse(),
            42..=43 => self.forgive(),
            _ if self.rng.one_in(2) => self.destroy(),
            _ => Ok(()),
        }
    }

    fn respawn_any_one(&mut self, workers: &[WorkerId]) -> Check {
        let Some(worker) = self.rng.pick(workers) else { return Ok(()) };
        let is_open = self.is_open();
        let goes = |slot: &Slot| is_open && (slot.is_staying() || slot.spare);
        let goes = self.core.slot(worker).is_some_and(goes);
        let old = if goes { vec![worker] } else { Vec::new() };
        let wish = Wish::Replaced { old, from: self.core.next_worker };
        let mut to_go = self.of_respawn();
        self.command(Event::Other, wish, |core, now| core.respawn_one(worker, now))?;
        to_go.push(worker);
        let stay = self.of_respawn().iter().all(|old| to_go.contains(old));
        ensure(stay, || format!("others go with {worker}: {:?}", self.of_respawn()))
    }

    /// Those that a rolling respawn is to replace.
    fn of_respawn(&self) -> Vec<WorkerId> {
        self.core.rolling.as_ref().map_or_else(Vec::new, |rolling| rolling.old.clone())
    }

    pub(super) fn destroy(&mut self) -> Check {
        let now = self.now;
        self.ledger.destroyed.get_or_insert(now);
        self.command(Event::Lowered, Wish::Destroyed, |core, now| core.destroy(now))
    }
}
