//! What all handles of a pool share: the policy, its workers, and the hands that do what the
//! policy says.
//!
//! Everything runs under one short lock, in the order of the policy's actions; what may run code
//! of the application (wakers) or take long comes after it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::{Instant, SystemTime};

use async_broadcast::{InactiveReceiver, Sender};

use super::lead::Lead;
use super::ticket::{Outcome, Ticket};
use crate::child::entries::{Entry, Serve};
use crate::error::{
    BootError, DecodeError, EncodeError, Exit, PanicReport, QueryError, SpawnError,
};
use crate::event::{Event, Events};
use crate::options::Options;
use crate::process::fork;
use crate::reactor::{Reactor, Timed, Token};
use crate::supervisor::{
    Action, Config, Core, End, Note, Obituary, QueryKey, Submission, Violation, WaiterId, WorkerId,
};
use crate::sync::{lock, shielded};
use crate::wire::frame::Frame;
use crate::wire::message::{FromWorker, Refusal, to_worker};
use crate::worker::{self, Owner, Plan, Worker};

/// Events that a reader may lag behind.
const EVENTS_KEPT: usize = 1024;

/// Queries and bytes that a worker may hold beyond those that it runs. What it has not begun can
/// be had back, so that the numbers only need to keep it busy.
const AHEAD: usize = 16;
const AHEAD_BYTES: usize = 1 << 20;

/// Workers of a pool, and queries that a worker runs at once: more than any system bears, and few
/// enough to be added up and multiplied.
pub(crate) const MOST: usize = 1 << 20;

pub(crate) type Waiting = async_channel::Sender<Result<(), SpawnError>>;

pub(crate) struct Shared {
    pub(crate) options: Options,
    /// An option that makes no sense: no worker is ever started.
    mistake: Option<BootError>,
    plan: Plan,
    state: Mutex<State>,
    events: Sender<Event>,
    /// Keeps the channel open while nobody listens.
    _listener: InactiveReceiver<Event>,
    timer: OnceLock<(&'static Reactor, Token)>,
    lead: Lead,
    this: Weak<Shared>,
}

pub(crate) struct State {
    pub(crate) core: Core<Arc<Ticket>>,
    pub(crate) seats: BTreeMap<WorkerId, Seat>,
    pub(crate) waiters: BTreeMap<WaiterId, Waiting>,
    /// When the reactor will tick.
    armed: Option<Instant>,
    /// The last handle is gone: the pool holds itself until it is destroyed.
    keep: Option<Arc<Shared>>,
}

/// A worker's place.
pub(crate) enum Seat {
    /// The reactor is about to start it.
    Launching {
        /// It is not wanted any more.
        doomed: bool,
    },
    Taken(Arc<Worker>),
}

/// What is to be done when the lock is free again.
#[derive(Default)]
struct After {
    /// The caller with this ticket reads the answer itself, if there is nothing but its query.
    leads: Option<usize>,
    /// Workers with something in their outboxes.
    dirty: Vec<Arc<Worker>>,
    resolved: Vec<(Arc<Ticket>, Outcome)>,
    events: Vec<Event>,
    reached: Vec<(Waiting, Result<(), SpawnError>)>,
    launches: Vec<WorkerId>,
    /// Dropped outside the lock, because drops may come back.
    forgotten: Vec<Arc<Ticket>>,
    kept: Option<Arc<Shared>>,
}

impl After {
    /// A worker got something into its outbox, which is sent with all that follows.
    fn send(&mut self, worker: &Arc<Worker>) {
        if !self.dirty.iter().any(|dirty| Arc::ptr_eq(dirty, worker)) {
            self.dirty.push(worker.clone());
        }
    }
}

impl Shared {
    pub(crate) fn new(name: String, entry: Entry, options: Options) -> Arc<Self> {
        let mistake = options.mistake();
        // A pool that will not start still has to be consistent.
        let options = if mistake.is_some() { Options::default() } else { options };
        let (droppable, usual) = match entry.serve {
            Serve::Blocking(_) => (false, 1),
            Serve::Async(_) => (true, 64),
        };
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        let concurrency = options.concurrency.unwrap_or(usual).min(MOST);
        let config = Config {
            name: name.clone(),
            workers: options.workers.unwrap_or(cpus).min(MOST),
            concurrency,
            ahead: AHEAD,
            ahead_bytes: AHEAD_BYTES,
            droppable,
            boot_timeout: Options::finite(options.boot_timeout),
            grace: Options::finite(options.grace),
            queue: options.queue,
            queue_bytes: options.queue_bytes,
            max_crashes: options.max_crashes,
            crash_window: options.crash_window,
            boots_at_once: cpus,
            seed: u64::from(std::process::id()) << 32 | u64::from(seed()),
        };
        let plan = Plan {
            entry,
            program: options.program.clone(),
            pool: name,
            concurrency: u32::try_from(concurrency).unwrap_or(u32::MAX),
            max_frame: u32::try_from(options.max_frame).unwrap_or(u32::MAX),
            in_process: options.in_process,
            faults: options.faults.clone(),
        };
        let (mut events, listener) = async_broadcast::broadcast(EVENTS_KEPT);
        events.set_overflow(true);
        Arc::new_cyclic(|this| Self {
            options,
            mistake,
            plan,
            state: Mutex::new(State {
                core: Core::new(config),
                seats: BTreeMap::new(),
                waiters: BTreeMap::new(),
                armed: None,
                keep: None,
            }),
            events,
            _listener: listener.deactivate(),
            timer: OnceLock::new(),
            lead: Lead::default(),
            this: this.clone(),
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.plan.pool
    }

    pub(crate) fn events(&self) -> Events {
        Events::new(self.events.new_receiver())
    }

    /// Reads the state; changes nothing.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        look(&lock(&self.state))
    }

    /// Changes the state, and does what the policy says.
    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut State, Instant) -> R) -> R {
        self.change_as(After::default(), change)
    }

