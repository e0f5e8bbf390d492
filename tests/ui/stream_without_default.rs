use pm_runtime::{Outbox, OutboxClosed, StreamWorker, worker_stream};

#[worker_stream]
struct Log {
    path: String,
}

impl StreamWorker for Log {
    type Input = ();
    type Output = ();
    type Error = OutboxClosed;

    async fn write(&mut self, _: (), _: &Outbox<()>) -> Result<(), OutboxClosed> {
        println!("{}", self.path);
        Ok(())
    }
}

fn main() {
    let _ = LogPool::new().create_stream();
//                         ^^^^^^^^^^^^^ the trait bound `Log: Default` is not satisfied
}
