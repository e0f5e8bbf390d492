//! Errors say whose fault it was and whether to try again.

use pm_runtime::{
    BootError, CrashReport, DecodeError, EncodeError, Error, PanicReport, QueryError, SpawnError,
    worker_query,
};

#[worker_query(workers = 1)]
fn misbehave(how: &str) {
    match how {
        "panic" => panic!("on purpose"),
        "abort" => std::process::abort(),
        _ => {}
    }
}

#[test]
fn every_variant_has_its_name() {
    fn name(error: QueryError) -> &'static str {
        match error {
            QueryError::TimedOut { after: _, worker: _, debug: _ } => "timed out",
            QueryError::QueueTimedOut { .. } => "queue timed out",
            QueryError::QueueFull => "queue full",
            QueryError::Cancelled => "cancelled",
            QueryError::Crashed(CrashReport { .. }) => "crashed",
            QueryError::Panicked(PanicReport { .. }) => "panicked",
            QueryError::Quarantined { crashes: _ } => "quarantined",
            QueryError::BudgetExhausted { crashes: _, window: _, last: _ } => "budget exhausted",
            QueryError::Released => "released",
            QueryError::WorkerGone => "worker gone",
            QueryError::TooLarge { size: _, limit: _ } => "too large",
            QueryError::Encode(EncodeError { .. }) => "encode",
            QueryError::Decode(DecodeError { .. }) => "decode",
            QueryError::Protocol(_) => "protocol",
            QueryError::Boot(_) => "boot",
            QueryError::Forked => "forked",
            QueryError::Destroyed => "destroyed",
            _ => "of a later version",
        }
    }
    assert_eq!(name(QueryError::QueueFull), "queue full");
    assert!(QueryError::QueueFull.is_retryable() && !QueryError::Destroyed.is_retryable());
    assert!(size_of::<QueryError>() <= 64);
    let spawn = SpawnError::Boot(BootError::NotInitialized);
    let (SpawnError::Boot(_) | SpawnError::BudgetExhausted { .. } | SpawnError::Destroyed) = spawn
    else {
        panic!("{spawn}")
    };
    for error in [Error::from(QueryError::Released), Error::from(spawn)] {
        assert_eq!(format!("{error:?}"), error.to_string());
    }
}

#[pm_runtime::test]
async fn a_panic_is_caught_and_the_worker_serves_on() {
    let pool = MisbehavePool::new();
    let error = pool.query("panic").await.unwrap_err();
    assert!(!error.is_retryable());
    let QueryError::Panicked(report) = error else { panic!("{error}") };
    assert_eq!((report.message(), report.worker()), ("on purpose", 1));
    assert_eq!(pool.query("").await, Ok(()));
    assert_eq!(pool.acquire().unwrap().id(), 1);
}

#[pm_runtime::test]
async fn a_crash_is_reported_and_another_worker_serves_on() {
    let pool = MisbehavePool::new();
    let error = pool.query("abort").await.unwrap_err();
    assert!(error.is_retryable());
    let QueryError::Crashed(report) = error else { panic!("{error}") };
    assert!(report.to_string().contains("SIGABRT"), "{report}");
    assert_eq!(pool.query("").await, Ok(()));
}
