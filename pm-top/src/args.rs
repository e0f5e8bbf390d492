//! What the command line says.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};

pub(crate) const HELP: &str = "\
Shows the pools and workers of running applications that serve an operator's socket
(`pm_runtime::operator::serve()`).

Usage: pm-top [OPTIONS]

Options:
    --once              print one view as text, and exit
    --json              print one view as JSON, as the applications tell it, and exit
    --interval SECONDS  how often applications are asked, at least 0.1 (1)
    --folder FOLDER     where the sockets are; without it $XDG_RUNTIME_DIR/pm-runtime, or, for services,
                        $RUNTIME_DIRECTORY/pm-runtime
-h, --help              print this
-V, --version           print the version

Keys are named by `?`, and `q` quits.

Exit code: 0 if all went well, also where nothing runs; 1 if something could not be read: with `--once` and
`--json` also where an application does not answer, or FOLDER is not there; 2 if there is a mistake in the
command.
";

/// What is to be done.
#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    Help,
    Version,
    Show(Options),
}

#[derive(Debug, PartialEq)]
pub(crate) struct Options {
    pub(crate) output: Output,
    pub(crate) interval: Duration,
    pub(crate) folder: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Output {
    /// A screen, until its user has seen enough.
    Screen,
    Text,
    Json,
}

/// Reads the arguments that follow the program's name.
pub(crate) fn parse(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Command, lexopt::Error> {
    let mut parser = Parser::from_args(arguments);
    let interval = Duration::from_secs(1);
    let mut options = Options { output: Output::Screen, interval, folder: None };
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => return Ok(Command::Help),
            Arg::Short('V') | Arg::Long("version") => return Ok(Command::Version),
            Arg::Long("once") => options.output = Output::Text,
            Arg::Long("json") => options.output = Output::Json,
            Arg::Long("interval") => options.interval = parser.value()?.parse_with(seconds)?,
            Arg::Long("folder") => options.folder = Some(parser.value()?.into()),
            unknown => return Err(unknown.unexpected()),
        }
    }
    Ok(Command::Show(options))
}

fn seconds(text: &str) -> Result<Duration, &'static str> {
    let seconds = text.parse().ok().filter(|seconds| (0.1..=3600.0).contains(seconds));
    let seconds: f64 = seconds.ok_or("a number of seconds between 0.1 and 3600 is wanted")?;
    Ok(Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(arguments: &[&str]) -> Result<Options, String> {
        match parse(arguments.iter().map(OsString::from)).map_err(|error| error.to_string())? {
            Command::Show(options) => Ok(options),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn it_shows_a_screen_unless_told_otherwise() {
        let options = shown(&[]).unwrap();
        assert_eq!((options.output, options.interval.as_secs()), (Output::Screen, 1));
        assert_eq!(shown(&["--once"]).unwrap().output, Output::Text);
        let options = shown(&["--json", "--interval", "0.5", "--folder=/run/x"]).unwrap();
        assert_eq!((options.output, options.interval), (Output::Json, Duration::from_millis(500)));
        assert_eq!(options.folder, Some("/run/x".into()));
    }

    #[test]
    fn mistakes_are_named() {
        for interval in ["0", "-1", "x", "1e9", "nan"] {
            let error = shown(&["--interval", interval]).unwrap_err();
            assert!(error.contains("between 0.1 and 3600"), "{error}");
        }
        assert!(shown(&["--twice"]).unwrap_err().contains("--twice"));
        assert!(shown(&["x"]).is_err());
    }
}
