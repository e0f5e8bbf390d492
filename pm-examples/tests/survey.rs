//! The program `survey`, from its arguments to its exit code.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

/// What Rust raises when a stack overflows.
const SIGABRT: i32 = 6;

const LIB: &str = "\
pub fn one() {}

impl S {
    unsafe fn two(&self) {
        unsafe { f() }
    }
}
";

/// A crate of two files, one of which is a template.
fn a_small_crate() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "small/Cargo.toml", "");
    write(folder.path(), "small/src/lib.rs", LIB);
    write(folder.path(), "small/template.rs", "fn {{ name }}() {}");
    folder
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    let parent = path.parent().expect("it is in a folder");
    fs::create_dir_all(parent).expect("a folder");
    fs::write(path, text).expect("a file");
}

fn survey(folder: &Path, options: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_survey"))
        .args(options)
        .arg(folder)
        .output()
        .expect("it starts")
}

/// Stdout, which has to be JSON and nothing else.
fn result(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        let stderr = String::from_utf8_lossy(&output.stderr);
        panic!("{error}, {stderr}");
    })
}

fn find<'a>(list: &'a Value, key: &str, value: &str) -> &'a Value {
    let mut items = list.as_array().expect("a list").iter();
    items
        .find(|item| item[key] == value)
        .unwrap_or_else(|| panic!("no {key} is {value} in {list:#}"))
}

#[test]
fn hostile_files_are_reported_and_all_others_are_counted() {
    let folder = a_small_crate();
    // The slow file takes far longer than this, and any other far less.
    let options = ["--json", "--timeout", "10s", "--workers", "2"];
    let output = survey(folder.path(), &options);
    let result = result(&output);
    assert_eq!(output.status.code(), Some(0), "{result:#}");
    assert_eq!(result["verdict"], "complete");

    let small = find(&result["crates"], "name", "small");
    let longest = json!({ "name": "two", "lines": 3, "file": "src/lib.rs", "line": 4 });
    let expected = json!({
        "name": "small", "files": 2, "parsed": 1, "functions": 2, "unsafe_blocks": 1,
        "longest": longest, "not_rust": 1, "failed": 0,
    });
    assert_eq!(small, &expected);
    assert_eq!(result["total"]["files"], 4);
    let template = &result["not_rust"][0]["file"];
    assert!(template.as_str().is_some_and(|file| file.ends_with("small/template.rs")));

    let deep = find(&result["failures"], "file", "hostile/deep.rs");
    assert_eq!(deep["kind"], "crashed");
    assert_eq!(deep["crash"]["exit"]["Signal"], SIGABRT);
    let slow = find(&result["failures"], "file", "hostile/slow.rs");
    assert_eq!(slow["kind"], "timed_out");
    assert!(slow["report"].as_str().is_some_and(|report| report.contains("10s")));
    assert_ne!(deep["worker"], deep["successor"]);

    let account = &result["pool"]["health"]["account"];
    assert_eq!(account["submitted"], 4);
    assert_eq!(account["completed"], 2);
    assert_eq!(account["failed"], 2);
}

#[test]
fn people_get_a_table_and_a_last_line() {
    let folder = a_small_crate();
    let output = survey(folder.path(), &["--no-hostile", "--timeout", "1m"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("two, 3 lines (src/lib.rs:4)"), "{text}");
    let last = text.lines().last();
    assert_eq!(last, Some("ok: 1 parsed, 1 not Rust of today"));
}

#[test]
fn a_crash_on_any_other_file_is_a_failure() {
    let folder = a_small_crate();
    let (open, close) = ("(".repeat(400_000), ")".repeat(400_000));
    let nested = format!("const NESTED: () = {open}{close};");
    write(folder.path(), "small/nested.rs", &nested);
    let output = survey(folder.path(), &["--no-hostile", "--json", "--timeout", "1m"]);
    let result = result(&output);
    assert_eq!(output.status.code(), Some(1), "{result:#}");
    assert_eq!(result["verdict"], "incomplete");
    assert_eq!(result["failures"][0]["kind"], "crashed");
    assert_eq!(find(&result["crates"], "name", "small")["parsed"], 1);
}

#[test]
fn what_makes_no_sense_is_told_before_anything_starts() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = folder.path().join("missing");
    for (path, options, word) in [
        (missing.as_path(), &[][..], "missing"),
        (folder.path(), &[], "no Rust file"),
        (folder.path(), &["--workers", "0"], "--workers 0"),
        (folder.path(), &["--timeout", "0s"], "--timeout 0s"),
    ] {
        let output = survey(path, options);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(word), "{stderr}");
        assert!(output.stdout.is_empty());
    }
}
