//! The policy of a pool: which worker runs which query, who is started, released, killed, and
//! what becomes of every query when something dies.
//!
//! It is pure: it owns no process, no thread and no clock. What happens is told to it (with the
//! time), what is to be done comes out as [`Action`]s. The simulation in `sim` drives it through
//! random histories and checks its invariants after each step.

mod births;
mod broadcast;
mod budget;
mod bug;
mod clock;
mod drain;
mod extend;
mod gate;
mod intake;
mod keys;
mod life;
mod lost;
mod pace;
mod quarantine;
mod queries;
mod query;
mod raw;
mod recycle;
mod rehouse;
mod retry;
mod scale;
mod schedule;
#[cfg(test)]
mod sim;
mod slot;
mod spares;
mod tally;
mod temporary;
#[cfg(test)]
mod tests;
mod view;
mod waiters;
mod work;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

pub(crate) use life::{Obituary, Particulars};
pub(crate) use quarantine::Fingerprint;
pub(crate) use query::{Caller, QueryKey, Route};
pub(crate) use slot::WorkerId;
pub(crate) use view::SlotView;
pub(crate) use waiters::{Goal, WaiterId};
pub(crate) use work::{End, Violation};

use broadcast::{Broadcasts, Method};
use budget::{Budget, Jitter};
pub(crate) use bug::Bug;
use drain::Rolling;
use keys::Keys;
use pace::Pace;
use quarantine::Quarantine;
use queries::Queries;
use query::{Place, Query};
use scale::Scaled;
use slot::{Gate, Slot, Verdict};
use tally::Tally;
#[cfg(feature = "metrics")]
pub(crate) use tally::Times;
use waiters::Waiter;

use crate::conduct::{Conduct, Terms};
use crate::error::{CrashReport, QueryError, SpawnError};
use crate::options::Cancel;

/// How long a worker may take to confirm that its gate is shut, or that it dropped an async
/// query, before it counts as unable to.
const GATE_PATIENCE: Duration = Duration::from_millis(250);
const DROP_PATIENCE: Duration = Duration::from_secs(1);
/// How long idle workers wait for the queries that one was asked for, before others are asked.
const RECALL_PATIENCE: Duration = Duration::from_millis(250);
/// How long a worker whose link has ended may live on; and one whose function has, at least.
const LINK_PATIENCE: Duration = Duration::from_secs(2);
/// How long a killed process may stay, before its queries are given up all the same.
const DEATH_PATIENCE: Duration = Duration::from_secs(5);

/// The options that the policy depends on.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) name: String,
    /// Workers of a pool that is in use; it finds its size between this and `most`.
    pub(crate) workers: usize,
    pub(crate) most: usize,
    /// How long a worker beyond `workers` may idle.
    pub(crate) idle_timeout: Option<Duration>,
    /// Queries that a worker runs at once.
    pub(crate) concurrency: usize,
    /// They share a thread: one that blocks it keeps all others of its worker from running.
    pub(crate) one_thread: bool,
    /// Queries that a worker may hold beyond those, not begun.
    pub(crate) ahead: usize,
    /// Bytes that it may hold so.
    pub(crate) ahead_bytes: usize,
    pub(crate) boot_timeout: Duration,
    pub(crate) grace: Duration,
    pub(crate) cancel: Cancel,
    /// What may wait before an immediate query is refused.
    pub(crate) queue: usize,
    pub(crate) queue_bytes: usize,
    pub(crate) max_crashes: Option<u32>,
    pub(crate) crash_window: Option<Duration>,
    /// So many workers that a query kills are enough; `None`: any number.
    pub(crate) quarantine: Option<u32>,
    /// Warm workers beyond the size.
    pub(crate) spares: usize,
    /// When a worker is to be replaced: after so many queries, so long after it was ready, or when
    /// it holds more than so many bytes between queries.
    pub(crate) max_queries: Option<u64>,
    pub(crate) max_age: Option<Duration>,
    pub(crate) max_memory: Option<u64>,
    /// Keys whose workers are remembered.
    pub(crate) keys: usize,
    /// Workers that may be starting at once.
    pub(crate) boots_at_once: usize,
    /// Cores that workers can run on.
    pub(crate) cores: usize,
    /// Its workers run one function each, to its end, and no queries.
    pub(crate) raw: bool,
    /// Seed of the backoff's jitter.
    pub(crate) seed: u64,
}

