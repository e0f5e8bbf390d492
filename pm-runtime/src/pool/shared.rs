//! What all handles of a pool share: the policy, its workers, and the hands that do what the
//! policy says.
//!
//! Everything runs under one short lock, in the order of the policy's actions; what may run code
//! of the application (wakers) or take long comes after it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, Weak};
use std::time::Instant;

use super::after::After;
use super::callbacks::Callbacks;
use super::config::config;
use super::events::{Channel, Events};
use super::lead::{Lead, Leader, Turn};
use super::raw::Raw;
use super::recent::Recent;
use super::registry;
use super::ticket::Ticket;
use crate::child::{self, Home, entries::Entry};
use crate::error::{BootError, QueryError, SpawnError};
use crate::listener::Listeners;
use crate::options::Options;
use crate::process::fork;
use crate::reactor::{Reactor, Timed, Token};
use crate::supervisor::{Config, Core, Fingerprint, QueryKey, Submission, WaiterId, WorkerId};
use crate::sync::lock;
use crate::trace::{self, Observer};
use crate::wire::bulk::Parcel;
use crate::wire::codec;
use crate::worker::{Plan, Worker};

pub(crate) type Waiting = async_channel::Sender<Result<(), SpawnError>>;

pub(crate) struct Shared {
    /// The pool's number in this process.
    pub(super) id: u64,
    pub(crate) options: Options,
    /// An option that makes no sense: no worker is ever started.
    pub(super) mistake: Option<BootError>,
    pub(super) plan: Plan,
    /// Where workers accept connections; none when the pool is destroyed.
    pub(super) listeners: Mutex<Listeners>,
    pub(super) state: Mutex<State>,
    pub(super) events: Arc<Channel>,
    pub(super) callbacks: Arc<Callbacks>,
    pub(super) observer: Arc<Observer>,
    /// Messages that nobody heard.
    pub(super) missed: AtomicU64,
    pub(super) timer: OnceLock<(&'static Reactor, Token)>,
    pub(crate) leader: Leader,
    pub(super) this: Weak<Shared>,
}

pub(crate) struct State {
    pub(crate) core: Core<Arc<Ticket>>,
    /// Where workers that are started now live; settled when the pool is first used.
    pub(super) home: Option<Home>,
    pub(crate) seats: BTreeMap<WorkerId, Seat>,
    /// What is said to and by raw workers.
    pub(super) raws: BTreeMap<WorkerId, Arc<Raw>>,
    pub(crate) waiters: BTreeMap<WaiterId, Waiting>,
    /// What is said to every worker, by method.
    pub(super) words: BTreeMap<usize, Parcel>,
    /// What is to be done when the lock is free again.
    pub(super) after: After,
    pub(super) lead: Lead,
    clock: Recent,
    /// When the reactor will tick.
    armed: Option<Instant>,
    /// The last handle is gone: the pool holds itself until it is destroyed.
    pub(super) keep: Option<Arc<Shared>>,
    /// It is over, and observers know that.
    pub(super) over: bool,
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

impl Shared {
    pub(crate) fn new(name: String, entry: Entry, options: Options) -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let of_raw = || options.mistake_of_raw().filter(|_| entry.serve.is_raw());
        let mistake = options.mistake().or_else(of_raw);
        // A pool that will not start still has to be consistent.
        let mut options = if mistake.is_some() { Options::default() } else { options };
        let listeners = std::mem::take(&mut options.listeners);
        let config = config(&name, &entry, &options);
        let concurrency = config.concurrency;
        let plan = Plan {
            entry,
            program: options.program.clone(),
            surroundings: options.surroundings.clone(),
            pool: name,
            concurrency: u32::try_from(concurrency).unwrap_or(u32::MAX),
            ahead: config.ahead,
            max_frame: u32::try_from(options.max_frame).unwrap_or(u32::MAX),
            window: entry.serve.has_streams().then_some(options.window),
            raw: entry.serve.is_raw(),
            waits: entry.serve.is_raw() && options.spares > 0,
            transport: options.transport,
            runtime: options.runtime,
            timeout: options.timeout,
            depth: child::depth(),
            faults: options.faults.clone(),
        };
        Arc::new_cyclic(|this| Self {
            observer: Observer::new(&plan.pool),
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            options,
            mistake,
            plan,
            listeners: Mutex::new(listeners),
            state: Mutex::new(State::new(config)),
            events: Arc::default(),
            callbacks: Arc::default(),
            missed: AtomicU64::new(0),
            timer: OnceLock::new(),
            leader: Leader::default(),
            this: this.clone(),
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.plan.pool
    }

    /// Notes who follows a query that is about to be submitted. Not under the lock.
    pub(super) fn trace(&self, ticket: &mut Ticket) {
        let kind = ticket.stream().map_or(trace::Kind::Query, |_| trace::Kind::Stream);
        let query = || self.plan.entry.query_of(ticket.request().value());
        ticket.trace(trace::call(kind, self.name(), query));
    }

    /// A query is not even submitted: those who would follow it see why.
    #[cold]
    pub(super) fn turned_away(&self, mut ticket: Arc<Ticket>, error: QueryError) -> QueryError {
        if let Some(ticket) = Arc::get_mut(&mut ticket) {
            self.trace(ticket);
        }
        let refused = Err::<(), _>(error.clone());
        ticket.traced().ended(&refused);
        error
    }

    pub(crate) fn events(&self) -> Events {
        self.events.subscribe()
    }

    pub(crate) fn is_destroyed(&self) -> bool {
        self.look(|state| state.core.is_destroyed())
    }

    /// Reads the state; changes nothing. In a fork, where the lock may be held for ever, and none
    /// of the workers are its own, that of a pool that was never used.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        if fork::is_fork() {
            let config = config(self.name(), &self.plan.entry, &self.options);
            return look(&State::new(config));
        }
        look(&lock(&self.state))
    }

