//! The memory that a worker shares with its pool: where its queries come from, and their ends go.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use super::faults;
use super::inbox::Inbox;
use super::job::{Ended, Job, Running};
use crate::conduct::Terms;
use crate::fault::{Doom, Fault};
use crate::spin::Luck;
use crate::sync::lock;
use crate::transport::memory::{
    self, Claim, Ending, INLINE, Long, Next, Region, Requests, Shape, Sleep,
};
use crate::wire::bulk::Parcel;
use crate::wire::handshake::Hello;
use crate::wire::message::{NONE, from_worker};

/// One query in so many is measured.
const MEASURED: u32 = 8;

pub(crate) struct Memory {
    region: Arc<Region>,
    next: Mutex<Next>,
    requests: Mutex<Requests>,
    long: Mutex<Long>,
    /// Where the next query will be, for who looks for it without the lock.
    cursor: AtomicU32,
    /// Slots were given back that the pool may be waiting for.
    passed: AtomicBool,
    /// Queries that have begun.
    begun: AtomicU32,
}

impl Memory {
    /// Maps what came with the handshake, if anything did.
    pub(super) fn open(memory: Option<OwnedFd>, hello: &Hello) -> io::Result<Option<Self>> {
        let Some(memory) = memory.filter(|_| hello.slots > 0) else { return Ok(None) };
        let shape = Shape { slots: hello.slots as usize, lanes: hello.window.is_some() };
        let region = Arc::new(Region::open(&memory, shape)?);
        Ok(Some(Self {
            next: Mutex::new(Next::new(region.clone())),
            requests: Mutex::default(),
            long: Mutex::default(),
            cursor: AtomicU32::new(0),
            passed: AtomicBool::new(false),
            begun: AtomicU32::new(0),
            region,
        }))
    }

    pub(super) fn region(&self) -> Arc<Region> {
        self.region.clone()
    }

    /// Whether there is something to begin.
    pub(super) fn is_there(&self) -> bool {
        lock(&self.next).is_there()
    }

    /// The same, for who has nobody wait: what others begin meanwhile may be missed, or seen.
    fn seems_there(&self) -> bool {
        memory::is_there(&self.region, self.cursor.load(Ordering::Relaxed))
    }

    /// How many queries may begin now; counts to `most`.
    pub(super) fn count(&self, most: usize) -> usize {
        self.goes_on(|next| next.count(most))
    }

    /// Whether slots were given back since.
    fn take_passed(&self) -> bool {
        // Nearly never; to look costs less than to swap.
        self.passed.load(Ordering::Relaxed) && self.passed.swap(false, Ordering::Relaxed)
    }

    /// On what terms the next query runs, if there is one.
    pub(super) fn terms(&self) -> Option<Terms> {
        self.goes_on(Next::terms).map(Terms::from_wire)
    }

    /// Does what may have the next query be another one.
    fn goes_on<R>(&self, step: impl FnOnce(&mut Next) -> R) -> R {
        let mut next = lock(&self.next);
        let result = step(&mut next);
        self.cursor.store(next.cursor(), Ordering::Relaxed);
        if next.take_passed() {
            self.passed.store(true, Ordering::Relaxed);
        }
        result
    }

    /// Looks for the next query for a moment, then sleeps until it comes, or until
    /// [`wake`](Self::wake); not if `rung` by then.
    pub(super) fn wait(&self, luck: &Luck, rung: impl FnOnce() -> bool) {
        if luck.is_good() && luck.look(|| self.seems_there()) {
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
        // Only one begins at a time.
        let begun = self.begun.load(Ordering::Relaxed);
        self.begun.store(begun.wrapping_add(1), Ordering::Relaxed);
        begun % MEASURED == MEASURED - 1
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
    Luck::new().look(&mut came)
}

impl Inbox {
    /// Tells how a query ended, if one has, and begins the next, if that may be.
    pub(super) fn turn_in_memory(&self, memory: &Memory, ended: Option<Ended>) -> Option<Job> {
        if let Some(ended) = ended {
            self.end_in_memory(memory, ended);
        }
        // Until all of it is there: requests are read in the order in which their queries begin.
        let mut requests = lock(&memory.requests);
        let claim = self.claim_in_memory(memory);
        self.ring_for_passed(memory);
        self.receive_in_memory(memory, &mut requests, claim?)
    }

    /// Tells a pool that sleeps that it has room again.
    pub(super) fn ring_for_passed(&self, memory: &Memory) {
        if memory.take_passed() {
            self.ring_if(memory.pool_sleeps());
        }
    }

    /// Begins the next query, if that may be.
    fn claim_in_memory(&self, memory: &Memory) -> Option<Claim> {
        let mut state = lock(&self.state);
        let full = state.orphaned || self.occupied(&state) >= self.concurrency;
        if full || !state.may_begin() {
            return None;
        }
        let claim = memory.goes_on(|next| {
            let terms = next.terms().map(Terms::from_wire)?;
            if terms.is_alone() && !state.running.is_empty() {
                return None;
            }
            if let Some(fault) = self.faults.strikes(Fault::is_before) {
                faults::end_before(fault);
            }
            let now = clock_gettime(ClockId::MonotonicCoarse);
            next.begin(now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64)
        })?;
        let terms = Terms::from_wire(claim.terms);
        state.alone = terms.is_alone();
        // How fast a stream opens says nothing of how many one worker is to have.
        let measures = self.streams.is_none() && memory.measures_next();
        let since = measures.then(Instant::now);
        let Claim { id, slot, .. } = claim;
        state.running.push(Running { id, conduct: terms.conduct, slot, said: false, since });
        self.impose_limits(&mut state);
        Some(claim)
    }

    /// The rest of a query that has begun; `None`: it never comes.
    fn receive_in_memory(
        &self,
        memory: &Memory,
        requests: &mut Requests,
        claim: Claim,
    ) -> Option<Job> {
        let Claim { slot, id, terms, timeout } = claim;
        let receiving = |fault| matches!(fault, Fault::KillReceiving(_));
        let mut doom = match self.faults.strikes(receiving) {
            Some(Fault::KillReceiving(times)) => Doom::after(times),
            _ => Doom::NONE,
        };
        let request = requests.receive(&memory.region, slot, |has_come| {
            faults::meet(&mut doom);
            self.ring_if(memory.pool_sleeps());
            memory.wait_for_more(has_come, || self.is_orphaned());
            !self.is_orphaned()
        })?;
        let timeout = (timeout != NONE).then(|| Duration::from_nanos(timeout));
        // A pool that sends no parcels is none: what there is instead is no request either.
        let request = Parcel::from_bytes(request).unwrap_or_default();
        Some(Job { id, request, terms: Terms::from_wire(terms), timeout })
    }

    pub(super) fn end_in_memory(&self, memory: &Memory, ended: Ended) {
        let Ended { id, outcome, untold } = ended;
        let Some(running) = self.stop_running(id, &outcome) else { return };
        let Running { slot, said, since, .. } = running;
        if let Some(since) = since {
            let nanos = u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX);
            memory::took(&memory.region, slot, nanos);
        }
        let (kind, parcel) = self.parcel(outcome);
        let ending = Ending { slot, kind, said, untold, parts: parcel.parts() };
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
            self.inject(|fault| fault == Fault::KillAfter);
        }
    }

    /// What is half sent stays so.
    pub(super) fn is_orphaned(&self) -> bool {
        lock(&self.state).orphaned
    }

    pub(super) fn ring_if(&self, asleep: bool) {
        if asleep {
            self.ring();
        }
    }
}
