//! One query at a time.

use super::{Goal, Row};
use crate::peers::Contestant;
use crate::placement::Placement::{Loaded, OneCore, TwoCores, Unpinned};
use crate::workload::Workload;

/// How much of a bare socket's round trip a query may take.
const OF_SOCKET: Goal = Goal::Times(0.7);

pub(super) fn rows() -> Vec<Row> {
    let alone = Row::new("one-at-a-time", "one query at a time, back to back", Workload::Alone)
        .beside(&[Contestant::Socket])
        .beside(&Contestant::PEERS)
        .beside(&[Contestant::Spin]);
    let mut rows = vec![
        alone.placed(TwoCores).goal(Goal::ByMood { near: 1.0e-6, far: 1.4e-6 }),
        alone.placed(OneCore).goal(OF_SOCKET),
        alone.placed(Unpinned),
        alone.placed(Loaded),
    ];
    for (name, title, micros) in [
        ("pause-200us", "one query at a time, pauses of 200 µs", 200),
        ("pause-2ms", "one query at a time, pauses of 2 ms", 2000),
    ] {
        let paused = Row::new(name, title, Workload::Paused { micros })
            .beside(&[Contestant::Socket])
            .beside(&Contestant::PEERS);
        let placements = [OneCore, TwoCores, Unpinned];
        rows.extend(placements.map(|placement| paused.placed(placement).goal(OF_SOCKET)));
    }
    rows.extend(handlers());
    rows.push(
        Row::new(
            "after-leak",
            "a query after one that was polled once and leaked",
            Workload::AfterLeak,
        )
        .among_as("the same without a leak", Contestant::Ours, Workload::Alone),
    );
    rows
}

/// What is added to the time of a handler that has something to do.
fn handlers() -> Vec<Row> {
    let work = Workload::Work { micros: 200 };
    let title = "overhead of a handler of 200 µs";
    let smol = Row::new("handler-200us", title, work)
        .beside(&[Contestant::Socket])
        .beside(&Contestant::PEERS);
    let tokio = Row::of("handler-200us-tokio", &format!("{title}, callers on tokio"))
        .among(Contestant::OursOnTokio, work)
        .among(Contestant::Socket, work);
    let pinned = Goal::Times(1.3);
    let unpinned = Goal::Reach(30e-6);
    vec![
        smol.placed(OneCore).goal(pinned),
        smol.placed(TwoCores).goal(pinned),
        smol.placed(Unpinned).goal(unpinned),
        tokio.placed(OneCore).goal(pinned),
        tokio.placed(TwoCores).goal(pinned),
        tokio.placed(Unpinned).goal(unpinned),
    ]
}
