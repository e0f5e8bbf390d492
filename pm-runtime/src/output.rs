//! What workers print, where that is captured: cut into lines, and the end of it.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use serde_derive::{Deserialize, Serialize};

use crate::error::Escaped;
pub use crate::error::OutputStream;

/// A line that a worker printed, without its end: any bytes, which usually are text.
///
/// Its `Display` is the text with control characters escaped, so that what a worker prints can be
/// shown on a terminal or written to a log. Serde gets it as [text](Self::text).
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OutputLine {
    #[serde(with = "text", rename = "text")]
    bytes: Arc<[u8]>,
    is_whole: bool,
}

impl OutputLine {
    /// Bytes of the longest; what is longer comes in several.
    const LONGEST: usize = 4096;

    /// The line, as it was printed, without its `\n`; at most 4096 bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The line as text; U+FFFD stands for what is none.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }

    /// Whether it was ended by `\n`. Otherwise the next one of this worker and stream goes on with
    /// it, or there is none because the worker is gone.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }
}

mod text {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        bytes: &Arc<[u8]>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&String::from_utf8_lossy(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<[u8]>, D::Error> {
        String::deserialize(deserializer).map(|text| text.into_bytes().into())
    }
}

impl fmt::Display for OutputLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Escaped(&self.text()).fmt(f)
    }
}

impl fmt::Debug for OutputLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutputLine")
            .field("text", &self.text())
            .field("is_whole", &self.is_whole)
            .finish()
    }
}

/// Cuts what is printed into lines.
#[derive(Default)]
pub(crate) struct Lines {
    /// The line that has not ended yet, never longer than the longest.
    begun: Vec<u8>,
}

impl Lines {
    /// Takes what was printed, and gives the lines that end in it.
    pub(crate) fn cut(&mut self, bytes: &[u8], lines: &mut Vec<OutputLine>) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let line = piece.strip_suffix(b"\n");
            let mut rest = line.unwrap_or(piece);
            while self.begun.len() + rest.len() > OutputLine::LONGEST {
                let (part, more) = rest.split_at(OutputLine::LONGEST - self.begun.len());
                self.begun.extend_from_slice(part);
                rest = more;
                let of_next = split_character(&self.begun);
                let next = self.begun.split_off(self.begun.len() - of_next);
                self.give(false, lines);
                self.begun = next;
            }
            self.begun.extend_from_slice(rest);
            if line.is_some() {
                self.give(true, lines);
            }
        }
    }

    /// The line that never ended.
    pub(crate) fn end(&mut self, lines: &mut Vec<OutputLine>) {
        if !self.begun.is_empty() {
            self.give(false, lines);
        }
    }

    /// Forgets the line that has begun, as nobody wants it.
    pub(crate) fn forget(&mut self) {
        self.begun = Vec::new();
    }

    fn give(&mut self, is_whole: bool, lines: &mut Vec<OutputLine>) {
        lines.push(OutputLine { bytes: self.begun.as_slice().into(), is_whole });
        self.begun.clear();
    }
}

/// How many bytes at the end are the begin of a character that goes on.
fn split_character(bytes: &[u8]) -> usize {
    for (behind, byte) in bytes.iter().rev().take(3).enumerate() {
        let length = match byte {
            0x80..=0xbf => continue,
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf7 => 4,
            _ => return 0,
        };
        return if behind + 1 < length { behind + 1 } else { 0 };
    }
    0
}

/// The end of what was printed.
#[derive(Default)]
pub(crate) struct Tail {
    bytes: VecDeque<u8>,
    /// There was more before.
    is_cut: bool,
}

