//! Looking at what the worker has done.

use super::{Heard, Incoming, Near, Record, slot};
use crate::transport::memory::atomic::Ordering;
use crate::transport::memory::layout::{self, INLINE, Slot, TOOK, state};
use crate::transport::memory::prefetch;
use crate::transport::memory::stream::Broken;
use crate::transport::memory::{SAID, UNTOLD, buffer, wake_for_room};
use crate::wire::small::SmallBytes;

impl Near {
    /// Looks at what the worker has done since. `true`: some of a long end was read.
    pub(crate) fn poll(&mut self, heard: &mut Vec<Heard>) -> Result<bool, Broken> {
        let (mut again, mut read) = (true, false);
        loop {
            let pass = self.pass(heard)?;
            if pass.read {
                wake_for_room(&self.region);
                read = true;
            }
            if !pass.out_of_turn {
                return Ok(read);
            }
            // What comes before it in the stream was told, and all written, before it; at the first
            // look that may not have been so yet.
            match pass.over {
                true => again = true,
                false if again => again = false,
                false => return Err(Broken),
            }
        }
    }

    fn pass(&mut self, heard: &mut Vec<Heard>) -> Result<Pass, Broken> {
        let mut pass = Pass::default();
        let mut live = std::mem::take(&mut self.live);
        let result = self.look_at(&mut live, heard, &mut pass);
        live.retain(|index| *index != OVER);
        self.live = live;
        result.map(|()| pass)
    }

    /// Looks at these slots, in order; those that are over are marked so.
    fn look_at(
        &mut self,
        live: &mut [u32],
        heard: &mut Vec<Heard>,
        pass: &mut Pass,
    ) -> Result<(), Broken> {
        for position in 0..live.len() {
            if let Some(soon) = live.get(position + SOON).filter(|soon| **soon != OVER) {
                prefetch::to_read(slot(&self.region, *soon));
            }
            let (before, rest) = live.split_at_mut(position);
            let Some(index) = rest.first_mut() else { break };
            if *index == OVER {
                continue;
            }
            if self.running >= self.concurrency && self.has_begun_anew(*index) {
                // Another one has ended to make room for it, since it was looked at.
                for earlier in before.iter_mut().filter(|earlier| **earlier != OVER) {
                    self.settle(earlier, heard, pass)?;
                }
                if self.running >= self.concurrency {
                    return Err(Broken);
                }
            }
            // Queries begin in order: none behind one that waits has.
            if let Look::Waits = self.settle(index, heard, pass)? {
                break;
            }
        }
        Ok(())
    }

    fn has_begun_anew(&self, index: u32) -> bool {
        let known = match &self.records[index as usize] {
            Record::Posted(posted) => posted.begun,
            Record::Free | Record::Taken => true,
        };
        !known && slot(&self.region, index).state.load(Ordering::Acquire) >= state::BEGUN
    }

    fn settle(
        &mut self,
        index: &mut u32,
        heard: &mut Vec<Heard>,
        pass: &mut Pass,
    ) -> Result<Look, Broken> {
        let look = self.look(*index, heard, pass)?;
        if let Look::Over = look {
            if let Record::Posted(_) = self.records[*index as usize] {
                self.running -= 1;
            }
            pass.over = true;
            self.records[*index as usize] = Record::Free;
            self.free.push(*index);
            *index = OVER;
        }
        Ok(look)
    }

    fn look(
        &mut self,
        index: u32,
        heard: &mut Vec<Heard>,
        pass: &mut Pass,
    ) -> Result<Look, Broken> {
        let slot = slot(&self.region, index);
        let seen = slot.state.load(Ordering::Acquire);
        let Record::Posted(posted) = &mut self.records[index as usize] else {
            return match seen {
                state::TAKEN => Ok(Look::Runs),
                state::PASSED => Ok(Look::Over),
                _ => Err(Broken),
            };
        };
        match seen {
            state::POSTED if !posted.begun && !posted.held => return Ok(Look::Waits),
            state::HELD if posted.held => return Ok(Look::Waits),
            state::BEGUN | state::DONE if !posted.held => {}
            _ => return Err(Broken),
        }
        let id = posted.id;
        let mut begun = None;
        if !posted.begun {
            posted.begun = true;
            self.running += 1;
            begun = Some(slot.begun_at.load(Ordering::Relaxed));
        }
        if seen == state::BEGUN {
            heard.extend(begun.map(|at| Heard::Begun { id, at }));
            return Ok(Look::Runs);
        }
        let incoming = match &mut self.incoming {
            Some(incoming) if incoming.slot == index => incoming,
            other => {
                let length = slot.length.load(Ordering::Relaxed) as usize;
                let kind = slot.kind.load(Ordering::Relaxed);
                if length <= INLINE.min(self.limit) {
                    heard.extend(took(slot));
                    // As a rule its begin and its end come to be known at once.
                    heard.push(ended(id, begun, kind, layout::load_inline(slot, length)));
                    return Ok(Look::Over);
                }
                heard.extend(begun.map(|at| Heard::Begun { id, at }));
                if length > self.limit {
                    return Err(Broken);
                }
                let begins = slot.offset().load(Ordering::Relaxed);
                if other.is_some() || begins != self.answers.position() {
                    pass.out_of_turn = true;
                    return Ok(Look::Runs);
                }
                let bytes = buffer(length).map_err(|_| Broken)?;
                heard.extend(took(slot));
                other.insert(Incoming { slot: index, kind, length, bytes })
            }
        };
        let missing = incoming.length - incoming.bytes.len();
        pass.read |= self.answers.read(self.region.answers(), missing, &mut incoming.bytes)? > 0;
        if incoming.bytes.len() < incoming.length {
            return Ok(Look::Runs);
        }
        if let Some(Incoming { kind, bytes, .. }) = self.incoming.take() {
            heard.push(ended(id, None, kind, bytes.into()));
        }
        Ok(Look::Over)
    }
}

/// While so many slots are looked at, another one comes from the worker's core.
const SOON: usize = 8;

/// No slot.
const OVER: u32 = u32::MAX;

/// What came of looking at every slot once.
#[derive(Default)]
struct Pass {
    /// Something was read from the stream.
    read: bool,
    /// A query is over, or one that was taken back is passed.
    over: bool,
    /// A long end is there which does not begin where the stream is.
    out_of_turn: bool,
}

enum Look {
    /// Not begun.
    Waits,
    /// Begun and not over, or not passed.
    Runs,
    /// The slot is free again.
    Over,
}

/// How long a query ran, if that was measured.
fn took(slot: &Slot) -> Option<Heard> {
    let took = slot.timeout.load(Ordering::Relaxed);
    (took & TOOK != 0 && took != u64::MAX).then_some(Heard::Took { nanos: took & !TOOK })
}

fn ended(id: u64, begun: Option<u64>, kind: u32, bytes: SmallBytes) -> Heard {
    let (said, untold) = (kind & SAID != 0, kind & UNTOLD != 0);
    Heard::Ended { id, begun, kind: kind as u8, said, untold, bytes }
}
