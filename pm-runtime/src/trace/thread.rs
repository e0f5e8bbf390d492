//! The thread that runs the subscriber's code for whatever no thread of the application says itself. It
//! starts with the first thing that there is to tell, and never ends.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::time::Duration;

use super::happened::Happening;
use super::reader::Reader;
use super::site::Sites;
use super::source::Source;
use super::spans::{Closing, Spans};
use crate::process::fork;
use crate::sync::{lock, shielded};
use crate::transport::poll::{Poll, Ready};

/// Things that happened and may wait to be told; those beyond that are counted. What workers print and
/// report has a bound of its own, so that none that says much hides what else happens. Spans that wait for their
/// end are as many as there are: a subscriber would keep those that it never sees closed.
const KEPT: usize = 1 << 14;
const WORDS_KEPT: usize = 1 << 12;

/// Workers that are gone, and whose last records are still to be read. Where there are more, whoever
/// subscribes has not come back for long, and new workers have no pipe.
const ENDED_PIPES: usize = 1 << 12;

/// What is kept of their last records, in bytes: as much as 512 pipes hold. The rest is lost.
const ENDED_BYTES: usize = 1 << 25;

pub(super) struct Thread {
    poll: Poll,
    state: Mutex<State>,
    next_pipe: AtomicU64,
    /// Pipes whose end is still to be seen, and the bytes that are kept of them.
    ended_pipes: AtomicUsize,
    ended_bytes: AtomicUsize,
}

#[derive(Default)]
struct State {
    jobs: Vec<Job>,
    /// How many of them tell of something, and of something that a worker said.
    told_soon: usize,
    words_soon: usize,
}

enum Job {
    Read(u64, Box<Reader>),
    /// What all workers have written by now.
    ReadWritten,
    /// The worker is gone, and so many bytes are kept.
    End(u64, usize),
    Close(Closing),
    Note(Arc<Spans>, String),
    Tell(Happening),
    Mark(Mark),
}

/// What it holds says by its drop that everything before it was told. It goes round once: what was told
/// meanwhile may have been the last of a query, whose spans are closed then.
enum Mark {
    First(Box<dyn Send>),
    Second(Box<dyn Send>),
}

/// What the thread has at hand.
#[derive(Default)]
struct Work {
    readers: HashMap<u64, Box<Reader>>,
    sites: Sites,
    ready: Vec<Ready>,
}

/// A pipe that the thread reads.
pub(super) struct Pipe {
    number: u64,
    source: Arc<Source>,
    has_ended: AtomicBool,
}

/// One for the process, which lives as long as that.
static THREAD: OnceLock<Arc<Thread>> = OnceLock::new();

/// The thread of this process; `None`: the system refuses it now, or this is a fork, where it is not.
pub(super) fn get() -> Option<&'static Thread> {
    static STARTING: Mutex<()> = Mutex::new(());
    if fork::is_fork() {
        return None;
    }
    let running = || THREAD.get().map(|thread| &**thread);
    running().or_else(|| {
        let _starting = lock(&STARTING);
        running().or_else(|| {
            let thread = Arc::new(Thread::new()?);
            let runs = thread.clone();
            let builder = std::thread::Builder::new().name("pm-records".into());
            builder.spawn(move || runs.run()).ok()?;
            Some(THREAD.get_or_init(|| thread))
        })
    })
}

/// Closes spans, soon: not even on the thread itself, where a subscriber may hold what it likes.
pub(super) fn close(closing: Closing) {
    match get() {
        Some(thread) => thread.push(Job::Close(closing)),
        // Without the thread nobody may run the subscriber's code: they stay open.
        None => std::mem::forget(closing),
    }
}

/// Notes how a query ended, behind whatever is told of it now.
pub(super) fn note(spans: Arc<Spans>, outcome: String) {
    if let Some(thread) = get() {
        thread.push(Job::Note(spans, outcome));
    }
}

/// Tells of something, soon.
pub(super) fn tell(happening: Happening) {
    if let Some(thread) = get() {
        thread.push(Job::Tell(happening));
    }
}

/// Resolves when everything is told that was there before. `None`: there never was anything to tell.
pub(crate) fn told() -> Option<impl Future<Output = ()>> {
    let thread = if fork::is_fork() { None } else { THREAD.get() }?;
    let (sender, told) = async_channel::bounded::<Infallible>(1);
    thread.push(Job::Mark(Mark::First(Box::new(sender))));
    Some(async move {
        // Nothing is ever sent.
        let _ = told.recv().await;
    })
}

/// The same for a thread that waits, no longer than this, and for what workers that go on have written.
pub(crate) fn wait_until_told(most: Duration) {
    let Some(thread) = THREAD.get().filter(|_| !fork::is_fork()) else { return };
    let (sender, told) = mpsc::channel::<Infallible>();
    thread.push(Job::ReadWritten);
    thread.push(Job::Mark(Mark::First(Box::new(sender))));
    // Nothing is ever sent.
    let _ = told.recv_timeout(most);
}

