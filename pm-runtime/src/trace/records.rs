//! What a pool keeps of a worker for those who trace it: the queries that it was handed, and the pipe that
//! its records come through.

use std::collections::{BTreeMap, HashMap};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};

use super::happened::Observer;
use super::reader::{About, Reader};
use super::spans::{Handing, Spans, Traced};
use super::thread::{self, Pipe, Thread};
use crate::conduct::Terms;
use crate::process::pipe;
use crate::sync::lock;
use crate::wire::record::Level;

/// A worker's records, on the pool's side.
#[derive(Default)]
pub(crate) struct Records {
    worker: u64,
    /// Who is told of its end.
    observer: Option<Arc<Observer>>,
    /// `None`: nobody wants to know what it does.
    table: Option<Arc<Table>>,
    /// `None`: it is a thread, and needs none.
    pipe: Option<Pipe>,
    /// How much is wanted, as the handshake has it.
    level: u8,
}

/// The most that a table keeps, should a worker never tell of begins: far more than are begun in what its
/// pipe has room for.
const HANDED: usize = 1 << 16;

/// Traced queries that a worker was handed, and has not begun as far as is known.
#[derive(Default)]
pub(crate) struct Table(Mutex<Rows>);

#[derive(Default)]
struct Rows {
    handed: HashMap<u64, (u64, Handed)>,
    /// The same in the order in which they were handed.
    order: BTreeMap<u64, u64>,
    next: u64,
    /// Nobody reads any more what begins.
    closed: bool,
}

pub(super) struct Handed {
    pub(super) spans: Arc<Spans>,
    pub(super) run: Handing,
}

impl Records {
    /// Those of a worker that is a process, and its end of the pipe, which it writes to. Neither is
    /// there where nobody wants to hear anything, or can, which is said: what it logs holds up no worker's
    /// start.
    pub(crate) fn of_process(
        observer: &Arc<Observer>,
        worker: u64,
        complain: impl Fn(&str) + Send + 'static,
    ) -> (Self, Option<OwnedFd>) {
        // Without anybody who listens there is no thread either.
        let Some(level) = super::level() else { return (Self::of_mute(observer, worker), None) };
        Self::read_by(thread::get(), level, observer, worker, complain)
    }

    fn read_by(
        thread: Option<&Thread>,
        level: Level,
        observer: &Arc<Observer>,
        worker: u64,
        complain: impl Fn(&str) + Send + 'static,
    ) -> (Self, Option<OwnedFd>) {
        let mute = |why: &str| {
            complain(&format!("what it logs is lost, because {why}"));
            (Self::of_mute(observer, worker), None)
        };
        let Some(thread) = thread else { return mute("the system has no thread for it") };
        if thread.is_behind() {
            return mute("nobody has taken what others have logged for long");
        }
        let (near, far) = match pipe::to_read() {
            Ok(ends) => ends,
            Err(error) => return mute(&format!("there is no pipe for it: {error}")),
        };
        let table = Arc::new(Table::default());
        let about = About { observer: observer.clone(), worker, complain: Box::new(complain) };
        let pipe = thread.read(Reader::new(near, about, table.clone()));
        let records = Self {
            table: Some(table),
            pipe: Some(pipe),
            level: level.to_wire(),
            ..Self::of_mute(observer, worker)
        };
        (records, Some(far))
    }

    /// Those of a worker that is a thread.
    pub(crate) fn of_thread(observer: &Arc<Observer>, worker: u64) -> Self {
        Self { table: Some(Arc::default()), ..Self::of_mute(observer, worker) }
    }

    /// Those of a worker that is not listened to.
    fn of_mute(observer: &Arc<Observer>, worker: u64) -> Self {
        Self { worker, observer: Some(observer.clone()), ..Self::default() }
    }

    /// For the worker, where it is a thread.
    pub(crate) fn table(&self) -> Option<Arc<Table>> {
        self.table.clone()
    }

