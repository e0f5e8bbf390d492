//! A command that runs: its process and its pipes, watched by the reactor, and what becomes of it.

use std::io;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::pipes::{Capture, Feed, Found};
use super::registry;
use crate::error::{ExecError, Exit, Output, OutputStream};
use crate::process::guard::{self, Guard};
use crate::reactor::{Reactor, Source, Timed, Token};
use crate::sync::lock;
use crate::transport::poll::Interest;

/// How long the outcome of a command that was killed waits for its death. It takes longer only
/// where the system does not let go of it, such as in a read from a disk that does not answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Which of its descriptors has something.
const PIDFD: u8 = 0;
const STDIN: u8 = 1;
const STDOUT: u8 = 2;
const STDERR: u8 = 3;

/// What a command is made of.
pub(super) struct Parts {
    pub(super) guard: Guard,
    pub(super) feed: Option<Feed>,
    pub(super) stdout: Capture,
    pub(super) stderr: Capture,
    /// As people write it.
    pub(super) command: Box<str>,
    pub(super) timeout: Option<Duration>,
    /// Bytes of each stream.
    pub(super) limit: usize,
}

/// A command from its start until its process is reaped.
pub(super) struct Running {
    reactor: &'static Reactor,
    token: OnceLock<Token>,
    timer: OnceLock<Token>,
    command: Box<str>,
    timeout: Option<Duration>,
    limit: usize,
    state: Mutex<State>,
}

struct State {
    /// `None`: it is reaped.
    guard: Option<Guard>,
    feed: Option<Feed>,
    stdout: Capture,
    stderr: Capture,
    /// Why it was killed, if it was.
    verdict: Option<Verdict>,
    /// When its time is over; when it was killed, the patience with its death.
    deadline: Option<Instant>,
    outcome: Outcome,
}

#[derive(Debug, Clone, Copy)]
enum Verdict {
    TimedOut,
    TooLarge(OutputStream),
    /// Nobody waits for it any more.
    Abandoned,
}

enum Outcome {
    /// There is none yet; whoever waits for it is woken.
    Awaited(Option<Waker>),
    Known(Result<Output, ExecError>),
    /// It was given, or nobody wants it.
    Taken,
}

/// What the reactor holds.
struct Watched(Arc<Running>);

impl Source for Watched {
    fn ready(&self, which: u8, _: bool) {
        match which {
            PIDFD => self.0.look_for_end(),
            STDIN => self.0.write(),
            STDOUT => self.0.read(OutputStream::Stdout),
            STDERR => self.0.read(OutputStream::Stderr),
            _ => {}
        }
    }
}

impl Timed for Running {
    fn tick(&self, now: Instant) {
        let mut state = lock(&self.state);
        let Some(deadline) = state.deadline.filter(|_| state.guard.is_some()) else { return };
        if now < deadline {
            self.tick_by(deadline);
            return;
        }
        if state.verdict.is_none() {
            // What has ended in time has not timed out: that is about to be found out.
            if state.guard.as_ref().is_some_and(|guard| !guard.has_ended()) {
                self.kill(&mut state, Verdict::TimedOut);
            }
            return;
        }
        // It is reaped whenever it dies.
        state.deadline = None;
        let waker = self.finish(&mut state, Exit::Unknown);
        drop(state);
        wake(waker);
    }
}

impl Running {
    /// Has the reactor watch a command that was just started.
    pub(super) fn watch(parts: Parts, reactor: &'static Reactor) -> io::Result<Arc<Self>> {
        let Parts { guard, feed, stdout, stderr, command, timeout, limit } = parts;
        // What is too far away to be told never comes.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let outcome = Outcome::Awaited(None);
        let guard = Some(guard);
        let state = State { guard, feed, stdout, stderr, verdict: None, deadline, outcome };
        let running = Arc::new(Self {
            reactor,
            token: OnceLock::new(),
            timer: OnceLock::new(),
            command,
            timeout,
            limit,
            state: Mutex::new(state),
        });
        let token = reactor.add_source(Arc::new(Watched(running.clone())));
        running.token.get_or_init(|| token);
        registry::enter(token, Arc::downgrade(&running));
        let timed = Arc::downgrade(&running);
        running.timer.get_or_init(|| reactor.add_timer(timed));
        // The reactor's thread waits for this lock until everything is watched.
        let mut state = lock(&running.state);
        if let Err(error) = running.watch_all(&state, token) {
            state.outcome = Outcome::Taken;
            state.close(reactor);
            let guard = state.guard.take();
            drop(state);
            running.forget();
            // To wait for its death takes a moment.
            reactor.submit_chore(move || drop(guard));
            return Err(error);
        }
        if let Some(deadline) = deadline {
            running.tick_by(deadline);
        }
        drop(state);
        Ok(running)
    }

