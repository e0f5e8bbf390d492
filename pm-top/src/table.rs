//! Tables: columns that are as wide as what is in them, and left out where there is no room.

use ratatui::text::Span;

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    pub(crate) title: &'static str,
    pub(crate) right: bool,
    /// Where there is little room the columns of the highest numbers go first.
    pub(crate) rank: u8,
    /// It is cut where it is wider.
    pub(crate) widest: usize,
    /// It has what no other column wants, too.
    pub(crate) elastic: bool,
}

impl Column {
    pub(crate) const fn left(title: &'static str, rank: u8) -> Self {
        Self { title, right: false, rank, widest: 32, elastic: false }
    }

    /// One of words, which need not be seen to their end.
    pub(crate) const fn elastic(title: &'static str, rank: u8) -> Self {
        Self { widest: 16, elastic: true, ..Self::left(title, rank) }
    }

    pub(crate) const fn right(title: &'static str, rank: u8) -> Self {
        Self { right: true, ..Self::left(title, rank) }
    }
}

/// A row of a table.
#[derive(Debug)]
pub(crate) enum Row {
    /// What is in each column.
    Cells(Vec<String>),
    /// Words that take as much of the line as they want.
    Note(String),
}

impl Row {
    fn cell(&self, at: usize) -> &str {
        match self {
            Self::Cells(cells) => cells.get(at).map_or("", String::as_str),
            Self::Note(_) => "",
        }
    }

    /// Whether there is something in a column.
    pub(crate) fn says(&self, at: usize) -> bool {
        !self.cell(at).is_empty()
    }

    /// Leaves out all other columns.
    pub(crate) fn keep(&mut self, columns: &[usize]) {
        let kept = columns.iter().map(|&at| self.cell(at).to_owned()).collect();
        if let Self::Cells(cells) = self {
            *cells = kept;
        }
    }
}

/// The columns for which there is room, by their places, with their widths.
#[derive(Debug, PartialEq)]
pub(crate) struct Fit(pub(crate) Vec<(usize, usize)>);

/// Columns between two columns.
const GAP: usize = 2;

/// What there is room for. The most important column is always there, as wide as the room is; those in
/// which nothing is are not.
pub(crate) fn fit(columns: &[Column], rows: &[Row], room: usize) -> Fit {
    let wanted: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(at, column)| {
            let cells = rows.iter().map(|row| width(row.cell(at)));
            cells.max().unwrap_or(0).max(width(column.title))
        })
        .collect();
    let title = |at: usize| width(columns[at].title);
    let widths: Vec<usize> =
        (0..columns.len()).map(|at| wanted[at].min(columns[at].widest.max(title(at)))).collect();
    let has_cells = rows.iter().any(|row| matches!(row, Row::Cells(_)));
    let says = |at: &usize| !has_cells || rows.iter().any(|row| row.says(*at));
    let mut order: Vec<usize> = (0..columns.len()).filter(says).collect();
    order.sort_by_key(|&at| columns[at].rank);
    let (mut chosen, mut used) = (Vec::new(), 0);
    for at in order {
        let wants = widths[at] + if chosen.is_empty() { 0 } else { GAP };
        if chosen.is_empty() {
            used = widths[at].min(room);
            chosen.push((at, used));
        } else if used + wants <= room {
            used += wants;
            chosen.push((at, widths[at]));
        } else {
            // What is less important would look as if it were more.
            break;
        }
    }
    for (at, width) in &mut chosen {
        if columns[*at].elastic {
            let more = (wanted[*at] - *width).min(room - used);
            (*width, used) = (*width + more, used + more);
        }
    }
    chosen.sort_unstable();
    Fit(chosen)
}

impl Fit {
    /// The titles as text.
    pub(crate) fn titles(&self, columns: &[Column]) -> String {
        self.join(columns, |at| columns[at].title)
    }

    /// A row as text.
    pub(crate) fn line(&self, columns: &[Column], row: &Row) -> String {
        match row {
            Row::Cells(_) => self.join(columns, |at| row.cell(at)),
            Row::Note(note) => note.clone(),
        }
    }

