//! Starting a process.

use std::borrow::Cow;
use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{self, Command};

use rustix::fs::Access;

use super::guard::Guard;
use crate::error::BootError;
use crate::surroundings::{self, Stdio, Surroundings};

/// Tells a process that it may be a worker. It decides nothing by itself: the link on stdin has
/// to be there too. The worker removes it. Its value says how many workers of workers the process
/// is away from the application, so that even a program that starts the application again, rather
/// than being a worker, makes no fork bomb.
pub(crate) const VARIABLE: &str = "PM_RUNTIME_WORKER";

/// The image that runs now, even if its file was replaced since.
const THIS_PROGRAM: &str = "/proc/self/exe";

/// A worker process that is to be started.
pub(crate) struct Start<'a> {
    /// `None`: this one.
    pub(crate) program: Option<&'a Path>,
    /// What lists of processes show.
    pub(crate) label: &'a str,
    pub(crate) depth: u32,
    /// The worker's end of the control socket.
    pub(crate) stdin: OwnedFd,
    /// Its stdout and stderr, where they are captured.
    pub(crate) output: Option<(OwnedFd, OwnedFd)>,
    pub(crate) surroundings: &'a Surroundings,
}

impl Start<'_> {
    /// Starts it. It leads a process group of its own, so that a terminal's signals pass it by and
    /// a kill takes all that it started.
    ///
    /// Nothing is run between fork and exec, so the system's fast way is taken (`posix_spawn`),
    /// whose cost does not grow with the memory of this process.
    pub(crate) fn spawn(self) -> Result<Guard, BootError> {
        let found = self.program.map_or(Ok(Cow::Borrowed(Path::new(THIS_PROGRAM))), find)?;
        let mut command = Command::new(&*found);
        if self.program.is_none() {
            command.arg0(std::env::args_os().next().unwrap_or_else(|| OsString::from("worker")));
        }
        if self.surroundings.clear_env {
            command.env_clear();
        }
        command
            .envs(&self.surroundings.env)
            .arg(format!("--pm-worker={}", self.label))
            .env(VARIABLE, self.depth.to_string())
            .stdin(process::Stdio::from(self.stdin))
            .process_group(0);
        if let Some((stdout, stderr)) = self.output {
            command.stdout(stdout).stderr(stderr);
        } else if self.surroundings.stdio == Stdio::Null {
            command.stdout(process::Stdio::null()).stderr(process::Stdio::null());
        }
        let child = command.spawn().map_err(|error| refused(&found, &error))?;
        Guard::new(child.id()).ok_or_else(|| BootError::Refused {
            reason: "the system named a process that cannot be".into(),
        })
    }
}

/// Where a program is that was named without a path: where the application finds it, whatever
/// variables its workers get. (With others, the search itself would cost the system's fast way.)
fn find(program: &Path) -> Result<Cow<'_, Path>, BootError> {
    if program.components().count() != 1 || program.has_root() {
        return Ok(Cow::Borrowed(program));
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let mut candidates = std::env::split_paths(&folders).map(|folder| folder.join(program));
    candidates.find(|candidate| is_executable(candidate)).map(Cow::Owned).ok_or_else(|| {
        BootError::Program {
            path: program.display().to_string().into(),
            reason: "no folder in the application's `PATH` has a program of this name".into(),
        }
    })
}

fn is_executable(file: &Path) -> bool {
    file.is_file() && rustix::fs::access(file, Access::EXEC_OK).is_ok()
}

fn refused(program: &Path, error: &io::Error) -> BootError {
    let reason = error.to_string().into();
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::OutOfMemory => BootError::Refused { reason },
        ErrorKind::ArgumentListTooLong => surroundings::refused("env".into(), error),
        // EMFILE and ENFILE have no kind of their own.
        _ if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) => {
            BootError::Refused { reason }
        }
        _ => BootError::Program { path: program.display().to_string().into(), reason },
    }
}
