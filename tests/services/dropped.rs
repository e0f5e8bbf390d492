//! A worker that is released drops the state of its service before it ends.

use std::cell::RefCell;
use std::path::PathBuf;
use std::thread::ThreadId;
use std::time::Duration;

use pm_runtime::worker_query;
use pm_tests::{Folder, is_alive, kill, until};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};

/// What the destructor of a state does.
#[derive(Clone, Copy, Serialize, Deserialize)]
enum End {
    Well,
    Panic,
    Hang,
}

/// Writes what it has gathered when it is dropped.
struct Journal {
    path: PathBuf,
    lines: Vec<String>,
    end: End,
    thread: ThreadId,
}

impl Default for Journal {
    fn default() -> Self {
        let thread = std::thread::current().id();
        Self { path: PathBuf::new(), lines: Vec::new(), end: End::Well, thread }
    }
}

impl Journal {
    fn add(&mut self, path: &str, line: &str, end: End) -> u32 {
        self.path = path.into();
        self.lines.push(line.into());
        self.end = end;
        std::process::id()
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        assert_eq!(std::thread::current().id(), self.thread);
        if self.lines.is_empty() {
            return;
        }
        std::fs::write(&self.path, self.lines.join("\n")).expect("the folder is there");
        match self.end {
            End::Well => {}
            End::Panic => panic!("the journal does not close"),
            End::Hang => loop {
                std::thread::park();
            },
        }
    }
}

#[derive(Default)]
struct Blocking(Journal);

#[worker_query]
impl Blocking {
    fn add_line(&mut self, path: &str, line: &str, end: End) -> u32 {
        self.0.add(path, line, end)
    }
}

#[derive(Default)]
struct Shared(RefCell<Journal>);

#[worker_query(workers = 1)]
impl Shared {
    async fn add_line(&self, path: &str, line: &str, end: End) -> u32 {
        smol::future::yield_now().await;
        self.0.borrow_mut().add(path, line, end)
    }
}

/// What a pool whose state ends like this has written when it is destroyed, and how often its
/// workers crashed.
macro_rules! written {
    ($builder:expr, $end:expr) => {{
        let folder = Folder::new("journal");
        let path = folder.file("lines");
        let pool = $builder.build();
        let pid = pool.add_line(&path, "one", $end).await.unwrap();
        assert_eq!(pool.add_line(&path, "two", $end).await, Ok(pid));
        pool.destroy().await;
        assert!(pid == std::process::id() || !is_alive(pid));
        (std::fs::read_to_string(path).unwrap(), pool.health().crashes)
    }};
}

fn both() -> (String, u64) {
    ("one\ntwo".into(), 0)
}

#[pm_runtime::test]
async fn a_released_worker_drops_its_state_on_its_thread() {
    assert_eq!(written!(BlockingPool::builder(), End::Well), both());
    assert_eq!(written!(SharedPool::builder(), End::Well), both());
    assert_eq!(written!(BlockingPool::builder().in_process(), End::Well), both());
    assert_eq!(written!(SharedPool::builder().in_process(), End::Well), both());
}

#[pm_runtime::test]
async fn a_state_that_panics_when_it_is_dropped_is_no_crash() {
    // Without a limit, only the worker itself can end it.
    assert_eq!(written!(BlockingPool::builder().grace(None), End::Panic), both());
    assert_eq!(written!(SharedPool::builder().grace(None), End::Panic), both());
}

#[pm_runtime::test]
async fn a_state_that_is_dropped_for_ever_is_killed_when_the_grace_is_over() {
    // Long enough for the file to be there.
    let grace = Duration::from_secs(3);
    let blocking = async { written!(BlockingPool::builder().grace(grace), End::Hang) };
    let shared = async { written!(SharedPool::builder().grace(grace), End::Hang) };
    assert_eq!(futures::join!(blocking, shared), (both(), both()));
}

#[pm_runtime::test]
async fn a_killed_worker_drops_nothing() {
    let folder = Folder::new("journal");
    let path = folder.file("lines");
    let pool = BlockingPool::new();
    let pid = pool.add_line(&path, "one", End::Well).await.unwrap();
    kill(pid, Signal::KILL);
    until(|| !is_alive(pid));
    pool.destroy().await;
    assert!(std::fs::read(path).is_err());
}
