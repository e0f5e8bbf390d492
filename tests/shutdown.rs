//! All pools of a process, and their end.

use std::io::{BufRead, BufReader, Lines, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use pm_runtime::{QueryError, Worker, pools, shutdown, shutdown_on_signals, shutdown_signal};
use pm_tests::{
    Folder, Task, WorkPool, children_of, is_alive, kill, until, until_begun, until_submitted,
};
use rustix::process::Signal;
use smol::future::poll_once;
use smol::lock::{Mutex, MutexGuard};

const STOPPING: &str = env!("CARGO_BIN_EXE_stopping");

/// What is about all pools of this process, or ends them, goes one after the other.
async fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().await
}

fn names() -> Vec<u64> {
    pools().iter().map(|pool| pool.health().account.completed).collect()
}

#[pm_runtime::test]
async fn pools_are_listed_from_their_making_to_their_end() {
    let _alone = alone().await;
    assert!(names().is_empty());
    let (first, second) = (WorkPool::new(), WorkPool::in_process());
    let third = WorkPool::new();
    for _ in 0..2 {
        second.query(Task::Return(1)).await.unwrap();
    }
    third.query(Task::Return(1)).await.unwrap();
    assert_eq!(names(), [0, 2, 1], "used or not, in the order of their making");
    drop(first.clone());
    assert_eq!(names().len(), 3, "a clone is no pool");
    second.destroy().await;
    assert_eq!(names(), [0, 1]);
    drop(third);
    drop(first);
    assert!(names().is_empty());
    // What is in the list is a handle like others.
    let pool = WorkPool::new();
    let listed = pools();
    drop(pool);
    assert_eq!((names(), listed[0].name()), (vec![0], "work"));
}

#[pm_runtime::test]
async fn a_shutdown_drains_every_pool_and_leaves_no_worker() {
    let _alone = alone().await;
    let folder = Folder::new("shutdown");
    let go_on = folder.file("go");
    let task = |begun: &str| Task::Rendezvous { begun: folder.file(begun), go_on: go_on.clone() };
    let (kept, dropped) = (WorkPool::new(), WorkPool::builder().workers(2).build());
    let unused = WorkPool::new();
    let mut calls: Vec<_> = ["a", "b"].map(|begun| smol::spawn(kept.query(task(begun)))).into();
    dropped.spawn(2).await.unwrap();
    let mut workers: Vec<u32> = dropped.workers().iter().map(Worker::pid).collect();
    calls.push(smol::spawn(dropped.query(task("c"))));
    until(|| std::path::Path::new(&folder.file("c")).exists());
    drop(dropped);
    until_begun(&kept, 1).await;
    until_submitted(&kept, 2).await;
    workers.extend(kept.workers().iter().map(Worker::pid));
    let mut shutting_down = Box::pin(shutdown());
    assert!(poll_once(&mut shutting_down).await.is_none());
    assert_eq!(unused.query(Task::Return(1)).await, Err(QueryError::Destroyed));
    assert_eq!(kept.query(Task::Return(1)).await, Err(QueryError::Destroyed));
    // One that is made meanwhile ends as well.
    let late = WorkPool::new();
    assert_eq!(late.query(Task::Return(1)).await, Ok(1));
    std::fs::write(&go_on, "").unwrap();
    shutting_down.await;
    for call in calls {
        assert_eq!(call.await, Ok(0), "nothing is lost");
    }
    assert!(workers.iter().all(|worker| !is_alive(*worker)));
    assert!(late.workers().is_empty() && pools().is_empty());
    assert_eq!(late.query(Task::Return(1)).await, Err(QueryError::Destroyed));
    shutdown().await;
    assert_eq!(WorkPool::new().query(Task::Return(2)).await, Ok(2), "life goes on");
}

#[pm_runtime::test]
async fn a_shutdown_ends_the_shared_pool_and_the_next_one_is_fresh() {
    let _alone = alone().await;
    let pool = WorkPool::shared();
    let pid = pool.query(Task::Pid).await.unwrap();
    shutdown().await;
    assert!(!is_alive(pid as u32));
    assert_eq!(pool.query(Task::Pid).await, Err(QueryError::Destroyed));
    assert!(WorkPool::shared().query(Task::Pid).await.is_ok_and(|fresh| fresh != pid));
    WorkPool::shared().destroy().await;
}

/// Listens for signals, in a worker.
#[pm_runtime::worker_query(workers = 1)]
async fn listen() -> bool {
    let ended = poll_once(shutdown_signal()).await.is_some();
    shutdown_on_signals().is_ok() && !ended
}

