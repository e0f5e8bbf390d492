//! The application's callbacks, on a thread of their own: none of them may hold up the pool,
//! whatever it does.
//!
//! Who tells of something holds the pool's lock, so that all is heard in the order in which it
//! happened; the lock in here is held for moments only, and never while a callback runs.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::messages::{Hear, Heard, Room};
use super::worker::Worker;
use crate::error::CrashReport;
use crate::event::Event;
use crate::sync::{lock, shielded};

/// What an application wants to be done on an occasion.
pub(super) enum Callback {
    Crash(Box<dyn FnMut(&CrashReport) + Send>),
    Spawn(Box<dyn FnMut(Worker) + Send>),
    Unspawn(Box<dyn FnMut(Worker) + Send>),
    Message(Hear<Worker>),
    Event(Box<dyn FnMut(&Event) + Send>),
}

/// An occasion.
pub(super) enum Notice {
    Crashed(CrashReport),
    Spawned(Worker),
    Unspawned(Worker),
    Message(Worker, Arc<Vec<u8>>),
    Event(Event),
}

/// The kinds of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Crash,
    Spawn,
    Unspawn,
    Message,
    Event,
}

/// The callbacks of a pool.
#[derive(Default)]
pub(super) struct Callbacks {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Item>,
    /// Notices among these that are not what workers say: that has room of its own, so that no flood
    /// of it drowns a death.
    notices: usize,
    /// Events among these that are what workers say.
    words: usize,
    /// Events among these that tell of timeouts: async queries can have any number of them.
    timeouts: usize,
    /// For messages among these.
    room: Room,
    /// The kinds that there are callbacks for.
    wanted: Vec<Kind>,
    missed: u64,
    /// The thread is there.
    runs: bool,
    /// The pool is over.
    closed: bool,
}

/// What the thread is to do next. A callback stands among the notices, so that it hears those that
/// come after it.
enum Item {
    Add(Callback),
    Tell(Notice),
}

impl Callbacks {
    /// Notices that may wait, as many words of workers, and as many timeouts; messages aside.
    const KEPT: usize = 1024;

    /// Adds a callback, for the rest of the pool's life.
    pub(super) fn add(self: &Arc<Self>, name: &str, callback: Callback) {
        let mut state = lock(&self.state);
        if state.closed {
            drop(state);
            // Its drop is code of the application, too.
            return drop(callback);
        }
        let kind = callback.kind();
        if !state.wanted.contains(&kind) {
            state.wanted.push(kind);
        }
        state.queue.push_back(Item::Add(callback));
        let is_first = !std::mem::replace(&mut state.runs, true);
        drop(state);
        if is_first {
            let callbacks = self.clone();
            let thread = std::thread::Builder::new().name(format!("{name} callbacks"));
            if thread.spawn(move || callbacks.run()).is_err() {
                // The next callback is another occasion to start it; what waits is bounded.
                lock(&self.state).runs = false;
            }
        }
        self.changed.notify_one();
    }

    /// Tells of something, unless nobody wants to know.
    pub(super) fn tell(&self, kind: Kind, notice: impl FnOnce() -> Option<Notice>) {
        let mut state = lock(&self.state);
        if state.closed || !state.wanted.contains(&kind) {
            return;
        }
        if state.notices >= Self::KEPT {
            state.missed += 1;
            return;
        }
        if let Some(notice) = notice() {
            state.notices += 1;
            self.push(state, notice);
        }
    }

    /// Tells of an event.
    pub(super) fn event(&self, event: &Event) {
        let mut state = lock(&self.state);
        if state.closed || !state.wanted.contains(&Kind::Event) {
            return;
        }
        let waiting = state.waiting(event);
        if *waiting >= Self::KEPT {
            state.missed += 1;
            return;
        }
        *waiting += 1;
        self.push(state, Notice::Event(event.clone()));
    }

    /// Whether anybody wants to know of events.
    pub(super) fn want_events(&self) -> bool {
        lock(&self.state).wanted.contains(&Kind::Event)
    }

    /// Tells of a message.
    pub(super) fn message(
        &self,
        message: impl FnOnce() -> Option<(Worker, Arc<Vec<u8>>)>,
    ) -> Heard {
        let mut state = lock(&self.state);
        if state.closed || !state.wanted.contains(&Kind::Message) {
            return Heard::ByNobody;
        }
        let Some((worker, message)) = message() else { return Heard::ByNobody };
        let heard = state.room.take(&message);
        match heard {
            Heard::Soon => self.push(state, Notice::Message(worker, message)),
            Heard::Missed | Heard::ByNobody => state.missed += 1,
        }
        heard
    }

    fn push(&self, mut state: MutexGuard<'_, State>, notice: Notice) {
        state.queue.push_back(Item::Tell(notice));
        drop(state);
        self.changed.notify_one();
    }

    /// How many notices found no room.
    pub(super) fn missed(&self) -> u64 {
        lock(&self.state).missed
    }

    /// The pool is over: what waits is still told, then the thread ends.
    pub(super) fn close(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        // Where no thread could be started, nobody will ever hear of these.
        let unheard = if state.runs { VecDeque::new() } else { std::mem::take(&mut state.queue) };
        drop(state);
        shielded(|| drop(unheard));
        self.changed.notify_one();
    }

    fn run(&self) {
        let mut callbacks = Vec::new();
        while let Some(item) = self.next() {
            match item {
                Item::Add(callback) => callbacks.push(callback),
                Item::Tell(notice) => {
                    for callback in &mut callbacks {
                        shielded(|| callback.hear(&notice));
                    }
                }
            }
        }
        for callback in callbacks {
            shielded(|| drop(callback));
        }
    }

    /// Waits for the next thing to do; `None`: there will be nothing more.
    fn next(&self) -> Option<Item> {
        let mut state = lock(&self.state);
        loop {
            if let Some(item) = state.queue.pop_front() {
                match &item {
                    Item::Add(_) => {}
                    Item::Tell(Notice::Message(_, message)) => state.room.give_back(message),
                    Item::Tell(Notice::Event(event)) => *state.waiting(event) -= 1,
                    Item::Tell(_) => state.notices -= 1,
                }
                return Some(item);
            }
            if state.closed {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl State {
    /// How many events wait that share their room with this one.
    fn waiting(&mut self, event: &Event) -> &mut usize {
        match event {
            event if event.is_word() => &mut self.words,
            Event::TimedOut { .. } => &mut self.timeouts,
            _ => &mut self.notices,
        }
    }
}

impl Callback {
    fn kind(&self) -> Kind {
        match self {
            Self::Crash(_) => Kind::Crash,
            Self::Spawn(_) => Kind::Spawn,
            Self::Unspawn(_) => Kind::Unspawn,
            Self::Message(_) => Kind::Message,
            Self::Event(_) => Kind::Event,
        }
    }

    /// Does what it is for, if this is its occasion.
    fn hear(&mut self, notice: &Notice) {
        match (self, notice) {
            (Self::Crash(run), Notice::Crashed(report)) => run(report),
            (Self::Spawn(run), Notice::Spawned(worker))
            | (Self::Unspawn(run), Notice::Unspawned(worker)) => run(worker.clone()),
            (Self::Event(run), Notice::Event(event)) => run(event),
            (Self::Message(hear), Notice::Message(worker, message)) => {
                if let Err(error) = hear(worker.clone(), message) {
                    worker.misheard(&error);
                }
            }
            _ => {}
        }
    }
}
