//! The pool's end of the pipe that a worker's records come through.
//!
//! It is open as long as the worker is there. What is in it then is kept until somebody comes to read it: so a
//! subscriber that does not come back for long costs memory, which has a bound, and no descriptors.

use std::os::fd::OwnedFd;
use std::sync::Mutex;

use rustix::io::{Errno, ioctl_fionread};

use crate::process::pipe;
use crate::sync::lock;
use crate::transport::poll::{Interest, Poll};

pub(super) struct Source(Mutex<State>);

/// No code of a subscriber runs while it is locked.
enum State {
    Open(OwnedFd),
    Ended {
        rest: Vec<u8>,
        /// There was more.
        is_cut: bool,
    },
}

impl Source {
    pub(super) fn new(pipe: OwnedFd) -> Self {
        Self(Mutex::new(State::Open(pipe)))
    }

    /// Has its reader's thread hear of what comes.
    pub(super) fn watch(&self, poll: &Poll, token: u64) -> Result<(), Errno> {
        match &*lock(&self.0) {
            State::Open(pipe) => poll.add(pipe, token, Interest::Read),
            State::Ended { .. } => Ok(()),
        }
    }

    /// Reads some of what is there, as [`pipe::read`] does; all of it, where there will be no more.
    pub(super) fn read(&self, bytes: &mut Vec<u8>) -> Option<usize> {
        match &mut *lock(&self.0) {
            State::Open(pipe) => pipe::read(pipe, bytes),
            State::Ended { rest, .. } => {
                let kept = rest.len();
                bytes.append(rest);
                Some(kept)
            }
        }
    }

    /// The worker is gone, or is read no more: keeps so many of the bytes that are there, at most, and closes
    /// the pipe. Returns how many it keeps.
    pub(super) fn end(&self, poll: &Poll, most: usize) -> usize {
        let mut state = lock(&self.0);
        let State::Open(pipe) = &*state else { return 0 };
        // Who has escaped the worker's group may write on meanwhile.
        let there = written(pipe);
        let kept = there.min(most);
        let mut rest = Vec::new();
        if kept > 0 {
            rest.reserve_exact(kept);
            pipe::read(pipe, &mut rest);
        }
        // A fork of the process may hold it open, and then it would be ready for ever.
        poll.remove(pipe);
        *state = State::Ended { rest, is_cut: there > kept };
        kept
    }

    /// How many bytes are there.
    pub(super) fn written(&self) -> usize {
        match &*lock(&self.0) {
            State::Open(pipe) => written(pipe),
            State::Ended { rest, .. } => rest.len(),
        }
    }

    /// It has ended, and more was in it than was kept.
    pub(super) fn is_cut(&self) -> bool {
        matches!(*lock(&self.0), State::Ended { is_cut: true, .. })
    }
}

/// How many bytes are in a pipe.
fn written(pipe: &OwnedFd) -> usize {
    ioctl_fionread(pipe).map_or(0, |there| usize::try_from(there).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_at_the_end_is_kept_and_the_pipe_is_closed() {
        let poll = Poll::new().unwrap();
        for (most, kept, is_cut) in [(5, "words", false), (4, "word", true), (0, "", true)] {
            let (near, far) = pipe::to_read().unwrap();
            let source = Source::new(near);
            source.watch(&poll, 0).unwrap();
            pipe::write(&far, b"words").unwrap();
            assert_eq!(source.end(&poll, most), kept.len());
            assert_eq!(pipe::write(&far, b"more"), Err(Errno::PIPE));
            // It has ended before.
            assert_eq!(source.end(&poll, most), 0);
            let mut read = Vec::new();
            source.read(&mut read);
            assert_eq!(read, kept.as_bytes());
            assert_eq!(source.read(&mut Vec::new()), Some(0));
            assert_eq!(source.is_cut(), is_cut);
        }
    }
}