impl Config {
    /// Whether a worker runs nothing beside a query.
    pub(super) fn is_exclusive(&self, conduct: Conduct) -> bool {
        match conduct {
            Conduct::Exclusive => true,
            Conduct::Blocking => self.one_thread,
            Conduct::Async => false,
        }
    }

    /// Whether a worker may ever have served for long enough.
    pub(super) fn recycles(&self) -> bool {
        self.max_queries.is_some() || self.max_age.is_some() || self.max_memory.is_some()
    }
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
    /// Tell it to drop the query, begun or not, if it can.
    Drop(WorkerId, QueryKey),
    /// Tell it to shut its gate and to say what runs.
    ShutGate(WorkerId),
    /// Tell it to open its gate again.
    OpenGate(WorkerId),
    /// Say this to it, as it is said to every worker: submit a query to [`Core::replay`].
    Replay(WorkerId, Method),
    /// Nobody is told this any more.
    Unlearn(Method),
    /// Tell it to end, as it has nothing left to do.
    End(WorkerId),
    /// Kill it, and everything that it started.
    Kill(WorkerId),
    /// It was killed long ago and does not die: count it as dead.
    Abandon(WorkerId),
    /// Find out how much memory it holds, and say so by [`Core::weighed`].
    Weigh(WorkerId),
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
    /// It was killed for the pool's own reasons.
    Killed(CrashReport),
    TimedOut(WorkerId, Duration),
    Cancelled(WorkerId),
    Recycled(WorkerId),
    Released(WorkerId),
    BudgetExhausted(WorkerId),
    Healed(WorkerId),
    /// Workers died of what was said to each of them, this one last, and nobody is told that any more.
    Forgotten(CrashReport),
    /// The query that ran alone at this crash has killed so many workers, and is refused from now on.
    Quarantined(CrashReport, u32),
    /// The pool has found that this worker is needed, or is not.
    Scaled {
        worker: WorkerId,
        from: usize,
        to: usize,
    },
}

/// What a caller asks for.
pub(crate) struct Submission<P> {
    pub(crate) payload: P,
    /// Bytes of the encoded arguments.
    pub(crate) size: usize,
    pub(crate) timeout: Option<Duration>,
    pub(crate) queue_timeout: Option<Duration>,
    pub(crate) conduct: Conduct,
    /// Refuse it rather than let it wait.
    pub(crate) immediate: bool,
    pub(crate) route: Route,
    /// How often it may run again, should its worker die under it.
    pub(crate) retries: u32,
}

/// How often things went wrong, whoever is to blame.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Losses {
    /// Workers that died without the pool's doing.
    pub(crate) deaths: u64,
    pub(crate) timeouts: u64,
    pub(crate) panics: u64,
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
    /// The pauses between temporary workers that die before they begin anything. They count
    /// against nothing else.
    temporary_pauses: Budget,
    keys: Keys,
    pace: Pace,
    quarantine: Quarantine,
    broadcasts: Broadcasts,
    /// Of the pauses between the runs of a query.
    jitter: Jitter,
    /// How long a worker takes to start.
    boot: Option<Duration>,
    scaled: Scaled,
    /// `BudgetExhausted` was told, and nothing has healed since.
    exhausted: bool,
    rolling: Option<Rolling>,
    waiters: Vec<Waiter>,
    next_waiter: WaiterId,
    tally: Tally,
    /// Workers that took the place of others.
    restarts: u64,
    losses: Losses,
    /// Places that workers have left which were to stay, and nobody has taken yet.
    vacant: usize,
    /// Queries that run although nobody waits for them.
    detached: usize,
    /// Queries have ended, and what follows from that is still to be done.
    behind: bool,
    /// Those of this worker among them.
    answering: Option<WorkerId>,
    actions: VecDeque<Action<P>>,
    wake_at: Option<Instant>,
    #[cfg(test)]
    pub(crate) bug: Option<Bug>,
}

impl<P> Core<P> {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            budget: Budget::new(config.max_crashes, config.crash_window, config.seed),
            temporary_pauses: Budget::new(None, None, config.seed),
            keys: Keys::new(config.keys),
            quarantine: Quarantine::new(config.quarantine, config.crash_window),
            broadcasts: Broadcasts::default(),
            jitter: Jitter::new(config.seed),
            config,
            queries: Queries::new(),
            slots: Vec::new(),
            next_worker: 1,
            target: 0,
            stage: Stage::Open,
            pace: Pace::default(),
            boot: None,
            scaled: Scaled::default(),
            exhausted: false,
            rolling: None,
            waiters: Vec::new(),
            next_waiter: 1,
            tally: Tally::new(),
            restarts: 0,
            losses: Losses::default(),
            vacant: 0,
            detached: 0,
            behind: false,
            answering: None,
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

