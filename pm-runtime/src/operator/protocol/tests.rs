use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn command(text: &str) -> Command {
    Request::parse(text.as_bytes()).expect("it is a request").command
}

fn refusal(text: &str) -> String {
    match Request::parse(text.as_bytes()).expect_err("it is no request") {
        Line::Error { error, .. } => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_command_is_read() {
    assert_eq!(command(r#"{"do":"health"}"#), Command::Health);
    assert_eq!(command(" {\"do\" : \"events\" }\r"), Command::Events);
    let spawn = Command::Spawn { pool: 7, workers: 4 };
    assert_eq!(command(r#"{"do":"spawn","pool":7,"workers":4}"#), spawn);
    let respawn = Command::Respawn { pool: 7, worker: Some(3) };
    assert_eq!(command(r#"{"worker":3,"pool":7,"do":"respawn"}"#), respawn);
    let unspawn = Command::Unspawn { pool: 7, worker: None };
    assert_eq!(command(r#"{"do":"unspawn","pool":7}"#), unspawn);
    assert_eq!(command(r#"{"do":"forgive","pool":7}"#), Command::Forgive { pool: 7 });
}

#[test]
fn what_is_wrong_is_named_with_what_would_be_right() {
    for (text, why) in [
        ("", "it is no object"),
        ("[\"health\",null,null,null,null]", "it is no object"),
        ("{\"do\":\"health\"", "EOF while parsing"),
        ("{\"do\":\"health\"} {}", "trailing characters"),
        ("{}", "`do` names what is to be done: `health`, `events`"),
        (r#"{"do":7}"#, "`do` names what is to be done: `health`, `events`"),
        (
            r#"{"do":"kill"}"#,
            "there is no command `kill`; there are `health`, `events`, `spawn`, `respawn`, `unspawn`, \
             `forgive`",
        ),
        (
            r#"{"do":"health","force":true}"#,
            "unknown field `force`, expected one of `do`, `pool`, `worker`, `workers`, `id`",
        ),
        (r#"{"do":"health","pool":1}"#, "`health` takes no `pool`"),
        (r#"{"do":"spawn","pool":1}"#, "`spawn` needs `workers`"),
        (r#"{"do":"spawn","pool":1,"workers":1025}"#, "`workers` may be 1024 at most"),
        (r#"{"do":"forgive","pool":1,"worker":1}"#, "`forgive` takes no `worker`"),
        (
            r#"{"do":"respawn","pool":"work"}"#,
            "`pool` is a number, as `health` tells it, and \"work\" is none",
        ),
        (
            r#"{"do":"unspawn","pool":1,"worker":null}"#,
            "`worker` is a number, as `health` tells it, and null is none",
        ),
        (
            r#"{"do":"respawn","pool":-1}"#,
            "`pool` is a number, as `health` tells it, and -1 is none",
        ),
        (r#"{"do":"spawn","pool":1,"workers":2.5}"#, "`workers` is a number and 2.5 is none"),
        (r#"{"do":"respawn","pool":1,"pool":2}"#, "duplicate field `pool`"),
    ] {
        let error = refusal(text);
        assert!(error.contains(why), "{text}: {error}");
        let is_json = serde_json::from_str::<serde_json::Value>(text).is_ok();
        assert!(!is_json || !error.contains("column"), "{error}");
        assert!(error.ends_with(r#"one is a line such as {"do":"health"}"#), "{error}");
    }
    let error = refusal(&format!(r#"{{"do":"{}"}}"#, "\\u001b[2J".repeat(1000)));
    assert!(error.len() < 1000 && !error.contains('\x1b'), "{error}");
}

#[test]
fn an_id_comes_back_even_with_a_mistake() {
    let number = || Some(Id::Number(7.into()));
    let request = Request::parse(br#"{"do":"health","id":7}"#).unwrap();
    assert_eq!(request.id, number());
    let id = |text: &str| match Request::parse(text.as_bytes()) {
        Err(Line::Error { id, .. }) => id,
        other => panic!("{other:?}"),
    };
    assert_eq!(id(r#"{"do":"kill","id":7}"#), number());
    // Its fields have no names.
    assert_eq!(id("[7]"), None);
    assert_eq!(Request::parse(br#"{"do":"health","id":null}"#).map(|request| request.id), Ok(None));
    for other in ["[7]", "{}", "true"] {
        let text = format!(r#"{{"do":"health","id":{other}}}"#);
        assert_eq!(id(&text), None, "{other}");
        let error = Request::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("`id` is a number or text"), "{error}");
    }
}

#[test]
fn lines_are_written_as_they_are_read() {
    let id = Some(Id::Text("mine".into()));
    let after = Duration::from_millis(1500);
    let event = Event::TimedOut { worker: 3, at: SystemTime::UNIX_EPOCH, after };
    for (line, text) in [
        (Line::Ok { done: Done::Respawn, id: id.clone() }, r#"{"ok":"respawn","id":"mine"}"#),
        (Line::Error { error: "a\nb".into(), id }, r#"{"error":"a\nb","id":"mine"}"#),
        (
            Line::Event { event, pool: 7 },
            r#"{"event":{"TimedOut":{"worker":3,"at":{"secs_since_epoch":0,"nanos_since_epoch":0},"after":{"secs":1,"nanos":500000000}}},"pool":7}"#,
        ),
    ] {
        assert_eq!(line.to_string(), text);
        assert_eq!(serde_json::from_str::<Line>(text).unwrap(), line);
    }
    for unclear in ["{}", r#"{"pool":1}"#, r#"{"ok":"spawn","error":"no"}"#] {
        assert!(serde_json::from_str::<Line>(unclear).is_err(), "{unclear}");
    }
}

fn commands() -> impl Strategy<Value = Command> {
    let (pool, worker) = (any::<u64>(), any::<Option<u64>>());
    prop_oneof![
        Just(Command::Health),
        Just(Command::Events),
        (any::<u64>(), 0..=MOST_WORKERS)
            .prop_map(|(pool, workers)| Command::Spawn { pool, workers }),
        (pool, worker.clone()).prop_map(|(pool, worker)| Command::Respawn { pool, worker }),
        (any::<u64>(), worker).prop_map(|(pool, worker)| Command::Unspawn { pool, worker }),
        any::<u64>().prop_map(|pool| Command::Forgive { pool }),
    ]
}

proptest! {
    #[test]
    fn a_request_is_read_as_it_was_written(command in commands(), id: Option<String>) {
        let request = Request { id: id.map(Id::Text), command };
        let text = request.to_string();
        prop_assert!(!text.contains('\n'));
        prop_assert_eq!(Request::parse(text.as_bytes()).unwrap(), request);
        // Cut anywhere, it is none.
        for end in 0..text.len() {
            prop_assert!(Request::parse(&text.as_bytes()[..end]).is_err());
        }
    }

    #[test]
    fn any_bytes_are_a_request_or_one_line_that_says_why_not(bytes: Vec<u8>) {
        if let Err(refusal) = Request::parse(&bytes) {
            let line = refusal.to_string();
            prop_assert!(!line.contains('\n') && line.len() < 2000);
        }
    }
}
