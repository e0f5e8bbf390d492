//! The screen of a terminal as a picture.

use std::fmt::Write;

use vt100::{Cell, Color, Screen};

/// A character's place, and the margin around all of them, in pixels.
const WIDTH: u16 = 8;
const HEIGHT: u16 = 17;
const MARGIN: u16 = 12;

const TEXT: &str = "#d8dee9";
const GROUND: &str = "#1e222a";

/// What text looks like.
#[derive(PartialEq)]
struct Style {
    color: &'static str,
    ground: &'static str,
    is_bold: bool,
    is_dim: bool,
}

impl Style {
    fn of(cell: &Cell) -> Self {
        let (color, ground) = (named(cell.fgcolor(), TEXT), named(cell.bgcolor(), GROUND));
        let (color, ground) = if cell.inverse() { (ground, color) } else { (color, ground) };
        Self { color, ground, is_bold: cell.bold(), is_dim: cell.dim() }
    }

    /// Of whatever is drawn in its color.
    fn attributes(&self) -> String {
        let bold = if self.is_bold { " font-weight=\"bold\"" } else { "" };
        let dim = if self.is_dim { " opacity=\".65\"" } else { "" };
        format!("fill=\"{}\"{bold}{dim}", self.color)
    }
}

fn named(color: Color, default: &'static str) -> &'static str {
    match color {
        Color::Idx(1) => "#e06c75",
        Color::Idx(3) => "#e5c07b",
        Color::Idx(6) => "#56b6c2",
        _ => default,
    }
}

/// A picture in which each word has its place, and as much room as it takes there: so that columns stand
/// below each other in any font.
pub(crate) fn of(screen: &Screen) -> String {
    let (rows, columns) = screen.size();
    let (rows, columns) = (rows.get(), columns.get());
    let (width, height) = (columns * WIDTH + 2 * MARGIN, rows * HEIGHT + 2 * MARGIN);
    let fonts = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace";
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" font-family=\"{fonts}\" font-size=\"13.3\">\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"6\" fill=\"{GROUND}\"/>\n"
    );
    for row in 0..rows {
        let cells: Vec<&Cell> =
            (0..columns).filter_map(|column| screen.cell(row, column)).collect();
        let mut column = 0;
        while column < cells.len() {
            let style = Style::of(cells[column]);
            let alike = |cell: &&&Cell| Style::of(cell) == style;
            let length = cells[column..].iter().take_while(alike).count();
            draw(&mut svg, row, column, &cells[column..column + length], &style);
            column += length;
        }
    }
    svg + "</svg>\n"
}

/// Draws cells of one style that stand in one row.
fn draw(svg: &mut String, row: u16, column: usize, cells: &[&Cell], style: &Style) {
    let top = MARGIN + row * HEIGHT;
    let x = |at: usize| usize::from(MARGIN) + (column + at) * usize::from(WIDTH);
    let room = |cells: usize| cells * usize::from(WIDTH);
    if style.ground != GROUND {
        let (x, width) = (x(0), room(cells.len()));
        line(
            svg,
            &format!(
                "<rect x=\"{x}\" y=\"{top}\" width=\"{width}\" height=\"{HEIGHT}\" fill=\"{}\"/>",
                style.ground
            ),
        );
    }
    let mut at = 0;
    while at < cells.len() {
        let text = cells[at].contents();
        if let Some(eighths) = eighths(text) {
            let height = f32::from(eighths) * 14.0 / 8.0;
            let y = f32::from(top + HEIGHT) - 1.0 - height;
            let (x, width) = (x(at), WIDTH - 1);
            line(
                svg,
                &format!(
                    "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" {}/>",
                    style.attributes()
                ),
            );
            at += 1;
        } else if text == "─" {
            let length = cells[at..].iter().take_while(|cell| cell.contents() == "─").count();
            let (x, y, width) = (x(at), top + HEIGHT / 2, room(length));
            line(
                svg,
                &format!(
                    "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"1\" {}/>",
                    style.attributes()
                ),
            );
            at += length;
        } else if text.trim().is_empty() {
            at += 1;
        } else {
            let is_word =
                |cell: &&&Cell| !matches!(cell.contents(), "" | " " | "─") && !cell.is_wide();
            let length = cells[at..].iter().take_while(is_word).count().max(1);
            let word: String = cells[at..at + length].iter().map(|cell| cell.contents()).collect();
            let (x, y, width) = (x(at), top + 13, room(length));
            let word = word.replace('&', "&amp;").replace('<', "&lt;");
            let place = format!(
                "x=\"{x}\" y=\"{y}\" textLength=\"{width}\" lengthAdjust=\"spacingAndGlyphs\""
            );
            line(svg, &format!("<text {place} {}>{word}</text>", style.attributes()));
            at += length;
        }
    }
}

/// How high a bar of a graph is.
fn eighths(text: &str) -> Option<u8> {
    "▁▂▃▄▅▆▇█".chars().zip(1..).find(|(bar, _)| text.chars().eq([*bar])).map(|(_, height)| height)
}

fn line(svg: &mut String, element: &str) {
    // It fails at nothing that is written to text.
    let _ = writeln!(svg, "{element}");
}
