//! Queries that kill their workers, told by their bytes, and refused when they have killed enough.
//!
//! What ran when a worker died of its own doing is under suspicion from then on: wherever the same bytes
//! come again, they run alone. Whoever dies with nothing else running has named the culprit, and that
//! counts. Only the bytes count, by a hash that is taken when a worker dies: as long as none does,
//! nothing is hashed, and then only what is as long as what is suspected.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::query::Query;
use super::{Bug, Core, Note, Place, QueryKey, Slot};
use crate::error::{CrashReport, QueryError};

/// So many different bytes are remembered: those that were met last, the refused ones before others.
const MOST: usize = 1024;

/// Tells bytes apart, by a hash that nobody outside can foresee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Fingerprint(pub(crate) u128);

/// What is known of some bytes.
struct Record {
    size: usize,
    /// When they killed workers in which nothing else ran, the last of them.
    crashes: VecDeque<Instant>,
    /// They are refused; how often they had killed by then.
    refused: Option<u32>,
    /// When they were last met, in the order of meetings.
    met: u64,
}

impl Record {
    /// Forgets what is out of the window.
    fn prune(&mut self, window: Option<Duration>, now: Instant) {
        let Some(window) = window else { return };
        let is_old = |&at: &Instant| now.saturating_duration_since(at) >= window;
        while self.crashes.front().is_some_and(is_old) {
            self.crashes.pop_front();
        }
    }
}

pub(super) struct Quarantine {
    /// So many kills are enough; `None`: nothing is suspected.
    limit: Option<u32>,
    window: Option<Duration>,
    records: HashMap<Fingerprint, Record>,
    /// How many of them are of bytes of this length.
    sizes: BTreeMap<usize, usize>,
    meetings: u64,
}

/// What the pool makes of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Clean,
    Suspect,
    Refused { crashes: u32 },
}

impl Quarantine {
    pub(super) fn new(limit: Option<u32>, window: Option<Duration>) -> Self {
        let (records, sizes) = (HashMap::new(), BTreeMap::new());
        Self { limit, window, records, sizes, meetings: 0 }
    }

    /// Bytes of this length may be known.
    fn knows_size(&self, size: usize) -> bool {
        !self.sizes.is_empty() && self.sizes.contains_key(&size)
    }

    fn standing(&self, print: Fingerprint) -> Standing {
        match self.records.get(&print).map(|record| record.refused) {
            None => Standing::Clean,
            Some(None) => Standing::Suspect,
            Some(Some(crashes)) => Standing::Refused { crashes },
        }
    }

    /// They ran when a worker died.
    fn suspect(&mut self, print: Fingerprint, size: usize) {
        self.meetings += 1;
        if !self.records.contains_key(&print) {
            if self.records.len() >= MOST {
                self.evict();
            }
            *self.sizes.entry(size).or_default() += 1;
        }
        let met = self.meetings;
        let fresh = || Record { size, crashes: VecDeque::new(), refused: None, met };
        self.records.entry(print).or_insert_with(fresh).met = met;
    }

    /// They alone ran when a worker died. `Some`: that was enough; so often they had killed.
    fn blame(&mut self, print: Fingerprint, now: Instant) -> Option<u32> {
        let (limit, window) = (self.limit?, self.window);
        let record = self.records.get_mut(&print)?;
        record.crashes.push_back(now);
        record.prune(window, now);
        let crashes = record.crashes.len() as u32;
        if record.refused.is_some() || crashes < limit {
            return None;
        }
        record.crashes = VecDeque::new();
        record.refused = Some(crashes);
        record.refused
    }

    /// They ran, and killed nobody: unless they did within the window, nothing is held against them.
    pub(super) fn clear(&mut self, print: Fingerprint, now: Instant) {
        let Some(record) = self.records.get_mut(&print) else { return };
        record.prune(self.window, now);
        if record.crashes.is_empty() && record.refused.is_none() {
            self.forget(print);
        }
    }

