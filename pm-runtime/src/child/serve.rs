//! Running queries: on threads, or on an executor.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use smol::future::FutureExt;
use smol::{Async, LocalExecutor};

use super::entries::{Entry, Reply, Running, Serve};
use super::inbox::{Inbox, Job, Outcome};
use super::panics;
use crate::transport::socket::Wait;

/// Starts the threads that run an entry's queries. The last one to be set up says that the
/// worker is ready.
pub(super) fn start(inbox: &Arc<Inbox>, entry: &Entry) -> std::io::Result<()> {
    match entry.serve {
        Serve::Blocking(run) => {
            for index in 1..=inbox.concurrency {
                thread(inbox, index, move |inbox| {
                    if index == inbox.concurrency {
                        inbox.tell_ready();
                    }
                    serve_blocking(&inbox, run);
                })?;
            }
        }
        Serve::Async(run) => thread(inbox, 1, move |inbox| serve_async(&inbox, run))?,
    }
    Ok(())
}

/// A thread for the application's code, with as much stack as a main thread would have.
fn thread(
    inbox: &Arc<Inbox>,
    index: usize,
    run: impl FnOnce(Arc<Inbox>) + Send + 'static,
) -> std::io::Result<()> {
    const USUAL: u64 = 8 << 20;
    let limit = rustix::process::getrlimit(rustix::process::Resource::Stack).current;
    let stack = limit.unwrap_or(USUAL).clamp(1 << 20, 1 << 30) as usize;
    std::thread::Builder::new()
        .name(format!("{} {index}", inbox.pool))
        .stack_size(stack)
        .spawn({
            let inbox = inbox.clone();
            move || {
                let _vital = Vital(&inbox);
                run(inbox.clone());
            }
        })
        .map(drop)
}

/// A thread without which a worker is of no use, and must not go on as if it were.
struct Vital<'a>(&'a Inbox);

impl Drop for Vital<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.give_up();
        }
    }
}

fn serve_blocking(inbox: &Inbox, run: fn(&[u8]) -> Reply) {
    let mut ended = None;
    loop {
        let Some(Job { id, request }) = inbox.turn(ended.take()) else {
            match inbox.wait() {
                true => continue,
                false => return inbox.leave(),
            }
        };
        if inbox.inject_during() {
            hang();
        }
        let outcome = match catch_unwind(|| run(&request)) {
            Ok(reply) => outcome(reply),
            Err(payload) => Outcome::Panicked(panics::caught(payload)),
        };
        ended = Some((id, outcome));
    }
}

fn serve_async(inbox: &Arc<Inbox>, run: fn(Vec<u8>) -> Running) {
    let executor = LocalExecutor::new();
    // What readiness means is all that is wanted of it; reads and writes say for themselves
    // whether they wait.
    let data = match inbox.data().try_clone_to_owned().and_then(Async::new_nonblocking) {
        Ok(data) => data,
        Err(error) => return inbox.tell_refused(&error),
    };
    let (over, ended) = async_channel::unbounded();
    smol::block_on(executor.run(async {
        inbox.tell_ready();
        let mut tasks = HashMap::new();
        while !inbox.is_over() {
            while let Ok(id) = ended.try_recv() {
                tasks.remove(&id);
            }
            for Job { id, request } in inbox.begin_all() {
                let query = run_async(inbox.clone(), run, id, request, over.clone());
                tasks.insert(id, executor.spawn(query));
            }
            for id in inbox.take_drops() {
                if let Some(task) = tasks.remove(&id)
                    && task.cancel().await.is_none()
                {
                    inbox.end(id, Outcome::Dropped);
                }
            }
            let readable = async {
                // An error shows at the next read.
                let _ = data.readable().await;
            };
            readable.or(inbox.notified()).await;
            inbox.pull(Wait::No);
        }
    }));
    inbox.leave();
}

/// One query of many on an executor; says when it is over.
async fn run_async(
    inbox: Arc<Inbox>,
    run: fn(Vec<u8>) -> Running,
    id: u64,
    request: Vec<u8>,
    over: async_channel::Sender<u64>,
) {
    if inbox.inject_during() {
        hang();
    }
    // The call itself is inside, as it may panic before there is a future.
    let query = AssertUnwindSafe(async move { run(request).await });
    let outcome = match query.catch_unwind().await {
        Ok(reply) => outcome(reply),
        Err(payload) => Outcome::Panicked(panics::caught(payload)),
    };
    // It fails only where the worker is over, too.
    let _ = over.try_send(id);
    inbox.end(id, outcome);
}

fn outcome(reply: Reply) -> Outcome {
    match reply.0 {
        Ok(answer) => Outcome::Answer(answer),
        Err(refusal) => Outcome::Refused(refusal),
    }
}

/// What a fault asks for: never to end.
fn hang() -> ! {
    loop {
        std::thread::park();
    }
}
