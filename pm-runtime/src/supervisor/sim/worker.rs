//! A fake worker: it keeps to the protocol as the real child does, with one ordered stream of
//! frames each way, and dies as the real one may.

use std::collections::VecDeque;
use std::time::Duration;

use super::super::{End, QueryKey, WorkerId};
use crate::error::{BootError, Exit, Limit};

/// From parent to worker.
#[derive(Debug, Clone, Copy)]
pub(super) enum Down {
    Hand {
        key: QueryKey,
        /// Nothing is to run beside it.
        alone: bool,
    },
    Recall(QueryKey),
    Drop(QueryKey),
    ShutGate,
    OpenGate,
    End,
}

/// From worker to parent.
#[derive(Debug, Clone)]
pub(super) enum Up {
    Ready,
    Begun(QueryKey),
    Ended(QueryKey, End),
    Returned(QueryKey),
    Dropped(QueryKey),
    /// It is to have more time.
    Extended(QueryKey, Duration),
    /// It has opened a stream.
    Opened(QueryKey),
    /// That is over.
    Over(QueryKey),
    /// Its function has returned.
    Left,
    /// The same, with an error.
    Failed,
    Gated(Vec<QueryKey>),
    /// No frame: its side of the link has ended.
    Closed,
    Lie(Lie),
}

/// What no honest worker sends.
#[derive(Debug, Clone, Copy)]
pub(super) enum Lie {
    /// It cannot even be read.
    Garbage,
    /// It names a query that another worker has, or nobody.
    BegunStranger,
    EndedStranger,
    ReturnedStranger,
    DroppedStranger,
    OpenedStranger,
    OverStranger,
    /// It ends a query that it has not begun.
    EndedTooEarly,
    /// It ends the stream of one that has opened none.
    OverTooEarly,
    ReadyAgain,
    GatedUnasked,
    /// Its function returned before it was ready.
    LeftTooEarly,
}

/// How it ended.
#[derive(Debug, Clone)]
pub(super) struct Ending {
    pub(super) exit: Exit,
    pub(super) boot_error: Option<BootError>,
    pub(super) limit: Option<Limit>,
    pub(super) oom_killed: bool,
}

impl Ending {
    /// One of which nothing else is known.
    pub(super) fn by(exit: Exit) -> Self {
        Self { exit, boot_error: None, limit: None, oom_killed: false }
    }
}

pub(super) struct FakeWorker {
    pub(super) id: WorkerId,
    concurrency: usize,
    /// It runs a function of its own, which need not end when it is asked to.
    raw: bool,
    pub(super) down: VecDeque<Down>,
    pub(super) up: VecDeque<Up>,
    pub(super) booted: bool,
    pub(super) queue: VecDeque<QueryKey>,
    pub(super) running: Vec<QueryKey>,
    /// Those that have opened a stream.
    pub(super) open: Vec<QueryKey>,
    /// Running ones that are to be dropped as soon as they can be.
    unwanted: Vec<QueryKey>,
    /// Those of all these beside which nothing is to run.
    suspects: Vec<QueryKey>,
    pub(super) shut: bool,
    /// Its state is worth nothing: it begins nothing any more.
    pub(super) spoiled: bool,
    pub(super) end_asked: bool,
    /// Its function has returned an error.
    pub(super) failed: bool,
    /// It does nothing any more, until it is killed.
    pub(super) stopped: bool,
    /// Its side of the link has ended.
    pub(super) closed: bool,
    pub(super) kill_asked: bool,
    /// A kill does not reach it.
    pub(super) immortal: bool,
    /// It is dead; what it had sent before is still on its way.
    pub(super) dead: Option<Ending>,
}

impl FakeWorker {
    pub(super) fn new(id: WorkerId, concurrency: usize, raw: bool, waits: bool) -> Self {
        Self {
            id,
            concurrency,
            raw,
            down: VecDeque::new(),
            up: VecDeque::new(),
            booted: false,
            queue: VecDeque::new(),
            running: Vec::new(),
            open: Vec::new(),
            unwanted: Vec::new(),
            suspects: Vec::new(),
            shut: waits,
            spoiled: false,
            end_asked: false,
            failed: false,
            stopped: false,
            closed: false,
            kill_asked: false,
            immortal: false,
            dead: None,
        }
    }

    /// It does what it should.
    pub(super) fn is_well(&self) -> bool {
        self.dead.is_none() && !self.stopped
    }

    /// It is set up, and does what it should.
    pub(super) fn serves(&self) -> bool {
        self.is_well() && self.booted
    }

