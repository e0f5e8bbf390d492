//! What becomes of streams when their worker dies, or is released.

use super::*;

#[pm_runtime::test]
async fn a_crash_ends_the_streams_of_its_worker_behind_their_outputs() {
    let pool = ActorPool::builder().workers(2).build();
    pool.spawn(2).await.unwrap();
    let mut streams = Vec::new();
    for _ in 0..6 {
        let mut actor = pool.create_stream().await.unwrap();
        actor.send(Order::Pid).await.unwrap();
        let Said::Number(pid) = said(&mut actor).await else { panic!() };
        streams.push((pid, actor));
    }
    let (doomed, _) = streams[0];
    for (_, actor) in &mut streams {
        actor.send(Order::Count(300)).await.unwrap();
    }
    streams[0].1.send(Order::Abort).await.unwrap();
    let mut crashed = 0;
    for (index, (pid, actor)) in streams.iter_mut().enumerate() {
        let mut numbers = 0;
        let end = loop {
            match actor.next().await {
                Some(Ok(number)) if numbers < 300 => {
                    assert_eq!(number, Said::Number(numbers));
                    numbers += 1;
                }
                end => break end,
            }
            if *pid != doomed && numbers == 300 {
                break None;
            }
        };
        // It was asked for its numbers before it was asked to abort; the others may have been at it.
        assert!(index > 0 || numbers == 300, "{numbers}");
        if *pid == doomed {
            let error = end.unwrap().unwrap_err();
            let StreamError::Crashed(report) = &error else { panic!("{error}") };
            assert_eq!(report.pid, Some(doomed));
            assert!(error.is_retryable());
            assert_eq!(actor.next().await, None);
            let error = actor.send(Order::Nothing).await.unwrap_err();
            assert!(matches!(error, StreamError::Crashed(_)), "{error}");
            crashed += 1;
        } else {
            actor.send(Order::Say(vec![1])).await.unwrap();
            assert_eq!(said(actor).await, Said::Bytes(vec![1]));
        }
    }
    assert_eq!(crashed, 3);
    let account = pool.health().account;
    assert_eq!((account.failed, account.running), (3, 3));
    // Another worker takes the place of the dead one.
    let mut another = pool.create_stream().await.unwrap();
    another.send(Order::Pid).await.unwrap();
    said(&mut another).await;
}

#[pm_runtime::test]
async fn a_report_tells_what_the_stream_was_at() {
    let pool = ActorPool::new();
    let mut actor = pool.create_stream().await.unwrap();
    actor.send(Order::Debug("line 17".into())).await.unwrap();
    actor.send(Order::Abort).await.unwrap();
    match actor.next().await {
        Some(Err(StreamError::Crashed(report))) => {
            assert_eq!(report.debug.as_deref(), Some("line 17"));
            assert_eq!(report.running.len(), 1);
            assert_eq!(report.running[0].query, "Actor");
        }
        other => panic!("{other:?}"),
    }
}

#[pm_runtime::test]
async fn a_release_lets_streams_finish() {
    let pool = ActorPool::new();
    let mut actor = pool.create_stream().await.unwrap();
    let mut released = Box::pin(pool.unspawn());
    assert!(poll_once(&mut released).await.is_none());
    actor.send(Order::Say(vec![1])).await.unwrap();
    assert_eq!(said(&mut actor).await, Said::Bytes(vec![1]));
    assert!(poll_once(&mut released).await.is_none());
    // A new one starts another worker.
    let mut another = pool.create_stream().await.unwrap();
    actor.finish().await.unwrap();
    assert_eq!(said(&mut actor).await, Said::Ended);
    assert_eq!(actor.next().await, None);
    released.await;
    another.send(Order::Say(vec![2])).await.unwrap();
    assert_eq!(said(&mut another).await, Said::Bytes(vec![2]));
}

#[pm_runtime::test]
async fn a_stream_that_is_open_when_the_grace_is_over_is_ended() {
    let pool = ActorPool::builder().grace(Duration::from_millis(50)).build();
    let mut actor = pool.open(first(Order::Count(3))).await.unwrap();
    pool.respawn().await.unwrap();
    for number in 0..3 {
        assert_eq!(said(&mut actor).await, Said::Number(number));
    }
    let error = actor.next().await.unwrap().unwrap_err();
    assert_eq!(error, StreamError::Released);
    assert!(error.is_retryable());
    assert_eq!(actor.send(Order::Nothing).await, Err(StreamError::Released));
    let mut another = pool.create_stream().await.unwrap();
    another.send(Order::Say(vec![2])).await.unwrap();
    assert_eq!(said(&mut another).await, Said::Bytes(vec![2]));
    assert_eq!(pool.health().crashes, 0);
}

