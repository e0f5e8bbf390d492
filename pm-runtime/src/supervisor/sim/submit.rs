//! Random histories: what queries they have.

use std::time::Duration;

use super::super::{Route, WorkerId};
use super::ledger::{Check, Fact};
use super::world::World;
use crate::conduct::Conduct;

/// Mostly what can be dropped, because most can go wrong with that.
const CONDUCTS: &[Conduct] =
    &[Conduct::Blocking, Conduct::Async, Conduct::Async, Conduct::Exclusive];
const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

impl World {
    /// A query, unless there are too many.
    pub(super) fn submit_any(&mut self) -> Check {
        if self.ledger.open.len() > self.crowd {
            return Ok(());
        }
        let fact = self.any_fact();
        self.submit(fact)
    }

    /// A query as somebody may submit it.
    pub(super) fn any_fact(&mut self) -> Fact {
        let route = self.route_any();
        let rng = &mut self.rng;
        let mut limit = |none: usize, max: Duration| {
            let limit = rng.duration(max);
            (!rng.one_in(none)).then_some(limit)
        };
        let timeout = limit(6, 4 * SECOND);
        // Some share theirs, so that several overrun at once.
        let timeout = timeout.map(|limit| if limit < 2 * SECOND { 500 * MS } else { limit });
        let queue_timeout = limit(2, 6 * SECOND);
        let conduct = rng.pick(CONDUCTS).unwrap_or(Conduct::Blocking);
        let opens = conduct == Conduct::Async && rng.one_in(2);
        const SIZES: [usize; 6] = [0, 10, 100, 1000, 10, 100];
        let bytes = rng.pick(&[0, 1, 2, 3, 4, 5]).filter(|_| !rng.one_in(2));
        Fact {
            key: None,
            size: match bytes {
                Some(bytes) => SIZES[usize::from(bytes)],
                None => rng.pick(&SIZES).unwrap_or(0),
            },
            timeout,
            queue_timeout,
            submitted: self.now,
            since: self.now,
            immediate: rng.one_in(6),
            route,
            conduct,
            replay: false,
            retries: rng.pick(&[0, 0, 1, 2, 5]).unwrap_or(0),
            bytes,
            runs: 0,
            crashed: None,
            stubborn: rng.one_in(4),
            cancelled: false,
            opens,
            is_open: false,
            is_in_time: false,
            unwanted: false,
            outcome: None,
            begun_in: None,
            told: None,
            waited: None,
            over: None,
        }
    }

    /// Mostly any worker; in a history in its own mix of the rest.
    fn route_any(&mut self) -> Route {
        if !self.rng.one_in(self.plain) {
            return Route::Any;
        }
        match self.rng.below(4) {
            0 => Route::Temporary,
            1 => Route::Key(self.rng.below(5) as u64),
            _ => {
                let workers: Vec<WorkerId> = self.core.slots.iter().map(|slot| slot.id).collect();
                // Now and then one that is gone, or never was.
                let some = self.rng.below(9) as WorkerId;
                Route::Worker(self.rng.pick(&workers).filter(|_| some > 0).unwrap_or(some))
            }
        }
    }
}