    /// Without blanks at its end.
    fn join<'a>(&self, columns: &[Column], cell: impl Fn(usize) -> &'a str) -> String {
        let mut line = String::new();
        for (number, &(at, wide)) in self.0.iter().enumerate() {
            if number > 0 {
                line.push_str(&" ".repeat(GAP));
            }
            let cell = cut(cell(at), wide);
            let blank = " ".repeat(wide - width(&cell));
            match columns[at].right {
                true => line.extend([&*blank, &cell]),
                false => line.extend([&*cell, &blank]),
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// Columns of a terminal that a text takes.
pub(crate) fn width(text: &str) -> usize {
    Span::raw(text).width()
}

/// As much of a text as there is room for; an ellipsis stands for the rest.
pub(crate) fn cut(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let Some(room) = room.checked_sub(1) else { return String::new() };
    let mut end = 0;
    for (at, c) in text.char_indices() {
        if width(&text[..at + c.len_utf8()]) > room {
            break;
        }
        end = at + c.len_utf8();
    }
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 3] =
        [Column::left("name", 0), Column::right("size", 2), Column::left("state", 1)];

    fn rows() -> Vec<Row> {
        let row = |cells: [&str; 3]| Row::Cells(cells.map(str::to_owned).to_vec());
        vec![row(["a", "1", "busy"]), row(["longer", "23456", "idle"])]
    }

    fn lines(room: usize) -> String {
        let rows = rows();
        let fit = fit(&COLUMNS, &rows, room);
        let all = rows.iter().map(|row| fit.line(&COLUMNS, row));
        std::iter::once(fit.titles(&COLUMNS)).chain(all).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn columns_are_as_wide_as_what_is_in_them() {
        let text = "name     size  state\na           1  busy\nlonger  23456  idle";
        assert_eq!(lines(80), text);
        assert_eq!(lines(20), text);
    }

    #[test]
    fn what_is_least_important_goes_first() {
        assert_eq!(lines(19), "name    state\na       busy\nlonger  idle");
        assert_eq!(lines(12), "name\na\nlonger");
        assert_eq!(lines(5), "name\na\nlong…");
        assert_eq!(lines(0), "\n\n");
    }

    #[test]
    fn a_column_of_words_has_what_no_other_wants() {
        let columns =
            [Column::left("name", 0), Column::elastic("notes", 1), Column::right("size", 2)];
        let row = |cells: [&str; 3]| Row::Cells(cells.map(str::to_owned).to_vec());
        let rows = [row(["a", "many words that have no end", "1"]), row(["b", "", "2"])];
        let line = |room| {
            let fit = fit(&columns, &rows, room);
            fit.line(&columns, &rows[0])
        };
        assert_eq!(line(80), "a     many words that have no end     1");
        assert_eq!(line(30), "a     many words that h…     1");
        assert_eq!(line(23), "a     many words that …");
        assert_eq!(line(21), "a");
        let nothing = [row(["a", "", "1"])];
        assert_eq!(fit(&columns, &nothing, 80).titles(&columns), "name  size");
    }

    #[test]
    fn a_note_makes_no_column_wider() {
        let mut rows = rows();
        rows.push(Row::Note("nobody knows how long a note is".into()));
        let fit = fit(&COLUMNS, &rows, 80);
        assert_eq!(fit.titles(&COLUMNS), "name     size  state");
        assert_eq!(fit.line(&COLUMNS, &rows[2]), "nobody knows how long a note is");
    }

    #[test]
    fn texts_are_cut_by_what_they_take_on_the_screen() {
        assert_eq!(cut("漢字漢字", 8), "漢字漢字");
        assert_eq!(cut("漢字漢字", 7), "漢字漢…");
        assert_eq!(cut("漢字漢字", 6), "漢字…");
        assert_eq!((cut("abc", 1), cut("abc", 0)), ("…".into(), String::new()));
    }
}
