//! What the code in a worker can know of it, and tell its pool.

use std::marker::PhantomData;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pm_runtime::{Call, Event, MessageError, Pool, QueryError, Retry, worker, worker_query};
use pm_tests::Folder;
use serde::{Deserialize, Serialize};
use smol::future::{poll_once, yield_now};
use smol::stream::StreamExt;

/// What a worker is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Act {
    /// Says so many numbers, from this one on.
    Say(u32, u32),
    /// The same, in another thread, which outlives the query.
    SayLater(u32, u32),
    /// Sends so many messages of so many bytes.
    Flood(u32, usize),
    /// Sends one of so many bytes when the file is there, in another thread.
    FloodLater(usize, String),
    /// Tries to send a number, and returns how that failed.
    SayNumber,
    /// Returns how a message of so many bytes fails.
    SayMuch(usize),
    /// Says what it is at, then kills the worker.
    Die(String),
    /// Says what it is at, where something is to be said, then never returns.
    Stay(Option<String>),
    /// The same in another thread.
    StayBeside(String),
    /// Says what it is at, and returns it.
    At(String),
    /// Reports this.
    Report(String),
    /// The worker's number, whether it is one, and the attempt.
    Itself,
    /// Milliseconds to the deadline.
    TimeLeft,
    /// Creates the file when it begins, and the other one when it is cancelled.
    WaitToBeCancelled(String, String),
}

/// Does what it is asked, between awaits.
async fn act(act: Act) -> String {
    match act {
        Act::Say(first, count) => {
            for n in first..first + count {
                worker::message(format!("{n}")).unwrap();
                yield_now().await;
            }
        }
        Act::SayLater(first, count) => {
            std::thread::spawn(move || {
                for n in first..first + count {
                    // Fails in threads that do not belong to a process of their own.
                    let _ = worker::message(format!("{n}"));
                }
            });
        }
        Act::Flood(count, size) => {
            for _ in 0..count {
                worker::message("x".repeat(size)).unwrap();
            }
        }
        Act::FloodLater(size, go_on) => {
            std::thread::spawn(move || {
                pm_tests::until(|| std::path::Path::new(&go_on).exists());
                worker::message("x".repeat(size)).unwrap();
            });
        }
        Act::SayNumber => return worker::message(7_u32).unwrap_err().to_string(),
        Act::SayMuch(size) => {
            let error = worker::message("x".repeat(size)).unwrap_err();
            assert!(matches!(error, MessageError::TooLarge { .. }), "{error}");
            return error.to_string();
        }
        Act::Die(text) => {
            worker::debug(text);
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)
                .unwrap();
            std::future::pending::<()>().await;
        }
        Act::Stay(text) => {
            if let Some(text) = text {
                worker::debug(text);
            }
            std::future::pending::<()>().await;
        }
        Act::StayBeside(text) => {
            std::thread::spawn(|| worker::debug(text)).join().unwrap();
            std::future::pending::<()>().await;
        }
        Act::At(text) => {
            worker::debug(&text);
            return text;
        }
        Act::Report(text) => worker::report(text),
        Act::Itself => {
            return format!("{:?} {} {}", worker::id(), worker::is_worker(), worker::attempt());
        }
        Act::TimeLeft => {
            return worker::deadline().map_or_else(
                || "none".into(),
                |deadline| (deadline - Instant::now()).as_millis().to_string(),
            );
        }
        Act::WaitToBeCancelled(begun, cancelled) => {
            std::fs::write(begun, "").unwrap();
            while !worker::is_cancelled() {
                std::thread::yield_now();
            }
            std::fs::write(cancelled, "").unwrap();
        }
    }
    String::new()
}

#[worker_query(workers = 1)]
fn talk(what: Act) -> String {
    smol::block_on(act(what))
}

#[worker_query(workers = 1)]
async fn chat(what: Act) -> String {
    act(what).await
}

#[worker_query(workers = 1, concurrency = 4)]
fn talk_at_once(what: Act) -> String {
    smol::block_on(act(what))
}

/// A call whose messages are sent on.
fn overheard<T>(call: Call<T>) -> (Call<T>, Receiver<String>) {
    let (sender, heard) = mpsc::channel();
    (call.on_message(move |text| drop(sender.send(text))), heard)
}

fn numbers(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|n| n.to_string()).collect()
}

