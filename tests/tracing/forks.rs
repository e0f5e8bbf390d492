//! Forks of workers, which have all of their descriptors.
#![allow(unsafe_code, reason = "forks")]

use pm_runtime::worker_query;
use tracing::{Level, info, info_span, subscriber};

use crate::recorder::Recorder;

/// Its fork says something from places of its own, which nobody knows.
#[worker_query(workers = 1)]
fn fork_and_say() {
    let around = info_span!("around").entered();
    // SAFETY: the child touches only what does nothing there, and ends without unwinding.
    let child = unsafe { libc::fork() };
    if child == 0 {
        info!("of the fork");
        log::info!("of the fork, by `log`");
        drop((info_span!("of the fork").entered(), around));
        // SAFETY: it ends the process.
        unsafe { libc::_exit(0) };
    }
    let mut status = 0;
    // SAFETY: the pointer is valid for writes.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    info!(status, "of the worker");
}

#[pm_runtime::test]
async fn what_a_fork_of_a_worker_says_does_not_spoil_what_the_worker_says() {
    let recorder = Recorder::new(Level::DEBUG);
    let _default = subscriber::set_default(recorder.clone());
    ForkAndSayPool::new().query().await.unwrap();
    let said = recorder.wait_for("of the worker");
    assert_eq!(said.path, ["query", "run", "around"]);
    assert_eq!(said.fields["status"], "0");
    recorder.wait_for_closed("run", 1);
    recorder.look(|tree| {
        assert_eq!(tree.events.iter().filter(|said| said.message().contains("fork")).count(), 0);
        assert!(tree.span("of the fork").is_none());
    });
}
