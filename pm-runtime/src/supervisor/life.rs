//! Workers come to life, and die.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::quarantine::{Fingerprint, Suspect};
use super::slot::Phase;
use super::{Bug, Caller, Core, Note, QueryKey, Slot, Violation, WorkerId};
use crate::error::{
    Blame, BootError, Crash, CrashCause, CrashReport, Exit, Limit, QueryError, RunningQuery,
};

/// What is known of a worker that is gone, beside what the policy knows itself.
#[derive(Debug, Clone)]
pub(crate) struct Obituary {
    pub(crate) pid: Option<u32>,
    pub(crate) exit: Exit,
    /// The limit that it has died of.
    pub(crate) limit: Option<Limit>,
    /// The system has killed it because memory had run out.
    pub(crate) oom_killed: bool,
    pub(crate) max_rss: Option<u64>,
    pub(crate) cpu: Option<Duration>,
    pub(crate) panic: Option<String>,
    /// What it said last of what it was at.
    pub(crate) debug: Option<Arc<str>>,
    /// The last lines of its stderr, where those are captured.
    pub(crate) stderr_tail: Option<String>,
    /// What it had begun.
    pub(crate) begun: BTreeMap<QueryKey, Particulars>,
    /// The application's code was setting it up, or had.
    pub(crate) setting_up: bool,
    /// The error that its function returned.
    pub(crate) failure: Option<Box<str>>,
    /// Why it never became ready, where that is known.
    pub(crate) boot_error: Option<BootError>,
    pub(crate) at: SystemTime,
}

/// What a report says of a query, and the policy has no use for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Particulars {
    /// The function or method.
    pub(crate) query: String,
    /// Of its arguments.
    pub(crate) hash: u64,
    /// `None`: nothing is to be held against its bytes.
    pub(crate) print: Option<Fingerprint>,
    /// Live queries with the same bytes, unless they are with another one that has them.
    pub(crate) twins: Vec<QueryKey>,
}

impl<P> Core<P> {
    /// A worker has set itself up and takes queries.
    pub(crate) fn ready(&mut self, worker: WorkerId, now: Instant) -> Result<(), Violation> {
        let slot = self.slot_mut(worker).ok_or(Violation::NotReady)?;
        if slot.is_dying() {
            return Ok(());
        }
        if !slot.is_starting() || slot.replay.is_some() {
            return Err(Violation::NotReady);
        }
        if !self.begin_replay(worker) {
            self.go_live(worker, now);
        }
        Ok(())
    }

    /// A worker takes queries from now on.
    pub(super) fn go_live(&mut self, worker: WorkerId, now: Instant) {
        let Some(slot) = self.slot_mut(worker) else { return };
        slot.phase = Phase::Live;
        slot.progress = now;
        slot.live = Some(now);
        let took = now.saturating_duration_since(slot.since);
        let temporary = slot.temporary;
        self.booted(took);
        self.note(Note::Ready(worker));
        if temporary {
            self.commission(worker, now);
        }
        self.begin_raw(worker, now);
        self.tick_probe(worker, now);
        self.tick_wear(worker, now);
        self.after_change(now);
    }

