use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::{Deserializer, Serializer};
use serde_derive::{Deserialize, Serialize};

use super::{Blame, BootError, Bytes, Escaped, Limit};

/// What is known of a worker that died: a cheap clone of a [`Crash`].
///
/// Its `Display` is written for the operator who reads it at 3 a.m.: one line, in which control
/// characters of what the worker said are escaped, with the last few lines of its stderr, where they are
/// captured. With `{:#}` what it ran, where that was more than one query, and all that is kept of its
/// stderr stand below it, one by one; so they do with an error that is about it. For machines it is, as [`Crash`] is, what serde makes of it.
#[derive(Clone, PartialEq)]
pub struct CrashReport(Arc<Crash>);

/// The particulars of a worker's death, with the worker's words as it said them: control
/// characters are escaped where all of it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Crash {
    /// The pool's name.
    pub pool: String,
    /// The worker's number in its pool, from 1.
    pub worker: u64,
    /// Its process id; `None` where no process was started, or where it was a thread.
    pub pid: Option<u32>,
    /// When its death was noticed.
    pub at: SystemTime,
    /// What ended it, as its pool saw it.
    pub cause: CrashCause,
    /// Whose doing it was.
    pub blame: Blame,
    /// How the process ended, where that is known.
    pub exit: Exit,
    /// What was lost with it: the queries that it had begun and not answered, and the streams that
    /// were open in it, oldest first.
    pub running: Vec<RunningQuery>,
    /// How many queries it had been handed and had not begun; those run elsewhere.
    pub handed_back: usize,
    /// How many queries it had answered.
    pub served: u64,
    /// How long it had lived.
    pub age: Duration,
    /// The largest resident set it ever had, in bytes; `None` where that is not known: the
    /// system tells only what exceeds the memory of the application at the worker's start.
    pub max_rss: Option<u64>,
    /// The CPU time that it had used, user and system together.
    pub cpu: Option<Duration>,
    /// The last panic that it told of.
    pub panic: Option<String>,
    /// Its last [debug text](crate::worker::debug), whichever query said it.
    pub debug: Option<String>,
    /// The last lines that were written to its stderr, as text, at most 16 KiB of it as it was
    /// written. `None` where that is not captured
    /// ([`Stdio::Capture`](crate::Stdio::Capture)).
    pub stderr_tail: Option<String>,
}

/// A query that was running, or a stream that was open, when its worker died.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunningQuery {
    /// What it called: the name of the function, or of the service and its method, such as
    /// `Dex::lookup`.
    pub query: String,
    /// How long it had been running.
    pub age: Duration,
    /// The size of its encoded arguments, in bytes.
    pub size: usize,
    /// A hash of its encoded arguments (of more than 128 KiB, of the first and the last 64 KiB):
    /// reports that name the same one are most likely about the same arguments. It holds for one
    /// build of the application. In JSON and its kin it is the text of 16 hexadecimal digits that
    /// `Display` shows, because not all of them know numbers of 64 bits.
    #[serde(with = "hex")]
    pub hash: u64,
    /// Which of its runs it was, from 1: more than that where it was to run again after others had
    /// died under it.
    pub attempt: u32,
    /// It had opened a stream, which is lost with the worker.
    pub open: bool,
}

/// A hash as people see it, where they may.
mod hex {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(hash: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        match serializer.is_human_readable() {
            true => serializer.collect_str(&format_args!("{hash:016x}")),
            false => hash.serialize(serializer),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        match deserializer.is_human_readable() {
            true => {
                let digits = String::deserialize(deserializer)?;
                u64::from_str_radix(&digits, 16).map_err(D::Error::custom)
            }
            false => u64::deserialize(deserializer),
        }
    }
}

impl fmt::Display for RunningQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { query, age, size, hash, open, attempt } = self;
        let stream = if *open { "the stream " } else { "" };
        let (query, size) = (Escaped(query), Bytes(*size as u64));
        write!(f, "{stream}`{query}` ({size}, hash {hash:016x}) for {age:.1?}")?;
        match attempt {
            0 | 1 => Ok(()),
            _ => write!(f, " (attempt {attempt})"),
        }
    }
}

