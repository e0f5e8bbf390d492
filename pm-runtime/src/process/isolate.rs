//! How a new worker cuts itself off from what it inherited.
#![allow(
    unsafe_code,
    reason = "signal handlers, the environment, and descriptors that nobody owns"
)]

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::net::{AddressFamily, SocketType, sockopt};
use rustix::process::{Pid, Signal};

use super::command::VARIABLE;
use super::peer::Peer;

/// What a process was started as.
pub(crate) enum Start {
    /// An application.
    Application,
    /// A worker, with its control socket.
    Worker(OwnedFd),
    /// A worker that cannot be one: its pool's process is gone, or is not its parent, or the
    /// system refuses what it needs. It must not take itself for the application.
    Stray,
}

/// Finds out whether this process was started as a worker: the private variable says so, stdin is
/// a socket, and the other end of that was made by this process's own parent and user.
///
/// The socket is moved away from stdin, which becomes empty, and the variable is removed.
pub(crate) fn take_link() -> Start {
    // SAFETY: `getauxval` reads a constant of this process.
    let secure = unsafe { libc::getauxval(libc::AT_SECURE) } != 0;
    let stdin = rustix::stdio::stdin();
    if secure
        || std::env::var_os(VARIABLE).is_none()
        || sockopt::socket_domain(stdin) != Ok(AddressFamily::UNIX)
        || sockopt::socket_type(stdin) != Ok(SocketType::STREAM)
    {
        return Start::Application;
    }
    match take_stdin() {
        Some(link) => Start::Worker(link),
        None => Start::Stray,
    }
}

fn take_stdin() -> Option<OwnedFd> {
    let stdin = rustix::stdio::stdin();
    let peer = Peer::of(stdin).ok()?;
    // A parent that has no number here is nobody's who can be told from others.
    let is_parent = peer.pid.is_some() && peer.pid == rustix::process::getppid();
    if !is_parent || peer.uid != rustix::process::geteuid() {
        return None;
    }
    let link = rustix::io::fcntl_dupfd_cloexec(stdin, 3).ok()?;
    let null = rustix::fs::open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
    rustix::stdio::dup2_stdin(null.ok()?).ok()?;
    // SAFETY: this runs before any code of the application, in a process of one thread.
    unsafe { std::env::remove_var(VARIABLE) };
    Some(link)
}

/// How deep the worker is that this process was to be, or that some process was which has started
/// this one instead of becoming a worker.
pub(crate) fn inherited_depth() -> u32 {
    std::env::var(VARIABLE).ok().and_then(|depth| depth.parse().ok()).unwrap_or(0)
}

/// Closes every descriptor from 3 on but this one.
pub(crate) fn close_others(keep: BorrowedFd<'_>) {
    let keep = keep.as_raw_fd() as libc::c_uint;
    let close_range = |first: libc::c_uint, last: libc::c_uint| {
        // SAFETY: nobody in this process owns a descriptor yet but `keep`: it runs before any
        // code of the application, and this library has opened nothing else.
        first > last || unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) } == 0
    };
    if close_range(3, keep - 1) && close_range(keep + 1, libc::c_uint::MAX) {
        return;
    }
    // Before Linux 5.9, or where a container refuses the call.
    for fd in open_descriptors() {
        if fd >= 3 && fd != keep as i32 {
            // SAFETY: as above. The folder's own descriptor is closed already, which is no error.
            unsafe { libc::close(fd) };
        }
    }
}

fn open_descriptors() -> Vec<i32> {
    let Ok(folder) = std::fs::read_dir("/proc/self/fd") else {
        return (3..4096).collect();
    };
    folder.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
}

/// Gives signals the meaning that they have in a worker.
///
/// Shells and service managers send TERM, INT and HUP to a whole tree of processes; it is the
/// pool that decides when a worker ends, so these do nothing. (A handler that does nothing, and
/// not "ignore": that would be inherited by what the worker executes.) What else was ignored by
/// an ancestor has its default meaning again, except SIGPIPE, which Rust programs ignore.
pub(crate) fn reset_signals() {
    extern "C" fn nothing(_: libc::c_int) {}
    // SAFETY: all pointers are valid; the handler does nothing, and is therefore safe anywhere.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        for signal in 1..32 {
            if libc::sigaction(signal, std::ptr::null(), &mut action) != 0
                || action.sa_sigaction != libc::SIG_IGN
            {
                continue;
            }
            action.sa_sigaction = libc::SIG_DFL;
            libc::sigaction(signal, &action, std::ptr::null_mut());
        }
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = libc::SIG_IGN;
        libc::sigaction(libc::SIGPIPE, &action, std::ptr::null_mut());
        action.sa_sigaction = nothing as extern "C" fn(libc::c_int) as libc::sighandler_t;
        action.sa_flags = libc::SA_RESTART;
        for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
            libc::sigaction(signal, &action, std::ptr::null_mut());
        }
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &none, std::ptr::null_mut());
    }
}

/// Sees to it that this process and its group die with its parent, even if no thread of it gets
/// to notice: the kernel then sends a signal whose handler kills the group. (SIGKILL itself would
/// leave the group alive.)
///
/// `false`: the parent is dead already.
pub(crate) fn die_with_parent(parent: u32) -> bool {
    extern "C" fn die(_: libc::c_int) {
        // SAFETY: these three calls are safe in a signal handler, and touch no memory.
        unsafe {
            if libc::getpgrp() == libc::getpid() {
                libc::kill(0, libc::SIGKILL);
            }
            libc::_exit(1);
        }
    }
    let signal = libc::SIGRTMAX() - 1;
    // SAFETY: all pointers are valid, and the handler is safe anywhere.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = die as extern "C" fn(libc::c_int) as libc::sighandler_t;
        libc::sigaction(signal, &action, std::ptr::null_mut());
        libc::prctl(libc::PR_SET_PDEATHSIG, signal);
    }
    rustix::process::getppid().map(Pid::as_raw_pid) == Some(parent as i32)
}

/// Ends this worker and everything that it started, at once: its pool is gone.
pub(crate) fn die_with_group() -> ! {
    if rustix::process::getpgrp() == rustix::process::getpid() {
        // It does not return where it succeeds.
        let _ = rustix::process::kill_current_process_group(Signal::KILL);
    }
    // Its destructors would run code of the application.
    // SAFETY: it ends the process, and touches no memory.
    unsafe { libc::_exit(1) }
}

/// Ends this worker, whose link has ended, with everything that it started, unless its pool does.
///
/// As long as the pool's process lives it is the worker's side that has failed: the pool is about to
/// kill it for that, and would take its own end for the doing of somebody else.
pub(crate) fn die_of_lost_link(parent: u32) -> ! {
    const PATIENCE: Duration = Duration::from_secs(5);
    const LOOK: Duration = Duration::from_millis(5);
    let lost = Instant::now();
    let has_parent =
        || rustix::process::getppid().map(Pid::as_raw_pid) == i32::try_from(parent).ok();
    while has_parent() && lost.elapsed() < PATIENCE {
        std::thread::sleep(LOOK);
    }
    die_with_group()
}

/// Stops or kills this process as somebody outside would, for tests.
pub(crate) fn end_by(signal: Signal) -> ! {
    // It fails only for signals that do not exist.
    let _ = rustix::process::kill_process(rustix::process::getpid(), signal);
    // It may take a moment until it reaches this thread, which must not go on.
    loop {
        std::thread::park();
    }
}
