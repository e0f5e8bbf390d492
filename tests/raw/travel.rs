//! What holds whatever way messages travel: through shared memory, over sockets, or to threads.

use std::collections::BTreeSet;

use futures::future::join_all;
use pm_tests::suite;

use super::*;

suite! {
    what_is_sent_comes_back_whatever_its_size
    what_was_sent_before_it_was_ready_comes
    a_worker_that_never_reads_holds_up_its_sender_and_no_other
    a_pool_that_never_reads_holds_up_its_worker_and_no_other
    each_message_goes_to_one_of_those_who_wait
    a_wait_that_is_given_up_takes_no_message_along
    a_released_worker_hears_what_was_sent_and_then_the_end
    a_function_without_async_does_the_same
    a_function_that_returns_ends_its_worker_well
    an_error_of_the_function_is_a_crash
    a_panic_of_the_function_is_a_crash
    messages_may_have_types
    a_message_that_is_too_large_is_refused_and_the_next_one_is_not
    the_halves_of_a_link_serve_two_threads
    who_drops_the_receiving_half_hears_nothing_and_holds_up_nobody
    what_the_function_says_beside_its_link_is_heard
}

async fn what_is_sent_comes_back_whatever_its_size(over: Over) {
    let pool = pool!(ActorPool over over);
    let worker = pool.spawn_one().await.unwrap();
    for size in [0, 1, 7, 8, 100, 16 << 10, (16 << 10) + 1, 100_000, 300_000, 3 << 20] {
        let bytes: Vec<u8> = (0..size).map(|i| i as u8 | 0x80).collect();
        worker.send(&bytes).await.unwrap();
        assert!(worker.recv().await.unwrap() == Some(bytes), "{size}");
    }
}

async fn what_was_sent_before_it_was_ready_comes(over: Over) {
    let pool = pool!(ActorPool over over);
    let spawn = pool.spawn(1);
    let mut spawn = std::pin::pin!(spawn);
    assert!(poll_once(&mut spawn).await.is_none_or(|ready| ready.is_ok()));
    let worker = pool.workers().remove(0);
    assert_eq!(ask(&worker, "id").await, worker.id().to_string());
}

async fn a_worker_that_never_reads_holds_up_its_sender_and_no_other(over: Over) {
    let pool = pool!(ActorPool over over, window = 4, grace = Duration::ZERO);
    pool.spawn(2).await.unwrap();
    let [deaf, other] = pool.workers().try_into().unwrap();
    assert_eq!(ask(&deaf, "stay for ever").await, "staying");
    let mut sent = 0;
    while deaf.try_send("x").is_ok() {
        sent += 1;
    }
    assert!((1..=4).contains(&sent), "{sent}");
    assert_eq!(deaf.try_send("x"), Err(RawError::Full));
    assert!(poll_once(deaf.send("x")).await.is_none());
    for _ in 0..100 {
        assert_eq!(ask(&other, "id").await, other.id().to_string());
    }
}

async fn a_pool_that_never_reads_holds_up_its_worker_and_no_other(over: Over) {
    let pool = pool!(ActorPool over over, window = 4);
    pool.spawn(2).await.unwrap();
    let [unread, other] = pool.workers().try_into().unwrap();
    unread.send("count 1000").await.unwrap();
    for _ in 0..100 {
        assert_eq!(ask(&other, "id").await, other.id().to_string());
    }
    for i in 0..1000 {
        assert_eq!(reply(&unread).await, Some(i.to_string()));
    }
}

async fn each_message_goes_to_one_of_those_who_wait(over: Over) {
    let pool = pool!(ActorPool over over);
    let worker = pool.spawn_one().await.unwrap();
    let waits = (0..10).map(|_| async {
        let mut heard = Vec::new();
        for _ in 0..100 {
            heard.push(reply(&worker).await.unwrap());
            smol::future::yield_now().await;
        }
        heard
    });
    worker.send("count 1000").await.unwrap();
    let heard: Vec<String> = join_all(waits).await.concat();
    let all: BTreeSet<usize> = heard.iter().map(|number| number.parse().unwrap()).collect();
    assert_eq!((heard.len(), all), (1000, (0..1000).collect()));
}

