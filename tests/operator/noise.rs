//! Anything at all that is sent to a socket.

use std::io::Write;

use pm_runtime::operator::protocol::{Line, Request};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::program::{Place, Program};

const NAMES: &[&str] =
    &["do", "pool", "worker", "workers", "id", "health", "respawn", "events", "x"];

const REQUESTS: &[&str] = &[
    r#"{"do":"health"}"#,
    r#"{"do":"respawn","pool":1,"worker":1,"id":"x"}"#,
    r#"{"do":"spawn","pool":1,"workers":4}"#,
    r#"{"do":"unspawn","pool":1}"#,
];

/// Something like a value of JSON.
fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<i64>().prop_map(|n| n.to_string()),
        any::<f64>().prop_map(|n| n.to_string()),
        prop::sample::select(NAMES).prop_map(|name| format!("{name:?}")),
        any::<String>().prop_map(|text| format!("{text:?}")),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let key = prop::sample::select(NAMES);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec((key, inner), 0..5).prop_map(|fields| {
                let fields: Vec<_> =
                    fields.into_iter().map(|(key, value)| format!("{key:?}:{value}")).collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    })
}

/// A request, cut somewhere, with something in the middle of it.
fn maimed() -> impl Strategy<Value = Vec<u8>> {
    (prop::sample::select(REQUESTS), any::<prop::sample::Index>(), any::<Option<u8>>()).prop_map(
        |(request, at, byte)| {
            let (start, end) = request.as_bytes().split_at(at.index(request.len()));
            match byte {
                Some(byte) => [start, &[byte], &end[1..]].concat(),
                None => start.to_vec(),
            }
        },
    )
}

fn line() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<Vec<u8>>(),
        value().prop_map(String::into_bytes),
        maimed(),
        (1..2000_usize).prop_map(|depth| "[".repeat(depth).into_bytes()),
        (1..200_usize).prop_map(|depth| "{\"id\":".repeat(depth).into_bytes()),
    ]
}

/// Whether it would be obeyed.
fn is_request(line: &[u8]) -> bool {
    line.trim_ascii_start().first() == Some(&b'{')
        && serde_json::from_slice::<Request>(line).is_ok()
}

#[test]
fn whatever_is_no_request_gets_one_line_and_changes_nothing() {
    let place = Place::new("noise");
    let program = Program::start(&place);
    let mut observer = program.client();
    let before = observer.state();
    let lines = prop::collection::vec(line(), 1..20);
    let config = Config { failure_persistence: None, ..Config::with_cases(300) };
    let result = TestRunner::new(config).run(&(lines, any::<bool>()), |(lines, ends)| {
        let sent = lines.join(&b'\n');
        let lines: Vec<&[u8]> = sent.split(|&byte| byte == b'\n').collect();
        prop_assume!(!lines.iter().any(|line| is_request(line)));
        // The end of the last line may be missing: then it is one if there is anything in it.
        let expected =
            lines.len() - usize::from(!ends && lines.last().is_some_and(|l| l.is_empty()));
        let mut client = program.client();
        client.stream.write_all(&sent).unwrap();
        if ends {
            client.stream.write_all(b"\n").unwrap();
        }
        let answers = client.rest();
        prop_assert!(answers.iter().all(|line| matches!(line, Line::Error { .. })), "{answers:?}");
        prop_assert_eq!(answers.len(), expected);
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
    let after = observer.state();
    let known = |state: &pm_runtime::operator::protocol::ApplicationState| -> Vec<_> {
        let of_pool = |pool: &pm_runtime::operator::protocol::PoolState| {
            let workers: Vec<_> = pool.health.workers.iter().map(|worker| worker.id).collect();
            (pool.id, workers, pool.health.account, pool.health.crashes)
        };
        state.pools.iter().map(of_pool).collect()
    };
    assert_eq!(known(&before), known(&after));
}
