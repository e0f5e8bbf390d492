//! Errors of the application, after which a query runs again.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use pm_runtime::{QueryError, Retry};
use smol::stream::StreamExt;

/// Fails as often as it is told to, in one worker.
#[pm_runtime::worker_query(workers = 1)]
fn lucky(fails: u32, how: &str) -> Result<u32, String> {
    use std::sync::atomic::{AtomicU32, Ordering};
    static RUNS: AtomicU32 = AtomicU32::new(0);
    match RUNS.fetch_add(1, Ordering::Relaxed) {
        run if run < fails && how == "abort" => std::process::abort(),
        run if run < fails => Err(how.into()),
        run => Ok(run),
    }
}

fn at_once<E>(times: u32) -> Retry<E> {
    Retry::times(times).backoff(Duration::from_millis(1), Duration::from_millis(1))
}

#[pm_runtime::test]
async fn an_error_of_the_application_is_retried() {
    let pool = LuckyPool::new();
    assert_eq!(pool.query(3, "busy").retry(at_once(3)).await, Ok(Ok(3)));
    let account = pool.health().account;
    assert_eq!((account.submitted, account.completed), (4, 4), "each run is a query");
}

#[pm_runtime::test]
async fn retries_end() {
    let pool = LuckyPool::new();
    assert_eq!(pool.query(9, "busy").retry(at_once(2)).await, Ok(Err("busy".into())));
    assert_eq!(pool.health().account.submitted, 3);
}

#[pm_runtime::test]
async fn only_errors_that_the_policy_names_are_retried() {
    let pool = LuckyPool::new();
    let busy = at_once(9).retry_if(|error: &String| error == "busy");
    let broken = pool.query(9, "broken").retry(busy.clone());
    assert_eq!(broken.await, Ok(Err("broken".into())));
    assert_eq!(pool.health().account.submitted, 1);
    assert_eq!(pool.query(3, "busy").retry(busy).wait(), Ok(Ok(3)));
}

#[pm_runtime::test]
async fn what_the_pool_says_is_not_retried() {
    let pool = LuckyPool::new();
    let crash = pool.query(9, "abort").retry(at_once(9)).await;
    assert!(matches!(crash, Err(QueryError::Crashed(_))), "{crash:?}");
    assert_eq!(pool.health().account.submitted, 1);
}

#[pm_runtime::test]
async fn a_retry_that_is_dropped_in_its_pause_runs_no_more() {
    let pool = LuckyPool::new();
    let hours = Duration::from_secs(3600);
    let mut call = Box::pin(pool.query(9, "busy").retry(Retry::times(9).backoff(hours, hours)));
    while pool.health().account.completed < 1 {
        assert!(smol::future::poll_once(&mut call).await.is_none());
    }
    assert!(smol::future::poll_once(&mut call).await.is_none());
    drop(call);
    assert_eq!(pool.health().account.submitted, 1);
}

#[pm_runtime::test]
async fn a_policy_of_a_handle_is_that_of_all_its_calls() {
    let pool = LuckyPool::new();
    let patient = pool.retry(at_once(9));
    assert_eq!(patient.query(3, "busy").await, Ok(Ok(3)));
    assert_eq!(patient.clone().try_query(5, "busy").await, Ok(Ok(5)));
    assert_eq!(pool.health().account.submitted, 4 + 2, "it is the same pool");
    assert_eq!(pool.query(9, "busy").await, Ok(Err("busy".into())), "with no policy of its own");
    let answers: Vec<_> = patient.map([(10, "busy"), (12, "busy")]).collect().await;
    assert!(answers.iter().all(|answer| matches!(answer, Ok(Ok(_)))), "{answers:?}");
}

#[pm_runtime::test]
async fn a_policy_of_a_handle_names_errors_too() {
    let pool = LuckyPool::new().retry(at_once(9).retry_if(|error: &String| error == "busy"));
    assert_eq!(pool.query(9, "broken").await, Ok(Err("broken".into())));
    assert_eq!(pool.query(3, "busy").await, Ok(Ok(3)));
    assert_eq!(pool.health().account.submitted, 1 + 3);
    let crash = pool.query(9, "abort").await;
    assert!(matches!(crash, Err(QueryError::Crashed(_))), "{crash:?}");
}

#[pm_runtime::test]
async fn the_policy_of_a_call_takes_the_place_of_its_handles() {
    let pool = LuckyPool::new().retry(at_once(9));
    assert_eq!(pool.query(9, "busy").retry(at_once(0)).await, Ok(Err("busy".into())));
    assert_eq!(pool.health().account.submitted, 1);
    let once = pool.retry(at_once(1));
    assert_eq!(once.query(9, "busy").await, Ok(Err("busy".into())), "the last one counts");
    assert_eq!(pool.health().account.submitted, 3);
}

#[pm_runtime::test]
async fn what_is_said_of_a_call_holds_for_each_of_its_runs() {
    let pool = LuckyPool::new().retry(at_once(9));
    // A worker of its own has run nothing before.
    let answer = pool.query(1, "busy").temporary().await;
    assert_eq!(answer, Ok(Err("busy".into())));
    assert_eq!(pool.health().account.submitted, 10);
    let after = pool.query(9, "busy").retry(at_once(9)).timeout(Duration::ZERO).await;
    assert!(matches!(after, Err(QueryError::TimedOut { .. })), "{after:?}");
}

#[pm_runtime::worker_query(workers = 1)]
fn chatty(fails: usize) -> Result<usize, ()> {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    let run = RUNS.fetch_add(1, Ordering::Relaxed);
    pm_runtime::worker::message(format!("run {run}")).expect("it is text");
    if run < fails { Err(()) } else { Ok(run) }
}

#[pm_runtime::test]
async fn a_caller_hears_the_messages_of_every_run() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let call = ChattyPool::new().query(2).retry(at_once(5)).on_message({
        let heard = heard.clone();
        move |message| heard.lock().unwrap().push(message)
    });
    assert_eq!(call.await, Ok(Ok(2)));
    assert_eq!(*heard.lock().unwrap(), ["run 0", "run 1", "run 2"]);
}

#[pm_runtime::test]
async fn what_pauses_while_its_pool_ends_fails_with_it() {
    let pool = LuckyPool::new();
    let pause = Duration::from_millis(50);
    let pausing = pool.query(9, "busy").retry(Retry::times(9).backoff(pause, pause));
    let pausing = smol::spawn(pausing);
    while pool.health().account.completed < 1 {
        smol::future::yield_now().await;
    }
    pool.destroy().await;
    assert_eq!(pausing.await, Err(QueryError::Destroyed));
    assert!(pool.health().account.balances());
}

mod private {
    use serde::{Deserialize, Serialize};

    /// Nobody outside can name it, nor its alias.
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Refused(u32);

    type Answer<T = ()> = Result<T, Refused>;

    #[allow(private_interfaces, reason = "so that the pool sees more of the world than its error")]
    #[pm_runtime::worker_query(workers = 1)]
    pub(super) async fn refuse(number: u32) -> Answer {
        Err(Refused(number))
    }

    pub(super) async fn refused() -> (bool, u64) {
        let pool = RefusePool::in_process().retry(super::at_once(2).retry_if(|Refused(_)| true));
        let answer = pool.query(7).await;
        (answer == Ok(Err(Refused(7))), pool.health().account.submitted)
    }
}

#[pm_runtime::test]
async fn errors_may_be_private_and_answers_have_other_names() {
    assert_eq!(private::refused().await, (true, 3));
}
