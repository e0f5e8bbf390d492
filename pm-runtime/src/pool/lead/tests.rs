//! The lead where calls end in other ways than most, and where nobody polls all of them.

use std::ops::Deref;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Barrier, Mutex};
use std::task::{Context, Wake, Waker};

use smol::stream::Stream;

use super::*;
use crate::child::entries::{Entry, Reply, Serve, Setup};
use crate::child::raw::{RawChannel, RawLink, RawReturn, Return};
use crate::error::QueryError;
use crate::options::{Options, Window};
use crate::pool::{Call, Map, Pool};
use crate::wire::bulk::Parcel;

static BUSY: Mutex<()> = Mutex::new(());
static BOOTING: Mutex<()> = Mutex::new(());

fn wait(_: &mut Parcel) -> Reply {
    drop(lock(&BUSY));
    Reply(Ok(nothing()))
}

fn fail() -> Setup<()> {
    Box::pin(async { Err("no".into()) })
}

fn boot() -> Setup<()> {
    Box::pin(async {
        drop(lock(&BOOTING));
        Ok(())
    })
}

fn nothing() -> Parcel {
    Parcel::default()
}

#[derive(Clone)]
struct Waits(Pool);

impl Deref for Waits {
    type Target = Pool;

    fn deref(&self) -> &Pool {
        &self.0
    }
}

impl Waits {
    /// One worker, a thread.
    fn new(serve: Serve) -> Self {
        let (title, signature) = ("wait", "fn wait()");
        let name = || "wait";
        let entry = Entry { name, title, signature, place: (file!(), line!()), serve };
        // Each message that is read makes room.
        let window = Window { messages: 2, bytes: 1 << 10 };
        let options =
            Options { in_process: true, workers: Some(1.into()), window, ..Options::default() };
        Self(Pool::new(Shared::new(title.into(), entry, options)))
    }

    fn call(&self) -> Call<()> {
        Call::new(self.handles.clone(), Ok(nothing()), |_| Ok(()), None)
    }

    fn shared(&self) -> &Arc<Shared> {
        self.handles.shared()
    }

    fn last(&self) -> Option<Arc<Ticket>> {
        let state = lock(&self.shared().state);
        state.core.payload(state.lead.last?).cloned()
    }
}

#[test]
fn a_pool_keeps_nothing_of_a_call_that_failed() {
    let pool = Waits::new(Serve::blocking(wait).after(fail));
    let failed = pool.call().temporary().wait();
    assert!(matches!(failed, Err(QueryError::Boot(_))), "{failed:?}");
    assert!(pool.last().is_none());
}

#[test]
fn whichever_call_of_a_map_leads_looks() {
    let pool = Waits::new(Serve::blocking(wait));
    let busy = lock(&BUSY);
    let mut map = Map::new(&pool, [(), ()], |pool, ()| pool.call());
    let cx = &mut Context::from_waker(Waker::noop());
    assert!(Pin::new(&mut map).poll_next(cx).is_pending());
    let second = pool.last();
    assert!(second.is_some());
    pool.shared().leader.set(second.as_deref());
    assert!(Pin::new(&mut map).poll_next(cx).is_pending());
    // It has looked, and nothing came.
    assert!(!pool.shared().leader.is_there());
    drop(busy);
}

struct Tell(Sender<()>);

impl Wake for Tell {
    fn wake(self: Arc<Self>) {
        // It fails only where the test is over.
        let _ = self.0.send(());
    }
}

#[test]
fn a_call_that_waited_for_its_worker_looks_for_answers_when_that_is_ready() {
    let pool = Waits::new(Serve::blocking(wait).after(boot));
    let (booting, busy) = (lock(&BOOTING), lock(&BUSY));
    let (tell, told) = channel();
    let waker = Waker::from(Arc::new(Tell(tell)));
    let cx = &mut Context::from_waker(&waker);
    let mut call = pool.call();
    for _ in 0..2 {
        assert!(Pin::new(&mut call).poll(cx).is_pending());
    }
    // It has looked, and there was nobody to look at.
    assert!(!pool.shared().leader.is_there());
    while told.try_recv().is_ok() {}
    drop(booting);
    told.recv().unwrap();
    assert!(call.leads());
    drop(busy);
}

static ASKED: Barrier = Barrier::new(2);
static READ: Barrier = Barrier::new(2);
static ANSWERS: Barrier = Barrier::new(2);

fn answer(channel: RawChannel) -> Return {
    let link: RawLink = RawLink::new(channel);
    ASKED.wait();
    let read = link.recv_blocking().map(drop);
    READ.wait();
    ANSWERS.wait();
    read.and_then(|()| link.send_blocking(b"yes")).into_return()
}

/// Notes that somebody is to be polled again.
#[derive(Default)]
struct Again(AtomicBool);

impl Wake for Again {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn who_finds_no_message_but_room_for_one_does_not_keep_the_lead() {
    let pool = Waits::new(Serve::raw(answer));
    let worker = smol::block_on(pool.spawn_one()).unwrap();
    smol::block_on(worker.send(b"well?")).unwrap();
    let is_led = || pool.shared().look(|state| state.worker(1).is_some_and(|seat| seat.is_led()));
    let again = Arc::new(Again::default());
    let waker = Waker::from(again.clone());
    let cx = &mut Context::from_waker(&waker);
    let mut answer = Box::pin(worker.recv());
    // Others have their turn before it looks.
    assert!(answer.as_mut().poll(cx).is_pending());
    assert!(is_led() && again.0.swap(false, Ordering::Relaxed));
    ASKED.wait();
    READ.wait();
    // The worker has read the message, and says that it did.
    while {
        assert!(answer.as_mut().poll(cx).is_pending());
        again.0.swap(false, Ordering::Relaxed)
    } {}
    assert!(!is_led(), "nobody would hear the answer before the clock asks");
    ANSWERS.wait();
    assert_eq!(smol::block_on(answer).unwrap().as_deref(), Some(&b"yes"[..]));
}
