//! Starting a command, and telling why it cannot be.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::Access;

use super::pipes::{Capture, Feed};
use super::registry;
use super::running::{Parts, Running};
use crate::child;
use crate::error::{ExecError, Exit, Output};
use crate::process::guard::Guard;
use crate::process::lasting;
use crate::reactor::Reactor;
use crate::surroundings::Surroundings;

const SHELL: &str = "/bin/sh";

/// Where the system itself looks for programs where there is no `PATH`.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// A command that is to be run.
pub(super) struct Spec {
    /// The program and its arguments, or the script.
    pub(super) words: Vec<OsString>,
    pub(super) is_script: bool,
    pub(super) surroundings: Surroundings,
    pub(super) stdin: Vec<u8>,
    pub(super) timeout: Option<Duration>,
    /// Bytes of each stream.
    pub(super) max_output: usize,
}

/// Starts a command, and watches it.
///
/// It is started by the thread that asks for it, because it may take as long as its folder or its
/// program is slow to reach, and then should hold up nobody else. In an application nothing is run
/// between fork and exec, so the system's fast way is taken (`posix_spawn`), whose cost does not grow
/// with the memory of this process.
pub(super) fn start(mut spec: Spec) -> Result<Arc<Running>, ExecError> {
    if let Some(reason) = spec.mistake() {
        return Err(ExecError::Invalid { command: spec.command(), reason: reason.into() });
    }
    let command = spec.command();
    if spec.timeout.is_some_and(|timeout| timeout.is_zero()) {
        let output = Arc::new(Output::new(Exit::Unknown, Vec::new(), Vec::new()));
        return Err(ExecError::TimedOut { command, after: Duration::ZERO, output });
    }
    let stdin = std::mem::take(&mut spec.stdin);
    let program = spec.find()?;
    let refused = |error: io::Error| ExecError::Refused {
        command: command.clone(),
        reason: error.to_string().into(),
    };
    let reactor = Reactor::get().map_err(refused)?;
    let (feed, far_stdin) = match stdin.is_empty() {
        true => (None, None),
        false => {
            let (feed, far) = Feed::new(stdin).map_err(|error| refused(error.into()))?;
            (Some(feed), Some(far))
        }
    };
    let (stdout, far_stdout) =
        Capture::new(spec.max_output).map_err(|error| refused(error.into()))?;
    let (stderr, far_stderr) =
        Capture::new(spec.max_output).map_err(|error| refused(error.into()))?;
    let _starting = registry::starting();
    let guard = spec
        .spawn(&program, far_stdin, far_stdout, far_stderr)
        .map_err(|error| spec.diagnose(&program, &command, &error))?
        .ok_or_else(|| refused(io::Error::other("it named a process that cannot be")))?;
    let (timeout, limit) = (spec.timeout, spec.max_output);
    let parts = Parts { guard, feed, stdout, stderr, command: command.clone(), timeout, limit };
    Running::watch(parts, reactor).map_err(refused)
}

impl Spec {
    /// The command as people write it.
    pub(super) fn command(&self) -> Box<str> {
        if self.is_script {
            return self
                .words
                .iter()
                .map(|script| script.to_string_lossy())
                .collect::<String>()
                .into();
        }
        let words: Vec<_> = self.words.iter().map(|word| quoted(word.to_string_lossy())).collect();
        words.join(" ").into()
    }

    /// What can be no command.
    fn mistake(&self) -> Option<String> {
        match self.words.first() {
            None => return Some("there is no program to run, only an empty list".into()),
            Some(program) if program.is_empty() && !self.is_script => {
                return Some("the name of the program is empty".into());
            }
            Some(_) => {}
        }
        if let Some(index) = self.words.iter().position(|word| word.as_bytes().contains(&0)) {
            let what = match index {
                0 if self.is_script => "the script".into(),
                0 => "the name of the program".into(),
                index => format!("argument {index}"),
            };
            return Some(format!(
                "{what} contains a zero byte, which the system takes for its end"
            ));
        }
        self.surroundings.mistake().map(|(option, reason)| format!("{reason} (`{option}`)"))
    }

