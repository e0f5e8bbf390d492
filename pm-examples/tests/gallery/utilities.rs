//! Utility functions.

use crate::prints;

#[test]
fn commands_of_the_system_are_run() {
    prints(
        env!("CARGO_BIN_EXE_exec"),
        "\
directory listing: /tmp /usr \n\
generation result: safari zone; rm -rf /: Chansey, safari zone; rm -rf /: Dratini, \n\
in forest at rain: Pikachu, from /usr
`echo rolling; echo no such zone >&2; exit 3` exited with code 3; the end of its stderr: no such \
zone
",
    );
}

#[test]
fn all_pools_are_known_and_shut_down_at_once() {
    prints(
        env!("CARGO_BIN_EXE_process_monitoring"),
        "\
sum of the levels: 75
active pools: 2
encounter: 3 workers, 0 releasing, 2 answered, well
statistics: 1 workers, 0 releasing, 1 answered, well
all pools are shut down
active pools: 0
",
    );
}
