//! A process that was started: nothing that it leaves behind escapes its guard.
#![allow(unsafe_code, reason = "waiting for a process with its resource usage")]

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, Signal};

use super::fork;
use crate::error::Exit;

/// How a process ended, and what it had used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    pub(crate) exit: Exit,
    /// Bytes; `None` where nobody could tell.
    pub(crate) max_rss: Option<u64>,
    pub(crate) cpu: Option<Duration>,
}

impl Ended {
    /// Somebody else has waited for it.
    const UNKNOWN: Self = Self { exit: Exit::Unknown, max_rss: None, cpu: None };
}

/// A process of ours, until it is reaped. Dropped earlier, it is killed and reaped.
#[derive(Debug)]
pub(crate) struct Guard {
    pid: Pid,
    pidfd: Option<OwnedFd>,
    reaped: bool,
    /// The memory that this process had used when it started the other: the system counts that
    /// as the other's own, which shared it until it ran its program.
    borrowed_rss: u64,
}

impl Guard {
    /// `None`: no process has this number.
    pub(crate) fn new(pid: u32) -> Option<Self> {
        let pid = Pid::from_raw(i32::try_from(pid).ok()?)?;
        // Where the kernel or a container refuses it, a thread waits instead.
        let pidfd = match pidfd_allowed() {
            true => rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok(),
            false => None,
        };
        let borrowed_rss = max_rss(&usage_of_self());
        Some(Self { pid, pidfd, reaped: false, borrowed_rss })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get() as u32
    }

    /// Becomes readable when the process has ended.
    pub(crate) fn pidfd(&self) -> Option<BorrowedFd<'_>> {
        self.pidfd.as_ref().map(|pidfd| pidfd.as_fd())
    }

    /// Kills the process and everything in its group.
    pub(crate) fn kill(&self) {
        // A fork must not touch the children of its parent.
        if self.reaped || fork::is_fork() {
            return;
        }
        // As long as its leader is not reaped, nobody else can have the group's number. Both
        // calls fail only where there is nothing left to kill.
        let _ = rustix::process::kill_process_group(self.pid, Signal::KILL);
        let _ = rustix::process::kill_process(self.pid, Signal::KILL);
    }

    /// Waits for the process, which has to have ended or to have been killed.
    pub(crate) fn reap(&mut self) -> Ended {
        self.reaped = true;
        let mut ended = wait(self.pid);
        ended.max_rss = ended.max_rss.filter(|rss| *rss > self.borrowed_rss);
        ended
    }

    /// Whether it is a zombie, or gone.
    pub(crate) fn has_ended(&self) -> bool {
        // SAFETY: `info` is valid for writes, and zeroed as `waitid` wants it with WNOHANG.
        let (result, info) = unsafe {
            let mut info: libc::siginfo_t = std::mem::zeroed();
            let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
            let id = self.pid() as libc::id_t;
            (libc::waitid(libc::P_PID, id, &mut info, flags), info)
        };
        // An error means that somebody else has reaped it.
        // SAFETY: `waitid` has filled `info` in, or left it zero.
        result != 0 || unsafe { info.si_pid() } != 0
    }

    /// Whether it runs: then its number is nobody else's, and never was since it was started.
    pub(crate) fn is_alive(&self) -> bool {
        let Some(pidfd) = &self.pidfd else {
            return !self.has_ended();
        };
        // Unlike its number, this can mean no other process, even where somebody else has reaped
        // it.
        let mut ends = [PollFd::new(pidfd, PollFlags::IN)];
        rustix::event::poll(&mut ends, Some(&Timespec::default())) == Ok(0)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.reaped && !fork::is_fork() {
            self.kill();
            wait(self.pid);
        }
    }
}

/// Waits until a process has ended, and leaves it to be reaped. For threads of their own.
pub(crate) fn wait_for_end(pid: u32) {
    // SAFETY: `info` is valid for writes.
    unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        let flags = libc::WEXITED | libc::WNOWAIT;
        while libc::waitid(libc::P_PID, pid as libc::id_t, &mut info, flags) != 0
            && *libc::__errno_location() == libc::EINTR
        {}
    }
}

/// Bytes; Linux counts in KiB.
fn max_rss(usage: &libc::rusage) -> u64 {
    (usage.ru_maxrss as u64) << 10
}

fn usage_of_self() -> libc::rusage {
    // SAFETY: a zeroed `rusage` is a valid one, and valid for writes.
    unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    }
}

/// Reaps a process.
fn wait(pid: Pid) -> Ended {
    let mut status = 0;
    // SAFETY: both pointers are valid for writes, and a zeroed `rusage` is a valid one.
    let (waited, usage) = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        loop {
            let waited = libc::wait4(pid.as_raw_nonzero().get(), &mut status, 0, &mut usage);
            if waited >= 0 || *libc::__errno_location() != libc::EINTR {
                break (waited, usage);
            }
        }
    };
    if waited < 0 {
        return Ended::UNKNOWN;
    }
    let exit = if libc::WIFSIGNALED(status) {
        Exit::Signal(libc::WTERMSIG(status))
    } else {
        Exit::Code(libc::WEXITSTATUS(status))
    };
    let duration = |time: libc::timeval| {
        Duration::from_secs(time.tv_sec as u64) + Duration::from_micros(time.tv_usec as u64)
    };
    Ended {
        exit,
        max_rss: Some(max_rss(&usage)),
        cpu: Some(duration(usage.ru_utime) + duration(usage.ru_stime)),
    }
}

/// Tests take pidfds away, as old kernels and strict containers do.
fn pidfd_allowed() -> bool {
    static ALLOWED: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    *ALLOWED.get_or_init(|| std::env::var_os("PM_RUNTIME_NO_PIDFD").is_none())
}