    /// The program's file, as the command sees it: relative to its folder, where that is another.
    fn find(&self) -> Result<Cow<'_, Path>, ExecError> {
        let program = match self.words.first() {
            Some(program) if !self.is_script => program,
            _ => return Ok(Cow::Borrowed(Path::new(SHELL))),
        };
        if program.as_bytes().contains(&b'/') {
            return Ok(Cow::Borrowed(Path::new(program)));
        }
        let path = self.surroundings.env.get(OsStr::new("PATH")).cloned();
        let path = path.or_else(|| std::env::var_os("PATH"));
        let path = path.unwrap_or_else(|| DEFAULT_PATH.into());
        let mut unfit = None;
        for folder in std::env::split_paths(&path) {
            // An empty name means the folder where the command runs.
            let candidate = Path::new(".").join(&folder).join(program);
            match self.unfit(&candidate) {
                None => return Ok(Cow::Owned(candidate)),
                Some(Unfit::Missing) => {}
                Some(Unfit::Because(reason)) => {
                    unfit.get_or_insert((candidate, reason));
                }
            }
        }
        Err(match unfit {
            Some((file, reason)) => not_executable(&file, reason),
            None => ExecError::NotFound {
                program: program.to_string_lossy().into(),
                searched: Some(path.to_string_lossy().into()),
            },
        })
    }

    fn spawn(
        &self,
        program: &Path,
        stdin: Option<OwnedFd>,
        stdout: OwnedFd,
        stderr: OwnedFd,
    ) -> io::Result<Option<Guard>> {
        let mut command = Command::new(program);
        if self.is_script {
            // Otherwise a script that begins with `-` would be options.
            command.args(["-c", "--"]).args(&self.words);
        } else if let Some((name, arguments)) = self.words.split_first() {
            command.arg0(name).args(arguments);
        }
        if self.surroundings.clear_env {
            command.env_clear();
        }
        if let Some(cwd) = self.surroundings.attributes.cwd() {
            command.current_dir(cwd);
        }
        command
            .envs(&self.surroundings.env)
            .stdin(stdin.map_or_else(Stdio::null, Stdio::from))
            .stdout(stdout)
            .stderr(stderr)
            .process_group(0);
        let child = match child::is_worker_process() {
            // A worker is killed without a warning, and its group then; the command has another.
            true => lasting::spawn_to_die_with_this(command)?,
            false => lasting::spawn(&mut command)?,
        };
        Ok(Guard::new(child.id()))
    }

    /// Why the system has not started it: the system itself says a number.
    fn diagnose(&self, program: &Path, command: &str, error: &io::Error) -> ExecError {
        match error.raw_os_error() {
            Some(libc::E2BIG) => {
                return ExecError::Invalid {
                    command: command.into(),
                    reason: "arguments and variables are longer than the system takes: hand them \
                             over through `stdin`, or in a file"
                        .into(),
                };
            }
            Some(libc::EAGAIN | libc::ENOMEM | libc::EMFILE | libc::ENFILE) => {
                return ExecError::Refused {
                    command: command.into(),
                    reason: error.to_string().into(),
                };
            }
            _ => {}
        }
        if let Some(cwd) = self.surroundings.attributes.cwd()
            && let Some(reason) = unfit_folder(cwd)
        {
            return ExecError::Cwd { path: cwd.to_string_lossy().into(), reason };
        }
        match (self.unfit(program), error.raw_os_error()) {
            (Some(Unfit::Missing), _) => {
                ExecError::NotFound { program: program.to_string_lossy().into(), searched: None }
            }
            (Some(Unfit::Because(reason)), _) => not_executable(program, reason),
            (None, Some(libc::ENOEXEC)) => not_executable(
                program,
                "it is no program of this system (a script needs a first line such as \
                 `#!/bin/sh`)"
                    .into(),
            ),
            (None, Some(libc::ENOENT)) => not_executable(
                program,
                "it is there, but not what it needs to run: the interpreter of its `#!` line, or \
                 its dynamic loader"
                    .into(),
            ),
            (None, Some(libc::ETXTBSY)) => {
                not_executable(program, "something has it open for writing".into())
            }
            (None, _) => not_executable(program, error.to_string().into()),
        }
    }

    /// What keeps a file from being executed, as far as can be seen.
    fn unfit(&self, file: &Path) -> Option<Unfit> {
        let cwd = self.surroundings.attributes.cwd().map(Path::to_owned).unwrap_or_default();
        let seen: PathBuf = cwd.join(file);
        let because = |reason: &str| Some(Unfit::Because(reason.into()));
        match seen.metadata() {
            Err(error) if is_missing(&error) => Some(Unfit::Missing),
            Err(error) => Some(Unfit::Because(error.to_string().into())),
            Ok(metadata) if metadata.is_dir() => because("it is a folder"),
            Ok(metadata) if !metadata.is_file() => because("it is no file"),
            Ok(_) if rustix::fs::access(&seen, Access::EXEC_OK).is_err() => {
                because("it may not be executed (`chmod +x` would allow it)")
            }
            Ok(_) => None,
        }
    }
}

