//! A stream of bytes through a buffer of fixed size: one side writes, the other reads.
//!
//! Messages follow each other, each padded to whole words. Where one begins is told in its slot,
//! so that a reader can go on behind one that was taken back.

use super::atomic::{
    Lent64,
    Ordering::{Acquire, Release},
};
use super::layout::{Ends, STEP};
use super::words::{self, WORD};

/// The other side says what cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken;

/// The buffer of a stream, as either side sees it.
#[derive(Clone, Copy)]
pub(crate) struct Buffer<'a> {
    pub(crate) ends: &'a Ends,
    pub(crate) words: &'a [Lent64],
}

impl<'a> Buffer<'a> {
    pub(super) fn capacity(self) -> u64 {
        (self.words.len() * WORD) as u64
    }

    /// The words from this position on, up to `length` bytes: in two pieces where the buffer ends
    /// between.
    pub(super) fn span(self, position: u64, length: usize) -> [&'a [Lent64]; 2] {
        let first = (position % self.capacity()) as usize / WORD;
        let count = length.div_ceil(WORD);
        let until = (first + count).min(self.words.len());
        [&self.words[first..until], &self.words[..count - (until - first)]]
    }
}

/// Bytes with their padding.
pub(crate) fn padded(length: usize) -> u64 {
    length.next_multiple_of(WORD) as u64
}

/// The end of a stream that writes.
#[derive(Default)]
pub(crate) struct Writer {
    written: u64,
}

impl Writer {
    /// Where the next message begins.
    pub(crate) fn position(&self) -> u64 {
        self.written
    }

    /// Bytes that fit now.
    pub(crate) fn room(&self, buffer: Buffer<'_>) -> Result<usize, Broken> {
        let read = buffer.ends.read.0.load(Acquire);
        let used = self.written.checked_sub(read).ok_or(Broken)?;
        let room = buffer.capacity().checked_sub(used).ok_or(Broken)?;
        if !read.is_multiple_of(WORD as u64) {
            return Err(Broken);
        }
        Ok(room as usize)
    }

    /// Writes a step of a message in two parts, of which the first is whole words: as much as fits,
    /// which is whole words unless it is the end; returns how much.
    pub(crate) fn write(
        &mut self,
        buffer: Buffer<'_>,
        [first, second]: [&[u8]; 2],
    ) -> Result<usize, Broken> {
        let most = STEP.min(self.room(buffer)?);
        let first = &first[..first.len().min(most)];
        let second = &second[..second.len().min(most - first.len())];
        self.store(buffer, first);
        self.store(buffer, second);
        buffer.ends.written.0.store(self.written, Release);
        Ok(first.len() + second.len())
    }

    fn store(&mut self, buffer: Buffer<'_>, bytes: &[u8]) {
        let [first, second] = buffer.span(self.written, bytes.len());
        let (head, tail) = bytes.split_at(bytes.len().min(first.len() * WORD));
        words::store(first, head);
        words::store(second, tail);
        self.written += padded(bytes.len());
    }

    /// Takes back what was written from this position on, which nobody has read or will.
    pub(crate) fn rewind(&mut self, buffer: Buffer<'_>, position: u64) {
        self.written = position;
        buffer.ends.written.0.store(position, Release);
    }
}

/// The end of a stream that reads.
#[derive(Default)]
pub(crate) struct Reader {
    read: u64,
}

impl Reader {
    /// Where the next message begins, unless something was taken back.
    pub(crate) fn position(&self) -> u64 {
        self.read
    }

    /// Goes on at a message that begins there.
    pub(crate) fn seek(&mut self, position: u64) {
        self.read = position;
    }

    /// Bytes of whole words that are there.
    pub(crate) fn available(&self, buffer: Buffer<'_>) -> Result<usize, Broken> {
        let written = buffer.ends.written.0.load(Acquire);
        let available = written.checked_sub(self.read).ok_or(Broken)?;
        if available > buffer.capacity() || !available.is_multiple_of(WORD as u64) {
            return Err(Broken);
        }
        Ok(available as usize)
    }

    /// Appends what is there of a message that lacks `missing` bytes, step by step, but no more than
    /// fits into the buffer at once, so that a reader gets to something else; returns how much that
    /// was.
    pub(crate) fn read(
        &mut self,
        buffer: Buffer<'_>,
        missing: usize,
        bytes: &mut Vec<u8>,
    ) -> Result<usize, Broken> {
        let most = missing.min(buffer.capacity() as usize);
        let mut done = 0;
        while done < most {
            let length = STEP.min(most - done).min(self.available(buffer)?);
            if length == 0 {
                break;
            }
            let [first, second] = buffer.span(self.read, length);
            let head = length.min(first.len() * WORD);
            words::load(first, head, bytes);
            words::load(second, length - head, bytes);
            self.read += padded(length);
            done += length;
            buffer.ends.read.0.store(self.read, Release);
        }
        Ok(done)
    }
}
