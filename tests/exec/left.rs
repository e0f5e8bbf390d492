//! What is left in the process that ran commands: nothing. A program of its own, whose descriptors,
//! threads and children nobody else changes.

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use pm_tests::{is_alive, kill, until};
use rustix::process::Signal;

#[track_caller]
fn prints(what: &str, expected: &str) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_commands"));
    let output = program.arg(what).stdin(Stdio::null()).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{stderr}");
    assert!(output.status.success(), "{stderr}");
}

#[test]
fn no_descriptors_threads_or_zombies_are_left_however_commands_end() {
    prints("all-ends", "nothing is left\n");
}

#[test]
fn commands_take_no_thread_each() {
    // Where there are no pidfds, they do.
    if std::env::var_os("PM_RUNTIME_NO_PIDFD").is_none() {
        prints("threads", "2 threads for 20 commands\n");
    }
}

#[test]
fn an_application_that_sigpipe_would_end_lives_on() {
    prints("sigpipe", "the input was not read\n");
}

#[test]
fn an_application_that_ignores_its_children_is_told_what_it_cannot_know() {
    prints(
        "ignored",
        "`echo hello` ended, nobody knows how (something in this process ignores SIGCHLD, or waits \
         for processes that it has not started); the end of its stdout: hello\n",
    );
}

#[test]
fn a_lack_of_descriptors_is_told_and_passes() {
    prints("descriptors", "refused, retryable\nhello\n");
}

#[test]
fn commands_die_with_an_application_that_a_signal_ends() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_commands"));
    let mut program = program.arg("signal").stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(program.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let commands: Vec<u32> = line.split_whitespace().map(|pid| pid.parse().unwrap()).collect();
    assert!(commands.len() == 2 && commands.iter().all(|pid| is_alive(*pid)), "{line}");
    kill(program.id(), Signal::TERM);
    assert_eq!(program.wait().unwrap().signal(), Some(15));
    until(|| commands.iter().all(|pid| !is_alive(*pid)));
}
