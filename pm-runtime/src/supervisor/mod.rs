//! The policy of a pool: which worker runs which query, who is started, released, killed, and
//! what becomes of every query when something dies.
//!
//! It is pure: it owns no process, no thread and no clock. What happens is told to it (with the
//! time), what is to be done comes out as [`Action`]s. The simulation in `sim` drives it through
//! random histories and checks its invariants after each step.

mod budget;
mod clock;
mod drain;
mod life;
mod queries;
mod schedule;
#[cfg(test)]
mod sim;
mod slot;
mod work;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

pub(crate) use drain::{Goal, WaiterId};
pub(crate) use life::Obituary;
pub(crate) use queries::{Caller, QueryKey};
pub(crate) use slot::WorkerId;
pub(crate) use work::{End, Violation};

use budget::Budget;
use drain::{Rolling, Waiter};
use queries::{Place, Queries};
use slot::{Gate, Slot, Verdict};

use crate::error::{CrashReport, QueryError, SpawnError};
use crate::health::{Account, WorkerState};

/// How long a worker may take to confirm that its gate is shut, or that it dropped an async
/// query, before it counts as unable to.
const GATE_PATIENCE: Duration = Duration::from_millis(250);
const DROP_PATIENCE: Duration = Duration::from_secs(1);
/// How long a killed process may stay, before its queries are given up all the same.
const DEATH_PATIENCE: Duration = Duration::from_secs(5);

/// The options that the policy depends on.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) name: String,
    /// Workers of a pool that is in use.
    pub(crate) workers: usize,
    /// Queries that a worker runs at once.
    pub(crate) concurrency: usize,
    /// Queries that a worker may hold beyond those, not begun.
    pub(crate) ahead: usize,
    /// Bytes that it may hold so.
    pub(crate) ahead_bytes: usize,
    /// A running query can be dropped in its worker, because it is async.
    pub(crate) droppable: bool,
    pub(crate) boot_timeout: Duration,
    pub(crate) grace: Duration,
    /// What may wait before an immediate query is refused.
    pub(crate) queue: usize,
    pub(crate) queue_bytes: usize,
    pub(crate) max_crashes: Option<u32>,
    pub(crate) crash_window: Option<Duration>,
    /// Workers that may be starting at once.
    pub(crate) boots_at_once: usize,
    /// Seed of the backoff's jitter.
    pub(crate) seed: u64,
}

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Action<P> {
    /// Start a worker of this number.
    Launch(WorkerId),
    /// Hand it the query.
    Hand(WorkerId, QueryKey),
    /// Ask it for the query back, unless it has begun it.
    Recall(WorkerId, QueryKey),
    /// Tell it to drop the query, begun or not.
    Drop(WorkerId, QueryKey),
    /// Tell it to shut its gate and to say what runs.
    ShutGate(WorkerId),
    /// Tell it to open its gate again.
    OpenGate(WorkerId),
    /// Tell it to end, as it has nothing left to do.
    End(WorkerId),
    /// Kill it, and everything that it started.
    Kill(WorkerId),
    /// It was killed long ago and does not die: count it as dead.
    Abandon(WorkerId),
    /// A query ended without an answer.
    Fail(P, QueryError),
    /// A query ended, and nobody waits for it.
    Forget(P),
    /// What somebody waits for has come, or will never.
    Reached(WaiterId, Result<(), SpawnError>),
    /// Something that an observer wants to know.
    Note(Note),
}

/// An event, before it gets its time.
#[derive(Debug, Clone)]
pub(crate) enum Note {
    Spawned(WorkerId),
    Ready(WorkerId),
    Crashed(CrashReport),
    TimedOut(WorkerId, Duration),
    Released(WorkerId),
    BudgetExhausted(WorkerId),
    Healed(WorkerId),
}

/// What a caller asks for.
pub(crate) struct Submission<P> {
    pub(crate) payload: P,
    /// Bytes of the encoded arguments.
    pub(crate) size: usize,
    pub(crate) timeout: Option<Duration>,
    pub(crate) queue_timeout: Option<Duration>,
    /// Refuse it rather than let it wait.
    pub(crate) immediate: bool,
}

/// Whether a pool takes queries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Open,
    /// No new ones; what waits is still served until then.
    Draining {
        deadline: Instant,
        /// The grace is over.
        over: bool,
    },
    Destroyed,
}

