//! Running queries: on threads, or on an executor.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustix::process::{Resource, getrlimit};
use smol::LocalExecutor;
use smol::future::FutureExt;

use super::current::Query;
use super::driver::{Driver, Serving};
use super::entries::{Code, Reply, Running, Serve};
use super::inbox::{Home, Inbox};
use super::job::{Ended, Job, Outcome};
use super::{current, driver, panics, raw, records, setup, stream};
use crate::conduct::Conduct;
use crate::options::Runtime;
use crate::process::{bare, isolate};
use crate::sync::shielded;
use crate::transport::socket::Wait;
use crate::wire::bulk::Parcel;

/// Stacks for the application's code.
const USUAL_STACK: u64 = 8 << 20;
const SMALLEST_STACK: u64 = 1 << 20;

/// As much stack as a main thread may have.
fn stack_limit() -> u64 {
    getrlimit(Resource::Stack).current.unwrap_or(USUAL_STACK)
}

/// Whether this thread may run the code of the application: it is the main one, with stack enough,
/// and no executor runs it.
pub(super) fn is_fit() -> bool {
    rustix::thread::gettid() == rustix::process::getpid()
        && stack_limit() >= SMALLEST_STACK
        && !driver::is_driven()
}

/// Serves on this thread, the main one of its process, beside a thread that watches the link.
///
/// What a worker is started for waits for it: that its pool hears that it is ready, and hands the
/// first query over, takes about as long as to have the other thread.
pub(super) fn serve_here(inbox: &Arc<Inbox>) -> ! {
    let _vital = Vital(inbox);
    let told = needs_no_setting_up(inbox);
    if told {
        inbox.tell_ready();
    }
    let watched = inbox.clone();
    match bare::spawn(move || watched.watch()) {
        // Not before: none of the application's code may run where the pool's end goes unnoticed.
        Ok(()) => serve(inbox),
        // The pool hears of the panic, and the process ends.
        Err(error) if told => panic!("its link cannot be watched: {error}"),
        Err(error) => inbox.tell_refused(&error),
    }
    isolate::die_with_group()
}

/// Starts the thread that sets the worker up, and serves.
pub(super) fn start(inbox: &Arc<Inbox>) -> std::io::Result<()> {
    thread(inbox, 1, serve)?;
    if needs_no_setting_up(inbox) {
        // The pool hears it, and hands over the first query, while the thread comes up.
        inbox.tell_ready();
    }
    Ok(())
}

/// Whether a worker can serve as soon as it has its one thread: nothing can fail any more.
fn needs_no_setting_up(inbox: &Inbox) -> bool {
    let Serve { code, init, .. } = &inbox.serve;
    matches!(code, Code::Blocking(_))
        && init.is_none()
        && inbox.concurrency == 1
        && matches!(inbox.runtime, Ok(Runtime::Smol))
}

