//! All commands of this process, which are killed when it is about to die of a signal: they lead groups
//! of their own, so that a terminal's signals pass them by.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, TryLockError, Weak};
use std::time::Duration;

use super::running::Running;
use crate::reactor::Token;
use crate::sync::lock;

/// Those that are not reaped yet.
static ALL: Mutex<BTreeMap<Token, Weak<Running>>> = Mutex::new(BTreeMap::new());

/// Held for reading while a command is started, until it is among all.
static STARTS: RwLock<()> = RwLock::new(());

pub(super) fn starting() -> RwLockReadGuard<'static, ()> {
    STARTS.read().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn enter(token: Token, running: Weak<Running>) {
    lock(&ALL).insert(token, running);
}

pub(super) fn leave(token: Token) {
    lock(&ALL).remove(&token);
}

/// Kills all commands, and lets none start any more: for a process that is about to die. Whoever waits
/// for a command hears nothing of this, and cannot take it for the command's own end.
pub(crate) fn kill_all() {
    // A start may take as long as a folder is slow to reach, but this process is to die now.
    const LOOKS: u32 = 100;
    const PAUSE: Duration = Duration::from_millis(1);
    for _ in 0..LOOKS {
        match STARTS.try_write() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
            Ok(starts) => {
                std::mem::forget(starts);
                break;
            }
            Err(TryLockError::Poisoned(starts)) => {
                std::mem::forget(starts);
                break;
            }
        }
    }
    let all: Vec<_> = lock(&ALL).values().filter_map(Weak::upgrade).collect();
    all.iter().for_each(|running| running.kill_for_the_end());
}
