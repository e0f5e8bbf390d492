//! Typed pools of crash-isolated worker processes.

mod error;
mod health;
mod supervisor;

pub use error::{BootError, Crash, CrashCause, CrashReport, DecodeError, EncodeError, Error, Exit, PanicReport, QueryError, RunningQuery, SpawnError};
pub use health::{Account, Health, WorkerHealth, WorkerState};