/// Deliberate bugs, for the test of the test: the simulation has to catch each.
#[cfg(test)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    SkipTakeBack,
    ForgetHandedAtDeath,
    RerunBegunAtDeath,
    KeepLoadAfterAnswer,
    ForgetWaiter,
    KillWithoutGate,
    KillAnInnocent,
    HandToShutGate,
    HandToReleasing,
    NeverOpenGate,
    AnswerTwice,
    IgnoreBoot,
    LoseCancelled,
    CancelTwice,
    ForgetQueueTimeout,
    RequeueAtTheEnd,
    RespawnBeyondTheBudget,
    NeverRespawn,
    EndBeforeDone,
    OverfillWorker,
    AcceptStrangers,
    ReleaseBeforeReplacement,
    ForgetTheWake,
    TimeoutFromHanding,
    DestroyDropsWaiting,
}

/// The policy's state; `P` is what its owner keeps with each query.
pub(crate) struct Core<P> {
    config: Config,
    queries: Queries<P>,
    /// Every worker that is not gone, by age.
    slots: Vec<Slot>,
    next_worker: WorkerId,
    /// How many workers there should be; 0 until the first query, and after `unspawn`.
    target: usize,
    stage: Stage,
    budget: Budget,
    /// `BudgetExhausted` was told, and nothing has healed since.
    exhausted: bool,
    rolling: Option<Rolling>,
    waiters: Vec<Waiter>,
    next_waiter: WaiterId,
    account: Account,
    /// Queries that run although nobody waits for them.
    detached: usize,
    actions: VecDeque<Action<P>>,
    wake_at: Option<Instant>,
    #[cfg(test)]
    pub(crate) bug: Option<Bug>,
}