impl Tail {
    /// How many bytes it keeps.
    const KEPT: usize = 16 << 10;

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let fresh = bytes.len().min(Self::KEPT);
        let stay = self.bytes.len().min(Self::KEPT - fresh);
        self.is_cut |= fresh < bytes.len() || stay < self.bytes.len();
        self.bytes.drain(..self.bytes.len() - stay);
        self.bytes.extend(bytes.iter().skip(bytes.len() - fresh));
    }

    /// The last lines, as text, without empty ones around them; what is left of a line whose begin is
    /// lost only where there is no other.
    pub(crate) fn text(&self) -> String {
        let bytes: Vec<u8> = self.bytes.iter().copied().collect();
        let text = String::from_utf8_lossy(&bytes);
        const ENDS: [char; 2] = ['\r', '\n'];
        let text = text.trim_end_matches(ENDS);
        let text = match text.split_once('\n') {
            Some((_, whole)) if self.is_cut => whole,
            _ => text,
        };
        text.trim_start_matches(ENDS).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts of the lines; those that go on end with `…`.
    fn lines_of(pieces: &[&[u8]]) -> Vec<String> {
        let (mut lines, mut cut) = (Lines::default(), Vec::new());
        for piece in pieces {
            lines.cut(piece, &mut cut);
        }
        lines.end(&mut cut);
        cut.iter().map(|line| format!("{line}{}", if line.is_whole { "" } else { "…" })).collect()
    }

    #[test]
    fn lines_are_cut_wherever_the_pieces_end() {
        assert_eq!(lines_of(&[]), [""; 0]);
        assert_eq!(lines_of(&[b"a\nb\n"]), ["a", "b"]);
        assert_eq!(lines_of(&[b"a", b"b\n\n", b"\nc"]), ["ab", "", "", "c…"]);
        assert_eq!(lines_of(&["é".as_bytes().split_at(1).0, &[0xa9, b'\n']]), ["é"]);
        assert_eq!(lines_of(&[b"\xff\x1b[2J\r\n"]), ["\u{fffd}\\u{1b}[2J\\r"]);
    }

    #[test]
    fn a_line_that_never_ends_comes_in_pieces_of_whole_characters() {
        let longest = OutputLine::LONGEST;
        for before in 0..4 {
            let text = format!("{}{}", "x".repeat(before), "🦀".repeat(longest));
            let bytes = text.as_bytes();
            for size in [1, 3, 1000, longest, bytes.len()] {
                let pieces: Vec<_> = bytes.chunks(size).collect();
                let (mut lines, mut cut) = (Lines::default(), Vec::new());
                pieces.iter().for_each(|piece| lines.cut(piece, &mut cut));
                assert!(lines.begun.len() <= longest);
                lines.end(&mut cut);
                let pieces: Vec<_> = cut.iter().map(OutputLine::text).collect();
                assert!(pieces.iter().all(|piece| !piece.contains('\u{fffd}')));
                assert!(pieces.iter().all(|piece| piece.len() <= longest));
                assert!(cut.iter().all(|line| !line.is_whole()));
                assert_eq!(pieces.concat(), text);
            }
        }
        // What is no text is cut anywhere.
        let (mut lines, mut cut) = (Lines::default(), Vec::new());
        lines.cut(&[0x80; 3 * 4096 + 1], &mut cut);
        assert_eq!((cut.len(), lines.begun.len()), (3, 1));
    }

    #[test]
    fn a_line_of_the_longest_length_is_whole() {
        let (mut lines, mut cut) = (Lines::default(), Vec::new());
        lines.cut(format!("{}\n", "x".repeat(OutputLine::LONGEST)).as_bytes(), &mut cut);
        assert!(cut.len() == 1 && cut.iter().all(OutputLine::is_whole));
    }

    fn tail(pieces: &[&str]) -> Tail {
        let mut tail = Tail::default();
        pieces.iter().for_each(|piece| tail.push(piece.as_bytes()));
        assert!(tail.bytes.len() <= Tail::KEPT);
        tail
    }

    #[test]
    fn the_last_lines_are_kept_and_begin_with_a_whole_one() {
        assert_eq!(tail(&[]).text(), "");
        assert_eq!(tail(&["a\n", "b", "c\n"]).text(), "a\nbc");
        assert_eq!(tail(&["\n\r\n", " a\n\nb\r\n\n"]).text(), " a\n\nb");
        let lines: Vec<String> = (0..9000).map(|i| format!("line {i}\n")).collect();
        let pieces: Vec<&str> = lines.iter().map(String::as_str).collect();
        for text in [tail(&pieces).text(), tail(&[&lines.concat()]).text()] {
            assert!(text.len() > 16_000 && text.starts_with("line 7362\n"), "{text}");
            assert!(text.ends_with("line 8998\nline 8999"), "{text}");
        }
        // Of a line without end there is only the end.
        assert_eq!(tail(&["x", &"y".repeat(20_000)]).text(), "y".repeat(Tail::KEPT));
        assert_eq!(tail(&[&"y".repeat(Tail::KEPT)]).text(), "y".repeat(Tail::KEPT));
    }
}
