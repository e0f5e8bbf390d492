//! Running queries: on threads, or on an executor.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
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
    smol::block_on(executor.run(async {
        inbox.tell_ready();
        let runners = Runners::default();
        while !inbox.is_over() {
            for _ in runners.number.get()..inbox.startable() {
                runners.number.set(runners.number.get() + 1);
                executor.spawn(run_async(inbox.clone(), run, runners.clone())).detach();
            }
            for id in inbox.take_drops() {
                if let Some(drop) = runners.drops.borrow().get(&id) {
                    // A full channel has been told.
                    let _ = drop.try_send(());
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

/// The tasks that run queries beside each other, each one after the other.
#[derive(Clone, Default)]
struct Runners {
    number: Rc<Cell<usize>>,
    /// What tells a running query's task to drop it.
    drops: Rc<RefCell<HashMap<u64, async_channel::Sender<()>>>>,
}

/// Begins and runs queries as long as there are any. A query begins where it is first polled:
/// when one blocks the executor, those behind it have not begun.
async fn run_async(inbox: Arc<Inbox>, run: fn(Vec<u8>) -> Running, runners: Runners) {
    let mut ended = None;
    while let Some(Job { id, request }) = inbox.turn(ended.take()) {
        if inbox.inject_during() {
            hang();
        }
        let (drop, dropped) = async_channel::bounded(1);
        runners.drops.borrow_mut().insert(id, drop);
        // The call itself is inside, as it may panic before there is a future.
        let query = AssertUnwindSafe(async move { run(request).await });
        let query = async {
            match query.catch_unwind().await {
                Ok(reply) => outcome(reply),
                Err(payload) => Outcome::Panicked(panics::caught(payload)),
            }
        };
        let dropped = async {
            // It fails only where nobody could drop it any more.
            let _ = dropped.recv().await;
            Outcome::Dropped
        };
        ended = Some((id, query.or(dropped).await));
        runners.drops.borrow_mut().remove(&id);
    }
    runners.number.set(runners.number.get() - 1);
    // What came since may have found too many runners to start another.
    inbox.wake_executor();
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
