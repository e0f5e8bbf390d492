//! Commands of the system: a process that is run to its end, for what it prints.

mod future;
mod pipes;
mod registry;
mod running;
mod start;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use self::future::Stage;
pub(crate) use self::registry::kill_all;
use self::start::Spec;
use crate::error::{ExecError, Output};

/// Bytes that each stream of a command may have by default.
const MAX_OUTPUT: usize = 16 << 20;

/// Runs a program with arguments, and gives what it prints: `exec(["node", "x.js", "arg"]).await?`.
/// No shell is involved: each argument arrives as it is, whatever characters it has, so that this is
/// the form for arguments that come from elsewhere. [`shell`] is the one for scripts.
///
/// The first is the program. Without a `/` in it, it is looked up in `PATH`: in the one that
/// [`env`](Exec::env) gives the command, otherwise in the application's. With one it is a path, a
/// relative one of which is seen from [`cwd`](Exec::cwd).
///
/// What this makes is a future on any executor; [`Exec::wait`] is for callers without one. What the
/// command gets and what becomes of it stands at [`Exec`].
///
/// # Errors
///
/// What it awaits is an [`ExecError`] if the command cannot be started, ends with another exit code
/// than 0 or by a signal, runs for too long, or prints too much. There is none before that.
///
/// ```
/// use std::time::Duration;
///
/// #[pm_runtime::main]
/// async fn main() -> Result<(), pm_runtime::Error> {
///     let output = pm_runtime::exec(["echo", "$HOME; no shell reads this"]).await?;
///     assert_eq!(output.stdout(), "$HOME; no shell reads this\n");
///     let output = pm_runtime::exec(["pwd"])
///         .cwd("/")
///         .env("LC_ALL", "C")
///         .timeout(Duration::from_secs(30))
///         .await?;
///     assert_eq!(output.stdout(), "/\n");
///     Ok(())
/// }
/// ```
pub fn exec<I>(command: I) -> Exec
where
    I: IntoIterator,
    I::Item: AsRef<OsStr>,
{
    Exec::new(command.into_iter().map(|word| word.as_ref().to_owned()).collect(), false)
}

/// Runs a script in the shell (`/bin/sh -c`), and gives what it prints: `shell("ls -la | wc -l")`.
///
/// **Never make the script of text that comes from elsewhere.** The shell runs whatever it reads: a
/// file that is called `; rm -rf ~` would be a command. Hand such text over as an argument of
/// [`exec`](crate::exec()), or as a variable, which is a value and no script as long as it stands
/// between double quotes:
///
/// ```
/// #[pm_runtime::main]
/// async fn main() -> Result<(), pm_runtime::Error> {
///     let name = "x; echo gotcha";
///     // Not `shell(format!("echo {name}"))`, but one of these:
///     let first = pm_runtime::exec(["echo", name]).await?;
///     let second = pm_runtime::shell(r#"echo "$NAME" | cat"#).env("NAME", name).await?;
///     assert_eq!(first.stdout(), "x; echo gotcha\n");
///     assert_eq!(second.stdout(), first.stdout());
///     Ok(())
/// }
/// ```
///
/// # Errors
///
/// As those of [`exec`](crate::exec()); the exit code is the shell's, which is that of the last command
/// (`set -e` ends a script at the first that fails), or 127 for a command that is not there.
///
/// ```
/// #[pm_runtime::main]
/// async fn main() -> Result<(), pm_runtime::Error> {
///     let output = pm_runtime::shell("ls -d / /tmp | wc -l").await?;
///     assert_eq!(output.stdout().trim(), "2");
///     Ok(())
/// }
/// ```
pub fn shell(script: impl AsRef<OsStr>) -> Exec {
    Exec::new(vec![script.as_ref().to_owned()], true)
}

/// A command that is not started yet, or runs: what [`exec`](crate::exec()) and [`shell`] make. A
/// future, which starts the command when it is first polled; whatever is to be said of it is said before
/// that.
///
/// - **Ending it early.** Dropping the future kills the command, with everything that it has started
///   (its process group), and waits for nothing; so it ends when its [`timeout`](Self::timeout) is
///   over, or its [`max_output`](Self::max_output) met.
/// - **What it leaves behind.** When the command has ended, what is left of its group is killed; so
///   a script cannot leave something in the background, but for what makes a session of its own
///   (`setsid`). Of the output counts what was there at that moment: nobody waits for what such a
///   process may print later.
/// - **Surroundings.** It inherits the application's environment and folder, unless
///   [`env`](Self::env), [`clear_env`](Self::clear_env) and [`cwd`](Self::cwd) say otherwise, and no
///   descriptors but stdio; its stdin is empty, or what [`stdin`](Self::stdin) gives it.
/// - **Terminal.** As the leader of a group of its own it does not get the signals of the
///   application's terminal, Ctrl-C included, and cannot ask anything there.
/// - **The end of the application.** The command goes on when the application ends, or is killed,
///   without dropping the future, unless a signal ends it by
///   [`shutdown_on_signals`](crate::shutdown_on_signals). When a worker ends or is killed, the command
///   that its code runs is killed too, though not what that has started in turn.
///
/// Commands take no thread each (where the system has no pidfd, they do), and may be run by any number
/// of tasks at once, in the application as in its workers. Each takes four descriptors at most.
///
/// ```
/// use smol::future::zip;
///
/// #[pm_runtime::main]
/// async fn main() -> Result<(), pm_runtime::Error> {
///     let sorted = pm_runtime::exec(["sort"]).stdin("pikachu\nbulbasaur\n");
///     let counted = pm_runtime::exec(["wc", "-c"]).stdin([0; 1000]);
///     let (sorted, counted) = zip(sorted, counted).await;
///     assert_eq!(sorted?.stdout(), "bulbasaur\npikachu\n");
///     assert_eq!(counted?.stdout().trim(), "1000");
///     Ok(())
/// }
/// ```
#[must_use = "nothing is run until it is awaited"]
pub struct Exec {
    stage: Stage,
}

