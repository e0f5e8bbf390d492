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
    fn to_wire(self) -> u8 {
        match self {
            Self::Blocking => 0,
            Self::Async => 1,
            Self::Exclusive => 2,
        }
    }

    fn from_wire(number: u8) -> Self {
        match number {
            1 => Self::Async,
            2 => Self::Exclusive,
            _ => Self::Blocking,
        }
    }
}

/// On what terms a worker runs a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) conduct: Conduct,
    /// Nothing runs beside it, whatever its conduct allows: somebody wants to know what it does.
    pub(crate) alone: bool,
    /// Which of its runs this is, from 1.
    pub(crate) attempt: u16,
    /// Somebody in the application follows it with `tracing`.
    pub(crate) traced: bool,
}

impl Terms {
    /// Those of a first run.
    pub(crate) fn usual(conduct: Conduct) -> Self {
        Self { conduct, alone: false, attempt: 1, traced: false }
    }

    /// They are what its bytes alone tell.
    pub(crate) fn is_usual(self) -> bool {
        self == Self::usual(self.conduct)
    }

    /// Whether nothing may run beside it.
    pub(crate) fn is_alone(self) -> bool {
        self.alone || self.conduct == Conduct::Exclusive
    }

    pub(crate) fn to_wire(self) -> u32 {
        let flags = u32::from(self.alone) << 8 | u32::from(self.traced) << 9;
        u32::from(self.conduct.to_wire()) | flags | u32::from(self.attempt) << 16
    }

    pub(crate) fn from_wire(number: u32) -> Self {
        Self {
            conduct: Conduct::from_wire(number as u8),
            alone: number & 1 << 8 != 0,
            traced: number & 1 << 9 != 0,
            attempt: (number >> 16) as u16,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_travel() {
        for conduct in [Conduct::Blocking, Conduct::Async, Conduct::Exclusive] {
            for (alone, attempt) in [(false, 1), (true, 1), (true, 7), (false, u16::MAX)] {
                for traced in [false, true] {
                    let terms = Terms { conduct, alone, attempt, traced };
                    assert_eq!(Terms::from_wire(terms.to_wire()), terms);
                }
            }
        }
    }
}
