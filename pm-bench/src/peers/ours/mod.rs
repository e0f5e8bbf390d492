//! This project.

mod life;
mod raw;
mod rest;
mod streams;

use std::future::Future;
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::iter;
use pm_runtime::QueryError;

use super::{Outcome, Peer};
use crate::memory::idle_worker_share;
use crate::queries::{
    AddAsyncPool, AddPool, EchoPool, LendPool, ParrotPool, RepeatPool, VictimPool, WorkPool,
};
use crate::slice::{Slice, median_of};
use crate::workload::{Workload, micros};

/// What drives the callers.
enum Executor {
    Smol,
    Tokio(tokio::runtime::Runtime),
}

impl Executor {
    fn run<F: Future>(&self, future: F) -> F::Output {
        match self {
            Self::Smol => smol::block_on(future),
            Self::Tokio(runtime) => runtime.block_on(future),
        }
    }
}

pub(super) struct Ours {
    executor: Executor,
    add: AddPool,
    /// How many workers the pool has that was built last for a crowd or for tasks.
    crowd: Option<(usize, AddPool)>,
    work: WorkPool,
    echo: EchoPool,
    lend: LendPool,
    victim: VictimPool,
    add_async: AddAsyncPool,
    repeat: RepeatPool,
    parrot: ParrotPool,
}

impl Ours {
    pub(super) fn on_smol() -> Self {
        Self::on(Executor::Smol)
    }

    pub(super) fn on_tokio() -> std::io::Result<Self> {
        Ok(Self::on(Executor::Tokio(tokio::runtime::Runtime::new()?)))
    }

    fn on(executor: Executor) -> Self {
        Self {
            executor,
            add: AddPool::new(),
            crowd: None,
            work: WorkPool::new(),
            echo: EchoPool::new(),
            lend: LendPool::new(),
            victim: VictimPool::new(),
            add_async: AddAsyncPool::new(),
            repeat: RepeatPool::new(),
            parrot: ParrotPool::new(),
        }
    }

    async fn alone(&self, time: Duration) -> Outcome {
        let mut slice = Slice::new(time);
        while slice.goes_on() {
            self.add.query(1, 2).await?;
        }
        Ok(slice.each())
    }

    fn paused(&self, pause: Duration, time: Duration) -> Outcome {
        median_of(time, || {
            sleep(pause);
            let start = Instant::now();
            self.executor.run(async { self.add.query(1, 2).await })?;
            Ok(start.elapsed())
        })
    }

    fn work(&self, load: u64, time: Duration) -> Outcome {
        median_of(time, || {
            let start = Instant::now();
            let computed = self.executor.run(async { self.work.query(load).await })?;
            Ok(start.elapsed().saturating_sub(Duration::from_nanos(computed)))
        })
    }

    async fn echo(&self, bytes: usize, time: Duration) -> Outcome {
        let mut sent = vec![1; bytes];
        let mut slice = Slice::new(time);
        while slice.goes_on() {
            sent = self.echo.query(sent).await?;
        }
        Ok(slice.rate() * (2 * bytes) as f64)
    }

    async fn lend(&self, bytes: usize, time: Duration) -> Outcome {
        let lent = vec![1; bytes];
        let mut slice = Slice::new(time);
        while slice.goes_on() {
            self.lend.query(&lent).await?;
        }
        Ok(slice.rate() * bytes as f64)
    }

    fn crowd(&mut self, workers: usize) -> Result<AddPool, Box<dyn std::error::Error>> {
        if let Some((size, pool)) = &self.crowd
            && *size == workers
        {
            return Ok(pool.clone());
        }
        let pool = AddPool::builder().workers(workers).build();
        self.executor.run(async { pool.spawn(workers).await })?;
        self.crowd = Some((workers, pool.clone()));
        Ok(pool)
    }
}

async fn flight(pool: &AddPool, calls: usize, time: Duration) -> Outcome {
    let mut slice = Slice::new(time);
    let queries = std::iter::from_fn(|| slice.goes_on().then(|| pool.query(1, 2)));
    let mut answers = iter(queries).buffer_unordered(calls);
    while let Some(answer) = answers.next().await {
        answer?;
    }
    drop(answers);
    Ok(slice.rate())
}

/// Tasks of an executor that two threads run, each with one query after the other.
fn tasks(pool: &AddPool, tasks: usize, time: Duration) -> Outcome {
    let executor = smol::Executor::new();
    let start = Instant::now();
    let done = scope(|scope| {
        let (end, ended) = smol::channel::bounded::<()>(1);
        for _ in 0..2 {
            let (executor, ended) = (&executor, ended.clone());
            scope.spawn(move || smol::block_on(executor.run(ended.recv())));
        }
        let tasks: Vec<_> = (0..tasks)
            .map(|_| {
                executor.spawn(async move {
                    let mut done = 0_u64;
                    while start.elapsed() < time {
                        pool.query(1, 2).await?;
                        done += 1;
                    }
                    Ok::<_, QueryError>(done)
                })
            })
            .collect();
        let done = smol::block_on(async {
            let mut done = 0;
            for task in tasks {
                done += task.await?;
            }
            Ok::<_, QueryError>(done)
        });
        drop(end);
        done
    })?;
    Ok(done as f64 / start.elapsed().as_secs_f64())
}

impl Peer for Ours {
    fn measure(&mut self, workload: Workload, time: Duration) -> Outcome {
        match workload {
            Workload::Alone => self.executor.run(self.alone(time)),
            Workload::Paused { micros: pause } => self.paused(micros(pause), time),
            Workload::Work { micros } => self.work(micros, time),
            Workload::Flight { calls } => self.executor.run(flight(&self.add, calls, time)),
            Workload::Crowd { workers, calls } => {
                let pool = self.crowd(workers)?;
                self.executor.run(flight(&pool, calls, time))
            }
            Workload::Tasks { workers, tasks: many } => tasks(&self.crowd(workers)?, many, time),
            Workload::Echo { bytes } => self.executor.run(self.echo(bytes, time)),
            Workload::Lend { bytes } => self.executor.run(self.lend(bytes, time)),
            Workload::Streams { workers, streams } => streams::echo(workers, streams, time),
            Workload::RawAlone => self.executor.run(raw::alone(&self.parrot, time)),
            Workload::RawStream => self.executor.run(raw::stream(&self.parrot, time)),
            Workload::Spread { workers, own_sockets } => {
                self.executor.run(raw::spread(workers, own_sockets))
            }
            Workload::OpenStream => self.executor.run(streams::open(&self.repeat, time)),
            Workload::AsyncQuery => self.executor.run(streams::query(&self.add_async, time)),
            Workload::OpenStreams { streams, in_worker } => {
                self.executor.run(streams::memory(streams, in_worker))
            }
            Workload::Spawn => self.executor.run(life::spawn(time)),
            Workload::Killed => self.executor.run(life::killed(&self.victim, time, false)),
            Workload::Replaced => self.executor.run(life::killed(&self.victim, time, true)),
            Workload::Crash { resident, dump } => {
                self.executor.run(life::crash(resident, dump, time))
            }
            Workload::AfterLeak => self.executor.run(rest::after_leak(&self.add, time)),
            Workload::Waiting { calls } => self.executor.run(rest::waiting(calls)),
            Workload::Idle => Ok(idle_worker_share("idle")? as f64),
            Workload::WakeUps { seconds } => {
                self.executor.run(rest::wake_ups(&self.add, Duration::from_secs(seconds)))
            }
        }
    }
}
