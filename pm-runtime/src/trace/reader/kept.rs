//! The bounds of what a worker makes a subscriber keep of its spans.
//!
//! A subscriber keeps a span for as long as one is open that was begun in it, whatever the worker says of
//! its end: so does this. And it may close all that are only kept for each other on one stack, one
//! within the close of the next: so they are not too deep.

use std::collections::HashMap;

/// Spans of a worker; of those beyond that nothing is known.
const SPANS: usize = 1 << 16;
/// Spans in each other.
const DEPTH: u16 = 128;
/// Names and values of their fields, in bytes.
const BYTES: usize = 16 << 20;
/// How often more is recorded of a span after its beginning: each line in it may show all of that.
const RECORDED: u16 = 256;

#[derive(Default)]
pub(super) struct Kept {
    rows: HashMap<u64, Row>,
    bytes: usize,
    left_out: bool,
    is_told: bool,
}

struct Row {
    /// The next one out that is told.
    outer: Option<u64>,
    /// Spans that were begun in it.
    inner: usize,
    is_told: bool,
    /// Itself and those around it that are told.
    depth: u16,
    bytes: usize,
    recorded: u16,
    has_ended: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    Whole,
    /// It cannot be told: what is in it has to be in what it is in.
    Through,
    /// Nothing can be known of it.
    Unknown,
}

impl Kept {
    /// How a span may begin in this one, with so much of fields.
    pub(super) fn fit(&mut self, span: u64, outer: Option<u64>, bytes: usize) -> Fit {
        let fit = if self.rows.len() >= SPANS || self.rows.contains_key(&span) {
            Fit::Unknown
        } else if self.depth(self.told(outer)) >= DEPTH || self.bytes + bytes > BYTES {
            Fit::Through
        } else {
            Fit::Whole
        };
        self.left_out |= fit != Fit::Whole;
        fit
    }

    /// It does, told with so much; `None`: it is not told.
    pub(super) fn begin(&mut self, span: u64, outer: Option<u64>, bytes: Option<usize>) {
        let outer = self.told(outer);
        if let Some(outer) = outer.and_then(|outer| self.rows.get_mut(&outer)) {
            outer.inner += 1;
        }
        let is_told = bytes.is_some();
        let depth = self.depth(outer) + u16::from(is_told);
        let bytes = bytes.unwrap_or(0);
        self.bytes += bytes;
        let row = Row { outer, inner: 0, is_told, depth, bytes, recorded: 0, has_ended: false };
        self.rows.insert(span, row);
    }

    /// This span, or the next one out that is told.
    fn told(&self, span: Option<u64>) -> Option<u64> {
        let row = self.rows.get(&span?).filter(|row| !row.has_ended)?;
        if row.is_told { span } else { row.outer }
    }

    fn depth(&self, span: Option<u64>) -> u16 {
        span.and_then(|span| self.rows.get(&span)).map_or(0, |row| row.depth)
    }

    /// Whether so much more may be recorded of a span, which then is.
    pub(super) fn record(&mut self, span: u64, bytes: usize) -> bool {
        let Some(row) = self.rows.get_mut(&span) else { return false };
        let fits = row.recorded < RECORDED && self.bytes + bytes <= BYTES;
        if fits {
            row.recorded += 1;
            row.bytes += bytes;
            self.bytes += bytes;
        }
        self.left_out |= !fits;
        fits
    }

    /// The worker says that a span has ended.
    pub(super) fn end(&mut self, span: u64) {
        if let Some(row) = self.rows.get_mut(&span) {
            row.has_ended = true;
        }
        let mut next = Some(span);
        while let Some(row) = next.and_then(|span| self.remove_if_over(span)) {
            self.bytes -= row.bytes;
            next = row.outer;
            if let Some(outer) = next.and_then(|outer| self.rows.get_mut(&outer)) {
                outer.inner -= 1;
            }
        }
    }

    fn remove_if_over(&mut self, span: u64) -> Option<Row> {
        let is_over = |row: &&Row| row.has_ended && row.inner == 0;
        self.rows.get(&span).filter(is_over)?;
        self.rows.remove(&span)
    }