    fn evict(&mut self) {
        let rank = |record: &Record| (record.refused.is_some(), record.met);
        let first = self.records.iter().min_by_key(|(_, record)| rank(record));
        if let Some((&print, _)) = first {
            self.forget(print);
        }
    }

    fn forget(&mut self, print: Fingerprint) {
        let Some(record) = self.records.remove(&print) else { return };
        if let Some(count) = self.sizes.get_mut(&record.size) {
            *count -= 1;
            if *count == 0 {
                self.sizes.remove(&record.size);
            }
        }
    }

    /// How many different bytes are refused.
    fn refused(&self) -> usize {
        self.records.values().filter(|record| record.refused.is_some()).count()
    }
}

/// A query that a worker ran when it died, as far as its bytes are to be held against it.
pub(super) struct Suspect {
    pub(super) key: QueryKey,
    pub(super) print: Fingerprint,
    /// Live queries with the same bytes, unless they are with another one that has them.
    pub(super) twins: Vec<QueryKey>,
}

impl<P> Core<P> {
    /// Whether a query of this size may have to be refused, so that its fingerprint is wanted.
    pub(crate) fn is_wary_of(&self, size: usize) -> bool {
        self.quarantine.knows_size(size)
    }

    /// How many different queries are refused.
    pub(crate) fn quarantined(&self) -> usize {
        self.quarantine.refused()
    }

    /// Live queries that have the same bytes as these: each with one of these. Of all that live each is
    /// looked at once, as there may be many.
    pub(crate) fn twins(
        &self,
        keys: impl IntoIterator<Item = QueryKey>,
        order: impl Fn(&P, &P) -> Ordering,
    ) -> Vec<(QueryKey, QueryKey)> {
        let order = |one: &Query<P>, other: &Query<P>| {
            one.size().cmp(&other.size()).then_with(|| order(&one.payload, &other.payload))
        };
        let query = |key| Some((key, self.queries.get(key)?));
        let mut ones: Vec<(QueryKey, &Query<P>)> = keys.into_iter().filter_map(query).collect();
        if ones.is_empty() {
            return Vec::new();
        }
        ones.sort_by(|(_, one), (_, other)| order(one, other));
        ones.dedup_by(|(_, one), (_, other)| order(one, other).is_eq());
        let twin = |(key, query): (QueryKey, &Query<P>)| {
            let index = ones.binary_search_by(|(_, one)| order(one, query)).ok()?;
            let (one, _) = ones[index];
            (one != key).then_some((one, key))
        };
        self.queries.entries().filter_map(twin).collect()
    }

    /// `Some`: these bytes are refused; so many workers died of them.
    pub(super) fn refuses(&self, print: Fingerprint) -> Option<u32> {
        match self.quarantine.standing(print) {
            Standing::Refused { crashes } if !self.has(Bug::ForgetToRefuse) => Some(crashes),
            _ => None,
        }
    }

    /// Whether something is held against these bytes.
    pub(super) fn is_suspect(&self, print: Fingerprint) -> bool {
        self.quarantine.standing(print) != Standing::Clean
    }

    /// A worker died by the doing of what it ran. Whoever ran alone did it.
    pub(super) fn hold_against(
        &mut self,
        suspects: Vec<Suspect>,
        ran: usize,
        report: &CrashReport,
        now: Instant,
    ) {
        if self.quarantine.limit.is_none() {
            return;
        }
        for Suspect { key, print, twins } in suspects {
            let Some(query) = self.queries.get(key) else { continue };
            let size = query.size();
            self.quarantine.suspect(print, size);
            let alone = ran == 1 || self.has(Bug::BlameAllThatRan);
            let refused = if alone { self.quarantine.blame(print, now) } else { None };
            if let Some(crashes) = refused {
                self.note(Note::Quarantined(report.clone(), crashes));
            }
            if let Some(query) = self.queries.get_mut(key) {
                query.print = Some(Box::new(print));
            }
            for twin in twins {
                self.suspect_twin(twin, print, now);
            }
        }
    }

