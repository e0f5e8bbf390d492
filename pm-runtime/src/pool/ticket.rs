//! What a caller and its pool share of one query.

use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use crate::error::QueryError;
use crate::sync::{lock, shielded};

/// The encoded answer, or why there is none.
pub(crate) type Outcome = Result<Vec<u8>, QueryError>;

/// One query: its arguments, and the place where its outcome is put, once.
pub(crate) struct Ticket {
    request: Vec<u8>,
    state: Mutex<State>,
}

enum State {
    Pending(Option<Waker>),
    Resolved(Outcome),
    Taken,
}

impl Ticket {
    pub(crate) fn new(request: Vec<u8>) -> Self {
        Self { request, state: Mutex::new(State::Pending(None)) }
    }

    /// The outcome is there.
    pub(crate) fn is_resolved(&self) -> bool {
        !matches!(*lock(&self.state), State::Pending(_))
    }

    /// The caller looks for itself, and need not be woken.
    pub(crate) fn forget_waker(&self) {
        let mut state = lock(&self.state);
        if let State::Pending(waker) = &mut *state {
            let waker = waker.take();
            drop(state);
            drop(waker);
        }
    }

    /// Puts the outcome in its place, and wakes the caller. Not under a lock, because a waker is
    /// code of the application.
    pub(crate) fn resolve(&self, outcome: Outcome) {
        let mut state = lock(&self.state);
        if let State::Pending(waker) = &mut *state {
            let waker = waker.take();
            *state = State::Resolved(outcome);
            drop(state);
            if let Some(waker) = waker {
                shielded(|| waker.wake());
            }
        }
    }

    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<Outcome> {
        let mut fresh = None;
        loop {
            let mut state = lock(&self.state);
            match &mut *state {
                State::Pending(Some(waker)) if waker.will_wake(cx.waker()) => return Poll::Pending,
                State::Pending(waker) => {
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
                        State::Pending(_) | State::Taken => Poll::Ready(Err(QueryError::Cancelled)),
                    };
                }
            }
            drop(state);
            // Not under the lock either, nor is the drop of the one before.
            fresh = Some(cx.waker().clone());
        }
    }
}

impl AsRef<[u8]> for Ticket {
    fn as_ref(&self) -> &[u8] {
        &self.request
    }
}
