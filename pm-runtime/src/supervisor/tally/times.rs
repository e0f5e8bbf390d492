//! How long queries waited and ran since somebody has asked, for recorders that want to know each.

use std::time::Duration;

use super::histogram::Histogram;

#[derive(Default)]
pub(crate) struct Times(Option<Box<Both>>);

struct Both {
    queue: Histogram,
    run: Histogram,
}

impl Times {
    /// A query began after this long.
    pub(super) fn begun(&mut self, waited: Duration) {
        self.both().queue.record(waited);
    }

    /// A query ended that had begun this long before.
    pub(super) fn ended(&mut self, ran: Duration) {
        self.both().run.record(ran);
    }

    /// Counts all that the other has counted.
    pub(crate) fn add(&mut self, other: &Self) {
        if let Some(other) = &other.0 {
            let both = self.both();
            both.queue.add(&other.queue);
            both.run.add(&other.run);
        }
    }

    /// How long queries waited: times, and how many had each; so many in all at most, evenly chosen.
    pub(crate) fn queue(&self, most: u64) -> impl Iterator<Item = (Duration, usize)> {
        self.0.iter().flat_map(move |both| both.queue.evenly(most))
    }

    /// The same of how long they ran.
    pub(crate) fn run(&self, most: u64) -> impl Iterator<Item = (Duration, usize)> {
        self.0.iter().flat_map(move |both| both.run.evenly(most))
    }

    fn both(&mut self) -> &mut Both {
        self.0.get_or_insert_with(|| {
            Box::new(Both { queue: Histogram::EMPTY, run: Histogram::EMPTY })
        })
    }
}
