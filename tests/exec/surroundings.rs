//! What a command gets: its arguments, its environment, its folder, its input, its signals.

use std::process::Command;

use pm_runtime::{ExecError, Exit, exec, shell};
use pm_tests::{Folder, Task, WorkPool};

use crate::write_program;

#[pm_runtime::test]
async fn arguments_arrive_as_they_are() {
    let words = ["printf", "<%s>", "", "two words", "$HOME", "it's", "*", "; exit 3", "\n", "-n"];
    let output = exec(words).await.unwrap();
    assert_eq!(output.stdout(), "<><two words><$HOME><it's><*><; exit 3><\n><-n>");
    assert_eq!((output.status(), &*output.stderr()), (Exit::Code(0), ""));
    let owned = vec![String::from("echo"), String::from("owned")];
    assert_eq!(exec(&owned).await.unwrap().stdout(), "owned\n");
    assert_eq!(exec(owned).await.unwrap().stdout(), "owned\n");
}

#[pm_runtime::test]
async fn a_program_is_called_by_the_name_that_it_was_given() {
    let folder = Folder::new("named");
    std::os::unix::fs::symlink("/bin/sh", folder.file("hello")).unwrap();
    let output = exec(["hello", "-c", "echo $0; echo $1"]).env("PATH", folder.file("")).await;
    assert_eq!(output.unwrap().stdout(), "hello\n\n");
}

#[pm_runtime::test]
async fn a_script_is_read_by_the_shell() {
    assert_eq!(shell("printf 'a\\nb\\n' | wc -l").await.unwrap().stdout().trim(), "2");
    assert_eq!(shell("echo out; echo err >&2").await.unwrap().stderr(), "err\n");
    assert_eq!(shell("").await.unwrap().stdout_bytes(), b"");
    // One that begins like an option is a script all the same.
    let folder = Folder::new("option");
    let script = folder.file("-c");
    write_program(&script, "#!/bin/sh\necho dash\n", "755");
    let output = shell("-c").env("PATH", folder.file("")).await.unwrap();
    assert_eq!(output.stdout(), "dash\n");
}

#[pm_runtime::test]
async fn bytes_and_text_are_both_there() {
    let output = shell(r"printf 'na\303\257ve\377'; printf '\000\n' >&2").await.unwrap();
    assert_eq!(output.stdout(), "naïve\u{fffd}");
    assert_eq!(output.stdout_bytes(), b"na\xc3\xafve\xff");
    assert_eq!((&*output.stderr(), output.stderr_bytes()), ("\0\n", &b"\0\n"[..]));
    let (stdout, stderr) = output.clone().into_bytes();
    assert_eq!((&stdout[..], &stderr[..]), (output.stdout_bytes(), output.stderr_bytes()));
}

#[pm_runtime::test]
async fn variables_are_added_or_replaced_or_all_there_is() {
    let inherited = exec(["env"]).env("PM_TESTS_ADDED", "1").await.unwrap();
    let mut expected: Vec<String> =
        std::env::vars().map(|(name, value)| format!("{name}={value}")).collect();
    expected.push("PM_TESTS_ADDED=1".into());
    expected.sort();
    let mut lines: Vec<_> = inherited.stdout().lines().map(str::to_owned).collect();
    lines.sort();
    // A value may have several lines.
    assert_eq!(lines.join("\n").len(), expected.join("\n").len());
    let replaced = shell("echo $HOME").envs([("HOME", "/a"), ("HOME", "/b")]).await.unwrap();
    assert_eq!(replaced.stdout(), "/b\n");
    let cleared = exec(["env"]).env("ONE", "1").clear_env(true).env("TWO", "é").await.unwrap();
    assert_eq!(cleared.stdout(), "ONE=1\nTWO=é\n");
    let kept = exec(["env"]).clear_env(true).clear_env(false).await.unwrap();
    assert!(kept.stdout().contains("PATH="));
}

