//! What the operator says: arguments when it starts, and commands while it runs.

use std::ffi::OsString;

use lexopt::{Arg, Parser, ValueExt};

pub(crate) const HELP: &str = "\
A chat in the browser, whose connections are held by worker processes.

Usage: chat [OPTIONS]

Options:
    --port N       where it listens, on 127.0.0.1; 0 takes any that is free (default: 8000)
    --workers N    how many processes hold connections (default: 4)
-h, --help         print this

Commands, on standard input:
    say TEXT       tell it to all
    kick NAME      disconnect a user
    workers        show the workers, and how many users each has
    respawn        replace all workers, one after the other
    kill N         kill worker N, as a crash would
    quit           end
";

#[derive(Debug, PartialEq)]
pub(crate) enum Arguments {
    Help,
    Serve(Options),
}

#[derive(Debug, PartialEq)]
pub(crate) struct Options {
    pub(crate) port: u16,
    pub(crate) workers: usize,
}

/// Reads the arguments that follow the program's name.
pub(crate) fn arguments(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Arguments, lexopt::Error> {
    let mut parser = Parser::from_args(arguments);
    let mut options = Options { port: 8000, workers: 4 };
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("port") => options.port = parser.value()?.parse()?,
            Arg::Long("workers") => {
                options.workers = parser.value()?.parse_with(|number| match number.parse() {
                    Ok(0) | Err(_) => Err("it is no number above 0"),
                    Ok(workers) => Ok(workers),
                })?;
            }
            Arg::Long("help") | Arg::Short('h') => return Ok(Arguments::Help),
            _ => return Err(argument.unexpected()),
        }
    }
    Ok(Arguments::Serve(options))
}

#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    Say(String),
    Kick(String),
    Workers,
    Respawn,
    Kill(u64),
    Quit,
}

impl Command {
    /// `None`: it is none of those that the help names.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let line = line.trim();
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        Some(match (word, rest.trim()) {
            ("say", text) if !text.is_empty() => Self::Say(text.to_owned()),
            ("kick", name) if !name.is_empty() => Self::Kick(name.to_owned()),
            ("workers", "") => Self::Workers,
            ("respawn", "") => Self::Respawn,
            ("kill", worker) => Self::Kill(worker.parse().ok()?),
            ("quit", "") => Self::Quit,
            _ => return None,
        })
    }
}
