//! The program `plugins`, from its scripts and lines to its exit code.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

fn plugins(arguments: &[&str], paths: &[&Path], stdin: &[u8]) -> (Output, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plugins"));
    command.args(arguments).args(paths).stdin(Stdio::piped());
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    // One that has made a mistake does not listen.
    child.stdin.take().expect("it is piped").write_all(stdin).ok();
    let output = child.wait_with_output().expect("it ends");
    let text = String::from_utf8(output.stdout.clone()).expect("it is text");
    (output, text)
}

fn folder(scripts: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, script) in scripts {
        fs::write(folder.path().join(name), script).expect("a file");
    }
    folder
}

/// Calls, answers and strikes of a plugin, and whether it is disabled.
#[track_caller]
fn row(text: &str, plugin: &str) -> (u32, u32, u32, bool) {
    let (_, table) = text.split_once("\nplugin ").expect("a table");
    let mut rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let row = rows.find(|row| row.first() == Some(&plugin)).expect("its row");
    let number = |index: usize| row[index].parse().expect("a number");
    (number(1), number(2), number(3), row.last() == Some(&"disabled"))
}

/// What a plugin has said or answered, and what is said of it.
fn said<'a>(text: &'a str, plugin: &str) -> Vec<&'a str> {
    let of = |line: &'a str| line.strip_prefix(plugin)?.strip_prefix(": ");
    text.lines().filter_map(of).collect()
}

#[test]
fn plugins_that_misbehave_are_disabled_and_the_others_hear_every_line() {
    let (output, text) = plugins(&["--timeout", "2m"], &[], b"");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{text}{stderr}");
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
    let lock = fs::read_to_string(lock).expect("it is there");
    let calls = lock.lines().count() as u32 + 1;
    assert_eq!(row(&text, "packages"), (calls, 1, 0, false));
    assert_eq!(row(&text, "words"), (calls, 1, 0, false));
    for (plugin, why) in [
        ("endless", "it met its `cpu_limit` of 1 s"),
        ("hoarder", "it met its `memory_limit` of 64 MiB"),
        ("quitter", "its process exited with code 3"),
        ("typo", "script:4: attempt to call a nil value (method 'uper')"),
    ] {
        let (_, answers, strikes, is_disabled) = row(&text, plugin);
        assert_eq!((answers, strikes, is_disabled), (0, 3, true), "{plugin}");
        let strikes = said(&text, plugin).into_iter().filter(|line| line.starts_with("strike "));
        assert_eq!(strikes.filter(|line| line.ends_with(why)).count(), 3, "{plugin}: {text}");
        // The operator is told of each worker that has died.
        let deaths = said(&stderr, plugin).len();
        assert_eq!(deaths, if plugin == "typo" { 0 } else { 3 }, "{plugin}: {stderr}");
    }
    let names = lock.lines().filter_map(|line| line.strip_prefix("name = "));
    let answer = format!("{} packages", names.collect::<BTreeSet<_>>().len());
    assert_eq!(said(&text, "packages").last(), Some(&&*answer));
    assert!(said(&text, "packages").iter().any(|line| line.starts_with("syn is there as ")));
    assert_eq!(said(&text, "quitter")[0], "that is enough");
}

#[test]
fn a_plugin_has_a_state_which_it_loses_with_its_worker() {
    let script = "
        local lines = 0
        function on_line(line)
            lines = lines + 1
            if line == 'die' then os.exit(7) end
            return lines .. ' ' .. line .. ' ' .. tostring(os.getenv('HOME'))
        end";
    let folder = folder(&[("count.lua", script), ("notes.txt", "no plugin")]);
    let (output, text) = plugins(&[], &[folder.path()], b"a\nb\xff\ndie\nc\x1b\nd");
    assert_eq!(output.status.code(), Some(0), "{text}");
    let strike = "strike 1 of 3: its process exited with code 7";
    assert_eq!(said(&text, "count"), ["1 a nil", "2 b\u{fffd} nil", strike, "1 c  nil", "2 d nil"]);
    assert_eq!(row(&text, "count"), (6, 4, 1, false));
}

#[test]
fn a_plugin_that_waits_or_cannot_be_loaded_is_disabled_too() {
    let waits = "function on_line() os.execute('exec sleep 1000') end";
    let folder = folder(&[
        ("waits.lua", waits),
        ("syntax.lua", "function on_line("),
        ("good.lua", "function on_line(line) return line end"),
    ]);
    let file = folder.path().join("lines");
    fs::write(&file, "one\ntwo\n").expect("a file");
    let arguments = ["--strikes", "1", "--timeout", "10s"];
    let (output, text) = plugins(&arguments, &[folder.path(), &file], b"");
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert_eq!(said(&text, "waits"), ["strike 1 of 1: it had not ended after 10s"]);
    let [syntax] = said(&text, "syntax")[..] else { panic!("{text}") };
    assert!(syntax.contains("`init` failed: syntax error: script:1: "), "{syntax}");
    assert_eq!(said(&text, "good"), ["one", "two"]);
    assert_eq!(row(&text, "good"), (3, 2, 0, false));
    assert!(row(&text, "syntax").3);
}

#[test]
fn what_makes_no_sense_is_told_before_anything_starts() {
    let (empty, good) = (folder(&[]), folder(&[("good.lua", "")]));
    let missing = empty.path().join("missing");
    let (empty, good) = (empty.path(), good.path());
    for (arguments, paths, word) in [
        (&[][..], &[missing.as_path()][..], "missing: No such file"),
        (&[], &[empty], "there is no plugin (*.lua)"),
        (&[], &[good, &missing], "missing: No such file"),
        (&["--strikes", "0"], &[good], "0"),
        (&["--timeout", "soon"], &[good], "soon"),
        (&["--loud"], &[good], "--loud"),
        (&[], &[good, good, good], "good"),
    ] {
        let (output, text) = plugins(arguments, paths, b"");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        let word = if word == "good" { good.to_str().expect("text") } else { word };
        assert!(stderr.contains(word), "{word}: {stderr}");
        assert_eq!(text, "");
    }
    // A folder can be opened, and has no lines.
    let (output, text) = plugins(&[], &[good, empty], b"");
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot read on: "));
}
