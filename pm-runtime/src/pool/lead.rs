//! Who reads the answers of busy workers: a caller that waits for its own, for everybody else's
//! too. So that no other thread has to be woken for them.
//!
//! One call has the lead at a time. It has its task poll it again, when others have had their turn
//! to send something, and then looks for answers: for a moment, where that has paid lately. Whoever
//! has its answer passes the lead on to the call that was sent last, because that is answered last,
//! as a rule. Where nothing came, the reactor listens.
//!
//! The lead is a promise that must not be relied upon: a call may be polled once and then leaked,
//! or its task may do other things. Where there are few calls, those that do not lead are polled
//! again as well, and one takes the lead if nobody has looked. And the clock asks whether anybody
//! has looked lately.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::after::Unled;
use super::shared::{Seat, Shared, State};
use super::ticket::Ticket;
use crate::spin::Luck;
use crate::supervisor::{QueryKey, WorkerId};
use crate::sync::lock;
use crate::worker::Worker;

/// How often the clock asks whether anybody looks: twice that is the longest that answers wait for
/// a leader that does not come.
pub(super) const PATIENCE: Duration = Duration::from_micros(500);

/// The same where no other call waits: only who wants the worker to be idle has to wait, then, and
/// the clock's thread is not to run for each of a few queries.
const PATIENCE_ALONE: Duration = Duration::from_millis(100);

/// How many calls in a row have to be alone before one looks as soon as it is sent; and after how
/// many more another one finds out whether its task has more to send.
const ALONE: u8 = 4;
const PROBE: u8 = 20;

/// So many calls are few.
const FEW: usize = 4;

/// Names the call that has the lead. Read without the pool's lock, it is a hint.
pub(crate) struct Leader {
    /// The place of its ticket; 0: nobody has it.
    place: AtomicUsize,
    /// Whether looking has paid lately.
    luck: Luck,
    /// How often somebody who led has looked.
    looks: AtomicU32,
    /// Somebody has looked for what streams say since the clock last asked.
    looked: AtomicBool,
}

/// What the lead is about, under the pool's lock.
#[derive(Default)]
pub(super) struct Lead {
    /// The workers that need not ring.
    workers: Vec<Arc<Worker>>,
    /// Room for a copy of those.
    spare: Vec<Arc<Worker>>,
    /// The call that was sent last.
    last: Option<QueryKey>,
    /// Somebody has looked since the clock last asked.
    looked: bool,
    /// How many calls in a row had the pool to themselves.
    alone: u8,
}

/// What a call that was sent has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Look for its answer now.
    Now,
    /// Wait until it is polled again.
    Later,
    /// Be polled again, and look if nobody else has since.
    Unless(Looks),
}

/// How often somebody had looked then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Looks(u32);

impl Default for Leader {
    fn default() -> Self {
        Self {
            place: AtomicUsize::new(0),
            luck: Luck::new(),
            looks: AtomicU32::new(0),
            looked: AtomicBool::new(false),
        }
    }
}

impl Leader {
    /// Whether this call has the lead.
    pub(crate) fn is(&self, ticket: &Ticket) -> bool {
        self.place.load(Ordering::Relaxed) == place(ticket)
    }

    fn is_there(&self) -> bool {
        self.place.load(Ordering::Relaxed) != 0
    }

    fn looks(&self) -> Looks {
        Looks(self.looks.load(Ordering::Relaxed))
    }

    fn set(&self, ticket: Option<&Ticket>) {
        self.place.store(ticket.map_or(0, place), Ordering::Relaxed);
    }
}

impl Lead {
    /// Who has looked gives back where it had its workers.
    fn keep(&mut self, spare: Vec<Arc<Worker>>) {
        self.spare = spare;
    }

    /// A worker is gone: nothing more comes from it.
    pub(super) fn forget_worker(&mut self, id: WorkerId) {
        self.workers.retain(|worker| worker.id() != id);
    }

    /// Nobody waits for this call any more.
    pub(super) fn forget_call(&mut self, key: QueryKey) {
        self.last.take_if(|last| *last == key);
    }
}