#[pm_runtime::test]
async fn a_query_s_messages_come_in_order_and_before_its_answer() {
    let calls = [
        TalkPool::new().query(Act::Say(0, 1000)),
        TalkPool::in_process().query(Act::Say(0, 1000)),
        ChatPool::new().query(Act::Say(0, 1000)),
        ChatPool::in_process().query(Act::Say(0, 1000)),
        TalkPool::new().query(Act::Say(0, 1000)).temporary(),
    ];
    for call in calls {
        let (call, heard) = overheard(call);
        call.await.unwrap();
        assert_eq!(heard.try_iter().collect::<Vec<_>>(), numbers(0..1000));
    }
}

#[pm_runtime::test]
async fn messages_are_heard_while_the_query_runs() {
    let (call, heard) = overheard(ChatPool::new().query(Act::Say(0, u32::MAX)));
    let mut call = Box::pin(call);
    // It has no end, so nobody who waits for it would hear anything.
    let listener = std::thread::spawn(move || heard.iter().take(10).collect::<Vec<_>>());
    while !listener.is_finished() {
        assert!(poll_once(&mut call).await.is_none());
    }
    assert_eq!(listener.join().unwrap(), numbers(0..10));
}

#[pm_runtime::test]
async fn queries_beside_each_other_are_told_apart() {
    let asynchronous = [ChatPool::new(), ChatPool::in_process()];
    let asynchronous = asynchronous.iter().map(|pool| {
        let calls = (0..4).map(|i| overheard(pool.query(Act::Say(1000 * i, 300))));
        calls.collect::<Vec<_>>()
    });
    let threads = [TalkAtOncePool::new(), TalkAtOncePool::in_process()];
    let threads = threads.iter().map(|pool| {
        let calls = (0..4).map(|i| overheard(pool.query(Act::Say(1000 * i, 300))));
        calls.collect::<Vec<_>>()
    });
    for calls in asynchronous.chain(threads) {
        let running: Vec<_> =
            calls.into_iter().map(|(call, heard)| (smol::spawn(call), heard)).collect();
        for (i, (call, heard)) in (0..).zip(running) {
            call.await.unwrap();
            let heard: Vec<_> = heard.try_iter().collect();
            assert_eq!(heard, numbers(1000 * i..1000 * i + 300));
        }
    }
}

#[pm_runtime::test]
async fn however_many_speak_as_they_come_and_go_none_is_taken_for_another() {
    let pool = ChatPool::builder().concurrency(16).build();
    let calls = (0..30_000).map(|i| pool.query(Act::Say(i, 1 + i % 3)));
    let mut calls = futures::StreamExt::buffer_unordered(futures::stream::iter(calls), 48);
    while let Some(answer) = futures::StreamExt::next(&mut calls).await {
        assert_eq!(answer.as_deref(), Ok(""));
    }
}

#[pm_runtime::test]
async fn a_thread_that_runs_no_query_is_heard_by_the_pool_only_even_by_an_idle_one() {
    let pool = TalkPool::new();
    let (sender, heard) = mpsc::channel();
    pool.on_message(move |worker, text| drop(sender.send((worker.id(), text))));
    let (call, by_caller) = overheard(pool.query(Act::SayLater(0, 20_000)));
    call.await.unwrap();
    for n in numbers(0..20_000) {
        assert_eq!(heard.recv(), Ok((1, n)), "nobody asks the worker for anything");
    }
    assert_eq!(by_caller.try_iter().count(), 0);
    assert_eq!(pool.health().missed, 0);
}

#[pm_runtime::test]
fn no_message_of_an_idle_worker_is_left_lying() {
    let pool = TalkPool::new();
    let (sender, heard) = mpsc::channel();
    pool.on_message(move |_, text| sender.send(text).unwrap());
    // Each flock ends with a message that nothing follows.
    for _ in 0..300 {
        pool.query(Act::SayLater(0, 20)).wait().unwrap();
        for n in numbers(0..20) {
            assert_eq!(heard.recv(), Ok(n), "nobody asks the worker for anything");
        }
    }
}

#[pm_runtime::test]
async fn a_message_of_an_idle_worker_arrives_however_long_it_is() {
    let folder = Folder::new("idle");
    let pool = TalkPool::new();
    let (sender, heard) = mpsc::channel();
    pool.on_message(move |_, text| sender.send(text.len()).unwrap());
    pool.query(Act::FloodLater(20 << 20, folder.file("go"))).await.unwrap();
    std::fs::write(folder.file("go"), "").unwrap();
    assert_eq!(heard.recv(), Ok(20 << 20), "many times what the system keeps");
}

/// A type that is nobody's business, and that no other thread may have.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Progress {
    done: u32,
    #[serde(skip)]
    here: PhantomData<*const ()>,
}

