//! What a worker logs, for its pool: everything that its code says with `tracing` or `log`, and the begins
//! and ends of the queries that somebody follows. A worker that is a thread has the application's own
//! subscriber, and is in the spans of its queries instead.

mod begins;
mod fields;
mod forwarder;
mod logger;
mod outlet;

use std::os::fd::OwnedFd;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tracing::Dispatch;
use tracing::dispatcher;

use super::current::{self, Query};
use super::inbox::{Home, Inbox};
use crate::process::fork;
use crate::trace::{self, Entered};
use crate::wire::record::Level;
use forwarder::Forwarder;
use logger::Logger;
use outlet::Outlet;

/// Where the records of this process go.
static OUTLET: OnceLock<Outlet> = OnceLock::new();

/// What this process hears its own records with.
static FORWARDER: OnceLock<Dispatch> = OnceLock::new();

/// This process writes what it logs to this pipe.
pub(super) fn open(pipe: Option<OwnedFd>, level: u8) {
    let (Some(pipe), Some(level)) = (pipe, Level::from_wire(level)) else { return };
    if let Ok(outlet) = Outlet::new(pipe, level) {
        // Its forks have the pipe, too.
        fork::mark();
        // A process is one worker at most.
        let outlet = OUTLET.get_or_init(|| outlet);
        FORWARDER.get_or_init(|| Dispatch::new(Forwarder::new(outlet)));
    }
}

/// Whatever is logged from now on goes there, unless the application has its own subscriber and logger:
/// it keeps those.
pub(super) fn install() {
    let (Some(outlet), Some(forwarder)) = (OUTLET.get(), FORWARDER.get()) else { return };
    if !is_process() {
        return;
    }
    let _ = dispatcher::set_global_default(forwarder.clone());
    if log::set_logger(&Logger).is_ok() {
        log::set_max_level(log::Level::from(outlet.level).to_level_filter());
    }
}

/// How long a subscriber is waited for that may never come back.
const PATIENCE: Duration = Duration::from_secs(1);

/// This process is about to end as it was told to: what its own workers have logged is passed on before.
pub(super) fn finish() {
    trace::wait_until_told(PATIENCE);
}

/// Runs what may set a subscriber for the process. What this thread says with `tracing` meanwhile goes
/// there.
pub(super) fn installed_meanwhile<R>(run: impl FnOnce() -> R) -> R {
    match FORWARDER.get().filter(|_| is_process()) {
        Some(forwarder) => dispatcher::with_default(forwarder, run),
        None => run(),
    }
}

/// Whether this thread belongs to a worker that is a process, and to none that is a thread in it.
fn is_process() -> bool {
    current::worker().is_some_and(|inbox| inbox.home == Home::Process)
}

/// A query begins.
pub(super) fn begun(query: Query) {
    let Some(inbox) = follower_of(query) else { return };
    match (inbox.home, OUTLET.get()) {
        (Home::Thread, _) => inbox.traces.begin(query.id),
        (Home::Process, Some(outlet)) => outlet.begin(query.id, can_end_untold(&inbox)),
        (Home::Process, None) => {}
    }
}

/// Its code has run to its end, or was dropped. `true`: somebody follows it, and its records say nothing
/// of its run.
#[must_use = "its end has to say so"]
pub(super) fn ended(query: Query) -> bool {
    let Some(inbox) = follower_of(query) else { return false };
    match (inbox.home, OUTLET.get()) {
        (Home::Thread, _) => {
            inbox.traces.end(query.id);
            false
        }
        (Home::Process, Some(outlet)) => outlet.end(query.id),
        (Home::Process, None) => false,
    }
}

/// Its worker, where somebody follows it.
fn follower_of(query: Query) -> Option<Arc<Inbox>> {
    if query.traced { current::worker() } else { None }
}

/// Whether the ends of its queries say whether their runs were told.
fn can_end_untold(inbox: &Inbox) -> bool {
    inbox.memory.is_some() && inbox.streams.is_none()
}

/// Until this is dropped, its code runs here.
pub(super) fn enter(query: Query) -> Option<Entered> {
    if !query.traced {
        return None;
    }
    let inside = |inbox: Arc<Inbox>| match inbox.home {
        Home::Process => None,
        Home::Thread => inbox.traces.enter(query.id),
    };
    current::worker().and_then(inside)
}