impl Shared {
    /// A call was sent: it takes the lead, if nobody has it.
    pub(super) fn join_lead(&self, state: &mut State, ticket: &Ticket, key: QueryKey) -> Turn {
        let live = state.core.live();
        state.lead.last = Some(key);
        // Who had it and is answered already may never be polled again.
        if !self.leader.is_there() || live == 1 {
            self.leader.set(Some(ticket));
        }
        match live {
            1 if (ALONE..PROBE).contains(&state.lead.alone) => Turn::Now,
            2..=FEW if !self.leader.is(ticket) => Turn::Unless(self.leader.looks()),
            _ => Turn::Later,
        }
    }

    /// A call was polled again: it takes the lead, if nobody has looked since it was sent.
    pub(crate) fn doubt_lead(&self, ticket: &Ticket, then: Looks) {
        if self.leader.looks() == then {
            let _state = lock(&self.state);
            self.leader.set(Some(ticket));
        }
    }

    /// Where somebody leads, workers that were sent something need not ring; says when the clock
    /// has to ask, then.
    pub(super) fn lead_workers(&self, state: &mut State, now: Instant) -> Option<Instant> {
        let led = self.leader.is_there();
        let State { seats, after, lead, .. } = state;
        for id in after.dirty.drain() {
            let Some(Seat::Taken(worker)) = seats.get(&id) else { continue };
            if led && worker.start_lead() {
                lead.workers.push(worker.clone());
            }
            // As a rule it is awake, and has all of it.
            if !led || !worker.is_awake() {
                after.unled.add(Unled { worker: worker.clone(), led });
            }
        }
        led.then(|| now + if state.core.live() > 1 { PATIENCE } else { PATIENCE_ALONE })
    }

    /// A call was polled that has the lead: it looks for answers.
    pub(crate) fn lead(&self, ticket: &Arc<Ticket>) {
        let mut workers = {
            let state = &mut *lock(&self.state);
            if !self.leader.is(ticket) {
                return;
            }
            let lead = &mut state.lead;
            lead.looked = true;
            self.leader.looks.fetch_add(1, Ordering::Relaxed);
            lead.alone = match state.core.live() {
                1 if lead.alone < PROBE => lead.alone + 1,
                1 => ALONE - 1,
                _ => 0,
            };
            let mut workers = std::mem::take(&mut lead.spare);
            workers.extend(lead.workers.iter().cloned());
            workers
        };
        ticket.forget_waker();
        let came = || read_news(&workers) || ticket.is_resolved();
        let luck = &self.leader.luck;
        // As long as no worker has anything, there is nowhere to look.
        let looks = !workers.is_empty() && luck.is_good();
        let came = if looks { luck.look(came) } else { came() };
        let came = came || came_at_last(&workers);
        // Not under the lock: these may be the last handles of one that is gone.
        workers.clear();
        match came {
            true if ticket.is_resolved() => self.pass_lead(ticket, workers),
            true => self.keep_lead(workers),
            false => self.end_lead(ticket, workers),
        }
    }

    /// A call is over: it cannot have the lead.
    pub(crate) fn leave_lead(&self, ticket: &Arc<Ticket>) {
        if self.leader.is(ticket) {
            self.pass_lead(ticket, Vec::new());
        }
    }

    fn keep_lead(&self, workers: Vec<Arc<Worker>>) {
        lock(&self.state).lead.keep(workers);
    }

    /// Passes the lead on to the call that was sent last.
    fn pass_lead(&self, ticket: &Arc<Ticket>, workers: Vec<Arc<Worker>>) {
        let mut next = None;
        let unled = {
            let state = &mut *lock(&self.state);
            state.lead.keep(workers);
            if !self.leader.is(ticket) {
                return;
            }
            let core = &state.core;
            state.lead.workers.retain(|worker| {
                let awaited = core.is_awaited(worker.id());
                if !awaited {
                    worker.end_lead();
                }
                awaited
            });
            if !state.lead.workers.is_empty() {
                next = state.lead.last.take().and_then(|key| state.core.payload(key).cloned());
            }
            self.leader.set(next.as_deref());
            // Only then: either its caller sees that it has the lead, or it is seen here that it
            // is over.
            next.take_if(|next| next.is_resolved());
            match next {
                Some(_) => Vec::new(),
                None => self.take_led(state),
            }
        };
        listen(&unled);
        if let Some(next) = next {
            next.wake();
        }
    }