/// Why a file cannot be executed.
enum Unfit {
    /// There is none.
    Missing,
    Because(Box<str>),
}

fn not_executable(program: &Path, reason: Box<str>) -> ExecError {
    ExecError::NotExecutable { program: program.to_string_lossy().into(), reason }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Why nothing can be run in a folder, as far as can be seen.
fn unfit_folder(folder: &Path) -> Option<Box<str>> {
    match folder.metadata() {
        Err(error) if is_missing(&error) => Some("there is no such folder".into()),
        Err(error) => Some(error.to_string().into()),
        Ok(metadata) if !metadata.is_dir() => Some("it is no folder".into()),
        Ok(_) if rustix::fs::access(folder, Access::EXEC_OK).is_err() => {
            Some("it may not be entered".into())
        }
        Ok(_) => None,
    }
}

/// A word as a shell would have to read it.
fn quoted(word: Cow<'_, str>) -> Cow<'_, str> {
    let is_plain =
        |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%^".contains(c) || !c.is_ascii();
    if !word.is_empty() && word.chars().all(is_plain) {
        return word;
    }
    Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(words: &[&str], is_script: bool) -> Spec {
        Spec {
            words: words.iter().map(OsString::from).collect(),
            is_script,
            surroundings: Surroundings::default(),
            stdin: Vec::new(),
            timeout: None,
            max_output: 0,
        }
    }

    #[test]
    fn a_command_is_shown_so_that_it_can_be_typed() {
        let shown = |words| String::from(spec(words, false).command());
        assert_eq!(shown(&["ls", "-la", "/tmp"]), "ls -la /tmp");
        assert_eq!(shown(&["echo", "", "it's $HOME", "naïve"]), r"echo '' 'it'\''s $HOME' naïve");
        assert_eq!(&*spec(&["ls | wc -l"], true).command(), "ls | wc -l");
    }

    #[test]
    fn what_can_be_no_command_is_told_apart() {
        let mistake = |words, is_script| spec(words, is_script).mistake().unwrap_or_default();
        assert!(mistake(&[], false).contains("empty list"));
        assert!(mistake(&[""], false).contains("name of the program is empty"));
        assert!(mistake(&["a\0"], false).starts_with("the name of the program contains a zero"));
        assert!(mistake(&["a", "b", "\0"], false).starts_with("argument 2 contains a zero byte"));
        assert!(mistake(&["a\0"], true).starts_with("the script contains a zero byte"));
        assert_eq!(mistake(&["a", "", "b"], false), "");
        // A script may do nothing.
        assert_eq!(mistake(&[""], true), "");
    }
}
