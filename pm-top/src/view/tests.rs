use std::time::{Duration, Instant};

use pm_runtime::Event;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::keys::Key;
use crate::model::tests::{crash, killed, state};

/// Half a minute of two applications.
fn model() -> Model {
    let (mut model, begin) = (Model::default(), Instant::now());
    for second in 0..30 {
        let now = begin + Duration::from_secs(second);
        let wave = 40 + 30 * (second % 10);
        model.tell(17, state("thumbnails", 1000 + second * wave, 9 + second / 2), now);
        model.tell(4, state("chat", 3 * second, 90), now);
    }
    model.trouble(4, "it does not answer: is it stopped?");
    model
}

fn hostile() -> Model {
    let (mut model, now) = (Model::default(), Instant::now());
    let names = [
        "\x1b[2J\x1b]0;x\x07",
        "漢字漢字漢字漢字漢字漢字漢字",
        "",
        "👩‍👩‍👧‍👧 e\u{301}\u{202e}",
        "\u{fe0f}",
    ];
    for (pid, name) in (1..).zip(names) {
        model.tell(pid * 1_000_000, state(name, u64::MAX / 4, u64::MAX / 4), now);
        model.tell(pid * 1_000_000, state(name, 7, 0), now);
        for worker in 10..13 {
            let mut report = crash(worker);
            report["debug"] = format!("{name}\r\n").repeat(5).into();
            report["running"] = serde_json::json!([
                {"query": format!("{name}\r\n"), "age": {"secs": 1, "nanos": 0}, "size": 1,
                 "hash": "0123456789abcdef", "attempt": 1, "open": false},
                {"query": "\u{9b}2J", "age": {"secs": 1, "nanos": 0}, "size": 1,
                 "hash": "0123456789abcdef", "attempt": 1, "open": true},
            ]);
            report["stderr_tail"] = format!("{name}\t\u{9b}2J\n").repeat(5).into();
            let event: Event =
                serde_json::from_value(serde_json::json!({"Crashed": report})).unwrap();
            model.happen(pid * 1_000_000, 1, event);
        }
    }
    model.trouble(2_000_000, "\x1b[31mno\nno");
    model
}

fn ui(model: &Model, keys: &[Key]) -> Ui {
    let mut ui = Ui::default();
    ui.settle(model);
    for key in keys {
        ui.press(*key, model);
    }
    ui
}

fn screen(width: u16, height: u16, model: &Model, ui: &Ui) -> TestBackend {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(300);
    terminal.draw(|frame| draw(frame, model, ui, now)).unwrap();
    terminal.backend().clone()
}

#[test]
fn a_screen_of_the_usual_size() {
    let model = model();
    let ui = ui(&model, &[Key::Down, Key::Down]);
    insta::assert_snapshot!(screen(100, 24, &model, &ui));
}

#[test]
fn a_wide_screen_has_every_column() {
    let model = model();
    let ui = ui(&model, &[Key::Last, Key::Next, Key::Down, Key::RespawnWorker]);
    insta::assert_snapshot!(screen(170, 16, &model, &ui));
}

#[test]
fn a_small_screen_has_what_matters_most() {
    let model = model();
    let ui = ui(&model, &[Key::Last]);
    insta::assert_snapshot!(screen(40, 9, &model, &ui));
}

#[test]
fn without_applications_it_says_how_to_get_one() {
    let model = Model::default();
    insta::assert_snapshot!(screen(100, 6, &model, &ui(&model, &[])));
    for height in 3..30 {
        let text = screen(100, height, &model, &ui(&model, &[])).to_string();
        assert!(text.contains("pm_runtime::operator::serve()"), "{height}: {text}");
    }
}

