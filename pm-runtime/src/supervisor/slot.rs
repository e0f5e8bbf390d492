//! One worker, as the policy sees it.
//!
//! ```text
//!            ready                release               (idle) asked to end
//! Starting ────────► Live ──────────────────► Releasing ───────────────────► gone
//!     │               │                           │
//!     │ boot_timeout  │ verdict of the gate       │ grace, verdict of the gate
//!     └───────────────┴──────────► Dying ◄────────┘
//!                                    │ death
//!                                    └──────────► gone
//! ```
//!
//! A death by its own hand leads from any state to gone. A raw worker whose function returns goes to
//! Releasing by itself. A temporary worker goes from Starting straight to Releasing, with the one query
//! that it is handed then.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::broadcast::Replay;
use super::recycle::Weight;
use super::{QueryKey, RECALL_PATIENCE, later};
use crate::error::CrashCause;
use crate::health::WorkerState;

/// A worker's number in its pool: from 1, never used again.
pub(crate) type WorkerId = u64;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Phase {
    /// Launched, not ready yet.
    Starting { deadline: Instant },
    /// Takes queries.
    Live,
    /// Takes no more queries; ends when it has none.
    Releasing {
        /// What still runs then is killed; `None`: it may take its time.
        deadline: Option<Instant>,
        /// It was told to end.
        told: bool,
    },
    /// It was killed.
    Dying {
        cause: CrashCause,
        /// The query for which it was killed, where one was the reason.
        target: Option<QueryKey>,
        /// When it is given up for dead even if the system does not say so.
        deadline: Instant,
    },
}

/// Why a worker is to be killed; looked at again once its gate is shut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// This query has run too long.
    Overran(QueryKey),
    /// Nobody waits for this query any more, and nothing less ends it.
    Cancelled(QueryKey),
    /// It begins nothing of what it was handed.
    Stuck,
    /// The grace of its release is over.
    GraceOver,
    /// What it was accused of no longer holds, but it does not confirm that its gate is shut.
    Mute,
}

/// Every begin in a worker passes its gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gate {
    Open,
    /// The worker was told to shut it, and has until then to confirm.
    Shutting {
        verdict: Verdict,
        until: Instant,
    },
}

pub(crate) struct Slot {
    pub(crate) id: WorkerId,
    pub(crate) phase: Phase,
    pub(crate) since: Instant,
    /// Handed and not begun, in the order in which it will begin them.
    pub(crate) handed: VecDeque<QueryKey>,
    pub(crate) handed_bytes: usize,
    /// How many of the handed were asked back.
    pub(crate) recalled: usize,
    /// How many of the others no other worker may have instead.
    pub(crate) bound: usize,
    /// When the last of those was.
    pub(crate) asked: Instant,
    /// Begun and not answered, oldest first.
    pub(crate) begun: Vec<QueryKey>,
    /// How many of those have opened a stream, and run until it ends.
    pub(crate) open: usize,
    /// How many of both have nothing run beside them.
    pub(crate) exclusive: usize,
    pub(crate) gate: Gate,
    /// Its side of the link has ended, and it should be dead by then.
    pub(crate) lost: Option<Instant>,
    /// Its function has failed, and it should be dead by then.
    pub(crate) failing: Option<Instant>,
    /// When it last began or ended something, or was handed something while idle.
    pub(crate) progress: Instant,
    /// The same, where only what it does itself counts, and not what is asked back from it.
    pub(crate) moved: Instant,
    pub(crate) served: u64,
    /// What the application has added to its load.
    pub(crate) added: usize,
    /// Since when it is ready, if it ever was.
    pub(crate) live: Option<Instant>,
    /// It has set itself up, and hears what every worker hears before it is ready.
    pub(crate) replay: Option<Box<Replay>>,
    /// Started although the budget is spent: its first answer heals the pool, or, where it gives none,
    /// a long life.
    pub(crate) probe: bool,
    /// Queries that it has ended or dropped, and streams that it has opened.
    pub(crate) used: u64,
    /// It has served for long enough, and goes when its replacement is ready.
    pub(crate) worn: bool,
    pub(super) weight: Box<Weight>,
    /// It is no part of the pool's size yet: it waits until one of that is missing.
    pub(crate) spare: bool,
    /// It is no part of the pool's size: it runs one query, and is gone.
    pub(crate) temporary: bool,
}

impl Slot {
    pub(crate) fn new(id: WorkerId, now: Instant, boot_timeout: Duration) -> Self {
        Self {
            id,
            phase: Phase::Starting { deadline: later(now, boot_timeout) },
            since: now,
            handed: VecDeque::new(),
            handed_bytes: 0,
            recalled: 0,
            bound: 0,
            asked: now,
            begun: Vec::new(),
            open: 0,
            exclusive: 0,
            gate: Gate::Open,
            lost: None,
            failing: None,
            progress: now,
            moved: now,
            served: 0,
            added: 0,
            live: None,
            replay: None,
            probe: false,
            used: 0,
            worn: false,
            weight: Box::default(),
            spare: false,
            temporary: false,
        }
    }

