//! A program that runs commands, and tells what that leaves behind in it.
#![allow(unsafe_code, reason = "dispositions of signals")]

use std::fs::File;
use std::time::Duration;

use pm_runtime::{ExecError, exec, shell};
use pm_tests::{children_of, open_descriptors, until};
use smol::future::poll_once;

/// Driven by something that has no descriptors and threads of its own.
#[pm_runtime::main]
fn main() {
    let what = std::env::args().nth(1);
    smol::future::block_on(run(what.as_deref()));
}

async fn run(what: Option<&str>) {
    match what {
        Some("all-ends") => all_ends().await,
        Some("threads") => threads().await,
        Some("sigpipe") => sigpipe().await,
        Some("ignored") => ignored().await,
        Some("signal") => signal().await,
        Some("descriptors") => descriptors().await,
        other => panic!("what is {other:?}?"),
    }
}

fn count_threads() -> usize {
    std::fs::read_dir("/proc/self/task").expect("/proc is there").count()
}

async fn all_ends() {
    let this = std::process::id();
    exec(["true"]).await.expect("it runs");
    until(|| children_of(this).is_empty());
    let before = open_descriptors();
    // Where there are no pidfds, a thread may still be about to end.
    until(|| count_threads() == 2);
    for _ in 0..10 {
        let short = Duration::from_millis(1);
        assert!(exec(["cat"]).stdin("x").await.is_ok());
        assert!(exec(["false"]).await.is_err());
        assert!(exec(["/no/such/program"]).stdin("x").await.is_err());
        assert!(exec(["true"]).cwd("/no/such/folder").stdin("x").await.is_err());
        assert!(shell("sleep 1h | sleep 1h").stdin("x").timeout(short).await.is_err());
        assert!(exec(["yes"]).stdin(vec![0; 1 << 20]).max_output(9).await.is_err());
        assert!(shell("sleep 1h & sleep 0").stdin(vec![0; 1 << 20]).await.is_ok());
        let mut dropped: Vec<_> =
            (0..5).map(|_| Box::pin(exec(["sleep", "1h"]).stdin(vec![0; 1 << 20]))).collect();
        for command in &mut dropped {
            assert!(poll_once(command).await.is_none());
        }
        drop(dropped);
        // One that has ended, and whose outcome nobody takes.
        let mut ended = Box::pin(exec(["true"]));
        if poll_once(&mut ended).await.is_none() {
            until(|| children_of(this).is_empty());
        }
    }
    until(|| children_of(this).is_empty());
    until(|| open_descriptors() == before);
    until(|| count_threads() == 2);
    println!("nothing is left");
}

async fn threads() {
    let mut commands: Vec<_> = (0..20).map(|_| Box::pin(exec(["sleep", "1h"]))).collect();
    for command in &mut commands {
        assert!(poll_once(command).await.is_none());
    }
    println!("{} threads for {} commands", count_threads(), commands.len());
}

/// Tools that are meant to end quietly in the middle of a pipeline do this.
async fn sigpipe() {
    // SAFETY: the default action of a signal is valid for any.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    for _ in 0..10 {
        assert!(exec(["true"]).stdin(vec![0; 10 << 20]).await.is_ok());
    }
    println!("the input was not read");
}

async fn ignored() {
    // SAFETY: as above.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    println!("{}", exec(["echo", "hello"]).await.expect_err("nobody can tell"));
}

async fn descriptors() {
    exec(["true"]).await.expect("it runs");
    let mut files = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        files.push(file);
    }
    // Whatever is short: the pipes, or what starting a process takes.
    for _ in 0..8 {
        match exec(["echo", "hello"]).stdin("x").await {
            Err(error @ ExecError::Refused { .. }) => assert!(error.is_retryable()),
            Ok(_) => break,
            Err(error) => panic!("{error}"),
        }
        files.pop();
    }
    println!("refused, retryable");
    drop(files);
    print!("{}", exec(["echo", "hello"]).await.expect("it passes").stdout());
}

async fn signal() {
    pm_runtime::shutdown_on_signals().expect("signals can be heard");
    let script = "sleep 1h & echo $$ $! > /proc/$PPID/fd/1; wait";
    println!("{:?}", shell(script).await);
}