    fn watch_all(self: &Arc<Self>, state: &State, token: Token) -> io::Result<()> {
        let reactor = self.reactor;
        for (which, capture) in [(STDOUT, &state.stdout), (STDERR, &state.stderr)] {
            if let Some(pipe) = capture.pipe() {
                reactor.watch(token, which, pipe, Interest::Read)?;
            }
        }
        if let Some(feed) = &state.feed {
            reactor.watch(token, STDIN, feed.pipe(), Interest::ReadOrRoom)?;
        }
        match &state.guard {
            None => Ok(()),
            Some(guard) => match guard.pidfd() {
                Some(pidfd) => Ok(reactor.watch(token, PIDFD, pidfd, Interest::Read)?),
                None => self.wait_on_a_thread(guard.pid()),
            },
        }
    }

    /// Has a thread wait for the process, where its pidfd cannot be had, or says too much.
    fn wait_on_a_thread(self: &Arc<Self>, pid: u32) -> io::Result<()> {
        let running = self.clone();
        let wait = move || {
            guard::wait_for_end(pid);
            let reactor = running.reactor;
            reactor.submit(move || running.look_for_end());
        };
        std::thread::Builder::new()
            .name(format!("wait for {pid}"))
            .stack_size(64 << 10)
            .spawn(wait)
            .map(drop)
    }

    pub(super) fn poll(&self, cx: &mut Context<'_>) -> Poll<Result<Output, ExecError>> {
        let mut state = lock(&self.state);
        match &mut state.outcome {
            Outcome::Awaited(Some(waker)) if waker.will_wake(cx.waker()) => Poll::Pending,
            Outcome::Awaited(waker) => {
                let former = waker.replace(cx.waker().clone());
                // Not under the lock, because it is code of the application.
                drop(state);
                drop(former);
                Poll::Pending
            }
            Outcome::Known(_) => match std::mem::replace(&mut state.outcome, Outcome::Taken) {
                Outcome::Known(outcome) => Poll::Ready(outcome),
                Outcome::Awaited(_) | Outcome::Taken => Poll::Ready(Err(ExecError::Over)),
            },
            Outcome::Taken => Poll::Ready(Err(ExecError::Over)),
        }
    }

    /// Kills it, as nobody waits for it any more. The reactor reaps it.
    pub(super) fn abandon(&self) {
        let mut state = lock(&self.state);
        let outcome = std::mem::replace(&mut state.outcome, Outcome::Taken);
        if state.guard.is_some() {
            self.kill(&mut state, Verdict::Abandoned);
            state.close(self.reactor);
        }
        drop(state);
        drop(outcome);
    }

    /// The same where this process is about to die, so that nobody hears of it.
    pub(super) fn kill_for_the_end(&self) {
        self.kill(&mut lock(&self.state), Verdict::Abandoned);
    }

    fn tick_by(&self, at: Instant) {
        if let Some(timer) = self.timer.get() {
            self.reactor.tick_by(*timer, at);
        }
    }

    fn kill(&self, state: &mut State, verdict: Verdict) {
        state.verdict.get_or_insert(verdict);
        if let Some(guard) = &state.guard {
            guard.kill();
        }
        if let Verdict::TimedOut | Verdict::TooLarge(_) = verdict {
            let patience = Instant::now() + PATIENCE;
            state.deadline = Some(patience);
            self.tick_by(patience);
        }
    }

