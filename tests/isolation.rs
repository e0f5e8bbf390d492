//! What goes in and out of a worker, and what is left when everything is over.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use pm_tests::{Folder, Task, WorkPool, children_of, is_alive, kill, until};
use rustix::process::Signal;

#[pm_runtime::test]
async fn a_worker_inherits_no_descriptor() {
    let clean = WorkPool::new().query(Task::Descriptors).await.unwrap();
    // Without CLOEXEC it goes to every child.
    let file = std::fs::File::open("/dev/null").unwrap();
    rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::empty()).unwrap();
    let seen = WorkPool::new().query(Task::Descriptors).await.unwrap();
    assert_eq!(seen, clean);
    // stdin, stdout, stderr, the two of the link, and the one that counts.
    assert_eq!(clean, 6);
}

#[test]
fn a_plain_test_beside_one_of_ours_has_workers_too() {
    let pid = WorkPool::new().query(Task::Pid).wait().unwrap();
    assert_ne!(pid, u64::from(std::process::id()));
}

#[test]
fn after_the_parent_is_killed_nobody_is_left_though_they_loop() {
    let mut application = Command::new(env!("CARGO_BIN_EXE_application"))
        .arg("loop")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(application.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let pids: Vec<u32> = line.split_whitespace().map(|pid| pid.parse().unwrap()).collect();
    assert_eq!(pids.len(), 4, "two workers and their two children: {line:?}");
    assert!(pids.iter().all(|pid| is_alive(*pid)));
    let killed = std::time::Instant::now();
    kill(application.id(), Signal::KILL);
    until(|| pids.iter().all(|pid| !is_alive(*pid)));
    println!("all gone {:?} after the parent was killed", killed.elapsed());
    application.wait().unwrap();
}

#[test]
fn a_signal_to_every_process_loses_nothing_in_a_drain() {
    let folder = Folder::new("drain");
    let mut application = Command::new(env!("CARGO_BIN_EXE_application"))
        .args(["drain", &folder.file("")])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(application.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "running");
    let workers = children_of(application.id());
    assert_eq!(workers.len(), 2);
    // As a service manager does, and a terminal.
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        workers.iter().for_each(|worker| kill(*worker, signal));
    }
    kill(application.id(), Signal::TERM);
    assert_eq!(lines.next().unwrap().unwrap(), "draining");
    std::fs::write(folder.file("go"), "").unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "answered 6");
    assert!(application.wait().unwrap().success());
}

#[pm_runtime::test]
async fn a_dead_worker_takes_its_children_along() {
    let pool = WorkPool::new();
    let grandchild = pool.query(Task::Grandchild).await.unwrap() as u32;
    assert!(is_alive(grandchild));
    assert!(pool.query(Task::Abort).await.is_err());
    until(|| !is_alive(grandchild));
    // And so does one that is released.
    let grandchild = pool.query(Task::Grandchild).await.unwrap() as u32;
    pool.destroy().await;
    until(|| !is_alive(grandchild));
}
