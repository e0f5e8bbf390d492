//! What a worker uses while it runs.

use super::Worker;
use crate::process::usage::Usage;
use crate::sync::lock;

impl Worker {
    /// What its process uses; nothing where it is a thread of this one, or has ended. Not under
    /// the pool's lock, because it asks the system.
    pub(crate) fn usage(&self) -> Usage {
        let Some(pid) = self.pid else {
            return Usage::default();
        };
        let usage = Usage::of(pid);
        // Asked for afterwards: as it is alive now, the number was its own all the while.
        match &*lock(&self.guard) {
            Some(guard) if guard.is_alive() => usage,
            Some(_) | None => Usage::default(),
        }
    }
}
