//! The result, for people.

use std::fmt::{self, Display, Formatter};

use crate::report::{Failure, Kind, Longest, Report, Row, Verdict};

/// More of a kind than this are only counted.
const SHOWN: usize = 20;

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.table(f)?;
        list(f, "not Rust of today", &self.not_rust, |it, f| {
            writeln!(f, "  {}:{}", Plain(&it.file), Plain(&it.reason))
        })?;
        list(f, "without an answer", &self.failures, Failure::explain)?;
        writeln!(f)?;
        self.pool_lines(f)?;
        writeln!(f, "{}", self.verdict_line())
    }
}

impl Report {
    fn table(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let longest_name = self.crates.iter().map(|row| row.name.chars().count()).max();
        let width = longest_name.unwrap_or_default().max("crate".len());
        writeln!(
            f,
            "{:width$}  {:>6}  {:>9}  {:>6}  {:>8}  {:>6}  longest function",
            "crate", "files", "functions", "unsafe", "not Rust", "failed"
        )?;
        for row in self.crates.iter().chain([&self.total]) {
            let Row { name, files, functions, unsafe_blocks, longest, not_rust, failed, .. } = row;
            let name = Plain(name).to_string();
            write!(
                f,
                "{name:width$}  {files:>6}  {functions:>9}  {unsafe_blocks:>6}  {not_rust:>8}  {failed:>6}  "
            )?;
            match longest {
                Some(longest) => writeln!(f, "{longest}")?,
                None => writeln!(f, "-")?,
            }
        }
        Ok(())
    }

    fn pool_lines(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let pool = &self.pool;
        let health = &pool.health;
        let states = [
            (health.idle as u64, "idle"),
            (health.busy as u64, "busy"),
            (health.starting as u64, "starting"),
            (health.releasing as u64, "releasing"),
        ];
        let account = &health.account;
        let outcomes = [
            (account.completed, "answered"),
            (account.failed, "failed"),
            (account.cancelled, "cancelled"),
            (account.rejected, "rejected"),
            (account.waiting, "waiting"),
            (account.running, "running"),
        ];
        writeln!(
            f,
            "pool `{}`: {} ({}); {} crashed, {} killed at the timeout, {} started in their place",
            health.name,
            Count(health.workers.len() as u64, "worker", "workers"),
            Sum(&states),
            pool.crashed,
            pool.timed_out,
            pool.replacements,
        )?;
        writeln!(f, "{}: {}", Count(account.submitted, "query", "queries"), Sum(&outcomes))?;
        writeln!(
            f,
            "{} in {:.1} s, {:.0} files/s",
            Count(self.total.files, "file", "files"),
            self.seconds,
            self.files_per_second
        )
    }

    /// What happened, in one line.
    pub(crate) fn verdict_line(&self) -> String {
        let hostile = self.failures.iter().filter(|it| it.hostile.is_some());
        let hostile = hostile.count() as u64;
        let innocent = self.failures.len() as u64 - hostile;
        let counts = [
            (innocent, "without an answer"),
            (self.total.parsed, "parsed"),
            (self.total.not_rust, "not Rust of today"),
            (hostile, "hostile and without an answer"),
        ];
        let counts = Sum(&counts);
        match self.verdict {
            Verdict::Complete => format!("ok: {counts}"),
            Verdict::Incomplete => format!("failed: {counts}"),
            Verdict::Interrupted => {
                format!("interrupted after {} of {} files: {counts}", self.total.files, self.found)
            }
        }
    }
}

impl Failure {
    fn explain(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "  {} {}", Plain(&self.file), self.kind)?;
        if let Some(about) = self.hostile {
            write!(f, " (hostile: {about})")?;
        }
        writeln!(f, "\n    {}", Plain(&self.report))?;
        let Some(worker) = self.worker else {
            return Ok(());
        };
        let killed = match self.kind {
            Kind::TimedOut => format!("killed worker {worker} and "),
            _ => String::new(),
        };
        match (self.kind, self.successor) {
            (Kind::Panicked, _) => {
                writeln!(f, "    the pool kept worker {worker}, which serves on")
            }
            (_, Some(new)) => writeln!(f, "    the pool {killed}started worker {new} in its place"),
            (_, None) => writeln!(f, "    the pool {killed}had not yet replaced it in the end"),
        }
    }
}

impl Display for Longest {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { name, lines, file, line } = self;
        write!(f, "{name}, {lines} lines ({}:{line})", Plain(file))
    }
}

/// A heading with a count, and the first of many lines.
fn list<T>(
    f: &mut Formatter<'_>,
    title: &str,
    items: &[T],
    item: impl Fn(&T, &mut Formatter<'_>) -> fmt::Result,
) -> fmt::Result {
    if items.is_empty() {
        return Ok(());
    }
    writeln!(f, "\n{title}: {}", items.len())?;
    for it in items.iter().take(SHOWN) {
        item(it, f)?;
    }
    match items.len().saturating_sub(SHOWN) {
        0 => Ok(()),
        more => writeln!(f, "  and {more} more (--json has them all)"),
    }
}

/// So many of something.
struct Count(u64, &'static str, &'static str);

impl Display for Count {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(count, one, many) = self;
        write!(f, "{count} {}", if *count == 1 { one } else { many })
    }
}

/// Counts with their names, without those that are zero.
struct Sum<'a>(&'a [(u64, &'a str)]);

impl Display for Sum<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (count, name) in self.0.iter().filter(|(count, _)| *count > 0) {
            write!(f, "{separator}{count} {name}")?;
            separator = ", ";
        }
        Ok(())
    }
}

/// Text that came with a file: its control characters must not reach a terminal.
struct Plain<'a>(&'a str);

impl Display for Plain<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c.is_control() {
                true => write!(f, "{}", c.escape_default())?,
                false => write!(f, "{c}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_are_left_out_of_a_sum() {
        let sum = [(2, "idle"), (0, "busy"), (1, "starting")];
        assert_eq!(Sum(&sum).to_string(), "2 idle, 1 starting");
    }

    #[test]
    fn a_file_name_cannot_move_the_cursor() {
        assert_eq!(Plain("a\x1b[2Jé").to_string(), "a\\u{1b}[2Jé");
    }
}
