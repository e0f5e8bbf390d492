//! What holds whatever way streams travel: through shared memory, over sockets, or to threads.

use pm_tests::{Over, pool, suite};

use super::*;

suite! {
    what_is_sent_comes_back_whatever_its_size
    many_streams_share_a_worker_and_none_hears_of_another
    an_error_is_heard_and_the_stream_goes_on
    an_opening_may_be_refused
    a_panic_ends_its_stream_behind_its_outputs
    outputs_come_before_the_stream_is_open_and_after_its_input_is_over
    a_stream_may_end_itself
    what_is_dropped_is_dropped_in_the_worker
    a_stream_that_nobody_reads_holds_up_its_own_sender_only
    a_message_that_is_too_large_is_refused_and_the_stream_goes_on
    an_output_that_is_too_large_ends_its_stream
    a_small_window_is_enough
    a_stream_may_end_before_it_is_open
    a_worker_has_no_more_streams_than_it_may
}

async fn what_is_sent_comes_back_whatever_its_size(over: Over) {
    let pool = pool!(ActorPool over over);
    let mut actor = pool.create_stream().await.unwrap();
    for size in [0, 1, 7, 8, 100, 16 << 10, (16 << 10) + 1, 100_000, 300_000, 3 << 20] {
        let bytes: Vec<u8> = (0..size).map(|i| i as u8).collect();
        actor.send(Order::Say(bytes.clone())).await.unwrap();
        assert!(said(&mut actor).await == Said::Bytes(bytes), "{size}");
    }
}

async fn many_streams_share_a_worker_and_none_hears_of_another(over: Over) {
    let pool = pool!(ActorPool over over);
    let streams = (0..200_u32).map(|number| {
        let pool = pool.clone();
        async move {
            let mut actor = pool.create_stream().await.unwrap();
            for turn in 0..50 {
                let bytes = [number.to_le_bytes(), u32::to_le_bytes(turn)].concat();
                actor.send(Order::Say(bytes.clone())).await.unwrap();
                if turn % 5 == 4 {
                    for turn in turn - 4..=turn {
                        let bytes = [number.to_le_bytes(), turn.to_le_bytes()].concat();
                        assert_eq!(said(&mut actor).await, Said::Bytes(bytes));
                    }
                }
            }
            actor.finish().await.unwrap();
            assert_eq!(said(&mut actor).await, Said::Ended);
            assert_eq!(actor.next().await, None);
            assert_eq!(actor.next().await, None);
        }
    });
    join_all(streams).await;
    let health = pool.health();
    assert_eq!((health.account.completed, health.account.running), (200, 0));
}

async fn an_error_is_heard_and_the_stream_goes_on(over: Over) {
    let pool = pool!(ActorPool over over);
    let mut actor = pool.create_stream().await.unwrap();
    actor.send(Order::Fail("no".into())).await.unwrap();
    actor.send(Order::Say(vec![1])).await.unwrap();
    let error = actor.next().await.unwrap().unwrap_err();
    assert!(error.is_recoverable());
    assert_eq!(error, StreamError::Failed(Trouble::Told("no".into())));
    assert_eq!(said(&mut actor).await, Said::Bytes(vec![1]));
}

async fn an_opening_may_be_refused(over: Over) {
    let pool = pool!(ActorPool over over);
    let refused = pool.open(first(Order::Fail("full".into()))).await;
    let refused = refused.expect_err("it is refused");
    assert_eq!(refused, StreamError::Refused(Trouble::Told("full".into())));
    let panicked = pool.open(first(Order::Panic)).await;
    assert!(matches!(panicked, Err(StreamError::Panicked(_))), "{panicked:?}");
    // Others are none the worse.
    let mut actor = pool.open(first(Order::Say(vec![1]))).await.unwrap();
    assert_eq!(said(&mut actor).await, Said::Bytes(vec![1]));
}

