//! Large arguments and answers.

use super::{Goal, Row};
use crate::peers::Contestant;
use crate::placement::Placement::TwoCores;
use crate::workload::Workload;

const MIB: usize = 1 << 20;

pub(super) fn rows() -> Vec<Row> {
    let echo = |mib: usize, goal| {
        let name = format!("echo-{mib}MiB");
        let title = format!("echo of {mib} MiB, both directions counted");
        Row::new(&name, &title, Workload::Echo { bytes: mib * MIB })
            .beside(&[Contestant::Socket])
            .beside(&Contestant::PEERS)
            .beside(&[Contestant::Memcpy])
            .placed(TwoCores)
            .goal(Goal::Reach(goal))
    };
    vec![
        echo(1, 12e9),
        echo(64, 5e9),
        Row::new("lend-64MiB", "64 MiB lent, small answer", Workload::Lend { bytes: 64 * MIB })
            .beside(&[Contestant::Socket])
            .beside(&Contestant::PEERS)
            .beside(&[Contestant::Memcpy])
            .placed(TwoCores)
            .goal(Goal::Reach(8e9)),
    ]
}
