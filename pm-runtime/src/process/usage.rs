//! What a process uses while it runs.
#![allow(unsafe_code, reason = "the CPU clock of another process")]

use std::time::Duration;
#[cfg(feature = "operator")]
use std::time::SystemTime;

/// What a process uses; `None`: nobody could tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// The resident set, in bytes.
    pub(crate) rss: Option<u64>,
    /// User and system time together.
    pub(crate) cpu: Option<Duration>,
}

impl Usage {
    /// Of whatever process has this number now: whoever asks has to make sure which one that was.
    pub(crate) fn of(pid: u32) -> Self {
        Self { rss: rss(pid), cpu: cpu(pid) }
    }
}

fn rss(pid: u32) -> Option<u64> {
    let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    // Pages: the size of the program, then what of it is resident.
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    // A process that is ending has given its memory back before anybody is told of its end.
    pages.checked_mul(page_size()?).filter(|&bytes| bytes > 0)
}

fn page_size() -> Option<u64> {
    // SAFETY: it only returns a number.
    u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).ok()
}

/// The clock counts nanoseconds, where /proc counts in hundredths of a second.
fn cpu(pid: u32) -> Option<Duration> {
    let mut clock: libc::clockid_t = 0;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: both pointers are valid for writes.
    let told = unsafe {
        libc::clock_getcpuclockid(libc::pid_t::try_from(pid).ok()?, &mut clock) == 0
            && libc::clock_gettime(clock, &mut time) == 0
    };
    let seconds = u64::try_from(time.tv_sec).ok()?;
    told.then(|| Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0)))
}

/// When this process was started, within a hundredth of a second.
#[cfg(feature = "operator")]
pub(crate) fn started() -> Option<SystemTime> {
    use rustix::time::{ClockId, clock_gettime};
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // Behind the program's name, which may hold anything: fields 3 and on; 22 is the start since boot.
    let ticks: u64 = stat.rsplit(") ").next()?.split(' ').nth(19)?.parse().ok()?;
    // SAFETY: it only returns a number.
    let second = u64::try_from(unsafe { libc::sysconf(libc::_SC_CLK_TCK) }).ok()?;
    let start = Duration::from_secs_f64(ticks as f64 / second.max(1) as f64);
    let since_boot = Duration::try_from(clock_gettime(ClockId::Boottime)).ok()?;
    let started = SystemTime::now().checked_sub(since_boot.checked_sub(start)?);
    // A clock that was not set yet says nothing, and nothing before 1970 can be written.
    started.filter(|at| *at >= SystemTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(feature = "operator")]
    fn this_process_was_started_before_now_and_not_long_ago() {
        let age = started().and_then(|at| SystemTime::now().duration_since(at).ok());
        assert!(age.is_some_and(|age| age < Duration::from_secs(24 * 3600)), "{age:?}");
    }

    #[test]
    fn this_process_uses_memory_and_time() {
        let before = Usage::of(std::process::id());
        assert!(before.rss.is_some_and(|rss| rss > 64 << 10), "{before:?}");
        // Until the clock has gone on, which it does while this thread runs.
        while Usage::of(std::process::id()).cpu <= before.cpu {}
    }

    #[test]
    fn a_number_that_no_process_has_uses_nothing() {
        // Beyond the largest that Linux gives away.
        assert_eq!(Usage::of(1 << 23), Usage::default());
        assert_eq!(Usage::of(u32::MAX), Usage::default());
    }
}