    fn change_as<R>(&self, mut after: After, change: impl FnOnce(&mut State, Instant) -> R) -> R {
        let now = Instant::now();
        let (result, tick_by) = {
            let mut state = lock(&self.state);
            let result = change(&mut state, now);
            self.perform(&mut state, &mut after);
            // Whoever leads may never be polled again: what happens now must not wait for it.
            if let Some(led) = self.lead.take().and_then(|id| state.worker(id)) {
                after.send(led);
            }
            match (after.leads, &after.dirty[..]) {
                (Some(whose), [worker]) if state.core.live() == 1 => {
                    self.lead.set(worker.id(), whose);
                }
                _ => after.leads = None,
            }
            (result, state.arm())
        };
        if let (Some(at), Some((reactor, timer))) = (tick_by, self.timer.get()) {
            reactor.tick_by(*timer, at);
        }
        self.finish(after);
        result
    }

    /// Submits a query. `true`: it is the only one, nobody listens to its worker, and its caller
    /// is to [`lead`](Self::lead).
    pub(crate) fn submit(
        &self,
        ticket: &Arc<Ticket>,
        submission: Submission<Arc<Ticket>>,
    ) -> (Option<QueryKey>, bool) {
        if let Err(error) = self.set_up() {
            self.change(|state, _| state.core.refuse());
            ticket.resolve(Err(QueryError::Boot(error)));
            return (None, false);
        }
        let submit = |state: &mut State, now| state.core.submit(submission, now);
        if !self.lead.luck.is_good() {
            return (self.change(submit), false);
        }
        let whose = place(ticket);
        let key = self.change_as(After { leads: Some(whose), ..After::default() }, submit);
        (key, self.lead.belongs_to(whose))
    }

    /// Reads the answer of the only query on the caller's own thread, if it comes soon: no other
    /// thread has to be woken for it.
    pub(crate) fn lead(&self, ticket: &Ticket) {
        let led = self.look(|state| {
            // It may have been broken since, and be another caller's now, who relies on it.
            let led = self.lead.belongs_to(place(ticket)).then(|| self.lead.take()).flatten();
            led.and_then(|id| state.worker(id).cloned())
        });
        let Some(worker) = led else { return };
        ticket.forget_waker();
        let came = self.lead.luck.look(|| {
            worker.read_now();
            ticket.is_resolved()
        });
        if !came {
            worker.listen();
        }
    }

    /// Makes sure that somebody keeps the time for this pool.
    pub(crate) fn set_up(&self) -> Result<(), BootError> {
        if self.timer.get().is_some() && !fork::is_fork() {
            return Ok(());
        }
        let reactor = Reactor::get()
            .map_err(|error| BootError::Refused { reason: error.to_string().into() })?;
        let timed: Weak<Shared> = self.this.clone();
        self.timer.get_or_init(|| (reactor, reactor.add_timer(timed)));
        Ok(())
    }

    /// The last handle is gone: the pool ends in the background.
    pub(crate) fn retire(&self) {
        let Some(this) = self.this.upgrade() else {
            return;
        };
        self.change(|state, now| {
            let waiter = state.core.destroy(now);
            let (sender, _) = async_channel::bounded(1);
            state.waiters.insert(waiter, sender);
            state.keep = Some(this);
        });
    }

