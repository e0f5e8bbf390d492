//! What a new worker changes of its own process.

use rustix::process::{Resource, Rlimit};

use crate::error::BootError;
use crate::surroundings::{Attributes, refused};

/// Gives this process its attributes, before it has a second thread: new threads inherit the nice
/// value of the one that starts them.
pub(crate) fn apply(attributes: &Attributes) -> Result<(), BootError> {
    if let Some(cwd) = attributes.cwd() {
        rustix::process::chdir(cwd)
            .map_err(|error| refused(format!("cwd = \"{}\"", cwd.display()), error))?;
    }
    if let Some(nice) = attributes.nice {
        rustix::process::setpriority_process(None, nice)
            .map_err(|error| refused(format!("nice = {nice}"), error))?;
    }
    limit_core_dumps(attributes.core_dumps);
    Ok(())
}

/// A core dump delays a death, and with it the answer to the caller, by as long as it takes to
/// write the memory of the worker away.
///
/// One byte is less than any dump, so that no file is written; and where dumps go to a program,
/// which is started whatever the limit, it is the number at which the kernel starts none. To call
/// the process undumpable would do as well, but also take its folder in /proc, and debuggers, away
/// from its user. The hard limit stays, so that the worker's code may decide otherwise.
fn limit_core_dumps(wanted: bool) {
    const NONE: u64 = 1;
    let Rlimit { current, maximum } = rustix::process::getrlimit(Resource::Core);
    let limit = match wanted {
        true => maximum,
        false => Some(maximum.map_or(NONE, |maximum| maximum.min(NONE))),
    };
    if limit != current {
        // Nobody is refused a limit below the hard one.
        let _ = rustix::process::setrlimit(Resource::Core, Rlimit { current: limit, maximum });
    }
}