    /// Another query has the same bytes.
    fn suspect_twin(&mut self, key: QueryKey, print: Fingerprint, now: Instant) {
        if self.has(Bug::TrustTwins) {
            return;
        }
        let place = self.queries.get(key).map(|query| query.place);
        if let Some(Place::Handed { worker, .. } | Place::Begun { worker, .. }) = place
            && self.slot(worker).is_some_and(Slot::is_starting)
            && !self.has(Bug::SuspectReplays)
        {
            // It has to be heard before the worker is ready, and has an account of its own.
            return;
        }
        let refused = self.refuses(print);
        let Some(query) = self.queries.get_mut(key) else { return };
        query.print = Some(Box::new(print));
        match (query.place, refused) {
            (Place::Waiting | Place::Paused { .. }, Some(crashes)) => {
                self.fail(key, QueryError::Quarantined { crashes }, now);
            }
            // It comes back, unless it has begun by now.
            (Place::Handed { worker, .. }, Some(_)) if self.slot(worker).is_some() => {
                self.recall(worker, key, now);
            }
            _ => {}
        }
    }

    /// Nothing is held against the queries of the past any more, nor against the pool.
    pub(crate) fn forgive(&mut self, now: Instant) {
        self.quarantine = Quarantine::new(self.config.quarantine, self.config.crash_window);
        self.budget.heal();
        self.temporary_pauses.heal();
        if self.has(Bug::ForgiveInSilence) {
            self.exhausted = false;
        }
        for slot in &mut self.slots {
            slot.probe = false;
        }
        self.after_change(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(60);

    /// What comes of these bytes killing a worker alone, at that second.
    fn kill(quarantine: &mut Quarantine, bytes: u128, start: Instant, second: u64) -> Option<u32> {
        let now = start + Duration::from_secs(second);
        quarantine.suspect(Fingerprint(bytes), 7);
        quarantine.blame(Fingerprint(bytes), now)
    }

    #[test]
    fn kills_count_within_the_window_only() {
        let (mut quarantine, start) = (Quarantine::new(Some(3), Some(WINDOW)), Instant::now());
        for (second, refused) in [(0, None), (30, None), (60, None), (89, Some(3)), (90, None)] {
            assert_eq!(kill(&mut quarantine, 1, start, second), refused, "at {second}");
        }
        // What is refused stays so, however long ago that was.
        assert_eq!(quarantine.standing(Fingerprint(1)), Standing::Refused { crashes: 3 });
        assert_eq!(quarantine.standing(Fingerprint(2)), Standing::Clean);
        assert!(quarantine.knows_size(7) && !quarantine.knows_size(8));
    }

    #[test]
    fn the_table_is_bounded_and_forgets_the_refused_last() {
        let (mut quarantine, start) = (Quarantine::new(Some(1), None), Instant::now());
        assert_eq!(kill(&mut quarantine, 0, start, 0), Some(1));
        for bytes in 1..3 * MOST as u128 {
            quarantine.suspect(Fingerprint(bytes), bytes as usize);
            assert!(quarantine.records.len() <= MOST && quarantine.sizes.len() <= MOST);
        }
        assert_eq!(quarantine.standing(Fingerprint(0)), Standing::Refused { crashes: 1 });
        assert_eq!(quarantine.standing(Fingerprint(1)), Standing::Clean);
        for bytes in 0..3 * MOST as u128 {
            kill(&mut quarantine, bytes, start, 1);
        }
        assert_eq!((quarantine.records.len(), quarantine.refused()), (MOST, MOST));
    }

    #[test]
    fn who_lives_alone_is_cleared_unless_it_has_killed() {
        let (mut quarantine, start) = (Quarantine::new(Some(3), None), Instant::now());
        quarantine.suspect(Fingerprint(1), 7);
        quarantine.clear(Fingerprint(1), start);
        assert_eq!(quarantine.standing(Fingerprint(1)), Standing::Clean);
        assert!(!quarantine.knows_size(7));
        kill(&mut quarantine, 1, start, 0);
        quarantine.clear(Fingerprint(1), start);
        assert_eq!(quarantine.standing(Fingerprint(1)), Standing::Suspect);
    }
}