async fn a_panic_ends_its_stream_behind_its_outputs(over: Over) {
    let pool = pool!(ActorPool over over);
    let mut neighbour = pool.create_stream().await.unwrap();
    let mut actor = pool.create_stream().await.unwrap();
    for order in [Order::Count(100), Order::Panic, Order::Count(1)] {
        actor.send(order).await.unwrap();
    }
    for number in 0..100 {
        assert_eq!(said(&mut actor).await, Said::Number(number));
    }
    let error = actor.next().await.unwrap().unwrap_err();
    assert!(matches!(&error, StreamError::Panicked(_)), "{error}");
    assert!(error.to_string().contains("as it was asked to"), "{error}");
    assert_eq!(actor.next().await, None);
    assert!(actor.is_closed());
    let error = actor.send(Order::Nothing).await.unwrap_err();
    assert!(matches!(error, StreamError::Panicked(_)), "{error}");
    neighbour.send(Order::Say(vec![2])).await.unwrap();
    assert_eq!(said(&mut neighbour).await, Said::Bytes(vec![2]));
}

async fn outputs_come_before_the_stream_is_open_and_after_its_input_is_over(over: Over) {
    let pool = pool!(ActorPool over over);
    let mut actor = pool.open(first(Order::Count(3))).await.unwrap();
    actor.send(Order::Later(Duration::from_millis(20))).await.unwrap();
    actor.finish().await.unwrap();
    assert!(actor.is_closed());
    assert_eq!(actor.send(Order::Nothing).await, Err(StreamError::Closed));
    for number in 0..3 {
        assert_eq!(said(&mut actor).await, Said::Number(number));
    }
    assert_eq!(said(&mut actor).await, Said::Ended);
    // A task of the stream's holds a clone of its outbox.
    assert_eq!(said(&mut actor).await, Said::Number(7));
    assert_eq!(actor.next().await, None);
}

async fn a_stream_may_end_itself(over: Over) {
    let pool = pool!(ActorPool over over);
    let mut actor = pool.create_stream().await.unwrap();
    for order in [Order::Say(vec![1]), Order::Close] {
        actor.send(order).await.unwrap();
    }
    // It may be over by now.
    let late = actor.send(Order::Say(vec![2])).await;
    assert!(matches!(late, Ok(()) | Err(StreamError::Closed)), "{late:?}");
    assert_eq!(said(&mut actor).await, Said::Bytes(vec![1]));
    assert_eq!(actor.next().await, None);
    until(|| actor.is_closed());
    assert_eq!(actor.send(Order::Nothing).await, Err(StreamError::Closed));
    until(|| pool.health().account.completed == 1);
}

async fn what_is_dropped_is_dropped_in_the_worker(over: Over) {
    let pool = pool!(ActorPool over over);
    let folder = Folder::new("dropped-stream");
    let mark = folder.file("alive");
    let alive = || std::path::Path::new(&mark).exists();
    let opening = Actor { mark: Some(mark.clone()), ..Default::default() };
    let mut actor = pool.open(opening).await.unwrap();
    assert!(alive());
    actor.send(Order::Nothing).await.unwrap();
    drop(actor);
    until(|| !alive());
    until(|| pool.health().workers[0].load == 0);
    assert_eq!(pool.health().account.cancelled, 1);
    assert_eq!(pool.health().detached, 0);
}

async fn a_stream_that_nobody_reads_holds_up_its_own_sender_only(over: Over) {
    let pool = pool!(ActorPool over over, window = 16, window_bytes = 4096);
    let mut unread = pool.create_stream().await.unwrap();
    let mut neighbour = pool.create_stream().await.unwrap();
    let mut sent = 0_u64;
    // As much as both windows and what is in the worker's hands, and no more.
    let full = loop {
        match unread.try_send(Order::Say(vec![0; 100])) {
            Ok(()) => sent += 1,
            Err(TrySendError::Full(order)) => {
                assert!(matches!(order, Order::Say(bytes) if bytes.len() == 100));
                // It may only be slow. When its neighbour was served, it has had its turn.
                neighbour.send(Order::Say(vec![1])).await.unwrap();
                assert_eq!(said(&mut neighbour).await, Said::Bytes(vec![1]));
                match unread.try_send(Order::Say(vec![0; 100])) {
                    Ok(()) => sent += 1,
                    Err(error) => break error,
                }
            }
            Err(error) => panic!("{error}"),
        }
    };
    assert!(matches!(full, TrySendError::Full(_)));
    assert!((16..200).contains(&sent), "{sent}");
    // Nothing was lost.
    for _ in 0..sent {
        assert_eq!(said(&mut unread).await, Said::Bytes(vec![0; 100]));
    }
    unread.send(Order::Say(vec![3])).await.unwrap();
    assert_eq!(said(&mut unread).await, Said::Bytes(vec![3]));
}

