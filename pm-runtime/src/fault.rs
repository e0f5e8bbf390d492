//! Faults on purpose: what tests inject into workers and links to see that nothing is lost.
//!
//! A worker gets its faults with the handshake, and injects them itself.

use std::sync::Mutex;
use std::time::Duration;

use serde_derive::{Deserialize, Serialize};

use crate::sync::lock;

/// The faults of a pool's workers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Faults {
    seed: u64,
    list: Vec<Fault>,
}

/// A fault, and when it strikes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    kind: FaultKind,
    when: When,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FaultKind {
    /// The worker is killed when it has a query and has not begun it.
    KillBefore,
    /// It is killed when it has begun a query.
    KillDuring,
    /// It is killed when it has sent an answer.
    KillAfter,
    /// It begins a query and never ends it.
    Hang,
    /// It stops (SIGSTOP) when it has a query and has not begun it.
    StopBefore,
    /// It takes this much longer to be ready.
    SlowBoot(Duration),
    /// It ends before it is ready.
    ExitAtBoot(i32),
    /// The same, in the worker of this number and all later ones.
    ExitAtBootFrom(u64),
    /// One bit of a frame that it sends is another.
    Corrupt,
    /// A frame that it sends is cut short, and the link ends there.
    Truncate,
    /// A frame is sent twice.
    Duplicate,
    /// The link ends instead of a frame.
    DropLink,
    /// Bytes that are no frame are sent instead of one.
    Garbage,
    /// It is killed while it tells of something, after so many steps: bytes of a frame, or stores
    /// into shared memory.
    KillTelling(u64),
    /// It is killed while it waits for the rest of a request, for the time of this number.
    KillReceiving(u64),
}

/// When a fault strikes, among its occasions in one worker.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum When {
    /// Only at this occasion, counted from 1.
    At(u64),
    /// The same, and only in the worker of this number.
    In {
        /// The worker.
        worker: u64,
        /// The occasion.
        at: u64,
    },
    /// With this probability at each.
    Chance(f64),
}

impl FaultKind {
    /// It strikes where a worker has a query and has not begun it.
    pub(crate) fn is_before(self) -> bool {
        matches!(self, Self::KillBefore | Self::StopBefore)
    }

    /// It strikes what a worker says.
    pub(crate) fn is_of_link(self) -> bool {
        matches!(
            self,
            Self::Corrupt
                | Self::Truncate
                | Self::Duplicate
                | Self::DropLink
                | Self::Garbage
                | Self::KillTelling(_)
        )
    }
}

impl Faults {
    /// None, with the seed of those that strike by chance.
    pub fn seeded(seed: u64) -> Self {
        Self { seed, list: Vec::new() }
    }

    /// Adds a fault.
    pub fn with(mut self, kind: FaultKind, when: When) -> Self {
        self.list.push(Fault { kind, when });
        self
    }
}

/// When a worker is killed that is at something: after so many more steps, if at all.
pub(crate) struct Doom(Option<u64>);

impl Doom {
    pub(crate) const NONE: Self = Self(None);

    /// It is killed after so many steps.
    pub(crate) fn after(steps: u64) -> Self {
        Self(Some(steps))
    }

    /// A step is done. `true`: it is killed now.
    pub(crate) fn has_come(&mut self) -> bool {
        match &mut self.0 {
            None => false,
            Some(0) => true,
            Some(left) => {
                *left -= 1;
                false
            }
        }
    }
}

/// The faults of one worker, as its threads come upon occasions for them. As a rule there are none.
pub(crate) struct Injection(Option<Mutex<Injector>>);

impl Injection {
    pub(crate) fn new(faults: Faults, worker: u64) -> Self {
        let some = !faults.list.is_empty();
        Self(some.then(|| Mutex::new(Injector::new(faults, worker))))
    }

    /// An occasion for faults that `which` selects: the first of them that strikes.
    pub(crate) fn strikes(&self, which: impl Fn(FaultKind) -> bool) -> Option<FaultKind> {
        self.0.as_ref().and_then(|injector| lock(injector).strikes(which))
    }
}

/// The faults of one worker, with its dice and counters.
struct Injector {
    faults: Vec<(Fault, u64)>,
    dice: u64,
    worker: u64,
}

impl Injector {
    fn new(faults: Faults, worker: u64) -> Self {
        let mut dice = faults.seed ^ worker.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        // xorshift must not start at zero.
        dice |= 1;
        Self { faults: faults.list.into_iter().map(|fault| (fault, 0)).collect(), dice, worker }
    }

    fn strikes(&mut self, which: impl Fn(FaultKind) -> bool) -> Option<FaultKind> {
        let Self { faults, dice, worker } = self;
        let mut struck = None;
        for (fault, occasions) in faults.iter_mut().filter(|(fault, _)| which(fault.kind)) {
            *occasions += 1;
            let strikes = match fault.when {
                When::At(occasion) => *occasions == occasion,
                When::In { worker: which, at } => *worker == which && *occasions == at,
                When::Chance(chance) => {
                    *dice ^= *dice << 13;
                    *dice ^= *dice >> 7;
                    *dice ^= *dice << 17;
                    ((*dice >> 11) as f64 / (1u64 << 53) as f64) < chance
                }
            };
            if strikes && struck.is_none() {
                struck = Some(fault.kind);
            }
        }
        struck
    }
}
