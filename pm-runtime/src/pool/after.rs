//! The hands of the policy: what is done under the pool's lock, and what after it.

use std::sync::{Arc, Weak};
use std::task::Waker;
use std::time::{Instant, SystemTime};

use super::broadcast;
use super::callbacks::{Kind, Notice};
use super::raw::Raw;
use super::shared::{Seat, Shared, State, Waiting};
use super::ticket::{Outcome, Ticket};
use super::worker::Worker;
use crate::child::Home;
use crate::error::{BootError, Exit, QueryError, SpawnError};
use crate::event::Event;
use crate::link::Handing;
use crate::reactor::Reactor;
use crate::supervisor::{Action, Note, Obituary, QueryKey, WorkerId};
use crate::sync::{lock, shielded};
use crate::wire::message::to_worker;
use crate::worker::{self, Owner};

/// What is to be done when the lock is free again: what every query needs, and the rest.
#[derive(Default)]
pub(super) struct After {
    /// Workers that were sent something, each once.
    pub(super) dirty: Few<WorkerId>,
    /// Those of them that have to be woken, or listened to.
    pub(super) unled: Few<Unled>,
    /// Callers whose outcomes are in their places.
    woken: Few<Waker>,
    rare: Option<Box<Rare>>,
}

#[derive(Default)]
struct Rare {
    /// Queries that have messages for their callers.
    told: Vec<Arc<Ticket>>,
    /// Something that observers want to know.
    happened: bool,
    /// Calls that are over, which is not to be seen before that.
    resolved: Vec<(Arc<Ticket>, Outcome)>,
    reached: Vec<(Waiting, Result<(), SpawnError>)>,
    launches: Vec<WorkerId>,
    /// Workers whose memory is to be found out.
    weighed: Vec<WorkerId>,
    /// What is said to raw workers that are to end.
    released: Vec<Arc<Raw>>,
    /// The same of those that have ended.
    ended: Vec<(Arc<Raw>, Result<(), QueryError>)>,
    /// Dropped outside the lock, because drops may come back.
    forgotten: Vec<Arc<Ticket>>,
    kept: Option<Arc<Shared>>,
    /// There will be no more events.
    destroyed: bool,
}

/// A worker that was sent something.
pub(super) struct Unled {
    pub(super) worker: Arc<worker::Worker>,
    /// Somebody looks for what it says.
    pub(super) led: bool,
}

/// As a rule it is one, and that takes no memory of its own.
pub(super) struct Few<T> {
    first: Option<T>,
    more: Vec<T>,
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self { first: None, more: Vec::new() }
    }
}

