//! Speaking with applications.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pm_runtime::OperatorError;
use pm_runtime::operator::protocol::{ApplicationState, Command, Done, Id, Line, Request};
use pm_runtime::operator::{Application, applications, applications_in};
use rustix::io::Errno;
use rustix::net::{self, AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

/// How long one may take to read a request.
const PATIENCE: Duration = Duration::from_millis(500);

/// The longest line that an application may send, in bytes.
const LONGEST: usize = 8 << 20;

/// The applications that there may be.
pub(crate) fn find(folder: Option<&Path>) -> Result<Vec<Application>, OperatorError> {
    folder.map_or_else(applications, applications_in)
}

/// A connection to an application.
pub(crate) struct Connection {
    stream: UnixStream,
    bytes: Vec<u8>,
    /// Where the first line that was not read begins, and up to where no end of it was found.
    next: usize,
    searched: usize,
}

/// Why there is nothing to be heard from an application.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// There is none: its socket was left behind.
    Gone,
    /// It has hung up, as it does when it ends.
    Ended,
    /// It has not answered in time.
    Silent,
    /// It does not want to speak.
    Refused(String),
    /// It said something that this program does not understand.
    Strange(serde_json::Error),
    /// What it says has no end.
    Endless,
    Io(io::Error),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("it is gone"),
            Self::Ended => f.write_str("it has hung up"),
            Self::Silent => f.write_str("it does not answer: is it stopped?"),
            Self::Refused(error) => f.write_str(error),
            Self::Strange(error) => {
                write!(f, "it speaks another language (is it newer than this program?): {error}")
            }
            Self::Endless => f.write_str("it sends a line that has no end"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl Connection {
    pub(crate) fn open(socket: &Path) -> Result<Self, Trouble> {
        let stream = connect(socket).map_err(|error| match error {
            Errno::CONNREFUSED | Errno::NOENT => Trouble::Gone,
            // It lets nobody in, and so many wait already that there is no room for one more.
            Errno::AGAIN => Trouble::Silent,
            _ => Trouble::Io(error.into()),
        })?;
        stream
            .set_nonblocking(false)
            .and_then(|()| stream.set_write_timeout(Some(PATIENCE)))
            .map_err(Trouble::Io)?;
        Ok(Self { stream, bytes: Vec::new(), next: 0, searched: 0 })
    }

    /// Another one for requests alone.
    pub(crate) fn requests(&self) -> Result<Requests, Trouble> {
        self.stream.try_clone().map(Requests).map_err(Trouble::Io)
    }

    /// The next line, if it comes by then.
    pub(crate) fn line_by(&mut self, deadline: Instant) -> Result<Option<Line>, Trouble> {
        loop {
            if let Some(line) = self.line()? {
                return Ok(Some(line));
            }
            let wait = deadline.saturating_duration_since(Instant::now());
            if wait.is_zero() {
                return Ok(None);
            }
            self.stream.set_read_timeout(Some(wait)).map_err(Trouble::Io)?;
            let mut chunk = [0; 64 << 10];
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(Trouble::Ended),
                Ok(read) => self.bytes.extend_from_slice(&chunk[..read]),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {}
                    ErrorKind::ConnectionReset => return Err(Trouble::Ended),
                    _ => return Err(Trouble::Io(error)),
                },
            }
        }
    }

    /// The next line of what has come.
    fn line(&mut self) -> Result<Option<Line>, Trouble> {
        let Some(length) = self.bytes[self.searched..].iter().position(|&byte| byte == b'\n')
        else {
            self.bytes.drain(..self.next);
            (self.next, self.searched) = (0, self.bytes.len());
            return if self.searched > LONGEST { Err(Trouble::Endless) } else { Ok(None) };
        };
        let end = self.searched + length;
        let line = serde_json::from_slice(&self.bytes[self.next..end]);
        (self.next, self.searched) = (end + 1, end + 1);
        line.map(Some).map_err(Trouble::Strange)
    }

    /// Its state, which it was asked for.
    fn state_by(&mut self, deadline: Instant) -> Result<ApplicationState, Trouble> {
        match self.line_by(deadline)? {
            Some(Line::Ok { done: Done::Health(state), .. }) => Ok(state),
            Some(Line::Error { error, .. }) => Err(Trouble::Refused(error)),
            Some(_) | None => Err(Trouble::Silent),
        }
    }
}

/// Connects, and does not wait for room in the queue of who listens.
fn connect(socket: &Path) -> Result<UnixStream, Errno> {
    let address = SocketAddrUnix::new(socket)?;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let stream = net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    net::connect(&stream, &address)?;
    Ok(stream.into())
}

/// Where requests go.
pub(crate) struct Requests(UnixStream);

impl Requests {
    pub(crate) fn send(&mut self, command: Command, id: Option<u64>) -> Result<(), Trouble> {
        let id = id.map(|id| Id::Number(id.into()));
        let line = format!("{}\n", Request { id, command });
        self.0.write_all(line.as_bytes()).map_err(|error| match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => Trouble::Silent,
            // What it said before it hung up is still to be read.
            _ => Trouble::Ended,
        })
    }
}

/// An application whose state was asked for once.
pub(crate) struct Asked {
    pub(crate) pid: u32,
    pub(crate) socket: PathBuf,
    pub(crate) state: Result<ApplicationState, Trouble>,
}

/// Asks every application once, all at the same time; those that are gone are left out.
pub(crate) fn ask_all(
    folder: Option<&Path>,
    patience: Duration,
) -> Result<Vec<Asked>, OperatorError> {
    // Who comes after one that was waited for has answered by then, or is as silent.
    const LEAST: Duration = Duration::from_millis(100);
    let ask = |socket: &Path| {
        let connection = Connection::open(socket)?;
        match connection.requests()?.send(Command::Health, None) {
            // Why it has hung up it may have said.
            Ok(()) | Err(Trouble::Ended) => Ok(connection),
            Err(trouble) => Err(trouble),
        }
    };
    let asked: Vec<_> = find(folder)?
        .into_iter()
        .map(|Application { pid, socket, .. }| (pid, ask(&socket), socket))
        .collect();
    let deadline = Instant::now() + patience;
    let heard = asked.into_iter().map(|(pid, asked, socket)| {
        let deadline = deadline.max(Instant::now() + LEAST);
        let state = asked.and_then(|mut connection| connection.state_by(deadline));
        Asked { pid, socket, state }
    });
    Ok(heard.filter(|asked| !matches!(asked.state, Err(Trouble::Gone))).collect())
}
