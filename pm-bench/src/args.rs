//! What the command line says.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt};

use crate::peers::{CONTESTANT, FAR_SIDE};

pub(crate) const HELP: &str = "\
Measures pm-runtime beside its floors and its peers.

Usage: pm-bench [OPTIONS] [ROW]...

Rows are named by any part of their names, such as `one-at-a-time` or `/two-cores`; without one all
of them are measured. Peers in Node and Python install what they need into the target folder, or
are left out with a reason.

Options:
    --quick        a third of the slices, each a fifth as long
    --json FILE    write the results there, too
    --out FOLDER   write table and chart there; without it, a full run of all rows writes them
                   into pm-bench, from where the README shows them
    --list         print the names of the rows
-h, --help         print this
";

/// What is to be done.
#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    Help,
    List,
    Measure(Options),
    /// To be a contestant of this name.
    Contestant(String),
    /// To be another's far side: which, and where it is awaited.
    FarSide(String, String),
}

#[derive(Debug, Default, PartialEq)]
pub(crate) struct Options {
    /// Parts of the names of rows; none for all.
    pub(crate) rows: Vec<String>,
    pub(crate) quick: bool,
    pub(crate) json: Option<PathBuf>,
    pub(crate) out: Option<PathBuf>,
}

impl Options {
    pub(crate) fn wants(&self, row: &str) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|part| row.contains(part.as_str()))
    }

    /// Where table and chart go.
    pub(crate) fn out(&self) -> Option<PathBuf> {
        let is_full = self.rows.is_empty() && !self.quick;
        self.out.clone().or_else(|| is_full.then(|| env!("CARGO_MANIFEST_DIR").into()))
    }
}

pub(crate) fn parse(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Command, lexopt::Error> {
    let mut arguments = Parser::from_args(arguments);
    let mut options = Options::default();
    while let Some(argument) = arguments.next()? {
        match argument {
            Arg::Long(name) if CONTESTANT.strip_prefix("--") == Some(name) => {
                return Ok(Command::Contestant(arguments.value()?.string()?));
            }
            Arg::Long(name) if FAR_SIDE.strip_prefix("--") == Some(name) => {
                let which = arguments.value()?.string()?;
                return Ok(Command::FarSide(which, arguments.value()?.string()?));
            }
            Arg::Short('h') | Arg::Long("help") => return Ok(Command::Help),
            Arg::Long("list") => return Ok(Command::List),
            Arg::Long("quick") => options.quick = true,
            Arg::Long("json") => options.json = Some(arguments.value()?.into()),
            Arg::Long("out") => options.out = Some(arguments.value()?.into()),
            Arg::Value(row) => options.rows.push(row.string()?),
            unknown => return Err(unknown.unexpected()),
        }
    }
    Ok(Command::Measure(options))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(arguments: &[&str]) -> Options {
        match parse(arguments.iter().map(OsString::from)) {
            Ok(Command::Measure(options)) => options,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_a_full_run_of_all_rows_writes_where_the_readme_looks() {
        assert!(measured(&[]).out().is_some());
        assert!(measured(&["--quick"]).out().is_none());
        assert!(measured(&["spawn"]).out().is_none());
        assert_eq!(measured(&["spawn", "--out", "x"]).out(), Some("x".into()));
    }

    #[test]
    fn rows_are_chosen_by_parts_of_their_names() {
        let options = measured(&["one-at-a-time", "/one-core"]);
        assert!(options.wants("one-at-a-time/two-cores") && options.wants("pause-2ms/one-core"));
        assert!(!options.wants("spawn"));
    }
}
