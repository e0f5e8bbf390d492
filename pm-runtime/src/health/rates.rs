//! How much happens.

use std::time::Duration;

use serde_derive::{Deserialize, Serialize};

use super::Account;

/// Queries per second, by the columns of the [`Account`], over [`Health::window`].
///
/// [`Health::window`]: crate::Health::window
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Rates {
    /// Queries submitted, per second.
    pub submitted: f64,
    /// Queries answered, per second.
    pub completed: f64,
    /// Queries that began and ended in an error, per second.
    pub failed: f64,
    /// Queries that their callers dropped, per second.
    pub cancelled: f64,
    /// Queries that were refused or given up before they began, per second.
    pub rejected: f64,
}

impl Rates {
    /// What happened between two accounts of one pool.
    pub(crate) fn between(before: &Account, after: &Account, window: Duration) -> Self {
        // The first query of a pool is not a million per second.
        let seconds = window.as_secs_f64().max(1.0);
        let rate = |before: u64, after: u64| after.saturating_sub(before) as f64 / seconds;
        Self {
            submitted: rate(before.submitted, after.submitted),
            completed: rate(before.completed, after.completed),
            failed: rate(before.failed, after.failed),
            cancelled: rate(before.cancelled, after.cancelled),
            rejected: rate(before.rejected, after.rejected),
        }
    }
}
