//! What workers and queries take that do nothing.

use super::{Goal, Row};
use crate::peers::Contestant;
use crate::workload::Workload;

pub(super) fn rows() -> Vec<Row> {
    let calls = 100_000;
    vec![
        Row::new("idle-memory", "memory of an idle worker (PSS)", Workload::Idle)
            .among_as("an empty Rust program", Contestant::Program, Workload::Idle)
            .beside(&[
                Contestant::Procspawn,
                Contestant::NodeFork,
                Contestant::ProcessPoolExecutor,
                Contestant::Pebble,
            ])
            .goal(Goal::Above(0.5 * 1024.0 * 1024.0)),
        Row::new(
            "idle-wake-ups",
            "wake-ups of an idle pool and its worker",
            Workload::WakeUps { seconds: 1 },
        )
        .goal(Goal::Reach(0.0)),
        Row::new(
            "100000-waiting",
            "100,000 queries waiting, each beyond its arguments",
            Workload::Waiting { calls },
        )
        .goal(Goal::Reach(300.0)),
    ]
}
