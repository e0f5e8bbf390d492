//! On which cores a contestant runs.

use std::fs;

use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde::Serialize;

/// The name of threads that count as a far side, as a contestant's child processes do.
pub(crate) const FAR: &str = "far";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Placement {
    /// Callers and workers share one.
    OneCore,
    /// Callers have one, workers another.
    TwoCores,
    /// Wherever the scheduler puts them.
    Unpinned,
    /// The same, with something else to do for each core.
    Loaded,
}

/// The cores that this process may use.
pub(crate) struct Cores {
    all: CpuSet,
    numbers: Vec<usize>,
}

impl Cores {
    pub(crate) fn of_this_process() -> rustix::io::Result<Self> {
        let all = sched_getaffinity(None)?;
        let numbers = (0..CpuSet::MAX_CPU).filter(|&core| all.is_set(core)).collect();
        Ok(Self { all, numbers })
    }

    pub(crate) fn count(&self) -> usize {
        self.numbers.len()
    }

    /// The first two.
    pub(crate) fn pair(&self) -> Option<(usize, usize)> {
        Some((*self.numbers.first()?, *self.numbers.get(1)?))
    }

    /// Why a placement cannot be had here.
    pub(crate) fn lack(&self, placement: Placement) -> Option<&'static str> {
        let lacks = placement == Placement::TwoCores && self.count() < 2;
        lacks.then_some("this process may use one core only")
    }

    /// Has what this thread starts run where callers do.
    pub(crate) fn start_near(&self, placement: Placement) {
        match (placement, self.numbers.first()) {
            (Placement::OneCore | Placement::TwoCores, Some(&core)) => pin(None, &only(core)),
            _ => pin(None, &self.all),
        }
    }

    /// Has this thread, and what it starts, run anywhere again.
    pub(crate) fn release(&self) {
        pin(None, &self.all);
    }

    /// Puts the workers of a process where they belong.
    pub(crate) fn place_far(&self, placement: Placement, process: u32) {
        let Some((_, core)) = self.pair().filter(|_| placement == Placement::TwoCores) else {
            return;
        };
        let far = only(core);
        for (thread, name) in threads(process) {
            if name == FAR {
                pin(Pid::from_raw(thread as i32), &far);
            }
        }
        for child in children(process) {
            for worker in family(child) {
                threads(worker).for_each(|(thread, _)| pin(Pid::from_raw(thread as i32), &far));
            }
        }
    }
}

/// Has this thread run on one core.
pub(crate) fn pin_this_thread(core: usize) {
    pin(None, &only(core));
}

fn only(core: usize) -> CpuSet {
    let mut set = CpuSet::new();
    set.set(core);
    set
}

/// A thread that is gone meanwhile needs no place.
fn pin(thread: Option<Pid>, set: &CpuSet) {
    let _ = sched_setaffinity(thread, set);
}

fn threads(process: u32) -> impl Iterator<Item = (u32, String)> {
    numbered(&format!("/proc/{process}/task")).map(move |thread| {
        let name = fs::read_to_string(format!("/proc/{process}/task/{thread}/comm"));
        (thread, name.unwrap_or_default().trim_end().to_owned())
    })
}

/// A process, its children, theirs, and so on.
fn family(process: u32) -> Vec<u32> {
    let mut found = vec![process];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(children(parent));
        next += 1;
    }
    found
}

/// The processes whose parent is this one.
pub(crate) fn children(parent: u32) -> Vec<u32> {
    let parent_of = |process: u32| -> Option<u32> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        stat.rsplit(") ").next()?.split(' ').nth(1)?.parse().ok()
    };
    numbered("/proc").filter(|&process| parent_of(process) == Some(parent)).collect()
}

fn numbered(folder: &str) -> impl Iterator<Item = u32> + use<> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}
