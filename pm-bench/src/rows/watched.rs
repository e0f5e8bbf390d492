//! What it costs to be watched.

use super::Row;
use crate::peers::Contestant::{Measured, Operated, Traced, Unwatched};
use crate::placement::Placement::TwoCores;
use crate::workload::Workload;

pub(super) fn rows() -> Vec<Row> {
    let row = |name: &str, title: &str, workload| {
        Row::new(name, title, workload)
            .beside(&[Unwatched, Measured, Operated, Traced])
            .placed(TwoCores)
    };
    vec![
        row("watched-alone", "one query at a time, without these features", Workload::Alone),
        row(
            "watched-64-in-flight",
            "64 queries in flight, without these features",
            Workload::Flight { calls: 64 },
        ),
    ]
}
