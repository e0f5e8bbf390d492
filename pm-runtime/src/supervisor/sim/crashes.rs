//! What becomes of queries whose workers die, counted once more: who runs again, and whose bytes are
//! held against them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::super::retry::RETRY_CAP;
use super::super::{Config, Fingerprint, Particulars, Place, QueryKey, Route, Stage, WorkerId};
use super::judge::ensure;
use super::ledger::{Alarm, Check, Fact, Ledger, Shadow, Ticket};
use super::raw;
use super::world::{Event, World};
use crate::error::{Blame, CrashCause, Exit};

/// What is held against whose bytes.
#[derive(Default)]
pub(super) struct Blames {
    /// Those that ran when a worker died of itself, and when they had been alone.
    suspects: BTreeMap<Fingerprint, Vec<Instant>>,
    /// Those that had been alone too often, and how often.
    refused: BTreeMap<Fingerprint, u32>,
    /// Begins of runs that were not the last, and how long their callers had waited for them.
    pub(super) earlier: Vec<(Instant, Duration)>,
}

impl Blames {
    pub(super) fn refuses(&self, print: Option<Fingerprint>) -> Option<u32> {
        self.refused.get(&print?).copied()
    }

    pub(super) fn suspects(&self, print: Option<Fingerprint>) -> bool {
        print.is_some_and(|print| self.suspects.contains_key(&print))
    }

    /// It ran, and its worker lives.
    pub(super) fn acquit(&mut self, print: Option<Fingerprint>, config: &Config, now: Instant) {
        let Some(print) = print else { return };
        let recent = |at: &Instant| config.crash_window.is_none_or(|window| now < *at + window);
        let has_killed = |kills: &Vec<Instant>| kills.iter().any(recent);
        let is_clear = self.suspects.get(&print).is_some_and(|kills| !has_killed(kills));
        if is_clear && !self.refused.contains_key(&print) {
            self.suspects.remove(&print);
        }
    }

    fn hold(&mut self, print: Fingerprint, alone: bool, config: &Config, now: Instant) {
        let Some(limit) = config.quarantine else { return };
        let kills = self.suspects.entry(print).or_default();
        if !alone || self.refused.contains_key(&print) {
            return;
        }
        kills.push(now);
        let recent = |at: &Instant| config.crash_window.is_none_or(|window| now < *at + window);
        kills.retain(recent);
        if kills.len() >= limit as usize {
            self.refused.insert(print, kills.len() as u32);
        }
    }
}

impl Fact {
    /// What tells its bytes from others', where they may be held against it.
    pub(super) fn print(&self, id: usize) -> Option<Fingerprint> {
        self.hash(id).filter(|_| !self.replay)
    }

    /// What tells its bytes from others'; `None`: it has no arguments.
    fn hash(&self, id: usize) -> Option<Fingerprint> {
        match self.bytes {
            Some(0) => None,
            Some(bytes) => Some(Fingerprint(u128::from(bytes))),
            None => Some(Fingerprint(1000 + id as u128)),
        }
    }

    /// The shortest and the longest pause before it runs again.
    fn pause(&self) -> (Duration, Duration) {
        let full = Duration::from_millis(10) * (1 << self.runs.saturating_sub(1).min(10));
        let full = full.min(RETRY_CAP);
        (full / 2, full)
    }
}

impl Ledger {
    /// The policy would like to know it.
    pub(super) fn print_of(&self, id: usize) -> Option<Fingerprint> {
        self.facts.get(id).and_then(|fact| fact.print(id))
    }
}

impl World {
    /// What the owner of the policy finds out about what a dead worker ran.
    pub(super) fn particulars(&self, worker: WorkerId) -> BTreeMap<QueryKey, Particulars> {
        let facts = &self.ledger.facts;
        let particulars = |(key, ticket): (QueryKey, &Ticket)| {
            let print = self.ledger.print_of(ticket.0);
            (key, Particulars { print, ..Particulars::default() })
        };
        let mut begun: BTreeMap<_, _> = self.core.begun_by(worker).map(particulars).collect();
        let suspects: Vec<QueryKey> =
            begun.iter().filter(|(_, its)| its.print.is_some()).map(|(&key, _)| key).collect();
        let hash = |ticket: &Ticket| facts[ticket.0].hash(ticket.0);
        for (key, twin) in self.core.twins(suspects, |one, other| hash(one).cmp(&hash(other))) {
            begun.entry(key).or_default().twins.push(twin);
        }
        begun
    }

    /// Whether a death is held against what the worker ran, by what has truly happened.
    fn is_own_doing(shadow: &Shadow, exit: Exit, blame: Blame) -> bool {
        let was_dying = shadow.lost.is_some() && !matches!(exit, Exit::Signal(9) | Exit::Unknown);
        // What is beyond talking to may have been stopped.
        let stuck = matches!(shadow.killed, Some((_, CrashCause::Stuck(_)))) && !was_dying;
        // What is heard before a worker is ready has an account of its own.
        blame.is_of_query() && !stuck && shadow.ready
    }

    /// Before the policy hears of a death.
    pub(super) fn hold_against(&mut self, shadow: &Shadow, exit: Exit, blame: Blame) {
        let ran: Vec<usize> = self.ran_in(shadow);
        if !Self::is_own_doing(shadow, exit, blame) {
            return;
        }
        for &id in &ran {
            if let Some(print) = self.ledger.print_of(id) {
                let alone = ran.len() == 1;
                self.ledger.blames.hold(print, alone, &self.config, self.now);
            }
        }
    }

