//! Where signals come in: the background thread hears them, and does at once what they lead to.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll};

use futures_core::Stream;

use super::attention::{Attention, ListenerId, Then};
use super::{Signal, shutdown};
use crate::child;
use crate::error::SignalError;
use crate::exec;
#[cfg(feature = "operator")]
use crate::operator;
use crate::pool::undestroyed;
use crate::process::{fork, signals};
use crate::reactor::{Reactor, Source};
use crate::sync::{lock, shielded};
use crate::transport::poll::Interest;

pub(super) struct Hub {
    arrivals: signals::Arrivals,
    /// Those of the signals that nobody handled before.
    ours: Vec<Signal>,
    state: Mutex<State>,
}

struct State {
    attention: Attention<Signal>,
    listeners: BTreeMap<ListenerId, async_channel::Sender<Signal>>,
    /// To the thread that drains the pools.
    drain: Option<SyncSender<Signal>>,
}

/// A call of [`shutdown_signal`](super::shutdown_signal) that waits.
pub(super) struct Listener {
    hub: &'static Hub,
    id: ListenerId,
    /// Boxed, because it must not move while it is waited for.
    told: Pin<Box<async_channel::Receiver<Signal>>>,
}

impl Hub {
    /// The hub of this process; the first call has it hear signals.
    pub(super) fn get() -> io::Result<&'static Self> {
        static HUB: OnceLock<Arc<Hub>> = OnceLock::new();
        static STARTING: Mutex<()> = Mutex::new(());
        // It refuses in a fork, whose locks may be held for ever.
        let reactor = Reactor::get()?;
        let _starting = lock(&STARTING);
        if let Some(hub) = HUB.get() {
            return Ok(hub);
        }
        let mut ours = Vec::new();
        for signal in Signal::ALL {
            if signals::is_default(signal.number())? {
                ours.push(signal);
            }
        }
        let hub = Arc::new(Self {
            arrivals: signals::Arrivals::new()?,
            ours,
            state: Mutex::new(State {
                attention: Attention::new(),
                listeners: BTreeMap::new(),
                drain: None,
            }),
        });
        let token = reactor.add_source(hub.clone());
        // No signal is taken from its default before somebody reads where it arrives.
        let watched = reactor.watch(token, 0, hub.arrivals.pipe(), Interest::Read);
        let heard = watched
            .map_err(io::Error::from)
            .and_then(|()| hub.arrivals.hear(&Signal::ALL.map(Signal::number)));
        if let Err(error) = heard {
            reactor.unwatch(hub.arrivals.pipe());
            reactor.remove_source(token);
            return Err(error);
        }
        Ok(HUB.get_or_init(|| hub))
    }

    pub(super) fn listen(&'static self) -> Listener {
        let (sender, told) = async_channel::bounded(1);
        let mut state = lock(&self.state);
        let (id, kept) = state.attention.listen();
        if let Some(signal) = kept {
            // It has room for one.
            let _ = sender.try_send(signal);
        } else {
            state.listeners.insert(id, sender);
        }
        Listener { hub: self, id, told: Box::pin(told) }
    }

    fn arrive(&self, signal: Signal) {
        let ours = self.ours.contains(&signal);
        let (told, then, drain) = {
            let mut state = lock(&self.state);
            let reaction = state.attention.arrive(signal, ours);
            let mut listeners = std::mem::take(&mut state.listeners);
            let told: Vec<_> = reaction.told.iter().filter_map(|id| listeners.remove(id)).collect();
            state.listeners = listeners;
            (told, reaction.then, state.drain.clone())
        };
        for listener in told {
            // It may wake code of the application.
            shielded(|| {
                // It fails only where nobody listens any more.
                let _ = listener.try_send(signal);
            });
        }
        match then {
            Then::Nothing => {}
            Then::Drain => {
                // It has room for the one that is ever sent.
                let _ = drain.map(|drain| drain.try_send(signal));
            }
            Then::Die => {
                undestroyed().iter().for_each(|pool| pool.kill_workers());
                exec::kill_all();
                #[cfg(feature = "operator")]
                operator::abandon();
                signals::die_of(signal.number());
            }
        }
    }
}

impl Source for Hub {
    fn ready(&self, _: u8, _: bool) {
        for number in self.arrivals.take() {
            if let Some(signal) = Signal::of(number) {
                self.arrive(signal);
            }
        }
    }
}

impl Listener {
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Signal> {
        match self.told.as_mut().poll_next(cx) {
            Poll::Ready(Some(signal)) => {
                lock(&self.hub.state).attention.hear();
                Poll::Ready(signal)
            }
            // The sender is kept until it has sent.
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if fork::is_fork() {
            return;
        }
        let mut state = lock(&self.hub.state);
        let sender = state.listeners.remove(&self.id);
        state.attention.leave(self.id, self.told.try_recv().ok());
        drop(state);
        drop(sender);
    }
}

/// From now on SIGTERM and SIGINT end this process in order: every pool is drained within its own
/// `grace`, as [`shutdown`] does it, and then the signal is raised again with its default
/// action, so that whoever has started the process sees it die of the signal. As the first process
/// of a container, whose default action is none, it exits with 128 and the signal's number. A
/// second signal ends it at once, with every worker. Commands of [`exec`](crate::exec()) that still run
/// then are killed.
///
/// It returns at once, needs no executor, and may be called from any thread and more than once.
/// What the application does meanwhile is its own affair: a `main` that returns ends the process as
/// ever, and with it the workers. Where whoever started the process is to see that it died of the
/// signal, `main` has to wait for that, as by `std::future::pending::<()>().await`.
///
/// Handlers that were there before are called first, as ever; one that is put in its place later
/// takes the signal away from this. A signal that the process was started to ignore is heard from
/// then on. Workers have nothing of all this, nor has a forked child: in a worker nothing happens,
/// because its pool decides when it ends. Futures of [`shutdown_signal`](super::shutdown_signal)
/// are told too, but the process waits for its pools only: the last answers may come too late for
/// their callers to do much with them. An application that has more to do than its workers awaits
/// such a future instead, and ends itself.
///
/// # Errors
///
/// Where the system refuses a descriptor or a thread, and in a forked child.
///
/// ```
/// use pm_runtime::worker_query;
///
/// #[worker_query(workers = 2, grace = "10s")]
/// fn double(n: u32) -> u32 {
///     2 * n
/// }
///
/// #[pm_runtime::main]
/// async fn main() -> Result<(), pm_runtime::Error> {
///     pm_runtime::shutdown_on_signals()?;
///     assert_eq!(DoublePool::new().query(21).await?, 42);
///     Ok(())
/// }
/// ```
pub fn shutdown_on_signals() -> Result<(), SignalError> {
    if child::is_worker_process() {
        return Ok(());
    }
    let hub = Hub::get()?;
    let mut state = lock(&hub.state);
    if state.drain.is_some() {
        return Ok(());
    }
    let (drain, begin) = std::sync::mpsc::sync_channel(1);
    std::thread::Builder::new().name("pm-shutdown".into()).spawn(move || {
        if let Ok(signal) = begin.recv() {
            shielded(|| smol::future::block_on(shutdown()));
            exec::kill_all();
            #[cfg(feature = "operator")]
            operator::abandon();
            signals::die_of(Signal::number(signal));
        }
    })?;
    if let Some(signal) = state.attention.drain_at_first() {
        // It has room for the one that is ever sent.
        let _ = drain.try_send(signal);
    }
    state.drain = Some(drain);
    Ok(())
}
