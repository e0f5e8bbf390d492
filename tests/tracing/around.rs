//! Other kinds of workers, other places, and what surrounds queries.

use pm_runtime::{
    Outbox, OutboxClosed, RawLink, StreamWorker, worker_query, worker_raw, worker_stream,
};
use tracing::{Instrument, Level, debug, info, info_span, subscriber, warn};

use crate::recorder::Recorder;

#[worker_query(workers = 1)]
fn inner() {
    info!("deep down");
}

#[worker_query(workers = 1)]
fn outer() {
    let _between = info_span!("between").entered();
    InnerPool::new().query().wait().unwrap();
}

#[pm_runtime::test]
async fn a_workers_workers_are_heard_too() {
    let recorder = Recorder::new(Level::DEBUG);
    let _default = subscriber::set_default(recorder.clone());
    let pool = OuterPool::new();
    pool.query().instrument(info_span!("caller")).await.unwrap();
    let said = recorder.wait_for("deep down");
    assert_eq!(said.path, ["caller", "query", "run", "between", "query", "run"]);
    assert_eq!(said.target, module_path!());
}

/// More than is read at once.
const LINES: usize = 1000;

#[worker_query(workers = 1)]
fn talkative() {
    for line in 0..LINES {
        info!(line, "from below");
    }
}

/// `shared`: the pool below is still there when this worker ends.
#[worker_query(workers = 1)]
fn between(shared: bool) {
    let pool = if shared { TalkativePool::shared() } else { TalkativePool::new() };
    pool.query().wait().unwrap();
}

#[pm_runtime::test]
async fn when_a_pool_is_destroyed_all_that_its_workers_workers_logged_was_heard() {
    for shared in [false, true] {
        let recorder = Recorder::new(Level::INFO);
        let _default = subscriber::set_default(recorder.clone());
        let pool = BetweenPool::new();
        pool.query(shared).await.unwrap();
        pool.destroy().await;
        recorder.look(|tree| {
            let lines = tree.events.iter().filter(|said| said.message() == "from below");
            assert_eq!(lines.count(), LINES);
        });
    }
}

#[worker_query(workers = 2)]
async fn slow(name: &str) -> usize {
    info!("{name} begins");
    smol::future::yield_now().await;
    info!("{name} ends");
    name.len()
}

#[pm_runtime::test]
async fn a_worker_that_is_a_thread_says_the_same() {
    let recorder = Recorder::new(Level::DEBUG);
    let _default = subscriber::set_default(recorder.clone());
    let pool = SlowPool::in_process();
    pool.query("bob").instrument(info_span!("caller")).await.unwrap();
    for said in ["bob begins", "bob ends"] {
        assert_eq!(recorder.wait_for(said).path, ["caller", "query", "run"]);
    }
    for name in ["query", "queue", "run"] {
        recorder.wait_for_closed(name, 1);
    }
}

#[pm_runtime::test]
async fn queries_that_share_a_thread_keep_apart_what_they_say() {
    let recorder = Recorder::new(Level::DEBUG);
    let _default = subscriber::set_default(recorder.clone());
    for pool in [SlowPool::builder().workers(1).build(), SlowPool::in_process()] {
        let one = pool.query("cleo").instrument(info_span!("caller of cleo"));
        let other = pool.query("dan").instrument(info_span!("caller of dan"));
        let (one, other) = futures::join!(one, other);
        assert_eq!((one, other), (Ok(4), Ok(3)));
        for (said, caller) in [("cleo ends", "caller of cleo"), ("dan ends", "caller of dan")] {
            assert_eq!(recorder.wait_for(said).path, [caller, "query", "run"]);
        }
    }
}

#[worker_stream(workers = 1)]
#[derive(Default)]
struct Talk;

impl StreamWorker for Talk {
    type Input = u32;
    type Output = u32;
    type Error = OutboxClosed;

    async fn write(&mut self, input: u32, out: &Outbox<u32>) -> Result<(), OutboxClosed> {
        info!("heard {input}");
        out.send(input).await
    }
}