async fn a_wait_that_is_given_up_takes_no_message_along(over: Over) {
    let pool = pool!(ActorPool over over);
    let worker = pool.spawn_one().await.unwrap();
    for i in 0..300_u32 {
        let early = poll_once(worker.recv()).await;
        assert!(early.is_none(), "{early:?}");
        worker.send(i.to_string()).await.unwrap();
        match poll_once(reply(&worker)).await {
            Some(early) => assert_eq!(early, Some(i.to_string())),
            None => assert_eq!(reply(&worker).await, Some(i.to_string())),
        }
    }
}

async fn a_released_worker_hears_what_was_sent_and_then_the_end(over: Over) {
    let pool = pool!(ActorPool over over);
    let worker = pool.spawn_one().await.unwrap();
    for i in 0..100 {
        worker.send(i.to_string()).await.unwrap();
    }
    pool.unspawn().await;
    assert_eq!(worker.send("more").await, Err(RawError::WorkerGone));
    for i in 0..100 {
        assert_eq!(reply(&worker).await, Some(i.to_string()));
    }
    assert_eq!(reply(&worker).await, None);
    assert_eq!(reply(&worker).await, None);
    assert_eq!(worker.state(), WorkerState::Gone);
    assert_eq!(pool.health().crashes, 0);
}

async fn a_function_without_async_does_the_same(over: Over) {
    let pool = pool!(BlockingPool over over);
    let worker = pool.spawn_one().await.unwrap();
    for size in [0, 1, 100_000, 3 << 20] {
        let bytes = vec![5; size];
        worker.send(&bytes).await.unwrap();
        assert!(worker.recv().await.unwrap() == Some(bytes), "{size}");
    }
    worker.send("wait").await.unwrap();
    pool.destroy().await;
    assert_eq!(reply(&worker).await.as_deref(), Some("wait"));
    assert_eq!(reply(&worker).await, None);
    assert_eq!(pool.health().crashes, 0);
}

async fn a_function_that_returns_ends_its_worker_well(over: Over) {
    let pool = pool!(ActorPool over over);
    pool.spawn(2).await.unwrap();
    let [ends, stays] = pool.workers().try_into().unwrap();
    ends.send("count 100").await.unwrap();
    ends.send("return").await.unwrap();
    for i in 0..100 {
        assert_eq!(reply(&ends).await, Some(i.to_string()));
    }
    assert_eq!(reply(&ends).await, None);
    let ids: Vec<u64> = pool.workers().iter().map(Worker::id).collect();
    assert_eq!(ids, [stays.id()], "nobody takes its place");
    let health = pool.health();
    assert_eq!((health.crashes, health.restarts), (0, 0));
}

async fn an_error_of_the_function_is_a_crash(over: Over) {
    let pool = pool!(ActorPool over over);
    let worker = pool.spawn_one().await.unwrap();
    worker.send("count 3").await.unwrap();
    worker.send("fail the \x1b[31mvolcano").await.unwrap();
    for i in 0..3 {
        assert_eq!(reply(&worker).await, Some(i.to_string()));
    }
    let Err(RawError::Crashed(report)) = worker.recv().await else { panic!("it has crashed") };
    assert_eq!(report.cause, CrashCause::Failed("the \x1b[31mvolcano".into()));
    let said = report.to_string();
    assert!(said.contains("ended with an error of its function: the \\u{1b}[31mvolcano"), "{said}");
    pool.spawn(1).await.unwrap();
    let [next] = pool.workers().try_into().unwrap();
    assert_eq!(ask(&next, "id").await, next.id().to_string());
    assert_eq!(pool.health().crashes, 1);
}

