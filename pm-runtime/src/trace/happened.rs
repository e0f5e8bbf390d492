//! What happens in a pool, as events with the target `pm_runtime`.

use std::fmt::Arguments;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::{Dispatch, debug, dispatcher, error, info, warn};

use super::dispatch::Audience;
use super::{TARGET, thread};
use crate::error::{CrashCause, CrashReport};
use crate::event::Event;
use crate::sync::shielded;
use crate::wire::record::Level;

/// A pool, for who wants to know what happens in it.
pub(crate) struct Observer {
    pool: Box<str>,
    audience: Audience,
    /// What happened while too much waited to be told already.
    forgotten: AtomicU64,
}

/// Something that is to be told.
pub(super) struct Happening {
    observer: Arc<Observer>,
    event: Event,
    /// So much of the same pool before it is not told.
    pub(super) forgotten: u64,
}

impl Observer {
    pub(crate) fn new(pool: &str) -> Arc<Self> {
        Arc::new(Self {
            pool: pool.into(),
            audience: Audience::default(),
            forgotten: AtomicU64::new(0),
        })
    }

    /// The pool's name.
    pub(super) fn pool(&self) -> &str {
        &self.pool
    }

    /// The pool is used for the first time, by this thread.
    pub(crate) fn note_audience(&self) {
        self.audience.note();
    }

    pub(super) fn audience(&self) -> Option<Dispatch> {
        self.audience.get()
    }

    /// Something has happened. This runs no code of a subscriber.
    pub(crate) fn happened(self: &Arc<Self>, event: &Event) {
        let level = level_of(event);
        if level.is_some_and(|level| super::level().is_some_and(|wanted| level <= wanted)) {
            thread::tell(Happening::new(self, event));
        }
    }

    /// So many records of a worker were lost.
    pub(super) fn lost(&self, worker: u64, records: u64) {
        self.say(
            Level::Warn,
            format_args!(
                "worker {worker}: {records} records are lost, because nobody has taken any for long"
            ),
            Some(worker),
        );
    }

    /// The last records of a worker that is gone were lost.
    pub(super) fn cut(&self, worker: u64) {
        self.say(
            Level::Warn,
            format_args!(
                "worker {worker}: its last records are lost, because nobody has taken any for long"
            ),
            Some(worker),
        );
    }

    /// Not all that a worker says of its spans is told.
    pub(super) fn left_out(&self, worker: u64) {
        self.say(
            Level::Warn,
            format_args!(
                "worker {worker}: some spans or fields of it are left out: there are too many at once"
            ),
            Some(worker),
        );
    }

    /// Has the pool's audience hear this, by `tracing` or else by `log`.
    fn say(&self, level: Level, text: Arguments<'_>, worker: Option<u64>) {
        let pool = &*self.pool;
        let Some(dispatch) = self.audience() else {
            return log::log!(target: TARGET, level.into(), "pool `{pool}`: {text}");
        };
        // The level of a callsite is fixed.
        dispatcher::with_default(&dispatch, || match level {
            Level::Error => error!(target: TARGET, pool, worker, "{text}"),
            Level::Warn => warn!(target: TARGET, pool, worker, "{text}"),
            Level::Info => info!(target: TARGET, pool, worker, "{text}"),
            Level::Debug | Level::Trace => debug!(target: TARGET, pool, worker, "{text}"),
        });
    }

    /// The same of a crash, with what its report says.
    fn say_crash(&self, report: &CrashReport, text: Arguments<'_>) {
        let Some(dispatch) = self.audience() else {
            return self.say(Level::Error, text, Some(report.worker));
        };
        let running: Vec<&str> = report.running.iter().map(|query| &*query.query).collect();
        dispatcher::with_default(&dispatch, || {
            error!(
                target: TARGET,
                pool = &*self.pool,
                worker = report.worker,
                pid = report.pid,
                cause = ?report.cause,
                blame = ?report.blame,
                running = ?running,
                served = report.served,
                panic = report.panic.as_deref(),
                debug = report.debug.as_deref(),
                "{text}"
            );
        });
    }
}

impl Happening {
    pub(super) fn new(observer: &Arc<Observer>, event: &Event) -> Self {
        Self { observer: observer.clone(), event: event.clone(), forgotten: 0 }
    }

    /// It is not told: the next one that is says so.
    pub(super) fn forget(&self) {
        self.observer.forgotten.fetch_add(1, Ordering::Relaxed);
    }

    /// It is told, and how many were forgotten before it.
    pub(super) fn count_forgotten(&mut self) {
        self.forgotten = self.observer.forgotten.swap(0, Ordering::Relaxed);
    }

    pub(super) fn tell(self) {
        let Self { observer, event, forgotten } = self;
        if forgotten > 0 {
            shielded(|| {
                observer.say(
                    Level::Warn,
                    format_args!(
                        "{forgotten} events of this pool are lost, because nobody has taken any for long"
                    ),
                    None,
                );
            });
        }
        match &event {
            Event::Crashed(report) | Event::Quarantined { report, .. } => {
                observer.say_crash(report, format_args!("{event}"));
            }
            event => {
                let level = level_of(event).unwrap_or(Level::Debug);
                observer.say(level, format_args!("{event}"), event.worker());
            }
        }
    }
}

/// How much an event matters; `None`: it is told otherwise, or not at all.
fn level_of(event: &Event) -> Option<Level> {
    Some(match event {
        Event::Crashed(_) | Event::Quarantined { .. } | Event::BudgetExhausted { .. } => {
            Level::Error
        }
        // Its caller wanted that.
        Event::Killed(report) if report.cause == CrashCause::Cancelled => Level::Debug,
        Event::Killed(_) | Event::TimedOut { .. } | Event::Reported { .. } => Level::Warn,
        Event::Recycled { .. } | Event::Scaled { .. } | Event::Healed { .. } => Level::Info,
        Event::Spawned { .. }
        | Event::Ready { .. }
        | Event::Released { .. }
        | Event::Cancelled { .. } => Level::Debug,
        Event::Message { .. } | Event::Output { .. } | Event::Lagged { .. } => return None,
    })
}
