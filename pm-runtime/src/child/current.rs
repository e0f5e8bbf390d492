//! Whose code runs on a thread: which worker's, and for which query.

use std::cell::{Cell, RefCell};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use super::inbox::Inbox;
use super::records;
use crate::trace;

/// The worker that this process is.
static PROCESS: OnceLock<Arc<Inbox>> = OnceLock::new();

thread_local! {
    /// The worker that this thread is.
    static THREAD: RefCell<Option<Arc<Inbox>>> = const { RefCell::new(None) };
    static QUERY: Cell<Option<Query>> = const { Cell::new(None) };
}

/// A query that has begun.
#[derive(Debug, Clone, Copy)]
pub(super) struct Query {
    pub(super) id: u64,
    /// When it will have run too long.
    pub(super) deadline: Option<Instant>,
    /// Which of its runs this is, from 1.
    pub(super) attempt: u32,
    /// Somebody in the application follows it.
    #[cfg_attr(not(feature = "tracing"), allow(dead_code, reason = "nobody does"))]
    pub(super) traced: bool,
}

/// All threads of this process belong to the worker.
pub(super) fn adopt_process(inbox: &Arc<Inbox>) {
    // A process is one worker at most.
    let _ = PROCESS.set(inbox.clone());
}

/// This thread belongs to the worker.
pub(super) fn adopt_thread(inbox: &Arc<Inbox>) {
    THREAD.set(Some(inbox.clone()));
}

/// The worker whose code runs here.
pub(super) fn worker() -> Option<Arc<Inbox>> {
    // A destructor of another thread-local may come too late.
    let thread = THREAD.try_with(|thread| thread.borrow().clone()).ok().flatten();
    thread.or_else(|| PROCESS.get().cloned())
}

/// The query of this process whose code runs here and which somebody follows: not that of a worker that
/// is a thread of it.
#[cfg(feature = "tracing")]
pub(super) fn query_of_process() -> Option<u64> {
    let is_thread = THREAD.try_with(|thread| thread.borrow().is_some()).unwrap_or(true);
    if is_thread { None } else { QUERY.get().filter(|query| query.traced).map(|query| query.id) }
}

/// How many pools this thread is away from the application, where it belongs to a worker that is
/// a thread.
pub(super) fn depth_of_thread() -> Option<u32> {
    THREAD.try_with(|thread| thread.borrow().as_ref().map(|inbox| inbox.depth)).ok().flatten()
}

/// Makes what belongs to the whole process, whichever thread is the first to ask for it.
pub(crate) fn as_the_process<T>(make: impl FnOnce() -> T) -> T {
    struct Restore(Option<Arc<Inbox>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            // Where it fails, the thread is at its end, and nobody asks again.
            let _ = THREAD.try_with(|thread| thread.replace(self.0.take()));
        }
    }
    let _restore = Restore(THREAD.try_with(RefCell::take).ok().flatten());
    make()
}

/// The query whose code runs here.
pub(super) fn query() -> Option<Query> {
    QUERY.get()
}

/// The query whose code runs here may run until then; `None`: as long as it likes.
pub(super) fn move_deadline(deadline: Option<Instant>) {
    QUERY.set(QUERY.get().map(|query| Query { deadline, ..query }));
}

/// Until the guard is dropped, this thread runs the query's code.
pub(super) fn enter(query: Query) -> Entered {
    Entered { before: QUERY.replace(Some(query)), _span: records::enter(query) }
}

#[must_use = "its drop is the end of the query's code"]
pub(super) struct Entered {
    before: Option<Query>,
    _span: Option<trace::Entered>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        QUERY.set(self.before);
    }
}