async fn a_panic_of_the_function_is_a_crash(over: Over) {
    let pool = pool!(ActorPool over over);
    let worker = pool.spawn_one().await.unwrap();
    worker.send("panic at the disco").await.unwrap();
    let Err(RawError::Crashed(report)) = worker.recv().await else { panic!("it has crashed") };
    assert_eq!(report.cause, CrashCause::Died);
    let panic = report.panic.as_deref().unwrap();
    assert!(panic.starts_with("at the disco"), "{panic}");
    if over != Over::Threads {
        assert_eq!(report.exit, Exit::Code(101));
    }
    assert_eq!(worker.send("x").await, Err(RawError::Crashed(report)));
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Sum {
    of: Vec<u32>,
    sum: u64,
}

/// Adds up.
#[worker_raw(workers = 1)]
async fn add(mut link: RawLink<Vec<u32>, Sum>) -> Result<(), RawError> {
    while let Some(of) = link.recv().await? {
        let sum = of.iter().copied().map(u64::from).sum();
        link.send(&Sum { of, sum }).await?;
    }
    Ok(())
}

async fn messages_may_have_types(over: Over) {
    let pool = pool!(AddPool over over);
    let worker = pool.spawn_one().await.unwrap();
    worker.send(&vec![1, 2, 3]).await.unwrap();
    assert_eq!(worker.recv().await, Ok(Some(Sum { of: vec![1, 2, 3], sum: 6 })));
    // What makes no sense is an error there, and ends the function.
    (*worker).send([1]).await.unwrap();
    let Err(RawError::Crashed(report)) = worker.recv().await else { panic!("it has crashed") };
    assert!(matches!(&report.cause, CrashCause::Failed(error) if error.contains("Vec<u32>")));
    pool.spawn(1).await.unwrap();
    let next = pool.acquire().unwrap();
    next.send(&Vec::new()).await.unwrap();
    assert_eq!(next.recv().await, Ok(Some(Sum { of: Vec::new(), sum: 0 })));
}

async fn a_message_that_is_too_large_is_refused_and_the_next_one_is_not(over: Over) {
    let pool = pool!(ActorPool over over, max_frame = 1000);
    let worker = pool.spawn_one().await.unwrap();
    let too_large = RawError::TooLarge { size: 1001, limit: 1000 };
    assert_eq!(worker.send(vec![0x80; 1001]).await, Err(too_large.clone()));
    let message = vec![0x80; 1000];
    worker.send(&message).await.unwrap();
    assert_eq!(worker.recv().await, Ok(Some(message)));
    worker.send("large 1001").await.unwrap();
    let Err(RawError::Crashed(report)) = worker.recv().await else { panic!("it has crashed") };
    assert_eq!(report.cause, CrashCause::Failed(too_large.to_string().into()));
}

/// Hears in one thread, and speaks in another.
#[worker_raw(workers = 1)]
fn in_two(link: RawLink) {
    let (sender, receiver) = link.split();
    std::thread::scope(|scope| {
        let (pass, passed) = mpsc::channel();
        scope.spawn(move || {
            for message in passed {
                sender.clone().send_blocking(&message).unwrap();
            }
        });
        while let Some(message) = receiver.recv_blocking().unwrap() {
            pass.send(message).unwrap();
        }
        drop(pass);
    });
}

async fn the_halves_of_a_link_serve_two_threads(over: Over) {
    let pool = pool!(InTwoPool over over);
    let worker = pool.spawn_one().await.unwrap();
    let sends = async {
        for i in 0..5000 {
            worker.send(i.to_string()).await.unwrap();
        }
    };
    let hears = async {
        for i in 0..5000 {
            assert_eq!(reply(&worker).await, Some(i.to_string()));
        }
    };
    smol::future::zip(sends, hears).await;
    pool.destroy().await;
    assert_eq!(reply(&worker).await, None);
}

/// Hears nothing, and says one thing when it is released.
#[worker_raw(workers = 1)]
async fn deaf(link: RawLink) {
    let released = link.released();
    let (sender, receiver) = link.split();
    drop(receiver);
    released.await;
    sender.send("well").await.unwrap();
}

async fn who_drops_the_receiving_half_hears_nothing_and_holds_up_nobody(over: Over) {
    let pool = pool!(DeafPool over over, window = 4);
    let worker = pool.spawn_one().await.unwrap();
    for _ in 0..1000 {
        worker.send(vec![1; 100]).await.unwrap();
    }
    pool.destroy().await;
    assert_eq!(reply(&worker).await.as_deref(), Some("well"));
}

async fn what_the_function_says_beside_its_link_is_heard(over: Over) {
    let pool = pool!(ActorPool over over);
    let (sender, heard) = mpsc::channel();
    pool.on_message(move |worker: Worker, text| sender.send((worker.id(), text)).unwrap());
    let worker = pool.spawn_one().await.unwrap();
    ask(&worker, "debug at the gate").await;
    until(|| worker.debug_text().is_some());
    assert_eq!(worker.debug_text().as_deref(), Some("at the gate"));
    ask(&worker, "message slow").await;
    assert_eq!(heard.recv(), Ok((worker.id(), "slow".to_owned())));
}
