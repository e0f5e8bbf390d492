//! A socket at which the application tells how its pools are, and takes commands.
//!
//! It is there for an operator with a question: which pool has a queue, which worker has grown, why
//! workers die; and who wants a worker replaced without another release. `pm-top` shows it in a terminal;
//! any other program speaks [its protocol](protocol), which is lines of JSON:
//!
//! ```text
//! $ echo '{"do":"health"}' | socat -t 5 - UNIX-CONNECT:$XDG_RUNTIME_DIR/pm-runtime/4711.sock
//! ```
//!
//! It needs the feature `operator`, and the application asks for it:
//!
//! ```no_run
//! use pm_runtime::{operator, worker_query};
//!
//! #[worker_query(workers = 2)]
//! fn double(n: u32) -> u32 {
//!     2 * n
//! }
//!
//! #[pm_runtime::main]
//! async fn main() -> Result<(), pm_runtime::Error> {
//!     let _operator = operator::serve()?; // until it is dropped
//!     assert_eq!(DoublePool::new().query(21).await?, 42);
//!     Ok(())
//! }
//! ```
//!
//! # Who may ask
//!
//! The user whose application it is, and root. The socket, `<process id>.sock`, is in a folder that no
//! other user can reach: `pm-runtime` in `$XDG_RUNTIME_DIR`, or, for services, in `$RUNTIME_DIRECTORY`
//! (systemd's `RuntimeDirectory=`). That folder is made with mode 0700; one that is there already has to
//! be such a one, and nothing else will do: there is no socket in `/tmp`. Whoever connects is asked for
//! its user (`SO_PEERCRED`) all the same.
//!
//! What it may be asked for is in [`Command`](protocol::Command), and nothing else. So who reaches it can
//! see the names of pools, their figures, and the reports of crashes, with what workers printed where that
//! is captured; can start and replace workers, and end them in order, as
//! [`Pool::unspawn`](crate::Pool::unspawn) does. It cannot run a query, see arguments or answers, or end
//! the application. Workers are processes of the same user: code that has taken one over may ask, too.
//!
//! # A worker that hangs
//!
//! `respawn` and `unspawn` wait for what runs, as long as the pool's [grace](crate::PoolBuilder::grace)
//! allows, and then kill. A worker that has to go now is ended by `kill -9` with its process id, which
//! `health` tells: the query that runs in it fails, its [report](crate::Crash) says that somebody outside
//! has killed it, the crash budget is left alone, and another worker takes its place.
//!
//! # What it costs
//!
//! A thread, which sleeps as long as nobody asks. There may be 8 clients at once, and one more is told
//! so. A client that sends a line of more than 64 KiB is told so and closed. One that does not read is not
//! heard until it does; what happens meanwhile is kept and counted as for
//! [any reader of events](crate::Events), so that over a slow line it is told how many it has missed
//! ([`Event::Lagged`](crate::Event::Lagged)); only where a thousand pools are made meanwhile is it closed.
//! Neither holds up others, or the pools. An answer to a mistake is a line that names it.

mod client;
mod command;
mod followed;
mod lines;
mod place;
pub mod protocol;
mod serve;
mod voice;

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::error::OperatorError;
use crate::process::fork;
use crate::sync::lock;
use crate::worker;
use serve::Served;

/// The socket of this process, while there is one.
static SERVING: Mutex<Option<PathBuf>> = Mutex::new(None);

