//! What the command line says.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::{Arg, Parser};

pub(crate) const HELP: &str = "\
Follows log files as they grow, parses each line in worker processes, and counts what they say.

Usage: follow [OPTIONS] [FILE]...

A line is a request in the common or combined log format, or has pairs such as
level=info msg=\"it is up\" peers=[a, b]. A line on which the parser crashes is named and skipped.
Files are read from their beginning; - is standard input, which is read where no file is named.

Options:
    --once        stop at the end of the files
    --rejected    name each line that was rejected, and why
-h, --help        print this

Exit code: 0 if all was read; 1 if something could not be; 2 if there is a mistake in the command;
130 or 143 if interrupted.
";

/// What is to be done.
#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    Help,
    Follow(Options),
}

#[derive(Debug, Default, PartialEq)]
pub(crate) struct Options {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) once: bool,
    pub(crate) rejected: bool,
}

/// Reads the arguments that follow the program's name.
pub(crate) fn parse(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Command, lexopt::Error> {
    let mut parser = Parser::from_args(arguments);
    let mut options = Options::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("once") => options.once = true,
            Arg::Long("rejected") => options.rejected = true,
            Arg::Long("help") | Arg::Short('h') => return Ok(Command::Help),
            Arg::Value(file) => options.files.push(file.into()),
            Arg::Long(_) | Arg::Short(_) => return Err(argument.unexpected()),
        }
    }
    if options.files.is_empty() {
        options.files.push("-".into());
    }
    Ok(Command::Follow(options))
}