    /// Nothing is to be done yet.
    pub(crate) fn is_quiet(&self) -> bool {
        self.actions.is_empty()
    }

    /// When [`tick`](Self::tick) is due.
    pub(crate) fn wake_at(&self) -> Option<Instant> {
        self.wake_at
    }

    /// What its owner keeps with a live query.
    pub(crate) fn payload(&self, key: QueryKey) -> Option<&P> {
        self.queries.get(key).map(|query| &query.payload)
    }

    /// What a worker has to know of a query; how long it may run as that travels.
    pub(crate) fn handing(&self, key: QueryKey) -> Option<(&P, Terms, u64)> {
        let query = self.queries.get(key)?;
        let Query { conduct, alone, .. } = *query;
        let terms = Terms { conduct, alone, attempt: query.attempt(), traced: false };
        Some((&query.payload, terms, query.limit().to_wire()))
    }

    fn slot(&self, worker: WorkerId) -> Option<&Slot> {
        self.index_of(worker).and_then(|index| self.slots.get(index))
    }

    fn slot_mut(&mut self, worker: WorkerId) -> Option<&mut Slot> {
        self.index_of(worker).and_then(|index| self.slots.get_mut(index))
    }

    /// Where a worker stands: they are numbered by age.
    fn index_of(&self, worker: WorkerId) -> Option<usize> {
        self.slots.binary_search_by_key(&worker, |slot| slot.id).ok()
    }

    fn note(&mut self, note: Note) {
        match note {
            Note::TimedOut(..) => self.losses.timeouts += 1,
            Note::Crashed(_) => self.losses.deaths += 1,
            _ => {}
        }
        self.actions.push_back(Action::Note(note));
    }

    /// Sees to it that `tick` comes no later than this.
    fn wake_by(&mut self, at: Instant) {
        if self.wake_at.is_none_or(|wake_at| at < wake_at) {
            self.wake_at = Some(at);
        }
    }

    /// Ends a query without an answer, in the column that its place says.
    fn fail(&mut self, key: QueryKey, error: QueryError, now: Instant) {
        let Some(query) = self.queries.get(key) else {
            return;
        };
        let (ran, caller) = (query.ran(now), query.caller);
        let Some(payload) = self.queries.remove(key) else {
            return;
        };
        if caller == Caller::Gone {
            self.detached -= usize::from(ran.is_some() && !self.has(Bug::ForgetDetached));
            self.actions.push_back(Action::Forget(payload));
            return;
        }
        match ran {
            Some(_) if self.has(Bug::ForgetRunOfFailed) => self.tally.fail(Duration::ZERO, now),
            Some(ran) => self.tally.fail(ran, now),
            None => self.tally.reject(now),
        }
        self.actions.push_back(Action::Fail(payload, error));
    }

    /// Ends a query for which nobody waits.
    fn forget(&mut self, key: QueryKey) {
        let begun = self.queries.get(key).map(|query| matches!(query.place, Place::Begun { .. }));
        if let Some(payload) = self.queries.remove(key) {
            self.detached -= usize::from(begun == Some(true));
            self.actions.push_back(Action::Forget(payload));
        }
    }

    /// What follows from any change of workers or queries.
    fn after_change(&mut self, now: Instant) {
        self.draft(now);
        self.dispatch(now);
        self.settle(now);
    }

    #[cfg(test)]
    fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    /// Whether what nearly every query comes to may go a shorter way: where that has a bug of its
    /// own, or there is none.
    #[cfg(test)]
    fn takes_shortcuts(&self) -> bool {
        matches!(self.bug, None | Some(Bug::CountNoSeenBegins | Bug::KeepBytesOfSeen))
    }

    #[cfg(not(test))]
    const fn has(&self, _: Bug) -> bool {
        false
    }

    #[cfg(not(test))]
    const fn takes_shortcuts(&self) -> bool {
        true
    }
}

/// The end of a pause; one that is too long for the clock ends after anything else.
fn later(now: Instant, pause: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
    now + pause.min(FAR)
}
