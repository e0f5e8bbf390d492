//! The pool's end of shared memory. It trusts nothing that stands there: what it needs to know it
//! keeps for itself, and what the worker writes it reads once, checks, and copies out.

mod look;

use std::collections::VecDeque;
use std::sync::Arc;

use super::Region;
use super::atomic::{Ordering, fence};
use super::layout::{self, INLINE, Slot, state};
use super::prefetch;
use super::stream::{Broken, Reader, Writer};
use crate::transport::payload::{Payload, after};
use crate::wire::small::SmallBytes;

/// What a worker has done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It has begun a query, at this time of the system's coarse clock, in nanoseconds, if that
    /// can be believed.
    Begun { id: u64, at: u64 },
    /// The query whose end is told next ran for this long, in nanoseconds.
    Took { nanos: u64 },
    /// A query has ended. `begun`: when it has begun, as above, if that was not told before. `said`:
    /// it sent something about it over the socket before. `untold`: somebody follows it, and was not
    /// told that it ran.
    Ended { id: u64, begun: Option<u64>, kind: u8, said: bool, untold: bool, bytes: SmallBytes },
}

/// What a slot is to the pool.
enum Record {
    Free,
    Posted(Posted),
    /// The worker may still look at it.
    Taken,
}

struct Posted {
    id: u64,
    held: bool,
    /// Its begin was told.
    begun: bool,
}

/// What has come of an end that is too long for its slot. The next one in the stream comes behind
/// all of it.
struct Incoming {
    slot: u32,
    kind: u32,
    length: usize,
    bytes: Vec<u8>,
}

/// A query that is to be posted.
pub(crate) struct Posting {
    pub(crate) about: About,
    pub(crate) payload: Payload,
}

/// What a worker has to know of a query beside its bytes.
#[derive(Clone, Copy)]
pub(crate) struct About {
    pub(crate) id: u64,
    /// On what terms it runs: a number that means something to the worker.
    pub(crate) terms: u32,
    /// How long it may run, in nanoseconds; `u64::MAX`: however long it takes.
    pub(crate) timeout: u64,
}

/// The first query of the outbox is posted, and some of it is still to be written.
struct Sending {
    slot: u32,
    begins: u64,
    written: usize,
}

pub(crate) struct Near {
    region: Arc<Region>,
    /// The longest end that is accepted, in bytes.
    limit: usize,
    records: Vec<Record>,
    free: Vec<u32>,
    /// The slot that the next query will be posted in; the worker knows it.
    next: u32,
    /// Posted and not over, in order; in between those that were taken back and not passed.
    live: Vec<u32>,
    outbox: VecDeque<Posting>,
    sending: Option<Sending>,
    requests: Writer,
    answers: Reader,
    incoming: Option<Incoming>,
    gate_shut: bool,
    /// The worker rings, or has rung, when there is something.
    asleep: bool,
    /// Queries that the worker may run at once, and those whose begins were told.
    concurrency: usize,
    running: usize,
}

impl Near {
    pub(crate) fn new(region: Arc<Region>, limit: usize, concurrency: usize) -> Self {
        let slots = region.slots().len() as u32;
        Self {
            records: (0..slots).map(|_| Record::Free).collect(),
            // The last one freed is used first: it may still be in the cache.
            free: (1..slots).rev().collect(),
            next: 0,
            region,
            limit,
            live: Vec::new(),
            outbox: VecDeque::new(),
            sending: None,
            requests: Writer::default(),
            answers: Reader::default(),
            incoming: None,
            gate_shut: false,
            asleep: false,
            concurrency,
            running: 0,
        }
    }

    /// Puts a query behind those that wait to be posted.
    pub(crate) fn push(&mut self, posting: Posting) {
        self.outbox.push_back(posting);
    }

