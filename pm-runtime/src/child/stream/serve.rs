//! The thread that runs all streams of a worker.

use std::cell::Cell;
use std::future::{Future, poll_fn, ready};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use smol::LocalExecutor;
use smol::future::FutureExt;

use super::outbox::Outlet;
use super::run::{Life, RunStream};
use crate::child::current::{self, Query};
use crate::child::driver::Driver;
use crate::child::inbox::Inbox;
use crate::child::job::{Job, Outcome};
use crate::child::panics;
use crate::child::records;
use crate::child::serve::hang;
use crate::error::{PanicNote, QueryError};
use crate::stream::{Carrier, Channel, Wakes};
use crate::sync::shielded;
use crate::transport::socket::Wait;
use crate::wire::codec;
use crate::wire::message::{Refusal, from_worker};

/// Streams have so many turns between looks at what has come.
const TURNS: usize = 256;

/// Runs streams until the worker is to end. `None`: it never came to that, and the pool knows.
pub(in crate::child) fn serve(inbox: &Arc<Inbox>, driver: &Driver, run: RunStream) -> Option<()> {
    // A worker of such a pool was told of its window.
    let streams = inbox.streams.as_ref()?;
    let executor = Rc::new(LocalExecutor::new());
    let data = match inbox.data().try_clone_to_owned().and_then(|data| driver.watch(data)) {
        Ok(data) => data,
        Err(error) => {
            inbox.tell_refused(&error);
            return None;
        }
    };
    // Nobody else has one to set.
    let _ = streams.home.set(std::thread::current().id());
    let openers = Rc::new(Cell::new(0));
    driver.block_on(async {
        inbox.tell_ready();
        loop {
            // What runs from here on is shown at the end of the round.
            streams.shown_soon.store(true, Ordering::SeqCst);
            let mut busy = inbox.read_streams(streams);
            if inbox.memory.is_none() {
                busy |= inbox.pull(Wait::No);
            }
            for _ in openers.get()..inbox.beginnable() {
                busy = true;
                openers.set(openers.get() + 1);
                let begin =
                    begin_one(inbox.clone(), run, openers.clone(), Rc::downgrade(&executor));
                executor.spawn(begin).detach();
            }
            for id in inbox.take_drops() {
                busy = true;
                streams.destroy(id);
            }
            let mut turns = 0;
            while turns < TURNS && executor.try_tick() {
                turns += 1;
            }
            inbox.show_streams(streams);
            // A link that has ended has something to read for ever.
            if inbox.is_orphaned() {
                break;
            }
            if busy || turns > 0 {
                // Timers and sockets have their turn, too.
                smol::future::yield_now().await;
                continue;
            }
            if streams.hub.len() == 0 && inbox.is_over() {
                break;
            }
            let luck = &inbox.luck;
            if luck.is_good() && luck.look(|| inbox.has_stream_news(streams)) {
                continue;
            }
            if let Some(memory) = &inbox.memory {
                memory.sleep_on_socket();
            }
            if !inbox.has_stream_news(streams) {
                data.wait().or(inbox.notified()).or(executor.tick()).await;
            }
            inbox.pull(Wait::No);
        }
    });
    inbox.leave_if_orphaned();
    inbox.end_streams(streams);
    shielded(|| drop(executor));
    Some(())
}

/// Begins the next opening where it is first polled: when a stream blocks the thread, those behind it
/// have not begun, and another worker can have them. What only the opening needs is gone with it.
async fn begin_one(
    inbox: Arc<Inbox>,
    run: RunStream,
    openers: Rc<Cell<usize>>,
    executor: Weak<LocalExecutor<'static>>,
) {
    openers.set(openers.get() - 1);
    let Some(job) = inbox.turn(None) else { return };
    let query = job.begin();
    let opened = open_one(inbox, job, query, run).await;
    if let Some((outlet, life)) = opened
        && let Some(executor) = executor.upgrade()
    {
        executor.spawn(live_one(outlet, life, query)).detach();
    } else {
        // Where there are streams, every run is told.
        let _ = records::ended(query);
    }
}