    /// Changes the state, and does what the policy says.
    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut State, Instant) -> R) -> R {
        let now = Instant::now();
        let mut state = lock(&self.state);
        state.clock.note(now);
        let result = change(&mut state, now);
        self.perform(&mut state);
        self.follow_up(state, now).iter().for_each(Worker::hear_soon);
        result
    }

    /// Does what is to be done without the lock, which it gives up; returns workers that nobody has
    /// heard.
    #[must_use = "somebody has to hear them"]
    fn follow_up(&self, mut state: MutexGuard<'_, State>, now: Instant) -> Vec<Arc<Worker>> {
        let check_at = self.lead_workers(&mut state, now);
        let tick_by = state.arm(check_at);
        let after = (!state.after.is_empty()).then(|| std::mem::take(&mut state.after));
        drop(state);
        if let (Some(at), Some((reactor, timer))) = (tick_by, self.timer.get()) {
            reactor.tick_by(*timer, at);
        }
        after.map(|after| self.finish(after)).unwrap_or_default()
    }

    /// Changes the state, and leaves what is to be done without the lock to
    /// [`finish_change`](Self::finish_change), which has to follow.
    pub(super) fn change_only<R>(&self, change: impl FnOnce(&mut State, Instant) -> R) -> R {
        let now = Instant::now();
        let mut state = lock(&self.state);
        state.clock.note(now);
        let result = change(&mut state, now);
        self.perform(&mut state);
        result
    }

    pub(super) fn finish_change(&self) {
        let mut state = lock(&self.state);
        let now = state.clock.about();
        self.follow_up(state, now).iter().for_each(Worker::hear_soon);
    }

    /// Submits a query; `forced`: its worker has to be a process.
    pub(crate) fn submit(
        &self,
        ticket: &Arc<Ticket>,
        submission: Submission<Arc<Ticket>>,
        forced: bool,
    ) -> (Option<QueryKey>, Turn) {
        if let Err(error) = self.set_up() {
            self.change(|state, now| state.core.refuse(now));
            ticket.resolve(Err(QueryError::Boot(error)));
            return (None, Turn::Later);
        }
        let (mut state, mut print) = (lock(&self.state), None);
        if state.core.is_wary_of(submission.size) {
            drop(state);
            // Not under the lock: it takes as long as there are bytes.
            print = self.print_of(ticket);
            state = lock(&self.state);
        }
        let now = match submission.queue_timeout {
            Some(_) => state.clock.now(),
            None => state.clock.about(),
        };
        state.settle_home(&self.options, forced, now);
        let key = state.core.submit(submission, print, now);
        let turn = match key {
            Some(key) => self.join_lead(&mut state, ticket, key),
            None => Turn::Later,
        };
        self.perform(&mut state);
        // What nobody has heard is the answer, as a rule.
        self.follow_up(state, now).iter().for_each(Worker::hear_now);
        (key, turn)
    }

    /// What tells a query from others, if anything is to be held against it.
    pub(super) fn print_of(&self, ticket: &Ticket) -> Option<Fingerprint> {
        let suspected = self.options.quarantine.is_some() && ticket.stream().is_none();
        (suspected && codec::has_arguments(ticket.request())).then(|| ticket.print())
    }

    /// Hears of what workers have begun and ended that nobody has looked at.
    pub(crate) fn look_at_workers(&self) {
        let busy: Vec<Arc<Worker>> = self.look(|state| {
            let loaded = state.core.views().filter(|view| view.load > 0);
            loaded.filter_map(|view| state.worker(view.id).cloned()).collect()
        });
        for worker in busy {
            worker.read_now();
        }
    }

    /// Hears what workers say whose queries seem to run too long: those may have asked for more time.
    fn listen_to_late(&self) {
        let late: Vec<Arc<Worker>> = self.look(|state| {
            let late = state.core.late(Instant::now());
            late.filter_map(|worker| state.worker(worker).cloned()).collect()
        });
        for worker in late {
            worker.read_all();
        }
    }

    /// Makes sure that somebody keeps the time for this pool.
    pub(crate) fn set_up(&self) -> Result<(), BootError> {
        if self.timer.get().is_some() && !fork::is_fork() {
            return Ok(());
        }
        let reactor = Reactor::get()
            .map_err(|error| BootError::Refused { reason: error.to_string().into() })?;
        self.observer.note_audience();
        let timed: Weak<Shared> = self.this.clone();
        self.timer.get_or_init(|| (reactor, reactor.add_timer(timed)));
        Ok(())
    }

    /// Kills every worker process, and waits for nothing.
    pub(crate) fn kill_workers(&self) {
        self.look(|state| {
            for seat in state.seats.values() {
                if let Seat::Taken(worker) = seat
                    && worker.pid().is_some()
                {
                    worker.kill();
                }
            }
        });
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
}

