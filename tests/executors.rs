//! Calls on every executor, from every thread, to their end or not.

#[path = "executors/cancelled.rs"]
mod cancelled;
#[path = "executors/driven.rs"]
mod driven;
#[path = "executors/nested.rs"]
mod nested;

use std::path::Path;

use pm_tests::{Folder, Task, WorkPool, until};

/// Keeps the only worker of a pool busy until it is let go.
struct Held {
    folder: Folder,
    call: smol::Task<Result<u64, pm_runtime::QueryError>>,
}

impl Held {
    fn new(pool: &WorkPool, name: &str) -> Self {
        let folder = Folder::new(name);
        let (begun, go_on) = (folder.file("begun"), folder.file("go"));
        let call = smol::spawn(pool.query(Task::Rendezvous { begun: begun.clone(), go_on }));
        until(|| Path::new(&begun).exists());
        // The pool may hear of it a moment later.
        until(|| pool.health().account.running == 1);
        Self { folder, call }
    }

    fn go_on(&self) {
        std::fs::write(self.folder.file("go"), "").unwrap();
    }

    async fn let_go(self) {
        self.go_on();
        assert_eq!(self.call.await, Ok(0));
    }
}

fn multi_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap()
}

fn current_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}
