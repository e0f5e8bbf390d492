//! What a caller and its pool share of one query.

use std::cmp;
use std::collections::VecDeque;
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::task::{Context, Poll, Waker};

use super::messages::{Heard, Mailbox};
use crate::error::QueryError;
use crate::stream::{Channel, Wakes};
use crate::supervisor::{Fingerprint, WorkerId};
use crate::sync::{lock, shielded};
use crate::trace::Traced;
use crate::transport::payload::Parts;
use crate::wire::bulk::Parcel;

/// The encoded answer, or why there is none.
pub(crate) type Outcome = Result<Parcel, QueryError>;

/// One query: its arguments, and the place where its outcome is put, once.
pub(crate) struct Ticket {
    request: Parcel,
    state: Mutex<State>,
    /// The outcome is there: for who only looks.
    resolved: AtomicBool,
    /// Its messages on their way to its caller; `None`: that does not listen.
    mailbox: Option<Box<Mutex<Mailbox>>>,
    /// The stream that it opens, and which goes on when its outcome is there.
    stream: Option<Arc<Channel>>,
    /// What those see of it who follow it.
    traced: Traced,
}

enum State {
    Pending {
        waker: Option<Waker>,
        /// What it said last of what it is at.
        debug: Option<Arc<str>>,
    },
    Resolved(Outcome),
    Taken,
}

impl Ticket {
    pub(crate) fn new(request: Parcel) -> Self {
        let state = Mutex::new(State::Pending { waker: None, debug: None });
        Self {
            request,
            state,
            resolved: AtomicBool::new(false),
            mailbox: None,
            stream: None,
            traced: Traced::default(),
        }
    }

    /// A query that opens this stream.
    pub(super) fn of_stream(request: Parcel, stream: Arc<Channel>) -> Self {
        Self { stream: Some(stream), ..Self::new(request) }
    }

    /// The stream that it opens.
    pub(super) fn stream(&self) -> Option<&Arc<Channel>> {
        self.stream.as_ref()
    }

    /// Its caller wants to hear its messages.
    pub(crate) fn listen(&mut self) {
        self.mailbox = Some(Box::default());
    }

    /// Who may follow it from now on.
    pub(super) fn trace(&mut self, traced: Traced) {
        self.traced = traced;
    }

    pub(super) fn traced(&self) -> &Traced {
        &self.traced
    }

    /// The encoded arguments.
    pub(crate) fn request(&self) -> &Parcel {
        &self.request
    }

    /// A hash of the arguments, for reports; of as many of them as take no time.
    pub(crate) fn hash(&self) -> u64 {
        const ENDS: usize = 64 << 10;
        let mut hasher = DefaultHasher::new();
        for part in self.request.parts() {
            let (first, rest) = part.split_at(part.len().min(ENDS));
            let last = &rest[rest.len().saturating_sub(ENDS)..];
            (part.len(), first, last).hash(&mut hasher);
        }
        hasher.finish()
    }

    /// A hash of all the arguments, which nobody who sends them can foresee.
    pub(crate) fn print(&self) -> Fingerprint {
        static KEYS: LazyLock<[RandomState; 2]> = LazyLock::new(Default::default);
        let half = |key: &RandomState| u128::from(key.hash_one(self.request.parts()));
        let [first, second] = &*KEYS;
        Fingerprint(half(first) << 64 | half(second))
    }

    /// The order of two queries by their arguments: whether they are the same.
    pub(crate) fn compare(&self, other: &Self) -> cmp::Ordering {
        self.request.parts().cmp(&other.request.parts())
    }

    /// The outcome is there.
    pub(crate) fn is_resolved(&self) -> bool {
        self.resolved.load(Ordering::Acquire)
    }

    /// The caller looks for itself, and need not be woken.
    pub(crate) fn forget_waker(&self) {
        let waker = self.take_waker();
        drop(waker);
    }

    fn take_waker(&self) -> Option<Waker> {
        match &mut *lock(&self.state) {
            State::Pending { waker, .. } => waker.take(),
            State::Resolved(_) | State::Taken => None,
        }
    }

    /// What it is at, in its own words.
    pub(super) fn note_debug(&self, text: Arc<str>) {
        if let State::Pending { debug, .. } = &mut *lock(&self.state) {
            *debug = Some(text);
        }
    }

    /// It runs once more: what an earlier run was at is over.
    pub(super) fn forget_debug(&self) {
        if let State::Pending { debug, .. } = &mut *lock(&self.state) {
            *debug = None;
        }
    }

