//! Who makes trouble from outside: workers are killed, stopped and slowed, cores are taken, and pools are
//! respawned and resized all the while.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pm_runtime::{SpawnError, WorkerState};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::dice::Dice;
use crate::leftovers::parent_of;
use crate::subject::Subject;
use crate::wrong;

/// A time of trouble.
pub struct Storm {
    pub seed: u64,
    over: AtomicBool,
    /// How many workers may be lost by their own doing now.
    grants: AtomicI64,
    /// What was done to workers, by name.
    done: Mutex<BTreeMap<&'static str, u64>>,
}

impl Storm {
    pub fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self {
            seed,
            over: AtomicBool::new(false),
            grants: AtomicI64::new(0),
            done: Mutex::default(),
        })
    }

    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    pub fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// Whether a query may cost its worker. If so, somebody else may not.
    pub fn grants(&self) -> bool {
        let grant = |grants| (grants > 0).then_some(grants - 1);
        let granted = self.grants.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grant).is_ok();
        if granted {
            self.count("own deaths");
        }
        granted
    }

    fn count(&self, what: &'static str) {
        *self.done.lock().expect("nobody panics with it").entry(what).or_default() += 1;
    }

    /// What was done to workers.
    pub fn done(&self) -> BTreeMap<&'static str, u64> {
        self.done.lock().expect("nobody panics with it").clone()
    }
}

/// Has workers die, so many in a second at the most: half of them from outside, and of the others
/// each by what it runs.
pub fn kill(storm: &Storm, subjects: &[Arc<Subject>], rate: u32) {
    let mut dice = Dice::of(storm.seed, u64::MAX);
    let mut stopped: Vec<(Instant, OwnedFd)> = Vec::new();
    while !storm.is_over() {
        std::thread::sleep(Duration::from_secs(1) / rate);
        let now = Instant::now();
        stopped.retain(|(until, process)| {
            let waits = now < *until;
            if !waits {
                // It may be gone by now.
                let _ = pidfd_send_signal(process, Signal::CONT);
            }
            waits
        });
        if dice.in_a_thousand(500) {
            // What nobody takes is not kept for long.
            let few = |grants: i64| Some((grants + 1).min(3));
            let _ = storm.grants.fetch_update(Ordering::Relaxed, Ordering::Relaxed, few);
            continue;
        }
        let Some(process) = victim(&mut dice, subjects) else { continue };
        let (name, signal) = match dice.below(100) {
            0..6 => ("segfaults sent", Signal::SEGV),
            6..10 => ("aborts sent", Signal::ABORT),
            10..12 => ("terminations sent", Signal::TERM),
            12..20 => ("stopped", Signal::STOP),
            20..24 => {
                slow(&process);
                storm.count("slowed");
                continue;
            }
            _ => ("killed", Signal::KILL),
        };
        if pidfd_send_signal(&process.0, signal).is_ok() {
            storm.count(name);
        }
        // Some go on, others are killed by their pools.
        if signal == Signal::STOP && dice.in_a_thousand(700) {
            stopped.push((now + Duration::from_millis(dice.below(400)), process.0));
        }
    }
    for (_, process) in stopped {
        let _ = pidfd_send_signal(&process, Signal::CONT);
    }
}

/// A worker that is ready, of some pool.
fn victim(dice: &mut Dice, subjects: &[Arc<Subject>]) -> Option<(OwnedFd, Pid)> {
    let all: u64 = subjects.iter().map(|subject| subject.kills).sum();
    let mut chosen = dice.below(all);
    let subject = subjects.iter().find(|subject| {
        let it = chosen < subject.kills;
        chosen = chosen.saturating_sub(subject.kills);
        it
    })?;
    let mut workers = subject.pool.workers();
    workers.retain(|worker| !matches!(worker.state(), WorkerState::Starting | WorkerState::Gone));
    if workers.is_empty() {
        return None;
    }
    let pid = workers[dice.below(workers.len() as u64) as usize].pid();
    let number = Pid::from_raw(pid.cast_signed())?;
    let process = pidfd_open(number, PidfdFlags::empty()).ok()?;
    // Its number may be somebody else's by now; who is a child of this process is a worker.
    (parent_of(pid) == Some(std::process::id())).then_some((process, number))
}

fn slow((_, pid): &(OwnedFd, Pid)) {
    let _ = rustix::process::setpriority_process(Some(*pid), 19);
}

/// Takes a core now and then.
pub fn hog(storm: &Storm, number: u64) {
    let mut dice = Dice::of(storm.seed, u64::MAX - number);
    while !storm.is_over() {
        let until = Instant::now() + Duration::from_millis(dice.below(300));
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        std::thread::sleep(Duration::from_millis(dice.below(1000)));
    }
}

/// Respawns and resizes a pool, and looks at its account.
pub async fn manage(subject: Arc<Subject>, number: u64, storm: Arc<Storm>) {
    let mut dice = Dice::of(storm.seed, number);
    let pool = &subject.pool;
    while !storm.is_over() {
        smol::Timer::after(Duration::from_millis(dice.below(400))).await;
        let (what, done) = match dice.below(12) {
            0..2 => ("respawned", pool.respawn().await),
            2 => ("respawned to", pool.respawn_to(1 + dice.below(3) as usize).await),
            3..5 => ("resized", pool.resize(dice.below(4) as usize).await),
            5 => ("spawned", pool.spawn(2).await),
            6 => ("spawned one", pool.spawn_one().await.map(drop)),
            7 => {
                pool.unspawn().await;
                ("unspawned", pool.spawn(2).await)
            }
            8..10 => {
                if let Some(worker) = pool.acquire() {
                    pool.unspawn_one(&worker).await;
                }
                ("unspawned one", Ok(()))
            }
            _ => {
                let account = pool.health().account;
                if !account.balances() {
                    wrong(format!("{}: {account:?} does not balance", subject.name));
                }
                continue;
            }
        };
        storm.count(what);
        match done {
            Ok(()) => {}
            // A worker that was started did not get ready.
            Err(SpawnError::Boot(error)) if !error.is_permanent() => {}
            Err(error) => wrong(format!("{}: it could not be {what}: {error}", subject.name)),
        }
    }
}
