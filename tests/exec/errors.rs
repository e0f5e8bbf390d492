//! What goes wrong, and what is said of it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use pm_runtime::{Error, Exec, ExecError, Exit, exec, shell};
use pm_tests::Folder;

use crate::write_program;

/// The error of a command that is not started, and its text.
fn unstarted(exec: Exec) -> (ExecError, String) {
    let error = exec.wait().expect_err("it cannot be started");
    assert!(error.output().is_none() && !error.is_retryable(), "{error:?}");
    let text = error.to_string();
    (error, text)
}

#[pm_runtime::test]
async fn another_exit_code_than_zero_is_an_error_with_the_output() {
    let error = shell("echo out; echo err >&2; exit 7").await.unwrap_err();
    let ExecError::Failed { exit, output, .. } = &error else { panic!("{error}") };
    assert_eq!((*exit, output.status()), (Exit::Code(7), Exit::Code(7)));
    assert_eq!((&*output.stdout(), &*output.stderr()), ("out\n", "err\n"));
    assert_eq!(error.output(), Some(&**output));
    assert!(!error.is_retryable());
    assert_eq!(
        error.to_string(),
        "`echo out; echo err >&2; exit 7` exited with code 7; the end of its stderr: err"
    );
}

#[pm_runtime::test]
async fn a_signal_is_named() {
    let error = exec(["sh", "-c", "kill -SEGV $$"]).await.unwrap_err();
    assert!(matches!(error, ExecError::Failed { exit: Exit::Signal(11), .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "`sh -c 'kill -SEGV $$'` was killed by SIGSEGV; it printed nothing"
    );
}

#[pm_runtime::test]
async fn the_error_of_a_main_says_all_of_it() {
    async fn main() -> Result<(), Error> {
        let output = shell("echo one >&2; printf '\\033[2Jtwo' >&2; false").await?;
        panic!("{output:?}");
    }
    let error = main().await.unwrap_err();
    assert_eq!(
        format!("{error:?}"),
        "`echo one >&2; printf '\\033[2Jtwo' >&2; false` exited with code 1; the end of its \
         stderr: one\\n\\u{1b}[2Jtwo"
    );
    let lines = format!("{error:#}");
    assert!(
        lines.ends_with("exited with code 1\n  stderr: one\n  stderr: \\u{1b}[2Jtwo"),
        "{lines}"
    );
}

#[pm_runtime::test]
fn a_program_that_does_not_exist_is_told_from_others() {
    let (error, text) = unstarted(exec(["pm-no-such-program", "x"]));
    assert!(matches!(error, ExecError::NotFound { searched: Some(_), .. }), "{error:?}");
    assert!(text.starts_with("cannot run `pm-no-such-program`: no folder in its `PATH`"), "{text}");
    let (error, text) = unstarted(exec(["/no/such/program"]));
    assert!(matches!(error, ExecError::NotFound { searched: None, .. }), "{error:?}");
    assert_eq!(text, "cannot run `/no/such/program`: there is no such file");
    let (error, _) = unstarted(exec(["/bin/sh/program"]));
    assert!(matches!(error, ExecError::NotFound { .. }), "{error:?}");
    let (error, text) = unstarted(exec(["ls"]).env("PATH", "/nowhere"));
    assert!(matches!(error, ExecError::NotFound { .. }), "{error:?}");
    assert!(text.contains("(PATH=/nowhere)"), "{text}");
    // The shell itself looks for those of a script.
    let error = shell("pm-no-such-program").wait().unwrap_err();
    assert!(matches!(error, ExecError::Failed { exit: Exit::Code(127), .. }), "{error:?}");
}

#[pm_runtime::test]
fn what_is_no_program_is_told_from_what_is_missing() {
    let folder = Folder::new("unfit");
    let file = |name: &str, text: &str, mode| {
        let path = folder.file(name);
        write_program(&path, text, mode);
        path
    };
    let unfit = |exec, reason: &str| {
        let (error, text) = unstarted(exec);
        assert!(matches!(error, ExecError::NotExecutable { .. }), "{error:?}");
        assert!(text.contains(reason), "{text}");
    };
    unfit(exec([folder.file("")]), "it is a folder");
    unfit(exec(["/dev/null"]), "it is no file");
    let plain = file("plain", "#!/bin/sh\n", "644");
    unfit(exec([&plain]), "chmod +x");
    // Also where it is found in `PATH`, but for which there would be none at all.
    unfit(exec(["plain"]).env("PATH", folder.file("")), "chmod +x");
    unfit(exec([file("text", "only text", "755")]), "a script needs a first line");
    unfit(exec([file("lost", "#!/no/such/interpreter\n", "755")]), "the interpreter");
    let busy = file("busy", "#!/bin/sh\n", "755");
    let _writer = std::fs::File::options().write(true).open(&busy).unwrap();
    unfit(exec([busy]), "something has it open for writing");
    let (text, plain) = (exec(["text"]), format!("/nowhere:{}", folder.file("")));
    unfit(text.env("PATH", plain), "a script needs a first line");
}

#[pm_runtime::test]
fn a_folder_that_is_not_there_is_told_from_a_program_that_is_not_there() {
    for command in [exec(["true"]), exec(["/bin/true"]), exec(["./no/such"]), shell("true")] {
        let (error, text) = unstarted(command.cwd("/no/such/folder"));
        assert!(
            matches!(&error, ExecError::Cwd { path, .. } if &**path == "/no/such/folder"),
            "{error:?}"
        );
        assert_eq!(
            text,
            "cannot run anything in `/no/such/folder` (`cwd`): there is no such folder"
        );
    }
    let (error, text) = unstarted(exec(["true"]).cwd("/dev/null"));
    assert!(matches!(error, ExecError::Cwd { .. }) && text.ends_with("it is no folder"), "{text}");
    let (error, _) = unstarted(exec(["./no-such"]).cwd("/"));
    assert!(matches!(error, ExecError::NotFound { .. }), "{error:?}");
}

#[pm_runtime::test]
fn what_can_be_no_command_is_an_error() {
    let invalid = |exec, reason: &str| {
        let (error, text) = unstarted(exec);
        assert!(matches!(error, ExecError::Invalid { .. }), "{error:?}");
        assert!(text.contains(reason), "{text}");
    };
    invalid(exec([""; 0]), "there is no program to run");
    invalid(exec([""]), "the name of the program is empty");
    invalid(exec(["echo", "a\0b"]), "argument 1 contains a zero byte");
    invalid(exec(["ec\0ho"]), "the name of the program contains a zero byte");
    invalid(shell("echo a\0b"), "the script contains a zero byte");
    invalid(exec([OsStr::from_bytes(b"\xff\0")]), "zero byte");
    invalid(exec(["true"]).env("A=B", "1"), "`A=B` cannot be the name of a variable");
    invalid(exec(["true"]).env("", "1"), "cannot be the name");
    invalid(exec(["true"]).env("A", "\0"), "the value of `A` contains a zero byte");
    invalid(exec(["true"]).cwd("a\0b"), "the path of a folder");
    invalid(exec(["true"]).cwd(""), "the path of a folder");
    invalid(exec(["echo", &"x".repeat(4 << 20)]), "hand them over through `stdin`");
}

#[pm_runtime::test]
async fn whoever_polls_on_after_the_end_hears_that_it_is_over() {
    let mut command = Box::pin(exec(["true"]));
    assert!(command.as_mut().await.is_ok());
    assert_eq!(command.as_mut().await, Err(ExecError::Over));
    let mut missing = Box::pin(exec(["/no/such/program"]));
    assert!(matches!(missing.as_mut().await, Err(ExecError::NotFound { .. })));
    assert_eq!(missing.await, Err(ExecError::Over));
}

#[pm_runtime::test]
async fn errors_and_output_travel_as_answers_of_workers() {
    for script in ["echo hello; exit 3", "echo hello; kill -KILL $$"] {
        let error = shell(script).await.unwrap_err();
        pm_runtime::assert_round_trip(&error);
    }
    pm_runtime::assert_round_trip(&exec(["echo", "hello"]).await.unwrap());
    pm_runtime::assert_round_trip(&exec(["/no/such/program"]).await.unwrap_err());
    pm_runtime::assert_round_trip(&exec(["yes"]).max_output(10).await.unwrap_err());
}