/// Serves an operator's socket until what it returns is dropped. It returns at once, needs no executor,
/// and tells of all pools of the process, whenever they are made.
///
/// Sockets of applications that have ended without removing theirs, because they were killed, are removed
/// here.
///
/// # Errors
///
/// Where there is [no place](OperatorError::NoPlace) for it, or one that
/// [cannot be trusted](OperatorError::Untrusted); where the application [serves](OperatorError::Serving)
/// already; in a [worker](OperatorError::Worker), which is not the application; in a
/// [fork](OperatorError::Forked) of a process with pools; where the system refuses a file, a descriptor or
/// a thread.
pub fn serve() -> Result<Operator, OperatorError> {
    if worker::is_worker() {
        return Err(OperatorError::Worker);
    }
    if fork::is_fork() {
        return Err(OperatorError::Forked);
    }
    fork::mark();
    let mut serving = lock(&SERVING);
    if let Some(socket) = &*serving {
        return Err(OperatorError::Serving { socket: socket.clone() });
    }
    let folder = place::folder()?;
    place::prepare(&folder)?;
    place::sweep(&folder)?;
    let (listener, socket) = place::bind(&folder)?;
    let served = Served::start(listener).map_err(|error| {
        // It is of no use; what it failed for is the better reason.
        let _ = place::remove(&socket);
        OperatorError::refused("listen at", &socket, error)
    })?;
    *serving = Some(socket.clone());
    Ok(Operator { socket, served })
}

/// Serves an operator's socket: what [`serve`] returns. Its drop ends that, and removes the socket.
#[must_use = "its drop ends the service, as `let _ = …` does at once: write `let _operator = …`"]
pub struct Operator {
    socket: PathBuf,
    served: Served,
}

impl Operator {
    /// Where it is.
    pub fn socket(&self) -> &Path {
        &self.socket
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        if fork::is_fork() {
            // It is another process's.
            return self.served.forget();
        }
        close();
    }
}

/// Removes this process's socket, if there is one: nobody finds it any more.
fn close() {
    if !fork::is_fork() {
        remove(&mut lock(&SERVING));
    }
}

/// The same for a process that is about to die, which waits for nobody: one that is just about to serve
/// may have to wait for another application.
pub(crate) fn abandon() {
    if !fork::is_fork()
        && let Ok(mut serving) = SERVING.try_lock()
    {
        remove(&mut serving);
    }
}

fn remove(serving: &mut Option<PathBuf>) {
    if let Some(socket) = serving.take() {
        // Whoever comes next removes what this cannot.
        let _ = place::remove(&socket);
    }
}

impl std::fmt::Debug for Operator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Operator").field("socket", &self.socket).finish_non_exhaustive()
    }
}

/// An application with an operator's socket, or one that had it until it was killed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Application {
    /// Its process id.
    pub pid: u32,
    /// Where it listens.
    pub socket: PathBuf,
}

/// The folder of the sockets of this user, or of this service: `pm-runtime` in `$XDG_RUNTIME_DIR`, or in
/// `$RUNTIME_DIRECTORY`. It is there as soon as an application serves.
///
/// # Errors
///
/// Where [no variable](OperatorError::NoPlace) names one, or one that is [relative](OperatorError::Relative).
pub fn folder() -> Result<PathBuf, OperatorError> {
    place::folder()
}

/// The applications of this user that serve, by process id; for programs such as `pm-top`. Those that
/// were killed may be among them: their sockets refuse to connect.
///
/// # Errors
///
/// Where there is [no place](OperatorError::NoPlace) for sockets, or the folder cannot be read. That there
/// is none yet is no error.
pub fn applications() -> Result<Vec<Application>, OperatorError> {
    applications_in(&place::folder()?)
}

/// The same in another folder: that of a service, or another user's (for root).
///
/// # Errors
///
/// Where the folder is there and cannot be read.
///
/// ```
/// use pm_runtime::operator::applications_in;
///
/// for application in applications_in("/run/thumbnails/pm-runtime")? {
///     println!("{} listens at {}", application.pid, application.socket.display());
/// }
/// # Ok::<(), pm_runtime::OperatorError>(())
/// ```
pub fn applications_in(folder: impl AsRef<Path>) -> Result<Vec<Application>, OperatorError> {
    let folder = folder.as_ref();
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let sockets = place::sockets(folder)?;
    Ok(sockets.into_iter().map(|(pid, socket)| Application { pid, socket }).collect())
}
