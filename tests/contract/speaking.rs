//! What the code in a worker knows of itself, what it says, and who hears it.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use pm_runtime::{CrashReport, Event, Worker, worker, worker_query};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    done: u32,
}

#[worker_query(workers = 1, message = Progress)]
fn work(steps: u32) -> bool {
    for done in 1..=steps {
        worker::debug(format!("at step {done}"));
        worker::message(Progress { done }).unwrap();
    }
    worker::report("nothing is wrong, really");
    if steps == 0 {
        std::process::abort();
    }
    worker::message("text").is_err()
}

#[worker_query(workers = 1, timeout = "1h")]
fn itself() -> (Option<u64>, bool, u32, bool, bool) {
    let has_deadline = worker::deadline().is_some();
    let (id, is_worker) = (worker::id(), worker::is_worker());
    (id, is_worker, worker::attempt(), has_deadline, worker::is_cancelled())
}

#[pm_runtime::test]
async fn the_code_in_a_worker_knows_of_itself() {
    assert_eq!(ItselfPool::new().query().await, Ok((Some(1), true, 1, true, false)));
    assert_eq!(itself(), (None, false, 1, false, false));
}

#[pm_runtime::test]
async fn a_call_hears_its_messages_before_its_answer() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let pool = WorkPool::new();
    let call = pool.query(3).on_message({
        let heard = heard.clone();
        move |m: Progress| heard.lock().unwrap().push(m.done)
    });
    assert_eq!(call.await, Ok(true));
    assert_eq!(*heard.lock().unwrap(), [1, 2, 3]);
    assert_eq!(pool.acquire().unwrap().debug_text().as_deref(), Some("at step 3"));
}

#[pm_runtime::test]
async fn callbacks_hear_what_happens_in_a_pool() {
    let (sender, heard) = channel();
    let say = move |text: String| sender.send(text).unwrap();
    let pool = WorkPool::builder().max_crashes(0).build();
    pool.on_spawn({
        let say = say.clone();
        move |worker| say(format!("worker {} is up", worker.id()))
    });
    pool.on_message({
        let say = say.clone();
        move |worker: Worker, m: Progress| say(format!("{} said {}", worker.id(), m.done))
    });
    pool.on_crash({
        let say = say.clone();
        move |report: &CrashReport| say(format!("{} crashed", report.worker))
    });
    pool.on_unspawn(move |worker| say(format!("worker {} is gone", worker.id())));
    assert_eq!(pool.query(2).await, Ok(true));
    pool.query(0).await.unwrap_err();
    pool.destroy().await;
    let expected = ["worker 1 is up", "1 said 1", "1 said 2", "1 crashed", "worker 1 is gone"];
    assert!(heard.iter().eq(expected));
}

#[pm_runtime::test]
async fn events_tell_the_same() {
    let pool = WorkPool::new();
    let mut events = pool.events();
    pool.query(1).await.unwrap();
    pool.destroy().await;
    let (mut messages, mut reports) = (0, 0);
    while let Some(event) = events.next().await {
        match event {
            Event::Message { worker: 1, .. } => messages += 1,
            Event::Reported { worker: 1, .. } => reports += 1,
            _ => {}
        }
    }
    assert_eq!((messages, reports), (1, 1));
}
