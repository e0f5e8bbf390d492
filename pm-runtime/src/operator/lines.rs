//! Bytes that come become lines.

/// What a client has sent and nobody has read yet.
#[derive(Default)]
pub(super) struct Lines {
    bytes: Vec<u8>,
    /// Where the next line begins.
    next: usize,
}

impl Lines {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.next);
        self.next = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole line, without its end.
    pub(super) fn next_line(&mut self) -> Option<&[u8]> {
        let length = self.rest().iter().position(|&byte| byte == b'\n')?;
        let start = self.next;
        self.next += length + 1;
        Some(&self.bytes[start..start + length])
    }

    /// What there is of a line that has not ended.
    pub(super) fn rest(&self) -> &[u8] {
        &self.bytes[self.next..]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(lines: &mut Lines) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| lines.next_line().map(<[u8]>::to_vec)).collect()
    }

    #[test]
    fn a_line_comes_when_it_is_whole() {
        let mut lines = Lines::default();
        lines.push(b"one\ntw");
        assert_eq!(all(&mut lines), [b"one"]);
        lines.push(b"o\n\nthr");
        assert_eq!(all(&mut lines), [&b"two"[..], b""]);
        assert_eq!(lines.rest(), b"thr");
    }

    proptest! {
        #[test]
        fn how_bytes_come_changes_nothing(pieces: Vec<Vec<u8>>) {
            let whole = pieces.concat();
            let mut expected: Vec<_> = whole.split(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
            let rest = expected.pop().unwrap();
            let (mut lines, mut read) = (Lines::default(), Vec::new());
            for piece in &pieces {
                lines.push(piece);
                read.extend(all(&mut lines));
            }
            prop_assert_eq!(read, expected);
            prop_assert_eq!(lines.rest(), rest);
        }
    }
}