#[pm_runtime::test]
async fn a_stream_has_a_span_from_its_opening_to_its_end() {
    let recorder = Recorder::new(Level::DEBUG);
    let _default = subscriber::set_default(recorder.clone());
    let pool = TalkPool::new();
    let mut stream =
        pool.create_stream().into_future().instrument(info_span!("caller")).await.unwrap();
    stream.send(7).await.unwrap();
    assert_eq!(stream.next().await, Some(Ok(7)));
    assert_eq!(recorder.wait_for("heard 7").path, ["caller", "stream", "run"]);
    recorder.look(|tree| assert!(!tree.span("stream").unwrap().is_closed()));
    stream.finish().await.unwrap();
    assert_eq!(stream.next().await, None);
    recorder.wait_for_closed("stream", 1);
    recorder.wait_for_closed("run", 1);
}

#[worker_query(workers = 2)]
fn hear(word: &str) {
    info!("{word}");
}

#[pm_runtime::test]
async fn what_is_broadcast_has_a_span_for_each_worker_that_hears_it() {
    let recorder = Recorder::new(Level::DEBUG);
    let _default = subscriber::set_default(recorder.clone());
    let pool = HearPool::new();
    pool.spawn(2).await.unwrap();
    pool.query("all").broadcast().instrument(info_span!("caller")).await.unwrap();
    for name in ["query", "queue", "run"] {
        recorder.wait_for_closed(name, 2);
    }
    recorder.look(|tree| {
        let said: Vec<_> = tree.events.iter().filter(|said| said.message() == "all").collect();
        assert!(said.iter().all(|said| said.path == ["caller", "query", "run"]), "{said:?}");
        assert_eq!(said.len(), 2);
        let queries = tree.spans.values().filter(|span| span.name == "query");
        let mut workers: Vec<_> = queries.map(|query| &*query.fields["worker"]).collect();
        workers.sort_unstable();
        assert_eq!(workers, ["1", "2"]);
    });
}

#[worker_raw(workers = 1)]
fn parrot(mut link: RawLink) {
    while let Ok(Some(word)) = link.recv_blocking() {
        info!("polly wants {}", String::from_utf8_lossy(&word));
    }
}

#[pm_runtime::test]
async fn what_a_raw_worker_says_belongs_to_no_query() {
    let recorder = Recorder::new(Level::DEBUG);
    let _default = subscriber::set_default(recorder.clone());
    let pool = ParrotPool::new();
    pool.spawn(1).await.unwrap();
    pool.workers()[0].send(b"a cracker").await.unwrap();
    assert!(recorder.wait_for("polly wants a cracker").path.is_empty());
}

fn say_hello() {
    info!("setting up");
}

#[worker_query(workers = 1, init = say_hello)]
fn after_init() {
    info!("set up");
}

/// Hears what only workers say that keep it for themselves.
fn own_subscriber() {
    info!("before there is another one");
    subscriber::set_global_default(Recorder::new(Level::TRACE)).unwrap();
}

#[worker_query(workers = 1, init = own_subscriber)]
fn apart() {
    info!("for itself");
    log::warn!("for all");
}

#[pm_runtime::test]
async fn what_init_says_arrives_and_what_it_sets_stays() {
    let recorder = Recorder::new(Level::DEBUG);
    let _default = subscriber::set_default(recorder.clone());
    AfterInitPool::new().query().await.unwrap();
    assert!(recorder.wait_for("setting up").path.is_empty());
    assert_eq!(recorder.wait_for("set up").path, ["query", "run"]);
    ApartPool::new().query().await.unwrap();
    recorder.wait_for("before there is another one");
    assert_eq!(recorder.wait_for("for all").path.last(), Some(&"run"));
    recorder.wait_for_closed("run", 2);
    recorder.look(|tree| assert!(tree.said("for itself").is_none()));
}

#[worker_query(workers = 1)]
fn mutter() {
    debug!("hardly to be heard");
    info!("not to be missed, it thinks");
    warn!(target: "gossip", "did you know?");
    warn!("to be heard");
}

#[pm_runtime::test]
async fn filters_by_level_and_target_hold_for_workers() {
    let recorder = Recorder::new(Level::WARN).without("gossip");
    let _default = subscriber::set_default(recorder.clone());
    // There has to be something that it belongs to.
    let caller = tracing::error_span!("caller");
    MutterPool::new().query().instrument(caller).await.unwrap();
    assert_eq!(recorder.wait_for("to be heard").path, ["caller"]);
    recorder.look(|tree| {
        let said: Vec<_> = tree.events.iter().map(|said| said.message()).collect();
        assert_eq!(said, ["to be heard"]);
        assert_eq!(tree.spans.len(), 1);
    });
}
