//! Chance that can be repeated.

/// Numbers that follow from a seed.
pub struct Dice(u64);

impl Dice {
    /// Those of somebody of this number; others have others.
    pub fn of(seed: u64, number: u64) -> Self {
        Self(mix(mix(seed) ^ number))
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// One of the numbers below this one.
    pub fn below(&mut self, end: u64) -> u64 {
        self.roll() % end.max(1)
    }

    /// In so many of a thousand cases.
    pub fn in_a_thousand(&mut self, cases: u64) -> bool {
        self.below(1000) < cases
    }
}

/// Also what a worker makes of a question's number.
pub fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}
