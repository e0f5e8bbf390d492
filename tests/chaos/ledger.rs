//! What the callers of a pool count, so that it can be held against what the pool counts.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use pm_runtime::{Account, QueryError, StreamError};

use crate::wrong;

/// The counts of one pool's callers.
#[derive(Default)]
pub struct Ledger {
    submitted: AtomicU64,
    ended: Mutex<Ended>,
}

/// How calls ended, as their callers saw it.
#[derive(Default, Clone)]
struct Ended {
    completed: u64,
    failed: u64,
    rejected: u64,
    /// Dropped by their callers, who cannot know how far they were.
    dropped: u64,
    /// Answers of liars that were none: the worker may have said so, or their callers found out.
    unclear: u64,
    /// Errors by name.
    errors: BTreeMap<&'static str, u64>,
    /// Messages of streams and raw workers that came.
    messages: u64,
}

impl Ledger {
    /// A call is polled for the first time.
    pub fn submit(&self) {
        self.submitted.fetch_add(1, Ordering::Relaxed);
    }

    pub fn complete(&self) {
        self.ended().completed += 1;
    }

    pub fn drop_call(&self) {
        self.ended().dropped += 1;
    }

    pub fn hear(&self, messages: u64) {
        self.ended().messages += messages;
    }

    /// A call ended in an error.
    pub fn fail(&self, error: &QueryError) {
        let name = name_of(error);
        let mut ended = self.ended();
        *ended.errors.entry(name).or_default() += 1;
        match error {
            QueryError::QueueFull
            | QueryError::QueueTimedOut { .. }
            | QueryError::WorkerGone
            | QueryError::Boot(_)
            | QueryError::BudgetExhausted { .. }
            | QueryError::Destroyed => ended.rejected += 1,
            _ => ended.failed += 1,
        }
    }

    /// An error that a pool counts as an answer, or as an error.
    pub fn either(&self, name: &'static str) {
        self.ended().unclear += 1;
        self.note(name);
    }

    /// An error that is in no account, as those of raw workers are.
    pub fn note(&self, name: &'static str) {
        *self.ended().errors.entry(name).or_default() += 1;
    }

    fn ended(&self) -> std::sync::MutexGuard<'_, Ended> {
        self.ended.lock().expect("nobody panics with it")
    }

    /// Whether the pool has counted what its callers have. Of a call that was dropped nobody but the
    /// pool knows whether it had ended by then.
    pub fn agree_with(&self, pool: &str, account: Account) {
        let submitted = self.submitted.load(Ordering::Relaxed);
        let Ended { completed, failed, rejected, dropped, unclear, .. } = self.ended().clone();
        let unknown = dropped + unclear;
        let more = |theirs: u64, ours: u64| theirs.checked_sub(ours);
        let spread = [
            more(account.completed, completed),
            more(account.failed, failed),
            more(account.rejected, rejected),
            Some(account.cancelled),
        ];
        let agree = account.balances()
            && account.waiting + account.running == 0
            && account.submitted == submitted
            && submitted == completed + failed + rejected + unknown
            && spread.iter().copied().sum::<Option<u64>>() == Some(unknown);
        if !agree {
            wrong(format!(
                "{pool}: its callers counted {submitted} = {completed} completed + {failed} failed + \
                 {rejected} rejected + {dropped} dropped + {unclear} unclear, and the pool {account:?}"
            ));
        }
    }

    /// Answers that came, and messages.
    pub fn answers(&self) -> (u64, u64) {
        let ended = self.ended();
        (ended.completed, ended.messages)
    }

    pub fn calls(&self) -> u64 {
        self.submitted.load(Ordering::Relaxed)
    }

    pub fn dropped(&self) -> u64 {
        self.ended().dropped
    }

    /// Errors by name.
    pub fn errors(&self) -> Vec<(&'static str, u64)> {
        self.ended().errors.iter().map(|(name, count)| (*name, *count)).collect()
    }
}

/// The name of an error in the table.
pub fn name_of(error: &QueryError) -> &'static str {
    match error {
        QueryError::TimedOut { .. } => "timed out",
        QueryError::QueueTimedOut { .. } => "queue timed out",
        QueryError::QueueFull => "queue full",
        QueryError::Cancelled => "cancelled",
        QueryError::Crashed(_) => "crashed",
        QueryError::Panicked(_) => "panicked",
        QueryError::Quarantined { .. } => "quarantined",
        QueryError::BudgetExhausted { .. } => "budget exhausted",
        QueryError::Released => "released",
        QueryError::WorkerGone => "worker gone",
        QueryError::TooLarge { .. } => "too large",
        QueryError::Encode(_) => "encode",
        QueryError::Decode(_) => "decode",
        QueryError::Protocol(_) => "protocol",
        QueryError::Boot(_) => "boot",
        QueryError::Forked => "forked",
        QueryError::Destroyed => "destroyed",
        _ => "of a new kind",
    }
}

/// What a stream's end is among the ends of queries, as its account has it; `None`: it is none.
pub fn query_error<E>(error: StreamError<E>) -> Option<QueryError> {
    Some(match error {
        StreamError::TimedOut { after, worker, debug } => {
            QueryError::TimedOut { after, worker, debug }
        }
        StreamError::QueueTimedOut { after } => QueryError::QueueTimedOut { after },
        StreamError::QueueFull => QueryError::QueueFull,
        StreamError::Crashed(report) => QueryError::Crashed(report),
        StreamError::Panicked(report) => QueryError::Panicked(report),
        StreamError::Quarantined { crashes } => QueryError::Quarantined { crashes },
        StreamError::BudgetExhausted { crashes, window, last } => {
            QueryError::BudgetExhausted { crashes, window, last }
        }
        StreamError::Released => QueryError::Released,
        StreamError::WorkerGone => QueryError::WorkerGone,
        StreamError::TooLarge { size, limit } => QueryError::TooLarge { size, limit },
        StreamError::Encode(error) => QueryError::Encode(error),
        StreamError::Decode(error) => QueryError::Decode(error),
        StreamError::Protocol(report) => QueryError::Protocol(report),
        StreamError::Boot(error) => QueryError::Boot(error),
        StreamError::Forked => QueryError::Forked,
        StreamError::Destroyed => QueryError::Destroyed,
        _ => return None,
    })
}
