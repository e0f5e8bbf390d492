//! What happens in a pool, as events with the target `pm_runtime`.

use std::fmt::Arguments;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tracing::{Dispatch, debug, dispatcher, error, info, warn};

use super::dispatch::Audience;
use super::{TARGET, thread};
use crate::error::{CrashCause, CrashReport, Escaped, PanicReport};
use crate::event::Event;
use crate::output::{OutputLine, OutputStream};
use crate::sync::{lock, shielded};
use crate::wire::record::Level;

/// A pool, for who wants to know what happens in it.
pub(crate) struct Observer {
    pool: Box<str>,
    audience: Audience,
    /// What happened while too much waited to be told already.
    forgotten: AtomicU64,
    /// The worker whose end was seen last; 0: none. All ends are seen by one thread, each right before
    /// it is told.
    ended: AtomicU64,
    /// Queries that are refused from now on, until the crash is told that is the reason.
    refused: Mutex<Vec<Event>>,
}

/// Something that is to be told.
pub(super) struct Happening {
    observer: Arc<Observer>,
    what: What,
    /// So much of the same pool before it is not told.
    pub(super) forgotten: u64,
}

enum What {
    Event(Event),
    /// A worker caught a panic of this query.
    Panic(String, PanicReport),
}

/// An event of `tracing` at a level that is known only now: that of a callsite is fixed.
macro_rules! say {
    ($level:expr, $($said:tt)*) => {
        match $level {
            Level::Error => error!($($said)*),
            Level::Warn => warn!($($said)*),
            Level::Info => info!($($said)*),
            Level::Debug | Level::Trace => debug!($($said)*),
        }
    };
}

