//! Many queries in flight.

use super::{Goal, Row};
use crate::peers::Contestant;
use crate::placement::Placement::{Loaded, OneCore, TwoCores};
use crate::workload::Workload;

pub(super) fn rows() -> Vec<Row> {
    let flight = |calls: usize| {
        let name = format!("{calls}-in-flight");
        let title = format!("{calls} queries in flight, one worker");
        let work = Workload::Flight { calls };
        Row::new(&name, &title, work)
            .among_as("bare Unix socket, in one write", Contestant::Socket, work)
            .beside(&Contestant::PEERS)
            .beside(&[Contestant::Spin])
    };
    let tasks =
        |workers: usize, name, title| Row::new(name, title, Workload::Tasks { workers, tasks: 64 });
    let crowd = |calls: usize| {
        let name = format!("200-workers-{calls}-in-flight");
        let title = format!("200 workers, {calls} in flight");
        Row::new(&name, &title, Workload::Crowd { workers: 200, calls })
            .among_as("2 workers", Contestant::Ours, Workload::Crowd { workers: 2, calls })
            .goal(Goal::Times(0.7))
    };
    vec![
        flight(64).placed(TwoCores).goal(Goal::ByMood { near: 4.0e6, far: 2.5e6 }),
        flight(64).placed(OneCore),
        flight(64).placed(Loaded),
        flight(1024).placed(TwoCores).goal(Goal::ByMood { near: 5.0e6, far: f64::NAN }),
        tasks(1, "64-tasks-one-worker", "64 smol tasks on 2 executor threads, one worker")
            .goal(Goal::Reach(0.8e6)),
        tasks(2, "64-tasks-two-workers", "64 smol tasks on 2 executor threads, two workers")
            .goal(Goal::Reach(3.0e6)),
        crowd(64),
        crowd(1024),
    ]
}