    /// The last of those.
    pub(super) fn debug(&self) -> Option<Arc<str>> {
        match &*lock(&self.state) {
            State::Pending { debug, .. } => debug.clone(),
            State::Resolved(_) | State::Taken => None,
        }
    }

    /// Puts a message into its mailbox; [`wake`](Self::wake) has to follow.
    pub(super) fn put(&self, worker: WorkerId, message: &Arc<Vec<u8>>) -> Heard {
        let mailbox = self.mailbox.as_ref();
        mailbox.map_or(Heard::ByNobody, |mailbox| lock(mailbox).put(worker, message))
    }

    /// The messages that are there by now, in order.
    pub(super) fn messages(&self) -> VecDeque<(WorkerId, Arc<Vec<u8>>)> {
        self.mailbox.as_ref().map(|mailbox| lock(mailbox).empty()).unwrap_or_default()
    }

    /// Its caller is gone: what that has left here, code of the application too, goes with it, and
    /// not whenever and wherever the query ends.
    pub(super) fn give_up(&self) {
        self.forget_waker();
        let unheard = self.mailbox.as_ref().map(|mailbox| lock(mailbox).close());
        drop(unheard);
    }

    /// Has its caller look. Not under a lock, because a waker is code of the application.
    pub(super) fn wake(&self) {
        if let Some(waker) = self.take_waker() {
            shielded(|| waker.wake());
        }
    }

    /// Puts the outcome in its place, and wakes the caller. Not under a lock, because a waker is
    /// code of the application. The second one, of a query that opened a stream, is that of the
    /// stream.
    pub(crate) fn resolve(&self, outcome: Outcome) {
        if let Some(stream) = self.stream.as_ref().filter(|_| self.is_resolved()) {
            let mut wakes = Wakes::default();
            stream.end(outcome.map(drop), &mut wakes);
            wakes.wake();
        } else if let Some(waker) = self.settle(outcome) {
            shielded(|| waker.wake());
        }
    }

    /// Puts the outcome in its place; returns who has to be woken for it.
    pub(super) fn settle(&self, outcome: Outcome) -> Option<Waker> {
        let mut state = lock(&self.state);
        let State::Pending { waker, debug } = &mut *state else { return None };
        let (waker, debug) = (waker.take(), debug.take());
        *state = State::Resolved(outcome);
        self.resolved.store(true, Ordering::Release);
        drop((state, debug));
        waker
    }

    /// `first`: it has no waker yet.
    pub(crate) fn poll(&self, cx: &mut Context<'_>, first: bool) -> Poll<Outcome> {
        let mut fresh = (first && !self.is_resolved()).then(|| cx.waker().clone());
        loop {
            let mut state = lock(&self.state);
            match &mut *state {
                State::Pending { waker: Some(waker), .. } if waker.will_wake(cx.waker()) => {
                    return Poll::Pending;
                }
                State::Pending { waker, .. } => {
                    if fresh.is_some() {
                        let old = std::mem::replace(waker, fresh);
                        drop(state);
                        drop(old);
                        return Poll::Pending;
                    }
                }
                State::Resolved(_) | State::Taken => {
                    return match std::mem::replace(&mut *state, State::Taken) {
                        State::Resolved(outcome) => Poll::Ready(outcome),
                        State::Pending { .. } | State::Taken => {
                            Poll::Ready(Err(QueryError::Cancelled))
                        }
                    };
                }
            }
            drop(state);
            // Not under the lock either, nor is the drop of the one before.
            fresh = Some(cx.waker().clone());
        }
    }
}

impl Parts for Ticket {
    fn parts(&self) -> [&[u8]; 2] {
        self.request.parts()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::bulk::Bulk;

    #[test]
    fn a_hash_tells_arguments_apart_by_size_and_ends() {
        let hash = |bytes: &[u8]| {
            let request = Parcel::new(bytes.to_vec(), Bulk::new());
            Ticket::new(request).hash()
        };
        let mut long = vec![0; 1 << 20];
        let all = [hash(b""), hash(b"a"), hash(b"ab"), hash(b"ba"), hash(&long), hash(&long[1..])];
        for (index, one) in all.iter().enumerate() {
            assert!(!all[..index].contains(one), "{index}");
        }
        let before = hash(&long);
        assert_eq!(before, hash(&long));
        long[(1 << 20) - 1] = 1;
        assert_ne!(before, hash(&long));
    }
}
