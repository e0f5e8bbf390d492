//! What happens before a worker is ready, at once after that, and to whoever gives up.

use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use futures::future::join_all;
use pm_tests::suite;

use super::*;

suite! {
    several_may_wait_to_send_before_there_is_a_worker
    a_function_that_returns_at_once_ends_well_whoever_looks_for_its_messages
    who_gives_up_to_send_leaves_nothing_behind
    a_send_that_is_given_up_keeps_nobody_else_waiting
}

/// Says one thing.
#[worker_raw(workers = 1, max_crashes = None)]
fn brief(link: RawLink) -> Result<(), RawError> {
    link.send_blocking("said")
}

/// A worker that is about to be started, as a rule; a brief one may be gone.
async fn starting(pool: &pm_runtime::Pool) -> Option<Worker> {
    let mut spawn = std::pin::pin!(pool.spawn(1));
    assert!(poll_once(&mut spawn).await.is_none_or(|ready| ready.is_ok()));
    pool.workers().pop()
}

async fn several_may_wait_to_send_before_there_is_a_worker(over: Over) {
    for _ in 0..20 {
        let pool = pool!(ActorPool over over);
        let worker = starting(&pool).await.expect("it stays");
        join_all((0..5).map(|_| async { worker.send("id").await.unwrap() })).await;
        for _ in 0..5 {
            assert_eq!(reply(&worker).await, Some(worker.id().to_string()));
        }
    }
}

async fn a_function_that_returns_at_once_ends_well_whoever_looks_for_its_messages(over: Over) {
    let pool = pool!(BriefPool over over);
    for _ in 0..30 {
        let Some(worker) = starting(&pool).await else { continue };
        let first = loop {
            // It looks again and again, unasked.
            match poll_once(worker.recv()).await {
                Some(first) => break first,
                None => std::thread::yield_now(),
            }
        };
        assert_eq!(first, Ok(Some(b"said".to_vec())));
        assert_eq!(worker.recv().await, Ok(None));
    }
    assert_eq!(pool.health().crashes, 0);
}

/// The waker of a task of its own.
struct Task;

impl Wake for Task {
    fn wake(self: Arc<Self>) {}
}

async fn who_gives_up_to_send_leaves_nothing_behind(over: Over) {
    let pool = pool!(ActorPool over over, window = 1, grace = Duration::ZERO);
    let worker = pool.spawn_one().await.unwrap();
    assert_eq!(ask(&worker, "stay for ever").await, "staying");
    while worker.try_send("x").is_ok() {}
    let tasks: Vec<Arc<Task>> = (0..1000).map(|_| Arc::new(Task)).collect();
    for task in &tasks {
        let waker = Waker::from(task.clone());
        let mut send = Box::pin(worker.send("x"));
        assert!(send.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    let kept = tasks.iter().filter(|task| Arc::strong_count(task) > 1).count();
    assert_eq!(kept, 0, "tasks that are over");
}

async fn a_send_that_is_given_up_keeps_nobody_else_waiting(over: Over) {
    let pool = pool!(ActorPool over over, window = 1);
    let worker = pool.spawn_one().await.unwrap();
    for round in 0..100_u32 {
        let [mut first, mut second, mut third] = [0, 1, 2].map(|i| {
            let worker = &worker;
            Box::pin(async move { worker.send((3 * round + i).to_string()).await })
        });
        // Whether each finds room or waits, the second one is given up.
        let early = poll_once(&mut first).await.is_some();
        let given_up = poll_once(&mut second).await.is_none();
        drop(second);
        let late = poll_once(&mut third).await.is_some();
        let mut expected: Vec<String> = (0..3).map(|i| (3 * round + i).to_string()).collect();
        if given_up {
            expected.remove(1);
        }
        // Nobody reads meanwhile: what has been read is room.
        if !early {
            first.await.unwrap();
        }
        let mut heard = vec![reply(&worker).await.unwrap()];
        if !late {
            third.await.unwrap();
        }
        while heard.len() < expected.len() {
            heard.push(reply(&worker).await.unwrap());
        }
        heard.sort_by_key(|number| number.parse::<u32>().unwrap());
        assert_eq!(heard, expected);
    }
}