#[worker_query(workers = 1, message = Progress)]
fn progress(rounds: u32) -> Result<u32, String> {
    for done in 1..=rounds {
        worker::message(Progress { done, here: PhantomData }).map_err(|error| error.to_string())?;
    }
    let text = worker::message("text").unwrap_err().to_string();
    assert!(text.contains("Progress") && text.contains("&str"), "{text}");
    Ok(rounds)
}

struct Counter;

#[worker_query(init = || Counter, message = Option<Self>)]
impl Counter {
    fn speak(&self) {
        worker::message(Some(Counter)).expect("the type is right");
    }

    async fn speak_later(&self) {
        yield_now().await;
        worker::message::<Option<Counter>>(None).expect("the type is right");
    }

    /// Called as every pool's way to hear messages is.
    fn on_message(&self, text: &str) -> String {
        text.to_uppercase()
    }
}

impl Serialize for Counter {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

impl<'de> Deserialize<'de> for Counter {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <()>::deserialize(deserializer).map(|()| Self)
    }
}

#[pm_runtime::test]
async fn messages_may_be_of_any_type_all_the_way() {
    fn is_send<T: Send>(call: T) -> T {
        call
    }
    for pool in [ProgressPool::new(), ProgressPool::in_process()] {
        let (by_caller, by_pool) = (Arc::new(Mutex::new(Vec::new())), mpsc::channel());
        pool.on_message(move |worker, Progress { done, .. }| {
            by_pool.0.send((worker.id(), done)).unwrap();
        });
        let call: Call<Result<u32, String>, Progress> = pool.query(3).on_message({
            let by_caller = by_caller.clone();
            move |progress| by_caller.lock().unwrap().push(progress.done)
        });
        assert_eq!(is_send(call).await, Ok(Ok(3)));
        assert_eq!(*by_caller.lock().unwrap(), [1, 2, 3]);
        assert_eq!(by_pool.1.iter().take(3).collect::<Vec<_>>(), [(1, 1), (1, 2), (1, 3)]);
        let results: Vec<_> = is_send(pool.map([1, 2])).try_collect().await.unwrap();
        assert_eq!(results, [Ok(1), Ok(2)]);
        assert_eq!(is_send(pool.query(2).retry(Retry::times(1))).await, Ok(Ok(2)));
    }
}

#[pm_runtime::test]
async fn a_service_has_messages_of_its_own_type_and_may_call_a_query_as_it_likes() {
    let pool = CounterPool::new();
    let (sender, heard) = mpsc::channel();
    let by_pool = sender.clone();
    (*pool)
        .on_message(move |_, message: Option<Counter>| by_pool.send(message.is_some()).unwrap())
        .unwrap();
    assert!(pool.speak().await.is_ok());
    assert_eq!(heard.recv(), Ok(true));
    pool.speak_later().on_message(move |m| sender.send(m.is_some()).unwrap()).await.unwrap();
    assert_eq!((heard.recv(), heard.recv()), (Ok(false), Ok(false)));
    assert_eq!(pool.on_message("loud").await.as_deref(), Ok("LOUD"));
}

