//! Workers that send back what comes.

use pm_runtime::{Outbox, OutboxClosed, RawLink, StreamWorker, worker_raw, worker_stream};

#[worker_stream(workers = 1)]
#[derive(Debug, Default)]
pub struct Echo;

impl StreamWorker for Echo {
    type Input = u32;
    type Output = u32;
    type Error = OutboxClosed;

    async fn write(&mut self, input: u32, out: &Outbox<u32>) -> Result<(), OutboxClosed> {
        out.send(input).await
    }
}

#[worker_raw(workers = 1)]
pub async fn raw_echo(link: RawLink) -> std::io::Result<()> {
    while let Some(message) = link.recv().await? {
        link.send(&message).await?;
    }
    Ok(())
}
