//! What the application's code in workers has to say: debug texts, messages and reports.
//!
//! Who listens may be slow, and a worker may never stop talking: what waits to be heard has so
//! much room and no more, and what finds none is counted.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use super::shared::{Shared, State};
use super::worker::Worker;
use crate::error::{DecodeError, QueryError, cut};
use crate::event::Event;
use crate::process::fork;
use crate::supervisor::{QueryKey, Violation, WorkerId};

/// Hears an encoded message; it may be no message of the type that is heard.
pub(super) type Hear<W> = Box<dyn FnMut(W, &[u8]) -> Result<(), DecodeError> + Send>;

/// What became of something that was to be heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// It will be.
    Soon,
    /// There was no room.
    Missed,
    /// Nobody listens.
    ByNobody,
}

/// The room for messages that wait to be heard.
#[derive(Debug, Default)]
pub(super) struct Room {
    taken: usize,
}

impl Room {
    /// Bytes in all, and what each message takes beyond its own. One that is larger than the room
    /// has it for itself.
    const ALL: usize = 4 << 20;
    const EACH: usize = 64;

    pub(super) fn take(&mut self, message: &[u8]) -> Heard {
        let size = message.len() + Self::EACH;
        if self.taken > 0 && self.taken + size > Self::ALL {
            return Heard::Missed;
        }
        self.taken += size;
        Heard::Soon
    }

    pub(super) fn give_back(&mut self, message: &[u8]) {
        self.taken -= message.len() + Self::EACH;
    }
}

/// The messages of one query, for its caller.
#[derive(Default)]
pub(super) struct Mailbox {
    messages: VecDeque<(WorkerId, Arc<Vec<u8>>)>,
    room: Room,
    /// Nobody will ever empty it.
    closed: bool,
}

impl Mailbox {
    pub(super) fn put(&mut self, worker: WorkerId, message: &Arc<Vec<u8>>) -> Heard {
        if self.closed {
            return Heard::ByNobody;
        }
        let heard = self.room.take(message);
        if heard == Heard::Soon {
            self.messages.push_back((worker, message.clone()));
        }
        heard
    }

    /// All that is there by now, in order.
    pub(super) fn empty(&mut self) -> VecDeque<(WorkerId, Arc<Vec<u8>>)> {
        self.room = Room::default();
        std::mem::take(&mut self.messages)
    }

    /// Its caller is gone; what is there will not be heard.
    pub(super) fn close(&mut self) -> VecDeque<(WorkerId, Arc<Vec<u8>>)> {
        self.closed = true;
        self.empty()
    }
}

impl Shared {
    /// Takes in a debug text.
    pub(super) fn hear_debug(
        &self,
        state: &mut State,
        id: WorkerId,
        query: Option<u64>,
        text: Box<str>,
    ) -> Result<(), Violation> {
        let text: Arc<str> = text.into();
        if let Some(query) = query {
            state.core.running(id, QueryKey::from_wire(query))?.note_debug(text.clone());
        }
        if let Some(worker) = state.worker(id) {
            worker.note_debug(text, query.is_some());
        }
        Ok(())
    }

    /// Takes in a message, for the query's caller and for the pool's callbacks.
    pub(super) fn hear_message(
        &self,
        state: &mut State,
        id: WorkerId,
        query: Option<u64>,
        message: Vec<u8>,
    ) -> Result<(), Violation> {
        let size = message.len();
        let message = Arc::new(message);
        let mut by_caller = Heard::ByNobody;
        if let Some(query) = query {
            let ticket = state.core.running(id, QueryKey::from_wire(query))?;
            by_caller = ticket.put(id, &message);
            if by_caller == Heard::Soon {
                let ticket = ticket.clone();
                state.after.told(ticket);
            }
        }
        let by_pool = self.callbacks.message(|| Some((Worker::seated(self, state, id)?, message)));
        if by_caller == Heard::Missed || (by_caller, by_pool) == (Heard::ByNobody, Heard::ByNobody)
        {
            self.missed.fetch_add(1, Ordering::Relaxed);
        }
        self.happened(state, Event::Message { worker: id, at: SystemTime::now(), size });
        Ok(())
    }

    pub(super) fn hear_report(&self, state: &mut State, id: WorkerId, text: Box<str>) {
        let text = text.into();
        self.happened(state, Event::Reported { worker: id, at: SystemTime::now(), text });
    }

    /// A message was no value of the type that its listener takes.
    pub(super) fn misheard(&self, worker: WorkerId, error: &DecodeError) {
        self.missed.fetch_add(1, Ordering::Relaxed);
        let text = format!("its message is none: {error}");
        let text = cut(&text).into();
        self.say([Event::Reported { worker, at: SystemTime::now(), text }]);
    }

    /// Messages, and occasions for callbacks, that were lost.
    pub(super) fn missed(&self) -> u64 {
        if fork::is_fork() {
            // Nothing is lost there, and the callbacks' lock may be held for ever.
            return 0;
        }
        self.missed.load(Ordering::Relaxed) + self.callbacks.missed()
    }
}

impl State {
    /// Adds to an error what was said before it.
    pub(super) fn explain(&self, error: &mut QueryError, said: Option<Arc<str>>) {
        if let QueryError::TimedOut { worker, debug, .. } = error {
            *debug = said.or_else(|| self.worker(*worker)?.debug_of_no_query());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_has_so_much_room_and_no_more() {
        let mut mailbox = Mailbox::default();
        let message = Arc::new(vec![0; 960]);
        for _ in 0..4096 {
            assert_eq!(mailbox.put(1, &message), Heard::Soon);
        }
        assert_eq!(mailbox.put(1, &message), Heard::Missed);
        assert_eq!(mailbox.empty().len(), 4096);
        assert_eq!(mailbox.put(1, &message), Heard::Soon);
        assert_eq!(mailbox.close().len(), 1);
        assert_eq!(mailbox.put(1, &message), Heard::ByNobody);
    }

    #[test]
    fn a_message_that_is_larger_than_the_room_has_it_for_itself() {
        let mut room = Room::default();
        let message = vec![0; 2 * Room::ALL];
        assert_eq!(room.take(&message), Heard::Soon);
        assert_eq!(room.take(&[1]), Heard::Missed);
        room.give_back(&message);
        assert_eq!(room.take(&[1]), Heard::Soon);
        assert_eq!(room.take(&message), Heard::Missed);
    }
}
