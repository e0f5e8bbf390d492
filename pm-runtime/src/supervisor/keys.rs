//! Which worker the queries of a key go to.

use std::collections::HashMap;

use super::WorkerId;

/// Remembers the worker of each key, as long as the key is among the latest.
///
/// Two halves: what is asked for moves into the young one; when that is full, the old one is
/// forgotten and the young one grows old.
pub(super) struct Keys {
    half: usize,
    young: HashMap<u64, WorkerId>,
    old: HashMap<u64, WorkerId>,
}

impl Keys {
    /// For `most` keys, and never fewer than half of that.
    pub(super) fn new(most: usize) -> Self {
        Self { half: (most / 2).max(1), young: HashMap::new(), old: HashMap::new() }
    }

    pub(super) fn get(&self, key: u64) -> Option<WorkerId> {
        self.young.get(&key).or_else(|| self.old.get(&key)).copied()
    }

    /// The key goes to this worker from now on.
    pub(super) fn set(&mut self, key: u64, worker: WorkerId) {
        if self.young.len() >= self.half && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, worker);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// A deliberate bug: nothing is forgotten.
    pub(super) fn grow(&mut self) {
        self.half = usize::MAX;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_asked_for_is_remembered_and_the_table_is_bounded() {
        let mut keys = Keys::new(8);
        for key in 0..1000 {
            keys.set(7, 1);
            keys.set(key + 10, 2);
            assert_eq!(keys.get(7), Some(1));
            assert!(keys.len() <= 8);
        }
        assert_eq!(keys.get(10), None);
    }
}
