//! What is sent, as its sender keeps it.

use std::sync::Arc;

/// Bytes in two parts, of which the first is whole words: sent one behind the other.
pub(crate) trait Parts {
    fn parts(&self) -> [&[u8]; 2];

    fn length(&self) -> usize {
        let [first, second] = self.parts();
        first.len() + second.len()
    }

    /// What is left of both when so many bytes are written.
    fn after(&self, written: usize) -> [&[u8]; 2] {
        after(written, self.parts())
    }
}

impl Parts for Vec<u8> {
    fn parts(&self) -> [&[u8]; 2] {
        [&[], self]
    }
}

/// What is left of both when so many bytes are written.
pub(crate) fn after(written: usize, [first, second]: [&[u8]; 2]) -> [&[u8]; 2] {
    let of_first = written.min(first.len());
    [&first[of_first..], &second[written - of_first..]]
}

/// Bytes that are shared with whoever waits for the answer, so that none are copied.
pub(crate) type Payload = Arc<dyn Parts + Send + Sync>;
