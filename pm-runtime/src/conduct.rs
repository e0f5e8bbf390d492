//! How queries behave in a worker.

/// What may be done with a query while it runs, and what may run beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conduct {
    /// It keeps its thread until it ends: only with its worker can it be stopped.
    Blocking,
    /// It awaits: others run meanwhile, and it can be dropped.
    Async,
    /// It changes the worker's state: it runs alone, and is never dropped half-way; when it
    /// panics, nobody knows what the state is worth.
    Exclusive,
}

impl Conduct {
    pub(crate) fn to_wire(self) -> u8 {
        match self {
            Self::Blocking => 0,
            Self::Async => 1,
            Self::Exclusive => 2,
        }
    }

    pub(crate) fn from_wire(number: u8) -> Self {
        match number {
            1 => Self::Async,
            2 => Self::Exclusive,
            _ => Self::Blocking,
        }
    }
}