#[pm_runtime::test]
async fn a_worker_whose_thread_is_blocked_does_not_keep_openings() {
    let pool = ActorPool::builder().boot_timeout(Duration::from_millis(500)).build();
    let mut blocked = pool.create_stream().await.unwrap();
    let folder = Folder::new("blocked");
    let hangs = folder.file("hangs");
    blocked.send(Order::Hang(hangs.clone())).await.unwrap();
    until(|| std::path::Path::new(&hangs).exists());
    // It waits behind that, and is opened elsewhere when it has waited too long.
    let mut another = pool.create_stream().await.unwrap();
    another.send(Order::Say(vec![1])).await.unwrap();
    assert_eq!(said(&mut another).await, Said::Bytes(vec![1]));
    let error = blocked.next().await.unwrap().unwrap_err();
    assert!(matches!(error, StreamError::Crashed(_)), "{error}");
}

#[pm_runtime::test]
async fn an_opening_that_takes_too_long_is_dropped_and_an_open_stream_is_not() {
    let pool = ActorPool::builder().timeout(Duration::from_millis(50)).window(4).build();
    let mut open = pool.create_stream().await.unwrap();
    // Nobody reads before it is open: it waits for ever.
    let error = pool.open(first(Order::Count(5))).await.unwrap_err();
    assert!(matches!(error, StreamError::TimedOut { .. }), "{error}");
    smol::Timer::after(Duration::from_millis(60)).await;
    open.send(Order::Say(vec![1])).await.unwrap();
    assert_eq!(said(&mut open).await, Said::Bytes(vec![1]));
    assert_eq!(pool.health().crashes, 0);
}

#[pm_runtime::test]
async fn a_stream_may_have_a_worker_of_its_own() {
    let pool = ActorPool::new();
    let mut actor = pool.create_stream().temporary().await.unwrap();
    actor.send(Order::Pid).await.unwrap();
    let Said::Number(pid) = said(&mut actor).await else { panic!() };
    let mut usual = pool.create_stream().await.unwrap();
    usual.send(Order::Pid).await.unwrap();
    assert_ne!(said(&mut usual).await, Said::Number(pid));
    actor.send(Order::Abort).await.unwrap();
    let error = actor.next().await.unwrap().unwrap_err();
    assert!(matches!(error, StreamError::Crashed(_)), "{error}");
    assert_eq!(pool.health().crashes, 0);
}

#[pm_runtime::test]
async fn destroy_ends_what_is_open_and_nothing_hangs() {
    let pool = ActorPool::builder().grace(Duration::from_millis(50)).build();
    let mut actor = pool.create_stream().await.unwrap();
    let reader = smol::spawn(async move { actor.next().await });
    pool.destroy().await;
    assert_eq!(reader.await, Some(Err(StreamError::Released)));
    assert_eq!(pool.create_stream().await.err(), Some(StreamError::from(QueryError::Destroyed)));
}

/// With both workers ready, where one takes openings and does not begin them.
#[pm_runtime::test]
async fn an_opening_that_a_dead_worker_had_goes_on_where_it_is_handed_next() {
    let pool = ActorPool::builder().workers(2).build();
    pool.spawn(2).await.unwrap();
    let workers = pool.workers();
    let (blocked, free) = (&workers[0], &workers[1]);
    let mut block = pool.create_stream().on(blocked).await.unwrap();
    let folder = Folder::new("dies-blocked");
    let hangs = folder.file("hangs");
    block.send(Order::Hang(hangs.clone())).await.unwrap();
    until(|| std::path::Path::new(&hangs).exists());
    let _load = join_all((0..20).map(|_| pool.create_stream().on(free))).await;
    let openings: Vec<_> = (0..4).map(|_| smol::spawn(pool.create_stream())).collect();
    until(|| blocked.load() == 5);
    kill(blocked.pid());
    for opening in openings {
        let mut actor = opening.await.unwrap();
        actor.send(Order::Say(vec![1; 100_000])).await.unwrap();
        assert_eq!(said(&mut actor).await, Said::Bytes(vec![1; 100_000]));
    }
    assert!(matches!(block.next().await, Some(Err(StreamError::Crashed(_)))));
}

#[pm_runtime::test]
async fn a_thread_that_is_given_up_ends_its_streams() {
    for transport in [Transport::Auto, Transport::Socket] {
        let folder = Folder::new("given-up");
        let mark = folder.file("alive");
        let grace = Duration::from_millis(50);
        let builder = ActorPool::builder().in_process().transport(transport);
        let pool = builder.grace(grace).build();
        let opening = Actor { mark: Some(mark.clone()), ..Default::default() };
        let mut actor = pool.open(opening).await.unwrap();
        pool.destroy().await;
        assert_eq!(actor.next().await, Some(Err(StreamError::Released)));
        until(|| !std::path::Path::new(&mark).exists());
    }
}
