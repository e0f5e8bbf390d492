//! The one background thread: it starts workers, hears what they say when nobody else listens,
//! notices their deaths, and keeps the time for every pool.
//!
//! It never ends, so that a worker's parent thread (which the kernel's death signal follows)
//! lives as long as the process, and it never runs code of the application.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Instant;

use crate::process::fork;
use crate::sync::{lock, shielded};
use crate::transport::poll::{Interest, Poll};

/// Something with descriptors to watch.
pub(crate) trait Source: Send + Sync {
    /// One of its descriptors has something; `which` is the number that it was watched under.
    fn ready(&self, which: u8, writable: bool);
}

/// Something that wants to know when a time has come.
pub(crate) trait Timed: Send + Sync {
    /// Its time has come.
    fn tick(&self, now: Instant);
}

/// Names a source or a timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Token(u64);

type Job = Box<dyn FnOnce() + Send>;

pub(crate) struct Reactor {
    poll: Poll,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    next_token: u64,
    sources: HashMap<u64, Arc<dyn Source>>,
    timers: HashMap<u64, (Weak<dyn Timed>, Option<Instant>)>,
    due: BTreeSet<(Instant, u64)>,
    jobs: VecDeque<Job>,
    /// Jobs that nobody waits for.
    chores: VecDeque<Job>,
    /// What the thread sleeps until; `None`: until it is woken.
    sleeps_until: Option<Instant>,
}

/// Descriptors of one source: three bits of the token say which.
const WHICH: u64 = 8;

impl Reactor {
    /// The reactor of this process; the first call starts its thread.
    pub(crate) fn get() -> Result<&'static Self, std::io::Error> {
        static REACTOR: OnceLock<Reactor> = OnceLock::new();
        static STARTING: Mutex<()> = Mutex::new(());
        if fork::is_fork() {
            // Its thread is not here.
            return Err(std::io::Error::other("this process is a fork of one that has pools"));
        }
        if let Some(reactor) = REACTOR.get() {
            return Ok(reactor);
        }
        let _starting = lock(&STARTING);
        if let Some(reactor) = REACTOR.get() {
            return Ok(reactor);
        }
        fork::mark();
        let reactor = Self { poll: Poll::new()?, state: Mutex::default() };
        // Its thread waits until the reactor is in its place.
        let (go, start) = std::sync::mpsc::sync_channel::<()>(1);
        std::thread::Builder::new().name("pm-runtime".into()).spawn(move || {
            if start.recv().is_ok()
                && let Some(reactor) = REACTOR.get()
            {
                reactor.run();
            }
        })?;
        let reactor = REACTOR.get_or_init(|| reactor);
        // It fails only where the thread is gone, which it never is.
        let _ = go.send(());
        Ok(reactor)
    }

    /// Runs a job on the thread, soon.
    pub(crate) fn submit(&self, job: impl FnOnce() + Send + 'static) {
        lock(&self.state).jobs.push_back(Box::new(job));
        self.poll.wake();
    }

    /// Runs a job on the thread, after what was submitted by now as a rule: for what others are not
    /// to wait for. Chores keep their order.
    pub(crate) fn submit_chore(&self, job: impl FnOnce() + Send + 'static) {
        lock(&self.state).chores.push_back(Box::new(job));
        self.poll.wake();
    }

    pub(crate) fn add_source(&self, source: Arc<dyn Source>) -> Token {
        let mut state = lock(&self.state);
        let token = state.token();
        state.sources.insert(token, source);
        Token(token)
    }

    /// Watches one of a source's descriptors.
    pub(crate) fn watch(
        &self,
        token: Token,
        which: u8,
        fd: impl AsFd,
        interest: Interest,
    ) -> Result<(), rustix::io::Errno> {
        self.poll.add(fd, token.0 * WHICH + u64::from(which), interest)
    }

    /// Watches a descriptor for another interest.
    pub(crate) fn rewatch(&self, token: Token, which: u8, fd: impl AsFd, interest: Interest) {
        // It fails only where the descriptor is not watched any more.
        let _ = self.poll.set(fd, token.0 * WHICH + u64::from(which), interest);
    }

    /// Watches a descriptor no more.
    pub(crate) fn unwatch(&self, fd: impl AsFd) {
        self.poll.remove(fd);
    }

    pub(crate) fn remove_source(&self, token: Token) {
        let source = lock(&self.state).sources.remove(&token.0);
        // Outside the lock, as its end may come back here.
        drop(source);
    }

    pub(crate) fn add_timer(&self, timed: Weak<dyn Timed>) -> Token {
        let mut state = lock(&self.state);
        let token = state.token();
        state.timers.insert(token, (timed, None));
        Token(token)
    }

    /// Sees to it that a timer ticks no later than this.
    pub(crate) fn tick_by(&self, token: Token, at: Instant) {
        let mut state = lock(&self.state);
        let Some((_, armed)) = state.timers.get_mut(&token.0) else {
            return;
        };
        if armed.is_some_and(|armed| armed <= at) {
            return;
        }
        let before = armed.replace(at);
        if let Some(before) = before {
            state.due.remove(&(before, token.0));
        }
        state.due.insert((at, token.0));
        let too_late = state.sleeps_until.is_none_or(|until| until > at);
        drop(state);
        if too_late {
            self.poll.wake();
        }
    }

    pub(crate) fn remove_timer(&self, token: Token) {
        let mut state = lock(&self.state);
        let removed = state.timers.remove(&token.0);
        if let Some((_, Some(at))) = &removed {
            state.due.remove(&(*at, token.0));
        }
        drop(state);
        drop(removed);
    }

    fn run(&self) {
        let mut ready = Vec::new();
        loop {
            let timeout = {
                let mut state = lock(&self.state);
                let next = match state.jobs.is_empty() && state.chores.is_empty() {
                    true => state.due.first().map(|&(at, _)| at),
                    false => Some(Instant::now()),
                };
                state.sleeps_until = next;
                next.map(|at| at.saturating_duration_since(Instant::now()))
            };
            self.poll.wait(timeout, &mut ready);
            // Awake: whoever brings something now need not wake it.
            lock(&self.state).sleeps_until = Some(Instant::now());
            for ready in &ready {
                let source = lock(&self.state).sources.get(&(ready.token / WHICH)).cloned();
                if let Some(source) = source {
                    let which = (ready.token % WHICH) as u8;
                    shielded(|| source.ready(which, ready.writable));
                }
            }
            self.tick();
            // One at a time: a job may start a process, and what has come meanwhile goes first.
            let job = lock(&self.state).jobs.pop_front();
            let chore = lock(&self.state).chores.pop_front();
            for job in job.into_iter().chain(chore) {
                shielded(job);
            }
        }
    }

    fn tick(&self) {
        // What is due anew meanwhile has to wait until everybody else was heard.
        let now = Instant::now();
        let due: Vec<u64> =
            lock(&self.state).due.range(..=(now, u64::MAX)).map(|&(_, token)| token).collect();
        for token in due {
            let timed = {
                let mut state = lock(&self.state);
                let Some((timed, armed)) = state.timers.get_mut(&token) else { continue };
                let (timed, at) = (timed.upgrade(), armed.take());
                if let Some(at) = at {
                    state.due.remove(&(at, token));
                }
                timed
            };
            match timed {
                Some(timed) => shielded(|| timed.tick(now)),
                None => self.remove_timer(Token(token)),
            }
        }
    }
}

impl State {
    fn token(&mut self) -> u64 {
        self.next_token += 1;
        self.next_token
    }
}
