//! A worker that writes over the memory that it shares with its pool, while queries run. In a process
//! of its own, whose memory is measured.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::sync::atomic::Ordering;

use futures::future::{join, join_all};
use pm_runtime::{QueryError, worker_query};
use pm_tests::{Folder, peak, rolls, shared_words};

#[worker_query(workers = 2)]
fn echo(text: String) -> String {
    text
}

/// How often all queries scribble, how often one does that is not stopped, and after how many it
/// tells of them.
const ALL: u64 = 1_000_000;
const SCRIBBLES: u64 = 20_000;
const STEP: u64 = 1000;

/// Writes what it likes into the memory while it serves: half at random, half where it hurts.
#[worker_query(workers = 1, concurrency = 2, timeout = "2s", boot_timeout = "2s", max_crashes = None, max_frame = "1MiB")]
fn scribble(seed: Option<(u64, String)>) -> u64 {
    const EDGES: [u64; 10] = [0, 1, 2, 4, 5, 6, 1 << 20, u32::MAX as u64, 1 << 32 | 5, u64::MAX];
    let Some((seed, told)) = seed else { return 7 };
    let words = shared_words();
    // The head and the slots are where the rules are.
    let rules = words.len() - (2 << 20) / 8;
    let mut told = OpenOptions::new().append(true).open(told).expect("it is there");
    let mut roll = rolls(seed);
    for done in 1..=SCRIBBLES {
        let (value, place) = (roll(), roll() as usize);
        match roll() % 4 {
            // A slot's first two words are its state, its length and their neighbours.
            0 => words[rules - 16 * (1 + place % 4) + place / 4 % 2]
                .store(EDGES[value as usize % EDGES.len()], Ordering::Relaxed),
            // Between them stand the ends of the streams, and its offset.
            1 => words[place % rules].store(EDGES[value as usize % EDGES.len()], Ordering::Relaxed),
            _ => words[place % rules].store(value, Ordering::Relaxed),
        }
        if done.is_multiple_of(STEP) {
            told.write_all(&[1]).expect("it is a file");
        }
    }
    9
}

#[pm_runtime::test]
async fn a_worker_that_scribbles_over_the_memory_hurts_nobody_else() {
    let pool = ScribblePool::new();
    let folder = Folder::new("scribbles");
    let told = folder.file("told");
    File::create(&told).unwrap();
    // Its worker may be killed before it has done all that it was to do.
    let scribbles = || std::fs::metadata(&told).unwrap().len() * STEP;
    let before = peak();
    let mut seed = 0;
    while scribbles() < ALL {
        seed += 1;
        let scribbler = pool.query(Some((seed * 0x9e37_79b9, told.clone())));
        let others = join_all((0..8).map(|_| pool.query(None)));
        // Each call ends, and in nothing but an answer or a failure of that worker.
        let (scribbled, others) = join(scribbler, others).await;
        for answer in others.into_iter().chain([scribbled]) {
            if let Err(error) = answer {
                let told = matches!(
                    error,
                    QueryError::Protocol(_)
                        | QueryError::Crashed(_)
                        | QueryError::TimedOut { .. }
                        | QueryError::Decode(_)
                        | QueryError::Encode(_)
                        | QueryError::Panicked(_)
                        | QueryError::TooLarge { .. }
                );
                assert!(told, "{error}");
            }
        }
    }
    assert!(pool.health().crashes > 0, "nothing of it was noticed");
    // Two long answers of a worker, the stream's pages of its successor, and what reports keep.
    let grown = peak().saturating_sub(before);
    assert!(grown < 32 << 10, "the pool's process grew by {grown} KiB");
    let honest = EchoPool::new();
    for answer in join_all((0..100).map(|n| honest.query("x".repeat(n * 100)))).await {
        answer.unwrap();
    }
}
