//! Workers that tell lies of their queries in the memory that they share with their pools.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::future::{join, join_all};
use pm_runtime::{QueryError, worker_query};
use pm_tests::{Folder, shared_words};
use rustix::process::{PidfdFlags, PidfdGetfdFlags};
use serde::{Deserialize, Serialize};
use smol::future::poll_once;

#[worker_query(workers = 1)]
fn echo(text: String) -> String {
    text
}

/// Words before the slots, and of each: those of its state and its length come first.
const HEAD: usize = 112;
const SLOT: usize = 16;

/// States of a slot.
const POSTED: u32 = 1;
const BEGUN: u32 = 4;
const DONE: u32 = 5;

/// What a worker says of the query that it runs, and then nothing more.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Lie {
    state: u32,
    kind: u32,
    length: u32,
    offset: u64,
}

#[worker_query(workers = 1, timeout = "300ms", boot_timeout = "1s", max_frame = "1MiB")]
fn lie(lie: Option<Lie>, runs: String) -> u64 {
    let Some(Lie { state, kind, length, offset }) = lie else { return 7 };
    let mut runs = OpenOptions::new().append(true).create(true).open(runs).expect("it can be");
    runs.write_all(&[1]).expect("it is a file");
    let words = shared_words();
    let slots = words[HEAD..].chunks(SLOT);
    let is_mine = |slot: &&[AtomicU64]| slot[0].load(Ordering::Relaxed) as u32 == BEGUN;
    let mine = slots.into_iter().find(is_mine).expect("it runs");
    let beside = |word: &AtomicU64| word.load(Ordering::Relaxed) >> 32 << 32;
    mine[1].store(u64::from(kind) << 32 | u64::from(length), Ordering::Relaxed);
    mine[5].store(offset, Ordering::Relaxed);
    mine[0].store(beside(&mine[0]) | u64::from(state), Ordering::Release);
    loop {
        std::thread::park();
    }
}

#[pm_runtime::test]
async fn a_lie_about_a_query_ends_it_once_and_hurts_nobody_behind_it() {
    let said = 1 << 8;
    let mut lies = Vec::new();
    for state in [0, 2, 3, 6, 7, u32::MAX] {
        lies.push(Lie { state, kind: 2, length: 0, offset: 0 });
    }
    // Of every kind of word, and of none: that it has begun, was returned, was dropped.
    for kind in (0..=12).chain([255, 256, 1 << 16 | 2, said | 2, said | 5, u32::MAX]) {
        lies.push(Lie { state: DONE, kind, length: 0, offset: 0 });
        lies.push(Lie { state: DONE, kind, length: 8, offset: 0 });
    }
    // Bytes that never come, come from elsewhere, or are too many.
    for (length, offset) in [(89, 0), (1 << 20, 0), (89, 8), (89, 1 << 20), (1 << 21, 0)] {
        lies.push(Lie { state: DONE, kind: 2, length, offset });
    }
    lies.push(Lie { state: DONE, kind: 2, length: u32::MAX, offset: u64::MAX });
    let folder = Folder::new("lies");
    let folder = &folder;
    // So many at once that most of the waiting is done together.
    let lies: Vec<_> = lies.into_iter().enumerate().collect();
    for some in lies.chunks(8) {
        join_all(some.iter().map(|&(index, lie)| async move {
            let runs = folder.file(&index.to_string());
            let pool = LiePool::new();
            let (liar, behind) =
                join(pool.query(Some(lie), runs.clone()), pool.query(None, runs.clone())).await;
            // What has the form of an answer is one.
            let told = matches!(
                liar,
                Ok(_)
                    | Err(QueryError::Protocol(_)
                        | QueryError::TimedOut { .. }
                        | QueryError::Panicked(_)
                        | QueryError::TooLarge { .. }
                        | QueryError::Encode(_)
                        | QueryError::Decode(_))
            );
            assert!(told, "{lie:?}: {liar:?}");
            assert_eq!(behind, Ok(7), "behind {lie:?}");
            assert_eq!(std::fs::metadata(runs).unwrap().len(), 1, "{lie:?} ran again");
            assert!(pool.health().account.balances(), "{lie:?}");
        }))
        .await;
    }
}

/// Nobody can know of a begin that is taken back before anybody looks; but it does not go on like
/// that for ever.
#[pm_runtime::test]
async fn a_worker_that_denies_its_begins_is_not_replaced_for_ever() {
    let folder = Folder::new("denies");
    let pool = LiePool::builder().boot_timeout(Duration::from_millis(100)).max_crashes(2).build();
    let lie = Lie { state: POSTED, kind: 0, length: 0, offset: 0 };
    let error = pool.query(Some(lie), folder.file("runs")).await.unwrap_err();
    assert!(matches!(error, QueryError::BudgetExhausted { .. }), "{error:?}");
    assert!(pool.health().account.balances());
}

/// Tells of an answer eight bytes at a time, and rings for them without end.
#[worker_query(workers = 1, timeout = "2s")]
fn drip() -> u64 {
    const BELL: [u8; 16] = [0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let words = shared_words();
    let mine =
        words[HEAD..].chunks(SLOT).find(|slot| slot[0].load(Ordering::Relaxed) as u32 == BEGUN);
    let mine = mine.expect("it runs");
    mine[1].store(2 << 32 | 64 << 20, Ordering::Relaxed);
    mine[5].store(0, Ordering::Relaxed);
    mine[0].store(mine[0].load(Ordering::Relaxed) + u64::from(DONE - BEGUN), Ordering::Release);
    std::thread::spawn(|| {
        let mut control = File::from(descriptor(3));
        let bells = BELL.repeat(1000);
        while control.write_all(&bells).is_ok() {}
    });
    // How far its answers are written, and read.
    let (written, read) = (&words[80], &words[96]);
    loop {
        if written.load(Ordering::Relaxed) - read.load(Ordering::Relaxed) < 1 << 12 {
            written.fetch_add(8, Ordering::Release);
        }
    }
}

/// This process's own descriptor of this number.
fn descriptor(number: i32) -> OwnedFd {
    let this = rustix::process::pidfd_open(rustix::process::getpid(), PidfdFlags::empty());
    rustix::process::pidfd_getfd(this.unwrap(), number, PidfdGetfdFlags::empty()).unwrap()
}

#[pm_runtime::test]
async fn a_worker_that_always_has_a_little_more_to_tell_keeps_nobody_from_starting() {
    let pool = DripPool::new();
    let mut drips = Box::pin(pool.query());
    while poll_once(&mut drips).await.is_none() {
        let honest = EchoPool::new();
        assert_eq!(honest.query("hello".into()).await, Ok("hello".into()));
    }
    assert!(pool.health().account.balances());
}