    /// For the handshake: what the worker is to send; 0: nothing.
    pub(crate) fn level(&self) -> u8 {
        self.level
    }

    /// The worker is about to be handed a query, which may begin at once; returns on what terms.
    pub(crate) fn hand(
        &self,
        query: u64,
        traced: &Traced,
        terms: Terms,
        is_prompt: impl FnOnce() -> bool,
    ) -> Terms {
        let (Some(table), Some(spans)) = (&self.table, traced.spans()) else { return terms };
        let run = Handing { worker: self.worker, attempt: terms.attempt };
        spans.hand(run, is_prompt());
        Terms { traced: table.put(query, Handed { spans: spans.clone(), run }), ..terms }
    }

    /// The worker has run that query to its end, and nothing in its records says so.
    pub(crate) fn untold(&self, query: u64, traced: &Traced) {
        if let (Some(table), Some(spans)) = (&self.table, traced.spans())
            && table.is_rid_of(query)
        {
            spans.note_untold(self.worker);
        }
    }

    /// It will not begin that query.
    pub(crate) fn take_back(&self, query: u64) {
        if let Some(table) = &self.table {
            drop(table.take(query));
        }
    }

    /// Whether anybody may want the lines that it prints.
    pub(crate) fn wants_output(&self) -> bool {
        self.observer.as_ref().is_some_and(|observer| observer.wants_output())
    }

    /// The worker is gone: what it has written by now is read, and no more.
    pub(crate) fn end(&self) {
        if let Some(observer) = &self.observer {
            observer.ended(self.worker);
        }
        match (&self.pipe, &self.table) {
            (Some(pipe), _) => pipe.end(),
            (None, Some(table)) => table.close(),
            (None, None) => {}
        }
    }
}

impl Table {
    /// `false`: nobody wants to know.
    fn put(&self, query: u64, handed: Handed) -> bool {
        let mut rows = lock(&self.0);
        if rows.closed {
            return false;
        }
        let number = rows.next;
        rows.next += 1;
        let before = rows.handed.insert(query, (number, handed));
        if let Some((number, _)) = &before {
            rows.order.remove(number);
        }
        rows.order.insert(number, query);
        let oldest = (rows.handed.len() > HANDED).then(|| rows.order.pop_first()).flatten();
        let forgotten = oldest.and_then(|(_, query)| rows.handed.remove(&query));
        drop(rows);
        drop((before, forgotten));
        true
    }

    /// A query that has begun, or will not.
    pub(super) fn take(&self, query: u64) -> Option<Handed> {
        let mut rows = lock(&self.0);
        let (number, handed) = rows.handed.remove(&query)?;
        rows.order.remove(&number);
        Some(handed)
    }

    /// A query has not begun as far as is known, and from now on that will not be known. `false`: its
    /// begin was told.
    fn is_rid_of(&self, query: u64) -> bool {
        self.take(query).is_some() || lock(&self.0).closed
    }

    /// Nobody wants to know any more.
    pub(super) fn close(&self) {
        let mut rows = lock(&self.0);
        let gone = std::mem::take(&mut *rows);
        rows.closed = true;
        drop(rows);
        drop(gone);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_cannot_be_heard_is_complained_of() {
        let thread = Thread::new().unwrap();
        let observer = Observer::new("some");
        let records = || {
            let (complain, complaints) = std::sync::mpsc::channel();
            let complain = move |what: &str| complain.send(what.to_owned()).unwrap();
            let records = Records::read_by(Some(&thread), Level::Info, &observer, 1, complain);
            (records, complaints)
        };
        while !thread.is_behind() {
            let ((records, far), complaints) = records();
            assert!(far.is_some());
            thread.end(records.pipe.as_ref().unwrap());
            assert!(complaints.try_recv().is_err());
        }
        let ((records, far), complaints) = records();
        assert!(far.is_none() && records.level() == 0);
        let expected =
            "what it logs is lost, because nobody has taken what others have logged for long";
        assert_eq!(complaints.recv().as_deref(), Ok(expected));
    }
}
