//! Signals that the application is sent. What they mean to workers is in `isolate`.
#![allow(unsafe_code, reason = "signal handlers and dispositions")]

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::pipe::{PipeFlags, pipe_with};
use signal_hook_registry::register;

use super::fork;

/// Where signals that came can be read, one byte for each; it never waits.
pub(crate) struct Arrivals {
    pipe: OwnedFd,
    write: Arc<OwnedFd>,
}

impl Arrivals {
    pub(crate) fn new() -> io::Result<Self> {
        let (pipe, write) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        Ok(Self { pipe, write: Arc::new(write) })
    }

    /// Has these signals, each below 256, arrive here instead of what they do by default. Handlers
    /// that are there are called as before.
    ///
    /// A fork of this process inherits the handlers, and gets the signals that are sent to itself:
    /// there they do what they would have done without this.
    pub(crate) fn hear(&self, signals: &[i32]) -> io::Result<()> {
        for &signal in signals {
            let write = self.write.clone();
            let ours = is_default(signal)?;
            let arrive = move || {
                if !fork::is_fork() {
                    // It fails only where thousands wait to be read.
                    let _ = rustix::io::write(&*write, &[signal as u8]);
                } else if ours {
                    die_of(signal);
                }
            };
            // It fails only for signals that do not exist.
            // SAFETY: the action only looks at an atomic, writes to a pipe that never blocks by a
            // bare system call, or ends the process: nothing that a handler may not do.
            unsafe { register(signal, arrive) }?;
        }
        Ok(())
    }

    /// What becomes readable when a signal comes.
    pub(crate) fn pipe(&self) -> &OwnedFd {
        &self.pipe
    }

    /// The signals that have come since, in order.
    pub(crate) fn take(&self) -> Vec<i32> {
        let mut signals = [0; 64];
        // It fails only where there are none.
        let came = rustix::io::read(&self.pipe, &mut signals).unwrap_or(0);
        signals.iter().take(came).map(|&signal| i32::from(signal)).collect()
    }
}

/// Whether a signal has no handler, and is not ignored.
pub(crate) fn is_default(signal: i32) -> io::Result<bool> {
    // SAFETY: `action` is valid for writes, and zeroed it is a valid one.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        if libc::sigaction(signal, std::ptr::null(), &mut action) != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(action.sa_sigaction == libc::SIG_DFL)
    }
}

/// Ends this process by a signal, as if nobody had ever handled it, or, where that does nothing
/// (to the first process of a container), with the exit code that shells give to such a death.
///
/// It may be called in a signal handler.
pub(crate) fn die_of(signal: i32) -> ! {
    // SAFETY: all pointers are valid, and zeroed sets and actions are valid ones; none of these
    // calls takes a lock or memory.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = libc::SIG_DFL;
        libc::sigaction(signal, &action, std::ptr::null_mut());
        let mut signals: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut signals);
        libc::sigaddset(&mut signals, signal);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &signals, std::ptr::null_mut());
        libc::raise(signal);
        // Its destructors would run code of the application.
        libc::_exit(128 + signal)
    }
}
