//! The limits of streams and of raw workers.

use pm_runtime::{
    Blame, Outbox, OutboxClosed, RawError, RawLink, RawWorker, StreamError, StreamWorker,
    worker_raw, worker_stream,
};
use pm_tests::{Folder, Over, pool, until};

use super::cpu::{MUCH, SECOND};
use super::memory::GreedyPool;
use super::{MET, TOO_MUCH, Use, cpu, perform};

#[worker_stream(workers = 1, memory_limit = "128MiB", max_crashes = None)]
#[derive(Default)]
struct Greed;

impl StreamWorker for Greed {
    type Input = Use;
    type Output = bool;
    type Error = OutboxClosed;

    async fn write(&mut self, what: Use, out: &Outbox<bool>) -> Result<(), OutboxClosed> {
        out.send(perform(&what)).await
    }
}

#[worker_raw(workers = 1, memory_limit = "128MiB", max_crashes = None)]
async fn raw_greed(mut link: RawLink<Use, bool>) -> Result<(), RawError> {
    while let Some(what) = link.recv().await? {
        link.send(&perform(&what)).await?;
    }
    Ok(())
}

pm_tests::suite! {
    streams_have_a_limit_of_memory
    raw_workers_have_a_limit_of_memory
}

/// Who is to blame if the worker of a stream dies of this. That may be heard before it is clear that
/// the message was sent.
async fn death_by(stream: &mut GreedStream, what: Use) -> Option<Blame> {
    let heard = match stream.send(what).await {
        Ok(()) => stream.next().await,
        Err(error) => Some(Err(error)),
    };
    match heard {
        Some(Ok(_)) => None,
        Some(Err(StreamError::Crashed(report))) => Some(report.blame),
        other => panic!("{other:?}"),
    }
}

async fn streams_have_a_limit_of_memory(over: Over) {
    let pool = pool!(GreedPool over over);
    for what in [Use::AtOnce(TOO_MUCH), Use::MallocAtOnce(TOO_MUCH)] {
        let mut beside = pool.create_stream().await.unwrap();
        let mut stream = pool.create_stream().await.unwrap();
        // As long as another is open the limit holds.
        beside.finish().await.unwrap();
        assert_eq!(beside.next().await, None);
        stream.send(Use::Try(TOO_MUCH)).await.unwrap();
        assert_eq!(stream.next().await, Some(Ok(over == Over::Threads)));
        if over != Over::Threads {
            assert_eq!(death_by(&mut stream, what).await, Some(MET));
        }
    }
}

#[pm_runtime::test]
async fn streams_have_a_limit_of_time_together() {
    let pool = GreedPool::builder().memory_limit(None).cpu_limit(SECOND).build();
    // One after the other: the worker is idle between them.
    for _ in 0..3 {
        let mut stream = pool.create_stream().await.unwrap();
        stream.send(Use::Work(MUCH)).await.unwrap();
        stream.finish().await.unwrap();
        assert_eq!(stream.next().await, Some(Ok(true)));
        assert_eq!(stream.next().await, None);
    }
    let mut stream = pool.create_stream().await.unwrap();
    let _beside = pool.create_stream().await.unwrap();
    // Each of them is within the limit, and all of them are not.
    for _ in 0..3 {
        if let Some(blame) = death_by(&mut stream, Use::Work(MUCH)).await {
            return assert_eq!(blame, cpu::MET);
        }
    }
    panic!("together they had more than twice the limit");
}

async fn death_by_raw(worker: &RawWorker<Use, bool>, what: Use) -> Blame {
    let heard = match worker.send(&what).await {
        Ok(()) => worker.recv().await,
        Err(error) => Err(error),
    };
    match heard {
        Err(RawError::Crashed(report)) => report.blame,
        other => panic!("{other:?}"),
    }
}

async fn raw_workers_have_a_limit_of_memory(over: Over) {
    let pool = pool!(RawGreedPool over over);
    let worker = pool.spawn_one().await.unwrap();
    worker.send(&Use::Try(TOO_MUCH)).await.unwrap();
    assert_eq!(worker.recv().await, Ok(Some(over == Over::Threads)));
    if over != Over::Threads {
        assert_eq!(death_by_raw(&worker, Use::AtOnce(TOO_MUCH)).await, MET);
    }
}

/// All that the function ever uses counts.
#[pm_runtime::test]
async fn raw_workers_have_a_limit_of_time_for_good() {
    let pool = RawGreedPool::builder().memory_limit(None).cpu_limit(SECOND).build();
    let worker = pool.spawn_one().await.unwrap();
    worker.send(&Use::Work(MUCH)).await.unwrap();
    assert_eq!(worker.recv().await, Ok(Some(true)));
    assert_eq!(death_by_raw(&worker, Use::Spin).await, cpu::MET);
}

/// What a query has left behind goes on without limits, as long as the worker runs nothing else.
#[pm_runtime::test]
async fn limits_hold_while_something_runs_and_no_longer() {
    let folder = Folder::new("later");
    let (go_on, done) = (folder.file("go"), folder.file("done"));
    let pool = GreedyPool::builder().cpu_limit(SECOND).build();
    let later = Use::Later { go_on: go_on.clone(), done: done.clone() };
    assert_eq!(pool.query(later).await, Ok(true));
    std::fs::write(go_on, "").unwrap();
    let said = || std::fs::read_to_string(&done).unwrap_or_default();
    until(|| !said().is_empty() || pool.health().restarts > 0);
    assert_eq!((&*said(), pool.health().restarts), ("true", 0));
}