impl<T> Few<T> {
    pub(super) fn add(&mut self, one: T) {
        match self.first {
            None => self.first = Some(one),
            Some(_) => self.more.push(one),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    fn iter(&self) -> impl Iterator<Item = &T> {
        self.first.iter().chain(&self.more)
    }

    pub(super) fn drain(&mut self) -> impl Iterator<Item = T> {
        self.first.take().into_iter().chain(self.more.drain(..))
    }
}

impl After {
    /// There is nothing to be done.
    pub(super) fn is_empty(&self) -> bool {
        self.unled.is_empty() && self.woken.is_empty() && self.rare.is_none()
    }

    /// A worker got something into its outbox, which is sent with all that follows.
    pub(super) fn send(&mut self, id: WorkerId) {
        if !self.dirty.iter().any(|dirty| *dirty == id) {
            self.dirty.add(id);
        }
    }

    /// A query has a message for its caller.
    pub(super) fn told(&mut self, ticket: Arc<Ticket>) {
        let told = &mut self.rare().told;
        if !told.iter().any(|told| Arc::ptr_eq(told, &ticket)) {
            told.push(ticket);
        }
    }

    /// A raw worker is gone.
    pub(super) fn end_raw(&mut self, raw: Arc<Raw>, how: Result<(), QueryError>) {
        self.rare().ended.push((raw, how));
    }

    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }
}

impl Shared {
    /// Does what the policy says; what may run code of the application, or take long, is kept for
    /// when the lock is free again.
    pub(super) fn perform(&self, state: &mut State) {
        while let Some(action) = state.core.next_action() {
            match action {
                Action::Launch(id) => {
                    state.seats.insert(id, Seat::Launching { doomed: false });
                    state.enter_raw(self, id);
                    state.after.rare().launches.push(id);
                }
                Action::Hand(id, key) => {
                    if let Some(worker) = state.worker(id)
                        && let Some((request, terms, timeout)) = state.core.handing(key)
                    {
                        if terms.attempt > 1 {
                            request.forget_debug();
                        }
                        if let Some(stream) = request.stream() {
                            worker.enter_stream(key.to_wire(), stream);
                        }
                        let is_prompt = || state.core.is_prompt(id);
                        let (records, traced) = (worker.records(), request.traced());
                        let terms = records.hand(key.to_wire(), traced, terms, is_prompt);
                        worker.hand(Handing { id: key.to_wire(), request, terms, timeout });
                        state.after.send(id);
                    }
                }
                Action::Recall(id, key) => {
                    if state.take_back(id, key).is_none() {
                        state.tell(id, to_worker::TAKE_BACK, key.to_wire());
                    }
                }
                Action::Drop(id, key) => {
                    let destroys =
                        |worker: &Arc<worker::Worker>| worker.destroy_stream(key.to_wire());
                    if state.core.is_stream(key) && state.worker(id).is_some_and(destroys) {
                        state.after.send(id);
                    } else if state.take_back(id, key) != Some(true) {
                        state.tell(id, to_worker::DROP, key.to_wire());
                    }
                }
                Action::ShutGate(id) => {
                    if !state.shut_gate(id) {
                        state.tell(id, to_worker::SHUT_GATE, 0);
                    }
                }
                // Its gate has nothing to do with its memory.
                Action::OpenGate(id) if self.plan.raw => state.tell(id, to_worker::OPEN_GATE, 0),
                Action::OpenGate(id) => match state.worker(id).map(|worker| worker.open_gate()) {
                    Some(true) => state.after.send(id),
                    Some(false) => state.tell(id, to_worker::OPEN_GATE, 0),
                    None => {}
                },
                Action::Replay(id, method) => self.replay(state, id, method),
                Action::Unlearn(method) => drop(state.words.remove(&method)),
                Action::End(id) => {
                    state.tell(id, to_worker::END, 0);
                    if let Some(raw) = state.raw(id).cloned() {
                        state.after.rare().released.push(raw);
                    }
                }
                Action::Kill(id) => match state.seats.get_mut(&id) {
                    Some(Seat::Launching { doomed }) => *doomed = true,
                    Some(Seat::Taken(worker)) => worker.kill(),
                    None => {}
                },
                Action::Abandon(id) => {
                    if let Some(worker) = state.worker(id) {
                        worker.abandon();
                    }
                }
                Action::Weigh(id) => state.after.rare().weighed.push(id),
                Action::Fail(ticket, mut error) => {
                    state.explain(&mut error, ticket.debug());
                    state.resolve(ticket, Err(error));
                }
                Action::Forget(ticket) => state.after.rare().forgotten.push(ticket),
                Action::Reached(waiter, result) => {
                    if let Some(sender) = state.waiters.remove(&waiter) {
                        state.after.rare().reached.push((sender, result));
                    }
                }
                Action::Note(note) => {
                    if let Note::Crashed(report) = &note {
                        let crashed = || Some(Notice::Crashed(report.clone()));
                        self.callbacks.tell(Kind::Crash, crashed);
                    }
                    self.happened(state, event(note));
                }
            }
        }
        if state.core.is_destroyed() {
            self.note_end(state);
        }
    }

    /// The pool is over, whether anybody waited for that or not.
    #[cold]
    fn note_end(&self, state: &mut State) {
        if state.keep.is_some() {
            state.after.rare().kept = state.keep.take();
        }
        if !std::mem::replace(&mut state.over, true) {
            state.after.rare().destroyed = true;
        }
    }

    /// Tells observers of something, in the order in which it happened.
    pub(super) fn happened(&self, state: &mut State, event: Event) {
        self.callbacks.event(&event);
        self.observer.happened(&event);
        self.events.push(event);
        state.after.rare().happened = true;
    }

    /// Tells observers of what has no order beside anything else.
    pub(super) fn say(&self, events: impl IntoIterator<Item = Event>) {
        for event in events {
            self.callbacks.event(&event);
            self.observer.happened(&event);
            self.events.push(event);
        }
        self.events.wake();
    }

