//! Advanced usage patterns.

use crate::prints;

#[test]
fn a_pool_finds_its_size_and_keeps_its_own_accounts() {
    prints(
        env!("CARGO_BIN_EXE_load_balancing"),
        "\
scaled from 1 to 2 workers
scaled from 2 to 3 workers
scaled from 3 to 4 workers
4 workers, 6 queries, 6 pending, 0 completed, 0 failed
counted: [3, 0, 1, 0, 1, 0]
one query failed
4 workers, 7 queries, 0 pending, 6 completed, 1 failed
",
    );
}

#[test]
fn requests_go_through_three_pools_in_a_row() {
    prints(
        env!("CARGO_BIN_EXE_pipeline"),
        "\
Dratini (25), Goldeen (27)
processing failed: there is no zone glitch
Nidoran (30)
Goldeen (30)
Nidoran (30)
Goldeen (30)
only a few were taken ahead: true
analyze: 2 workers, 0 crashes
generate: 4 workers, 0 crashes
format: 2 workers, 0 crashes
",
    );
}
