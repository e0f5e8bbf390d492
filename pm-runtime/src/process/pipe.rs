//! Pipes that are read and written without waiting, and without a signal.
#![allow(unsafe_code, reason = "the signal mask of a thread")]

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::ptr::null_mut;

use rustix::buffer::spare_capacity;
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::pipe::PipeFlags;

/// A pipe whose end for reading never waits: it is kept here, and the other one is given away.
pub(crate) fn to_read() -> Result<(OwnedFd, OwnedFd), Errno> {
    let (read, write) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    // Only this end: whatever writes into the other need not know of it.
    rustix::fs::fcntl_setfl(&read, OFlags::NONBLOCK)?;
    Ok((read, write))
}

/// A pipe whose end for writing never waits: it is kept here, and the other one, which comes second,
/// is given away.
pub(crate) fn to_write() -> Result<(OwnedFd, OwnedFd), Errno> {
    let (read, write) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    rustix::fs::fcntl_setfl(&write, OFlags::NONBLOCK)?;
    Ok((write, read))
}

/// Reads some of what is there into the room that the vector has: how much that was. 0: there will
/// never be more; `None`: there is nothing now.
pub(crate) fn read(pipe: impl AsFd, bytes: &mut Vec<u8>) -> Option<usize> {
    loop {
        match rustix::io::read(&pipe, spare_capacity(bytes)) {
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return None,
            read => return Some(read.unwrap_or(0)),
        }
    }
}

/// Writes to a pipe. Where nobody reads it any more this is an error and nothing else, whatever the
/// application has SIGPIPE do: by default that would end its process.
pub(crate) fn write(pipe: impl AsFd, bytes: &[u8]) -> Result<usize, Errno> {
    // SAFETY: all pointers are valid, `sigemptyset` initializes `pipe_signal`, and the first
    // `pthread_sigmask` initializes `before` where it succeeds, which is asked.
    unsafe {
        let mut pipe_signal = MaybeUninit::uninit();
        libc::sigemptyset(pipe_signal.as_mut_ptr());
        libc::sigaddset(pipe_signal.as_mut_ptr(), libc::SIGPIPE);
        let mut before = MaybeUninit::uninit();
        let (signal, before) = (pipe_signal.as_ptr(), before.as_mut_ptr());
        let blocked = libc::pthread_sigmask(libc::SIG_BLOCK, signal, before) == 0;
        let written = rustix::io::write(pipe, bytes);
        if blocked {
            if written == Err(Errno::PIPE) {
                // The signal is this thread's, and waits for it.
                let now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
                libc::sigtimedwait(signal, null_mut(), &now);
            }
            libc::pthread_sigmask(libc::SIG_SETMASK, before, null_mut());
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_an_error_where_nobody_reads() {
        let (near, far) = to_write().unwrap();
        assert_eq!(write(&near, b"x"), Ok(1));
        drop(far);
        assert_eq!(write(&near, b"x"), Err(Errno::PIPE));
    }
}