#[test]
fn it_is_drawn_at_every_size() {
    let (model, empty) = (hostile(), Model::default());
    let choices = [
        ui(&model, &[Key::Last, Key::Next, Key::Last]),
        ui(&model, &[Key::Back, Key::Last]),
        ui(&model, &[Key::Down, Key::Next, Key::RespawnWorker]),
        ui(&model, &[Key::Help]),
    ];
    for width in 1..=200 {
        for height in 1..=60 {
            // Each choice at each fourth size, and at all that are small.
            let some = usize::from(width + height) % choices.len();
            let is_small = width <= 20 && height <= 12;
            for (_, ui) in choices.iter().enumerate().filter(|(at, _)| is_small || *at == some) {
                let screen = screen(width, height, &model, ui);
                let harmless = |symbol: &str| !symbol.contains(char::is_control);
                assert!(screen.buffer().content.iter().all(|cell| harmless(cell.symbol())));
            }
        }
        screen(width, 1 + width % 60, &empty, &ui(&empty, &[]));
    }
}

#[test]
fn text_of_a_hostile_application_is_harmless() {
    let text = crate::plain::view(&hostile());
    assert!(text.contains("the stream `\\u{9b}2J`"), "{text}");
    assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
}

#[test]
fn no_figure_is_too_large() {
    let (mut model, now) = (Model::default(), Instant::now());
    for (pid, seconds) in [(1, 0), (2, 0), (1, 1)] {
        let mut state = state("large", 1, 1);
        let health = &mut state.pools[0].health;
        (health.account.completed, health.account.failed) = (u64::MAX, u64::MAX);
        (health.crashes, health.queued, health.busy) = (u64::MAX, usize::MAX, usize::MAX);
        model.tell(pid, state, now + Duration::from_secs(seconds));
    }
    let text = screen(200, 30, &model, &ui(&model, &[])).to_string();
    assert!(text.contains(&format!("{} crashes", u64::MAX)), "{text}");
}

#[test]
fn what_has_failed_and_what_waits_is_seen_on_most_screens() {
    let (mut model, now) = (Model::default(), Instant::now());
    let mut state = state("parser", 7, 1);
    let health = &mut state.pools[0].health;
    // They were handed to a worker behind one that hangs.
    (health.queued, health.account.waiting, health.busy) = (0, 255, 2);
    (health.timeouts, health.panics, health.account.failed) = (28, 1, 29);
    (health.account.rejected, health.restarts, health.exhausted) = (3, 28, true);
    model.tell(1, state, now);
    let ui = ui(&model, &[]);
    for width in [90, 110, 130, 170, 200] {
        let text = screen(width, 10, &model, &ui).to_string();
        let row = text.lines().nth(2).unwrap();
        for seen in [" 255 ", " 29 ", "budget exhausted"] {
            assert!(row.contains(seen), "{seen} is not in {text}");
        }
    }
    let notes = "budget exhausted, 28 timeouts, 1 panic, 3 rejected, 28 restarts";
    for text in [screen(250, 10, &model, &ui).to_string(), crate::plain::view(&model)] {
        assert!(text.contains(notes) && text.contains("96 MiB"), "{text}");
    }
    assert!(!crate::plain::view(&self::model()).contains("failed"));
    let yellow = |model: &Model| screen(90, 10, model, &ui).buffer()[(0, 2)].fg;
    assert_eq!(yellow(&model), Color::Red);
    model.applications.get_mut(&1).unwrap().pools.get_mut(&1).unwrap().health.exhausted = false;
    assert_eq!(yellow(&model), Color::Yellow);
}

