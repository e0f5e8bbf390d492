//! Lanes: what streams say, piece by piece, through a buffer of fixed size in each direction.
//!
//! Each piece is two words, which say whose it is and how long, and its bytes. One side writes, and
//! shows what it has written when that is worth a look; the other reads, and shows how far it has
//! got. Whoever finds no room says so, and is woken when half of the lane is free.

use std::sync::atomic::{AtomicBool, AtomicU64 as OwnAtomicU64};
use std::sync::{Arc, Mutex};

use super::atomic::{AtomicU32, AtomicU64, Ordering, fence};
use super::layout::{Ends, LaneHead};
use super::prefetch;
use super::stream::{Broken, Buffer, padded};
use super::words::{self, WORD};
use super::{Region, atomic::Lent64};
use crate::sync::lock;
use crate::transport::piece::{Body, Piece};

/// The longest piece, in bytes: much shorter than a lane, so that streams take turns.
pub(crate) const PIECE: usize = 16 << 10;

/// Bytes in front of a piece.
const HEAD: usize = 2 * WORD;

/// Who reads shows how far it has got after so many parts of a lane.
const PARTS: u64 = 8;

/// One direction, as either side sees it.
#[derive(Clone, Copy)]
pub(crate) struct Lane<'a> {
    pub(crate) buffer: Buffer<'a>,
    /// How far it was written, seen or not.
    pub(crate) put: &'a AtomicU64,
    /// 1: the writer waits for room.
    pub(crate) wanted: &'a AtomicU32,
}

impl<'a> Lane<'a> {
    pub(crate) fn new(head: &'a LaneHead, words: &'a [Lent64]) -> Self {
        Self {
            buffer: Buffer { ends: &head.ends, words },
            put: &head.put.0,
            wanted: &head.wanted.0,
        }
    }

    fn ends(self) -> &'a Ends {
        self.buffer.ends
    }
}

/// Bytes of a piece, where they stand.
pub(crate) struct Words<'a> {
    spans: [&'a [Lent64]; 2],
    length: usize,
}

impl Words<'_> {
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    pub(crate) fn append_to(&self, bytes: &mut Vec<u8>) {
        let [first, second] = self.spans;
        let head = self.length.min(first.len() * WORD);
        words::load(first, head, bytes);
        words::load(second, self.length - head, bytes);
    }
}

#[derive(Default)]
struct Writer {
    written: u64,
    /// What the other side can see of it.
    shown: u64,
    /// How far it had read when that was last looked at.
    read: u64,
}

impl Writer {
    /// Writes a piece. `false`: there is no room.
    fn put(&mut self, lane: Lane<'_>, kind: u8, id: u64, bytes: &[u8]) -> Result<bool, Broken> {
        let length = HEAD as u64 + padded(bytes.len());
        if self.room(lane) < length && self.look(lane)? < length {
            return Ok(false);
        }
        let about = bytes.len() as u64 | u64::from(kind) << 32;
        self.store(lane, &id.to_ne_bytes());
        self.store(lane, &about.to_ne_bytes());
        self.store(lane, bytes);
        lane.put.store(self.written, Ordering::Release);
        prefetch::lane_to_write(lane.buffer.span(self.written, HEAD)[0]);
        Ok(true)
    }

    fn store(&mut self, lane: Lane<'_>, bytes: &[u8]) {
        let [first, second] = lane.buffer.span(self.written, bytes.len());
        let (head, tail) = bytes.split_at(bytes.len().min(first.len() * WORD));
        words::store(first, head);
        words::store(second, tail);
        self.written += padded(bytes.len());
    }

    /// Bytes that fit, as far as is known.
    fn room(&self, lane: Lane<'_>) -> u64 {
        lane.buffer.capacity() - (self.written - self.read)
    }

    /// Looks how far the other side has read; bytes that fit.
    fn look(&mut self, lane: Lane<'_>) -> Result<u64, Broken> {
        let read = lane.ends().read.0.load(Ordering::Acquire);
        if read < self.read || read > self.shown || !read.is_multiple_of(WORD as u64) {
            return Err(Broken);
        }
        self.read = read;
        Ok(self.room(lane))
    }

    /// Lets the other side see what was written.
    fn show(&mut self, lane: Lane<'_>) {
        if self.shown != self.written {
            self.shown = self.written;
            lane.ends().written.0.store(self.written, Ordering::Release);
        }
    }

    /// Has the other side say when half of the lane is free. `false`: it is.
    fn await_room(&mut self, lane: Lane<'_>) -> Result<bool, Broken> {
        // What nobody sees nobody reads.
        self.show(lane);
        lane.wanted.store(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        Ok(self.look(lane)? < lane.buffer.capacity() / 2)
    }
}

#[derive(Default)]
struct Reader {
    position: u64,
    /// How far the other side knows it to be.
    shown: u64,
}

impl Reader {
    /// How far there is something to read; `all`: also what the writer has not shown.
    fn written(&self, lane: Lane<'_>, all: bool) -> Result<u64, Broken> {
        let word = if all { lane.put } else { &lane.ends().written.0 };
        let written = word.load(Ordering::Acquire);
        let there = written.checked_sub(self.position).ok_or(Broken)?;
        if there > lane.buffer.capacity() || !written.is_multiple_of(WORD as u64) {
            return Err(Broken);
        }
        Ok(written)
    }

