//! Results as a table of Markdown.

use super::{EXPLANATION, Measured, Results};
use crate::mood::Mood;

impl Results {
    pub(crate) fn table(&self) -> String {
        let Self { command, machine, .. } = self;
        let mut text = format!(
            "# Results\n\n`{command}` wrote this.\n\n{machine}\n\n{EXPLANATION}\n\n\
             | | goal | pm-runtime | others |\n|---|---|---|---|\n"
        );
        let mut notes = Vec::new();
        for row in &self.rows {
            if row.moods().next().is_none() {
                text += &format!("| {} | {} | - | - |\n", row.row.title, goal(row));
            }
            for mood in row.moods() {
                text += &row.cells(mood);
            }
            notes.extend(row.notes());
        }
        if !notes.is_empty() {
            text += &format!("\nNot there:\n\n{}", notes.concat());
        }
        text
    }
}

fn goal(row: &Measured) -> String {
    row.goal_text().unwrap_or_default()
}

impl Measured {
    fn cells(&self, mood: Option<Mood>) -> String {
        let title = match (mood, self.figure(0, mood).and_then(|figure| figure.cache_line)) {
            (Some(mood), Some(nanos)) => {
                format!("{}, {} ({nanos:.0} ns)", self.row.title, mood.name())
            }
            _ => self.row.title.clone(),
        };
        let ours = self.figure(0, mood).map(|figure| self.unit.show(figure.median));
        let verdict = self.verdict(mood).map(|verdict| format!(" ({verdict})"));
        let others = self.standings.iter().enumerate().skip(1).filter_map(|(at, standing)| {
            let figure = self.figure(at, mood)?;
            let ratio = self.ratio(figure, mood).map(|ratio| format!(" ({ratio})"));
            let (label, median) = (standing.label, self.unit.show(figure.median));
            Some(format!("{label} {median}{}", ratio.unwrap_or_default()))
        });
        format!(
            "| {title} | {} | **{}**{} | {} |\n",
            goal(self),
            ours.unwrap_or_default(),
            verdict.unwrap_or_default(),
            others.collect::<Vec<_>>().join("<br>"),
        )
    }

    /// Who is not in this row, and why.
    fn notes(&self) -> impl Iterator<Item = String> {
        self.standings.iter().filter_map(|standing| {
            let reason = standing.missing.as_deref()?;
            Some(format!("- {}, {}: {reason}\n", self.row.name, standing.label))
        })
    }
}
