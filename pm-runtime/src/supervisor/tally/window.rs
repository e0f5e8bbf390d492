//! The last minute or so, in generations of 20 s.
//!
//! No timer turns them: the first thing that happens in a generation starts it. Where nothing
//! happens none is started, so that the account at a boundary is the one before the first change
//! after it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::histogram::Histogram;
use crate::health::{Account, Latencies, Rates};

/// How long a generation lasts, in seconds.
pub(in crate::supervisor) const LENGTH: u64 = 20;
/// How many generations a window has; the last one has only begun.
pub(in crate::supervisor) const KEPT: u64 = 4;

pub(super) struct Window {
    /// When the first generation began: with the first thing that happened.
    origin: Option<Instant>,
    /// When the last one is over.
    until: Option<Instant>,
    /// Oldest first, at most [`KEPT`].
    generations: VecDeque<Generation>,
}

struct Generation {
    /// How many had their time before it, those included that were never started.
    number: u64,
    /// The account at its boundary.
    before: Account,
    queue: Histogram,
    run: Histogram,
}

impl Window {
    pub(super) fn new() -> Self {
        Self { origin: None, until: None, generations: VecDeque::with_capacity(KEPT as usize) }
    }

    /// Something is about to change this account.
    pub(super) fn advance(&mut self, account: &Account, now: Instant) {
        if self.until.is_none_or(|until| until <= now) {
            self.turn(account, now);
        }
    }

    #[cold]
    fn turn(&mut self, account: &Account, now: Instant) {
        let origin = *self.origin.get_or_insert(now);
        let number = number(origin, now);
        self.until = Some(boundary(origin, number + 1));
        while self.generations.front().is_some_and(|oldest| oldest.number + KEPT <= number) {
            self.generations.pop_front();
        }
        self.generations.push_back(Generation {
            number,
            before: *account,
            queue: Histogram::EMPTY,
            run: Histogram::EMPTY,
        });
    }

    /// A query began after this long.
    pub(super) fn begun(&mut self, waited: Duration) {
        if let Some(generation) = self.generations.back_mut() {
            generation.queue.record(waited);
        }
    }

    /// A query ended that had begun this long before.
    pub(super) fn ended(&mut self, ran: Duration) {
        if let Some(generation) = self.generations.back_mut() {
            generation.run.record(ran);
        }
    }

    /// Both.
    pub(super) fn ran(&mut self, waited: Duration, ran: Duration) {
        if let Some(generation) = self.generations.back_mut() {
            generation.queue.record(waited);
            generation.run.record(ran);
        }
    }

    /// How far it reaches back.
    pub(super) fn length(&self, now: Instant) -> Duration {
        self.origin.map_or(Duration::ZERO, |origin| {
            now.saturating_duration_since(boundary(origin, first(origin, now)))
        })
    }

    pub(super) fn rates(&self, account: &Account, now: Instant) -> Rates {
        let before = self.generations(now).next().map_or(account, |oldest| &oldest.before);
        Rates::between(before, account, self.length(now))
    }

    pub(super) fn latency(&self, now: Instant) -> Latencies {
        let (mut queue, mut run) = (Histogram::EMPTY, Histogram::EMPTY);
        for generation in self.generations(now) {
            queue.add(&generation.queue);
            run.add(&generation.run);
        }
        Latencies { queue: queue.latency(), run: run.latency() }
    }

    /// Those that are not too old, oldest first.
    fn generations(&self, now: Instant) -> impl Iterator<Item = &Generation> {
        let first = self.origin.map_or(0, |origin| first(origin, now));
        self.generations.iter().filter(move |generation| generation.number >= first)
    }
}

/// Which generation it is.
fn number(origin: Instant, now: Instant) -> u64 {
    now.saturating_duration_since(origin).as_secs() / LENGTH
}

/// The oldest generation that counts.
fn first(origin: Instant, now: Instant) -> u64 {
    number(origin, now).saturating_sub(KEPT - 1)
}

/// When a generation begins.
fn boundary(origin: Instant, number: u64) -> Instant {
    origin + Duration::from_secs(number * LENGTH)
}

#[cfg(test)]
mod tests {
    use super::super::Tally;
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A query comes, waits, runs, and is answered.
    fn run(tally: &mut Tally, now: Instant) {
        tally.submit(now);
        tally.begin(SECOND, now);
        tally.complete(2 * SECOND, now);
    }

    #[test]
    fn before_the_first_query_there_is_no_window() {
        let (tally, now) = (Tally::new(), Instant::now());
        assert_eq!(tally.window(now), Duration::ZERO);
        assert_eq!(tally.rates(now), Rates::default());
        assert_eq!(tally.latency(now), Latencies::default());
    }

    #[test]
    fn a_pool_that_is_younger_than_a_second_has_no_more_per_second_than_in_all() {
        let (mut tally, now) = (Tally::new(), Instant::now());
        run(&mut tally, now);
        assert_eq!(tally.rates(now + SECOND / 1000).completed, 1.0);
        assert_eq!(tally.rates(now + 4 * SECOND).completed, 0.25);
    }

    #[test]
    fn what_happened_is_forgotten_although_nothing_happens_since() {
        let (mut tally, start) = (Tally::new(), Instant::now());
        run(&mut tally, start);
        let last = start + Duration::from_secs(KEPT * LENGTH) - Duration::from_nanos(1);
        assert_eq!(tally.latency(last).run.map(|run| run.count), Some(1));
        assert!(tally.rates(last).completed > 0.0);
        let after = start + Duration::from_secs(KEPT * LENGTH);
        assert_eq!(tally.latency(after), Latencies::default());
        assert_eq!(tally.rates(after), Rates::default());
        assert_eq!(tally.window(after), Duration::from_secs((KEPT - 1) * LENGTH));
    }

    #[test]
    fn a_steady_stream_has_a_steady_rate_and_takes_no_more_memory() {
        let (mut tally, start) = (Tally::new(), Instant::now());
        for second in 0..1000 {
            let now = start + second * SECOND;
            for _ in 0..3 {
                run(&mut tally, now);
            }
            let window = tally.window(now + SECOND / 2);
            assert!(second < 60 || (60..80).contains(&window.as_secs()), "{window:?}");
            let told = tally.rates(now + SECOND / 2).completed;
            assert!(second < 60 || (told - 3.0).abs() < 0.05, "{told}");
            assert!(tally.window.generations.len() <= KEPT as usize);
            assert_eq!(tally.window.generations.capacity(), KEPT as usize);
        }
        assert!(tally.account().balances());
    }

    /// Whoever took the time first may be the second to get the lock.
    #[test]
    fn time_that_goes_back_a_little_does_no_harm() {
        let (mut tally, start) = (Tally::new(), Instant::now() + SECOND);
        run(&mut tally, start);
        run(&mut tally, start - SECOND);
        run(&mut tally, start + Duration::from_secs(LENGTH));
        run(&mut tally, start + Duration::from_secs(LENGTH) - SECOND);
        let latency = tally.latency(start + Duration::from_secs(LENGTH));
        assert_eq!(latency.run.map(|run| run.count), Some(4));
        assert_eq!(tally.latency(start - SECOND).run.map(|run| run.count), Some(4));
    }
}
