//! What a storm must not leave behind.

use std::time::{Duration, Instant};

use crate::wrong;

/// The variable that every worker has, and whatever it starts.
pub const MARK: &str = "PM_CHAOS";

/// Its value.
pub fn mark() -> String {
    std::process::id().to_string()
}

/// What this process holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// What they are of.
    descriptors: Vec<String>,
    maps: usize,
    threads: Vec<String>,
    /// Children, zombies too, and whatever workers started.
    processes: usize,
}

/// An allocator keeps a few.
const MAPS: usize = 64;
/// How much the memory may grow, in KiB: a tenth of what a storm of 30 s would lose if each query
/// lost a hundred bytes.
const GROWTH: u64 = 48 << 10;

/// What is left after so long is left for good.
const PATIENCE: Duration = Duration::from_secs(60);

impl Held {
    pub fn now() -> Self {
        let mut threads: Vec<String> = entries("/proc/self/task")
            .filter_map(|task| std::fs::read_to_string(format!("/proc/self/task/{task}/comm")).ok())
            .map(|name| name.trim().to_owned())
            .collect();
        threads.sort();
        let of = |fd: &str| std::fs::read_link(format!("/proc/self/fd/{fd}"));
        let descriptors = entries("/proc/self/fd")
            .filter_map(|fd| Some(format!("{fd} {}", of(&fd).ok()?.display())))
            .collect();
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
        Self { descriptors, maps: maps.lines().count(), threads, processes: processes() }
    }

    /// What is held once nothing changes any more.
    pub fn at_rest() -> Self {
        let end = Instant::now() + PATIENCE;
        let mut before = Self::now();
        loop {
            std::thread::sleep(Duration::from_millis(500));
            let now = Self::now();
            if now == before && now.processes == 0 {
                return now;
            }
            if Instant::now() > end {
                wrong(format!("it does not come to rest: {now:?}"));
                return now;
            }
            before = now;
        }
    }

    fn fits(&self, before: &Self) -> bool {
        self.descriptors.len() <= before.descriptors.len()
            && self.maps <= before.maps + MAPS
            && self.threads.len() <= before.threads.len()
            && self.processes == 0
    }

    /// Waits until no more is held than before.
    pub fn check_against(before: &Self) -> Self {
        let end = Instant::now() + PATIENCE;
        loop {
            let now = Self::now();
            if now.fits(before) {
                return now;
            }
            if Instant::now() > end {
                wrong(format!("before it was {before:?}, and in the end {now:?}"));
                return now;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl std::fmt::Display for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { descriptors, maps, threads, processes } = self;
        let (descriptors, threads) = (descriptors.len(), threads.len());
        write!(
            f,
            "{descriptors} descriptors, {maps} maps, {threads} threads, {processes} processes"
        )
    }
}

/// The memory of this process that is in use, in KiB.
pub fn memory() -> u64 {
    // SAFETY: it gives free memory back, and touches nothing else.
    #[cfg(target_env = "gnu")]
    #[allow(unsafe_code, reason = "nothing safe asks the allocator for that")]
    unsafe {
        libc::malloc_trim(0);
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or(0)
}

pub fn check_memory(before: u64, after: u64) {
    if after > before + GROWTH {
        wrong(format!("the memory grew from {before} KiB to {after} KiB"));
    }
}

/// Who started a process.
pub fn parent_of(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(") ").next()?.split(' ').nth(1)?.parse().ok()
}

fn processes() -> usize {
    let mark = format!("{MARK}={}", mark());
    let is_left = |pid: &u32| {
        parent_of(*pid) == Some(std::process::id())
            || std::fs::read(format!("/proc/{pid}/environ")).is_ok_and(|environ| {
                environ.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
            })
    };
    entries("/proc").filter_map(|entry| entry.parse().ok()).filter(is_left).count()
}

fn entries(folder: &str) -> impl Iterator<Item = String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok())
}
