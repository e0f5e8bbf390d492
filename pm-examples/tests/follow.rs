//! The program `follow`, from its inputs to its exit code.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

const REQUEST: &str = r#"::1 - ash [10/Oct/2026:13:55:36 +0000] "GET /dex HTTP/1.1" 404 12"#;

/// A line on which the parser overflows its stack.
fn hostile() -> String {
    format!("level=info at={}", "[".repeat(200_000))
}

/// So many lines, of which these are hostile and these are nothing; every other one is a request.
fn log(lines: usize, crashing: &[usize], wrong: &[usize]) -> String {
    let line = |number| match number {
        _ if crashing.contains(&number) => hostile() + "\n",
        _ if wrong.contains(&number) => "what is this?\n".to_owned(),
        _ if number % 2 == 0 => format!("{REQUEST}\n"),
        _ => format!("level=info number={number} of=[{lines}]\n"),
    };
    (1..=lines).map(line).collect()
}

/// The program at work in a folder.
struct Follow {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Follow {
    fn start(folder: &TempDir, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_follow"))
            .current_dir(folder)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        Self { child, stdout }
    }

    fn stdin(&mut self) -> ChildStdin {
        self.child.stdin.take().expect("it was not taken before")
    }

    /// Reads on until it names this line.
    fn wait_for(&mut self, place: &str) {
        let mut line = String::new();
        while !line.starts_with(place) {
            line.clear();
            assert_ne!(self.stdout.read_line(&mut line).expect("it is text"), 0, "no {place}");
        }
    }

    fn interrupt(&self) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::INT).expect("it runs");
    }

    /// Its exit code, and what else it says.
    fn end(mut self) -> (Option<i32>, String) {
        let mut text = String::new();
        self.stdout.read_to_string(&mut text).expect("it is text");
        let stderr = self.child.stderr.take().expect("it is piped");
        text += &std::io::read_to_string(stderr).expect("it is text");
        (self.child.wait().expect("it ends").code(), text)
    }
}

/// What it says of single lines: their places, in order, and a word about each.
fn notes(text: &str) -> Vec<(&str, &str)> {
    let note = |line: &'_ str| {
        let word = ["crashed", "rejected"].into_iter().find(|word| line.contains(word))?;
        let end = line.find(": ")?;
        Some((end, word))
    };
    let mut notes: Vec<_> = text
        .lines()
        .filter_map(|line| note(line).map(|(end, word)| (&line[..end], word)))
        .collect();
    notes.sort_unstable();
    notes
}

/// Asserts what stands in the table at the end.
#[track_caller]
fn ends_with(text: &str, rows: &[&str]) {
    let lines: Vec<_> =
        text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert!(lines.ends_with(&rows.iter().map(ToString::to_string).collect::<Vec<_>>()), "{text}");
}

fn append(file: &Path, text: &str) {
    let mut file = OpenOptions::new().append(true).open(file).expect("it is there");
    file.write_all(text.as_bytes()).expect("it is written");
}

#[test]
fn lines_that_crash_the_parser_are_named_and_no_other_is_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    // The streams of several files share a worker, and lose it together.
    for (name, text) in [
        ("a.log", log(1000, &[1, 500, 501], &[7, 502])),
        ("b.log", log(900, &[900], &[])),
        ("c.log", log(800, &[], &[300])),
        ("d.log", log(700, &[350], &[])),
    ] {
        fs::write(folder.path().join(name), text).expect("a file");
    }
    let files = ["--once", "--rejected", "a.log", "b.log", "c.log", "d.log"];
    let (code, text) = Follow::start(&folder, &files).end();
    assert_eq!(code, Some(0), "{text}");
    let expected = [
        ("a.log:1", "crashed"),
        ("a.log:500", "crashed"),
        ("a.log:501", "crashed"),
        ("a.log:502", "rejected"),
        ("a.log:7", "rejected"),
        ("b.log:900", "crashed"),
        ("c.log:300", "rejected"),
        ("d.log:350", "crashed"),
    ];
    assert_eq!(notes(&text), expected, "{text}");
    let rows = [
        "lines parsed rejected crashed",
        "a.log 1000 995 2 3",
        "b.log 900 899 0 1",
        "c.log 800 799 1 0",
        "d.log 700 699 0 1",
        "all 3400 3392 3 5",
        "4xx 1695, info 1697",
    ];
    ends_with(&text, &rows);
}

#[test]
fn a_file_is_followed_as_it_grows() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("growing.log");
    fs::write(&file, log(3, &[3], &[])).expect("a file");
    let mut follow = Follow::start(&folder, &["growing.log", "-"]);
    // What comes before a line is counted when that is named.
    follow.wait_for("growing.log:3: the parser crashed");
    append(&file, "level=wa");
    append(&file, "rn\nwhat is this?\n");
    append(&file, &log(1, &[1], &[]));
    follow.wait_for("growing.log:6: the parser crashed");
    let mut stdin = follow.stdin();
    stdin.write_all(log(2, &[2], &[]).as_bytes()).expect("it reads");
    follow.wait_for("-:2: the parser crashed");
    // Half a line is none yet.
    append(&file, "level=error");
    follow.interrupt();
    let (code, text) = follow.end();
    assert_eq!(code, Some(130), "{text}");
    let rows = [
        "lines parsed rejected crashed",
        "growing.log 6 3 1 2",
        "- 2 1 0 1",
        "all 8 4 1 3",
        "4xx 1, info 2, warn 1",
    ];
    ends_with(&text, &rows);
}

#[test]
fn standard_input_is_read_to_its_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut follow = Follow::start(&folder, &["--rejected"]);
    let mut stdin = follow.stdin();
    let long = "x".repeat((1 << 20) + 1);
    let text = format!("{}\r\n{long}\n{}{}", "level=debug", log(20, &[10], &[]), "level=error");
    stdin.write_all(text.as_bytes()).expect("it reads");
    drop(stdin);
    let (code, text) = follow.end();
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(notes(&text), [("-:12", "crashed"), ("-:2", "rejected")], "{text}");
    let rows = ["lines parsed rejected crashed", "- 23 21 1 1", "4xx 9, debug 1, info 10, error 1"];
    ends_with(&text, &rows);
}

#[test]
fn an_input_that_cannot_be_read_holds_up_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("a.log"), log(10, &[], &[])).expect("a file");
    let (code, text) = Follow::start(&folder, &["--once", ".", "a.log"]).end();
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains(".: cannot be read: "), "{text}");
    ends_with(&text, &[". 0 0 0 0", "a.log 10 10 0 0", "all 10 10 0 0", "4xx 5, info 5"]);
}

#[test]
fn what_makes_no_sense_is_told_before_anything_starts() {
    let folder = tempfile::tempdir().expect("a folder");
    File::create(folder.path().join("a.log")).expect("a file");
    for (arguments, word) in
        [(["a.log", "missing.log"], "missing.log"), (["a.log", "--loud"], "--loud")]
    {
        let (code, text) = Follow::start(&folder, &arguments).end();
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains(word), "{text}");
    }
}
