//! A worker that writes whatever it likes wherever it can, between its pool's reads and during
//! them: half of it anything anywhere, half what knows the rules, and where they end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};

use super::super::layout::state;
use super::super::{Heard, INLINE, Near, Region, wake};
use super::{posting, region};

/// The longest end that is accepted.
const LIMIT: usize = 1 << 16;
const SLOTS: usize = 8;
/// Miri takes a thousand times as long.
const SCRIBBLES: u64 = if cfg!(miri) { 500 } else { 1_000_000 };
const EDGES: [u64; 14] = [
    0,
    1,
    7,
    8,
    INLINE as u64,
    INLINE as u64 + 1,
    LIMIT as u64,
    LIMIT as u64 + 1,
    1 << 20,
    (1 << 20) + 8,
    i32::MAX as u64,
    u32::MAX as u64,
    1 << 63,
    u64::MAX,
];

struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[(self.roll() % of.len() as u64) as usize]
    }
}

enum Word<'a> {
    Short(&'a AtomicU32),
    Long(&'a AtomicU64),
}

impl Word<'_> {
    fn store(&self, value: u64) {
        match self {
            Self::Short(word) => word.store(value as u32, Relaxed),
            Self::Long(word) => word.store(value, Relaxed),
        }
    }
}

/// Every word that has a meaning.
fn words(region: &Region) -> Vec<Word<'_>> {
    let head = region.head();
    let bells = [&head.bells.worker_sleeps, &head.bells.pool_sleeps, &head.bells.room];
    let ends = [&head.requests, &head.answers].into_iter().flat_map(|e| [&e.written, &e.read]);
    let slots = region.slots().iter().flat_map(|slot| {
        let short = [&slot.state, &slot.next, &slot.length, &slot.kind].map(Word::Short);
        let long = [&slot.id, slot.offset(), &slot.timeout, &slot.begun_at].map(Word::Long);
        short.into_iter().chain(long)
    });
    let head = bells.map(|bell| Word::Short(&bell.0));
    head.into_iter().chain(ends.map(|end| Word::Long(&end.0))).chain(slots).collect()
}

/// Scribbles somewhere, once.
fn scribble(region: &Region, words: &[Word<'_>], dice: &mut Dice) {
    let slots = region.slots();
    if dice.roll().is_multiple_of(2) {
        let word = &words[(dice.roll() % words.len() as u64) as usize];
        return word.store(dice.roll());
    }
    let edge = dice.one_of(&EDGES);
    let ends = &region.head().answers;
    let read = ends.read.0.load(Relaxed);
    let slot = &slots[(dice.roll() % SLOTS as u64) as usize];
    match dice.roll() % 12 {
        0 => slot.state.store(dice.roll() as u32 % (state::PASSED + 2), Relaxed),
        1 => slot.length.store(edge as u32, Relaxed),
        2 => slot.kind.store(edge as u32, Relaxed),
        // Where the stream is, so that what follows is met too.
        3 => slot.offset().store(read.wrapping_add(edge & 8), Relaxed),
        4 => ends.written.0.store(read.wrapping_add(edge), Relaxed),
        5 => region.head().requests.read.0.store(edge, Relaxed),
        // Steps that an honest worker would take.
        _ => match slot.state.load(Relaxed) {
            state::POSTED => slot.state.store(state::BEGUN, Relaxed),
            state::BEGUN => {
                slot.length.store(dice.one_of(&EDGES[..8]) as u32, Relaxed);
                slot.offset().store(read, Relaxed);
                slot.state.store(state::DONE, Relaxed);
            }
            state::TAKEN => slot.state.store(state::PASSED, Relaxed),
            _ => ends.written.0.store(read.wrapping_add(1024), Relaxed),
        },
    }
}

/// What a pool does with a worker, until it notices that the rules are broken.
struct Victim {
    near: Near,
    region: Arc<Region>,
    ended: Vec<u64>,
}

impl Victim {
    const QUERIES: u64 = 6;

    fn new(region: &Arc<Region>, words: &[Word<'_>]) -> Self {
        words.iter().for_each(|word| word.store(0));
        let mut near = Near::new(region.clone(), LIMIT, 2);
        for id in 0..Self::QUERIES {
            near.push(posting(id, vec![1; if id % 3 == 0 { 5000 } else { 8 }]));
        }
        Self { near, region: region.clone(), ended: Vec::new() }
    }

    /// One look, and whatever else a pool does. `false`: it noticed.
    fn step(&mut self, dice: &mut Dice) -> bool {
        let mut heard = Vec::new();
        let looked = self.near.flush().and_then(|_| self.near.poll(&mut heard));
        self.near.take_back(dice.roll() % Self::QUERIES);
        match dice.roll() % 4 {
            0 => drop(self.near.shut_gate()),
            _ => self.near.open_gate(),
        }
        self.near.sleep();
        self.near.attend();
        wake(&self.region);
        for heard in heard {
            if let Heard::Ended { id, bytes, .. } = heard {
                assert!(bytes.len() <= LIMIT && bytes.into_vec().capacity() <= LIMIT);
                assert!(!self.ended.contains(&id), "an end that came twice");
                self.ended.push(id);
            }
        }
        looked.is_ok()
    }
}

#[test]
fn a_million_scribbles_between_the_reads_hurt_nobody() {
    let region = region(SLOTS);
    let words = words(&region);
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let (mut scribbles, mut noticed, mut ended) = (0, 0, 0);
    while scribbles < SCRIBBLES {
        let mut victim = Victim::new(&region, &words);
        for _ in 0..12 {
            let count = dice.roll() % 4;
            (0..count).for_each(|_| scribble(&region, &words, &mut dice));
            scribbles += count;
            if !victim.step(&mut dice) {
                noticed += 1;
                break;
            }
        }
        ended += victim.ended.len();
        // At its death, too.
        victim.near.begun();
    }
    assert!(
        noticed > SCRIBBLES / 1000 && ended as u64 > SCRIBBLES / 1000,
        "{noticed} were noticed, {ended} ends came"
    );
}

#[test]
fn scribbles_during_the_reads_hurt_nobody() {
    let region = region(SLOTS);
    let words = words(&region);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (region, words, over) = (&region, &words, &over);
        scope.spawn(move || {
            let mut dice = Dice(7);
            while !over.load(Relaxed) {
                scribble(region, words, &mut dice);
            }
        });
        let mut dice = Dice(11);
        for _ in 0..SCRIBBLES / 50 {
            let mut victim = Victim::new(region, words);
            // It may take everything back, so that there is nothing left to notice.
            (0..50).all(|_| victim.step(&mut dice));
        }
        over.store(true, Relaxed);
    });
}
