//! What a worker prints, where its pool captures that: two pipes, read as the reactor has time.
//!
//! A worker that prints faster than it is read has to wait, nobody else. The end of a pipe means
//! nothing, because whatever the worker has started may hold it open: at the worker's death what
//! is there is read, and the pipes are closed.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;

use super::Worker;
use crate::output::{Lines, OutputLine, OutputStream, Tail};
use crate::process::pipe;
use crate::sync::lock;

/// Bytes that are read at once, between which everybody else has a turn.
const AT_ONCE: usize = 8 << 10;
/// Bytes that are read after a worker's death: as many as the largest pipe holds, unless somebody
/// privileged made it larger. Who has escaped the worker's group may write on meanwhile.
const AT_THE_END: usize = 1 << 20;

/// The pool's ends of a worker's stdout and stderr.
pub(super) struct Output {
    stdout: Captured,
    stderr: Captured,
}

/// The worker's ends of them.
pub(super) struct FarEnds {
    pub(super) stdout: OwnedFd,
    pub(super) stderr: OwnedFd,
}

/// The pool's end of one of them.
pub(super) struct Captured {
    pipe: OwnedFd,
    lines: Lines,
    /// Of stderr.
    tail: Option<Tail>,
}

/// What a read has found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Something,
    /// Nothing now.
    Nothing,
    /// Nothing ever again.
    End,
}

impl Output {
    pub(super) fn new() -> Result<(Self, FarEnds), Errno> {
        let (stdout, far_stdout) = Captured::new(None)?;
        let (stderr, far_stderr) = Captured::new(Some(Tail::default()))?;
        Ok((Self { stdout, stderr }, FarEnds { stdout: far_stdout, stderr: far_stderr }))
    }

    pub(super) fn of(&mut self, stream: OutputStream) -> &mut Captured {
        match stream {
            OutputStream::Stdout => &mut self.stdout,
            OutputStream::Stderr => &mut self.stderr,
        }
    }

    /// The last lines of stderr.
    pub(super) fn stderr_tail(&self) -> Option<String> {
        self.stderr.tail.as_ref().map(Tail::text)
    }
}

impl Captured {
    fn new(tail: Option<Tail>) -> Result<(Self, OwnedFd), Errno> {
        let (near, far) = pipe::to_read()?;
        Ok((Self { pipe: near, lines: Lines::default(), tail }, far))
    }

    pub(super) fn pipe(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }

    /// Reads some of what is there. Lines are made only where somebody wants them.
    pub(super) fn read(&mut self, lines: Option<&mut Vec<OutputLine>>) -> Found {
        let mut bytes = Vec::with_capacity(AT_ONCE);
        match pipe::read(&self.pipe, &mut bytes) {
            None => return Found::Nothing,
            Some(0) => return Found::End,
            Some(_) => {}
        }
        if let Some(tail) = &mut self.tail {
            tail.push(&bytes);
        }
        match lines {
            Some(lines) => self.lines.cut(&bytes, lines),
            None => self.lines.forget(),
        }
        Found::Something
    }

    /// The line that never ended, if somebody wants it.
    pub(super) fn end(&mut self, lines: Option<&mut Vec<OutputLine>>) {
        if let Some(lines) = lines {
            self.lines.end(lines);
        }
    }
}

impl Worker {
    /// Passes on some of what it has printed. On the reactor's thread.
    pub(super) fn hear_output(&self, stream: OutputStream) {
        self.pass_on(stream, |captured, mut lines| {
            let found = captured.read(lines.as_deref_mut());
            if found == Found::End {
                // What is closed is always ready.
                self.reactor.unwatch(captured.pipe());
                captured.end(lines);
            }
        });
    }

    /// Passes on what it had printed before it died, and closes the pipes. The last lines of
    /// stderr; `None`: nothing is captured.
    pub(super) fn read_last_output(&self) -> Option<String> {
        for stream in [OutputStream::Stdout, OutputStream::Stderr] {
            for _ in 0..AT_THE_END / AT_ONCE {
                if self.pass_on(stream, Captured::read) != Some(Found::Something) {
                    break;
                }
            }
            self.pass_on(stream, |captured, lines| {
                self.reactor.unwatch(captured.pipe());
                captured.end(lines);
            });
        }
        lock(&self.output).take()?.stderr_tail()
    }

    /// Tells the owner of the lines that something finds, if anybody wants to know of them.
    fn pass_on<R>(
        &self,
        stream: OutputStream,
        find: impl FnOnce(&mut Captured, Option<&mut Vec<OutputLine>>) -> R,
    ) -> Option<R> {
        let owner = self.owner.upgrade();
        let owner = owner.filter(|owner| owner.has_audience() || self.records.wants_output());
        let mut lines = owner.is_some().then(Vec::new);
        let found = find(lock(&self.output).as_mut()?.of(stream), lines.as_mut());
        // Not under the lock, because whom it wakes is code of the application.
        if let (Some(owner), Some(lines)) = (owner, lines) {
            owner.printed(self.id, stream, lines);
        }
        Some(found)
    }
}