#[test]
fn what_runs_for_unusually_long_is_marked() {
    let mut model = Model::default();
    let mut tell = |running: u64, others: bool, open: bool| {
        let mut state = state("parser", 7, 1);
        let health = &mut state.pools[0].health;
        if !others {
            health.latency.run = None;
        }
        let running = serde_json::json!({
            "query": "parse", "age": {"secs": running, "nanos": 0}, "open": open, "debug": null,
        });
        health.workers[0].running = serde_json::from_value(running).unwrap();
        model.tell(1, state, Instant::now());
        let screen = screen(100, 12, &model, &ui(&model, &[Key::Next, Key::Down]));
        let text = screen.to_string();
        assert!(text.contains("parse") && text.contains("runs for"), "{text}");
        let is_marked = text.contains("runs long");
        assert_eq!(is_marked, crate::plain::view(&model).contains("runs long"));
        let row = text
            .lines()
            .position(|line| line.contains("  busy  ") && line.contains("  4001  "))
            .unwrap();
        let style = screen.buffer()[(0, u16::try_from(row).unwrap())].fg;
        assert_eq!(is_marked, style == Color::Yellow, "{text}");
        is_marked
    };
    assert!(!tell(30, false, false), "nobody knows what is usual");
    assert!(tell(70, false, false), "nothing has ended for a minute");
    assert!(!tell(1, true, false));
    assert!(tell(2, true, false), "others take 48 ms at most");
    assert!(tell(30, false, false), "as they did");
    assert!(!tell(3600, true, true), "a stream is open as long as it wants");
}

#[test]
fn an_application_that_ended_is_grey_and_has_its_reports() {
    let mut model = model();
    model.end(17, SystemTime::UNIX_EPOCH + Duration::from_secs(288));
    let ui = ui(&model, &[Key::Last]);
    let screen = screen(100, 24, &model, &ui);
    let text = screen.to_string();
    for seen in
        ["1 application, 1 pool,", "thumbnails (17): gone 12 s ago", "stderr: the last line"]
    {
        assert!(text.contains(seen), "{seen} is not in {text}");
    }
    assert_eq!(screen.buffer()[(0, 4)].fg, Color::DarkGray);
}

#[test]
fn a_kill_is_told_from_a_crash() {
    let mut model = model();
    model.happen(17, 1, killed(8));
    let ui = ui(&model, &[Key::Last, Key::Back]);
    let text = screen(90, 30, &model, &ui).to_string();
    let heading = "── last crash and last kill of pool of thumbnails ─";
    for line in
        [heading, "4.9 min ago, killed by its pool", "was killed: a query in it ran longer than 5s"]
    {
        assert!(text.contains(line), "{line} is not in {text}");
    }
}

#[test]
fn from_the_end_of_the_reports_a_key_goes_back() {
    let model = hostile();
    let mut ui = ui(&model, &[Key::Back, Key::Last]);
    let last = screen(80, 24, &model, &ui);
    ui.press(Key::Up, &model);
    let before = screen(80, 24, &model, &ui);
    assert_ne!(last.buffer(), before.buffer());
    ui.press(Key::Down, &model);
    assert_eq!(screen(80, 24, &model, &ui).buffer(), last.buffer());
}

#[test]
fn a_question_is_seen_on_any_screen() {
    let model = model();
    let ui = ui(&model, &[Key::Last, Key::RespawnPool]);
    for height in 1..30 {
        for (width, asked) in [
            (
                110,
                "of pool of thumbnails in thumbnails (17)? (y/n) What outlasts the grace is killed.",
            ),
            (68, "respawn all workers of pool of thumbnails in thumbnails (17)? (y/n)"),
            (60, "respawn all workers of pool of thumbnails in thumbn…? (y/n)"),
        ] {
            let text = screen(width, height, &model, &ui).to_string();
            assert!(text.contains(asked), "{text}");
        }
    }
}

#[test]
fn what_is_chosen_is_seen_on_any_screen() {
    let (mut model, now) = (Model::default(), Instant::now());
    for pid in 1..100 {
        model.tell(pid, state(&format!("application-{pid}"), 1, 1), now);
    }
    for (keys, name) in [(&[Key::Last][..], "application-99"), (&[Key::First], "application-1 ")] {
        let ui = ui(&model, keys);
        for height in 1..40 {
            let text = screen(80, height, &model, &ui).to_string();
            assert!(text.contains(name), "{height}: {text}");
        }
    }
}
