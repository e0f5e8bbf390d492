//! Configuration and control.

use crate::prints;

#[test]
fn workers_are_threads_where_processes_are_disabled() {
    prints(
        env!("CARGO_BIN_EXE_disabled"),
        "\
disabled: this process
disabled, and forced by spawn(): a worker process
disabled, and forced as it is built: a worker process
enabled: a worker process
enabled, and first used before: this process
enabled, and forced by a call: a worker process
",
    );
}

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
fn callbacks_hear_what_workers_say() {
    prints(
        env!("CARGO_BIN_EXE_debug_callbacks"),
        "\
the call: Entered { zone: \"safari-forest\" }
the call: Met { pokemon: \"Nidoran\" }
the call: Met { pokemon: \"Chansey\" }
met 2
last said: before Chansey in safari-forest
the query is lost: true
[DEBUG] worker 1: Entered { zone: \"safari-forest\" }
[DEBUG] worker 1: Met { pokemon: \"Nidoran\" }
[DEBUG] worker 1: Met { pokemon: \"Chansey\" }
[DEBUG] worker 1: Entered { zone: \"glitch\" }
[CRASH] worker 1: before Missingno in glitch
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
