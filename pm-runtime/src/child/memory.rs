//! The memory that a worker shares with its pool: where its queries come from, and their ends go.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use super::faults;
use super::inbox::{Inbox, Job, Outcome, Running};
use crate::conduct::Conduct;
use crate::fault::{Doom, FaultKind};
use crate::spin::Luck;
use crate::sync::lock;
use crate::transport::memory::{self, Claim, Ending, INLINE, Long, Next, Region, Requests, Sleep};
use crate::wire::bulk::Parcel;
use crate::wire::handshake::Hello;
use crate::wire::message::{NONE, from_worker};

/// One query in so many is measured.
const MEASURED: u32 = 8;

pub(super) struct Memory {
    region: Arc<Region>,
    next: Mutex<Next>,
    requests: Mutex<Requests>,
    long: Mutex<Long>,
    /// Queries that have begun.
    begun: AtomicU32,
}

impl Memory {
    /// Maps what came with the handshake, if anything did.
    pub(super) fn open(memory: Option<OwnedFd>, hello: &Hello) -> io::Result<Option<Self>> {
        let Some(memory) = memory.filter(|_| hello.slots > 0) else { return Ok(None) };
        let region = Arc::new(Region::open(&memory, hello.slots as usize)?);
        Ok(Some(Self {
            next: Mutex::new(Next::new(region.clone())),
            requests: Mutex::default(),
            long: Mutex::default(),
            begun: AtomicU32::new(0),
            region,
        }))
    }

    /// Whether there is something to begin.
    pub(super) fn is_there(&self) -> bool {
        lock(&self.next).is_there()
    }

    /// How many queries may begin now; counts to `most`.
    pub(super) fn count(&self, most: usize) -> usize {
        lock(&self.next).count(most)
    }

    /// Whether slots were given back that the pool may be waiting for.
    pub(super) fn has_passed(&self) -> bool {
        lock(&self.next).take_passed()
    }

    /// What may run beside the next query, if there is one.
    pub(super) fn conduct(&self) -> Option<Conduct> {
        lock(&self.next).conduct().map(Conduct::from_wire)
    }

    /// Looks for the next query for a moment, then sleeps until it comes, or until
    /// [`wake`](Self::wake); not if `rung` by then.
    pub(super) fn wait(&self, luck: &Luck, rung: impl FnOnce() -> bool) {
        if luck.is_good() && luck.look(|| self.is_there()) {
            return;
        }
        let sleeps = lock(&self.next).sleep(Sleep::OnWord);
        if sleeps && !rung() {
            memory::sleep_on(&self.region);
        }
    }

    /// Has the pool ring at the data socket for the next query that it posts; what is there has to
    /// be looked for after this.
    pub(super) fn sleep_on_socket(&self) {
        memory::sleep(&self.region, Sleep::OnSocket);
    }

    /// Wakes whoever sleeps in this worker.
    pub(super) fn wake(&self) {
        memory::wake(&self.region);
        memory::wake_for_room(&self.region);
    }

    /// Whether the pool has to be rung, which then sleeps no more.
    pub(super) fn pool_sleeps(&self) -> bool {
        memory::pool_sleeps(&self.region)
    }

    /// Tells what cannot be, for tests.
    pub(super) fn spoil(&self, slot: u32) {
        memory::spoil(&self.region, slot);
    }

    /// Whether the next query is one of those that are measured: not every one, as to read the
    /// clock twice takes longer than some of them do; nor the first, which finds nothing at hand.
    fn measures_next(&self) -> bool {
        self.begun.fetch_add(1, Ordering::Relaxed) % MEASURED == MEASURED - 1
    }

    fn begin(&self) -> Option<Claim> {
        let now = clock_gettime(ClockId::MonotonicCoarse);
        lock(&self.next).begin(now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64)
    }

    /// Waits until more of a request has come, or it is `over`.
    fn wait_for_more(&self, has_come: &dyn Fn() -> bool, over: impl Fn() -> bool) {
        if look(has_come) {
            return;
        }
        memory::sleep(&self.region, Sleep::OnWord);
        if !has_come() && !over() {
            memory::sleep_on(&self.region);
        }
    }

