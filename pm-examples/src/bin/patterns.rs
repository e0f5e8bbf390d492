//! The three kinds of workers: a query for work without a state, a stream for data that comes as time
//! goes by, and a raw worker for a protocol of one's own.

use pm_runtime::{Error, Outbox, OutboxClosed, RawError, RawLink, StreamWorker};
use pm_runtime::{worker_query, worker_raw, worker_stream};

/// A query: called like a function.
#[worker_query]
fn mean_level(levels: &[u32]) -> u32 {
    levels.iter().sum::<u32>() / levels.len().max(1) as u32
}

/// A stream: has a state, and answers as often as it likes.
#[worker_stream]
#[derive(Default)]
struct Steps {
    walked: u32,
}

impl StreamWorker for Steps {
    type Input = u32;
    type Output = String;
    type Error = OutboxClosed;

    async fn write(&mut self, steps: u32, out: &Outbox<String>) -> Result<(), OutboxClosed> {
        self.walked += steps;
        while self.walked >= 100 {
            self.walked -= 100;
            out.send("an egg has hatched".into()).await?;
        }
        Ok(())
    }
}

/// A raw worker: a function that reads and writes what it wants, when it wants.
#[worker_raw(workers = 1)]
async fn controller(link: RawLink) -> Result<(), RawError> {
    link.send("ready").await?;
    while let Some(command) = link.recv().await? {
        link.send(&command.to_ascii_uppercase()).await?;
    }
    Ok(())
}

#[pm_runtime::main]
async fn main() -> Result<(), Error> {
    println!("query: {}", MeanLevelPool::new().query(&[25, 30, 35]).await?);

    let mut steps = StepsPool::new().create_stream().await?;
    for walked in [60, 30, 120] {
        steps.send(walked).await?;
    }
    steps.finish().await?;
    while let Some(hatched) = steps.next().await {
        println!("stream: {}", hatched?);
    }

    let controller = ControllerPool::new();
    let worker = controller.spawn_one().await?;
    worker.send("simulate").await?;
    for _ in 0..2 {
        let reply = worker.recv().await?.unwrap_or_default();
        println!("raw: {}", String::from_utf8_lossy(&reply));
    }
    Ok(())
}