impl Thread {
    pub(super) fn new() -> Option<Self> {
        let poll = Poll::new().ok()?;
        Some(Self {
            poll,
            state: Mutex::default(),
            next_pipe: AtomicU64::new(0),
            ended_pipes: AtomicUsize::new(0),
            ended_bytes: AtomicUsize::new(0),
        })
    }

    /// Reads this from now on.
    pub(super) fn read(&self, reader: Reader) -> Pipe {
        let number = self.next_pipe.fetch_add(1, Ordering::Relaxed);
        let source = reader.source().clone();
        self.push(Job::Read(number, Box::new(reader)));
        Pipe { number, source, has_ended: AtomicBool::new(false) }
    }

    /// Whether it is so far behind that more pipes would only cost memory.
    pub(super) fn is_behind(&self) -> bool {
        self.ended_pipes.load(Ordering::Relaxed) >= ENDED_PIPES
    }

    pub(super) fn end(&self, pipe: &Pipe) {
        if !pipe.has_ended.swap(true, Ordering::Relaxed) {
            self.ended_pipes.fetch_add(1, Ordering::Relaxed);
            // What others keep at the same moment may make it some more.
            let room = ENDED_BYTES.saturating_sub(self.ended_bytes.load(Ordering::Relaxed));
            let kept = pipe.source.end(&self.poll, room);
            self.ended_bytes.fetch_add(kept, Ordering::Relaxed);
            self.push(Job::End(pipe.number, kept));
        }
    }

    fn push(&self, mut job: Job) {
        let mut state = lock(&self.state);
        if let Job::Tell(happening) = &mut job {
            let State { told_soon, words_soon, .. } = &mut *state;
            let (soon, most) = match happening.is_word() {
                true => (words_soon, WORDS_KEPT),
                false => (told_soon, KEPT),
            };
            if *soon >= most {
                happening.forget();
                return;
            }
            happening.count_forgotten();
            *soon += 1;
        }
        let sleeps = state.jobs.is_empty();
        state.jobs.push(job);
        drop(state);
        if sleeps {
            self.poll.wake();
        }
    }

    fn run(&self) {
        let mut work = Work::default();
        loop {
            self.turn(&mut work);
        }
    }

    /// Waits until there is something to do, and does it.
    fn turn(&self, work: &mut Work) {
        let Work { readers, sites, ready } = work;
        self.poll.wait(None, ready);
        for ready in ready {
            self.read_one(readers, ready.token, |reader| reader.read(sites));
        }
        let jobs = {
            let mut state = lock(&self.state);
            (state.told_soon, state.words_soon) = (0, 0);
            std::mem::take(&mut state.jobs)
        };
        for job in jobs {
            self.job(job, work);
        }
    }

    /// Reads from one that may be there; `read`: whether there may be more to come.
    fn read_one(
        &self,
        readers: &mut HashMap<u64, Box<Reader>>,
        pipe: u64,
        read: impl FnOnce(&mut Reader) -> bool,
    ) {
        let Some(reader) = readers.get_mut(&pipe) else { return };
        let mut more = false;
        shielded(|| more = read(reader));
        if !more && let Some(reader) = readers.remove(&pipe) {
            // The worker writes to nobody then, and knows it.
            reader.source().end(&self.poll, 0);
            shielded(|| drop(reader));
        }
    }

    fn job(&self, job: Job, work: &mut Work) {
        let Work { readers, sites, .. } = work;
        match job {
            Job::Read(pipe, reader) => {
                // Where it fails, it is read when the worker is gone.
                let _ = reader.source().watch(&self.poll, pipe);
                readers.insert(pipe, reader);
            }
            Job::ReadWritten => {
                let pipes: Vec<u64> = readers.keys().copied().collect();
                for pipe in pipes {
                    self.read_one(readers, pipe, |reader| reader.read_written(sites));
                }
            }
            Job::End(pipe, kept) => {
                if let Some(mut reader) = readers.remove(&pipe) {
                    shielded(|| reader.read_rest(sites));
                    shielded(|| drop(reader));
                }
                self.ended_pipes.fetch_sub(1, Ordering::Relaxed);
                self.ended_bytes.fetch_sub(kept, Ordering::Relaxed);
            }
            Job::Close(closing) => shielded(|| drop(closing)),
            Job::Note(spans, outcome) => spans.note_outcome(&outcome),
            Job::Tell(happening) => shielded(|| happening.tell()),
            Job::Mark(Mark::First(told)) => self.push(Job::Mark(Mark::Second(told))),
            // It wakes code of the application.
            Job::Mark(Mark::Second(told)) => shielded(|| drop(told)),
        }
    }
}

impl Pipe {
    /// What is in it by now is read, before anything that is told after this, and nothing more.
    pub(super) fn end(&self) {
        if let Some(thread) = get() {
            thread.end(self);
        }
    }
}

/// For those of workers that never came to be; a second end is none.
impl Drop for Pipe {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;
    use std::sync::mpsc::Sender;

