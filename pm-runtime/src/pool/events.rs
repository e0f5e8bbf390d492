//! Who hears what happens in a pool.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use smol::stream::Stream;

use crate::event::Event;
use crate::process::fork;
use crate::sync::{lock, shielded};

/// The events of a pool from now on: a stream that ends with the pool.
///
/// It keeps the last 1024 that its reader has not seen, and as many of what workers say
/// ([`Event::Message`], [`Event::Reported`], [`Event::Output`]), so that none that says much hides
/// what else happens; who lags further behind gets [`Event::Lagged`]. It does not keep the pool
/// alive. In a forked child, where nothing happens in a pool, it is over.
///
/// ```
/// use pm_runtime::{Event, worker_query};
///
/// #[worker_query(workers = 1)]
/// fn abort() {
///     std::process::abort()
/// }
///
/// #[pm_runtime::main]
/// async fn main() {
///     let pool = AbortPool::new();
///     let mut events = pool.events();
///     pool.query().await.unwrap_err();
///     while let Some(event) = events.next().await {
///         if let Event::Crashed(report) = event {
///             println!("{report}");
///             break;
///         }
///     }
/// }
/// ```
pub struct Events {
    channel: Arc<Channel>,
    reader: Reader,
}

/// The events of a pool, for any number of readers.
#[derive(Default)]
pub(crate) struct Channel {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What happened, and what workers said; nothing is kept while nobody reads.
    events: Latest,
    words: Latest,
    /// The number of the next of either.
    next: u64,
    next_reader: u64,
    /// Readers, each with its waker where it waits.
    readers: BTreeMap<u64, Option<Waker>>,
    closed: bool,
}

/// The latest events of a kind, with their numbers.
#[derive(Default)]
struct Latest(VecDeque<(u64, Event)>);

/// A reader's number, and the number of the event that it wants next.
struct Reader {
    id: u64,
    next: u64,
}

impl Channel {
    pub(crate) fn subscribe(self: &Arc<Self>) -> Events {
        if fork::is_fork() {
            return Events { channel: self.clone(), reader: Reader { id: 0, next: 0 } };
        }
        let mut state = lock(&self.state);
        let next = state.next;
        let reader = state.reader(next);
        drop(state);
        Events { channel: self.clone(), reader }
    }

    /// Has all readers hear of this; [`wake`](Self::wake) has to follow. Whoever holds the lock
    /// under which it happened has it heard in its order.
    pub(crate) fn push(&self, event: Event) {
        let mut state = lock(&self.state);
        if !state.readers.is_empty() {
            state.push(event);
        }
    }

    /// Has the readers look. Not under a lock, because their wakers are code of the application.
    pub(crate) fn wake(&self) {
        let mut state = lock(&self.state);
        let wakers: Vec<Waker> = state.readers.values_mut().filter_map(Option::take).collect();
        drop(state);
        for waker in wakers {
            shielded(|| waker.wake());
        }
    }

    /// Whether anybody would hear of an event.
    pub(crate) fn has_readers(&self) -> bool {
        !lock(&self.state).readers.is_empty()
    }

    /// There will be no more events.
    pub(crate) fn close(&self) {
        lock(&self.state).closed = true;
        self.wake();
    }
}

impl State {
    fn reader(&mut self, next: u64) -> Reader {
        let id = self.next_reader;
        self.next_reader += 1;
        self.readers.insert(id, None);
        Reader { id, next }
    }

    fn push(&mut self, event: Event) {
        let latest = if event.is_word() { &mut self.words } else { &mut self.events };
        latest.push(self.next, event);
        self.next += 1;
    }

    /// The next event of a reader; `None`: there is none yet.
    fn next(&self, reader: &mut Reader) -> Option<Event> {
        let candidates = [self.events.from(reader.next), self.words.from(reader.next)];
        let (number, event) = candidates.into_iter().flatten().min_by_key(|(number, _)| number)?;
        let missed = number - reader.next;
        if missed > 0 {
            reader.next = *number;
            return Some(Event::Lagged { missed });
        }
        reader.next += 1;
        Some(event.clone())
    }
}

impl Latest {
    /// Events that a reader may lag behind.
    const KEPT: usize = 1024;

    fn push(&mut self, number: u64, event: Event) {
        if self.0.len() == Self::KEPT {
            self.0.pop_front();
        }
        self.0.push_back((number, event));
    }

    /// The first that is not older than this number.
    fn from(&self, number: u64) -> Option<&(u64, Event)> {
        self.0.get(self.0.partition_point(|(older, _)| *older < number))
    }
}