    /// A new worker has the queries that waited for it, if any did: whoever sent the last one is to
    /// look for answers, and is awake then by the time that they come. The caller has to be woken.
    pub(super) fn call_up(&self, state: &mut State, id: WorkerId) -> Option<Arc<Ticket>> {
        if self.leader.is_there() || !state.core.is_awaited(id) {
            return None;
        }
        let caller = state.lead.last.take().and_then(|key| state.core.payload(key).cloned())?;
        self.leader.set(Some(&caller));
        Some(caller)
    }

    /// Nothing came in a moment: the reactor listens.
    fn end_lead(&self, ticket: &Arc<Ticket>, workers: Vec<Arc<Worker>>) {
        let unled = {
            let state = &mut *lock(&self.state);
            state.lead.keep(workers);
            match self.leader.is(ticket) {
                true => self.take_led(state),
                false => Vec::new(),
            }
        };
        listen(&unled);
    }

    /// Nobody has the lead; the workers that nobody listens to now.
    fn take_led(&self, state: &mut State) -> Vec<Arc<Worker>> {
        self.leader.set(None);
        let unled = std::mem::take(&mut state.lead.workers);
        unled.iter().for_each(|worker| worker.end_lead());
        unled
    }

    /// Somebody looks for what a worker's streams say, and will again soon: it need not ring.
    pub(super) fn lead_streams(&self, worker: &Arc<Worker>) {
        self.leader.looked.store(true, Ordering::Relaxed);
        if worker.is_led() {
            return;
        }
        let tick_by = {
            let state = &mut *lock(&self.state);
            // One that is gone is forgotten by now, and would be kept for ever.
            if state.worker(worker.id()).is_none() || !worker.start_lead() {
                return;
            }
            state.lead.workers.push(worker.clone());
            if !self.leader.is_there() {
                self.leader.place.store(Arc::as_ptr(worker).addr(), Ordering::Relaxed);
            }
            state.arm(Some(Instant::now() + PATIENCE))
        };
        if let (Some(at), Some((reactor, timer))) = (tick_by, self.timer.get()) {
            reactor.tick_by(*timer, at);
        }
    }

    /// Nobody looks any more for what a worker's streams say: it has to ring.
    pub(super) fn end_streams_lead(&self, worker: &Arc<Worker>) {
        if worker.is_led() {
            let state = &mut *lock(&self.state);
            worker.end_lead();
            state.lead.workers.retain(|led| !Arc::ptr_eq(led, worker));
            if state.lead.workers.is_empty() {
                self.leader.set(None);
            }
        }
        if !worker.listen() {
            worker.hear_now();
        }
    }

    /// The clock asks whether anybody looks: if not, the reactor listens.
    pub(super) fn check_lead(&self, state: &mut State) {
        let looked = self.leader.looked.swap(false, Ordering::Relaxed);
        let looked = std::mem::take(&mut state.lead.looked) || looked;
        if self.leader.is_there() && !looked {
            for worker in self.take_led(state) {
                state.after.send(worker.id());
            }
        }
    }
}

/// Hears whoever has done something. `true`: somebody has.
fn read_news(workers: &[Arc<Worker>]) -> bool {
    workers.iter().filter(|worker| worker.read_news()).count() > 0
}

/// These are to ring from now on. `true`: one was faster, and is heard; then they need not yet.
fn came_at_last(workers: &[Arc<Worker>]) -> bool {
    let all_ring = workers.iter().filter(|worker| !worker.will_ring()).count() == 0;
    if all_ring || !read_news(workers) {
        return false;
    }
    workers.iter().for_each(|worker| worker.attend());
    true
}

fn listen(workers: &[Arc<Worker>]) {
    for worker in workers {
        if !worker.listen() {
            worker.hear_now();
        }
    }
}

/// Tells live tickets apart.
fn place(ticket: &Ticket) -> usize {
    std::ptr::from_ref(ticket).addr()
}
