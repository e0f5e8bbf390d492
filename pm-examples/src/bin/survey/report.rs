//! What came of it, as the machine-readable result has it.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use pm_runtime::{Crash, CrashReport, Health, QueryError};
use serde::Serialize;

use crate::journal::Journal;
use crate::query::{FileError, FileSurvey};
use crate::sources::{Source, Sources};

/// The result.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) verdict: Verdict,
    /// The signal that interrupted it.
    pub(crate) signal: Option<i32>,
    /// Files that there are, done or not.
    pub(crate) found: usize,
    pub(crate) crates: Vec<Row>,
    pub(crate) total: Row,
    pub(crate) not_rust: Vec<NotRust>,
    pub(crate) failures: Vec<Failure>,
    pub(crate) seconds: f64,
    pub(crate) files_per_second: f64,
    pub(crate) pool: PoolReport,
}

/// How it ended, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// Whatever is Rust and not hostile was parsed.
    Complete,
    /// Other files came to no answer.
    Incomplete,
    /// By a signal, before all files were done.
    Interrupted,
}

/// What is in a crate, or in all of them.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    /// All files that are done, however they ended.
    pub(crate) files: u64,
    pub(crate) parsed: u64,
    pub(crate) functions: u64,
    pub(crate) unsafe_blocks: u64,
    pub(crate) longest: Option<Longest>,
    pub(crate) not_rust: u64,
    pub(crate) failed: u64,
}

/// A function, and its file.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Longest {
    pub(crate) name: String,
    pub(crate) lines: usize,
    pub(crate) file: String,
    pub(crate) line: usize,
}

/// A file that is no Rust of today.
#[derive(Debug, Serialize)]
pub(crate) struct NotRust {
    pub(crate) file: String,
    pub(crate) reason: String,
}

/// A file that came to no answer.
#[derive(Debug, Serialize)]
pub(crate) struct Failure {
    pub(crate) file: String,
    pub(crate) kind: Kind,
    /// Of a hostile file: what is wrong with it.
    pub(crate) hostile: Option<&'static str>,
    pub(crate) report: String,
    pub(crate) worker: Option<u64>,
    /// Who took the worker's place, where it died.
    pub(crate) successor: Option<u64>,
    pub(crate) crash: Option<Crash>,
}

/// What happened to the file, or to the worker that had it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Crashed,
    TimedOut,
    Panicked,
    Unreadable,
    /// The pool did not get it to a worker, or not its answer back.
    Undone,
}

/// How the pool fared.
#[derive(Debug, Serialize)]
pub(crate) struct PoolReport {
    pub(crate) crashed: u64,
    pub(crate) timed_out: u64,
    pub(crate) replacements: usize,
    pub(crate) health: Health,
}

/// The result as it grows.
pub(crate) struct Tally<'a> {
    sources: &'a Sources,
    rows: Vec<Row>,
    not_rust: Vec<NotRust>,
    failures: Vec<Failure>,
}

impl<'a> Tally<'a> {
    pub(crate) fn new(sources: &'a Sources) -> Self {
        let rows =
            sources.crates.iter().map(|krate| Row { name: krate.name.clone(), ..Row::default() });
        let mut tally =
            Self { sources, rows: rows.collect(), not_rust: Vec::new(), failures: Vec::new() };
        for unwalked in &sources.unwalked {
            let reason = unwalked.error.to_string();
            tally.rows[unwalked.krate].failed += 1;
            tally.failures.push(Failure::unreadable(&unwalked.path, reason));
        }
        tally
    }

