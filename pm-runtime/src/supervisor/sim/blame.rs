//! Whose doing a death was, as the oracle sees it.

use super::ledger::Shadow;
use super::worker::Ending;
use crate::error::{Blame, CrashCause, Exit};

/// Of a worker that died of itself, whatever it ran.
pub(super) fn of_ending(ending: &Ending) -> Blame {
    match *ending {
        Ending { limit: Some(limit), .. } => Blame::Limit(limit),
        Ending { oom_killed: true, .. } => Blame::Memory,
        Ending { exit: Exit::Signal(9 | 15), .. } => Blame::Outside,
        _ => Blame::Query,
    }
}

/// What observers are to be told, if they are told of a crash.
pub(super) fn of(shadow: &Shadow, ending: &Ending, failed: bool) -> Blame {
    let was_dying =
        shadow.lost.is_some() && !matches!(ending.exit, Exit::Signal(9) | Exit::Unknown);
    match &shadow.killed {
        Some((_, CrashCause::Grace(_))) if failed => Blame::Query,
        Some((_, CrashCause::TimedOut(_) | CrashCause::Cancelled | CrashCause::Grace(_))) => {
            Blame::Pool
        }
        Some((_, CrashCause::Boot(_))) => Blame::Start,
        Some(_) if was_dying => of_ending(ending),
        Some(_) => Blame::Query,
        None if shadow.ready => of_ending(ending),
        None if ending.oom_killed => Blame::Memory,
        // Not yet able to decline what every process is told.
        None if ending.exit == Exit::Signal(15) => Blame::Outside,
        None => Blame::Start,
    }
}
