//! Bytes in shared words: copied a word at a time, because the other side may write meanwhile.

use super::atomic::{AtomicU64, Ordering::Relaxed};

/// Bytes of a word.
pub(crate) const WORD: usize = 8;

/// Stores bytes; the rest of the last word is zero. What does not fit is left out.
pub(crate) fn store(words: &[AtomicU64], bytes: &[u8]) {
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
pub(crate) fn load(words: &[AtomicU64], length: usize, bytes: &mut Vec<u8>) {
    let length = length.min(words.len() * WORD);
    bytes.reserve(length);
    let end = bytes.len() + length;
    bytes.extend(words[..length / WORD].iter().flat_map(|word| word.load(Relaxed).to_ne_bytes()));
    if let Some(word) = words.get(length / WORD) {
        let last = word.load(Relaxed).to_ne_bytes();
        bytes.extend_from_slice(&last[..end - bytes.len()]);
    }
}

#[cfg(all(test, not(pm_loom)))]
mod tests {
    use super::*;

    #[test]
    fn every_length_comes_back() {
        let words: Vec<AtomicU64> = (0..4).map(|_| AtomicU64::new(u64::MAX)).collect();
        for length in 0..=32 {
            let bytes: Vec<u8> = (1..=length).collect();
            store(&words, &bytes);
            let mut back = vec![7];
            load(&words, bytes.len(), &mut back);
            assert_eq!(back[1..], bytes[..]);
        }
    }
}
