//! Pieces of text that several reports share.

use std::fmt::{self, Display, Write};
use std::time::Duration;

/// A size in bytes, as people write it.
pub(crate) struct Bytes(pub(crate) u64);

impl Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
        let mut value = self.0 as f64;
        let mut unit = "B";
        for next in UNITS {
            if value < 1024.0 {
                break;
            }
            value /= 1024.0;
            unit = next;
        }
        if value.fract() == 0.0 {
            write!(f, "{value:.0} {unit}")
        } else {
            write!(f, "{value:.1} {unit}")
        }
    }
}

/// Longer texts of workers are cut, in bytes.
const LONGEST: usize = 4096;

/// As much of a text as a worker may tell of it.
pub(crate) fn cut(text: &str) -> &str {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The end of a text, so many bytes at most.
pub(crate) fn cut_front(text: &str, longest: usize) -> &str {
    let mut start = text.len().saturating_sub(longest);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    &text[start..]
}

/// A length of time, in the largest unit that divides it.
pub(crate) struct Span(pub(crate) Duration);

impl Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        if self.0.subsec_nanos() != 0 || seconds == 0 {
            return write!(f, "{:?}", self.0);
        }
        for (unit, name) in [(86_400, "d"), (3600, "h"), (60, "min")] {
            if seconds.is_multiple_of(unit) {
                return write!(f, "{} {name}", seconds / unit);
            }
        }
        write!(f, "{seconds} s")
    }
}

/// Text that came from a worker: its control characters are escaped, so that it can neither
/// move the cursor of an operator's terminal nor forge lines of a log; and so are characters that
/// nobody sees, or that show others in another order than they stand.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if c.is_control() || is_unseen(c) {
                write!(f, "{}", c.escape_default())?;
            } else {
                f.write_char(c)?;
            }
        }
        Ok(())
    }
}

/// Line and paragraph separators, and the format characters that hide or reorder text; not the
/// joiners, which some scripts are written with.
fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'
            | '\u{200e}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_people_write_them() {
        assert_eq!(Bytes(0).to_string(), "0 B");
        assert_eq!(Bytes(1023).to_string(), "1023 B");
        assert_eq!(Bytes(1536).to_string(), "1.5 KiB");
        assert_eq!(Bytes(64 << 20).to_string(), "64 MiB");
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(cut("short"), "short");
        assert_eq!(cut(&"é".repeat(4096)).len(), 4096);
        assert_eq!(cut(&format!("x{}", "é".repeat(4096))).len(), 4095);
        assert_eq!(cut_front("short", 9), "short");
        assert_eq!(cut_front("aébc", 4), "ébc");
        assert_eq!(cut_front("aébc", 3), "bc");
    }

    #[test]
    fn times_read_as_people_write_them() {
        assert_eq!(Span(Duration::from_secs(1800)).to_string(), "30 min");
        assert_eq!(Span(Duration::from_secs(61)).to_string(), "61 s");
        assert_eq!(Span(Duration::from_millis(1500)).to_string(), "1.5s");
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(Escaped("a\x1b[2Jb\nc é").to_string(), "a\\u{1b}[2Jb\\nc é");
        // The one of eight bits that begins sequences too, and the one that ends lines.
        assert_eq!(Escaped("\u{9b}2J\u{85}").to_string(), "\\u{9b}2J\\u{85}");
    }

    #[test]
    fn nothing_is_hidden_or_shown_in_another_order() {
        assert_eq!(Escaped("a\u{202e}txt.exe").to_string(), "a\\u{202e}txt.exe");
        assert_eq!(
            Escaped("\u{2066}x\u{2069}\u{200b}").to_string(),
            "\\u{2066}x\\u{2069}\\u{200b}"
        );
        assert_eq!(Escaped("a\u{2028}b\u{e0041}").to_string(), "a\\u{2028}b\\u{e0041}");
        // What people write is left alone.
        let text = "naïve 漢字 שלום 🦀 \u{65}\u{301} C:\\x \"q\"";
        assert_eq!(Escaped(text).to_string(), text);
    }
}
