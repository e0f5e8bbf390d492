//! Bytes in shared words: copied a word at a time, because the other side may write meanwhile, or,
//! where they are many, in a way that minds it no more.

use super::atomic::{Lent64, Ordering::Relaxed};
#[cfg(all(target_arch = "x86_64", not(miri), not(pm_loom)))]
use super::string;

/// Bytes of a word.
pub(crate) const WORD: usize = 8;

/// Stores bytes; the rest of the last word is zero. What does not fit is left out.
pub(crate) fn store(words: &[Lent64], bytes: &[u8]) {
    let stored = string::store(words, bytes);
    let (words, bytes) = (&words[stored / WORD..], &bytes[stored..]);
    let (whole, rest) = bytes.as_chunks::<WORD>();
    for (word, bytes) in words.iter().zip(whole) {
        word.store(u64::from_ne_bytes(*bytes), Relaxed);
    }
    if let Some(word) = words.get(whole.len())
        && !rest.is_empty()
    {
        let mut last = [0; WORD];
        last[..rest.len()].copy_from_slice(rest);
        word.store(u64::from_ne_bytes(last), Relaxed);
    }
}

/// Appends `length` bytes, or as many as there are.
pub(crate) fn load(words: &[Lent64], length: usize, bytes: &mut Vec<u8>) {
    let length = length.min(words.len() * WORD);
    bytes.reserve(length);
    let end = bytes.len() + length;
    let loaded = string::load(words, length, bytes);
    let (words, length) = (&words[loaded / WORD..], length - loaded);
    bytes.extend(words[..length / WORD].iter().flat_map(|word| word.load(Relaxed).to_ne_bytes()));
    if let Some(word) = words.get(length / WORD) {
        let last = word.load(Relaxed).to_ne_bytes();
        bytes.extend_from_slice(&last[..end - bytes.len()]);
    }
}

/// Fills a few bytes; what there are no words for stays as it is.
pub(crate) fn fill(words: &[Lent64], bytes: &mut [u8]) {
    for (word, bytes) in words.iter().zip(bytes.chunks_mut(WORD)) {
        let word = word.load(Relaxed).to_ne_bytes();
        bytes.copy_from_slice(&word[..bytes.len()]);
    }
}

/// Elsewhere a loop over the words has to do.
#[cfg(not(all(target_arch = "x86_64", not(miri), not(pm_loom))))]
mod string {
    use super::Lent64;

    pub(super) fn store(_: &[Lent64], _: &[u8]) -> usize {
        0
    }

    pub(super) fn load(_: &[Lent64], _: usize, _: &mut Vec<u8>) -> usize {
        0
    }
}

#[cfg(all(test, not(pm_loom)))]
mod tests {
    use super::*;

    #[test]
    fn every_length_comes_back() {
        let words: Vec<Lent64> = (0..4).map(|_| Lent64::new(u64::MAX)).collect();
        for length in 0..=32 {
            let bytes: Vec<u8> = (1..=length).collect();
            store(&words, &bytes);
            let mut back = vec![7];
            load(&words, bytes.len(), &mut back);
            assert_eq!(back[1..], bytes[..]);
            let mut filled = vec![7; bytes.len()];
            fill(&words, &mut filled);
            assert_eq!(filled, bytes);
        }
    }

    #[test]
    fn many_bytes_come_back() {
        let words: Vec<Lent64> = (0..256).map(|_| Lent64::new(u64::MAX)).collect();
        for length in (500..=2048).chain([2049, 5000]) {
            let bytes: Vec<u8> = (0..length).map(|i| (i * 7) as u8).collect();
            store(&words, &bytes);
            let mut back = vec![7];
            load(&words, length, &mut back);
            assert_eq!(back[1..], bytes[..length.min(2048)]);
            words.iter().for_each(|word| word.store(u64::MAX, Relaxed));
        }
    }

    #[test]
    fn what_is_stored_stays_within_the_words() {
        let words: Vec<Lent64> = (0..300).map(|_| Lent64::new(u64::MAX)).collect();
        store(&words[10..200], &[0; 4000]);
        let untouched = words[..10].iter().chain(&words[200..]);
        assert!(untouched.into_iter().all(|word| word.load(Relaxed) == u64::MAX));
    }
}