    /// What a worker had begun, as the policy knows by the time of its death.
    pub(super) fn ran_in(&self, shadow: &Shadow) -> Vec<usize> {
        let begun = |id: &&usize| self.ledger.facts[**id].told.is_some();
        shadow.held.iter().filter(begun).copied().collect()
    }

    /// The policy has heard of a death: what is to run again does, and nothing else.
    pub(super) fn note_reruns(
        &mut self,
        ran: &[usize],
        shadow: &Shadow,
        target: Option<QueryKey>,
    ) -> Check {
        let now = self.now;
        for &id in ran {
            let fact = &self.ledger.facts[id];
            let query = fact.key.and_then(|key| self.core.queries.get(key));
            let Some(Place::Paused { until }) = query.map(|query| query.place) else { continue };
            let overran = matches!(shadow.killed, Some((_, CrashCause::TimedOut(_))));
            let released = matches!(shadow.killed, Some((_, CrashCause::Grace(_))));
            let on_purpose = released || (overran && target == fact.key);
            ensure(!on_purpose, || format!("query {id} runs again, which was ended on purpose"))?;
            ensure(self.may_run_again(id), || format!("query {id} is not to run again"))?;
            let (told, waited) = (fact.told, fact.waited);
            let fact = &mut self.ledger.facts[id];
            fact.runs += 1;
            let more = self.ledger.extended.remove(&id).unwrap_or_default();
            fact.timeout = fact.timeout.map(|timeout| timeout - more);
            let (shortest, longest) = fact.pause();
            ensure(now + shortest <= until && until <= now + longest, || {
                format!("query {id} pauses for {:?} after run {}", until - now, fact.runs)
            })?;
            (fact.begun_in, fact.told, fact.waited) = (None, None, None);
            (fact.crashed, fact.since) = (Some(now), until);
            self.ledger.blames.earlier.extend(told.zip(waited));
        }
        Ok(())
    }

    /// Whether a query whose worker has died under it runs again.
    pub(super) fn may_run_again(&self, id: usize) -> bool {
        let fact = &self.ledger.facts[id];
        let is_over =
            matches!(self.core.stage, Stage::Destroyed | Stage::Draining { over: true, .. });
        fact.runs < fact.retries
            && !fact.cancelled
            && !fact.is_open
            && !matches!(fact.route, Route::Worker(_))
            && !is_over
            && self.ledger.blames.refuses(fact.print(id)).is_none()
    }

    /// A query is handed over: not too early, not if it is refused, and alone if it is suspected.
    pub(super) fn judge_rerun(&self, id: usize, key: QueryKey) -> Check {
        let (fact, blames) = (&self.ledger.facts[id], &self.ledger.blames);
        let early = fact.crashed.is_some_and(|at| self.now < at + fact.pause().0);
        ensure(!early, || format!("query {id} runs again without a pause"))?;
        let print = fact.print(id);
        ensure(blames.refuses(print).is_none(), || format!("query {id} is refused, and runs"))?;
        let timeout = self.core.queries.get(key).and_then(|query| query.timeout());
        ensure(timeout == fact.timeout, || format!("query {id} may run for {timeout:?}"))?;
        let terms = self.core.handing(key).map(|(_, terms, _)| terms);
        let alone = terms.is_some_and(|terms| terms.alone);
        ensure(alone || !blames.suspects(print), || {
            format!("query {id} is under suspicion, and runs beside others")
        })?;
        let attempt = terms.map(|terms| u32::from(terms.attempt));
        ensure(attempt == Some(fact.runs + 1), || format!("query {id} is at attempt {attempt:?}"))
    }

    /// Somebody says that all is well again.
    pub(super) fn forgive(&mut self) -> Check {
        let before = self.look();
        self.say(|| "forgive".into());
        let earlier = std::mem::take(&mut self.ledger.blames.earlier);
        self.ledger.blames = Blames { earlier, ..Blames::default() };
        self.ledger.count.heal();
        self.ledger.count.last_probe = None;
        self.ledger.shadows.values_mut().for_each(|shadow| shadow.probe = false);
        self.core.forgive(self.now);
        ensure(self.core.quarantined() == 0, || "what is forgiven is refused".into())?;
        self.react(Event::Other, &before)
    }

    /// Observers are told that the budget is exhausted.
    pub(super) fn exhausted(&mut self, worker: WorkerId) -> Check {
        let rings =
            std::mem::replace(&mut self.ledger.alarm, Alarm { rings: true, answered: false });
        ensure(!rings.rings, || format!("exhausted at worker {worker}, and told so before"))
    }

    /// Observers are told that a pool serves again.
    pub(super) fn healed(&mut self, worker: WorkerId) -> Check {
        raw::healed(self, worker)?;
        self.ledger.alarm.rings = false;
        Ok(())
    }

    /// Nobody is left with an alarm for a pool that serves.
    pub(super) fn check_alarm(&self) -> Check {
        let Alarm { rings, answered } = self.ledger.alarm;
        ensure(!(rings && answered), || "it has answered, and is said to be exhausted".into())
    }

    /// How many are refused.
    pub(super) fn check_blames(&self) -> Check {
        let (told, counted) = (self.core.quarantined(), self.ledger.blames.refused.len());
        ensure(told == counted, || format!("{told} are said to be refused, not {counted}"))?;
        let over = self.core.queries.next_pause().is_some_and(|until| until < self.now);
        ensure(!over, || "a pause is over, and its query does not wait for a worker".into())
    }
}
