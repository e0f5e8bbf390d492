//! The thread that watches the link: it hears the bell, and the end of the pool.

use std::os::fd::AsFd;

use rustix::io::Errno;
use rustix::net::RecvFlags;

use super::inbox::{Home, Inbox};
use crate::process::isolate;
use crate::sync::{lock, shielded};
use crate::transport::socket::{self, Wait};

/// What a look at the bell shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bell {
    Rang,
    Silent,
    /// The pool is no more.
    Gone,
}

impl Inbox {
    /// Waits for the bell until the pool is gone. For the watching thread.
    pub(crate) fn watch(&self) {
        if self.serve.is_raw() {
            return self.watch_raw();
        }
        loop {
            socket::wait_for_news(self.control.as_fd());
            match self.hear_bell() {
                Bell::Rang => {}
                Bell::Silent => continue,
                Bell::Gone => return self.orphan(),
            }
            if self.memory.is_some() {
                // Whoever waits, waits elsewhere.
                self.pull(Wait::No);
                self.wake_all();
                continue;
            }
            let mut state = lock(&self.state);
            if state.reading {
                state.rung = true;
            } else {
                // Otherwise another thread could find nothing, and sleep in its read, while this
                // one takes what came.
                state.reading = true;
                drop(state);
                self.pull(Wait::No);
                lock(&self.state).reading = false;
                self.changed.notify_all();
                self.wake_executor();
            }
        }
    }

    /// Looks whether the bell has rung.
    pub(super) fn hear_bell(&self) -> Bell {
        let mut bell = [0; 64];
        match rustix::net::recv(&self.control, &mut bell[..], RecvFlags::DONTWAIT) {
            Err(Errno::INTR | Errno::AGAIN) => Bell::Silent,
            Ok((_, 0)) | Err(_) => Bell::Gone,
            Ok(_) => Bell::Rang,
        }
    }

    /// Has everybody look again who waits, for whatever was changed before.
    fn wake_all(&self) {
        if let Some(memory) = &self.memory {
            // Not before the change: whoever is about to sleep would find nothing changed, and
            // see no bell either.
            let mut state = lock(&self.state);
            state.rung = state.reading;
            drop(state);
            memory.wake();
        }
        self.changed.notify_all();
        self.wake_executor();
    }

    /// The worker is to end: whoever asked to be told is.
    pub(super) fn tell_released(&self) {
        shielded(|| {
            self.released.close();
        });
    }

    /// The link has ended, as a rule because the pool is gone: a process ends, with all that it
    /// started; a thread when what it runs has ended.
    pub(super) fn orphan(&self) {
        if self.home == Home::Process {
            isolate::die_of_lost_link(self.parent);
        }
        lock(&self.state).orphaned = true;
        self.tell_released();
        if self.serve.is_raw() {
            self.end_raw();
        }
        self.wake_all();
    }
}
