//! What is true of every query and every worker, whatever the policy believes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::super::budget::BACKOFF_CAP;
use super::super::{Config, QueryKey, Route, WaiterId, WorkerId};
use super::broadcast::{Hearing, Word};
use super::crashes::Blames;
use crate::conduct::Conduct;
use crate::error::{Blame, CrashCause};
use crate::options::Cancel;

/// A complaint of the oracle is an error.
pub(super) type Check<T = ()> = Result<T, String>;

/// What the policy keeps with each query: its place in the ledger.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ticket(pub(super) usize);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Completed,
    Failed,
    Rejected,
    Forgotten,
}

#[derive(Debug)]
pub(super) struct Fact {
    pub(super) key: Option<QueryKey>,
    pub(super) size: usize,
    pub(super) timeout: Option<Duration>,
    pub(super) queue_timeout: Option<Duration>,
    pub(super) submitted: Instant,
    /// Since when it waits, or had waited before it began.
    pub(super) since: Instant,
    pub(super) immediate: bool,
    pub(super) route: Route,
    pub(super) conduct: Conduct,
    pub(super) retries: u32,
    /// Its worker is to hear it before it is ready.
    pub(super) replay: bool,
    /// Which bytes it has, of a few that many have; `None`: its own. 0: it has no arguments.
    pub(super) bytes: Option<u8>,
    /// In how many workers its code truly began before this one.
    pub(super) runs: u32,
    /// When the last worker died under it, and nobody was told, because it runs again.
    pub(super) crashed: Option<Instant>,
    /// It blocks, so that it cannot be dropped although it is async.
    pub(super) stubborn: bool,
    pub(super) cancelled: bool,
    /// It opens a stream, and ends when that does.
    pub(super) opens: bool,
    /// The policy was told that it has.
    pub(super) is_open: bool,
    /// It had, and not after it was told to be dropped because it took too long.
    pub(super) is_in_time: bool,
    /// A worker was told to drop it.
    pub(super) unwanted: bool,
    pub(super) outcome: Option<Outcome>,
    /// The worker in which its code truly began.
    pub(super) begun_in: Option<WorkerId>,
    /// When the policy was told so.
    pub(super) told: Option<Instant>,
    /// How long its caller had waited for that, if it still did.
    pub(super) waited: Option<Duration>,
    /// When it got its outcome, or was cancelled.
    pub(super) over: Option<Instant>,
}

impl Fact {
    /// Once handed to a worker, no other gets it as long as that one lives.
    pub(super) fn stays_where_it_is(&self) -> bool {
        matches!(self.route, Route::Key(_) | Route::Worker(_))
    }

    /// It runs, and holds up others.
    pub(super) fn is_at_work(&self) -> bool {
        self.told.is_some() && !self.is_open
    }

    /// Nobody waits for it, and if it runs, it is to end with its worker.
    pub(super) fn is_unwanted(&self, config: &Config) -> bool {
        config.cancel == Cancel::Kill && self.cancelled && self.conduct != Conduct::Async
    }
}

/// What a worker has done, and what it weighs.
#[derive(Debug, Default)]
pub(super) struct Wear {
    pub(super) used: u64,
    /// When its memory was last asked for.
    pub(super) asked: Option<Instant>,
    /// It has ended something since.
    pub(super) stale: bool,
    /// How much of that has come to be known at once, and is yet to be acted upon.
    pub(super) recent: usize,
    /// It was too heavy, while it was at work.
    pub(super) heavy: bool,
    /// It is too heavy.
    pub(super) too_heavy: bool,
    /// It was from the beginning.
    pub(super) exempt: bool,
    /// It was worn out before the limits were lifted.
    pub(super) before: bool,
}

/// A worker, from the actions that concern it.
#[derive(Debug)]
pub(super) struct Shadow {
    pub(super) launched: Instant,
    /// A caller asked for this very worker.
    pub(super) by_hand: bool,
    pub(super) probe: bool,
    pub(super) temporary: bool,
    /// It is beyond the pool's size, and gets nothing.
    pub(super) spare: bool,
    /// It is raw, and its function was told to begin, which it waits for where there are spares.
    pub(super) begun: bool,
    /// It lives where no worker is to live any more, or has been replaced.
    pub(super) evicted: bool,
    pub(super) wear: Wear,
    /// Every query that it was ever handed.
    pub(super) handed: BTreeSet<usize>,
    pub(super) ready: bool,
    pub(super) hearing: Hearing,
    /// Since when, unless it was killed before.
    pub(super) live: Option<Instant>,
    /// What the application has added to its load.
    pub(super) added: usize,
    /// Handed and not ended.
    pub(super) held: BTreeSet<usize>,
    /// When it was told to shut its gate.
    pub(super) shut: Option<Instant>,
    /// What ran when its gate was shut, once it has said so.
    pub(super) confirmed: Option<Vec<QueryKey>>,
    pub(super) progress: Instant,
    /// The same, without what was asked back.
    pub(super) moved: Instant,
    pub(super) releasing: Option<Instant>,
    pub(super) told_to_end: bool,
    /// Its function has returned.
    pub(super) left: bool,
    /// When it was told that its function has failed.
    pub(super) failing: Option<Instant>,
    pub(super) killed: Option<(Instant, CrashCause)>,
    pub(super) abandoned: bool,
    pub(super) lied: bool,
    /// When its side of the link ended.
    pub(super) lost: Option<Instant>,
}