impl Timed for Shared {
    fn tick(&self, _: Instant) {
        let is_due = |state: &State| state.core.wake_at().is_some_and(|at| at <= Instant::now());
        let due = self.look(is_due);
        if due {
            // What runs too long has to be told from what was not heard of.
            self.look_at_workers();
            self.listen_to_late();
        }
        self.change(|state, now| {
            state.armed = None;
            if due {
                state.core.tick(now);
            }
            self.check_lead(state);
        });
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if fork::is_fork() {
            // Every one of these locks may be held for ever.
            return;
        }
        #[cfg(feature = "metrics")]
        super::counts::keep(self);
        registry::leave(self);
        self.events.close();
        self.callbacks.close();
        if let Some((reactor, timer)) = self.timer.get() {
            reactor.remove_timer(*timer);
        }
    }
}

impl State {
    fn new(config: Config) -> Self {
        Self {
            core: Core::new(config),
            home: None,
            seats: BTreeMap::new(),
            raws: BTreeMap::new(),
            waiters: BTreeMap::new(),
            words: BTreeMap::new(),
            after: After::default(),
            lead: Lead::default(),
            clock: Recent::new(),
            armed: None,
            keep: None,
            over: false,
        }
    }

    pub(crate) fn worker(&self, id: WorkerId) -> Option<&Arc<Worker>> {
        match self.seats.get(&id) {
            Some(Seat::Taken(worker)) => Some(worker),
            Some(Seat::Launching { .. }) | None => None,
        }
    }

    /// `Some`: the reactor has to tick earlier than it knows.
    pub(super) fn arm(&mut self, check_at: Option<Instant>) -> Option<Instant> {
        let wake_at = self.core.wake_at().into_iter().chain(check_at).min()?;
        if self.armed.is_some_and(|armed| armed <= wake_at) {
            return None;
        }
        self.armed = Some(wake_at);
        Some(wake_at)
    }
}
