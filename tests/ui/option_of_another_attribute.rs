use pm_runtime::{Outbox, OutboxClosed, StreamWorker, worker_query, worker_stream};

#[worker_stream(cancel = "kill", window = 0)]
struct Log;

impl StreamWorker for Log {
    type Input = ();
    type Output = ();
    type Error = OutboxClosed;

    async fn write(&mut self, _: (), _: &Outbox<()>) -> Result<(), OutboxClosed> {
        Ok(())
    }
}

#[worker_query(window = 3)]
fn query() {}

fn main() {
    let _ = LogPool::new().open(Log);
    let _ = QueryPool::new().query();
}
