use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_derive::{Deserialize, Serialize};

use super::output::{LastLines, shared};
use super::{Bytes, Escaped, Exit, Output, OutputStream, Span, cut};

/// Why a command of [`exec`](crate::exec()) or [`shell`](crate::shell) has no [`Output`], or one that
/// is no success.
///
/// ```text
/// what happened                              variants
/// it was not started: the caller's mistake   Invalid, NotFound, NotExecutable, Cwd
///                     the system's refusal   Refused
///                     in a fork              Forked
/// it ended without success                   Failed
/// it was killed                              TimedOut, TooLarge
/// ```
///
/// Those that come after the start have what the command had printed ([`output`](Self::output)).
/// The `Display` names the command with its arguments, says how it ended and shows the last lines
/// of its stderr, control characters escaped: one line, or with `{:#}` those lines below it.
///
/// ```
/// use pm_runtime::{ExecError, Exit};
///
/// #[pm_runtime::main]
/// async fn main() -> Result<(), pm_runtime::Error> {
///     // This code of grep means that it has found nothing.
///     let found = pm_runtime::exec(["grep", "needle"]).stdin("hay\n").await;
///     match found {
///         Ok(output) => println!("{}", output.stdout()),
///         Err(ExecError::Failed { exit: Exit::Code(1), .. }) => println!("only hay"),
///         Err(error) => return Err(error.into()),
///     }
///     let error = pm_runtime::shell("echo no such zone >&2; exit 3").await.unwrap_err();
///     assert_eq!(
///         error.to_string(),
///         "`echo no such zone >&2; exit 3` exited with code 3; the end of its stderr: no such zone",
///     );
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ExecError {
    /// What was given can be no command: there is no program, a zero byte in an argument, a
    /// variable without a name, more than the system takes. Nothing was started.
    #[error("cannot run {}: {}", Quoted(command), Escaped(reason))]
    Invalid {
        /// The command, as people write it.
        command: Box<str>,
        /// What is wrong with it.
        reason: Box<str>,
    },
    /// There is no such program. Nothing was started.
    #[error("cannot run {}: {}", Quoted(program), Sought(searched))]
    NotFound {
        /// The program, as it was given.
        program: Box<str>,
        /// The `PATH` that was searched; `None` where the program was given with a path of its own.
        searched: Option<Box<str>>,
    },
    /// There is such a file, but the system does not execute it: it is a folder, or lacks the
    /// permission, or is no program. Nothing was started.
    #[error("cannot run {}: {}", Quoted(program), Escaped(reason))]
    NotExecutable {
        /// The file.
        program: Box<str>,
        /// What is wrong with it.
        reason: Box<str>,
    },
    /// The folder that the command was to run in is not there, or cannot be entered. Nothing was
    /// started.
    #[error("cannot run anything in {} (`cwd`): {}", Quoted(path), Escaped(reason))]
    Cwd {
        /// The folder, as it was given.
        path: Box<str>,
        /// What is wrong with it.
        reason: Box<str>,
    },
    /// The system had no process, descriptor or memory left for it. Nothing was started.
    #[error(
        "the system refused to start {}: {}; may this process have more processes and descriptors \
         (`ulimit -u`, `ulimit -n`)? else run less at once",
        Quoted(command),
        Escaped(reason)
    )]
    Refused {
        /// The command, as people write it.
        command: Box<str>,
        /// What the system said.
        reason: Box<str>,
    },
    /// It ended with another exit code than 0, or by a signal.
    #[error(fmt = fmt_failed)]
    Failed {
        /// The command, as people write it.
        command: Box<str>,
        /// How it ended.
        exit: Exit,
        /// What it had printed.
        #[serde(with = "shared")]
        output: Arc<Output>,
    },
    /// It ran longer than its `timeout`, and was killed with all that it had started.
    #[error(fmt = fmt_timed_out)]
    TimedOut {
        /// The command, as people write it.
        command: Box<str>,
        /// The limit that was met.
        after: Duration,
        /// What it had printed.
        #[serde(with = "shared")]
        output: Arc<Output>,
    },
    /// It printed more than its `max_output`, and was killed with all that it had started.
    #[error(fmt = fmt_too_large)]
    TooLarge {
        /// The command, as people write it.
        command: Box<str>,
        /// Where it printed too much.
        stream: OutputStream,
        /// The limit that was met, in bytes.
        limit: usize,
        /// What it had printed, up to the limit.
        #[serde(with = "shared")]
        output: Arc<Output>,
    },
    /// The process is a fork of one that has pools or runs commands, and has not the thread that
    /// looks after them. Nothing was started here; a command that its parent has started goes on
    /// there.
    #[error(
        "this process is a fork of one that has pools or commands, and can run none of its own"
    )]
    Forked,
    /// The future was polled again after it had told how the command ended. It runs nothing twice.
    #[error("this command has ended, and its outcome was taken: make another to run it again")]
    Over,
}

impl ExecError {
    /// What the command had printed, where it was started.
    pub fn output(&self) -> Option<&Output> {
        match self {
            Self::Failed { output, .. }
            | Self::TimedOut { output, .. }
            | Self::TooLarge { output, .. } => Some(output),
            Self::Invalid { .. }
            | Self::NotFound { .. }
            | Self::NotExecutable { .. }
            | Self::Cwd { .. }
            | Self::Refused { .. }
            | Self::Forked
            | Self::Over => None,
        }
    }