    /// Whether it is to be told now that something was left out: once.
    pub(super) fn is_to_be_told(&mut self) -> bool {
        let is_told = self.is_told;
        self.is_told |= self.left_out;
        self.is_told != is_told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the reader has them begin, where they are wanted.
    fn begin(kept: &mut Kept, span: u64, outer: Option<u64>, bytes: usize) -> Fit {
        let fit = kept.fit(span, outer, bytes);
        if fit != Fit::Unknown {
            kept.begin(span, outer, (fit == Fit::Whole).then_some(bytes));
        }
        fit
    }

    #[test]
    fn fields_have_their_bound_which_is_given_back_by_ends() {
        let mut kept = Kept::default();
        assert_eq!(begin(&mut kept, 1, None, BYTES / 2), Fit::Whole);
        assert!(kept.record(1, BYTES / 4));
        assert!(!kept.is_to_be_told());
        assert_eq!(begin(&mut kept, 2, None, BYTES / 2), Fit::Through);
        assert!(!kept.record(1, BYTES / 2));
        assert!(kept.is_to_be_told());
        assert!(kept.record(1, BYTES / 4));
        kept.end(1);
        assert_eq!(begin(&mut kept, 3, None, BYTES), Fit::Whole);
        assert_eq!(begin(&mut kept, 4, None, 1), Fit::Through);
        assert!(!kept.is_to_be_told());
        for span in 2..5 {
            kept.end(span);
        }
        assert!(kept.rows.is_empty() && kept.bytes == 0);
    }

    #[test]
    fn what_a_span_is_in_is_kept_as_long_as_that() {
        let mut kept = Kept::default();
        assert_eq!(begin(&mut kept, 1, None, BYTES), Fit::Whole);
        assert_eq!(begin(&mut kept, 2, Some(1), 0), Fit::Whole);
        assert_eq!(begin(&mut kept, 3, Some(2), 0), Fit::Whole);
        kept.end(1);
        kept.end(2);
        assert_eq!(begin(&mut kept, 4, None, 1), Fit::Through);
        // Its id is not free either.
        assert_eq!(begin(&mut kept, 1, None, 0), Fit::Unknown);
        kept.end(3);
        kept.end(3);
        assert_eq!(begin(&mut kept, 1, None, BYTES), Fit::Whole);
    }

    #[test]
    fn spans_are_not_deeper_in_each_other_than_that_though_they_have_ended() {
        let mut kept = Kept::default();
        let depth = u64::from(DEPTH);
        for span in 0..2 * depth {
            let fit = begin(&mut kept, span, span.checked_sub(1), 0);
            assert_eq!(fit, if span < depth { Fit::Whole } else { Fit::Through });
            if let Some(outer) = span.checked_sub(1) {
                kept.end(outer);
            }
            assert!(kept.rows.len() <= usize::from(DEPTH) + 1);
        }
        kept.end(2 * depth - 1);
        assert!(kept.rows.is_empty());
    }

    #[test]
    fn there_are_no_more_than_that_and_each_has_so_many_records() {
        let mut kept = Kept::default();
        for span in 0..SPANS as u64 {
            assert_eq!(begin(&mut kept, span, None, 0), Fit::Whole);
        }
        assert_eq!(begin(&mut kept, SPANS as u64, None, 0), Fit::Unknown);
        for _ in 0..RECORDED {
            assert!(kept.record(0, 1));
        }
        assert!(!kept.record(0, 1));
        assert!(kept.record(1, 1));
    }

    #[test]
    fn those_that_nobody_wants_keep_nothing_but_what_they_are_in() {
        let mut kept = Kept::default();
        assert_eq!(begin(&mut kept, 0, None, BYTES), Fit::Whole);
        for span in 1..1000 {
            assert_eq!(kept.fit(span, Some(span - 1), 0), Fit::Whole);
            kept.begin(span, Some(span - 1), None);
            kept.end(span - 1);
            assert_eq!((kept.rows.len(), kept.bytes), (2, BYTES));
        }
        kept.end(999);
        assert_eq!((kept.rows.len(), kept.bytes), (0, 0));
    }
}