    fn perform(&self, state: &mut State, after: &mut After) {
        while let Some(action) = state.core.next_action() {
            let mut tell = |state: &State, id, kind, query| {
                if let Some(worker) = state.worker(id) {
                    worker.tell(kind, query);
                    after.send(worker);
                }
            };
            match action {
                Action::Launch(id) => {
                    state.seats.insert(id, Seat::Launching { doomed: false });
                    after.launches.push(id);
                }
                Action::Hand(id, key) => {
                    let request = state.core.payload(key).cloned();
                    if let (Some(worker), Some(request)) = (state.worker(id), request) {
                        worker.hand(key.to_wire(), request);
                        after.send(worker);
                    }
                }
                Action::Recall(id, key) => tell(state, id, to_worker::TAKE_BACK, key.to_wire()),
                Action::Drop(id, key) => tell(state, id, to_worker::DROP, key.to_wire()),
                Action::ShutGate(id) => tell(state, id, to_worker::SHUT_GATE, 0),
                Action::OpenGate(id) => tell(state, id, to_worker::OPEN_GATE, 0),
                Action::End(id) => tell(state, id, to_worker::END, 0),
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
                Action::Fail(ticket, error) => after.resolved.push((ticket, Err(error))),
                Action::Forget(ticket) => after.forgotten.push(ticket),
                Action::Reached(waiter, result) => {
                    if let Some(sender) = state.waiters.remove(&waiter) {
                        after.reached.push((sender, result));
                    }
                    if state.core.is_destroyed() {
                        after.kept = state.keep.take();
                    }
                }
                Action::Note(note) => after.events.push(event(note)),
            }
        }
    }

    fn finish(&self, after: After) {
        let After { leads, dirty, resolved, events, reached, launches, forgotten, kept } = after;
        for worker in dirty {
            if !worker.send() || leads.is_none() {
                worker.listen();
            }
        }
        for id in launches {
            self.launch_soon(id);
        }
        for event in events {
            // It fails only where nobody listens.
            shielded(|| drop(self.events.try_broadcast(event)));
        }
        for (ticket, outcome) in resolved {
            ticket.resolve(outcome);
        }
        for (waiter, result) in reached {
            // It fails only where nobody waits any more.
            shielded(|| drop(waiter.try_send(result)));
        }
        drop(forgotten);
        drop(kept);
    }

    fn launch_soon(&self, id: WorkerId) {
        let (Some(&(reactor, _)), Some(this)) = (self.timer.get(), self.this.upgrade()) else {
            return;
        };
        reactor.submit(move || this.launch(id, reactor));
    }

    /// Starts a worker, on the reactor's thread.
    fn launch(&self, id: WorkerId, reactor: &'static Reactor) {
        let doomed = self
            .look(|state| !matches!(state.seats.get(&id), Some(Seat::Launching { doomed: false })));
        let launched = match (doomed, self.mistake.clone()) {
            (true, _) => None,
            (false, Some(mistake)) => Some(Err(mistake)),
            (false, None) => {
                let owner: Weak<Shared> = self.this.clone();
                Some(worker::launch(&self.plan, id, owner, reactor))
            }
        };
        match launched {
            Some(Ok(worker)) => self.change(|state, _| {
                let seat = state.seats.insert(id, Seat::Taken(worker.clone()));
                if !matches!(seat, Some(Seat::Launching { doomed: false })) {
                    worker.kill();
                }
            }),
            Some(Err(error)) => self.died(id, Obituary::unborn(Some(error))),
            None => self.died(id, Obituary::unborn(None)),
        }
    }

