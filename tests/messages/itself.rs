//! What code in a worker knows of it and of its query.

use super::*;

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