    /// What was kept for when the lock is free. Returns workers that have done something meanwhile
    /// which nobody has heard.
    #[must_use = "somebody has to hear them"]
    pub(super) fn finish(&self, after: After) -> Vec<Arc<worker::Worker>> {
        let After { mut unled, woken, mut rare, .. } = after;
        let mut unheard = Vec::new();
        for raw in rare.iter_mut().flat_map(|rare| rare.released.drain(..)) {
            // Before the worker hears that it is released: what is sent after that would be lost.
            raw.release();
        }
        for Unled { worker, led } in unled.drain() {
            if (!worker.send() || !led) && !worker.listen() {
                unheard.push(worker);
            }
        }
        if let Some(rare) = &mut rare {
            self.finish_before_ends(rare);
        }
        for waker in woken.first.into_iter().chain(woken.more) {
            shielded(|| waker.wake());
        }
        for (ticket, outcome) in rare.iter_mut().flat_map(|rare| rare.resolved.drain(..)) {
            ticket.resolve(outcome);
        }
        if let Some(rare) = rare {
            self.finish_after_ends(*rare);
        }
        unheard
    }

    /// What observers and callers know of a query before it is over.
    #[cold]
    fn finish_before_ends(&self, rare: &mut Rare) {
        if rare.happened {
            self.events.wake();
        }
        if rare.destroyed {
            self.events.close();
            self.callbacks.close();
            // Whoever waits for that may want the ports.
            drop(std::mem::take(&mut *lock(&self.listeners)));
        }
        for id in rare.launches.drain(..) {
            self.launch_soon(id);
        }
        for id in rare.weighed.drain(..) {
            self.weigh_soon(id);
        }
        for (raw, how) in rare.ended.drain(..) {
            raw.end(how);
            let most = self.look(|state| state.core.target());
            lock(&self.listeners).close_beyond(most);
        }
        for ticket in rare.told.drain(..) {
            ticket.wake();
        }
    }

    #[cold]
    fn finish_after_ends(&self, rare: Rare) {
        let Rare { reached, destroyed, .. } = rare;
        let tell = move || {
            for (waiter, result) in reached {
                // It fails only where nobody waits any more.
                shielded(|| drop(waiter.try_send(result)));
            }
        };
        match self.timer.get() {
            // What workers have left behind is given back before that.
            Some((reactor, _)) if destroyed => reactor.submit_chore(tell),
            _ => tell(),
        }
    }

    fn launch_soon(&self, id: WorkerId) {
        let (Some(&(reactor, _)), Some(this)) = (self.timer.get(), self.this.upgrade()) else {
            return;
        };
        reactor.submit(move || this.launch(id, reactor));
    }

    /// Finds out how much memory a worker holds, on the reactor's thread.
    fn weigh_soon(&self, id: WorkerId) {
        let (Some((reactor, _)), Some(this)) = (self.timer.get(), self.this.upgrade()) else {
            return;
        };
        reactor.submit(move || {
            let rss = this.rss(id);
            this.change(|state, now| state.core.weighed(id, rss, now));
        });
    }

    /// The memory of a worker that is a process, in bytes.
    pub(super) fn rss(&self, id: WorkerId) -> Option<u64> {
        let worker = self.look(|state| state.worker(id).cloned())?;
        worker.usage().rss
    }

