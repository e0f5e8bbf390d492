//! Starting a process.

use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::guard::Guard;
use crate::error::BootError;

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
) -> Result<Guard, BootError> {
    let mut command = Command::new(program.unwrap_or(Path::new(THIS_PROGRAM)));
    if program.is_none() {
        command.arg0(std::env::args_os().next().unwrap_or_else(|| OsString::from("worker")));
    }
    command
        .arg(format!("--pm-worker={label}"))
        .env(VARIABLE, depth.to_string())
        .stdin(Stdio::from(stdin))
        .process_group(0);
    let child = command.spawn().map_err(|error| refused(program, &error))?;
    Guard::new(child.id()).ok_or_else(|| BootError::Refused {
        reason: "the system named a process that cannot be".into(),
    })
}

fn refused(program: Option<&Path>, error: &io::Error) -> BootError {
    let reason = error.to_string().into();
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::OutOfMemory => BootError::Refused { reason },
        // EMFILE and ENFILE have no kind of their own.
        _ if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) => {
            BootError::Refused { reason }
        }
        _ => {
            let path = program.unwrap_or(Path::new(THIS_PROGRAM)).display().to_string().into();
            BootError::Program { path, reason }
        }
    }
}