    /// The piece that stands next, and how long it is there; there is something up to `written`.
    fn next<'a>(&self, lane: Lane<'a>, written: u64) -> Result<(Piece<'a>, u64), Broken> {
        let word = |at: u64| {
            let [first, second] = lane.buffer.span(at, WORD);
            first.first().or(second.first()).map_or(0, |word| word.load(Ordering::Relaxed))
        };
        let there = written - self.position;
        if there < HEAD as u64 {
            return Err(Broken);
        }
        let (id, about) = (word(self.position), word(self.position + WORD as u64));
        let (length, kind, rest) = (about as u32 as usize, (about >> 32) as u8, about >> 40);
        let all = HEAD as u64 + padded(length);
        if length > PIECE || rest != 0 || all > there {
            return Err(Broken);
        }
        let spans = lane.buffer.span(self.position + HEAD as u64, length);
        Ok((Piece { kind, id, body: Body::Shared(Words { spans, length }) }, all))
    }

    /// Shows how far it has got. `true`: the other side waits for room, and has some now.
    fn show(&mut self, lane: Lane<'_>) -> bool {
        if self.shown == self.position {
            return false;
        }
        self.shown = self.position;
        lane.ends().read.0.store(self.position, Ordering::Release);
        fence(Ordering::SeqCst);
        lane.wanted.load(Ordering::Relaxed) != 0 && lane.wanted.swap(0, Ordering::SeqCst) != 0
    }
}

/// Whose end it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Pool,
    Worker,
}

/// One side's ends of both lanes.
pub(crate) struct Lanes {
    region: Arc<Region>,
    side: Side,
    writer: Mutex<Writer>,
    reader: Mutex<Reader>,
    /// Where the reader is, for who only looks.
    position: OwnAtomicU64,
    /// Something is written that the other side cannot see.
    hidden: AtomicBool,
}

/// What came of reading.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Progress {
    /// There was something.
    pub(crate) came: bool,
    /// The other side waits for the room that there is now, and has to be woken.
    pub(crate) made_room: bool,
}

impl Lanes {
    pub(crate) fn new(region: Arc<Region>, side: Side) -> Self {
        Self {
            region,
            side,
            writer: Mutex::default(),
            reader: Mutex::default(),
            position: OwnAtomicU64::new(0),
            hidden: AtomicBool::new(false),
        }
    }

    fn outgoing(&self) -> Lane<'_> {
        self.region.lane(self.side == Side::Worker)
    }

    fn incoming(&self) -> Lane<'_> {
        self.region.lane(self.side == Side::Pool)
    }

    /// Writes a piece of at most [`PIECE`] bytes; [`show`](Self::show) has to follow. `false`: there
    /// is no room, and the other side will say when there is.
    pub(crate) fn put(&self, kind: u8, id: u64, bytes: &[u8]) -> Result<bool, Broken> {
        let lane = self.outgoing();
        let mut writer = lock(&self.writer);
        while !writer.put(lane, kind, id, bytes)? {
            if writer.await_room(lane)? {
                return Ok(false);
            }
        }
        self.hidden.store(true, Ordering::Release);
        Ok(true)
    }

    /// The other side has made room since somebody found none.
    pub(crate) fn got_room(&self) -> bool {
        self.outgoing().wanted.load(Ordering::Relaxed) == 0
    }

    /// Lets the other side see what was written. `true`: something was, since the last time, and the
    /// other side may have to be woken for it.
    pub(crate) fn show(&self) -> bool {
        // As a rule there is nothing; to look costs less than to lock.
        if !self.has_hidden() {
            return false;
        }
        let mut writer = lock(&self.writer);
        self.hidden.store(false, Ordering::Relaxed);
        // Who found no room has shown it already, and has woken nobody.
        writer.show(self.outgoing());
        true
    }

    /// Something was put that the other side cannot see yet.
    pub(crate) fn has_hidden(&self) -> bool {
        self.hidden.load(Ordering::Acquire)
    }

    /// How far there is something to read now; of a writer that is dead, `all` that it ever wrote.
    /// What the other side did before it wrote that can be seen.
    pub(crate) fn written(&self, all: bool) -> Result<u64, Broken> {
        lock(&self.reader).written(self.incoming(), all)
    }

    /// There is something to read.
    pub(crate) fn has_news(&self) -> bool {
        let written = self.incoming().ends().written.0.load(Ordering::Acquire);
        written != self.position.load(Ordering::Relaxed)
    }

    /// Reads what is there up to there. The first error ends it.
    pub(crate) fn read<E: From<Broken>>(
        &self,
        until: u64,
        mut take: impl FnMut(&Piece<'_>) -> Result<(), E>,
    ) -> Result<Progress, E> {
        let lane = self.incoming();
        let mut reader = lock(&self.reader);
        let mut progress = Progress::default();
        while reader.position < until {
            let (piece, length) = reader.next(lane, until)?;
            let taken = take(&piece);
            reader.position += length;
            progress.came = true;
            taken?;
            if reader.position - reader.shown >= lane.buffer.capacity() / PARTS {
                progress.made_room |= reader.show(lane);
            }
        }
        progress.made_room |= reader.show(lane);
        self.position.store(reader.position, Ordering::Relaxed);
        Ok(progress)
    }
}
