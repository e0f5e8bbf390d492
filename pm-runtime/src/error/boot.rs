use std::fmt;
use std::time::Duration;

use serde_derive::{Deserialize, Serialize};

use super::{Escaped, Exit};

/// Why a worker did not become ready.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum BootError {
    /// This program has not called `pm_runtime::init`, or not before it used a pool, so that its workers
    /// would run its `main` again.
    #[error(
        "this program has not called `pm_runtime::init()`, or calls it after its first use of a pool: \
         put `#[pm_runtime::main]` above its `main` (or `pm_runtime::init();` as its first \
         statement), `#[pm_runtime::test]` above a test"
    )]
    NotInitialized,
    /// An option of the pool makes no sense.
    #[error("the pool's option `{}` makes no sense: {}", Escaped(option), Escaped(reason))]
    Option {
        /// The option's name.
        option: Box<str>,
        /// What is wrong with its value.
        reason: Box<str>,
    },
    /// The program of the workers could not be executed.
    #[error("cannot execute `{}`: {}", Escaped(path), Escaped(reason))]
    Program {
        /// The program, as the option names it.
        path: Box<str>,
        /// What the system said.
        reason: Box<str>,
    },
    /// The system does not let a worker have what an option of the pool asks for: a `cwd` that is
    /// not there, a `nice` value that needs a privilege, an `env` that is too large.
    #[error("the worker cannot have `{}`: {}", Escaped(setting), Escaped(reason))]
    Surroundings {
        /// The option, as it would be written in the attribute.
        setting: Box<str>,
        /// What the system said.
        reason: Box<str>,
    },
    /// The system refused another process or descriptor.
    #[error("the system refused a new worker: {}", Escaped(reason))]
    Refused {
        /// What the system said.
        reason: Box<str>,
    },
    /// The worker was not ready within `boot_timeout`, and was killed.
    #[error("the worker was not ready after {after:?} (`boot_timeout`), and was killed")]
    TimedOut {
        /// The limit that was met.
        after: Duration,
    },
    /// The pool's `init` failed, or panicked.
    #[error("the worker's `init` failed: {}", Escaped(reason))]
    Init {
        /// What it said.
        reason: Box<str>,
    },
    /// The process ended before the handshake, and before any `init`.
    #[error(
        "the process {exit} before the handshake; does its `main` do anything before \
         `pm_runtime::init()`, such as reading its arguments? (if its program is another \
         executable, does that call it at all?)"
    )]
    Exited {
        /// How it ended.
        exit: Exit,
    },
    /// The process ended while the application's own code set it up: its `init`, or the `Default`
    /// of a service's state.
    #[error("the process {exit} in its `init`, or in the `Default` of its state")]
    ExitedInInit {
        /// How it ended.
        exit: Exit,
    },
    /// The worker did not bear what was [broadcast](crate::Call::broadcast) before it came, and is said
    /// to each worker before it is ready.
    #[error("{}", Replayed(exit))]
    Replay {
        /// How it ended; `None`: it panicked, and left the worker's state half changed.
        exit: Option<Exit>,
    },
    /// The program of the workers has no such entry.
    #[error(
        "the worker's program has no entry `{}`: is the crate that declares it named anywhere \
         in that program? (a crate that nothing names is not linked)",
        Escaped(entry)
    )]
    UnknownEntry {
        /// The entry's name: the path of the pool's type.
        entry: Box<str>,
    },
    /// The worker's program was built from another version of the function.
    #[error(
        "the worker's program was built from another version of the entry: here `{}`, there \
         `{}`; build both from the same source",
        Escaped(here),
        Escaped(there)
    )]
    Fingerprint {
        /// The signature in this program.
        here: Box<str>,
        /// The signature in the worker's program.
        there: Box<str>,
    },
    /// Pools that workers use are nested too deep.
    #[error("pools are nested {depth} deep, which is the limit: does the query use its own pool?")]
    TooDeep {
        /// How deep this process is nested; the application itself is 0.
        depth: u32,
    },
    /// The worker sent something that no worker sends.
    #[error("the worker broke the protocol of the handshake: {}", Escaped(reason))]
    Protocol {
        /// What it sent.
        reason: Box<str>,
    },
}

impl BootError {
    /// Whether another attempt can only fail in the same way.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::NotInitialized
            | Self::Option { .. }
            | Self::Program { .. }
            | Self::Surroundings { .. }
            | Self::Init { .. }
            | Self::UnknownEntry { .. }
            | Self::Fingerprint { .. }
            | Self::TooDeep { .. } => true,
            Self::Refused { .. }
            | Self::TimedOut { .. }
            | Self::Exited { .. }
            | Self::ExitedInInit { .. }
            | Self::Replay { .. }
            | Self::Protocol { .. } => false,
        }
    }
}

struct Replayed<'a>(&'a Option<Exit>);

impl fmt::Display for Replayed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(exit) => write!(f, "the process {exit}")?,
            None => f.write_str("it panicked")?,
        }
        f.write_str(" when it was told what had been broadcast to every worker before it came")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_worker_cannot_move_the_cursor() {
        let words: Box<str> = "a\x1b[2Jb".into();
        let all = [
            BootError::Option { option: words.clone(), reason: words.clone() },
            BootError::Program { path: words.clone(), reason: words.clone() },
            BootError::Surroundings { setting: words.clone(), reason: words.clone() },
            BootError::Refused { reason: words.clone() },
            BootError::Init { reason: words.clone() },
            BootError::UnknownEntry { entry: words.clone() },
            BootError::Fingerprint { here: words.clone(), there: words.clone() },
            BootError::Protocol { reason: words },
        ];
        for error in all {
            assert!(!error.to_string().contains('\x1b'), "{error:?}");
        }
    }
}
