//! Error handling and recovery.

use crate::prints;

#[test]
fn a_query_whose_worker_died_runs_again() {
    prints(
        env!("CARGO_BIN_EXE_resilient"),
        "\
sum: 6
sum: 9
crashes: 1
",
    );
}

#[test]
fn each_pool_recovers_in_its_own_way() {
    prints(
        env!("CARGO_BIN_EXE_recovery_per_pool"),
        "\
Dratini of safari-lake
a worker of generate_encounter crashed; it said: generating an encounter in glitch
falling back to Rattata
a worker of count_encounters crashed; it said: counting [\"Missingno\"]
no statistics for a while
Dratini of safari-forest
encounters: 1
generate_encounter: workers 2, releasing 0, load 0, crashes 1, restarts 1
count_encounters: workers 2, releasing 0, load 0, crashes 1, restarts 1
",
    );
}
