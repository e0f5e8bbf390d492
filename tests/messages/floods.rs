//! Who says too much hurts nobody.

use super::*;

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
