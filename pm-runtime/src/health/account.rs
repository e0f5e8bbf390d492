//! Where every submitted query is, or how it ended.

use serde_derive::{Deserialize, Serialize};

/// The account of a pool. It always balances:
/// `submitted = completed + failed + cancelled + rejected + waiting + running`.
///
/// | outcome of a call | column |
/// |---|---|
/// | an answer | `completed` |
/// | it ran, and ended in an error: `TimedOut`, `Crashed`, `Panicked`, `Protocol`, `Released`, `Encode` or `TooLarge` (the answer), `Decode` (the arguments) | `failed` |
/// | dropped by its caller, even where it runs on, detached | `cancelled` |
/// | it never began: `TimedOut` (its timeout is zero), `QueueFull`, `QueueTimedOut`, `WorkerGone`, `Quarantined`, `BudgetExhausted`, `Boot`, `Destroyed`, `Encode` or `TooLarge` (the arguments) | `rejected` |
/// | none yet: in the queue, or handed to a worker that has not begun it | `waiting` |
/// | none yet: a worker runs it | `running` |
///
/// A call is submitted when it is first polled; one that is polled again after its end
/// (`Cancelled`), or in a forked process (`Forked`), is in no column. An answer that arrives and then
/// cannot be decoded by its caller is `completed`: the worker did its part. Each run of a
/// [`retry`](crate::Call::retry) is a query of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Account {
    /// Queries that were ever submitted.
    pub submitted: u64,
    /// Queries that were answered.
    pub completed: u64,
    /// Queries that began and ended in an error.
    pub failed: u64,
    /// Queries that their callers dropped.
    pub cancelled: u64,
    /// Queries that never began, because the pool refused them or gave them up.
    pub rejected: u64,
    /// Queries that no worker has begun yet.
    pub waiting: u64,
    /// Queries that a worker runs, with a caller that waits for them.
    pub running: u64,
}

impl Account {
    /// Whether every submitted query is in exactly one column.
    pub fn balances(&self) -> bool {
        self.submitted
            == self.completed
                + self.failed
                + self.cancelled
                + self.rejected
                + self.waiting
                + self.running
    }
}
