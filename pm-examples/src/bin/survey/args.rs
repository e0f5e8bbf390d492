//! What the command line says.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};

pub(crate) const HELP: &str = "\
Parses Rust sources in worker processes, and counts what is in them.

Usage: survey [OPTIONS] [FOLDER]...

A folder that holds a Cargo.toml is a crate. Without a folder the sources of this project's own
dependencies are surveyed. Two files on which the parser dies come along, unless told otherwise.

Options:
    --workers N       worker processes [default: one per CPU]
    --timeout TIME    longest time for one file, such as 500ms or 1m 30s [default: 5s]
    --json            print the result as JSON, and nothing else
    --no-hostile      leave the two hostile files out
-h, --help            print this

Exit code: 0 if every file was parsed, but for the two hostile ones and those that are not Rust;
1 if others came to no answer; 2 if there was nothing to do or a mistake in the command;
130 or 143 if interrupted.
";

/// What is to be done.
#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    Help,
    Survey(Options),
}

/// How files are surveyed, and which.
#[derive(Debug, PartialEq)]
pub(crate) struct Options {
    /// None: the dependencies of this project.
    pub(crate) folders: Vec<PathBuf>,
    pub(crate) workers: usize,
    pub(crate) timeout: Duration,
    pub(crate) json: bool,
    pub(crate) hostile: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            folders: Vec::new(),
            workers: std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
            timeout: Duration::from_secs(5),
            json: false,
            hostile: true,
        }
    }
}

/// Reads the arguments that follow the program's name.
pub(crate) fn parse(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Command, lexopt::Error> {
    let mut parser = Parser::from_args(arguments);
    let mut options = Options::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("workers") => options.workers = workers(&parser.value()?.string()?)?,
            Arg::Long("timeout") => options.timeout = timeout(&parser.value()?.string()?)?,
            Arg::Long("json") => options.json = true,
            Arg::Long("no-hostile") => options.hostile = false,
            Arg::Long("help") | Arg::Short('h') => return Ok(Command::Help),
            Arg::Value(folder) => options.folders.push(folder.into()),
            Arg::Long(_) | Arg::Short(_) => return Err(argument.unexpected()),
        }
    }
    Ok(Command::Survey(options))
}

fn workers(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("--workers 0: somebody has to do the work, write --workers 1 or more".into()),
        Ok(workers) => Ok(workers),
        Err(_) => Err(format!("--workers {text:?}: write a whole number, such as --workers 4")),
    }
}

fn timeout(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => {
            Err(format!("--timeout {text}: no file is parsed in no time, write --timeout 5s"))
        }
        Ok(timeout) => Ok(timeout),
        Err(_) => Err(format!(
            "--timeout {text:?}: write a number with its unit, such as --timeout 500ms"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, String> {
        parse(line.split_whitespace().map(OsString::from)).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_said_means_the_defaults() {
        assert_eq!(parsed(""), Ok(Command::Survey(Options::default())));
    }

    #[test]
    fn options_and_folders_mix() {
        let expected = Options {
            folders: vec!["a".into(), "b".into()],
            workers: 3,
            timeout: Duration::from_millis(1500),
            json: true,
            hostile: false,
        };
        assert_eq!(
            parsed("a --workers 3 --timeout=1500ms --json b --no-hostile"),
            Ok(Command::Survey(expected))
        );
        assert_eq!(parsed("a --help"), Ok(Command::Help));
    }

    #[test]
    fn mistakes_are_named() {
        for (line, word) in [
            ("--workers 0", "somebody"),
            ("--workers many", "--workers \"many\": write a whole number"),
            ("--workers=-1", "--workers \"-1\": write a whole number, such as --workers 4"),
            ("--workers", "missing argument"),
            ("--timeout 0s", "no time"),
            ("--timeout soon", "--timeout \"soon\""),
            ("--timeout 2", "--timeout \"2\": write a number with its unit"),
            ("--loud", "--loud"),
        ] {
            let error = parsed(line).expect_err(line);
            assert!(error.contains(word), "{line}: {error}");
        }
    }
}