    /// A worker is gone: it died by itself, was killed, was told to end, or never came to life.
    /// Everything that it had said before was told before. How it ended, for those who were not
    /// waiting for a query.
    pub(crate) fn died(
        &mut self,
        worker: WorkerId,
        mut obituary: Obituary,
        now: Instant,
    ) -> Result<(), QueryError> {
        let Some(index) = self.index_of(worker) else {
            return Ok(());
        };
        let slot = self.slots.remove(index);
        self.vacant += usize::from(slot.is_missed());
        self.draft(now);
        self.prove_by_age(&slot, now);
        let death = self.cause_of(&slot, &obituary);
        let counts = self.counts(&death, &slot);
        let suspects = self.suspects_of(&slot, &death, &mut obituary);
        let Death { cause, blame, target, sane } = death;

        let report = (!sane).then(|| {
            let boot = match &cause {
                CrashCause::Boot(error) if error.is_permanent() => Some(error.clone()),
                _ => None,
            };
            (self.report(&slot, cause.clone(), blame, obituary, now), boot)
        });
        let end = report.as_ref().map_or(Ok(()), |(report, _)| Err(end_of(report)));
        if let Some((report, _)) = &report {
            self.hold_against(suspects, slot.begun.len(), report, now);
        }
        self.resolve_begun(&slot, target, report.as_ref().map(|(report, _)| report), now);
        for &key in &slot.handed {
            if self.has(Bug::ForgetHandedAtDeath) {
                continue;
            }
            if self.has(Bug::FailHandedAtDeath) {
                self.fail(key, QueryError::Released, now);
            }
            self.give_back(key, now);
        }
        self.fail_pinned(worker, now);

        let mut permanent = None;
        match report {
            None => self.note(Note::Released(worker)),
            Some((report, boot)) => {
                permanent = boot;
                match cause {
                    CrashCause::TimedOut(after) => self.note(Note::TimedOut(worker, after)),
                    CrashCause::Cancelled => self.note(Note::Cancelled(worker)),
                    _ => {}
                }
                self.note(match is_deliberate(&cause) {
                    true => Note::Killed(report.clone()),
                    false => Note::Crashed(report.clone()),
                });
                self.died_of_replay(&slot, blame, &report);
                if cause == CrashCause::Cancelled && self.has(Bug::KeepGap) {
                    self.target = self.target.saturating_sub(1);
                }
                if slot.temporary && !self.has(Bug::CountTemporaryDeaths) {
                    self.temporary_died(&slot, &cause, now);
                    self.after_change(now);
                    return end;
                }
                // Where no worker lives, who waits is told of a permanent failure instead.
                let lives = self.slots.iter().any(Slot::is_ready);
                if counts && (permanent.is_none() || lives) {
                    self.budget.record(report, now);
                    if self.budget.is_spent(now) {
                        self.budget.defer_probe(now);
                    }
                }
                if !is_deliberate(&cause) {
                    self.budget.back_off(now);
                }
                match cause {
                    CrashCause::Boot(error) if !is_bidden(&error) => {
                        self.boot_failed(&error, slot.id);
                        if !slot.spare {
                            self.give_up_vain_place(slot.id, now);
                        }
                    }
                    _ => {}
                }
            }
        }
        if let Some(error) = permanent {
            self.give_up(error, now);
        }
        if !slot.temporary {
            self.note_exhaustion(worker, now);
        }
        self.after_change(now);
        end
    }

    fn resolve_begun(
        &mut self,
        slot: &Slot,
        target: Option<QueryKey>,
        report: Option<&CrashReport>,
        now: Instant,
    ) {
        for &key in &slot.begun {
            if self.has(Bug::RerunBegunAtDeath)
                && self.queries.get(key).is_some_and(|query| query.caller == Caller::Waits)
            {
                self.tally.rerun(now);
                self.queries.requeue(key);
                continue;
            }
            let timeout = self.queries.get(key).and_then(|query| query.timeout());
            let error = match report {
                // It was told to end only when it ran nothing, so this is one more crash.
                None => QueryError::Released,
                Some(report) => match report.cause {
                    CrashCause::TimedOut(_)
                        if target == Some(key) || self.has(Bug::BlameTheNeighbours) =>
                    {
                        QueryError::TimedOut {
                            after: timeout.unwrap_or_default(),
                            worker: slot.id,
                            debug: None,
                        }
                    }
                    _ => end_of(report),
                },
            };
            self.rerun_or_fail(key, error, now);
        }
    }

    /// Whether a worker's death is to be held against what it ran, so that fingerprints are wanted.
    pub(crate) fn wants_prints(&self, worker: WorkerId, obituary: &Obituary) -> bool {
        let death = self.slot(worker).map(|slot| self.cause_of(slot, obituary));
        self.config.quarantine.is_some() && death.is_some_and(|death| self.is_own_doing(&death))
    }

