//! Workers that write something else.

use std::io::Write;

use pm_runtime::{Event, worker_query};
use tracing::field::Empty;
use tracing::{Level, info, info_span, subscriber};

use crate::recorder::Recorder;

/// Writes this to every pipe that the worker has, beside its stdio.
#[worker_query(workers = 1)]
fn scribble(bytes: Vec<u8>) -> usize {
    info!("before");
    let mut pipes = 0;
    for entry in std::fs::read_dir("/proc/self/fd").unwrap().flatten() {
        let number: u32 = entry.file_name().to_str().unwrap().parse().unwrap();
        let Ok(link) = std::fs::read_link(entry.path()) else { continue };
        if number > 2 && link.to_str().is_some_and(|link| link.starts_with("pipe:")) {
            let mut pipe = std::fs::OpenOptions::new().write(true).open(entry.path()).unwrap();
            pipe.write_all(&bytes).unwrap();
            pipes += 1;
        }
    }
    info!("after");
    pipes
}

#[pm_runtime::test]
async fn what_is_no_record_is_reported_and_costs_the_worker_nothing_but_its_log() {
    for bytes in [vec![0xff; 3000], vec![0, 0], vec![2, 0, 99, 99], vec![1; 4000]] {
        let recorder = Recorder::new(Level::DEBUG);
        let _default = subscriber::set_default(recorder.clone());
        let pool = ScribblePool::new();
        let mut events = pool.events();
        assert_eq!(pool.query(bytes.clone()).await, Ok(1));
        recorder.wait_for("before");
        loop {
            match events.next().await.unwrap() {
                Event::Reported { text, .. } => {
                    assert_eq!(&*text, "what it wrote for its log is no record");
                    break;
                }
                event => assert!(!matches!(event, Event::Crashed(_)), "{event}"),
            }
        }
        recorder.wait_for_closed("query", 1);
        // The pipe is closed: neither waits for it.
        assert_eq!(pool.query(vec![]).await, Ok(1));
        recorder.wait_for_closed("query", 2);
        recorder.look(|tree| assert!(tree.said("after").is_none()));
    }
}

#[worker_query(workers = 1)]
fn record_on_and_on() {
    let span = info_span!("long", count = Empty);
    for count in 1..=300 {
        span.record("count", count);
    }
    info!("enough");
}

#[pm_runtime::test]
async fn what_is_recorded_of_a_span_has_its_bound() {
    let recorder = Recorder::new(Level::DEBUG);
    let _default = subscriber::set_default(recorder.clone());
    RecordOnAndOnPool::new().query().await.unwrap();
    recorder.wait_for("enough");
    recorder.look(|tree| {
        assert_eq!(tree.span("long").unwrap().fields["count"], "256");
        assert_eq!(tree.events.iter().filter(|said| said.message() == LEFT_OUT).count(), 1);
    });
}

const LEFT_OUT: &str =
    "worker 1: some spans or fields of it are left out: there are too many at once";

#[worker_query(workers = 1)]
fn open_on_and_on(count: u32) {
    let text = "a".repeat(2000);
    let open: Vec<_> = (0..count).map(|_| info_span!("many", text)).collect();
    open.last().unwrap().in_scope(|| info!("in the last one"));
    drop(open);
    info_span!("another", text).in_scope(|| info!("in another one"));
}

#[pm_runtime::test]
async fn what_is_kept_of_open_spans_has_its_bound() {
    let recorder = Recorder::new(Level::DEBUG);
    let _default = subscriber::set_default(recorder.clone());
    OpenOnAndOnPool::new().query(9000).await.unwrap();
    recorder.wait_for("in another one");
    recorder.look(|tree| {
        let many = tree.spans.values().filter(|span| span.name == "many");
        let kept: usize = many.map(|span| span.fields["text"].len()).sum();
        assert!((10 << 20..16 << 20).contains(&kept), "{kept}");
        assert_eq!(tree.said("in the last one").unwrap().path, ["query", "run"]);
        assert_eq!(tree.said("in another one").unwrap().path, ["query", "run", "another"]);
        assert_eq!(tree.events.iter().filter(|said| said.message() == LEFT_OUT).count(), 1);
    });
}