    /// Queries that it was handed and has not ended.
    pub(crate) fn load(&self) -> usize {
        self.handed.len() + self.begun.len()
    }

    /// The same with what the application has added: what it sees.
    pub(crate) fn load_with_added(&self) -> usize {
        self.load().saturating_add(self.added)
    }

    /// How many queries it runs at once, with those that it has.
    pub(crate) fn width(&self, concurrency: usize) -> usize {
        if self.exclusive > 0 { 1 } else { concurrency }
    }

    /// Whether it would begin one more at once.
    pub(crate) fn would_begin(&self, exclusive: bool, concurrency: usize) -> bool {
        let width = if exclusive { 1 } else { self.width(concurrency) };
        self.load() < width
    }

    pub(crate) fn is_starting(&self) -> bool {
        matches!(self.phase, Phase::Starting { .. })
    }

    /// Ready, and part of the pool's size.
    pub(crate) fn is_live(&self) -> bool {
        self.is_ready() && !self.spare
    }

    /// Ready to be handed queries, sooner or later.
    pub(crate) fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Live)
    }

    /// Part of the pool's size: neither on its way out nor dead.
    pub(crate) fn is_staying(&self) -> bool {
        !self.temporary && !self.spare && (self.is_starting() || self.is_live())
    }

    /// Its place is vacant without it, and has not been counted as such.
    pub(crate) fn is_missed(&self) -> bool {
        self.is_staying() && !self.worn
    }

    pub(crate) fn is_dying(&self) -> bool {
        matches!(self.phase, Phase::Dying { .. })
    }

    pub(crate) fn is_releasing(&self) -> bool {
        matches!(self.phase, Phase::Releasing { .. })
    }

    /// It was told to end.
    pub(crate) fn is_told(&self) -> bool {
        matches!(self.phase, Phase::Releasing { told: true, .. })
    }

    /// Whether a query may be given to it.
    pub(crate) fn takes_queries(&self) -> bool {
        self.is_sound() && !self.spare
    }

    /// The same, were it not a spare.
    pub(crate) fn is_sound(&self) -> bool {
        let ends = self.lost.is_some() || self.failing.is_some();
        self.is_ready() && self.gate == Gate::Open && !ends
    }

    /// Whether it gives queries back when it is asked for them.
    pub(crate) fn answers(&self, now: Instant) -> bool {
        !self.is_dying()
            && self.lost.is_none()
            && (self.recalled == 0 || now < self.recall_deadline())
    }

    /// Queries that it holds beyond what it runs at once, and that others may have instead.
    pub(crate) fn surplus(&self, concurrency: usize) -> usize {
        let beyond = (self.load() - self.recalled).saturating_sub(self.width(concurrency));
        beyond.min(self.handed.len() - self.recalled - self.bound)
    }

    /// Queries that it is about to give back.
    pub(crate) fn owes(&self, now: Instant) -> usize {
        if self.answers(now) { self.recalled } else { 0 }
    }

    /// It holds this query as one that it has not begun no longer. Queries begin in order, as a
    /// rule, so that this one is the first.
    pub(super) fn take_handed(&mut self, key: QueryKey) {
        match self.handed.front() {
            Some(first) if *first == key => drop(self.handed.pop_front()),
            _ => self.handed.retain(|&other| other != key),
        }
    }

    /// It runs nothing, or nothing but open streams, which keep no query from its begin.
    pub(crate) fn runs_none(&self) -> bool {
        self.begun.len() == self.open
    }

    pub(crate) fn recall_deadline(&self) -> Instant {
        later(self.asked, RECALL_PATIENCE)
    }

    /// Holds queries, runs none but open streams, and nothing has moved since.
    pub(crate) fn stuck_since(&self) -> Option<Instant> {
        (self.runs_none() && !self.handed.is_empty() && self.gate == Gate::Open)
            .then_some(self.progress)
    }
}

impl Slot {
    pub(crate) fn state(&self) -> WorkerState {
        match self.phase {
            Phase::Starting { .. } => WorkerState::Starting,
            Phase::Live if self.spare => WorkerState::Spare,
            Phase::Live if self.load_with_added() == 0 => WorkerState::Idle,
            Phase::Live => WorkerState::Busy,
            // A temporary worker at work: nobody has asked it to end.
            Phase::Releasing { deadline: None, .. } if self.temporary && self.load() > 0 => {
                WorkerState::Busy
            }
            Phase::Releasing { .. } | Phase::Dying { .. } => WorkerState::Releasing,
        }
    }
}