    fn is_own_doing(&self, death: &Death) -> bool {
        let blame = death.blame.is_of_query()
            || (self.has(Bug::BlameForOutside) && death.blame == Blame::Outside);
        // What is beyond talking to may have been stopped.
        blame && matches!(death.cause, CrashCause::Died | CrashCause::Protocol(_))
    }

    /// What the worker ran, where that is to be held responsible for its death.
    fn suspects_of(&self, slot: &Slot, death: &Death, obituary: &mut Obituary) -> Vec<Suspect> {
        if !self.is_own_doing(death) {
            return Vec::new();
        }
        let suspect = |&key: &QueryKey| {
            let particulars = obituary.begun.get_mut(&key)?;
            let twins = std::mem::take(&mut particulars.twins);
            Some(Suspect { key, print: particulars.print?, twins })
        };
        slot.begun.iter().filter_map(suspect).collect()
    }

    fn cause_of(&self, slot: &Slot, obituary: &Obituary) -> Death {
        let exit = obituary.exit;
        let blame = match obituary {
            _ if self.has(Bug::TrustTheExit) => Blame::of_exit(exit),
            Obituary { limit: Some(limit), .. } => Blame::Limit(*limit),
            Obituary { oom_killed: true, .. } => Blame::Memory,
            _ => Blame::of_exit(exit),
        };
        let of_boot = || {
            let error = match &obituary.boot_error {
                Some(error) => error.clone(),
                None if slot.hears_again() => BootError::Replay { exit: Some(exit) },
                None if obituary.setting_up => BootError::ExitedInInit { exit },
                None => BootError::Exited { exit },
            };
            let blame = match blame {
                Blame::Memory => Blame::Memory,
                _ if is_bidden(&error) => Blame::Outside,
                _ => Blame::Start,
            };
            Death::of(CrashCause::Boot(error), blame)
        };
        let by_itself = || obituary.failure.clone().map_or(CrashCause::Died, CrashCause::Failed);
        let of_itself = || Death::of(by_itself(), blame);
        // It was dying all the while, only slowly: whom the pool kills does not end like that.
        let was_dying =
            slot.lost.is_some() && !matches!(exit, Exit::Signal(libc::SIGKILL) | Exit::Unknown);
        match &slot.phase {
            Phase::Starting { .. } => of_boot(),
            Phase::Live => of_itself(),
            Phase::Dying { cause: CrashCause::Boot(BootError::Protocol { .. }), .. }
                if was_dying =>
            {
                Death { blame: Blame::Start, ..of_boot() }
            }
            Phase::Dying { cause: CrashCause::Protocol(_) | CrashCause::Stuck(_), .. }
                if was_dying =>
            {
                of_itself()
            }
            // It had failed by then, and only did not get away.
            Phase::Dying { cause: CrashCause::Grace(_), .. } if slot.failing.is_some() => {
                Death::of(by_itself(), Blame::Query)
            }
            Phase::Releasing { told, .. } => {
                let blamed = self.config.raw && self.has(Bug::BlameLeft);
                let sane = *told
                    && !blamed
                    && slot.failing.is_none()
                    && matches!(exit, Exit::Code(0) | Exit::Unknown);
                Death { sane, ..of_itself() }
            }
            Phase::Dying { cause, target, .. } => Death {
                target: *target,
                blame: match cause {
                    cause if is_deliberate(cause) => Blame::Pool,
                    CrashCause::Boot(_) => Blame::Start,
                    _ => Blame::Query,
                },
                cause: match (cause, &obituary.boot_error) {
                    (CrashCause::Boot(_), Some(error)) => CrashCause::Boot(error.clone()),
                    _ => cause.clone(),
                },
                // A worker that was no longer wanted before it was ready, or ran nothing.
                sane: matches!(cause, CrashCause::Grace(_))
                    && slot.load() == 0
                    && !(self.config.raw && slot.live.is_some()),
            },
        }
    }

