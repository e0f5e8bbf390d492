//! The end of a worker: what it said last, what became of its process, and its obituary.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use super::Worker;
use super::hear::Hearing;
use crate::error::{Exit, Limit};
use crate::link::Reading;
use crate::process::guard::{self, Ended};
use crate::process::{cgroup, limits};
use crate::supervisor::Obituary;
use crate::surroundings::Limits;
use crate::sync::lock;
use crate::transport::socket::Read;

impl Worker {
    /// The process may have ended.
    pub(super) fn look_for_end(self: &Arc<Self>) {
        let mut guard = lock(&self.guard);
        let Some(process) = &*guard else { return };
        if !process.has_ended() {
            // Whoever traces it has to let go first, and its pidfd is ready all the while.
            if let (Some(pidfd), Ok(())) = (process.pidfd(), self.wait_on_a_thread()) {
                self.reactor.unwatch(pidfd);
            }
            return;
        }
        let Some(mut ended) = guard.take() else { return };
        drop(guard);
        // Whatever it started must not go on writing while its last words are read.
        ended.kill();
        // Its end may be known before its reply was read.
        self.hear_control();
        self.read_last_words();
        let ended = ended.reap();
        self.finish(Some(ended));
    }

    /// Has a thread wait for the process, where its pidfd cannot be had, or says too much.
    pub(super) fn wait_on_a_thread(self: &Arc<Self>) -> std::io::Result<()> {
        let Some(pid) = self.pid else { return Ok(()) };
        let worker = self.clone();
        let wait = move || {
            guard::wait_for_end(pid);
            worker.reactor.submit(move || worker.look_for_end());
        };
        std::thread::Builder::new()
            .name(format!("wait for {pid}"))
            .stack_size(64 << 10)
            .spawn(wait)
            .map(drop)
    }

    /// What it had said before it died counts: an answer that is there wins over everything.
    fn read_last_words(&self) {
        // Whoever has escaped with the other end can add nothing then; what is there stays.
        self.link.end();
        loop {
            match self.read(Reading::Everything, &mut Hearing::default()) {
                Ok(Read::Some) => {}
                Ok(Read::Empty | Read::Closed) => return,
                Err(what) => {
                    self.broken.store(true, Ordering::Relaxed);
                    if let Some(owner) = self.owner.upgrade() {
                        owner.broke(self.id, &what);
                    }
                    return;
                }
            }
        }
    }

    /// The limit that it has died of, as far as that can be told.
    fn limit_met(&self, exit: Exit, out_of_memory: bool) -> Option<Limit> {
        let Limits { memory, cpu } = self.limits;
        match exit {
            Exit::Signal(libc::SIGXCPU) => cpu.map(Limit::Cpu),
            // What a worker says of itself decides on no more than what its death is called.
            _ if out_of_memory && limits::may_be_for_memory(exit) => memory.map(Limit::Memory),
            _ => None,
        }
    }

    /// Whether the system has killed it because memory had run out. It asks the system, where nobody
    /// else is known to have killed it.
    fn was_oom_killed(&self, exit: Exit) -> bool {
        exit == Exit::Signal(libc::SIGKILL)
            && !self.killed.load(Ordering::Relaxed)
            && cgroup::was_oom_kill(self.oom_kills)
    }

    pub(super) fn finish(self: &Arc<Self>, ended: Option<Ended>) {
        if self.finished.swap(true, Ordering::Relaxed) {
            return;
        }
        if ended.is_none() {
            self.hear_control();
            self.read_last_words();
        }
        let unreaped = lock(&self.guard).take();
        // Not under the lock: whoever kills has the pool's.
        if let Some(unreaped) = unreaped {
            // It cannot be killed now. Whenever it can, somebody has to wait for it; where no
            // thread can be had, this one has to.
            let _ = std::thread::Builder::new().spawn(move || drop(unreaped));
        }
        if let Some(token) = self.token.get() {
            self.reactor.remove_source(*token);
        }
        self.link.end();
        let stderr_tail = self.read_last_output();
        // Before its death is told.
        self.records.end();
        let notes = lock(&self.notes).clone();
        let exit = ended.map_or(Exit::Unknown, |ended| ended.exit);
        let obituary = Obituary {
            pid: self.pid,
            exit,
            limit: self.limit_met(exit, notes.out_of_memory),
            oom_killed: self.was_oom_killed(exit),
            max_rss: ended.and_then(|ended| ended.max_rss),
            cpu: ended.and_then(|ended| ended.cpu),
            panic: notes.panic.map(|note| match note.location {
                Some(location) => format!("{} at {location}", note.message),
                None => note.message.into(),
            }),
            debug: notes.debug.map(|debug| debug.text),
            stderr_tail,
            // Those are its owner's to tell.
            begun: Default::default(),
            setting_up: notes.setting_up,
            failure: notes.failure,
            boot_error: notes.boot_error,
            at: SystemTime::now(),
        };
        // To give back its memory and its descriptors takes as long as some starts: its replacement
        // goes before that.
        let gone = self.clone();
        self.reactor.submit_chore(move || drop(gone));
        if let Some(owner) = self.owner.upgrade() {
            // Also of what it said last before a breach: what has begun never runs again.
            let mut begun = self.link.begun();
            if !begun.is_empty() {
                // These are the pool's own records, which break no rule; of what was told the
                // policy knows.
                let _ = owner.heard(self.id, &mut begun);
                owner.settle();
            }
            owner.died(self.id, obituary);
            self.link.forget_streams();
            // Who waited for it was woken, maybe on this core, and goes before what this thread does
            // next: to start its replacement keeps the core for a tenth of a millisecond.
            std::thread::yield_now();
        }
    }
}
