//! Bars beside each other, as SVG.

use std::fmt::{self, Write};

use crate::mood::Mood;
use crate::peers::Contestant;
use crate::report::{Measured, Results};

/// The rows that are shown; each of them has peers.
const SHOWN: [&str; 5] =
    ["one-at-a-time/two-cores", "64-in-flight/two-cores", "echo-1MiB/two-cores", "spawn", "killed"];

const WIDTH: f64 = 860.0;
const MARGIN: f64 = 24.0;
/// Where bars begin, and how long the longest is.
const BARS: f64 = 270.0;
const LONGEST: f64 = 440.0;
/// From one bar to the next.
const PITCH: f64 = 22.0;
const BAR: f64 = 15.0;
/// What a panel takes beside its bars.
const PANEL: f64 = 64.0;

const OURS: &str = "#2563eb";
const PEER: &str = "#94a3b8";
const FLOOR: &str = "#dbe3ec";
const TEXT: &str = "#1e293b";
const FAINT: &str = "#64748b";
const GRID: &str = "#e2e8f0";

/// One contestant's.
struct Bar {
    label: &'static str,
    value: f64,
    contestant: Contestant,
}

/// A row in one mood, on a scale of its own.
struct Panel<'a> {
    row: &'a Measured,
    mood: Option<Mood>,
    bars: Vec<Bar>,
    /// Powers of ten.
    from: i32,
    to: i32,
}

/// The chart, or nothing where none of its rows was measured. It has a background of its own, which
/// keeps it legible on a dark page.
pub(crate) fn chart(results: &Results) -> Option<String> {
    let panels: Vec<_> = SHOWN
        .iter()
        .filter_map(|name| Panel::of(results.rows.iter().find(|row| row.row.name == *name)?))
        .collect();
    let mut text = String::new();
    // To write into a string does not fail.
    draw(&mut text, &panels, results).ok().filter(|()| !panels.is_empty())?;
    Some(text)
}

fn draw(svg: &mut String, panels: &[Panel<'_>], results: &Results) -> fmt::Result {
    let height = panels.iter().map(Panel::height).sum::<f64>() + 3.0 * MARGIN;
    writeln!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13" fill="{TEXT}">"#
    )?;
    writeln!(
        svg,
        r##"<rect x="0.5" y="0.5" width="{}" height="{}" rx="10" fill="#ffffff" stroke="{GRID}"/>"##,
        WIDTH - 1.0,
        height - 1.0,
    )?;
    let mut top = MARGIN;
    for panel in panels {
        panel.draw(svg, top)?;
        top += panel.height();
    }
    let machine = results.machine();
    let notes = "logarithmic; light bars are floors, which do less than any of the others";
    for (at, note) in [notes, machine.as_str()].iter().enumerate() {
        let y = top + MARGIN * 0.5 + 16.0 * at as f64;
        writeln!(svg, r#"<text x="{MARGIN}" y="{y}" font-size="11" fill="{FAINT}">{note}</text>"#)?;
    }
    writeln!(svg, "</svg>")
}

impl<'a> Panel<'a> {
    fn of(row: &'a Measured) -> Option<Self> {
        // The mood in which this project was seen more often.
        let seen = |mood: &Option<Mood>| row.figure(0, *mood).map(|figure| figure.slices);
        let mood = row.moods().max_by_key(seen)?;
        let bars: Vec<_> = row
            .standings
            .iter()
            .enumerate()
            .filter_map(|(at, standing)| {
                let value = row.figure(at, mood)?.median;
                let (label, contestant) = (standing.label, standing.contestant);
                (value > 0.0).then_some(Bar { label, value, contestant })
            })
            .collect();
        let powers = || bars.iter().map(|bar| bar.value.log10());
        let from = powers().fold(f64::INFINITY, f64::min);
        let to = powers().fold(f64::NEG_INFINITY, f64::max);
        // The shortest bar has to be seen, too.
        let (from, to) = ((from - 0.1).floor() as i32, to.ceil() as i32);
        (!bars.is_empty()).then_some(Self { row, mood, bars, from, to })
    }

    fn height(&self) -> f64 {
        PANEL + PITCH * self.bars.len() as f64
    }

    fn x(&self, value: f64) -> f64 {
        let share = (value.log10() - f64::from(self.from)) / f64::from(self.to - self.from);
        BARS + LONGEST * share
    }

    fn draw(&self, svg: &mut String, top: f64) -> fmt::Result {
        let mood = self.mood.map(|mood| format!(" ({})", mood.name())).unwrap_or_default();
        let better = if self.row.unit.wants_less() { "less" } else { "more" };
        writeln!(
            svg,
            r#"<text x="{MARGIN}" y="{}"><tspan font-size="15" font-weight="bold">{}</tspan><tspan fill="{FAINT}">{mood}: {better} is better</tspan></text>"#,
            top + 14.0,
            self.row.row.title,
        )?;
        let (first, last) = (top + 26.0, top + 26.0 + PITCH * self.bars.len() as f64);
        for power in self.from..=self.to {
            let value = 10_f64.powi(power);
            let x = self.x(value);
            let unit = self.row.unit.show_round(value);
            writeln!(
                svg,
                r#"<path d="M{x:.1} {first}V{last}" stroke="{GRID}"/><text x="{x:.1}" y="{}" text-anchor="middle" font-size="10" fill="{FAINT}">{unit}</text>"#,
                last + 12.0,
            )?;
        }
        for (at, bar) in self.bars.iter().enumerate() {
            bar.draw(svg, self, first + PITCH * at as f64)?;
        }
        Ok(())
    }
}

impl Bar {
    fn draw(&self, svg: &mut String, panel: &Panel<'_>, top: f64) -> fmt::Result {
        let is_ours = self.contestant.is_ours();
        let color = match self.contestant {
            _ if is_ours => OURS,
            contestant if contestant.is_floor() => FLOOR,
            _ => PEER,
        };
        let weight = if is_ours { "bold" } else { "normal" };
        let (end, base) = (panel.x(self.value), top + BAR - 1.0);
        writeln!(
            svg,
            r#"<text x="{:.1}" y="{base}" text-anchor="end" font-weight="{weight}">{}</text><rect x="{BARS}" y="{}" width="{:.1}" height="{BAR}" rx="2" fill="{color}"/><text x="{:.1}" y="{base}" font-weight="{weight}">{}</text>"#,
            BARS - 8.0,
            self.label,
            top + 2.0,
            end - BARS,
            end + 6.0,
            panel.row.unit.show(self.value),
        )
    }
}