#[pm_runtime::test]
async fn a_message_of_another_type_is_an_error_that_names_both() {
    let pool = TalkPool::new();
    let (call, heard) = overheard(pool.query(Act::SayNumber));
    let error = call.await.unwrap();
    for part in ["`talk`", "`u32`", "`alloc::string::String`", "message = u32"] {
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(heard.try_iter().count(), 0);
    let untyped: &Pool = &pool;
    let error = untyped.on_message(|_, _: u8| ()).unwrap_err();
    assert!(matches!(error, MessageError::WrongType { given: "u8", .. }), "{error}");
}

#[pm_runtime::test]
async fn a_message_larger_than_max_frame_is_an_error_and_one_exactly_so_large_passes() {
    let pool = TalkPool::builder().max_frame(100).build();
    // Text is encoded with eight bytes for its length.
    let error = pool.query(Act::SayMuch(93)).await.unwrap();
    assert!(error.contains("101 bytes, and `max_frame` is 100 (100 B)"), "{error}");
    let (call, heard) = overheard(pool.query(Act::Flood(1, 92)));
    call.await.unwrap();
    assert_eq!(heard.try_iter().map(|text| text.len()).collect::<Vec<_>>(), [92]);
}

#[pm_runtime::test]
async fn a_flood_that_nobody_hears_delays_nothing_and_is_counted() {
    let pool = TalkPool::builder().workers(2).build();
    let flood = smol::spawn(pool.query(Act::Flood(100_000, 100)));
    assert!(pool.query(Act::Itself).await.is_ok());
    flood.await.unwrap();
    assert_eq!(pool.health().missed, 100_000);
}

#[pm_runtime::test]
async fn a_caller_that_is_slow_loses_what_has_no_room_and_that_is_counted() {
    let folder = Folder::new("slow");
    let (begun, end) = (folder.file("begun"), folder.file("end"));
    let pool = TalkPool::new();
    // The flood waits behind it.
    let mut first = Box::pin(pool.query(Act::WaitToBeCancelled(begun, end)));
    assert!(poll_once(&mut first).await.is_none());
    let (call, heard) = overheard(pool.query(Act::Flood(100_000, 100)));
    let mut call = Box::pin(call);
    assert!(poll_once(&mut call).await.is_none());
    drop(first);
    while pool.health().account.completed == 0 {
        std::thread::yield_now();
    }
    call.await.unwrap();
    let heard = heard.try_iter().count() as u64;
    assert!((1000..100_000).contains(&heard), "{heard}");
    assert_eq!(pool.health().missed, 100_000 - heard);
}

#[pm_runtime::test]
async fn a_flood_without_end_keeps_no_timer_and_no_death_from_being_heard() {
    let flood = || Act::Flood(u32::MAX, 10);
    let pool = TalkPool::builder().timeout(Duration::from_millis(100)).build();
    let error = pool.query(flood()).await.unwrap_err();
    assert!(matches!(error, QueryError::TimedOut { .. }), "{error}");
    let pool = TalkPool::new();
    let flooded = smol::spawn(pool.query(flood()));
    pm_tests::until_begun(&pool, 1).await;
    pm_tests::kill(pool.workers()[0].pid(), rustix::process::Signal::KILL);
    assert!(matches!(flooded.await, Err(QueryError::Crashed(_))));
}

#[pm_runtime::test]
async fn the_last_debug_text_is_known_even_of_a_worker_that_is_killed_right_after() {
    for i in 0..20 {
        let text = format!("turn {i}\x1b[2J");
        let report = match TalkPool::new().query(Act::Die(text.clone())).await {
            Err(QueryError::Crashed(report)) => report,
            other => panic!("{other:?}"),
        };
        assert_eq!(report.debug.as_ref(), Some(&text));
        let shown = report.to_string();
        assert!(shown.contains(&format!("its last debug text: turn {i}\\u{{1b}}[2J")), "{shown}");
    }
}

#[pm_runtime::test]
async fn a_query_that_times_out_shows_what_it_said_itself() {
    let limit = Duration::from_secs(1);
    let debug_of = |error: Result<String, QueryError>| match error {
        Err(QueryError::TimedOut { debug, .. }) => debug.map(|text| text.to_string()),
        other => panic!("{other:?}"),
    };
    for pool in [ChatPool::new(), ChatPool::in_process()] {
        let calls = [Some("a"), None, Some("b")]
            .map(|text| smol::spawn(pool.query(Act::Stay(text.map(str::to_owned))).timeout(limit)));
        let mut said = Vec::new();
        for call in calls {
            said.push(debug_of(call.await));
        }
        assert_eq!(said, [Some("a".into()), None, Some("b".into())]);
    }
    let pool = TalkPool::new();
    pool.query(Act::At("before".into())).await.unwrap();
    let stay = |text: Option<&str>| pool.query(Act::Stay(text.map(str::to_owned)));
    assert_eq!(debug_of(stay(None).timeout(limit).await), None, "another query's");
    assert_eq!(debug_of(stay(Some("x\ny")).timeout(limit).await).as_deref(), Some("x\ny"));
    let beside = pool.query(Act::StayBeside("a helper".into())).timeout(limit).await;
    let shown = beside.as_ref().unwrap_err().to_string();
    assert!(shown.ends_with("its last debug text: a helper"), "{shown}");
    assert_eq!(debug_of(beside).as_deref(), Some("a helper"));
}

#[pm_runtime::test]
async fn a_worker_s_debug_text_can_be_asked_for_and_is_bounded() {
    let pool = TalkPool::builder().max_frame(100).build();
    let worker = pool.spawn_one().await.unwrap();
    assert_eq!(worker.debug_text(), None);
    pool.query(Act::At("one".into())).await.unwrap();
    assert_eq!(worker.debug_text().as_deref(), Some("one"));
    let pool = TalkPool::new();
    let long = format!("{}the end", "é".repeat(100_000));
    pool.query(Act::At(long.clone())).await.unwrap();
    let worker = pool.acquire().unwrap();
    let kept = worker.debug_text().unwrap();
    assert!(long.ends_with(&*kept) && kept.len() > 32_000 && kept.len() <= 32 << 10);
    pool.destroy().await;
    assert_eq!(worker.debug_text(), None, "it is gone");
}

#[pm_runtime::test]
async fn reports_and_messages_are_events() {
    let pool = TalkPool::new();
    let mut events = pool.events();
    pool.query(Act::Report("a loss\n".into())).await.unwrap();
    pool.query(Act::Say(1, 1)).await.unwrap();
    pool.query(Act::Report("long ".repeat(10_000))).await.unwrap();
    let told = |event: &Event| matches!(event, Event::Reported { .. } | Event::Message { .. });
    let told: Vec<_> = (&mut events).filter(told).take(3).collect().await;
    assert!(told.iter().all(|event| event.worker() == Some(1) && event.at().is_some()));
    match &told[..] {
        [
            Event::Reported { text: first, .. },
            Event::Message { size, .. },
            Event::Reported { text: second, .. },
        ] => assert_eq!((&**first, *size, second.len()), ("a loss\n", 9, 4096)),
        other => panic!("{other:?}"),
    }
}

#[pm_runtime::test]
async fn a_worker_knows_itself() {
    for pool in [TalkPool::new(), TalkPool::in_process()] {
        assert_eq!(pool.query(Act::Itself).await.as_deref(), Ok("Some(1) true 1"));
        pool.respawn().await.unwrap();
        assert_eq!(pool.query(Act::Itself).await.as_deref(), Ok("Some(2) true 1"));
    }
}

#[test]
fn outside_a_worker_all_is_harmless() {
    assert_eq!((worker::id(), worker::is_worker(), worker::attempt()), (None, false, 1));
    assert_eq!((worker::deadline(), worker::is_cancelled()), (None, false));
    assert_eq!(worker::message("to nobody"), Err(MessageError::NoWorker));
    worker::debug("nothing");
    worker::report("nothing");
}

#[pm_runtime::test]
async fn the_deadline_is_that_of_the_query() {
    let limit = Duration::from_secs(1000);
    for pool in [
        ChatPool::builder().timeout(limit).build(),
        ChatPool::builder().timeout(limit).in_process().build(),
    ] {
        let left = async |call: Call<String>| call.await.unwrap().parse::<u64>().ok();
        let usual = left(pool.query(Act::TimeLeft)).await;
        assert!(usual.is_some_and(|left| left <= 1_000_000), "{usual:?}");
        let short = left(pool.query(Act::TimeLeft).timeout(Duration::from_secs(100))).await;
        assert!(short.is_some_and(|left| left <= 100_000), "{short:?}");
        assert_eq!(left(pool.query(Act::TimeLeft).timeout(None)).await, None);
        let usual = left(pool.query(Act::TimeLeft)).await;
        assert!(usual.is_some_and(|left| left > 100_000), "{usual:?}");
    }
}

#[pm_runtime::test]
async fn a_query_that_blocks_can_see_that_nobody_waits_for_it() {
    let folder = Folder::new("cancelled");
    for (i, pool) in [TalkPool::new(), TalkPool::in_process()].iter().enumerate() {
        let (begun, end) = (folder.file(&format!("begun-{i}")), folder.file(&format!("end-{i}")));
        let mut call = Box::pin(pool.query(Act::WaitToBeCancelled(begun.clone(), end.clone())));
        assert!(poll_once(&mut call).await.is_none());
        pm_tests::until(|| std::path::Path::new(&begun).exists());
        drop(call);
        pm_tests::until(|| std::path::Path::new(&end).exists());
        assert!(pool.query(Act::Itself).await.is_ok());
    }
}

static INIT_SAID: &str = "from init";

fn announce() {
    worker::message(INIT_SAID).unwrap();
    worker::debug("setting up");
    worker::report(format_args!("worker {:?} sets up", worker::id()));
}

#[worker_query(workers = 1, init = announce)]
fn idle() {}

#[pm_runtime::test]
async fn init_may_speak_before_the_worker_is_ready() {
    for pool in [IdlePool::new(), IdlePool::in_process()] {
        let (sender, heard) = mpsc::channel();
        pool.on_message(move |worker, text| drop(sender.send((worker.id(), text))));
        let mut events = pool.events();
        let worker = pool.spawn_one().await.unwrap();
        assert_eq!(heard.recv(), Ok((1, INIT_SAID.into())));
        let reported = events.find(|event| matches!(event, Event::Reported { .. })).await;
        match reported {
            Some(Event::Reported { text, .. }) => assert_eq!(&*text, "worker Some(1) sets up"),
            other => panic!("{other:?}"),
        }
        assert_eq!(worker.debug_text().as_deref(), Some("setting up"));
    }
}