    /// Whether a death counts against the crash budget.
    fn counts(&self, death: &Death, slot: &Slot) -> bool {
        if slot.is_dying() && slot.lost.is_some() && self.has(Bug::ForgiveLost) {
            return false;
        }
        let counted = match death.blame {
            Blame::Outside => self.has(Bug::CountDeathsFromOutside),
            Blame::Pool => death.cause == CrashCause::Cancelled && self.has(Bug::CountCancelKills),
            Blame::Limit(_) if self.has(Bug::ForgiveLimits) => false,
            Blame::Memory if self.has(Bug::ForgiveOomKills) => false,
            blame => blame.counts(),
        };
        counted && !death.sane
    }

    fn report(
        &self,
        slot: &Slot,
        cause: CrashCause,
        blame: Blame,
        mut obituary: Obituary,
        now: Instant,
    ) -> CrashReport {
        let running = slot
            .begun
            .iter()
            .filter_map(|&key| {
                let query = self.queries.get(key)?;
                // A dead worker begins nothing more, so that none is missing.
                let Particulars { query: name, hash, .. } =
                    obituary.begun.remove(&key).unwrap_or_default();
                let age = query.ran(now).unwrap_or_default();
                let (size, open) = (query.size(), query.is_open);
                let attempt = u32::from(query.attempt());
                Some(RunningQuery { query: name, age, size, hash, open, attempt })
            })
            .collect();
        CrashReport::new(Crash {
            pool: self.config.name.clone(),
            worker: slot.id,
            pid: obituary.pid,
            at: obituary.at,
            cause,
            blame,
            exit: obituary.exit,
            running,
            handed_back: slot.handed.len(),
            served: slot.served,
            age: now.saturating_duration_since(slot.since),
            max_rss: obituary.max_rss,
            cpu: obituary.cpu,
            panic: obituary.panic,
            debug: obituary.debug.as_deref().map(str::to_owned),
            stderr_tail: obituary.stderr_tail,
        })
    }
}

/// What this death is to those who were not its reason.
fn end_of(report: &CrashReport) -> QueryError {
    match report.cause {
        CrashCause::Grace(_) => QueryError::Released,
        CrashCause::Protocol(_) => QueryError::Protocol(report.clone()),
        _ => QueryError::Crashed(report.clone()),
    }
}

/// How the policy sees a death.
struct Death {
    cause: CrashCause,
    blame: Blame,
    target: Option<QueryKey>,
    /// It was meant to end, and ended well.
    sane: bool,
}

impl Death {
    fn of(cause: CrashCause, blame: Blame) -> Self {
        Self { cause, blame, target: None, sane: false }
    }
}

/// Whether the pool ended it for reasons of its own: that says nothing of how the next one fares.
fn is_deliberate(cause: &CrashCause) -> bool {
    matches!(cause, CrashCause::TimedOut(_) | CrashCause::Cancelled | CrashCause::Grace(_))
}

/// Whether a worker was told to end before it could decline: shells and service managers tell
/// every process of a tree. That says nothing of how the next one fares, and what waited for this
/// one is to be served while the application drains its pools.
fn is_bidden(error: &BootError) -> bool {
    let signals = [libc::SIGTERM, libc::SIGINT, libc::SIGHUP];
    let exit = match error {
        BootError::Exited { exit } | BootError::Replay { exit: Some(exit) } => *exit,
        _ => return false,
    };
    matches!(exit, Exit::Signal(signal) if signals.contains(&signal))
}

/// Whether somebody else ended a worker before it was ready: that is no reason to think that the next
/// one will not be.
pub(super) fn was_killed(error: &BootError) -> bool {
    match error {
        BootError::Exited { exit }
        | BootError::ExitedInInit { exit }
        | BootError::Replay { exit: Some(exit) } => exit.is_from_outside(),
        _ => false,
    }
}
