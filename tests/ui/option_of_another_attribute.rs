use pm_runtime::{Outbox, OutboxClosed, StreamWorker, worker_query, worker_stream};

#[worker_stream(cancel = "kill", window = 0)]
//              ^^^^^^ `cancel` is an option of `#[worker_query]`, and has no meaning for `#[worker_stream]`: remove it
//                                        ^ `window` cannot be zero: write `window = 512`
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
//             ^^^^^^ `window` is an option of `#[worker_stream]` and `#[worker_raw]`, and has no meaning for `#[worker_query]`: remove it
fn query() {}

fn main() {
    let _ = LogPool::new().open(Log);
    let _ = QueryPool::new().query();
}