    /// Starts a worker, on the reactor's thread.
    fn launch(&self, id: WorkerId, reactor: &'static Reactor) {
        let (doomed, home) = self.look(|state| {
            let seat = state.seats.get(&id);
            (!matches!(seat, Some(Seat::Launching { doomed: false })), state.home)
        });
        let launched = match (doomed, self.mistake.clone()) {
            (true, _) => None,
            (false, Some(mistake)) => Some(Err(mistake)),
            (false, None) => Some(self.hand_listeners(id).and_then(|listeners| {
                let owner: Weak<Shared> = self.this.clone();
                let home = home.unwrap_or(Home::Process);
                worker::launch(&self.plan, home, id, owner, reactor, listeners, &self.observer)
            })),
        };
        match launched {
            Some(Ok(worker)) => {
                let raw = self.change(|state, _| {
                    let seat = state.seats.insert(id, Seat::Taken(worker.clone()));
                    if !matches!(seat, Some(Seat::Launching { doomed: false })) {
                        worker.kill();
                    }
                    let raw = state.raw(id).cloned();
                    if let Some(raw) = &raw {
                        raw.attach(&worker);
                    }
                    let spawned = || Worker::seated(self, state, id).map(Notice::Spawned);
                    self.callbacks.tell(Kind::Spawn, spawned);
                    raw
                });
                if let Some(raw) = raw {
                    raw.go_on();
                }
            }
            Some(Err(error)) => self.died(id, Obituary::unborn(Some(error))),
            None => self.died(id, Obituary::unborn(None)),
        }
    }
}

impl State {
    /// A call is over; its caller is woken when the lock is free again.
    pub(super) fn resolve(&mut self, ticket: Arc<Ticket>, outcome: Outcome) {
        match &mut self.after {
            // What opened a stream has two outcomes, and the second one may run code.
            After { woken, rare: None, .. }
                if self.core.is_quiet() && ticket.stream().is_none() =>
            {
                if let Some(waker) = ticket.settle(outcome) {
                    woken.add(waker);
                }
            }
            // Others are to know of what has happened before.
            after => after.rare().resolved.push((ticket, outcome)),
        }
    }

    /// Takes a query back that was handed over; `Some(false)`: it has begun. `None`: the worker
    /// has to be asked.
    fn take_back(&mut self, id: WorkerId, key: QueryKey) -> Option<bool> {
        let worker = self.worker(id)?;
        let taken = worker.take_back(key.to_wire())?;
        if taken {
            worker.leave_stream(key.to_wire());
            worker.records().take_back(key.to_wire());
        }
        let now = Instant::now();
        // These are the pool's own records, and agree with its policy's.
        let _ = match taken {
            true => self.core.returned(id, key, now),
            false => self.core.begun_at(id, key, now, now),
        };
        Some(taken)
    }

    /// Shuts the gate of a worker, and says what runs. `false`: the worker has to be asked.
    fn shut_gate(&mut self, id: WorkerId) -> bool {
        let Some(running) = self.worker(id).and_then(|worker| worker.shut_gate()) else {
            return false;
        };
        let running: Vec<QueryKey> = running.into_iter().map(QueryKey::from_wire).collect();
        let now = Instant::now();
        if let Err(violation) = self.core.gated(id, &running, now) {
            self.core.violated(id, &violation.to_string(), now);
        }
        true
    }

    fn tell(&mut self, id: WorkerId, kind: u8, query: u64) {
        if let Some(worker) = self.worker(id) {
            worker.tell(kind, query);
            self.after.send(id);
        }
    }
}

impl Obituary {
    /// Of a worker that never had a process.
    fn unborn(boot_error: Option<BootError>) -> Self {
        Self {
            pid: None,
            exit: Exit::Unknown,
            limit: None,
            oom_killed: false,
            max_rss: None,
            cpu: None,
            panic: None,
            debug: None,
            stderr_tail: None,
            begun: Default::default(),
            setting_up: false,
            failure: None,
            boot_error,
            at: SystemTime::now(),
        }
    }
}

fn event(note: Note) -> Event {
    let at = SystemTime::now();
    match note {
        Note::Spawned(worker) => Event::Spawned { worker, at },
        Note::Ready(worker) => Event::Ready { worker, at },
        Note::Crashed(report) => Event::Crashed(report),
        Note::Killed(report) => Event::Killed(report),
        Note::TimedOut(worker, after) => Event::TimedOut { worker, at, after },
        Note::Cancelled(worker) => Event::Cancelled { worker, at },
        Note::Recycled(worker) => Event::Recycled { worker, at },
        Note::Released(worker) => Event::Released { worker, at },
        Note::BudgetExhausted(worker) => Event::BudgetExhausted { worker, at },
        Note::Healed(worker) => Event::Healed { worker, at },
        Note::Quarantined(report, crashes) => Event::Quarantined { report, crashes },
        Note::Forgotten(report) => broadcast::forgotten(&report),
        Note::Scaled { worker, from, to } => Event::Scaled { worker, at, from, to },
    }
}