impl Events {
    /// The next event; `None`: the pool is over.
    ///
    /// It may be dropped before it is there: none is lost.
    #[doc(alias("read", "recv"))]
    #[expect(
        clippy::should_implement_trait,
        reason = "it is that of a stream, whose future is `Unpin`"
    )]
    pub fn next(&mut self) -> impl Future<Output = Option<Event>> + Send + '_ {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx))
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let Self { channel, reader } = &mut *self;
        if fork::is_fork() {
            // Its lock may be held for ever.
            return Poll::Ready(None);
        }
        // Neither the clone nor the drop of a waker happens under the lock.
        let fresh = cx.waker().clone();
        let mut state = lock(&channel.state);
        if let Some(event) = state.next(reader) {
            drop(state);
            return Poll::Ready(Some(event));
        }
        if state.closed {
            return Poll::Ready(None);
        }
        let old = state.readers.insert(reader.id, Some(fresh));
        drop(state);
        drop(old);
        Poll::Pending
    }
}

/// The clone goes on where this one is.
impl Clone for Events {
    fn clone(&self) -> Self {
        if fork::is_fork() {
            return self.channel.subscribe();
        }
        let reader = lock(&self.channel.state).reader(self.reader.next);
        Self { channel: self.channel.clone(), reader }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        if fork::is_fork() {
            return;
        }
        let mut state = lock(&self.channel.state);
        let waker = state.readers.remove(&self.reader.id);
        if state.readers.is_empty() {
            state.events = Latest::default();
            state.words = Latest::default();
        }
        drop(state);
        drop(waker);
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("next", &self.reader.next).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use smol::future::poll_once;

    use super::*;
    use crate::output::{Lines, OutputStream};

    fn send(channel: &Channel, events: impl IntoIterator<Item = Event>) {
        events.into_iter().for_each(|event| channel.push(event));
        channel.wake();
    }

    fn ready(worker: u64) -> Event {
        Event::Ready { worker, at: SystemTime::UNIX_EPOCH }
    }

    #[test]
    fn every_reader_gets_every_event_from_its_begin_on() {
        let channel = Arc::new(Channel::default());
        send(&channel, [ready(1)]);
        let mut early = channel.subscribe();
        send(&channel, [ready(2)]);
        let mut late = channel.subscribe();
        send(&channel, [ready(3)]);
        channel.close();
        smol::future::block_on(async {
            assert_eq!(early.next().await, Some(ready(2)));
            let mut twin = early.clone();
            for reader in [&mut early, &mut twin, &mut late] {
                assert_eq!(reader.next().await, Some(ready(3)));
                assert_eq!(reader.next().await, None);
            }
        });
    }

    #[test]
    fn who_lags_is_told_how_much_it_missed() {
        let channel = Arc::new(Channel::default());
        let mut events = channel.subscribe();
        for worker in 0..Latest::KEPT as u64 + 10 {
            send(&channel, [ready(worker)]);
        }
        smol::future::block_on(async {
            assert_eq!(events.next().await, Some(Event::Lagged { missed: 10 }));
            assert_eq!(events.next().await, Some(ready(10)));
        });
    }

    fn printed(text: &str) -> Event {
        let mut lines = Vec::new();
        Lines::default().cut(format!("{text}\n").as_bytes(), &mut lines);
        let line = lines.pop().unwrap();
        let at = SystemTime::UNIX_EPOCH;
        Event::Output { worker: 1, at, stream: OutputStream::Stdout, line }
    }

    #[test]
    fn a_flood_of_output_hides_nothing_else() {
        let channel = Arc::new(Channel::default());
        let mut events = channel.subscribe();
        send(&channel, [ready(1), printed("lost"), printed("lost too"), ready(2)]);
        for line in 0..Latest::KEPT {
            send(&channel, [printed(&line.to_string())]);
        }
        send(&channel, [ready(3)]);
        channel.close();
        smol::future::block_on(async {
            assert_eq!(events.next().await, Some(ready(1)));
            assert_eq!(events.next().await, Some(Event::Lagged { missed: 2 }));
            assert_eq!(events.next().await, Some(ready(2)));
            for line in 0..Latest::KEPT {
                assert_eq!(events.next().await, Some(printed(&line.to_string())));
            }
            assert_eq!(events.next().await, Some(ready(3)));
            assert_eq!(events.next().await, None);
        });
    }

    #[test]
    fn nothing_is_kept_for_nobody() {
        let channel = Arc::new(Channel::default());
        drop(channel.subscribe());
        send(&channel, [ready(1)]);
        assert!(lock(&channel.state).events.0.is_empty());
        let mut events = channel.subscribe();
        assert_eq!(smol::future::block_on(poll_once(events.next())), None);
    }
}
