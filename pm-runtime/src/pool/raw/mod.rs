//! What an application speaks with raw workers through.

mod worker;

use std::future::{Future, poll_fn};
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::sync::{Arc, OnceLock, Weak};
use std::task::Poll;
use std::time::Instant;

use smol::lock::Mutex;

pub use worker::RawWorker;

use super::reader::{Origin, Reader};
use super::shared::{Shared, State};
use crate::error::{BootError, QueryError, RawError};
use crate::health::WorkerState;
use crate::listener::{Handed, Hold, Taker};
use crate::process::fork;
use crate::stream::{Channel, Over, Wakes};
use crate::supervisor::{Violation, WorkerId};
use crate::sync::lock;
use crate::wire::message::{RAW, stream as kind};
use crate::worker::{FunctionEnd, Worker};

/// The pool's end of what is said to and by a raw worker. Handles of the worker hold it, also when that
/// is gone: what it had sent can still be received.
pub(crate) struct Raw {
    channel: Arc<Channel>,
    /// Whoever waits for the next message has it.
    reader: Mutex<Reader>,
    worker: OnceLock<Weak<Worker>>,
    /// Sockets that nobody else accepts on, as long as the worker stays.
    holds: std::sync::Mutex<Vec<Hold>>,
}

impl Raw {
    /// Before the worker is there: what is sent to it waits.
    pub(super) fn new(shared: &Shared) -> Self {
        let options = &shared.options;
        Self {
            channel: Arc::new(Channel::new(options.window, options.max_frame)),
            reader: Mutex::default(),
            worker: OnceLock::new(),
            holds: std::sync::Mutex::default(),
        }
    }

    /// The worker was started. What was sent goes to it when [`go_on`](Self::go_on) follows.
    pub(super) fn attach(&self, worker: &Arc<Worker>) {
        worker.enter_stream(RAW, &self.channel);
        // Whoever finds it here reads what it has said: before its channel is there, that would be lost.
        // It is set only here, once.
        let _ = self.worker.set(Arc::downgrade(worker));
    }

    pub(super) fn go_on(&self) {
        self.channel.let_end();
        self.channel.flush();
    }

    /// Nothing more may be sent: the worker hears so behind all that was.
    pub(super) fn release(&self) {
        lock(&self.holds).clear();
        self.channel.finish(kind::OVER, Vec::new());
        self.channel.flush();
    }

    /// The worker is gone.
    pub(super) fn end(&self, how: Result<(), QueryError>) {
        lock(&self.holds).clear();
        let mut wakes = Wakes::default();
        self.channel.end(how, &mut wakes);
        wakes.wake();
    }

    pub(super) async fn send(&self, message: Vec<u8>) -> Result<(), RawError> {
        let message = self.measured(message)?;
        unless_forked(async { self.sent(self.channel.send(message).await) }).await
    }

    pub(super) fn try_send(&self, message: Vec<u8>) -> Result<(), RawError> {
        let mut message = self.measured(message)?;
        match self.channel.poll_send(&mut message, None) {
            Poll::Ready(sent) => self.sent(sent),
            Poll::Pending => Err(RawError::Full),
        }
    }

    fn measured(&self, message: Vec<u8>) -> Result<Vec<u8>, RawError> {
        if fork::is_fork() {
            return Err(RawError::Forked);
        }
        let (size, limit) = (message.len(), self.channel.limit());
        if size > limit {
            return Err(RawError::TooLarge { size, limit });
        }
        Ok(message)
    }

    fn sent(&self, sent: Result<(), Over>) -> Result<(), RawError> {
        match sent {
            Ok(()) => {
                self.channel.flush();
                Ok(())
            }
            Err(Over(how)) if self.channel.has_ended() => Err(RawError::of_end(how)),
            Err(_) => Err(RawError::Released),
        }
    }

    /// The next message, as `read` has it. `None`: the worker has ended well, and there are no more.
    pub(super) async fn recv<T>(
        &self,
        shared: &Shared,
        read: impl Fn(&[u8]) -> T,
    ) -> Result<Option<T>, RawError> {
        unless_forked(async {
            let mut reader = self.reader.lock().await;
            let next = poll_fn(|cx| {
                let worker = self.worker.get().and_then(Weak::upgrade);
                let origin = Origin { shared, channel: &self.channel, worker: worker.as_ref() };
                reader.poll_next(&origin, cx, &read)
            });
            match next.await {
                Ok(message) => Ok(Some(message)),
                Err(Ok(())) => Ok(None),
                Err(how) => Err(RawError::of_end(how)),
            }
        })
        .await
    }
}

/// Waits for something, but not in a fork, where nobody wakes whoever waited before.
async fn unless_forked<T>(waits: impl Future<Output = Result<T, RawError>>) -> Result<T, RawError> {
    let mut waits = pin!(waits);
    poll_fn(|cx| match fork::is_fork() {
        true => Poll::Ready(Err(RawError::Forked)),
        false => waits.as_mut().poll(cx),
    })
    .await
}

impl Shared {
    /// Sockets on which a new worker accepts.
    pub(super) fn hand_listeners(&self, id: WorkerId) -> Result<Vec<OwnedFd>, BootError> {
        let (most, old, raw) = self.look(|state| {
            let old: Vec<WorkerId> = state.core.to_be_replaced();
            (state.core.target(), old, state.raw(id).cloned())
        });
        let Some(raw) = raw else { return Ok(Vec::new()) };
        let taker = Taker { worker: id, most, is_old: &|worker| old.contains(&worker) };
        match lock(&self.listeners).hand(&taker) {
            Ok(Handed { sockets, holds }) => {
                *lock(&raw.holds) = holds;
                Ok(sockets)
            }
            Err(error) => Err(BootError::Surroundings {
                setting: "listener".into(),
                reason: error.to_string().into(),
            }),
        }
    }
}

impl State {
    /// The function of a raw worker has ended.
    pub(super) fn function_ended(
        &mut self,
        id: WorkerId,
        end: FunctionEnd,
        now: Instant,
    ) -> Result<(), Violation> {
        let starts = self.core.view(id).is_some_and(|view| view.state == WorkerState::Starting);
        match self.worker(id) {
            // That it was ready takes another way, and may be heard later.
            Some(worker) if starts => {
                worker.note_early_end(end);
                Ok(())
            }
            _ => self.end_of_function(id, end, now),
        }
    }

    pub(super) fn end_of_function(
        &mut self,
        id: WorkerId,
        end: FunctionEnd,
        now: Instant,
    ) -> Result<(), Violation> {
        match end {
            FunctionEnd::Returned => self.core.leave(id, now),
            FunctionEnd::Failed => self.core.failed(id, now),
        }
    }

    /// A worker is about to be started.
    pub(super) fn enter_raw(&mut self, shared: &Shared, id: WorkerId) {
        if shared.plan.raw {
            self.raws.insert(id, Arc::new(Raw::new(shared)));
        }
    }

    pub(super) fn raw(&self, id: WorkerId) -> Option<&Arc<Raw>> {
        self.raws.get(&id)
    }
}