    use tracing::field::Field;
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Dispatch, Metadata, Subscriber, dispatcher};

    use super::super::reader::About;
    use super::super::{Observer, records::Table};
    use super::*;
    use crate::event::Event;
    use crate::process::pipe;
    use crate::wire::record as wire;

    fn about() -> About {
        About { observer: Observer::new("some"), worker: 1, complain: Box::new(|_| {}) }
    }

    #[test]
    fn pipes_that_ended_are_counted_until_that_is_seen() {
        let thread = Thread::new().unwrap();
        let kept = || thread.ended_bytes.load(Ordering::Relaxed);
        for ended in 0..ENDED_PIPES {
            assert!(!thread.is_behind());
            assert_eq!(kept(), ended);
            let (near, far) = pipe::to_read().unwrap();
            let pipe = thread.read(Reader::new(near, about(), Arc::default()));
            pipe::write(&far, b"x").unwrap();
            thread.end(&pipe);
            // A second end is none.
            thread.end(&pipe);
        }
        assert!(thread.is_behind());
        thread.turn(&mut Work::default());
        assert!(!thread.is_behind());
        assert_eq!((thread.ended_pipes.load(Ordering::Relaxed), kept()), (0, 0));
    }

    #[test]
    fn last_records_without_room_are_lost_and_somebody_is_told() {
        let thread = Thread::new().unwrap();
        let about = about();
        let (said, hear) = std::sync::mpsc::channel();
        let dispatch = Dispatch::new(Warnings(said));
        dispatcher::with_default(&dispatch, || about.observer.note_audience());
        let (near, far) = pipe::to_read().unwrap();
        let pipe = thread.read(Reader::new(near, about, Arc::default()));
        pipe::write(&far, b"xx").unwrap();
        thread.ended_bytes.store(ENDED_BYTES - 1, Ordering::Relaxed);
        thread.end(&pipe);
        assert_eq!(thread.ended_bytes.load(Ordering::Relaxed), ENDED_BYTES);
        thread.turn(&mut Work::default());
        let expected = "worker 1: its last records are lost, because nobody has taken any for long";
        assert_eq!(hear.try_recv().as_deref(), Ok(expected));
    }

    /// A subscriber that passes messages on.
    struct Warnings(Sender<String>);

    impl Subscriber for Warnings {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, event: &tracing::Event<'_>) {
            event.record(&mut |field: &Field, value: &dyn Debug| {
                if field.name() == "message" {
                    self.0.send(format!("{value:?}")).unwrap();
                }
            });
        }

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn what_was_written_can_be_read_at_once() {
        let thread = Thread::new().unwrap();
        let (near, far) = pipe::to_read().unwrap();
        rustix::fs::fcntl_setfl(&far, rustix::fs::OFlags::NONBLOCK).unwrap();
        let frame = wire::Record::Closed { span: 1 }.to_frame().unwrap();
        while pipe::write(&far, &frame).is_ok() {}
        let pipe = thread.read(Reader::new(near, about(), Arc::default()));
        thread.push(Job::ReadWritten);
        thread.turn(&mut Work::default());
        assert_eq!(pipe.source.written(), 0);
    }

    #[test]
    fn what_happens_and_has_no_room_is_counted_and_the_next_one_says_so() {
        let thread = Thread::new().unwrap();
        let observer = Observer::new("some");
        let event = Event::Lagged { missed: 1 };
        let tell = || thread.push(Job::Tell(Happening::new(&observer, &event)));
        for _ in 0..KEPT + 3 {
            tell();
        }
        assert_eq!(lock(&thread.state).jobs.len(), KEPT);
        thread.turn(&mut Work::default());
        tell();
        let state = lock(&thread.state);
        let [Job::Tell(happening)] = &state.jobs[..] else { panic!() };
        assert_eq!(happening.forgotten, 3);
    }

    #[test]
    fn what_workers_say_takes_no_room_from_what_happens() {
        let thread = Thread::new().unwrap();
        let observer = Observer::new("some");
        let at = std::time::SystemTime::UNIX_EPOCH;
        let tell = |event| thread.push(Job::Tell(Happening::new(&observer, &event)));
        for _ in 0..WORDS_KEPT + 3 {
            tell(Event::Reported { worker: 1, at, text: "again".into() });
        }
        tell(Event::Ready { worker: 1, at });
        let state = lock(&thread.state);
        assert_eq!(state.jobs.len(), WORDS_KEPT + 1);
        let Some(Job::Tell(happening)) = state.jobs.last() else { panic!() };
        assert_eq!(happening.forgotten, 3);
    }

    #[test]
    fn a_pipe_that_a_fork_holds_open_is_not_ready_for_ever() {
        for written in [&[][..], &[2, 0, 99, 99]] {
            let (near, far) = pipe::to_read().unwrap();
            // As a fork would.
            let _held = near.try_clone().unwrap();
            pipe::write(&far, written).unwrap();
            drop(far);
            let thread = Thread::new().unwrap();
            let table = Arc::new(Table::default());
            thread.push(Job::Read(0, Box::new(Reader::new(near, about(), table))));
            let mut work = Work::default();
            thread.turn(&mut work);
            assert_eq!(work.readers.len(), 1);
            while !work.readers.is_empty() {
                thread.turn(&mut work);
            }
            thread.poll.wait(Some(Duration::ZERO), &mut work.ready);
            assert!(work.ready.is_empty());
        }
    }
}
