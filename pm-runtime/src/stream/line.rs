//! Streams that wait for room on their way to the other side.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::channel::Channel;
use super::registry::Wakes;
use crate::sync::lock;

/// They take turns, a piece each.
#[derive(Default)]
pub(crate) struct Line {
    waiting: Mutex<VecDeque<Arc<Channel>>>,
    /// There are some, for who only looks.
    any: AtomicBool,
}

impl Line {
    pub(crate) fn add(&self, channel: Arc<Channel>) {
        let mut waiting = lock(&self.waiting);
        waiting.push_back(channel);
        self.any.store(true, Ordering::Release);
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.any.load(Ordering::Acquire)
    }

    /// There may be room: each goes on, in turn, until there is none. `true`: something went.
    pub(crate) fn go_on(&self, wakes: &mut Wakes) -> bool {
        let mut went = false;
        while self.any.load(Ordering::Acquire) {
            let next = {
                let mut waiting = lock(&self.waiting);
                let next = waiting.pop_front();
                self.any.store(!waiting.is_empty(), Ordering::Release);
                next
            };
            let Some(channel) = next else { break };
            // It comes back to the end of the line, if there is more.
            if !channel.go_on(wakes) {
                break;
            }
            went = true;
        }
        went
    }

    /// Nothing is read on the other side any more.
    pub(crate) fn clear(&self) {
        let gone = std::mem::take(&mut *lock(&self.waiting));
        self.any.store(false, Ordering::Release);
        drop(gone);
    }
}
