//! Raw links, and connections to raw workers.

use super::Row;
use crate::peers::Contestant;
use crate::placement::Placement::{OneCore, TwoCores};
use crate::workload::Workload;

pub(super) fn rows() -> Vec<Row> {
    let alone =
        Row::new("raw-alone", "a message there and back over a raw link", Workload::RawAlone)
            .among_as("a query", Contestant::Ours, Workload::Alone)
            .among_as("a bare socket", Contestant::Socket, Workload::Alone);
    let spread = |own_sockets, name, title| {
        Row::new(name, title, Workload::Spread { workers: 4, own_sockets })
    };
    vec![
        alone.placed(TwoCores),
        alone.placed(OneCore),
        Row::new("raw-stream", "messages echoed over a raw link", Workload::RawStream)
            .placed(TwoCores),
        spread(
            false,
            "spread-one-socket",
            "1,000 connections to four workers on one socket: the busiest, even being 100 %",
        ),
        spread(true, "spread-own-sockets", "the same, with a socket for each worker"),
    ]
}