impl Observer {
    pub(crate) fn new(pool: &str) -> Arc<Self> {
        Arc::new(Self {
            pool: pool.into(),
            audience: Audience::default(),
            forgotten: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            refused: Mutex::default(),
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
        match event {
            // That it was killed for this comes next, and tells more.
            Event::TimedOut { worker, .. } if *worker == self.ended.load(Ordering::Relaxed) => {}
            // Its reason comes next, and is to come first.
            Event::Quarantined { .. } => lock(&self.refused).push(event.clone()),
            Event::Crashed(_) => {
                self.tell(event);
                let refused = std::mem::take(&mut *lock(&self.refused));
                refused.iter().for_each(|event| self.tell(event));
            }
            _ => self.tell(event),
        }
    }

    fn tell(self: &Arc<Self>, event: &Event) {
        if self.wants(level_of(event)) {
            thread::tell(Happening::new(self, event));
        }
    }

    /// A query panicked, and its worker goes on. This runs no code of a subscriber.
    pub(crate) fn panicked(self: &Arc<Self>, report: &PanicReport, query: impl FnOnce() -> String) {
        if self.wants(Some(Level::Warn)) {
            let what = What::Panic(query(), report.clone());
            thread::tell(Happening { observer: self.clone(), what, forgotten: 0 });
        }
    }

    /// A worker is gone; whatever is told of its death comes after this.
    pub(super) fn ended(&self, worker: u64) {
        self.ended.store(worker, Ordering::Relaxed);
    }

    /// Whether anybody may want what workers print.
    pub(super) fn wants_output(&self) -> bool {
        self.wants(Some(OUTPUT_LEVEL))
    }

    fn wants(&self, level: Option<Level>) -> bool {
        level.is_some_and(|level| super::level().is_some_and(|wanted| level <= wanted))
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
        match self.audience() {
            None => log::log!(target: TARGET, level.into(), "pool `{pool}`: {text}"),
            Some(dispatch) => dispatcher::with_default(
                &dispatch,
                || say!(level, target: TARGET, pool, worker, "{text}"),
            ),
        }
    }

    /// The same of a death, with what its report says.
    fn say_death(&self, level: Level, report: &CrashReport) {
        let Some(dispatch) = self.audience() else {
            // It names the pool.
            return log::log!(target: TARGET, level.into(), "{report}");
        };
        let running: Vec<&str> = report.running.iter().map(|query| &*query.query).collect();
        let (query, hash) = only_one(report).unzip();
        dispatcher::with_default(&dispatch, || {
            say!(
                level,
                target: TARGET,
                pool = &*self.pool,
                worker = report.worker,
                pid = report.pid,
                cause = ?report.cause,
                blame = ?report.blame,
                query,
                hash,
                running = ?running,
                served = report.served,
                panic = report.panic.as_deref(),
                debug = report.debug.as_deref(),
                "{report}"
            );
        });
    }

    /// Of a query that has killed so many workers.
    fn say_refused(&self, report: &CrashReport, crashes: u32) {
        let (query, hash) = only_one(report).unzip();
        let name = Escaped(query.unwrap_or("a query"));
        let with_hash = hash.as_ref().map_or(String::new(), |hash| format!(" (hash {hash})"));
        let workers = if crashes == 1 { "worker" } else { "workers" };
        let text = format_args!(
            "`{name}`{with_hash} is refused from now on, because it has killed {crashes} {workers}"
        );
        let Some(dispatch) = self.audience() else {
            return self.say(Level::Error, text, Some(report.worker));
        };
        let (pool, worker) = (&*self.pool, report.worker);
        dispatcher::with_default(
            &dispatch,
            || error!(target: TARGET, pool, worker, query, hash, crashes, "{text}"),
        );
    }

    fn say_panic(&self, query: &str, report: &PanicReport) {
        let (pool, worker) = (&*self.pool, report.worker());
        let name = Escaped(query);
        let text = format_args!("`{name}` panicked: {report}");
        let Some(dispatch) = self.audience() else {
            return self.say(Level::Warn, text, Some(worker));
        };
        let panic = report.message();
        let location = report.location();
        dispatcher::with_default(
            &dispatch,
            || warn!(target: TARGET, pool, worker, query, panic, location, "{text}"),
        );
    }

    fn say_printed(&self, worker: u64, stream: OutputStream, line: &OutputLine) {
        let pool = &*self.pool;
        match self.audience() {
            None => log::debug!(target: OUTPUT, "pool `{pool}`: worker {worker}, {stream}: {line}"),
            Some(dispatch) => dispatcher::with_default(
                &dispatch,
                || debug!(target: OUTPUT, pool, worker, %stream, "{line}"),
            ),
        }
    }
}

/// The name of the query that ran, and the hash of its arguments, where it is plain which one.
fn only_one(report: &CrashReport) -> Option<(&str, String)> {
    match &report.running[..] {
        [only] => Some((&only.query, format!("{:016x}", only.hash))),
        _ => None,
    }
}

impl Happening {
    pub(super) fn new(observer: &Arc<Observer>, event: &Event) -> Self {
        let what = What::Event(event.clone());
        Self { observer: observer.clone(), what, forgotten: 0 }
    }

    /// It is something that a worker said: there is no end of how many of these there may be.
    pub(super) fn is_word(&self) -> bool {
        match &self.what {
            What::Event(event) => event.is_word(),
            What::Panic(..) => true,
        }
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
        let Self { observer, what, forgotten } = self;
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
        let event = match what {
            What::Panic(query, report) => return observer.say_panic(&query, &report),
            What::Event(event) => event,
        };
        let level = level_of(&event).unwrap_or(Level::Debug);
        match &event {
            Event::Crashed(report) | Event::Killed(report) => observer.say_death(level, report),
            Event::Quarantined { report, crashes } => observer.say_refused(report, *crashes),
            Event::Output { worker, stream, line, .. } => {
                observer.say_printed(*worker, *stream, line);
            }
            event => observer.say(level, format_args!("{event}"), event.worker()),
        }
    }
}

/// What workers print has a target of its own, for filters.
const OUTPUT: &str = "pm_runtime::output";
const OUTPUT_LEVEL: Level = Level::Debug;

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
        Event::Spawned { .. } | Event::Ready { .. } | Event::Released { .. } => Level::Debug,
        Event::Output { .. } => OUTPUT_LEVEL,
        // That its worker was killed for it comes next.
        Event::Cancelled { .. } => return None,
        Event::Message { .. } | Event::Lagged { .. } => return None,
    })
}
