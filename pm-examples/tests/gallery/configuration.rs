//! Configuration and control.

use crate::prints;

#[test]
fn a_worker_has_the_environment_that_it_is_given() {
    prints(
        env!("CARGO_BIN_EXE_environment"),
        "\
as the attribute says:
  NODE_ENV: production
  SAFARI_MODE: high_performance
  CPU_PRIORITY: not set
  PATH: inherited
with more:
  NODE_ENV: production
  SAFARI_MODE: high_performance
  CPU_PRIORITY: low
  PATH: inherited
with nothing else:
  NODE_ENV: production
  SAFARI_MODE: high_performance
  CPU_PRIORITY: not set
  PATH: not set
",
    );
}

#[test]
fn a_health_check_tells_what_happened() {
    prints(
        env!("CARGO_BIN_EXE_health_check"),
        "\
encounter:
  workers 0, releasing 0, load 0, queued 0
  submitted 0 = completed 0 + failed 0 + pending 0
  crashes 0
statistics:
  workers 0, releasing 0, load 0, queued 0
  submitted 0 = completed 0 + failed 0 + pending 0
  crashes 0
a level too high: it panicked, and its worker serves on
statistics that crash: its worker is replaced
statistics after that: 151
encounter:
  workers 2, releasing 0, load 0, queued 0
  submitted 4 = completed 3 + failed 1 + pending 0
  crashes 0
statistics:
  workers 1, releasing 0, load 0, queued 0
  submitted 2 = completed 1 + failed 1 + pending 0
  crashes 1, the last by SIGABRT
",
    );
}