/// What somebody waits for.
#[derive(Debug, Clone)]
pub(super) enum Wish {
    Ready(usize),
    One(WorkerId),
    Gone(Vec<WorkerId>),
    /// What is started for that is numbered from there on.
    Replaced {
        old: Vec<WorkerId>,
        from: WorkerId,
    },
    Destroyed,
}

/// What observers were told of the budget.
#[derive(Debug, Default)]
pub(super) struct Alarm {
    /// That it is exhausted, and nothing since.
    pub(super) rings: bool,
    /// Since then somebody has had an answer.
    pub(super) answered: bool,
}

/// The budget, counted once more.
#[derive(Debug, Default)]
pub(super) struct Count {
    pub(super) crashes: Vec<Instant>,
    /// All that ever counted.
    pub(super) total: u64,
    pub(super) in_a_row: u32,
    pub(super) not_before: Option<Instant>,
    /// Nothing has to wait for longer than this.
    pub(super) not_after: Option<Instant>,
    pub(super) last_probe: Option<Instant>,
}

impl Count {
    pub(super) fn is_spent(&self, config: &Config, now: Instant) -> bool {
        let recent = |&&at: &&Instant| config.crash_window.is_none_or(|window| now < at + window);
        let recent = self.crashes.iter().filter(recent).count();
        config.max_crashes.is_some_and(|max| recent > max as usize)
    }

    pub(super) fn crash(&mut self, now: Instant) {
        self.crashes.push(now);
        self.total += 1;
    }

    pub(super) fn death(&mut self, now: Instant) {
        if self.in_a_row > 0 {
            let full = Duration::from_millis(100) * (1 << (self.in_a_row - 1).min(10));
            let full = full.min(BACKOFF_CAP);
            self.not_before = self.not_before.max(Some(now + full / 2));
            self.not_after = self.not_after.max(Some(now + full));
        }
        self.in_a_row += 1;
    }

    pub(super) fn heal(&mut self) {
        self.crashes.clear();
        self.calm_down();
    }

    /// The next start is a first one.
    pub(super) fn calm_down(&mut self) {
        self.in_a_row = 0;
        self.not_before = None;
        self.not_after = None;
    }
}

#[derive(Default)]
pub(super) struct Ledger {
    pub(super) facts: Vec<Fact>,
    pub(super) keys: BTreeMap<QueryKey, usize>,
    /// Facts without an outcome.
    pub(super) open: BTreeSet<usize>,
    pub(super) shadows: BTreeMap<WorkerId, Shadow>,
    pub(super) waiters: BTreeMap<WaiterId, Wish>,
    /// Who has died last.
    pub(super) last_dead: Option<WorkerId>,
    pub(super) count: Count,
    /// The worker that the last query of each key was handed to.
    pub(super) usual: BTreeMap<u64, WorkerId>,
    /// The largest size that anybody asked for.
    pub(super) cap: usize,
    pub(super) destroyed: Option<Instant>,
    pub(super) completed: u64,
    pub(super) failed: u64,
    pub(super) cancelled: u64,
    pub(super) rejected: u64,
    /// Workers of the pool's size that were ever launched.
    pub(super) launched: usize,
    /// Those whose place is gone with them: they have left by themselves, or were not needed.
    pub(super) left: usize,
    /// Those of them that were about to be replaced, and perhaps had been.
    pub(super) left_worn: usize,
    /// The shortest and the longest time that a worker took to start.
    pub(super) boots: Option<(Duration, Duration)>,
    /// When there were last to be more workers, as the pool has found, or somebody else.
    pub(super) grown: Option<Instant>,
    /// Crashes that observers were told of.
    pub(super) told_crashes: usize,
    pub(super) alarm: Alarm,
    /// What every worker hears before it is ready, in the order in which it was said.
    pub(super) words: Vec<Word>,
    pub(super) version: u64,
    /// How much more time runs have asked for.
    pub(super) extended: BTreeMap<usize, Duration>,
    /// Who is held responsible for deaths.
    pub(super) blames: Blames,
    /// Whom they were told to blame for the last one.
    pub(super) told_blame: Option<Blame>,
    /// Somebody asked for other workers, or for another number of them.
    pub(super) meddled: bool,
}

impl Ledger {
    pub(super) fn id(&self, key: QueryKey) -> Check<usize> {
        self.keys.get(&key).copied().ok_or_else(|| format!("nobody knows {key:?}"))
    }

    pub(super) fn by_key(&mut self, key: QueryKey) -> Check<&mut Fact> {
        let id = self.id(key)?;
        self.facts.get_mut(id).ok_or_else(|| format!("no fact {id}"))
    }

    pub(super) fn shadow(&mut self, worker: WorkerId) -> Check<&mut Shadow> {
        self.shadows.get_mut(&worker).ok_or_else(|| format!("worker {worker} is no more"))
    }

    /// A query got its outcome.
    pub(super) fn resolve(&mut self, id: usize, outcome: Outcome, now: Instant) -> Check {
        let fact = &mut self.facts[id];
        fact.over.get_or_insert(now);
        if let Some(earlier) = fact.outcome.replace(outcome) {
            return Err(format!("query {id} resolved twice: {earlier:?}, then {outcome:?}"));
        }
        if fact.cancelled != (outcome == Outcome::Forgotten) {
            return Err(format!("query {id}, cancelled {}, is {outcome:?}", fact.cancelled));
        }
        self.open.remove(&id);
        match outcome {
            Outcome::Completed => self.completed += 1,
            Outcome::Failed => self.failed += 1,
            Outcome::Rejected => self.rejected += 1,
            Outcome::Forgotten => {}
        }
        Ok(())
    }
}
