//! Results as text.

mod goal;
mod machine;
mod table;

use serde::Serialize;

use self::goal::verdict;
use self::machine::Machine;
use crate::contest::{Figure, Standing};
use crate::mood::Mood;
use crate::rows::Row;
use crate::workload::Unit;

/// Everything that a run has measured.
#[derive(Debug, Serialize)]
pub(crate) struct Results {
    machine: Machine,
    command: String,
    pub(crate) rows: Vec<Measured>,
}

/// A row, and what its contestants have achieved.
#[derive(Debug, Serialize)]
pub(crate) struct Measured {
    #[serde(flatten)]
    pub(crate) row: Row,
    pub(crate) unit: Unit,
    pub(crate) standings: Vec<Standing>,
}

impl Measured {
    /// The moods in which this project was seen, or the one that there is.
    pub(crate) fn moods(&self) -> impl Iterator<Item = Option<Mood>> {
        let ours = self.standings.first().into_iter();
        ours.flat_map(|ours| ours.figures.iter().map(|figure| figure.mood))
    }

    pub(crate) fn figure(&self, contestant: usize, mood: Option<Mood>) -> Option<Figure> {
        let figures = &self.standings.get(contestant)?.figures;
        figures.iter().find(|figure| figure.mood == mood).copied()
    }

    fn goal_text(&self) -> Option<String> {
        let floor = self.standings.get(1).map_or("", |floor| floor.label);
        self.row.goal.text(self.unit, floor)
    }

    /// Whether the goal is reached in a mood.
    fn verdict(&self, mood: Option<Mood>) -> Option<String> {
        let ours = self.figure(0, mood)?.median;
        let floor = self.figure(1, mood).map(|floor| floor.median);
        verdict(self.row.goal, self.unit, mood, ours, floor)
    }

    /// How many times this project's figure, by median.
    fn ratio(&self, figure: Figure, mood: Option<Mood>) -> Option<String> {
        let ours = self.figure(0, mood)?.median;
        let ratio = figure.median / ours;
        (ratio.is_finite() && ratio > 0.0).then(|| match ratio {
            100.0.. => format!("{ratio:.0} ×"),
            10.0.. => format!("{ratio:.1} ×"),
            0.1.. => format!("{ratio:.2} ×"),
            _ => format!("{ratio:.3} ×"),
        })
    }

    /// The row as the terminal shows it.
    fn block(&self) -> String {
        let goal = self.goal_text().map(|goal| format!("; goal {goal}")).unwrap_or_default();
        let mut text = format!("{} — {}{goal}\n", self.row.name, self.row.title);
        for mood in self.moods() {
            if let Some(mood) = mood {
                let line = self.figure(0, Some(mood)).and_then(|figure| figure.cache_line);
                let line = line.map(|nanos| format!(" (cache line {nanos:.0} ns)"));
                text += &format!("  {}{}\n", mood.name(), line.unwrap_or_default());
            }
            for (contestant, standing) in self.standings.iter().enumerate() {
                if let Some(figure) = self.figure(contestant, mood) {
                    text += &self.line(standing.label, figure, mood, contestant == 0);
                }
            }
        }
        for standing in self.standings.iter().filter(|standing| standing.figures.is_empty()) {
            let nothing = "the cores' mood changed in all slices";
            let reason = standing.missing.as_deref().unwrap_or(nothing);
            text += &format!("    {:36} -  {reason}\n", standing.label);
        }
        text
    }

    fn line(&self, label: &str, figure: Figure, mood: Option<Mood>, is_ours: bool) -> String {
        let show = |value| self.unit.show(value);
        let range = format!("{} … {}", show(figure.min), show(figure.max));
        let beside = match is_ours {
            true => self.verdict(mood),
            false => self.ratio(figure, mood),
        };
        format!(
            "    {label:36} {:>15}  {:>9}  {range}, {} slices\n",
            show(figure.median),
            beside.unwrap_or_default(),
            figure.slices,
        )
    }
}

impl Results {
    pub(crate) fn new(cores: usize) -> Self {
        let arguments: Vec<_> = std::env::args().skip(1).collect();
        let command = match arguments.is_empty() {
            true => "cargo run --release -p pm-bench".to_owned(),
            false => format!("cargo run --release -p pm-bench -- {}", arguments.join(" ")),
        };
        Self { machine: Machine::this(cores), command, rows: Vec::new() }
    }

    /// Sees whether others use the machine, in the end as in the beginning.
    pub(crate) fn look_around(&mut self) {
        self.machine.look_around();
    }

    /// Where and when it was measured.
    pub(crate) fn machine(&self) -> String {
        self.machine.to_string()
    }

    pub(crate) fn heading(&self) -> String {
        format!("{}\n{}\n\n{EXPLANATION}\n\n", self.command, self.machine)
    }

    /// Keeps a row; returns it as text.
    pub(crate) fn add(&mut self, row: Row, standings: Vec<Standing>) -> String {
        let measured = Measured { unit: row.unit(), row, standings };
        let text = measured.block();
        self.rows.push(measured);
        text
    }
}

const EXPLANATION: &str = "\
Medians of slices in which the contestants took turns; × is how many times this project's figure
another's is. On two cores, `near` and `far` is what a cache line's round trip between the two took at
the time; slices in which that changed are dropped.";