    /// Waits until there is room for more of an answer, or it is `over`.
    fn wait_for_room(&self, has_room: &dyn Fn() -> bool, over: impl Fn() -> bool) {
        if !look(has_room) {
            memory::sleep_for_room(&self.region, || has_room() || over());
        }
    }
}

/// Looks for something that the other side is at, for a moment.
fn look(mut came: impl FnMut() -> bool) -> bool {
    Luck::default().look(&mut came)
}

impl Inbox {
    /// Tells how a query ended, if one has, and begins the next, if that may be.
    pub(super) fn turn_in_memory(
        &self,
        memory: &Memory,
        ended: Option<(u64, Outcome)>,
    ) -> Option<Job> {
        if let Some((id, outcome)) = ended {
            self.end_in_memory(memory, id, outcome);
        }
        let job = self.begin_in_memory(memory);
        self.ring_for_passed(memory);
        job
    }

    /// Tells a pool that sleeps that it has room again.
    pub(super) fn ring_for_passed(&self, memory: &Memory) {
        if memory.has_passed() {
            self.ring_if(memory.pool_sleeps());
        }
    }

    fn begin_in_memory(&self, memory: &Memory) -> Option<Job> {
        // Until all of it is there: requests are read in the order in which their queries begin.
        let mut requests = lock(&memory.requests);
        let mut state = lock(&self.state);
        let full = state.orphaned || state.running.len() >= self.concurrency;
        if full || !self.may_begin_next(&state) || !memory.is_there() {
            return None;
        }
        let fault = state.injector.strikes(FaultKind::is_before);
        if let Some(fault) = fault {
            drop(state);
            faults::end_before(fault);
        }
        let Claim { slot, id, conduct, timeout } = memory.begin()?;
        let receiving = |kind| matches!(kind, FaultKind::KillReceiving(_));
        let mut doom = match state.injector.strikes(receiving) {
            Some(FaultKind::KillReceiving(times)) => Doom::after(times),
            _ => Doom::NONE,
        };
        let conduct = Conduct::from_wire(conduct);
        state.exclusive = conduct == Conduct::Exclusive;
        let since = memory.measures_next().then(Instant::now);
        state.running.push(Running { id, slot, said: false, since });
        drop(state);
        self.inject_word(memory, slot, |_| ());
        let request = requests.receive(&memory.region, slot, |has_come| {
            faults::meet(&mut doom);
            self.ring_if(memory.pool_sleeps());
            memory.wait_for_more(has_come, || self.is_orphaned());
            !self.is_orphaned()
        })?;
        let timeout = (timeout != NONE).then(|| Duration::from_nanos(timeout));
        // A pool that sends no parcels is none: what there is instead is no request either.
        let request = Parcel::from_bytes(request).unwrap_or_default();
        Some(Job { id, request, conduct, timeout })
    }

    fn end_in_memory(&self, memory: &Memory, id: u64, outcome: Outcome) {
        let Some(running) = self.stop_running(id, &outcome) else { return };
        let Running { slot, said, since, .. } = running;
        if let Some(since) = since {
            let nanos = u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX);
            memory::took(&memory.region, slot, nanos);
        }
        let (kind, parcel) = self.parcel(outcome);
        let ending = Ending { slot, kind, said, parts: parcel.parts() };
        self.inject_word(memory, slot, |mut doom| {
            let step = || faults::meet(&mut doom);
            if let [[], bytes] = ending.parts
                && bytes.len() <= INLINE
            {
                return memory::end(&memory.region, &ending, step);
            }
            lock(&memory.long).end(&memory.region, &ending, step, |has_room| {
                self.ring_if(memory.pool_sleeps());
                memory.wait_for_room(has_room, || self.is_orphaned());
                !self.is_orphaned()
            });
        });
        self.ring_if(memory.pool_sleeps());
        if kind == from_worker::ANSWER {
            self.inject(&mut lock(&self.writer), |kind| kind == FaultKind::KillAfter);
        }
    }

    /// What is half sent stays so.
    fn is_orphaned(&self) -> bool {
        lock(&self.state).orphaned
    }

    fn ring_if(&self, asleep: bool) {
        if asleep {
            self.ring();
        }
    }
}
