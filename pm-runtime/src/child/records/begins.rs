//! Begins that the pool is not told of yet.
//!
//! Most queries are over in less time than it takes to wake whoever reads of their begins. So a begin is
//! told before the first record that follows it, or when the query has run for a while; where it has ended
//! by then, and nothing was logged, its end says that it was not told.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::outlet::Outlet;
use crate::process::bare;
use crate::sync::lock;
use crate::wire::record::Record;

/// A query that runs for longer than this is told of, at the latest after twice as long.
const WHILE: Duration = Duration::from_micros(500);

/// After so many times of those without a begin nobody looks until the next one.
const IDLE: u32 = 8;

#[derive(Default)]
pub(super) struct Begins {
    state: Mutex<State>,
    /// Some are not told. Set with `state` locked, and unset when they are in the pipe.
    wait: AtomicBool,
    begun: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<Waiting>,
    clock: Clock,
    /// Times without a begin.
    idle: u32,
}

struct Waiting {
    query: u64,
    /// It was there when the clock ticked last.
    is_old: bool,
}

/// The thread that tells of queries which have run for a while.
#[derive(Default, PartialEq, Eq)]
enum Clock {
    #[default]
    None,
    Ticks,
    Sleeps,
}

impl Begins {
    /// A query begins.
    pub(super) fn begin(&'static self, outlet: &'static Outlet, query: u64) {
        let mut state = lock(&self.state);
        state.waiting.push(Waiting { query, is_old: false });
        self.wait.store(true, Ordering::Relaxed);
        state.idle = 0;
        match state.clock {
            Clock::Ticks => {}
            Clock::Sleeps => {
                state.clock = Clock::Ticks;
                drop(state);
                self.begun.notify_one();
            }
            Clock::None => {
                if bare::spawn(move || self.tick(outlet)).is_ok() {
                    state.clock = Clock::Ticks;
                } else {
                    // Nobody else would tell it if it runs for long.
                    self.tell_of(&mut state, outlet, |_| true);
                }
            }
        }
    }

    /// A query ends. `true`: nobody was told of its begin, nor is anybody to be told any more.
    pub(super) fn end(&self, query: u64) -> bool {
        let mut state = lock(&self.state);
        let index = state.waiting.iter().position(|waiting| waiting.query == query);
        if let Some(index) = index {
            state.waiting.swap_remove(index);
            self.wait.store(!state.waiting.is_empty(), Ordering::Relaxed);
        }
        index.is_some()
    }

    /// Tells of all of them, before something else is told that may belong to one.
    pub(super) fn tell(&self, outlet: &'static Outlet) {
        // Whoever logs for a query has seen it begin.
        if self.wait.load(Ordering::Relaxed) {
            self.tell_of(&mut lock(&self.state), outlet, |_| true);
        }
    }

    fn tell_of(
        &self,
        state: &mut State,
        outlet: &'static Outlet,
        which: impl Fn(&Waiting) -> bool,
    ) {
        for waiting in state.waiting.extract_if(.., |waiting| which(waiting)) {
            outlet.owe(&Record::Begun { query: waiting.query });
        }
        self.wait.store(!state.waiting.is_empty(), Ordering::Relaxed);
    }

    fn tick(&self, outlet: &'static Outlet) {
        loop {
            std::thread::sleep(WHILE);
            let mut state = lock(&self.state);
            self.tell_of(&mut state, outlet, |waiting| waiting.is_old);
            for waiting in &mut state.waiting {
                waiting.is_old = true;
            }
            state.idle += 1;
            if state.idle > IDLE && state.waiting.is_empty() {
                state.clock = Clock::Sleeps;
                while state.clock == Clock::Sleeps {
                    state = self.begun.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;

    use super::super::outlet::tests::records;
    use super::*;
    use crate::wire::record::Level;

    fn outlet() -> (OwnedFd, &'static Outlet) {
        let (near, far) = rustix::pipe::pipe().unwrap();
        (near, Box::leak(Box::new(Outlet::new(far, Level::Info).unwrap())))
    }

    #[test]
    fn a_begin_comes_before_what_is_logged_after_it_and_then_its_end_comes_too() {
        let (near, outlet) = outlet();
        outlet.begin(1, true);
        outlet.send(&Record::Closed { span: 7 });
        assert!(!outlet.end(1));
        let expected =
            [Record::Begun { query: 1 }, Record::Closed { span: 7 }, Record::Ended { query: 1 }];
        assert_eq!(records(&near, 3), expected);
    }

    #[test]
    fn what_runs_for_a_while_is_told_though_nothing_else_is() {
        let (near, outlet) = outlet();
        // The second one finds the clock, the third one may find it asleep.
        for query in [1, 2, 3] {
            outlet.begin(query, true);
            assert_eq!(records(&near, 1), [Record::Begun { query }]);
            assert!(!outlet.end(query));
            assert_eq!(records(&near, 1), [Record::Ended { query }]);
            let begins = &outlet.begins;
            while query == 2 && lock(&begins.state).clock != Clock::Sleeps {
                std::thread::yield_now();
            }
        }
    }

    #[test]
    fn what_was_over_before_is_never_told() {
        let (near, outlet) = outlet();
        let mut told = Vec::new();
        for query in 0..10_000 {
            outlet.begin(query, true);
            if !outlet.end(query) {
                told.extend([Record::Begun { query }, Record::Ended { query }]);
            }
        }
        outlet.send(&Record::Closed { span: 7 });
        told.push(Record::Closed { span: 7 });
        assert_eq!(records(&near, told.len()), told);
    }
}