/// `None`: there is no stream, and the pool knows why.
async fn open_one(
    inbox: Arc<Inbox>,
    job: Job,
    query: Query,
    run: RunStream,
) -> Option<(Arc<Outlet>, Life)> {
    let streams = inbox.streams.as_ref()?;
    let Job { id, request, .. } = job;
    let channel = Arc::new(Channel::new(streams.window, inbox.max_frame));
    channel.hold_end();
    channel.attach(id, inbox.clone());
    streams.hub.enter(id, channel.clone());
    if inbox.inject_during() {
        hang();
    }
    // Held until it is clear how the stream ends: the last to hold it says that all went well.
    let outlet = Arc::new(Outlet { id, channel: channel.clone(), inbox: inbox.clone() });
    let opening = {
        let outlet = outlet.clone();
        move || run(request, outlet)
    };
    // First: what a stream does when its outbox is closed under it is no answer.
    let dropped = async {
        destroyed(&channel).await;
        // One that has closed itself was open, if only for its outputs.
        let over: Life = Box::pin(ready(Ok(())));
        Ok(if channel.is_destroyed() { Err(Outcome::Dropped) } else { Ok(over) })
    };
    let outcome = match dropped.or(guarded(query, opening)).await {
        Ok(Ok(life)) => {
            inbox.tell_outcome(id, Outcome::Opened);
            channel.let_end();
            inbox.clone().flush();
            channel.wake_senders();
            return Some((outlet, life));
        }
        Ok(Err(outcome)) => outcome,
        Err(note) => Outcome::Panicked(note),
    };
    // Whoever has an outbox learns that there is no stream.
    let mut wakes = Wakes::default();
    channel.end(Err(QueryError::Cancelled), &mut wakes);
    wakes.wake();
    drop(streams.hub.leave(id));
    inbox.tell_outcome(id, outcome);
    None
}

async fn live_one(outlet: Arc<Outlet>, life: Life, query: Query) {
    // It has no timeout once it is open.
    let query = Query { deadline: None, ..query };
    let dropped = async {
        destroyed(&outlet.channel).await;
        Ok(Ok(()))
    };
    let (kind, bytes) = last_word(dropped.or(guarded(query, move || life)).await);
    // Of a stream that nobody wants, and of one that went wrong, this is the end, whoever may have an
    // outbox. Otherwise the last of those says it.
    if kind != from_worker::CLOSED || outlet.channel.is_over() {
        outlet.close(kind, bytes);
    }
    let _ = records::ended(query);
}

fn last_word(ended: Result<Result<(), Refusal>, PanicNote>) -> (u8, Vec<u8>) {
    match ended {
        Ok(Ok(())) => (from_worker::CLOSED, Vec::new()),
        Ok(Err(refusal)) => (from_worker::REFUSED, codec::encode(&refusal).unwrap_or_default()),
        Err(note) => (from_worker::PANICKED, codec::encode(&note).unwrap_or_default()),
    }
}

/// Resolves when nobody wants the stream any more, or it has closed itself.
async fn destroyed(channel: &Channel) {
    poll_fn(|cx| {
        channel.wake_when_over(cx);
        if channel.is_over() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await
}

/// Runs code of the application: `Err` is its panic.
async fn guarded<F: Future + Unpin>(
    query: Query,
    start: impl FnOnce() -> F + Unpin,
) -> Result<F::Output, PanicNote> {
    let inside = Inside { query, start: Some(start), running: None };
    AssertUnwindSafe(inside).catch_unwind().await.map_err(panics::caught)
}

/// The code of a stream, told apart from that of others on its thread, its drop included.
struct Inside<S, F> {
    query: Query,
    start: Option<S>,
    running: Option<F>,
}

impl<F: Future + Unpin, S: FnOnce() -> F + Unpin> Future for Inside<S, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let inside = &mut *self;
        let _entered = current::enter(inside.query);
        if let Some(start) = inside.start.take() {
            inside.running = Some(start());
        }
        inside.running.as_mut().map_or(Poll::Pending, |running| Pin::new(running).poll(cx))
    }
}

impl<S, F> Drop for Inside<S, F> {
    fn drop(&mut self) {
        let _entered = current::enter(self.query);
        // Whoever drops it still has to tell that, and to run others.
        shielded(|| {
            self.start = None;
            self.running = None;
        });
    }
}