    /// A file is done.
    pub(crate) fn add(
        &mut self,
        source: &Source,
        answer: Result<Result<FileSurvey, FileError>, QueryError>,
    ) {
        let row = &mut self.rows[source.krate];
        row.files += 1;
        match answer {
            Ok(Ok(survey)) => {
                row.parsed += 1;
                row.functions += survey.functions;
                row.unsafe_blocks += survey.unsafe_blocks;
                let longest = survey.longest.map(|function| Longest {
                    name: function.name,
                    lines: function.lines,
                    file: self.sources.within_crate(source.krate, &source.path),
                    line: function.line,
                });
                row.keep_longest(longest);
            }
            Ok(Err(FileError::Unreadable { reason })) => {
                row.failed += 1;
                self.failures.push(Failure::unreadable(&source.path, reason));
            }
            Ok(Err(error)) => {
                row.not_rust += 1;
                let file = self.sources.shown(source);
                let reason = error.to_string();
                self.not_rust.push(NotRust { file, reason });
            }
            Err(error) => {
                row.failed += 1;
                let file = self.sources.shown(source);
                self.failures.push(Failure::of_query(source, file, &error));
            }
        }
    }

    /// Nothing more is done: the result.
    pub(crate) fn finish(
        mut self,
        signal: Option<i32>,
        elapsed: Duration,
        journal: &Journal,
        health: Health,
    ) -> Report {
        for failure in &mut self.failures {
            failure.successor = failure.worker.and_then(|it| journal.successor(it));
        }
        // They come as their workers finish them.
        self.not_rust.sort_by(|a, b| a.file.cmp(&b.file));
        self.rows.sort_by(|a, b| a.name.cmp(&b.name));
        self.rows.retain(|row| row.files + row.failed > 0);
        let total = Row::total(&self.rows);
        let innocent = self.failures.iter().any(|it| it.hostile.is_none());
        let seconds = elapsed.as_secs_f64();
        Report {
            verdict: match signal {
                Some(_) => Verdict::Interrupted,
                None if innocent => Verdict::Incomplete,
                None => Verdict::Complete,
            },
            signal,
            found: self.sources.files.len(),
            files_per_second: total.files as f64 / seconds,
            crates: self.rows,
            total,
            not_rust: self.not_rust,
            failures: self.failures,
            seconds,
            pool: PoolReport {
                crashed: journal.crashed,
                timed_out: journal.timed_out,
                replacements: journal.replacements().len(),
                health,
            },
        }
    }
}

impl Row {
    fn total(rows: &[Self]) -> Self {
        let mut total = Self { name: "total".into(), ..Self::default() };
        for row in rows {
            total.files += row.files;
            total.parsed += row.parsed;
            total.functions += row.functions;
            total.unsafe_blocks += row.unsafe_blocks;
            total.not_rust += row.not_rust;
            total.failed += row.failed;
            total.keep_longest(row.longest.clone().map(|longest| Longest {
                file: format!("{}/{}", row.name, longest.file),
                ..longest
            }));
        }
        total
    }

    /// Of several that are equally long, the first by file, so that two runs say the same.
    fn keep_longest(&mut self, longest: Option<Longest>) {
        let rank = |it: &Longest| (it.lines, std::cmp::Reverse((it.file.clone(), it.line)));
        if longest.as_ref().map(rank) > self.longest.as_ref().map(rank) {
            self.longest = longest;
        }
    }
}

impl Failure {
    fn unreadable(path: &Path, reason: String) -> Self {
        Self {
            file: path.display().to_string(),
            kind: Kind::Unreadable,
            hostile: None,
            report: reason,
            worker: None,
            successor: None,
            crash: None,
        }
    }

    fn of_query(source: &Source, file: String, error: &QueryError) -> Self {
        let (kind, worker, crash) = match error {
            QueryError::TimedOut { worker, .. } => (Kind::TimedOut, Some(*worker), None),
            QueryError::Crashed(report) | QueryError::Protocol(report) => {
                (Kind::Crashed, Some(report.worker), Some(report))
            }
            QueryError::Panicked(report) => (Kind::Panicked, Some(report.worker()), None),
            _ => (Kind::Undone, None, None),
        };
        Self {
            file,
            kind,
            hostile: source.about,
            report: error.to_string(),
            worker,
            successor: None,
            crash: crash.map(|report: &CrashReport| (**report).clone()),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Crashed => "crashed its worker",
            Self::TimedOut => "took too long",
            Self::Panicked => "made the parser panic",
            Self::Unreadable => "could not be read",
            Self::Undone => "was not surveyed",
        })
    }
}