    /// Something could not be posted yet, or not all of it.
    pub(crate) fn has_backlog(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// Some of a query is still to be written.
    pub(crate) fn is_sending(&self) -> bool {
        self.sending.is_some()
    }

    /// Posts what fits, of a long query only its first step, so that the worker hears of it while
    /// the next ones are written. `true`: the worker has something new to look at.
    pub(crate) fn flush(&mut self) -> Result<bool, Broken> {
        let mut news = false;
        while let Some(Posting { payload, .. }) = self.outbox.front() {
            let (parts, length) = (payload.parts(), payload.length());
            if let Some(sending) = &mut self.sending {
                while sending.written < length {
                    let rest = after(sending.written, parts);
                    match self.requests.write(self.region.requests(), rest)? {
                        0 => return Ok(news),
                        written => sending.written += written,
                    }
                    news = true;
                }
                self.sending = None;
                self.outbox.pop_front();
                continue;
            }
            let Some(index) = self.claim() else {
                return Ok(news);
            };
            news = true;
            self.sending = self.post_front(index)?;
            if self.sending.is_some() {
                return Ok(news);
            }
            self.outbox.pop_front();
        }
        Ok(news)
    }

    /// Posts the first query of the outbox; `Some`: not all of it is written.
    fn post_front(&mut self, index: u32) -> Result<Option<Sending>, Broken> {
        let Some(Posting { about, payload }) = self.outbox.front() else { return Ok(None) };
        let (about, parts, length) = (*about, payload.parts(), payload.length());
        self.describe(index, about, length);
        let slot = slot(&self.region, index);
        let mut sending = None;
        match parts {
            [[], bytes] if length <= INLINE => layout::store_inline(slot, bytes),
            parts => {
                let begins = self.requests.position();
                slot.offset().store(begins, Ordering::Relaxed);
                let written = self.requests.write(self.region.requests(), parts)?;
                if written < length {
                    sending = Some(Sending { slot: index, begins, written });
                }
            }
        }
        self.show(index, about.id);
        Ok(sending)
    }

    /// Posts a query at once. `false`: it has to wait its turn, or is too long for a slot.
    pub(crate) fn post(&mut self, about: About, bytes: &[u8]) -> bool {
        if bytes.len() > INLINE || !self.outbox.is_empty() {
            return false;
        }
        let Some(index) = self.claim() else {
            return false;
        };
        self.describe(index, about, bytes.len());
        layout::store_inline(slot(&self.region, index), bytes);
        self.show(index, about.id);
        true
    }

    /// The slot that is used next, if anything may begin and there is one to follow it.
    fn claim(&mut self) -> Option<u32> {
        let following = self.free.pop_if(|_| !self.gate_shut)?;
        Some(std::mem::replace(&mut self.next, following))
    }

    fn describe(&self, index: u32, about: About, length: usize) {
        let slot = slot(&self.region, index);
        slot.next.store(self.next, Ordering::Relaxed);
        slot.length.store(length as u32, Ordering::Relaxed);
        slot.id.store(about.id, Ordering::Relaxed);
        slot.kind.store(about.terms, Ordering::Relaxed);
        slot.timeout.store(about.timeout, Ordering::Relaxed);
    }

    /// From now on the worker may begin it.
    fn show(&mut self, index: u32, id: u64) {
        slot(&self.region, index).state.store(state::POSTED, Ordering::Release);
        self.records[index as usize] = Record::Posted(Posted { id, held: false, begun: false });
        self.live.push(index);
        prefetch::to_write(slot(&self.region, self.next));
    }

    /// Takes a query back that has not begun. `false`: it has.
    pub(crate) fn take_back(&mut self, id: u64) -> bool {
        if let Some(index) = self.outbox.iter().position(|posting| posting.about.id == id)
            && (index > 0 || self.sending.is_none())
        {
            self.outbox.remove(index);
            return true;
        }
        let records = &self.records;
        let index = self.live.iter().copied().find(
            |&index| matches!(&records[index as usize], Record::Posted(posted) if posted.id == id),
        );
        let Some(index) = index else { return false };
        let Record::Posted(posted) = &self.records[index as usize] else { return false };
        let from = if posted.held { state::HELD } else { state::POSTED };
        if posted.begun || !exchange(slot(&self.region, index), from, state::TAKEN) {
            return false;
        }
        self.records[index as usize] = Record::Taken;
        if let Some(sending) = self.sending.take_if(|sending| sending.slot == index) {
            // Nobody will read what was written of it, and nothing was written behind it.
            self.requests.rewind(self.region.requests(), sending.begins);
            self.outbox.pop_front();
        }
        true
    }

    /// Lets nothing begin any more, and says what runs.
    pub(crate) fn shut_gate(&mut self) -> Vec<u64> {
        self.gate_shut = true;
        for &index in &self.live {
            if let Record::Posted(posted) = &mut self.records[index as usize]
                && !posted.held
                && !posted.begun
            {
                posted.held = exchange(slot(&self.region, index), state::POSTED, state::HELD);
            }
        }
        // Only now: until all were held, one could end and the next begin.
        let runs = |index| slot(&self.region, index).state.load(Ordering::Acquire) == state::BEGUN;
        self.not_held().filter(|(index, _)| runs(*index)).map(|(_, id)| id).collect()
    }

    /// Posted queries that may have begun, with their slots, while the gate is shut.
    fn not_held(&self) -> impl Iterator<Item = (u32, u64)> {
        self.live.iter().filter_map(|&index| match &self.records[index as usize] {
            Record::Posted(posted) if !posted.held => Some((index, posted.id)),
            _ => None,
        })
    }

    /// Lets things begin again.
    pub(crate) fn open_gate(&mut self) {
        self.gate_shut = false;
        for &index in &self.live {
            if let Record::Posted(posted) = &mut self.records[index as usize]
                && std::mem::take(&mut posted.held)
            {
                slot(&self.region, index).state.store(state::POSTED, Ordering::Release);
            }
        }
    }

    /// Lets nothing begin any more, for good; says what has begun and not ended, or of which
    /// nobody can say that it has not.
    pub(crate) fn begun(&mut self) -> Vec<u64> {
        self.shut_gate();
        self.not_held().map(|(_, id)| id).collect()
    }

    /// Whether the begin of this query was told, and its end was not.
    pub(crate) fn is_begun(&self, id: u64) -> bool {
        self.live.iter().any(|&index| {
            matches!(&self.records[index as usize], Record::Posted(p) if p.id == id && p.begun)
        })
    }

    /// Says that nobody will look until the worker rings. `false`: there is something already,
    /// and somebody has to look.
    pub(crate) fn sleep(&mut self) -> bool {
        if self.asleep {
            return true;
        }
        let bell = &self.region.head().bells.pool_sleeps.0;
        bell.store(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        self.asleep = !self.has_news();
        self.asleep
    }

    /// Somebody looks: the worker need not ring.
    pub(crate) fn attend(&mut self) {
        self.asleep = false;
        let bell = &self.region.head().bells.pool_sleeps.0;
        if bell.load(Ordering::Relaxed) != 0 {
            bell.store(0, Ordering::Relaxed);
        }
    }

    /// The worker has done something that can be heard.
    pub(crate) fn has_news(&self) -> bool {
        if self.sending.is_some() && self.requests.room(self.region.requests()) != Ok(0) {
            return true;
        }
        for &index in &self.live {
            let slot = slot(&self.region, index);
            match (&self.records[index as usize], slot.state.load(Ordering::Acquire)) {
                (Record::Posted(_), state::POSTED | state::HELD) => return false,
                (Record::Posted(_), state::DONE) => match &self.incoming {
                    Some(incoming) if incoming.slot == index => {
                        if self.answers.available(self.region.answers()) != Ok(0) {
                            return true;
                        }
                    }
                    _ => return true,
                },
                (Record::Posted(_), state::BEGUN) | (Record::Taken, state::TAKEN) => {}
                _ => return true,
            }
        }
        false
    }
}

fn slot(region: &Region, index: u32) -> &Slot {
    &region.slots()[index as usize]
}

fn exchange(slot: &Slot, from: u32, to: u32) -> bool {
    slot.state.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
}