#[pm_runtime::test]
async fn in_a_worker_nothing_follows_from_signals() {
    let _alone = alone().await;
    let pool = ListenPool::new();
    assert_eq!(pool.query().await, Ok(true));
    let worker = pool.acquire().unwrap().pid();
    for _ in 0..2 {
        kill(worker, Signal::TERM);
        kill(worker, Signal::INT);
        assert_eq!(pool.query().await, Ok(true));
    }
    assert_eq!((pool.acquire().unwrap().pid(), pool.health().crashes), (worker, 0));
}

#[pm_runtime::test]
#[allow(unsafe_code, reason = "a fork")]
fn a_fork_has_no_pools_and_its_signals_are_its_own() {
    let _alone = smol::block_on(alone());
    let pool = WorkPool::new();
    let pid = pool.query(Task::Pid).wait().unwrap();
    let mut signal = shutdown_signal();
    // SAFETY: the child has this thread only; it touches nothing that another thread may have
    // locked but the allocator, which glibc and musl make usable, and it ends without unwinding.
    let child = unsafe { libc::fork() };
    if child == 0 {
        smol::future::block_on(shutdown());
        let all = pools().is_empty()
            && smol::future::block_on(shutdown_signal()).is_err()
            && shutdown_on_signals().is_err()
            && matches!(WorkPool::shared().query(Task::Pid).wait(), Err(QueryError::Forked));
        // SAFETY: these end the process, the one as if somebody had sent it the signal.
        unsafe {
            libc::kill(libc::getpid(), if all { libc::SIGTERM } else { libc::SIGKILL });
            loop {
                libc::pause();
            }
        }
    }
    let mut status = 0;
    // SAFETY: the pointer is valid for writes.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(ExitStatus::from_raw(status).signal(), Some(libc::SIGTERM));
    assert!(smol::block_on(poll_once(&mut signal)).is_none(), "it was not this process's");
    assert_eq!(pool.query(Task::Pid).wait(), Ok(pid), "the same worker");
}

/// A program that is sent signals.
struct Program {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Program {
    fn start(command: &mut Command) -> Self {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it can be run");
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    #[track_caller]
    fn says(&mut self, line: &str) {
        assert_eq!(self.line(), line);
    }

    #[track_caller]
    fn line(&mut self) -> String {
        self.lines.next().expect("it says something").unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill(self.child.id(), signal);
    }

    /// The signal that it dies of.
    #[track_caller]
    fn dies_of(mut self) -> Option<i32> {
        let status = self.child.wait().unwrap();
        assert!(status.code().is_none(), "{status}");
        status.signal()
    }
}

/// Sends a draining program its first signal, and has it go on. `pid` is the program's own.
fn drain(program: &mut Program, folder: &Folder, pid: u32, signal: Signal) -> Vec<u32> {
    program.says("running");
    let workers = children_of(pid);
    assert_eq!(workers.len(), 3);
    // As a service manager does, and a terminal.
    workers.iter().for_each(|worker| kill(*worker, signal));
    kill(pid, signal);
    program.says("draining");
    std::fs::write(folder.file("go"), "").unwrap();
    workers
}

/// Nothing that was accepted is lost, and nobody is left.
#[track_caller]
fn all_is_done(folder: &Folder, workers: &[u32]) {
    for number in 0..7 {
        let done = folder.file(&format!("done-{number}"));
        assert!(std::path::Path::new(&done).exists(), "query {number} was lost");
    }
    assert!(workers.iter().all(|worker| !is_alive(*worker)));
}

#[test]
fn a_signal_drains_every_pool_and_then_ends_the_program() {
    for signal in [Signal::TERM, Signal::INT] {
        let folder = Folder::new(&format!("signal-{}", signal.as_raw()));
        let mut program = Program::start(Command::new(STOPPING).args(["drain", &folder.file("")]));
        let pid = program.child.id();
        let workers = drain(&mut program, &folder, pid, signal);
        assert_eq!(program.dies_of(), Some(signal.as_raw()));
        all_is_done(&folder, &workers);
    }
}

#[test]
fn a_signal_drains_pools_of_every_kind() {
    let folder = Folder::new("kinds");
    let mut program = Program::start(Command::new(STOPPING).args(["kinds", &folder.file("")]));
    let pid = program.child.id();
    let workers = drain(&mut program, &folder, pid, Signal::TERM);
    assert_eq!(program.dies_of(), Some(Signal::TERM.as_raw()));
    let left = |name: &str| std::fs::read_to_string(folder.file(name)).ok();
    assert_eq!(left("done-0").as_deref(), Some(""));
    assert_eq!(left("stream").as_deref(), Some("3"));
    assert_eq!(left("raw").as_deref(), Some("the last"));
    assert!(workers.iter().all(|worker| !is_alive(*worker)));
}

#[test]
fn a_drain_needs_nobody_to_tell_of_dead_children() {
    let folder = Folder::new("sigchld");
    let script = "trap '' CHLD; exec \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh", STOPPING, "drain", &folder.file("")]);
    let mut program = Program::start(&mut command);
    let pid = program.child.id();
    let workers = drain(&mut program, &folder, pid, Signal::TERM);
    assert_eq!(program.dies_of(), Some(libc::SIGTERM));
    all_is_done(&folder, &workers);
}

