//! The same memory, for what checks programs: on the heap, and small.

#[cfg(miri)]
use super::Shape;
use super::atomic::{AtomicU32, AtomicU64, Lent32, Lent64};
use super::lane::Lane;
use super::layout::{Alone, Bells, Ends, Head, LaneHead, Slot};
use super::stream::Buffer;
use super::words::WORD;

pub(crate) struct Region {
    head: Head,
    slots: Vec<Slot>,
    streams: [Vec<Lent64>; 2],
    lanes: [Vec<Lent64>; 2],
}

impl Region {
    pub(crate) fn new(slots: usize, stream: usize) -> Self {
        let word = || AtomicU32::new(0);
        let long = || AtomicU64::new(0);
        let ends = || Ends { written: Alone(long()), read: Alone(long()) };
        let slot = |_| Slot {
            state: word(),
            next: Lent32::new(0),
            length: Lent32::new(0),
            kind: Lent32::new(0),
            id: Lent64::new(0),
            timeout: Lent64::new(0),
            begun_at: Lent64::new(0),
            inline: std::array::from_fn(|_| Lent64::new(0)),
        };
        let bells =
            Bells { worker_sleeps: Alone(word()), pool_sleeps: Alone(word()), room: Alone(word()) };
        let lane = || LaneHead { ends: ends(), put: Alone(long()), wanted: Alone(word()) };
        let words =
            || std::array::from_fn(|_| (0..stream / WORD).map(|_| Lent64::new(0)).collect());
        Self {
            head: Head { bells, requests: ends(), answers: ends(), lanes: [lane(), lane()] },
            slots: (0..slots).map(slot).collect(),
            streams: words(),
            lanes: words(),
        }
    }

    /// There are no other processes here.
    #[cfg(miri)]
    pub(crate) fn create(_: Shape) -> Result<(Self, std::os::fd::OwnedFd), rustix::io::Errno> {
        Err(rustix::io::Errno::NOSYS)
    }

    #[cfg(miri)]
    pub(crate) fn open(_: &std::os::fd::OwnedFd, _: Shape) -> Result<Self, rustix::io::Errno> {
        Err(rustix::io::Errno::NOSYS)
    }

    /// A worker waits for room, as far as its word says.
    #[cfg(pm_loom)]
    pub(crate) fn sleeps_for_room(&self) -> bool {
        self.head.bells.room.0.load(super::atomic::Ordering::SeqCst) != 0
    }

    pub(crate) fn head(&self) -> &Head {
        &self.head
    }

    pub(crate) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    pub(crate) fn requests(&self) -> Buffer<'_> {
        Buffer { ends: &self.head.requests, words: &self.streams[0] }
    }

    pub(crate) fn answers(&self) -> Buffer<'_> {
        Buffer { ends: &self.head.answers, words: &self.streams[1] }
    }

    pub(crate) fn lane(&self, to_pool: bool) -> Lane<'_> {
        let index = usize::from(to_pool);
        Lane::new(&self.head.lanes[index], &self.lanes[index])
    }
}
