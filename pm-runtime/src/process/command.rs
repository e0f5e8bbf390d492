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

/// Starts a worker process whose stdin is its end of the control socket. It leads a process group
/// of its own, so that a terminal's signals pass it by and a kill takes all that it started.
///
/// Nothing is run between fork and exec, so the system's fast way is taken (`posix_spawn`),
/// whose cost does not grow with the memory of this process.
pub(crate) fn spawn(
    program: Option<&Path>,
    label: &str,
    depth: u32,
    stdin: OwnedFd,
    surroundings: &Surroundings,
) -> Result<Guard, BootError> {
    let found = program.map_or(Cow::Borrowed(Path::new(THIS_PROGRAM)), find);
    let mut command = Command::new(&*found);
    if program.is_none() {
        command.arg0(std::env::args_os().next().unwrap_or_else(|| OsString::from("worker")));
    }
    if surroundings.clear_env {
        command.env_clear();
    }
    command
        .envs(&surroundings.env)
        .arg(format!("--pm-worker={label}"))
        .env(VARIABLE, depth.to_string())
        .stdin(process::Stdio::from(stdin))
        .process_group(0);
    if surroundings.stdio == Stdio::Null {
        command.stdout(process::Stdio::null()).stderr(process::Stdio::null());
    }
    let child = command.spawn().map_err(|error| refused(&found, &error))?;
    Guard::new(child.id()).ok_or_else(|| BootError::Refused {
        reason: "the system named a process that cannot be".into(),
    })
}

/// Where a program is that was named without a path: where the application finds it, whatever
/// variables its workers get. (With others, the search itself would cost the system's fast way.)
fn find(program: &Path) -> Cow<'_, Path> {
    let is_bare = program.components().count() == 1 && !program.has_root();
    let path = std::env::var_os("PATH").filter(|_| is_bare);
    let found = path.and_then(|path| {
        let candidates = std::env::split_paths(&path).map(|folder| folder.join(program));
        candidates.into_iter().find(|candidate| is_executable(candidate))
    });
    found.map_or(Cow::Borrowed(program), Cow::Owned)
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