    /// Takes in what a worker said; `Err`: it cannot have said that.
    fn hear(
        &self,
        state: &mut State,
        id: WorkerId,
        frame: Frame,
        now: Instant,
        resolved: &mut Vec<(Arc<Ticket>, Outcome)>,
    ) -> Result<(), String> {
        let message = FromWorker::try_from(frame).map_err(|error| error.to_string())?;
        let core = &mut state.core;
        let violated = |violation: Violation| violation.to_string();
        let mut end = |core: &mut Core<_>, query: u64, end: End, outcome: Outcome| {
            let ticket = core.ended(id, QueryKey::from_wire(query), end, now).map_err(violated)?;
            resolved.extend(ticket.map(|ticket| (ticket, outcome)));
            Ok(())
        };
        match message {
            FromWorker::Begun { id: query } => {
                core.begun(id, QueryKey::from_wire(query), now).map_err(violated)
            }
            FromWorker::Answer { response, .. } if response.len() > self.options.max_frame => {
                Err("its answer is larger than max_frame".into())
            }
            FromWorker::Answer { id: query, response } => {
                end(core, query, End::Answered, Ok(response))
            }
            FromWorker::Panicked { id: query, note } => {
                let report = PanicReport::new(id, note);
                end(core, query, End::Failed, Err(QueryError::Panicked(report)))
            }
            FromWorker::Refused { id: query, refusal } => {
                let error = self.refused(refusal);
                end(core, query, End::Failed, Err(error))
            }
            FromWorker::Returned { id: query } => {
                core.returned(id, QueryKey::from_wire(query), now).map_err(violated)
            }
            FromWorker::Dropped { id: query } => {
                core.dropped(id, QueryKey::from_wire(query), now).map_err(violated)
            }
            FromWorker::Gated { running } => {
                let running: Vec<QueryKey> = running.into_iter().map(QueryKey::from_wire).collect();
                core.gated(id, &running, now).map_err(violated)
            }
            FromWorker::LastPanic { note } => {
                if let Some(worker) = state.worker(id) {
                    worker.note_panic(note);
                }
                Ok(())
            }
        }
    }

    fn refused(&self, refusal: Refusal) -> QueryError {
        match refusal {
            Refusal::Decode { type_name, message } => {
                QueryError::Decode(DecodeError::new(&type_name, message))
            }
            Refusal::Encode { type_name, message } => {
                QueryError::Encode(EncodeError::new(&type_name, message))
            }
            Refusal::TooLarge { size } => QueryError::TooLarge {
                size: usize::try_from(size).unwrap_or(usize::MAX),
                limit: self.options.max_frame,
            },
        }
    }
}

impl Owner for Shared {
    fn ready(&self, id: WorkerId) {
        self.change(|state, now| {
            if let Err(violation) = state.core.ready(id, now) {
                state.core.violated(id, &violation.to_string(), now);
            }
        });
    }

    fn heard(&self, id: WorkerId, frames: &mut Vec<Frame>) -> bool {
        let mut resolved = Vec::new();
        let (broke, loaded) = self.change(|state, now| {
            for frame in frames.drain(..) {
                if let Err(what) = self.hear(state, id, frame, now, &mut resolved) {
                    return (state.worker(id).cloned().map(|worker| (worker, what)), false);
                }
            }
            (None, state.core.load(id) > 0)
        });
        for (ticket, outcome) in resolved {
            ticket.resolve(outcome);
        }
        if let Some((worker, what)) = broke {
            worker.broke(&what);
        }
        loaded
    }

    fn broke(&self, id: WorkerId, what: &str) {
        self.change(|state, now| state.core.violated(id, what, now));
    }

    fn died(&self, id: WorkerId, obituary: Obituary) {
        let seat = self.change(|state, now| {
            state.core.died(id, obituary, now);
            state.seats.remove(&id)
        });
        drop(seat);
    }
}

impl Timed for Shared {
    fn tick(&self, _: Instant) {
        self.change(|state, now| {
            state.armed = None;
            state.core.tick(now);
        });
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some((reactor, timer)) = self.timer.get() {
            reactor.remove_timer(*timer);
        }
    }
}

impl State {
    pub(crate) fn worker(&self, id: WorkerId) -> Option<&Arc<Worker>> {
        match self.seats.get(&id) {
            Some(Seat::Taken(worker)) => Some(worker),
            Some(Seat::Launching { .. }) | None => None,
        }
    }

    /// `Some`: the reactor has to tick earlier than it knows.
    fn arm(&mut self) -> Option<Instant> {
        let wake_at = self.core.wake_at()?;
        if self.armed.is_some_and(|armed| armed <= wake_at) {
            return None;
        }
        self.armed = Some(wake_at);
        Some(wake_at)
    }
}

impl Obituary {
    /// Of a worker that never had a process.
    fn unborn(boot_error: Option<BootError>) -> Self {
        Self {
            pid: None,
            exit: Exit::Unknown,
            max_rss: None,
            cpu: None,
            panic: None,
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
        Note::TimedOut(worker, after) => Event::TimedOut { worker, at, after },
        Note::Released(worker) => Event::Released { worker, at },
        Note::BudgetExhausted(worker) => Event::BudgetExhausted { worker, at },
        Note::Healed(worker) => Event::Healed { worker, at },
    }
}

/// Tells live tickets apart.
fn place(ticket: &Ticket) -> usize {
    std::ptr::from_ref(ticket).addr()
}

/// Spreads the jitter of pools that start together.
fn seed() -> u32 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0) as u32
}