impl Exec {
    fn new(words: Vec<OsString>, is_script: bool) -> Self {
        let spec = Spec {
            words,
            is_script,
            surroundings: Default::default(),
            stdin: Vec::new(),
            timeout: None,
            max_output: MAX_OUTPUT,
        };
        Self { stage: Stage::New(Box::new(spec)) }
    }

    /// The working directory; the application's by default. One that is not there is an
    /// [`ExecError::Cwd`]. A relative path is seen from the application's.
    pub fn cwd(self, cwd: impl Into<PathBuf>) -> Self {
        self.with(|spec| spec.surroundings.attributes.set_cwd(cwd.into()))
    }

    /// Another variable of its environment, or another value for an inherited one.
    pub fn env(self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.with(|spec| {
            spec.surroundings.env.insert(name.as_ref().into(), value.as_ref().into());
        })
    }

    /// [`env`](Self::env) for each of several.
    pub fn envs(
        self,
        variables: impl IntoIterator<Item = (impl AsRef<OsStr>, impl AsRef<OsStr>)>,
    ) -> Self {
        variables.into_iter().fold(self, |exec, (name, value)| exec.env(name, value))
    }

    /// Whether it inherits nothing of the environment, and has only what [`env`](Self::env) gives it.
    /// The program is found all the same.
    pub fn clear_env(self, clear: bool) -> Self {
        self.with(|spec| spec.surroundings.clear_env = clear)
    }

    /// What it reads from its stdin, which then ends; nothing by default. A command need not read
    /// all of it.
    pub fn stdin(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.with(|spec| spec.stdin = bytes.into())
    }

    /// How long it may run before it is killed with all that it has started, and fails with
    /// [`ExecError::TimedOut`]; for ever by default. What has ended by then has not timed out.
    ///
    /// ```
    /// use pm_runtime::ExecError;
    /// use std::time::Duration;
    ///
    /// #[pm_runtime::main]
    /// async fn main() {
    ///     let result = pm_runtime::exec(["sleep", "1h"]).timeout(Duration::from_millis(10)).await;
    ///     assert!(matches!(result, Err(ExecError::TimedOut { .. })));
    /// }
    /// ```
    pub fn timeout(self, timeout: impl Into<Option<Duration>>) -> Self {
        self.with(|spec| spec.timeout = timeout.into())
    }

    /// How many bytes it may print to its stdout, and as many to its stderr; 16 MiB by default.
    /// Exactly so many pass; one that prints more is killed at once, with all that it has started, and
    /// fails with [`ExecError::TooLarge`], which has what it had printed until then.
    ///
    /// ```
    /// use pm_runtime::ExecError;
    ///
    /// #[pm_runtime::main]
    /// async fn main() {
    ///     let error = pm_runtime::exec(["yes"]).max_output(6).await.unwrap_err();
    ///     assert!(matches!(error, ExecError::TooLarge { limit: 6, .. }));
    ///     assert_eq!(error.output().unwrap().stdout(), "y\ny\ny\n");
    /// }
    /// ```
    pub fn max_output(self, bytes: usize) -> Self {
        self.with(|spec| spec.max_output = bytes)
    }

    /// Runs the command, and waits for its end on this thread: for callers without async. In async
    /// code this would hold up everything else of its thread; there, await it.
    ///
    /// ```
    /// let output = pm_runtime::exec(["uname"]).wait().unwrap();
    /// assert_eq!(output.stdout(), "Linux\n");
    /// ```
    pub fn wait(self) -> Result<Output, ExecError> {
        smol::future::block_on(self)
    }

    /// Says something of a command that is not started yet; of others nothing can be said.
    fn with(mut self, say: impl FnOnce(&mut Spec)) -> Self {
        if let Stage::New(spec) = &mut self.stage {
            say(spec);
        }
        self
    }
}

impl fmt::Debug for Exec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Exec");
        match &self.stage {
            Stage::New(spec) => {
                shown.field("command", &spec.command()).field("stage", &"not started")
            }
            Stage::Running(_) => shown.field("stage", &"running"),
            Stage::Over => shown.field("stage", &"over"),
        };
        shown.finish_non_exhaustive()
    }
}
