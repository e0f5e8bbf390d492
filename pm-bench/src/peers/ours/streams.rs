//! What streams take.

use std::time::{Duration, Instant};

use futures_util::future::{join, try_join_all};
use pm_runtime::{OutboxClosed, StreamError};

use super::Outcome;
use crate::memory::resident_share;
use crate::queries::{AddAsyncPool, RepeatPool, RepeatStream};
use crate::slice::Slice;

/// Inputs that are sent between looks at the clock.
const BURST: u64 = 64;

/// Numbers there and back, over so many streams at once, each in a task.
pub(super) fn echo(workers: usize, streams: usize, time: Duration) -> Outcome {
    let executor = smol::LocalExecutor::new();
    smol::block_on(executor.run(async {
        let pool = RepeatPool::builder().workers(workers).build();
        pool.spawn(workers).await?;
        let open = try_join_all((0..streams).map(|_| pool.create_stream())).await?;
        let start = Instant::now();
        let tasks: Vec<_> =
            open.into_iter().map(|stream| executor.spawn(echo_one(stream, start, time))).collect();
        let mut done = 0;
        for task in tasks {
            done += task.await?;
        }
        let taken = start.elapsed();
        pool.destroy().await;
        Ok(done as f64 / taken.as_secs_f64())
    }))
}

async fn echo_one(
    stream: RepeatStream,
    start: Instant,
    time: Duration,
) -> Result<u64, StreamError<OutboxClosed>> {
    let (mut inputs, mut outputs) = stream.split();
    let send = async {
        let mut next = 0;
        while start.elapsed() < time {
            for number in next..next + BURST {
                inputs.send(number).await?;
            }
            next += BURST;
        }
        inputs.finish().await?;
        Ok::<u64, StreamError<OutboxClosed>>(next)
    };
    let receive = async {
        let mut next = 0;
        while let Some(number) = outputs.next().await {
            assert_eq!(number?, next, "a stream keeps the order");
            next += 1;
        }
        Ok::<u64, StreamError<OutboxClosed>>(next)
    };
    let (sent, received) = join(send, receive).await;
    let (sent, received) = (sent?, received?);
    assert_eq!(sent, received, "a stream loses nothing");
    Ok(received)
}

/// To open a stream; those that are open go when nothing is measured.
pub(super) async fn open(pool: &RepeatPool, time: Duration) -> Outcome {
    const AT_ONCE: usize = 256;
    let (mut taken, mut opened, start) = (Duration::ZERO, 0, Instant::now());
    while opened == 0 || start.elapsed() < time {
        let mut open = Vec::with_capacity(AT_ONCE);
        let start = Instant::now();
        while open.len() < AT_ONCE {
            open.push(pool.create_stream().await?);
        }
        taken += start.elapsed();
        opened += open.len();
        drop(open);
        // Behind those that are on their way out.
        drop(pool.create_stream().await?);
    }
    Ok(taken.as_secs_f64() / opened as f64)
}

/// An async query, for comparison.
pub(super) async fn query(pool: &AddAsyncPool, time: Duration) -> Outcome {
    let mut slice = Slice::new(time);
    while slice.goes_on() {
        pool.query(1, 2).await?;
    }
    Ok(slice.each())
}

/// What each of so many open streams takes.
pub(super) async fn memory(streams: usize, in_worker: bool) -> Outcome {
    let pool = RepeatPool::new();
    let first = pool.create_stream().await?;
    let worker = pool.acquire().ok_or("there is no worker")?.pid();
    let process = if in_worker { worker } else { std::process::id() };
    let before = resident_share(process)?;
    let mut open = Vec::with_capacity(streams);
    for _ in 0..streams {
        open.push(pool.create_stream().await?);
    }
    let taken = resident_share(process)?.saturating_sub(before);
    drop((first, open));
    Ok(taken as f64 / streams as f64)
}
