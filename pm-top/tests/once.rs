//! What the program prints of applications, which are acted here: their sockets say what a test wants.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// A folder of sockets, removed in the end.
struct Sockets(PathBuf);

impl Sockets {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("pm-top-{}-{name}", std::process::id()));
        // Left behind by a process of the same number.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir(&folder).expect("the temporary folder is writable");
        Self(folder)
    }

    fn listener(&self, pid: u32) -> UnixListener {
        UnixListener::bind(self.0.join(format!("{pid}.sock"))).expect("a socket can be made")
    }

    /// An application that answers a request by this line, and says no more until its client hangs up.
    fn application(&self, pid: u32, line: String) {
        let listener = self.listener(pid);
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("somebody comes");
            let mut requests = BufReader::new(stream.try_clone().expect("it is a socket")).lines();
            assert_eq!(requests.next().expect("it asks").unwrap(), r#"{"do":"health"}"#);
            stream.write_all(line.as_bytes()).expect("it listens");
            assert!(requests.next().is_none(), "it asks once");
        });
    }
}

impl Drop for Sockets {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn pm_top(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pm-top"));
    command.arg("--folder").arg(folder).args(arguments).output().expect("it can be run")
}

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    text(output)
}

/// What it prints where some applications cannot be read.
fn printed_in_part(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    text(output)
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("it is text")
}

/// An application without pools.
fn state(pid: u32, name: &str) -> Value {
    json!({"version": 1, "pid": pid, "name": name, "started": null, "pools": []})
}

fn answer(pid: u32, name: &str) -> String {
    format!("{}\n", json!({"ok": {"health": state(pid, name)}}))
}

#[test]
fn where_nothing_runs_it_says_how_to_have_something() {
    let sockets = Sockets::new("nothing");
    // One of an application that was killed is no application.
    drop(sockets.listener(7));
    let text = printed(&pm_top(&sockets.0, &["--once"]));
    assert!(text.contains("pm_runtime::operator::serve()"), "{text}");
    assert!(text.contains(&format!("looked at: {}", sockets.0.display())), "{text}");
    assert_eq!(printed(&pm_top(&sockets.0, &["--json"])), "[]\n");
}

#[test]
fn a_folder_that_is_not_there_is_a_mistake() {
    for output in ["--once", "--json"] {
        let output = pm_top(Path::new("/nowhere"), &[output]);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(error.contains("there is no folder `/nowhere`"), "{output:?}");
        assert!(output.status.code() == Some(1) && output.stdout.is_empty(), "{output:?}");
    }
}

#[test]
fn it_tells_its_version() {
    let sockets = Sockets::new("version");
    for option in ["-V", "--version"] {
        let version = concat!("pm-top ", env!("CARGO_PKG_VERSION"), "\n");
        assert_eq!(printed(&pm_top(&sockets.0, &[option])), version);
    }
}

#[test]
fn every_application_is_asked_whatever_others_say() {
    let sockets = Sockets::new("all");
    sockets.application(1, answer(1, "thumb\x1bnails"));
    sockets.application(
        2,
        "{\"error\":\"there are 8 clients, which is the limit: come again\"}\n".into(),
    );
    sockets.application(3, "{\"good\":\"morning\"}\n".into());
    sockets.application(4, answer(4, "chat"));
    let text = printed_in_part(&pm_top(&sockets.0, &["--once"]));
    for line in [
        "thumb\\u{1b}nails (1): no pools yet",
        "an application (2): there are 8 clients, which is the limit: come again",
        "an application (3): it speaks another language (is it newer than this program?): a line has",
        "chat (4): no pools yet",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    assert!(!text.contains('\x1b'));
}

#[test]
fn one_that_is_stopped_and_has_many_who_wait_is_not_waited_for() {
    let sockets = Sockets::new("full");
    let listener = sockets.listener(1);
    // One may wait, and it does.
    rustix::net::listen(&listener, 0).expect("it listens");
    let _waits = UnixStream::connect(sockets.0.join("1.sock")).expect("there is room for one");
    let text = printed_in_part(&pm_top(&sockets.0, &["--once"]));
    assert!(text.contains("an application (1): it does not answer: is it stopped?"), "{text}");
}

#[test]
fn several_that_are_stopped_are_waited_for_once() {
    let sockets = Sockets::new("stopped");
    // They let nobody in.
    let _stopped: Vec<_> = (1..=5).map(|pid| sockets.listener(pid)).collect();
    sockets.application(6, answer(6, "thumbnails"));
    let begin = Instant::now();
    let text = printed_in_part(&pm_top(&sockets.0, &["--once"]));
    assert_eq!(text.matches("it does not answer: is it stopped?").count(), 5, "{text}");
    assert!(text.contains("thumbnails (6): no pools yet"), "{text}");
    // One alone is given two seconds.
    assert!(begin.elapsed() < Duration::from_secs(8), "{:?}", begin.elapsed());
}

#[test]
fn the_raw_view_is_what_applications_say() {
    let sockets = Sockets::new("json");
    sockets.application(1, answer(1, "thumbnails"));
    sockets.application(2, "{\"error\":\"no\\u001b[2J\"}\n".into());
    sockets.application(3, answer(3, "chat"));
    let output = pm_top(&sockets.0, &["--json"]);
    let view: Value = serde_json::from_str(&printed_in_part(&output)).expect("it is JSON");
    assert_eq!(view, json!([state(1, "thumbnails"), state(3, "chat")]));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("2.sock: no\\u{1b}[2J\n"), "{errors:?}");
}

#[test]
fn mistakes_in_the_command_are_told_from_trouble() {
    let sockets = Sockets::new("mistakes");
    assert_eq!(pm_top(&sockets.0, &["--twice"]).status.code(), Some(2));
    let file = sockets.0.join("file");
    std::fs::write(&file, "").expect("the folder is writable");
    let output = pm_top(&file, &["--once"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let output = pm_top(&sockets.0, &[]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && error.contains("`--once` needs none"), "{error}");
}
