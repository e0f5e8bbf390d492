//! Workers that start and die.

use super::{Goal, Row};
use crate::peers::Contestant;
use crate::workload::Workload;

/// Those that have processes of their own.
const POOLS: [Contestant; 5] = [
    Contestant::Procspawn,
    Contestant::NodeFork,
    Contestant::Workerpool,
    Contestant::ProcessPoolExecutor,
    Contestant::Pebble,
];

pub(super) fn rows() -> Vec<Row> {
    let crash = |resident, dump| Workload::Crash { resident, dump };
    vec![
        Row::new("spawn", "spawn to first answer", Workload::Spawn)
            .beside(&[Contestant::Program])
            .beside(&POOLS)
            .goal(Goal::Above(120e-6)),
        Row::new("killed", "SIGKILL to the caller's error", Workload::Killed)
            .beside(&[Contestant::Socket])
            .beside(&POOLS)
            .goal(Goal::Reach(0.25e-3)),
        Row::new("replaced", "SIGKILL to the next answer", Workload::Replaced)
            .among_as("spawn to first answer", Contestant::Ours, Workload::Spawn)
            .beside(&POOLS)
            .goal(Goal::Above(0.3e-3)),
        Row::new(
            "crash-256MiB",
            "crash with 256 MiB resident, to the caller's error",
            crash(256 << 20, false),
        )
        .among_as("the same, with a core dump", Contestant::Ours, crash(256 << 20, true))
        .among_as("the same, with nothing resident", Contestant::Ours, crash(0, false)),
    ]
}
