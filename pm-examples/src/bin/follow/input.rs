//! The lines of a file that grows, or of standard input.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use futures_util::AsyncBufReadExt;
use futures_util::io::{AsyncRead, BufReader};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;

use smol::{Async, Unblock};

/// The longest line, in bytes.
pub(crate) const LONGEST: usize = 1 << 20;

#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// From 1.
    pub(crate) number: u64,
    /// Of a line that is too long only as much as shows it, so that a file without any end of line
    /// takes no memory.
    pub(crate) text: String,
}

pub(crate) struct Input {
    reader: BufReader<Box<dyn AsyncRead + Unpin>>,
    /// `None`: at its end it is over.
    growth: Option<Growth>,
    /// What there is of the line that is being read.
    partial: Vec<u8>,
    lines: u64,
}

impl Input {
    /// Opens a file; `-` is standard input.
    pub(crate) fn open(path: &Path, once: bool) -> io::Result<Self> {
        let is_stdin = path.as_os_str() == "-";
        let growth = (!once && !is_stdin).then(|| Growth::of(path)).transpose()?;
        let reader: Box<dyn AsyncRead + Unpin> = match is_stdin {
            true => Box::new(Unblock::new(io::stdin())),
            false => Box::new(Unblock::new(File::open(path)?)),
        };
        Ok(Self { reader: BufReader::new(reader), growth, partial: Vec::new(), lines: 0 })
    }

    /// The next line, when it is whole; `None` when the input is over. If this is dropped, nothing
    /// is lost.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            let bytes = self.reader.fill_buf().await?;
            if bytes.is_empty() {
                match &self.growth {
                    Some(growth) => growth.wait().await?,
                    None if self.partial.is_empty() => return Ok(None),
                    None => return Ok(Some(self.line())),
                }
                continue;
            }
            let end = bytes.iter().position(|&byte| byte == b'\n');
            let part = &bytes[..end.unwrap_or(bytes.len())];
            let room = LONGEST + 1 - self.partial.len();
            self.partial.extend_from_slice(&part[..part.len().min(room)]);
            let read = part.len() + usize::from(end.is_some());
            self.reader.consume_unpin(read);
            if end.is_some() {
                return Ok(Some(self.line()));
            }
        }
    }

    fn line(&mut self) -> Line {
        self.lines += 1;
        let bytes = std::mem::take(&mut self.partial);
        let text = String::from_utf8_lossy(bytes.strip_suffix(b"\r").unwrap_or(&bytes));
        Line { number: self.lines, text: text.into_owned() }
    }
}

/// Tells when a file has grown.
struct Growth(Async<OwnedFd>);

impl Growth {
    /// Of what is written from now on: the file is to be read afterwards.
    fn of(path: &Path) -> io::Result<Self> {
        let changes = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        inotify::add_watch(&changes, path, WatchFlags::MODIFY)?;
        Ok(Self(Async::new(changes)?))
    }

    async fn wait(&self) -> io::Result<()> {
        self.0.readable().await?;
        // That there was a change is all that is of interest.
        match rustix::io::read(self.0.get_ref(), &mut [0; 4096]) {
            Ok(_) | Err(Errno::AGAIN) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
