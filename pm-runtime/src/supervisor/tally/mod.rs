//! What is counted of queries: each change moves one query from one column of the account to
//! another, so that it balances after each, and leaves its traces in the rates and latencies.

mod histogram;
#[cfg(feature = "metrics")]
mod times;
#[cfg(not(feature = "metrics"))]
#[path = "no_times.rs"]
mod times;
mod window;

use std::time::{Duration, Instant};

#[cfg(test)]
pub(super) use window::{KEPT, LENGTH};

use crate::health::{Account, Latencies, Rates};
#[cfg(feature = "metrics")]
pub(crate) use times::Times;
#[cfg(not(feature = "metrics"))]
use times::Times;
use window::Window;

pub(super) struct Tally {
    account: Account,
    window: Window,
    times: Times,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self { account: Account::default(), window: Window::new(), times: Times::default() }
    }

    /// A query came, and waits.
    pub(super) fn submit(&mut self, now: Instant) {
        let account = self.account_at(now);
        account.submitted += 1;
        account.waiting += 1;
    }

    /// A query came, and was not let in.
    pub(super) fn refuse(&mut self, now: Instant) {
        let account = self.account_at(now);
        account.submitted += 1;
        account.rejected += 1;
    }

    /// One that waited will never begin.
    pub(super) fn reject(&mut self, now: Instant) {
        let account = self.account_at(now);
        account.waiting -= 1;
        account.rejected += 1;
    }

    /// One that waited began, so long after it was submitted.
    pub(super) fn begin(&mut self, waited: Duration, now: Instant) {
        let account = self.account_at(now);
        account.waiting -= 1;
        account.running += 1;
        self.window.begun(waited);
        self.times.begun(waited);
    }

    /// One that waited began after so long, ran for so long, and was answered.
    pub(super) fn run(&mut self, waited: Duration, ran: Duration, now: Instant) {
        let account = self.account_at(now);
        account.waiting -= 1;
        account.completed += 1;
        self.window.ran(waited, ran);
        self.times.begun(waited);
        self.times.ended(ran);
    }

    /// One that ran for so long was answered.
    pub(super) fn complete(&mut self, ran: Duration, now: Instant) {
        let account = self.account_at(now);
        account.running -= 1;
        account.completed += 1;
        self.window.ended(ran);
        self.times.ended(ran);
    }

    /// One that ran for so long ended in an error.
    pub(super) fn fail(&mut self, ran: Duration, now: Instant) {
        let account = self.account_at(now);
        account.running -= 1;
        account.failed += 1;
        self.window.ended(ran);
        self.times.ended(ran);
    }

    /// The caller of one that waited is gone.
    pub(super) fn cancel_waiting(&mut self, now: Instant) {
        let account = self.account_at(now);
        account.waiting -= 1;
        account.cancelled += 1;
    }

    /// The caller of one that ran is gone.
    pub(super) fn cancel_running(&mut self, now: Instant) {
        let account = self.account_at(now);
        account.running -= 1;
        account.cancelled += 1;
    }

    /// One that ran waits again.
    pub(super) fn rerun(&mut self, now: Instant) {
        let account = self.account_at(now);
        account.running -= 1;
        account.waiting += 1;
    }

    pub(super) fn account(&self) -> Account {
        self.account
    }

    /// How far rates and latencies reach back.
    pub(super) fn window(&self, now: Instant) -> Duration {
        self.window.length(now)
    }

    pub(super) fn rates(&self, now: Instant) -> Rates {
        self.window.rates(&self.account, now)
    }

    pub(super) fn latency(&self, now: Instant) -> Latencies {
        self.window.latency(now)
    }

    /// The times of queries since it was asked for them.
    #[cfg(feature = "metrics")]
    pub(super) fn take_times(&mut self) -> Times {
        std::mem::take(&mut self.times)
    }

    /// The account, to be changed.
    fn account_at(&mut self, now: Instant) -> &mut Account {
        self.window.advance(&self.account, now);
        &mut self.account
    }
}