impl<P> Core<P> {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            budget: Budget::new(config.max_crashes, config.crash_window, config.seed),
            config,
            queries: Queries::new(),
            slots: Vec::new(),
            next_worker: 1,
            target: 0,
            stage: Stage::Open,
            exhausted: false,
            rolling: None,
            waiters: Vec::new(),
            next_waiter: 1,
            account: Account::default(),
            detached: 0,
            actions: VecDeque::new(),
            wake_at: None,
            #[cfg(test)]
            bug: None,
        }
    }

    /// The next thing to be done, in order.
    pub(crate) fn next_action(&mut self) -> Option<Action<P>> {
        self.actions.pop_front()
    }

    /// When [`tick`](Self::tick) is due.
    pub(crate) fn wake_at(&self) -> Option<Instant> {
        #[cfg(test)]
        if self.has(Bug::ForgetTheWake) {
            return None;
        }
        self.wake_at
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// What its owner keeps with a live query.
    pub(crate) fn payload(&mut self, key: QueryKey) -> Option<&mut P> {
        self.queries.get_mut(key).map(|query| &mut query.payload)
    }

    /// Takes a query in, and starts workers if there are none.
    ///
    /// `None`: it was refused; a [`Action::Fail`] carries its payload.
    pub(crate) fn submit(&mut self, submission: Submission<P>, now: Instant) -> Option<QueryKey> {
        self.account.submitted += 1;
        if let Some(error) = self.refusal(&submission, now) {
            self.account.rejected += 1;
            self.actions.push_back(Action::Fail(submission.payload, error));
            return None;
        }
        let Submission { payload, size, timeout, queue_timeout, .. } = submission;
        let key = self.queries.push(payload, size, timeout, queue_timeout, now);
        self.account.waiting += 1;
        if let Some(deadline) = self.queries.get(key).and_then(|query| query.queue_deadline) {
            self.wake_by(deadline);
        }
        if self.target == 0 {
            self.demand();
            self.fill(now);
        }
        self.dispatch(now);
        self.fail_if_hopeless(now);
        Some(key)
    }

    fn refusal(&mut self, submission: &Submission<P>, now: Instant) -> Option<QueryError> {
        if self.stage != Stage::Open {
            return Some(QueryError::Destroyed);
        }
        if submission.immediate && !self.has_room(submission.size) {
            let full = self.queries.waiting() >= self.config.queue
                || self.queries.waiting_bytes().saturating_add(submission.size)
                    > self.config.queue_bytes;
            if full {
                return Some(QueryError::QueueFull);
            }
        }
        if self.is_hopeless(now) {
            return self.exhaustion();
        }
        None
    }

    /// A query that ended before it reached the pool: it counts, and that is all.
    pub(crate) fn refuse(&mut self) {
        self.account.submitted += 1;
        self.account.rejected += 1;
    }

    /// The caller no longer wants the answer.
    pub(crate) fn cancel(&mut self, key: QueryKey, now: Instant) {
        let Some(query) = self.queries.get_mut(key) else {
            return;
        };
        if query.caller == Caller::Gone {
            return;
        }
        query.caller = Caller::Gone;
        let place = query.place;
        self.account.cancelled += 1;
        #[cfg(test)]
        if self.has(Bug::CancelTwice) {
            self.account.cancelled += 1;
        }
        match place {
            Place::Waiting => {
                self.account.waiting -= 1;
                #[cfg(test)]
                if self.has(Bug::LoseCancelled) {
                    return;
                }
                self.forget(key);
            }
            Place::Handed { worker, .. } => {
                self.account.waiting -= 1;
                self.queries.forget_deadline(key);
                // It may begin before this reaches it; then it is dropped, or runs on, detached.
                self.mark_recalled(worker, key);
                self.actions.push_back(Action::Drop(worker, key));
            }
            Place::Begun { worker, .. } => {
                self.account.running -= 1;
                self.detached += 1;
                if self.config.droppable {
                    self.actions.push_back(Action::Drop(worker, key));
                }
            }
        }
        self.after_change(now);
    }

    /// The least-loaded worker that takes queries.
    pub(crate) fn acquire(&self) -> Option<WorkerId> {
        self.slots
            .iter()
            .filter(|slot| slot.takes_queries())
            .min_by_key(|slot| slot.load())
            .map(|slot| slot.id)
    }

    fn slot(&self, worker: WorkerId) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.id == worker)
    }

    fn slot_mut(&mut self, worker: WorkerId) -> Option<&mut Slot> {
        self.slots.iter_mut().find(|slot| slot.id == worker)
    }

    fn note(&mut self, note: Note) {
        self.actions.push_back(Action::Note(note));
    }

    /// Sees to it that `tick` comes no later than this.
    fn wake_by(&mut self, at: Instant) {
        if self.wake_at.is_none_or(|wake_at| at < wake_at) {
            self.wake_at = Some(at);
        }
    }

    /// Ends a query without an answer, in the column that its place says.
    fn fail(&mut self, key: QueryKey, error: QueryError) {
        let Some(query) = self.queries.remove(key) else {
            return;
        };
        let begun = matches!(query.place, Place::Begun { .. });
        if query.caller == Caller::Gone {
            self.detached -= usize::from(begun);
            self.actions.push_back(Action::Forget(query.payload));
            return;
        }
        if begun {
            self.account.running -= 1;
            self.account.failed += 1;
        } else {
            self.account.waiting -= 1;
            self.account.rejected += 1;
        }
        self.actions.push_back(Action::Fail(query.payload, error));
    }

    /// Ends a query for which nobody waits.
    fn forget(&mut self, key: QueryKey) {
        if let Some(query) = self.queries.remove(key) {
            self.detached -= usize::from(matches!(query.place, Place::Begun { .. }));
            self.actions.push_back(Action::Forget(query.payload));
        }
    }

    /// What follows from any change of workers or queries.
    fn after_change(&mut self, now: Instant) {
        self.dispatch(now);
        self.settle(now);
    }

    #[cfg(test)]
    fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }
}

/// A worker, as observers see it.
#[derive(Debug, Clone)]
pub(crate) struct SlotView {
    pub(crate) id: WorkerId,
    pub(crate) state: WorkerState,
    pub(crate) load: usize,
    pub(crate) served: u64,
    pub(crate) since: Instant,
}

impl<P> Core<P> {
    pub(crate) fn is_destroyed(&self) -> bool {
        self.stage == Stage::Destroyed
    }

    pub(crate) fn account(&self) -> Account {
        self.account
    }

    pub(crate) fn waiting(&self) -> usize {
        self.queries.waiting()
    }

    pub(crate) fn waiting_bytes(&self) -> usize {
        self.queries.waiting_bytes()
    }

    pub(crate) fn detached(&self) -> usize {
        self.detached
    }

    pub(crate) fn crashes(&self) -> u64 {
        self.budget.total()
    }

    pub(crate) fn last_crash(&self) -> Option<&CrashReport> {
        self.budget.last()
    }

    pub(crate) fn views(&self) -> impl Iterator<Item = SlotView> {
        self.slots.iter().map(|slot| SlotView {
            id: slot.id,
            state: slot.state(),
            load: slot.load(),
            served: slot.served,
            since: slot.since,
        })
    }

    pub(crate) fn view(&self, worker: WorkerId) -> Option<SlotView> {
        self.views().find(|view| view.id == worker)
    }
}
