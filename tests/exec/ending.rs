//! How commands end, and what else ends with them.

use std::path::Path;

use pm_runtime::{exec, shell};
use pm_tests::{Folder, is_alive, kill, until};
use rustix::process::Signal;
use smol::future::poll_once;

/// Waits until a command has written this, whole.
fn read(file: &str) -> String {
    until(|| std::fs::read_to_string(file).is_ok_and(|text| text.ends_with('\n')));
    std::fs::read_to_string(file).unwrap()
}

fn pids(text: &str) -> Vec<u32> {
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

#[pm_runtime::test]
async fn nothing_is_started_before_the_first_poll() {
    let folder = Folder::new("lazy");
    let touch = || exec(["touch", &folder.file("touched")]);
    drop(touch());
    let command = touch();
    assert!(!Path::new(&folder.file("touched")).exists());
    command.await.unwrap();
    assert!(Path::new(&folder.file("touched")).exists());
}

#[pm_runtime::test]
async fn dropping_it_kills_all_that_it_started() {
    let folder = Folder::new("dropped");
    let file = folder.file("pids");
    let script = "sleep 1h & sh -c 'sleep 1h & wait' & echo $$ $! > $FILE; wait";
    let mut command = Box::pin(shell(script).env("FILE", &file));
    assert!(poll_once(&mut command).await.is_none());
    let said = pids(&read(&file));
    assert_eq!(said.len(), 2);
    assert!(said.iter().all(|pid| is_alive(*pid)));
    drop(command);
    until(|| said.iter().all(|pid| !is_alive(*pid)));
}

#[pm_runtime::test]
async fn what_it_leaves_in_its_group_is_killed() {
    let output = shell("sleep 1h & echo $!").await.unwrap();
    let left = pids(&output.stdout());
    assert_eq!(left.len(), 1);
    until(|| left.iter().all(|pid| !is_alive(*pid)));
}

/// A script that has a process in a session of its own, which holds its output open, and ends when
/// that has escaped.
fn escape(what: &str) -> String {
    format!("setsid sh -c 'echo $$ > $FILE; {what}' & until [ -s $FILE ]; do :; done; echo the end")
}

#[pm_runtime::test]
async fn nobody_waits_for_what_escapes_and_holds_the_pipes() {
    for what in ["exec sleep 1h", "exec 3>&1; exec sleep 1h >/dev/null 2>&1"] {
        let folder = Folder::new("escaped");
        let file = folder.file("pid");
        let output = shell(escape(what)).env("FILE", &file).await.unwrap();
        assert_eq!(output.stdout(), "the end\n");
        let escaped = pids(&read(&file));
        assert!(escaped.iter().all(|pid| is_alive(*pid)), "a session of its own lives on");
        escaped.iter().for_each(|pid| kill(*pid, Signal::KILL));
    }
    // What it still prints belongs to no command, and it hears so.
    let folder = Folder::new("babbling");
    let file = folder.file("pid");
    let output = shell(escape("exec yes")).env("FILE", &file).max_output(1 << 30).await.unwrap();
    assert!(output.stdout().contains("the end\n"));
    let escaped = pids(&read(&file));
    until(|| escaped.iter().all(|pid| !is_alive(*pid)));
}

#[pm_runtime::test]
async fn what_was_printed_last_is_never_lost() {
    for round in 0..50 {
        // More than a pipe of the usual size has no room; what fills it is there at the end.
        let output = shell(format!("head -c 65000 /dev/zero; printf {round}")).await.unwrap();
        let expected = format!("{}{round}", "\0".repeat(65_000));
        assert!(output.stdout() == expected, "{} bytes", output.stdout_bytes().len());
    }
}

#[pm_runtime::test]
async fn a_command_that_closes_its_output_is_waited_for() {
    let folder = Folder::new("closed");
    let script = "echo said; exec >&- 2>&-; until [ -e $FILE ]; do :; done; exit 4";
    let file = folder.file("go");
    let mut command = Box::pin(shell(script).env("FILE", &file));
    assert!(poll_once(&mut command).await.is_none());
    std::fs::write(&file, "").unwrap();
    let error = command.await.unwrap_err();
    assert_eq!(
        error.to_string().split(" exited with ").nth(1),
        Some("code 4; the end of its stdout: said")
    );
}

#[pm_runtime::test]
async fn one_that_is_stopped_is_killed_all_the_same() {
    let folder = Folder::new("stopped");
    let file = folder.file("pid");
    let mut command = Box::pin(shell("echo $$ > $FILE; kill -STOP $$").env("FILE", &file));
    assert!(poll_once(&mut command).await.is_none());
    let said = pids(&read(&file));
    drop(command);
    until(|| said.iter().all(|pid| !is_alive(*pid)));
}