async fn a_message_that_is_too_large_is_refused_and_the_stream_goes_on(over: Over) {
    let pool = pool!(ActorPool over over, max_frame = 1000);
    let mut actor = pool.create_stream().await.unwrap();
    let error = actor.send(Order::Say(vec![0; 1000])).await.unwrap_err();
    assert!(matches!(error, StreamError::TooLarge { limit: 1000, .. }), "{error}");
    assert!(error.is_recoverable());
    actor.send(Order::Say(vec![0; 900])).await.unwrap();
    assert_eq!(said(&mut actor).await, Said::Bytes(vec![0; 900]));
    let error = pool.open(first(Order::Say(vec![0; 1000]))).await.unwrap_err();
    assert!(matches!(error, StreamError::TooLarge { limit: 1000, .. }), "{error}");
}

async fn an_output_that_is_too_large_ends_its_stream(over: Over) {
    // An input has as much in front of its bytes as an output; but this one counts.
    let pool = pool!(ActorPool over over, max_frame = 64);
    let mut actor = pool.create_stream().await.unwrap();
    let text = "x".repeat(40);
    actor.send(Order::Debug(text.clone())).await.unwrap();
    actor.send(Order::Fail(text)).await.unwrap();
    let error = actor.next().await.unwrap().unwrap_err();
    assert!(matches!(error, StreamError::Failed(_)), "{error}");
    drop(actor);
    let pool = pool!(ActorPool over over, max_frame = 64);
    let mut actor = pool.create_stream().await.unwrap();
    assert!(actor.send(Order::Say(vec![0; 64])).await.is_err());
    actor.send(Order::Count(2)).await.unwrap();
    assert_eq!(said(&mut actor).await, Said::Number(0));
}

async fn a_stream_may_end_before_it_is_open(over: Over) {
    let pool = pool!(ActorPool over over, max_frame = 1000);
    let mut neighbour = pool.create_stream().await.unwrap();
    for order in [Order::Close, Order::CloseAndStay] {
        let mut actor = pool.open(first(order)).await.unwrap();
        assert_eq!(actor.next().await, None);
        assert_eq!(actor.send(Order::Nothing).await, Err(StreamError::Closed));
    }
    // It refuses to be open, with what its outbox said.
    let error = pool.open(first(Order::Large(2000))).await.err();
    assert_eq!(error, Some(StreamError::Refused(Trouble::Closed(OutboxClosed))));
    neighbour.send(Order::Say(vec![2])).await.unwrap();
    assert_eq!(said(&mut neighbour).await, Said::Bytes(vec![2]));
    assert_eq!(pool.health().crashes, 0);
}

async fn a_worker_has_no_more_streams_than_it_may(over: Over) {
    let pool = pool!(ActorPool over over, concurrency = 2);
    let opened = (0..10_u32).map(|number| {
        let pool = pool.clone();
        async move {
            let mut actor = pool.open(first(Order::Later(Duration::from_millis(1)))).await.unwrap();
            assert!(pool.health().account.running <= 2);
            actor.send(Order::Count(number)).await.unwrap();
            actor.finish().await.unwrap();
            let mut outputs = 0;
            while let Some(output) = actor.next().await {
                output.unwrap();
                outputs += 1;
            }
            assert_eq!(outputs, number + 2);
        }
    });
    join_all(opened).await;
    assert_eq!(pool.health().crashes, 0);
}

async fn a_small_window_is_enough(over: Over) {
    let pool = pool!(ActorPool over over, window = 1, window_bytes = 1);
    let (mut send, mut receive) = pool.create_stream().await.unwrap().split();
    let sender = async move {
        for number in 0..200_u8 {
            send.feed(Order::Say(vec![number; 50])).await.unwrap();
        }
        send.close().await.unwrap();
    };
    let receiver = async move {
        for number in 0..200_u8 {
            assert_eq!(receive.next().await, Some(Ok(Said::Bytes(vec![number; 50]))));
        }
        assert_eq!(receive.next().await, Some(Ok(Said::Ended)));
        assert_eq!(receive.next().await, None);
    };
    futures::join!(sender, receiver);
}