/// What ended a worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum CrashCause {
    /// It ended without its pool's doing: by a signal, an abort, an `exit` in the middle of a query.
    /// [`Crash::blame`] says whose it was.
    Died,
    /// Its function returned this error. (Of raw workers.)
    Failed(Box<str>),
    /// It was never ready.
    Boot(BootError),
    /// It sent something that no worker sends, and was killed.
    Protocol(Box<str>),
    /// It began none of the queries that it had been handed for this long, and was killed.
    Stuck(Duration),
    /// It was killed because a query in it had run longer than its `timeout`.
    TimedOut(Duration),
    /// It was killed because the caller of the query that it ran had dropped it
    /// (`cancel = "kill"`).
    Cancelled,
    /// It was killed because it had not ended within the `grace` of a release.
    Grace(Duration),
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Exit {
    /// It returned or called `exit` with this code.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
    /// Nobody could tell: somebody else had waited for it, or it was a thread.
    Unknown,
}

impl Exit {
    /// It returned, and with code 0.
    pub fn is_success(&self) -> bool {
        *self == Self::Code(0)
    }

    /// Whether a death by this signal is the doing of somebody else: code that goes wrong does not
    /// raise it by accident, nor do its own pipes and timers.
    pub(crate) fn is_from_outside(self) -> bool {
        const FAULTS: [i32; 13] = [
            libc::SIGILL,
            libc::SIGTRAP,
            libc::SIGABRT,
            libc::SIGBUS,
            libc::SIGFPE,
            libc::SIGSEGV,
            libc::SIGSYS,
            libc::SIGXCPU,
            libc::SIGXFSZ,
            libc::SIGPIPE,
            libc::SIGALRM,
            libc::SIGVTALRM,
            libc::SIGPROF,
        ];
        matches!(self, Self::Signal(signal) if !FAULTS.contains(&signal))
    }

    /// The signal's name, such as `"SIGSEGV"`.
    pub fn signal_name(&self) -> Option<&'static str> {
        const NAMES: [&str; 32] = [
            "",
            "SIGHUP",
            "SIGINT",
            "SIGQUIT",
            "SIGILL",
            "SIGTRAP",
            "SIGABRT",
            "SIGBUS",
            "SIGFPE",
            "SIGKILL",
            "SIGUSR1",
            "SIGSEGV",
            "SIGUSR2",
            "SIGPIPE",
            "SIGALRM",
            "SIGTERM",
            "SIGSTKFLT",
            "SIGCHLD",
            "SIGCONT",
            "SIGSTOP",
            "SIGTSTP",
            "SIGTTIN",
            "SIGTTOU",
            "SIGURG",
            "SIGXCPU",
            "SIGXFSZ",
            "SIGVTALRM",
            "SIGPROF",
            "SIGWINCH",
            "SIGIO",
            "SIGPWR",
            "SIGSYS",
        ];
        match *self {
            Self::Signal(number) => usize::try_from(number)
                .ok()
                .and_then(|number| NAMES.get(number).copied())
                .filter(|name| !name.is_empty()),
            Self::Code(_) | Self::Unknown => None,
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (*self, self.signal_name()) {
            (Self::Code(code), _) => write!(f, "exited with code {code}"),
            (Self::Signal(_), Some(name)) => write!(f, "was killed by {name}"),
            (Self::Signal(number), None) => write!(f, "was killed by signal {number}"),
            (Self::Unknown, _) => f.write_str("ended, nobody knows how"),
        }
    }
}

impl CrashReport {
    pub(crate) fn new(crash: Crash) -> Self {
        Self(Arc::new(crash))
    }
}

impl Deref for CrashReport {
    type Target = Crash;

    fn deref(&self) -> &Crash {
        &self.0
    }
}

impl fmt::Display for CrashReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&**self, f)
    }
}

impl serde::Serialize for CrashReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde::Serialize::serialize(&**self, serializer)
    }
}

impl<'de> serde::Deserialize<'de> for CrashReport {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <Crash as serde::Deserialize>::deserialize(deserializer).map(Self::new)
    }
}

/// As `Display`, so that whatever shows an error's `Debug` shows it to people; `{:#?}` has its fields.
impl fmt::Debug for CrashReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match f.alternate() {
            true => fmt::Debug::fmt(&**self, f),
            false => fmt::Display::fmt(&**self, f),
        }
    }
}

impl Crash {
    /// The limit that it met, if it died of one.
    pub fn limit(&self) -> Option<Limit> {
        match self.blame {
            Blame::Limit(limit) => Some(limit),
            _ => None,
        }
    }

    /// How many of what was [running](Self::running) were open streams.
    pub fn streams(&self) -> usize {
        self.running.iter().filter(|running| running.open).count()
    }
}
