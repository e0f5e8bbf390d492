//! What is measured: a row is one thing, done by several contestants. A file for each group.

mod bytes;
mod latency;
mod life;
mod memory;
mod raw;
mod streams;
mod throughput;
mod watched;

use serde::Serialize;

use crate::peers::Contestant;
use crate::placement::Placement;
use crate::workload::{Unit, Workload};

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) placement: Placement,
    #[serde(skip)]
    pub(crate) goal: Goal,
    /// This project first; then its floor, where the goal is about that; then others.
    #[serde(skip)]
    pub(crate) entries: Vec<Entry>,
}

/// Somebody who does something.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) label: &'static str,
    pub(crate) contestant: Contestant,
    pub(crate) workload: Workload,
}

/// What this project wants to reach, in the row's unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Goal {
    None,
    /// This or better.
    Reach(f64),
    /// The same, by what the cores' mood is.
    ByMood {
        near: f64,
        far: f64,
    },
    /// So many times what the floor has, or better.
    Times(f64),
    /// So much above the floor, or better.
    Above(f64),
}

/// Every row, in the order in which they run.
pub(crate) fn all() -> Vec<Row> {
    let groups = [
        latency::rows(),
        throughput::rows(),
        streams::rows(),
        raw::rows(),
        bytes::rows(),
        life::rows(),
        memory::rows(),
        watched::rows(),
    ];
    groups.into_iter().flatten().collect()
}

impl Row {
    /// Without anybody yet.
    fn of(name: &str, title: &str) -> Self {
        Self {
            name: name.into(),
            title: title.into(),
            placement: Placement::Unpinned,
            goal: Goal::None,
            entries: Vec::new(),
        }
    }

    /// With this project.
    fn new(name: &str, title: &str, workload: Workload) -> Self {
        Self::of(name, title).among(Contestant::Ours, workload)
    }

    /// The same elsewhere, which its name and title tell.
    fn placed(&self, placement: Placement) -> Self {
        let (name, title) = match placement {
            Placement::OneCore => ("one-core", "one core"),
            Placement::TwoCores => ("two-cores", "two cores"),
            Placement::Unpinned => ("unpinned", "unpinned"),
            Placement::Loaded => ("loaded", "unpinned, both cores busy otherwise"),
        };
        Self {
            name: format!("{}/{name}", self.name),
            title: format!("{}, {title}", self.title),
            placement,
            ..self.clone()
        }
    }

    fn goal(mut self, goal: Goal) -> Self {
        self.goal = goal;
        self
    }

    fn among(self, contestant: Contestant, workload: Workload) -> Self {
        self.among_as(contestant.label(), contestant, workload)
    }

    fn among_as(mut self, label: &'static str, contestant: Contestant, workload: Workload) -> Self {
        self.entries.push(Entry { label, contestant, workload });
        self
    }

    /// Others who do the same.
    fn beside(self, others: &[Contestant]) -> Self {
        let Some(workload) = self.entries.first().map(|ours| ours.workload) else {
            return self;
        };
        others.iter().fold(self, |row, &other| row.among(other, workload))
    }

    /// Whether its figures depend on how far two cores are from each other.
    pub(crate) fn crosses_cores(&self) -> bool {
        let spreads = |entry: &Entry| {
            matches!(
                entry.workload,
                Workload::Tasks { .. } | Workload::Crowd { .. } | Workload::Streams { .. }
            )
        };
        self.placement == Placement::TwoCores || self.entries.iter().any(spreads)
    }

    pub(crate) fn unit(&self) -> Unit {
        self.entries.first().map_or(Unit::Seconds, |entry| entry.workload.unit())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_row_has_a_name_of_its_own_and_the_floor_that_its_goal_needs() {
        let mut names = BTreeSet::new();
        for row in all() {
            let needs_floor = matches!(row.goal, Goal::Times(_) | Goal::Above(_));
            assert!(row.entries.len() > usize::from(needs_floor), "{}", row.name);
            let by_mood = matches!(row.goal, Goal::ByMood { .. });
            assert!(row.crosses_cores() || !by_mood, "{}", row.name);
            let unit = row.unit();
            assert!(row.entries.iter().all(|entry| entry.workload.unit() == unit), "{}", row.name);
            assert!(names.insert(row.name));
        }
    }
}