    pub(super) fn boot(&mut self) {
        self.booted = true;
        self.up.push_back(Up::Ready);
    }

    /// Reads the next frame; `drops` says which running queries can be dropped.
    pub(super) fn read(&mut self, drops: impl Fn(QueryKey) -> bool) {
        let Some(frame) = self.down.pop_front() else {
            return;
        };
        match frame {
            Down::Hand { key, alone } => {
                self.queue.push_back(key);
                if alone {
                    self.suspects.push(key);
                }
            }
            Down::Recall(key) => {
                self.give_back(key);
            }
            Down::Drop(key) => {
                if self.give_back(key) {
                } else if self.open.contains(&key) {
                    self.close_stream(key);
                } else if self.running.contains(&key) && drops(key) {
                    self.running.retain(|&other| other != key);
                    self.up.push_back(Up::Dropped(key));
                } else {
                    self.unwanted.push(key);
                }
            }
            Down::ShutGate => {
                self.shut = true;
                self.up.push_back(Up::Gated(self.running.clone()));
            }
            Down::OpenGate => self.shut = false,
            Down::End => self.end_asked = true,
        }
        self.exit_if_done();
    }

    fn give_back(&mut self, key: QueryKey) -> bool {
        let Some(index) = self.queue.iter().position(|&other| other == key) else {
            return false;
        };
        self.queue.remove(index);
        self.up.push_back(Up::Returned(key));
        true
    }

    pub(super) fn can_begin(&self) -> bool {
        let runs = self.running.len() + self.open.len();
        let alone = |key: &QueryKey| self.suspects.contains(key);
        let is_taken = self.running.iter().chain(&self.open).any(alone);
        let waits = runs > 0 && (is_taken || self.queue.front().is_some_and(alone));
        let room = runs < self.concurrency && !waits;
        self.serves() && !self.shut && !self.spoiled && room && !self.queue.is_empty()
    }

    /// Begins the next query: it tells so first.
    pub(super) fn begin(&mut self) -> Option<QueryKey> {
        if !self.can_begin() {
            return None;
        }
        let key = self.queue.pop_front()?;
        self.up.push_back(Up::Begun(key));
        self.running.push(key);
        Some(key)
    }

    pub(super) fn end(&mut self, index: usize, end: End) {
        if index < self.running.len() {
            let key = self.running.remove(index);
            self.up.push_back(Up::Ended(key, end));
            self.exit_if_done();
        }
    }

    /// A running query opens its stream, which nobody may want any more by then.
    pub(super) fn open_stream(&mut self, key: QueryKey) {
        self.running.retain(|&other| other != key);
        self.open.push(key);
        self.up.push_back(Up::Opened(key));
        if self.unwanted.contains(&key) {
            self.close_stream(key);
        }
    }

    pub(super) fn close_stream(&mut self, key: QueryKey) {
        self.open.retain(|&other| other != key);
        self.up.push_back(Up::Over(key));
        self.exit_if_done();
    }

    /// A stream ends in an error that the worker tells of.
    pub(super) fn fail_stream(&mut self, key: QueryKey, end: End) {
        self.open.retain(|&other| other != key);
        self.up.push_back(Up::Ended(key, end));
        self.exit_if_done();
    }

    fn exit_if_done(&mut self) {
        let runs_none = self.running.is_empty() && self.open.is_empty();
        if self.end_asked && (!self.raw || self.shut) && runs_none && self.queue.is_empty() {
            self.die(Ending::by(Exit::Code(0)));
        }
    }

    /// Its function returns; what follows in its process ends like that, if it does.
    pub(super) fn leave(&mut self, exit: Option<Exit>) {
        self.up.push_back(Up::Left);
        match exit {
            Some(exit) => self.die(Ending::by(exit)),
            None => self.stopped = true,
        }
    }

    /// The same, with an error.
    pub(super) fn fail(&mut self, exit: Option<Exit>) {
        self.failed = true;
        self.up.push_back(Up::Failed);
        match exit {
            Some(exit) => self.die(Ending::by(exit)),
            None => self.stopped = true,
        }
    }

    /// Ends its side of the link. What it does from then on concerns nobody.
    pub(super) fn close(&mut self) {
        self.stopped = true;
        if !std::mem::replace(&mut self.closed, true) {
            self.up.push_back(Up::Closed);
        }
    }

    pub(super) fn die(&mut self, ending: Ending) {
        if self.dead.is_none() {
            self.close();
            self.down.clear();
            self.queue.clear();
            self.running.clear();
            self.open.clear();
            self.dead = Some(ending);
        }
    }
}
