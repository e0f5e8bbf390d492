//! Best practices.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::prints;

#[test]
fn each_kind_of_work_has_its_pattern() {
    prints(
        env!("CARGO_BIN_EXE_patterns"),
        "\
query: 30
stream: an egg has hatched
stream: an egg has hatched
raw: ready
raw: SIMULATE
",
    );
}

#[test]
fn what_may_succeed_the_next_time_is_tried_again() {
    prints(
        env!("CARGO_BIN_EXE_retries"),
        "\
Misty traded Starmie
Giovanni: there is no trainer called Giovanni
Bill traded Eevee, in run 3
queries: 5, dead workers: 2
",
    );
}

#[test]
fn workers_that_hold_or_take_too_much_go() {
    prints(
        env!("CARGO_BIN_EXE_resources"),
        "\
maps: 1
worker 1 holds little, load 0
maps: 2
worker 1 is replaced
maps: 1
worker 2 holds little, load 0
a worker died of its `memory_limit` of 512 MiB
maps: 1
",
    );
}

#[test]
fn what_was_begun_and_what_waits_is_finished_after_a_signal() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_graceful_shutdown"))
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdout = BufReader::new(program.stdout.take().expect("it is piped"));
    let mut printed = String::new();
    stdout.read_line(&mut printed).expect("it is text");
    assert_eq!(printed, "Pikachu trains\n");

    kill_process(Pid::from_child(&program), Signal::TERM).expect("it runs");
    stdout.read_to_string(&mut printed).expect("it is text");
    assert_eq!(
        printed,
        "\
Pikachu trains
SIGTERM: the gym is closed
Pikachu is trained
Eevee trains
Eevee is trained
",
    );
    let status = program.wait().expect("it ends");
    assert_eq!(status.signal(), Some(Signal::TERM.as_raw()), "{status}");
}

#[test]
fn a_pool_has_as_many_workers_as_there_are_battles() {
    prints(
        env!("CARGO_BIN_EXE_autoscaling"),
        "\
scaled up to 2
scaled up to 3
scaled up to 4
turn 1: Tackle
turn 1: Surf
turn 1: Ember
turn 1: Cut
scaled down to 3
scaled down to 2
scaled down to 1
",
    );
}
