//! A trace crosses the boundary of processes.

use pm_runtime::worker_query;
use tracing::{Instrument, Level, info, info_span, subscriber};

use crate::recorder::Recorder;

#[worker_query(workers = 1)]
fn greet(name: &str) -> usize {
    let span = info_span!("greeting", name, length = tracing::field::Empty);
    let _inside = span.enter();
    tracing::info!(loud = true, "hello {name}");
    log::warn!(target: "manners", "and no bow");
    span.record("length", name.len());
    name.len()
}

#[pm_runtime::test]
async fn what_a_worker_says_stands_below_its_callers_span() {
    let recorder = Recorder::new(Level::DEBUG);
    let _default = subscriber::set_default(recorder.clone());
    let pool = GreetPool::new();
    let answer = pool.query("ann").instrument(info_span!("caller")).await;
    assert_eq!(answer, Ok(3));
    let said = recorder.wait_for("hello ann");
    assert_eq!(said.path, ["caller", "query", "run", "greeting"]);
    assert_eq!((said.level, said.target.as_str()), (Level::INFO, module_path!()));
    assert_eq!(said.fields["loud"], "true");
    assert!(said.file.unwrap().ends_with("crossing.rs"));
    let logged = recorder.wait_for("and no bow");
    assert_eq!(logged.path, ["caller", "query", "run", "greeting"]);
    assert_eq!((logged.level, logged.target.as_str()), (Level::WARN, "manners"));
    for name in ["caller", "query", "queue", "run", "greeting"] {
        recorder.wait_for_closed(name, 1);
    }
    recorder.look(|tree| {
        let fields = |name: &str| tree.span(name).unwrap().fields.clone();
        assert_eq!(fields("greeting")["length"], "3");
        let query = fields("query");
        assert_eq!((&*query["pool"], &*query["query"]), ("greet", "greet"));
        assert_eq!((&*query["worker"], &*query["outcome"]), ("1", "answered"));
        assert_eq!(fields("run")["attempt"], "1");
        let queue = tree.span("queue").unwrap();
        assert_eq!(tree.path(queue.parent), ["caller", "query"]);
    });
    pool.destroy().await;
}

#[worker_query(workers = 1)]
fn values() {
    let (first, second) = (info_span!("first"), info_span!("second"));
    second.follows_from(&first);
    tracing::info!(
        yes = true,
        minus = -1,
        plus = u64::MAX,
        huge = u128::MAX,
        half = 0.5,
        text = "a \"b\"",
        list = ?[1, 2],
        shown = %"c",
        nothing = tracing::field::Empty,
        "all kinds"
    );
}

#[pm_runtime::test]
async fn values_arrive_as_what_they_are_and_spans_follow() {
    let recorder = Recorder::new(Level::DEBUG);
    let _default = subscriber::set_default(recorder.clone());
    ValuesPool::new().query().await.unwrap();
    let fields = recorder.wait_for("all kinds").fields;
    let (plus, huge) = (u64::MAX.to_string(), u128::MAX.to_string());
    let expected = [
        ("half", "0.5"),
        ("huge", &huge),
        ("list", "[1, 2]"),
        ("message", "all kinds"),
        ("minus", "-1"),
        ("plus", &plus),
        ("shown", "c"),
        ("text", "a \"b\""),
        ("yes", "true"),
    ];
    let fields: Vec<_> = fields.iter().map(|(name, text)| (&**name, &**text)).collect();
    assert_eq!(fields, expected);
    recorder.look(|tree| {
        let first = tree.spans.iter().find(|(_, span)| span.name == "first").unwrap().0;
        assert_eq!(tree.span("second").unwrap().follows, [*first]);
    });
}

#[rustfmt::skip]
fn say_forty() {
    info!(
        f00 = 0, f01 = 1, f02 = 2, f03 = 3, f04 = 4, f05 = 5, f06 = 6, f07 = 7, f08 = 8, f09 = 9,
        f10 = 0, f11 = 1, f12 = 2, f13 = 3, f14 = 4, f15 = 5, f16 = 6, f17 = 7, f18 = 8, f19 = 9,
        f20 = 0, f21 = 1, f22 = 2, f23 = 3, f24 = 4, f25 = 5, f26 = 6, f27 = 7, f28 = 8, f29 = 9,
        f30 = 0, f31 = 1, f32 = 2, f33 = 3, f34 = 4, f35 = 5, f36 = 6, f37 = 7, f38 = 8, f39 = 9,
        "forty"
    );
}

#[worker_query(workers = 1)]
fn many_fields() {
    say_forty();
}

#[pm_runtime::test]
async fn as_many_fields_arrive_as_there_are() {
    let recorder = Recorder::new(Level::INFO);
    let _default = subscriber::set_default(recorder.clone());
    ManyFieldsPool::new().query().await.unwrap();
    let said = recorder.wait_for("forty");
    assert_eq!(said.fields.len(), 41, "{:?}", said.fields);
    assert_eq!(said.fields["f39"], "9");
}

#[worker_query(workers = 1)]
fn long_and_short() {
    info!(first = "a".repeat(5000), user = "ann", number = 7, second = "b".repeat(5000), "told");
}

#[pm_runtime::test]
async fn long_fields_are_cut_and_say_so_and_leave_room_for_short_ones() {
    let recorder = Recorder::new(Level::INFO);
    let _default = subscriber::set_default(recorder.clone());
    LongAndShortPool::new().query().await.unwrap();
    let fields = recorder.wait_for("told").fields;
    assert_eq!((&*fields["user"], &*fields["number"]), ("ann", "7"));
    for (field, letter) in [("first", 'a'), ("second", 'b')] {
        let text = fields[field].strip_suffix("… (cut)").unwrap();
        assert!(text.len() > 1500 && text.chars().all(|c| c == letter), "{text}");
    }
}