#[test]
fn the_first_process_of_a_container_exits_with_the_number_of_the_signal() {
    let unshare = || {
        let mut command = Command::new("unshare");
        command.arg("-Urpf");
        command
    };
    match unshare().arg("true").output() {
        Ok(output) if output.status.success() => {}
        other => {
            println!("skipped: no namespaces here: {other:?}");
            return;
        }
    }
    let folder = Folder::new("container");
    let mut program = Program::start(unshare().args([STOPPING, "drain", &folder.file("")]));
    let mut first = Vec::new();
    until(|| {
        first = children_of(program.child.id());
        !first.is_empty()
    });
    let workers = drain(&mut program, &folder, first[0], Signal::TERM);
    assert_eq!(program.child.wait().unwrap().code(), Some(128 + libc::SIGTERM));
    all_is_done(&folder, &workers);
}

#[test]
fn a_second_signal_ends_the_program_and_its_workers_at_once() {
    let mut program = Program::start(Command::new(STOPPING).arg("spin"));
    let looping = looping(&mut program);
    program.signal(Signal::TERM);
    program.says("SIGTERM");
    assert!(looping.iter().all(|pid| is_alive(*pid)), "there is no end to their grace");
    program.signal(Signal::INT);
    assert_eq!(program.dies_of(), Some(libc::SIGINT));
    until(|| looping.iter().all(|pid| !is_alive(*pid)));
}

#[test]
fn a_drain_ends_with_the_grace() {
    let mut program = Program::start(Command::new(STOPPING).arg("grace"));
    let looping = looping(&mut program);
    program.signal(Signal::INT);
    assert_eq!(program.dies_of(), Some(libc::SIGINT));
    until(|| looping.iter().all(|pid| !is_alive(*pid)));
}

/// A worker and its child.
fn looping(program: &mut Program) -> Vec<u32> {
    let line = program.line();
    let looping: Vec<u32> = line.split(' ').map(|pid| pid.parse().unwrap()).collect();
    assert!(looping.len() == 2 && looping.iter().all(|pid| is_alive(*pid)), "{line}");
    looping
}

#[test]
fn a_future_tells_of_each_signal_and_the_program_ends_itself() {
    let mut program = Program::start(Command::new(STOPPING).arg("await"));
    program.says("waiting");
    program.signal(Signal::INT);
    program.says("SIGINT");
    program.signal(Signal::TERM);
    program.says("SIGTERM");
    assert!(program.child.wait().unwrap().success());
}

#[test]
fn a_signal_before_the_first_poll_counts() {
    let mut program = Program::start(Command::new(STOPPING).arg("late"));
    program.says("called");
    program.signal(Signal::TERM);
    program.child.stdin.take().unwrap().write_all(b"look\n").unwrap();
    program.says("SIGTERM");
    assert!(program.child.wait().unwrap().success());
}

#[test]
fn once_one_was_heard_a_signal_that_nobody_waits_for_is_the_end() {
    let mut program = Program::start(Command::new(STOPPING).arg("deaf"));
    let looping = looping(&mut program);
    program.signal(Signal::TERM);
    program.says("SIGTERM");
    assert!(looping.iter().all(|pid| is_alive(*pid)));
    program.signal(Signal::TERM);
    assert_eq!(program.dies_of(), Some(libc::SIGTERM));
    until(|| looping.iter().all(|pid| !is_alive(*pid)));
}

#[test]
fn handlers_of_the_application_are_called_as_before() {
    let mut program = Program::start(Command::new(STOPPING).arg("own"));
    program.says("running");
    program.signal(Signal::TERM);
    program.says("mine");
    assert_eq!(program.dies_of(), Some(libc::SIGTERM));
}
