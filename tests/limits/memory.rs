//! `memory_limit` of queries.

use std::process::Command;

use pm_runtime::{Blame, BootError, Exit, Runtime, SpawnError, worker_query};
use pm_tests::{Over, kill, pool, until_begun};
use rustix::process::Signal;

use super::{LIMIT, MET, MIB, TOO_MUCH, Use, crash, perform};

#[worker_query(workers = 1, memory_limit = "128MiB", max_crashes = None)]
pub fn greedy(what: Use) -> bool {
    perform(&what)
}

#[worker_query(workers = 1, memory_limit = "128MiB", max_crashes = None)]
async fn greedy_async(what: Use) -> bool {
    smol::future::yield_now().await;
    let done = perform(&what);
    smol::future::yield_now().await;
    done
}

pm_tests::suite! {
    memory_that_is_refused_is_what_the_report_blames
    async_code_has_the_same_limit
    what_the_limit_allows_is_there
    code_that_is_prepared_goes_on
    what_crashes_for_another_reason_is_not_taken_for_greed
}

async fn memory_that_is_refused_is_what_the_report_blames(over: Over) {
    let pool = pool!(GreedyPool over over);
    if over == Over::Threads {
        // It is about processes.
        return assert_eq!(pool.query(Use::AtOnce(TOO_MUCH)).await, Ok(true));
    }
    let greed = [
        (Use::AtOnce(TOO_MUCH), libc::SIGABRT),
        (Use::Leak, libc::SIGABRT),
        (Use::MallocAtOnce(TOO_MUCH), libc::SIGSEGV),
        (Use::MallocLeak, libc::SIGSEGV),
        (Use::Hold(LIMIT), libc::SIGABRT),
    ];
    for (crashes, (what, signal)) in (1..).zip(greed) {
        let report = crash(pool.query(what.clone()).await.unwrap_err());
        // They die as they would have died without anybody's looking.
        assert_eq!((report.blame, report.exit), (MET, Exit::Signal(signal)), "{what:?}: {report}");
        assert_eq!(pool.query(Use::Nothing).await, Ok(true));
        assert_eq!(pool.health().crashes, crashes, "{what:?} counts");
    }
}

async fn async_code_has_the_same_limit(over: Over) {
    let smol = pool!(GreedyAsyncPool over over);
    let tokio = pool!(GreedyAsyncPool over over, runtime = Runtime::Tokio);
    for pool in [smol, tokio] {
        if over == Over::Threads {
            assert_eq!(pool.query(Use::AtOnce(TOO_MUCH)).await, Ok(true));
            continue;
        }
        for what in [Use::AtOnce(TOO_MUCH), Use::MallocAtOnce(TOO_MUCH), Use::Leak] {
            let report = crash(pool.query(what.clone()).await.unwrap_err());
            assert_eq!(report.blame, MET, "{what:?}: {report}");
        }
    }
}

async fn what_the_limit_allows_is_there(over: Over) {
    let pools = [
        pool!(GreedyPool over over),
        pool!(GreedyPool over over, memory_limit = TOO_MUCH + LIMIT),
        pool!(GreedyPool over over, memory_limit = None),
    ];
    for (pool, much) in pools.into_iter().zip([LIMIT / 2, TOO_MUCH, 2 * TOO_MUCH]) {
        let worker = pool.query(Use::Nothing).await;
        assert_eq!(worker, Ok(true));
        // Given back, it does not count.
        for _ in 0..3 {
            assert_eq!(pool.query(Use::AtOnce(much)).await, Ok(true));
        }
        assert_eq!(pool.query(Use::Hold(LIMIT / 2)).await, Ok(true));
        assert_eq!(pool.health().restarts, 0);
    }
}

async fn code_that_is_prepared_goes_on(over: Over) {
    let pool = pool!(GreedyPool over over);
    let granted = over == Over::Threads;
    assert_eq!(pool.query(Use::Try(TOO_MUCH)).await, Ok(granted));
    assert_eq!(pool.query(Use::Try(MIB)).await, Ok(true));
    assert_eq!(pool.health().restarts, 0);
}

async fn what_crashes_for_another_reason_is_not_taken_for_greed(over: Over) {
    if over == Over::Threads {
        return;
    }
    let pool = pool!(GreedyPool over over);
    for (what, signal) in [(Use::Abort, libc::SIGABRT), (Use::Stray, libc::SIGSEGV)] {
        // What was refused to a query before it is not its own.
        assert_eq!(pool.query(Use::Try(TOO_MUCH)).await, Ok(false));
        let report = crash(pool.query(what.clone()).await.unwrap_err());
        let (blame, exit) = (Blame::Query, Exit::Signal(signal));
        assert_eq!((report.blame, report.exit), (blame, exit), "{what:?}: {report}");
    }
    // Sent by somebody, once: nothing raises it again.
    let spins = smol::spawn(pool.query(Use::Spin));
    until_begun(&pool, 5).await;
    kill(pool.acquire().unwrap().pid(), Signal::ABORT);
    let report = crash(spins.await.unwrap_err());
    let (blame, exit) = (Blame::Query, Exit::Signal(libc::SIGABRT));
    assert_eq!((report.blame, report.exit), (blame, exit), "{report}");
    // Nobody can tell whether that was the reason.
    let report = crash(pool.query(Use::TryAndAbort(TOO_MUCH)).await.unwrap_err());
    assert_eq!(report.blame, MET, "{report}");
    // Without a limit nobody looks.
    let pool = pool!(GreedyPool over over, memory_limit = None);
    let report = crash(pool.query(Use::MallocAtOnce(usize::MAX / 4)).await.unwrap_err());
    assert_eq!(report.blame, Blame::Query, "{report}");
}

fn hoard() {
    // Beyond the limit; what is given back again does not count.
    perform(&Use::AtOnce(TOO_MUCH));
}

#[worker_query(workers = 1, init = hoard, memory_limit = "128MiB")]
fn frugal() -> bool {
    perform(&Use::Try(TOO_MUCH))
}

#[pm_runtime::test]
async fn what_comes_before_the_queries_has_no_limit() {
    assert_eq!(FrugalPool::new().query().await, Ok(false));
}

#[pm_runtime::test]
async fn every_thread_of_a_worker_has_the_limit() {
    let pool = GreedyPool::builder().concurrency(3).build();
    let calls = [Use::Try(TOO_MUCH), Use::Try(TOO_MUCH), Use::Try(TOO_MUCH)];
    let granted = futures::future::join_all(calls.map(|what| pool.query(what))).await;
    assert_eq!(granted, [Ok(false), Ok(false), Ok(false)]);
    let report = crash(pool.query(Use::AtOnce(TOO_MUCH)).await.unwrap_err());
    assert_eq!(report.blame, MET, "{report}");
}

#[pm_runtime::test]
async fn a_limit_below_what_a_worker_itself_needs_is_a_mistake() {
    for bytes in [0, 512] {
        let pool = GreedyPool::builder().memory_limit(bytes).build();
        match pool.spawn(1).await {
            Err(SpawnError::Boot(BootError::Option { option, reason })) => {
                assert_eq!(&*option, "memory_limit");
                assert!(reason.contains(&format!("{bytes} bytes are less")), "{reason}");
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Rust's own handler says what has happened, where there is one.
#[test]
fn a_stack_that_overflows_is_told_as_ever() {
    let program = Command::new(env!("CARGO_BIN_EXE_overflow")).output().unwrap();
    let said = String::from_utf8(program.stdout).unwrap();
    assert_eq!(said, "was killed by SIGABRT Query true\n".repeat(2));
}
