//! How raw workers end, and what becomes of those that were not to.

use super::*;

#[pm_runtime::test]
async fn a_killed_worker_is_replaced_and_its_end_is_told_behind_what_it_said() {
    let pool = ActorPool::new();
    let worker = pool.spawn_one().await.unwrap();
    let pid = ask(&worker, "pid").await.parse().unwrap();
    worker.send("count 200").await.unwrap();
    worker.send("hang").await.unwrap();
    // All of it is there, as the window has room for it; the last one says so.
    let first = reply(&worker).await.unwrap();
    assert_eq!(first, "0");
    let heard = async {
        let mut next = 1;
        loop {
            match worker.recv().await {
                Ok(Some(number)) => {
                    assert_eq!(number, next.to_string().into_bytes());
                    next += 1;
                    if next == 200 {
                        kill(pid, rustix::process::Signal::KILL);
                    }
                }
                Ok(None) => panic!("it did not end well"),
                Err(error) => return error,
            }
        }
    };
    let RawError::Crashed(report) = heard.await else { panic!("it was killed") };
    assert_eq!((report.worker, report.exit), (worker.id(), Exit::Signal(9)));
    pool.spawn(1).await.unwrap();
    let [next] = pool.workers().try_into().unwrap();
    assert_eq!(next.id(), worker.id() + 1);
    assert_eq!(ask(&next, "id").await, next.id().to_string());
    // Somebody else's doing counts against nothing.
    assert_eq!(pool.health().crashes, 0);
}

#[pm_runtime::test]
async fn a_worker_that_exits_unasked_has_crashed() {
    let pool = ActorPool::new();
    let worker = pool.spawn_one().await.unwrap();
    worker.send("exit 0").await.unwrap();
    let Err(RawError::Crashed(report)) = worker.recv().await else { panic!("it was to stay") };
    assert_eq!((report.exit, &report.cause), (Exit::Code(0), &CrashCause::Died));
    assert_eq!(pool.health().crashes, 1);
}

#[pm_runtime::test]
async fn what_does_not_return_within_the_grace_is_killed() {
    for order in ["stay for ever", "hang"] {
        let pool = ActorPool::builder().grace(Duration::from_millis(50)).build();
        let worker = pool.spawn_one().await.unwrap();
        let pid = ask(&worker, "pid").await.parse().unwrap();
        worker.send(order).await.unwrap();
        if order != "hang" {
            assert_eq!(reply(&worker).await.as_deref(), Some("staying"));
        }
        pool.unspawn().await;
        if order != "hang" {
            assert_eq!(reply(&worker).await.as_deref(), Some("told"));
        }
        assert_eq!(worker.recv().await, Err(RawError::Released));
        assert!(!is_alive(pid));
        assert_eq!(pool.health().crashes, 0);
    }
}

#[pm_runtime::test]
async fn a_released_worker_takes_nothing_more_and_may_still_speak() {
    let pool = ActorPool::new();
    let worker = pool.spawn_one().await.unwrap();
    assert_eq!(ask(&worker, "stay").await, "staying");
    let release = smol::spawn({
        let (pool, worker) = (pool.clone(), worker.clone());
        async move { pool.unspawn_one(&worker).await }
    });
    assert_eq!(reply(&worker).await.as_deref(), Some("told"));
    assert!(matches!(worker.send("more").await, Err(RawError::Released | RawError::WorkerGone)));
    release.await;
    assert_eq!(reply(&worker).await, None);
}

#[pm_runtime::test]
async fn a_function_that_always_fails_spends_the_budget() {
    let pool = ActorPool::builder().max_crashes(1).build();
    pool.spawn(1).await.unwrap();
    let mut reports = pool.events();
    let mut failures = 0;
    loop {
        if let Some(worker) = pool.acquire() {
            let _ = worker.send("fail again").await;
            let _ = worker.recv().await;
        }
        match smol::stream::StreamExt::next(&mut reports).await {
            Some(Event::Crashed(_)) => failures += 1,
            Some(Event::BudgetExhausted { .. }) => break,
            Some(_) => {}
            None => panic!("the pool lives"),
        }
    }
    assert_eq!(failures, 2);
    assert!(matches!(pool.spawn(1).await, Err(SpawnError::BudgetExhausted { crashes: 2, .. })));
}

#[pm_runtime::test]
async fn no_worker_outlives_its_pool() {
    let pool = ActorPool::builder().grace(Duration::ZERO).build();
    let worker = pool.spawn_one().await.unwrap();
    let pid = ask(&worker, "pid").await.parse().unwrap();
    worker.send("hang").await.unwrap();
    drop(pool);
    until(|| !is_alive(pid));
    assert_eq!(worker.recv().await, Err(RawError::Released));
}

/// Never returns.
#[worker_raw(workers = 1)]
async fn endless(link: RawLink) -> ! {
    loop {
        if let Ok(Some(message)) = link.recv().await {
            let _ = link.send(&message).await;
        }
    }
}

#[pm_runtime::test]
async fn a_function_may_never_return() {
    let pool = EndlessPool::builder().grace(Duration::from_millis(20)).build();
    let worker = pool.spawn_one().await.unwrap();
    assert_eq!(ask(&worker, "x").await, "x");
    pool.destroy().await;
    assert_eq!(worker.recv().await, Err(RawError::Released));
}

/// Has a queue of its own before its link is there.
#[worker_raw(workers = 1, init = prepare)]
fn prepared(link: RawLink) {
    link.send_blocking(PREPARED.get().unwrap()).unwrap();
}

static PREPARED: std::sync::OnceLock<String> = std::sync::OnceLock::new();

fn prepare() {
    PREPARED.set("prepared".to_owned()).unwrap();
}

#[pm_runtime::test]
async fn init_runs_first() {
    let pool = PreparedPool::new();
    pool.start().await.unwrap();
    let worker = pool.workers().into_iter().next();
    // It may have ended by now.
    let Some(worker) = worker else { return };
    assert_eq!(reply(&worker).await.as_deref(), Some("prepared"));
    assert_eq!(reply(&worker).await, None);
}

/// Returns an error, and then does not get away.
#[worker_raw(workers = 1)]
fn lingering(link: RawLink) -> io::Result<std::convert::Infallible> {
    extern "C" fn linger() {
        loop {
            std::thread::park();
        }
    }
    // SAFETY: it is a function of C that takes nothing and returns nothing.
    #[allow(unsafe_code, reason = "what libraries do at the end of a process")]
    unsafe {
        libc::atexit(linger);
    }
    link.send_blocking("bye")?;
    Err(io::Error::other("it is over"))
}

#[pm_runtime::test]
async fn a_worker_that_does_not_get_away_after_its_function_failed_is_killed() {
    let pool = LingeringPool::builder().grace(Duration::from_millis(20)).build();
    let worker = pool.spawn_one().await.unwrap();
    assert_eq!(reply(&worker).await.as_deref(), Some("bye"));
    let Err(RawError::Crashed(report)) = worker.recv().await else { panic!("it has failed") };
    assert_eq!(report.cause, CrashCause::Failed("it is over".into()));
    assert_eq!(report.exit, Exit::Signal(9));
}
