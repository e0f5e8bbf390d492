//! What was counted, for whoever watches.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use crate::parser::Class;

/// How often it is shown: redrawn on a terminal, else one line more.
const REDRAW_EVERY: Duration = Duration::from_millis(200);
const LINE_EVERY: Duration = Duration::from_secs(5);

/// The lines of one input. Those that were read and are nothing else are on their way.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) lines: u64,
    pub(crate) parsed: u64,
    pub(crate) rejected: u64,
    pub(crate) crashed: u64,
}

pub(crate) struct Board {
    inputs: Vec<(String, Counts)>,
    classes: BTreeMap<Class, u64>,
    is_terminal: bool,
    /// Lines that the next drawing replaces.
    drawn: usize,
    /// Those that were read when it was last shown.
    shown: u64,
}

impl Board {
    pub(crate) fn new(names: Vec<String>) -> Self {
        Self {
            inputs: names.into_iter().map(|name| (name, Counts::default())).collect(),
            classes: BTreeMap::new(),
            is_terminal: io::stdout().is_terminal(),
            drawn: 0,
            shown: 0,
        }
    }

    pub(crate) fn name(&self, input: usize) -> &str {
        &self.inputs[input].0
    }

    pub(crate) fn counts(&mut self, input: usize) -> &mut Counts {
        &mut self.inputs[input].1
    }

    pub(crate) fn parsed(&mut self, input: usize, class: Class) {
        self.counts(input).parsed += 1;
        *self.classes.entry(class).or_default() += 1;
    }

    pub(crate) fn pause(&self) -> Duration {
        if self.is_terminal { REDRAW_EVERY } else { LINE_EVERY }
    }

    /// Says something that stays. Where that fails, so does what is shown next.
    pub(crate) fn note(&mut self, text: &str) {
        let _ = self.print(&format!("{text}\n"));
        if self.is_terminal {
            let _ = self.draw();
        }
    }

    /// Shows how far it is.
    pub(crate) fn show(&mut self) -> io::Result<()> {
        let total = self.total();
        if std::mem::replace(&mut self.shown, total.lines) == total.lines {
            return Ok(());
        }
        if self.is_terminal {
            return self.draw();
        }
        let Counts { lines, parsed, rejected, crashed } = total;
        self.print(&format!(
            "{lines} lines: {parsed} parsed, {rejected} rejected, {crashed} crashed the parser\n"
        ))
    }

    /// Shows everything.
    pub(crate) fn draw(&mut self) -> io::Result<()> {
        let table = self.table();
        self.print(&table)?;
        self.drawn = table.lines().count();
        Ok(())
    }

    /// In the place of what was drawn.
    fn print(&mut self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if self.is_terminal && self.drawn > 0 {
            write!(out, "\x1b[{}F\x1b[J", self.drawn)?;
            self.drawn = 0;
        }
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    fn table(&self) -> String {
        let all = ("all".to_owned(), self.total());
        let rows = self.inputs.iter().chain((self.inputs.len() > 1).then_some(&all));
        let width = rows.clone().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        let row = |name: &str, cells: [&dyn std::fmt::Display; 4]| {
            let cells = cells.map(|cell| format!("{cell:>10}")).concat();
            format!("{name:width$}{cells}\n")
        };
        let mut table = row("", [&"lines", &"parsed", &"rejected", &"crashed"]);
        for (name, Counts { lines, parsed, rejected, crashed }) in rows {
            table += &row(name, [lines, parsed, rejected, crashed]);
        }
        let classes: Vec<_> =
            self.classes.iter().map(|(class, count)| format!("{class} {count}")).collect();
        table + &classes.join(", ") + "\n"
    }

    fn total(&self) -> Counts {
        self.inputs.iter().fold(Counts::default(), |sum, (_, counts)| Counts {
            lines: sum.lines + counts.lines,
            parsed: sum.parsed + counts.parsed,
            rejected: sum.rejected + counts.rejected,
            crashed: sum.crashed + counts.crashed,
        })
    }
}
