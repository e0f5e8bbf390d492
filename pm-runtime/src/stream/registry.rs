//! The streams of one link, by name, and the pieces that come for them.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Waker;

use super::channel::Channel;
use crate::sync::{lock, shielded};
use crate::transport::piece::Piece;
use crate::wire::frame::FrameError;

/// Who is to be woken when no lock is held: wakers are code of the application.
#[derive(Default)]
pub(crate) struct Wakes {
    wakers: Vec<Waker>,
    has_reader: bool,
}

impl Wakes {
    pub(crate) fn add(&mut self, wakers: impl IntoIterator<Item = Waker>) {
        self.wakers.extend(wakers);
    }

    /// The same of somebody who waits for a message, if anybody does.
    pub(crate) fn add_reader(&mut self, reader: Option<Waker>) {
        self.has_reader |= reader.is_some();
        self.wakers.extend(reader);
    }

    /// Whether one of them waits for a message, and looks for more when it has it.
    pub(crate) fn has_reader(&self) -> bool {
        self.has_reader
    }

    pub(crate) fn wake(&mut self) {
        for waker in self.wakers.drain(..) {
            shielded(|| waker.wake());
        }
    }
}

#[derive(Default)]
pub(crate) struct Registry {
    streams: Mutex<Streams>,
    /// How many there are, for who only looks.
    count: AtomicUsize,
}

#[derive(Default)]
struct Streams {
    by_name: HashMap<u64, Arc<Channel>, BuildHasherDefault<Names>>,
    /// The one that was spoken of last: as a rule the next piece is for it too.
    last: Option<(u64, Arc<Channel>)>,
}

/// Names are numbers of rows, with a generation above them: well spread as they are.
#[derive(Default)]
struct Names(u64);

impl Hasher for Names {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, name: u64) {
        self.0 = (self.0 ^ name).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl Registry {
    pub(crate) fn enter(&self, id: u64, channel: Arc<Channel>) {
        let mut streams = lock(&self.streams);
        let old = streams.by_name.insert(id, channel);
        self.count.store(streams.by_name.len(), Ordering::Release);
        drop(streams);
        drop(old);
    }

    pub(crate) fn leave(&self, id: u64) -> Option<Arc<Channel>> {
        let mut streams = lock(&self.streams);
        let last = streams.last.take_if(|(last, _)| *last == id);
        let channel = streams.by_name.remove(&id);
        self.count.store(streams.by_name.len(), Ordering::Release);
        drop(streams);
        drop(last);
        channel
    }

    pub(crate) fn get(&self, id: u64) -> Option<Arc<Channel>> {
        lock(&self.streams).by_name.get(&id).cloned()
    }

    pub(crate) fn len(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// All of them, which are gone from here.
    pub(crate) fn take_all(&self) -> Vec<Arc<Channel>> {
        let mut streams = lock(&self.streams);
        let last = streams.last.take();
        let all = std::mem::take(&mut streams.by_name);
        self.count.store(0, Ordering::Release);
        drop(streams);
        drop(last);
        all.into_values().collect()
    }

    /// Gives a piece to its stream. One that is over is spoken of no longer, though what was on its
    /// way may still come.
    pub(crate) fn take(&self, piece: &Piece<'_>, wakes: &mut Wakes) -> Result<(), FrameError> {
        let mut streams = lock(&self.streams);
        let Streams { by_name, last } = &mut *streams;
        if last.as_ref().is_none_or(|(last, _)| *last != piece.id) {
            let Some(channel) = by_name.get(&piece.id) else { return Ok(()) };
            *last = Some((piece.id, channel.clone()));
        }
        let Some((_, channel)) = last else { return Ok(()) };
        channel.take(piece, wakes)
    }
}
