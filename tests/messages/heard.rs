//! What is said is heard by those whom it concerns, in order.

use super::*;

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