#[pm_runtime::test]
async fn a_program_is_looked_for_in_the_path_that_the_command_gets() {
    let folder = Folder::new("path");
    let file = folder.file("greet");
    write_program(&file, "#!/bin/sh\necho \"hello from $PWD\"\n", "755");
    let inside = std::fs::canonicalize(folder.file("")).unwrap().display().to_string();
    let elsewhere = exec(["greet"]).env("PATH", format!("/nowhere::{inside}")).cwd("/").await;
    assert_eq!(elsewhere.unwrap().stdout(), "hello from /\n");
    // An empty name in it is the folder where the command runs, and so is what a path begins with.
    let here = exec(["greet"]).env("PATH", "").cwd(&inside).await;
    assert_eq!(here.unwrap().stdout(), format!("hello from {inside}\n"));
    let path = exec(["./greet"]).cwd(&inside).await;
    assert_eq!(path.unwrap().stdout(), format!("hello from {inside}\n"));
}

#[pm_runtime::test]
async fn a_folder_is_where_it_runs() {
    assert_eq!(exec(["pwd", "-P"]).cwd("/").await.unwrap().stdout(), "/\n");
    let here = std::env::current_dir().unwrap();
    let own = exec(["pwd", "-P"]).await.unwrap();
    assert_eq!(own.stdout().trim_end(), std::fs::canonicalize(here).unwrap().to_str().unwrap());
}

#[pm_runtime::test]
async fn input_is_empty_or_what_is_given() {
    assert_eq!(exec(["cat"]).await.unwrap().stdout_bytes(), b"");
    assert_eq!(exec(["cat"]).stdin("").await.unwrap().stdout_bytes(), b"");
    assert_eq!(exec(["cat"]).stdin("text").await.unwrap().stdout(), "text");
    assert_eq!(exec(["cat"]).stdin(b"\xff\0").await.unwrap().stdout_bytes(), b"\xff\0");
}

#[pm_runtime::test]
async fn much_input_goes_in_while_as_much_output_comes_out() {
    let bytes: Vec<u8> =
        (0..10 << 20).map(|i: u32| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let output = shell("tee /dev/stderr").stdin(bytes.clone()).await.unwrap();
    assert!(output.stdout_bytes() == bytes, "{} bytes", output.stdout_bytes().len());
    assert!(output.stderr_bytes() == bytes, "{} bytes", output.stderr_bytes().len());
}

#[pm_runtime::test]
async fn input_that_is_not_read_is_no_error() {
    let much = vec![b'x'; 10 << 20];
    assert_eq!(exec(["true"]).stdin(much.clone()).await.unwrap().stdout(), "");
    assert_eq!(exec(["head", "-c", "3"]).stdin(much.clone()).await.unwrap().stdout(), "xxx");
    let closed = shell("exec <&-; echo closed").stdin(much).await.unwrap();
    assert_eq!(closed.stdout(), "closed\n");
}

#[pm_runtime::test]
async fn it_inherits_no_descriptors_and_no_odd_signals() {
    let pool = WorkPool::new();
    pool.query(Task::Return(1)).await.unwrap();
    let running = smol::spawn(exec(["sleep", "1h"]).stdin("x"));
    let list = ["ls", "/proc/self/fd"];
    let fds = exec(list).await.unwrap();
    // What this process was started with, it may have inherited itself.
    let baseline = Command::new(list[0]).arg(list[1]).output().unwrap();
    assert_eq!(fds.stdout(), String::from_utf8_lossy(&baseline.stdout));
    running.cancel().await;
    let masks = exec(["grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"]).await.unwrap();
    let baseline = Command::new("grep").args(["-E", "^Sig(Blk|Ign)", "/proc/self/status"]).output();
    assert_eq!(masks.stdout(), String::from_utf8_lossy(&baseline.unwrap().stdout));
    let error = shell("kill -PIPE $$").await.unwrap_err();
    assert!(matches!(error, ExecError::Failed { exit: Exit::Signal(13), .. }), "{error}");
}
