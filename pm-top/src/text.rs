//! Figures and words as they are shown.

use std::time::Duration;

use crate::table::{cut, width};

/// Text of an application, in which nothing moves the cursor, hides, or stands in another order than it
/// seems to.
pub(crate) fn clean(text: &str) -> String {
    const LONGEST: usize = 200;
    let shown = |c: char| match c {
        '"' | '\'' | '\\' => vec![c],
        _ => c.escape_debug().collect(),
    };
    text.chars().take(LONGEST).flat_map(shown).collect()
}

/// A length of time in two digits or three.
pub(crate) fn time(time: Duration) -> String {
    const UNITS: [(f64, &str); 6] =
        [(86_400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "µs")];
    let seconds = time.as_secs_f64();
    let unit = UNITS.into_iter().find(|(unit, _)| seconds >= *unit * 0.9995);
    let (unit, name) = unit.unwrap_or((1e-9, "ns"));
    format!("{} {name}", figure(seconds / unit))
}

/// A size in bytes.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= 1023.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{} {}", figure(value), UNITS[unit])
}

/// How often a second.
pub(crate) fn rate(rate: f64) -> String {
    const UNITS: [(f64, &str); 3] = [(1e9, "G"), (1e6, "M"), (1e3, "k")];
    match UNITS.into_iter().find(|(unit, _)| rate >= *unit * 9.995) {
        Some((unit, name)) => format!("{}{name}", figure(rate / unit)),
        None => figure(rate),
    }
}

/// With a digit behind the point where there is only one before it, and that says something.
fn figure(value: f64) -> String {
    match value {
        ..9.95 if (value - value.round()).abs() >= 0.05 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// The last of these, one character each, as parts of the largest, or of a full measure that none of them
/// reaches.
pub(crate) fn sparkline(
    values: impl DoubleEndedIterator<Item = f64>,
    full: f64,
    width: usize,
) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let mut last: Vec<f64> = values.rev().take(width).collect();
    last.reverse();
    let most = last.iter().copied().fold(full, f64::max);
    let bar = |value: f64| match value {
        _ if most <= 0.0 || value <= 0.0 => BARS[0],
        // What is something is not shown as nothing.
        _ => BARS[((value / most * 7.0).round() as usize).clamp(1, 7)],
    };
    let blank = width.saturating_sub(last.len());
    std::iter::repeat_n(' ', blank).chain(last.into_iter().map(bar)).collect()
}

/// A line as several, none of which is wider than that; between words where that is possible. What
/// follows the first one is indented as that is, and a little more.
pub(crate) fn wrap(line: &str, room: usize) -> Vec<String> {
    let indent = line.len() - line.trim_start().len() + 2;
    let indent = " ".repeat(if indent * 2 < room { indent } else { 0 });
    let (mut lines, mut rest) = (Vec::new(), line);
    loop {
        let indent = if lines.is_empty() { "" } else { &*indent };
        let end = fitting(rest, room - indent.len());
        if end == rest.len() || end == 0 {
            // All of it, or what cannot be shown.
            lines.push(cut(&format!("{indent}{rest}"), room));
            return lines;
        }
        let words = |at: &usize| !rest[..*at].trim().is_empty();
        let blank = match rest[end..].starts_with(' ') {
            true => Some(end),
            false => rest[..end].rfind(' ').filter(words),
        };
        let (shown, next) = rest.split_at(blank.unwrap_or(end));
        lines.push(format!("{indent}{}", shown.trim_end()));
        rest = next.trim_start();
    }
}

/// How many bytes of a text have room.
fn fitting(text: &str, room: usize) -> usize {
    let mut used = 0;
    let beyond = text.char_indices().find(|&(at, c)| {
        used += width(&text[at..at + c.len_utf8()]);
        used > room
    });
    beyond.map_or(text.len(), |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_applications_are_harmless() {
        assert_eq!(clean("a\x1b[2Jb\nc"), "a\\u{1b}[2Jb\\nc");
        assert_eq!(clean("x\u{202e}y\u{200b}\u{9b}"), "x\\u{202e}y\\u{200b}\\u{9b}");
        assert_eq!(clean("naïve 漢字 \"q\" C:\\x"), "naïve 漢字 \"q\" C:\\x");
        assert!(clean(&"x".repeat(1 << 20)).len() == 200);
    }

    #[test]
    fn times_and_sizes_are_read_at_a_glance() {
        let times = [
            (Duration::ZERO, "0 ns"),
            (Duration::from_nanos(1), "1 ns"),
            (Duration::from_micros(1250), "1.2 ms"),
            (Duration::from_micros(999_900), "1 s"),
            (Duration::from_secs(59), "59 s"),
            (Duration::from_secs(90), "1.5 min"),
            (Duration::from_secs(400_000), "4.6 d"),
        ];
        for (length, text) in times {
            assert_eq!(time(length), text);
        }
        for (size, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (1_048_575, "1 MiB"),
            (5 << 29, "2.5 GiB"),
        ] {
            assert_eq!(bytes(size), text);
        }
        for (per_second, text) in
            [(0.0, "0"), (0.04, "0"), (0.25, "0.2"), (3.0, "3"), (9994.0, "9994"), (9995.0, "10k")]
        {
            assert_eq!(rate(per_second), text);
        }
        assert_eq!((rate(12_345_678.0), rate(f64::NAN)), ("12M".into(), "NaN".into()));
    }

    #[test]
    fn long_lines_are_wrapped_between_words() {
        assert_eq!(wrap("one two three", 20), ["one two three"]);
        assert_eq!(wrap("one two three", 9), ["one two", "  three"]);
        assert_eq!(wrap("  one two three", 9), ["  one two", "    three"]);
        assert_eq!(wrap("unbreakable", 5), ["unbre", "  aka", "  ble"]);
        assert_eq!(wrap("漢字漢字", 5), ["漢字", "  漢", "  字"]);
        assert_eq!(wrap("", 5), [""]);
        for room in 0..9 {
            for text in ["a b c", "漢字 漢字", "   x", "a\u{301}\u{301} b", "x          y"] {
                assert!(wrap(text, room).iter().all(|line| width(line) <= room), "{text} {room}");
            }
        }
    }

    #[test]
    fn a_sparkline_is_as_wide_as_it_is_to_be() {
        assert_eq!(sparkline([].into_iter(), 0.0, 3), "   ");
        assert_eq!(sparkline([0.0, 0.0].into_iter(), 0.0, 3), " ▁▁");
        assert_eq!(sparkline([9.0, 0.0, 0.001, 4.0, 8.0].into_iter(), 0.0, 4), "▁▂▅█");
        assert_eq!(sparkline([1.0, 50.0, 100.0].into_iter(), 100.0, 3), "▂▅█");
        for odd in [f64::NAN, f64::INFINITY, -1.0] {
            assert_eq!(sparkline([1.0, odd].into_iter(), 0.0, 2).chars().count(), 2);
        }
    }
}