    /// Whether the same command may well succeed a moment later, and nothing of it has happened:
    /// the system was short of something. What else may pass by itself only the caller knows.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }
}

fn fmt_failed(
    command: &str,
    exit: &Exit,
    output: &Arc<Output>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    write!(f, "{} {exit}", Quoted(command))?;
    if *exit == Exit::Unknown {
        f.write_str(
            " (something in this process ignores SIGCHLD, or waits for processes that it has not \
             started)",
        )?;
    }
    fmt::Display::fmt(&LastLines(output), f)
}

fn fmt_timed_out(
    command: &str,
    after: &Duration,
    output: &Arc<Output>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    if after.is_zero() {
        let command = Quoted(command);
        return write!(f, "a timeout of zero leaves {command} no time to run; it was not started");
    }
    write!(
        f,
        "{} ran longer than its `timeout` of {}, and was killed with all that it had started",
        Quoted(command),
        Span(*after)
    )?;
    fmt::Display::fmt(&LastLines(output), f)
}

fn fmt_too_large(
    command: &str,
    stream: &OutputStream,
    limit: &usize,
    output: &Arc<Output>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    write!(
        f,
        "{} printed more than {} to its {stream} (`max_output`), and was killed: have it print \
         less, or raise the limit",
        Quoted(command),
        Bytes(*limit as u64)
    )?;
    fmt::Display::fmt(&LastLines(output), f)
}

/// A command or a path between backquotes: a whole script may be one.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 300;
        let mut end = self.0.len().min(LONGEST);
        while !self.0.is_char_boundary(end) {
            end -= 1;
        }
        let dots = if end < self.0.len() { " …" } else { "" };
        write!(f, "`{}{dots}`", Escaped(&self.0[..end]))
    }
}

struct Sought<'a>(&'a Option<Box<str>>);

impl fmt::Display for Sought<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(path) => write!(
                f,
                "no folder in its `PATH` has a program of this name (PATH={}); is it installed?",
                Escaped(cut(path))
            ),
            None => f.write_str("there is no such file"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    fn output(stderr: &str) -> Arc<Output> {
        Arc::new(Output::new(Exit::Code(2), b"out".to_vec(), stderr.into()))
    }

    fn command() -> Box<str> {
        "ls \x1b[2J".into()
    }

    #[test]
    fn errors_read_so_at_night() {
        let after = Duration::from_secs(60);
        let failed = ExecError::Failed {
            command: command(),
            exit: Exit::Signal(libc::SIGSEGV),
            output: output("one\ntwo\n"),
        };
        let told = "`ls \\u{1b}[2J` was killed by SIGSEGV";
        assert_eq!(failed.to_string(), format!("{told}; the end of its stderr: one\\ntwo"));
        let lines = format!("{told}\n  stderr: one\n  stderr: two");
        assert_eq!(format!("{failed:#}"), lines);
        assert_eq!(format!("{:#}", Error::from(failed)), lines);
        let late = ExecError::TimedOut { command: command(), after, output: output("") };
        assert_eq!(
            late.to_string(),
            "`ls \\u{1b}[2J` ran longer than its `timeout` of 1 min, and was killed with all that \
             it had started; the end of its stdout: out"
        );
        let large = ExecError::TooLarge {
            command: command(),
            stream: OutputStream::Stdout,
            limit: 16 << 20,
            output: output("x"),
        };
        assert_eq!(
            large.to_string(),
            "`ls \\u{1b}[2J` printed more than 16 MiB to its stdout (`max_output`), and was \
             killed: have it print less, or raise the limit; the end of its stderr: x"
        );
        let missing =
            ExecError::NotFound { program: "nodde".into(), searched: Some("/bin".into()) };
        assert_eq!(
            missing.to_string(),
            "cannot run `nodde`: no folder in its `PATH` has a program of this name (PATH=/bin); is \
             it installed?"
        );
    }

    #[test]
    fn nothing_that_a_command_says_moves_the_cursor() {
        let words: Box<str> = "a\x1b[2J\u{9b}\nb".into();
        let output = Arc::new(Output::new(Exit::Unknown, Vec::new(), words.as_bytes().to_vec()));
        let all = [
            ExecError::Invalid { command: words.clone(), reason: words.clone() },
            ExecError::NotFound { program: words.clone(), searched: Some(words.clone()) },
            ExecError::NotExecutable { program: words.clone(), reason: words.clone() },
            ExecError::Cwd { path: words.clone(), reason: words.clone() },
            ExecError::Refused { command: words.clone(), reason: words.clone() },
            ExecError::Failed { command: words, exit: Exit::Unknown, output },
        ];
        for error in all {
            let text = error.to_string();
            assert!(!text.chars().any(char::is_control), "{text:?}");
        }
    }

    #[test]
    fn a_long_script_does_not_hide_how_it_ended() {
        let command: Box<str> = "é".repeat(5000).into();
        let exit = Exit::Code(1);
        let failed = ExecError::Failed { command, exit, output: output("why") };
        let text = failed.to_string();
        assert!(text.len() < 400, "{text}");
        assert!(text.ends_with(" …` exited with code 1; the end of its stderr: why"), "{text}");
    }

    #[test]
    fn errors_stay_small() {
        assert!(size_of::<ExecError>() <= 64, "{}", size_of::<ExecError>());
    }
}