/// A thread for the application's code, with as much stack as a main thread would have.
fn thread(
    inbox: &Arc<Inbox>,
    index: usize,
    run: impl FnOnce(&Arc<Inbox>) + Send + 'static,
) -> std::io::Result<()> {
    let stack = stack_limit().clamp(SMALLEST_STACK, 1 << 30) as usize;
    std::thread::Builder::new()
        .name(format!("{} {index}", inbox.pool))
        .stack_size(stack)
        .spawn({
            let inbox = inbox.clone();
            move || {
                let _vital = Vital(&inbox);
                if inbox.home == Home::Thread {
                    current::adopt_thread(&inbox);
                }
                run(&inbox);
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

/// Finds out what drives the worker's async code, and serves there.
fn serve(inbox: &Arc<Inbox>) {
    let runtime = match &inbox.runtime {
        Ok(runtime) => *runtime,
        Err(error) => return inbox.tell_failed(error.clone()),
    };
    let serving = if inbox.serve.blocks() { Serving::Blocking } else { Serving::Async };
    match Driver::new(runtime, serving, &inbox.pool) {
        Ok(driver) => {
            let served = driver.context().inside(|| serve_on(inbox, &driver));
            // What was started beside the queries may be dropped here, and panic.
            shielded(|| driver.end());
            if served.is_some() {
                inbox.leave();
            }
        }
        Err(error) => inbox.tell_refused(&error),
    }
}

/// The state of a service never leaves this thread, so that it need not be `Send`. It is dropped
/// before the worker ends: that may take as long as the pool's grace, and nobody hears of a panic
/// in it.
///
/// `None`: it never came to serve, and the pool knows.
fn serve_on(inbox: &Arc<Inbox>, driver: &Driver) -> Option<()> {
    if let Some(init) = inbox.serve.init {
        setup::finish(inbox, driver, init)?;
    }
    match inbox.serve.code {
        Code::Blocking(run) => {
            for index in 2..=inbox.concurrency {
                let context = driver.context();
                let another = thread(inbox, index, move |inbox| {
                    context.inside(|| serve_blocking(inbox, run));
                    inbox.leave();
                });
                if let Err(error) = another {
                    inbox.tell_refused(&error);
                    return None;
                }
            }
            if !needs_no_setting_up(inbox) {
                inbox.tell_ready();
            }
            serve_blocking(inbox, run);
        }
        Code::Async(run) => serve_async(inbox, driver, run)?,
        Code::Stream(run) => stream::serve(inbox, driver, run)?,
        Code::Raw(run) => raw::serve(inbox, driver, run)?,
        Code::Service(_, set_up) => {
            let mut service = setup::finish(inbox, driver, set_up)?;
            inbox.tell_ready();
            serve_blocking(inbox, &mut service);
            shielded(|| drop(service));
        }
        Code::AsyncService(_, set_up) => {
            let service = setup::finish(inbox, driver, set_up)?;
            serve_async(inbox, driver, service)?;
        }
    }
    Some(())
}

fn serve_blocking(inbox: &Inbox, mut run: impl FnMut(&mut Parcel) -> Reply) {
    let mut ended = None;
    loop {
        let Some(mut job) = inbox.turn(ended.take()) else {
            match inbox.wait() {
                true => continue,
                false => return inbox.leave_if_orphaned(),
            }
        };
        if inbox.inject_during() {
            hang();
        }
        let query = job.begin();
        let entered = current::enter(query);
        // What a panic leaves behind is either nobody's, or never used again.
        let outcome = match catch_unwind(AssertUnwindSafe(|| run(&mut job.request))) {
            Ok(reply) => outcome(reply),
            Err(payload) => Outcome::Panicked(panics::caught(payload)),
        };
        drop(entered);
        let untold = records::ended(query);
        ended = Some(Ended { id: job.id, outcome, untold });
    }
}

fn serve_async(
    inbox: &Arc<Inbox>,
    driver: &Driver,
    run: impl Fn(Parcel) -> Running + 'static,
) -> Option<()> {
    let run = Rc::new(run);
    let executor = LocalExecutor::new();
    let data = match inbox.data().try_clone_to_owned().and_then(|data| driver.watch(data)) {
        Ok(data) => data,
        Err(error) => {
            inbox.tell_refused(&error);
            return None;
        }
    };
    driver.block_on(executor.run(async {
        inbox.tell_ready();
        let runners = Runners::default();
        loop {
            if let Some(memory) = &inbox.memory {
                memory.sleep_on_socket();
            }
            for _ in runners.number.get()..inbox.startable() {
                runners.number.set(runners.number.get() + 1);
                executor.spawn(run_async(inbox.clone(), run.clone(), runners.clone())).detach();
            }
            // Not before what was taken back is passed.
            if inbox.is_over() {
                break;
            }
            for id in inbox.take_drops() {
                if let Some(drop) = runners.drops.borrow().get(&id) {
                    // A full channel has been told.
                    let _ = drop.try_send(());
                }
            }
            data.wait().or(inbox.notified()).await;
            inbox.pull(Wait::No);
        }
    }));
    inbox.leave_if_orphaned();
    // In this order: what still runs has borrowed the state.
    shielded(|| drop((executor, run)));
    Some(())
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
async fn run_async(inbox: Arc<Inbox>, run: Rc<impl Fn(Parcel) -> Running>, runners: Runners) {
    let mut ended = None;
    while let Some(job) = inbox.turn(ended.take()) {
        if inbox.memory.is_some() {
            inbox.wake_executor();
        }
        let begun = job.begin();
        let Job { id, request, terms, .. } = job;
        if inbox.inject_during() {
            hang();
        }
        // The call itself is inside, as it may panic before there is a future.
        let start = Some(|| run(request));
        let query = AssertUnwindSafe(Within { query: begun, start, running: None });
        let query = async {
            match query.catch_unwind().await {
                Ok(reply) => outcome(reply),
                Err(payload) => Outcome::Panicked(panics::caught(payload)),
            }
        };
        let outcome = match terms.conduct {
            Conduct::Async => {
                let (drop, dropped) = async_channel::bounded(1);
                runners.drops.borrow_mut().insert(id, drop);
                let dropped = async {
                    // It fails only where nobody could drop it any more.
                    let _ = dropped.recv().await;
                    Outcome::Dropped
                };
                query.or(dropped).await
            }
            Conduct::Blocking | Conduct::Exclusive => query.await,
        };
        runners.drops.borrow_mut().remove(&id);
        let untold = records::ended(begun);
        ended = Some(Ended { id, outcome, untold });
        if terms.is_alone() {
            // What waited for its end may begin, on more runners than this one.
            inbox.wake_executor();
        }
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

/// The code of a query, told apart from that of others on its thread, its drop included.
struct Within<S> {
    query: Query,
    /// Calls the function; `None`: it was called.
    start: Option<S>,
    running: Option<Running>,
}

impl<S: FnOnce() -> Running + Unpin> Future for Within<S> {
    type Output = Reply;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Reply> {
        let within = &mut *self;
        let _entered = current::enter(within.query);
        if let Some(start) = within.start.take() {
            within.running = Some(start());
        }
        // A call that panicked left no future, and nobody polls it again.
        let running = within.running.as_mut();
        let reply = running.map_or(Poll::Pending, |running| running.as_mut().poll(cx));
        // It may have moved its deadline.
        within.query = current::query().unwrap_or(within.query);
        reply
    }
}

impl<S> Drop for Within<S> {
    fn drop(&mut self) {
        let _entered = current::enter(self.query);
        // Whoever drops it still has to tell that, and to run others.
        shielded(|| self.running = None);
    }
}

/// What a fault asks for: never to end.
pub(super) fn hang() -> ! {
    loop {
        std::thread::park();
    }
}
