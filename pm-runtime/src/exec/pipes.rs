//! The three pipes of a command, as this process holds them.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;

use crate::process::pipe;

/// Bytes that are moved at once, between which everybody else has a turn.
const AT_ONCE: usize = 32 << 10;
/// Bytes that are read at a command's end: as many as the largest pipe holds, unless somebody
/// privileged made it larger. Who has escaped the command's group may write on meanwhile.
const AT_THE_END: usize = 1 << 20;

/// What a command prints to one of its streams.
pub(super) struct Capture {
    /// `None`: nothing more is wanted.
    pipe: Option<OwnedFd>,
    bytes: Vec<u8>,
    limit: usize,
}

/// What a read has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Something,
    /// Nothing now.
    Nothing,
    /// Nothing ever again.
    End,
    /// More than the limit.
    TooMuch,
}

impl Capture {
    /// The capture, and the command's end of its pipe.
    pub(super) fn new(limit: usize) -> Result<(Self, OwnedFd), Errno> {
        let (near, far) = pipe::to_read()?;
        Ok((Self { pipe: Some(near), bytes: Vec::new(), limit }, far))
    }

    pub(super) fn pipe(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref().map(AsFd::as_fd)
    }

    /// Reads some of what is there.
    pub(super) fn read(&mut self) -> Found {
        let Some(end) = &self.pipe else { return Found::End };
        // One more than may come tells that more did.
        let room = self.limit.saturating_add(1).saturating_sub(self.bytes.len());
        self.bytes.reserve(room.clamp(1, AT_ONCE));
        match pipe::read(end, &mut self.bytes) {
            None => return Found::Nothing,
            Some(0) => return Found::End,
            Some(_) => {}
        }
        if self.bytes.len() <= self.limit {
            return Found::Something;
        }
        self.bytes.truncate(self.limit);
        Found::TooMuch
    }

    /// Reads what is there when the command has ended, not up to the end of the pipe: what has
    /// escaped the command's group may hold it open.
    pub(super) fn read_last(&mut self) -> Found {
        let before = self.bytes.len();
        loop {
            match self.read() {
                Found::Something if self.bytes.len() - before < AT_THE_END => {}
                found => return found,
            }
        }
    }

    /// Takes the pipe, for whoever watches it to close it.
    pub(super) fn end(&mut self) -> Option<OwnedFd> {
        self.pipe.take()
    }

    /// Takes what was printed.
    pub(super) fn take(&mut self) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.shrink_to_fit();
        bytes
    }
}

/// What a command is to read from its stdin.
pub(super) struct Feed {
    pipe: OwnedFd,
    bytes: Vec<u8>,
    written: usize,
}

impl Feed {
    /// The feed, and the command's end of its pipe.
    pub(super) fn new(bytes: Vec<u8>) -> Result<(Self, OwnedFd), Errno> {
        let (near, far) = pipe::to_write()?;
        Ok((Self { pipe: near, bytes, written: 0 }, far))
    }

    pub(super) fn pipe(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }

    /// Writes some of what is left; `false`: there is nothing left, or nobody reads it any more,
    /// which is the command's own affair.
    pub(super) fn write(&mut self) -> bool {
        let rest = &self.bytes[self.written..];
        match pipe::write(&self.pipe, &rest[..rest.len().min(AT_ONCE)]) {
            Ok(written) => self.written += written,
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(_) => return false,
        }
        self.written < self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_limit_passes() {
        for limit in [0, 1, 5, AT_ONCE, AT_ONCE + 1] {
            let (mut capture, far) = Capture::new(limit).unwrap();
            assert_eq!(rustix::io::write(&far, &vec![b'x'; limit]), Ok(limit));
            assert_eq!(capture.read_last(), Found::Nothing);
            assert_eq!(rustix::io::write(&far, b"y"), Ok(1));
            assert_eq!(capture.read(), Found::TooMuch);
            assert_eq!(capture.take(), vec![b'x'; limit]);
        }
        let (mut capture, far) = Capture::new(usize::MAX).unwrap();
        drop(far);
        assert_eq!(capture.read(), Found::End);
    }

    #[test]
    fn a_pipe_that_is_filled_for_ever_is_not_read_for_ever() {
        let (mut capture, far) = Capture::new(usize::MAX).unwrap();
        std::thread::spawn(move || while rustix::io::write(&far, &[0; 4096]).is_ok() {});
        while capture.bytes.len() < AT_THE_END {
            capture.read_last();
        }
        // The thread ends with the pipe.
        drop(capture);
    }

    #[test]
    fn what_is_not_read_is_not_written() {
        let (mut feed, far) = Feed::new(vec![7; 3 * AT_ONCE + 1]).unwrap();
        let mut read = Vec::with_capacity(4 * AT_ONCE);
        while feed.write() {
            while feed.written > read.len() {
                pipe::read(&far, &mut read).unwrap();
            }
        }
        assert_eq!(feed.written, feed.bytes.len());
        let (mut feed, far) = Feed::new(vec![7]).unwrap();
        drop(far);
        assert!(!feed.write(), "nobody reads it");
    }
}
