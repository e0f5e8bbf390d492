//! Streams: messages over open ones, and what it takes to open them and to keep them open.

use super::{Goal, Row};
use crate::peers::Contestant;
use crate::placement::Placement::TwoCores;
use crate::workload::Workload;

pub(super) fn rows() -> Vec<Row> {
    let open = |in_worker, name, title| {
        Row::new(name, title, Workload::OpenStreams { streams: 10_000, in_worker })
            .goal(Goal::Reach(1024.0))
    };
    vec![
        Row::new(
            "one-stream",
            "messages echoed by one stream",
            Workload::Streams { workers: 1, streams: 1 },
        )
        .placed(TwoCores)
        .goal(Goal::Reach(3.0e6)),
        Row::new(
            "1000-streams",
            "messages echoed by 1,000 streams on two workers",
            Workload::Streams { workers: 2, streams: 1000 },
        )
        .goal(Goal::Reach(2.0e6)),
        Row::new("open-stream", "to open a stream", Workload::OpenStream)
            .among_as("an async query", Contestant::Ours, Workload::AsyncQuery)
            .placed(TwoCores)
            .goal(Goal::Times(1.0)),
        open(
            false,
            "10000-open-here",
            "10,000 open streams that idle, each in the caller's process",
        ),
        open(true, "10000-open-there", "10,000 open streams that idle, each in the worker"),
    ]
}