    fn write(&self) {
        let mut state = lock(&self.state);
        if state.feed.as_mut().is_some_and(|feed| !feed.write()) {
            state.end_feed(self.reactor);
        }
    }

    fn read(&self, stream: OutputStream) {
        let mut state = lock(&self.state);
        match state.capture(stream).read() {
            Found::Something | Found::Nothing => {}
            // What is closed is always ready.
            Found::End => state.end_capture(stream, self.reactor),
            // In this order: it is to die of the limit, not of a pipe that nobody reads.
            Found::TooMuch => {
                self.kill(&mut state, Verdict::TooLarge(stream));
                state.end_capture(stream, self.reactor);
            }
        }
    }

    /// The process may have ended.
    fn look_for_end(self: &Arc<Self>) {
        let mut state = lock(&self.state);
        let Some(process) = &state.guard else { return };
        if !process.has_ended() {
            // Whoever traces it has to let go first, and its pidfd is ready all the while.
            if let (Some(pidfd), Ok(())) = (process.pidfd(), self.wait_on_a_thread(process.pid())) {
                self.reactor.unwatch(pidfd);
            }
            return;
        }
        let Some(mut ended) = state.guard.take() else { return };
        // What is left of its group must not go on writing while its last words are read.
        ended.kill();
        if let Some(pidfd) = ended.pidfd() {
            self.reactor.unwatch(pidfd);
        }
        for stream in [OutputStream::Stdout, OutputStream::Stderr] {
            if state.capture(stream).read_last() == Found::TooMuch {
                state.verdict.get_or_insert(Verdict::TooLarge(stream));
            }
        }
        let exit = ended.reap().exit;
        // Whoever hears of the end finds that nothing of it is left.
        drop(ended);
        let waker = self.finish(&mut state, exit);
        drop(state);
        self.forget();
        wake(waker);
    }

    /// Says what became of it, unless that is said. Whoever waits for it is to be woken.
    fn finish(&self, state: &mut State, exit: Exit) -> Option<Waker> {
        state.close(self.reactor);
        if let Some(Verdict::Abandoned) = state.verdict {
            return None;
        }
        let Outcome::Awaited(waker) = &mut state.outcome else { return None };
        let waker = waker.take();
        let output = Output::new(exit, state.stdout.take(), state.stderr.take());
        let command = self.command.clone();
        state.outcome = Outcome::Known(match (state.verdict, self.timeout) {
            (Some(Verdict::TooLarge(stream)), _) => Err(ExecError::TooLarge {
                command,
                stream,
                limit: self.limit,
                output: Arc::new(output),
            }),
            // What was not killed had ended by itself, if at the last moment.
            (Some(Verdict::TimedOut), Some(after)) if !matches!(exit, Exit::Code(_)) => {
                Err(ExecError::TimedOut { command, after, output: Arc::new(output) })
            }
            _ if exit.is_success() => Ok(output),
            _ => Err(ExecError::Failed { command, exit, output: Arc::new(output) }),
        });
        waker
    }

    /// The reactor has no more to do with it.
    fn forget(&self) {
        if let Some(token) = self.token.get() {
            registry::leave(*token);
            self.reactor.remove_source(*token);
        }
        if let Some(timer) = self.timer.get() {
            self.reactor.remove_timer(*timer);
        }
    }
}

impl State {
    fn capture(&mut self, stream: OutputStream) -> &mut Capture {
        match stream {
            OutputStream::Stdout => &mut self.stdout,
            OutputStream::Stderr => &mut self.stderr,
        }
    }

    fn end_capture(&mut self, stream: OutputStream, reactor: &Reactor) {
        if let Some(pipe) = self.capture(stream).end() {
            reactor.unwatch(pipe.as_fd());
        }
    }

    fn end_feed(&mut self, reactor: &Reactor) {
        if let Some(feed) = self.feed.take() {
            reactor.unwatch(feed.pipe());
        }
    }

    /// Closes the pipes. A fork of this process may have them too, so that they are watched until
    /// that is taken back.
    fn close(&mut self, reactor: &Reactor) {
        self.end_feed(reactor);
        self.end_capture(OutputStream::Stdout, reactor);
        self.end_capture(OutputStream::Stderr, reactor);
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
