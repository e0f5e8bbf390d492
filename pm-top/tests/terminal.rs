//! The program in a terminal, as its user sees it.

#[path = "terminal/acted.rs"]
mod acted;
#[path = "terminal/pty.rs"]
mod pty;

use std::io::Write;
use std::process::{Command, Stdio};

use acted::{Application, Sockets};
use pty::Terminal;

/// The keys at the foot of the screen, as far as a narrow one has room.
const FOOT: &str = "tab next  r respawn";

/// The program, which looks at its own terminal and not at the one in which the tests run; by another one.
fn pm_top(by: &[&str], sockets: &Sockets) -> Command {
    let mut command = Command::new("setsid");
    command.arg("--ctty").args(by).arg(env!("CARGO_BIN_EXE_pm-top"));
    command.args(["--interval", "0.1", "--folder"]).arg(sockets.folder());
    command
}

fn last_row(screen: &vt100::Screen) -> String {
    let (_, columns) = screen.size();
    screen.rows(0, columns.get()).last().unwrap_or_default()
}

#[test]
fn who_confirms_has_a_pool_respawned_and_quits() {
    let sockets = Sockets::new("keys");
    let application = Application::new(&sockets, 7);
    let mut terminal = Terminal::run(pm_top(&[], &sockets), 24, 80);
    terminal.until_seen("── workers of double ─");
    assert!(terminal.screen().alternate_screen() && last_row(terminal.screen()).contains(FOOT));
    assert_eq!(application.asked.recv().unwrap(), r#"{"do":"events"}"#);
    terminal.press("r");
    terminal.until_seen("respawn all workers of double in acted (7)? (y/n)");
    terminal.press("n");
    terminal.until_seen("not done");
    terminal.press("r");
    terminal.until_seen("respawn all workers of double in acted (7)? (y/n)");
    terminal.press("y");
    terminal.until_seen("respawn all workers of double in acted (7): done");
    assert_eq!(application.asked.recv().unwrap(), r#"{"do":"respawn","id":1,"pool":1}"#);
    terminal.press("q");
    let (status, screen) = terminal.end();
    assert!(status.success(), "{status}");
    assert!(!screen.alternate_screen() && !screen.hide_cursor(), "the terminal is as it was");
    assert!(application.asked.try_recv().is_err(), "nothing else was asked for");
}

#[test]
fn a_small_window_has_what_fits_and_hears_keys() {
    for (rows, columns, text) in [(10, 40, "double"), (3, 12, "double"), (2, 5, "d"), (1, 1, "…")]
    {
        let sockets = Sockets::new(&format!("small-{rows}"));
        let _application = Application::new(&sockets, 7);
        let mut terminal = Terminal::run(pm_top(&[], &sockets), rows, columns);
        terminal.until_seen(text);
        terminal.press("\tq");
        assert!(terminal.end().0.success());
    }
}

#[test]
fn a_window_of_another_size_is_drawn_anew() {
    let sockets = Sockets::new("resized");
    let _application = Application::new(&sockets, 7);
    let mut terminal = Terminal::run(pm_top(&[], &sockets), 24, 80);
    terminal.until_seen("── workers of double ─");
    for (rows, columns) in [(10, 40), (30, 120), (4, 30), (24, 80)] {
        terminal.resize(rows, columns);
        terminal.until(FOOT, |screen| {
            last_row(screen).contains(FOOT) && screen.contents().matches(FOOT).count() == 1
        });
        terminal.until_seen("double");
    }
    terminal.press("q");
    assert!(terminal.end().0.success());
}

#[test]
fn an_application_that_ends_is_gone_and_another_one_comes() {
    let sockets = Sockets::new("ends");
    let application = Application::new(&sockets, 7);
    let mut terminal = Terminal::run(pm_top(&[], &sockets), 24, 80);
    terminal.until_seen("1 application, 1 pool, 2 workers");
    application.end();
    terminal.until_seen("0 applications, 0 pools, 0 workers");
    terminal.until_seen("acted (7): gone ");
    terminal.until_seen("── workers of double ─");
    let _another = Application::new(&sockets, 8);
    terminal.until_seen("1 application, 1 pool, 2 workers");
    terminal.until_seen("acted (7): gone ");
    terminal.press("q");
    assert!(terminal.end().0.success());
}

#[test]
fn over_a_slow_line_keys_are_heard_and_the_latest_is_shown() {
    let sockets = Sockets::new("slow");
    let application = Application::new(&sockets, 7);
    let mut terminal = Terminal::run(pm_top(&[], &sockets), 24, 80);
    terminal.read_slowly(3);
    terminal.until_seen("── workers of double ─");
    // Much happens that is not shown, and something that is.
    let mut client = application.client();
    let event = r#"{"event":{"Ready":{"worker":1,"at":{"secs_since_epoch":1,"nanos_since_epoch":0}}},"pool":1}"#;
    for _ in 0..20_000 {
        // A line at a time, because answers are written by another thread.
        client.write_all(format!("{event}\n").as_bytes()).unwrap();
    }
    client.write_all(format!("{}\n", killed()).as_bytes()).unwrap();
    terminal.until_seen("killed by its pool");
    terminal.press("?");
    terminal.until_seen("r, R and u ask first");
    terminal.press("q");
    assert!(terminal.end().0.success());
}

/// A worker that was killed for a timeout.
fn killed() -> serde_json::Value {
    serde_json::json!({"event": {"Killed": {
        "pool": "double", "worker": 1, "pid": 4711,
        "at": {"secs_since_epoch": 1, "nanos_since_epoch": 0},
        "cause": {"TimedOut": {"secs": 5, "nanos": 0}}, "blame": "Pool", "exit": {"Signal": 9},
        "running": [], "handed_back": 0, "served": 7, "age": {"secs": 3, "nanos": 0}, "max_rss": null,
        "cpu": null, "panic": null, "debug": null, "stderr_tail": null,
    }}, "pool": 1})
}

#[test]
fn without_a_terminal_it_says_what_needs_none() {
    let sockets = Sockets::new("none");
    let (_master, slave) = pty::terminal(24, 80);
    for stdout in [Stdio::piped(), slave.into()] {
        // One whose input and session have no terminal.
        let mut command = Command::new("setsid");
        command.args(["--wait", env!("CARGO_BIN_EXE_pm-top"), "--folder"]).arg(sockets.folder());
        let output = command
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(Stdio::piped())
            .spawn()
            .and_then(std::process::Child::wait_with_output)
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains("there is no terminal to draw on"), "{error}");
    }
}

#[test]
fn it_ends_with_its_terminal_even_where_no_signal_says_so() {
    for hears in ["pm-top", "nohup"] {
        let sockets = Sockets::new(hears);
        let _application = Application::new(&sockets, 7);
        let mut terminal = match hears {
            "nohup" => Terminal::run(pm_top(&["env", "--ignore-signal=HUP"], &sockets), 24, 80),
            _ => Terminal::run(pm_top(&[], &sockets), 24, 80),
        };
        terminal.until_seen("── workers of double ─");
        terminal.hang_up();
    }
}
