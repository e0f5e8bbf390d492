//! A worker that writes over the memory that it shares with its pool, while queries run.

use std::sync::atomic::{AtomicU64, Ordering};

use futures::future::join_all;
use pm_runtime::{QueryError, worker_query};

#[worker_query(workers = 2)]
fn echo(text: String) -> String {
    text
}

/// Where this process has mapped what it shares with its pool.
fn shared_words() -> &'static [AtomicU64] {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("proc is there");
    let line = maps.lines().find(|line| line.contains("pm-runtime")).expect("it shares memory");
    let (range, _) = line.split_once(' ').expect("a range comes first");
    let (start, end) = range.split_once('-').expect("it has two ends");
    let parse = |end| usize::from_str_radix(end, 16).expect("they are numbers");
    let (start, end) = (parse(start), parse(end));
    // SAFETY: the mapping lives as long as this process, and is aligned to its pages.
    #[allow(unsafe_code, reason = "it writes where it should not")]
    unsafe {
        std::slice::from_raw_parts(start as *const AtomicU64, (end - start) / 8)
    }
}

/// How often one query scribbles, and how many of those there are: more than a million in all.
const SCRIBBLES: u64 = 20_000;
const ROUNDS: u64 = 60;

/// Writes what it likes into the memory while it serves: half at random, half where it hurts.
#[worker_query(workers = 1, concurrency = 2, timeout = "2s", boot_timeout = "2s", max_crashes = None, max_frame = "1MiB")]
fn scribble(seed: Option<u64>) -> u64 {
    const EDGES: [u64; 10] = [0, 1, 2, 4, 5, 6, 1 << 20, u32::MAX as u64, 1 << 32 | 5, u64::MAX];
    let Some(seed) = seed else { return 7 };
    let words = shared_words();
    // The head and the slots are where the rules are.
    let rules = words.len() - (2 << 20) / 8;
    let mut dice = seed | 1;
    let mut roll = move || {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        dice
    };
    for _ in 0..SCRIBBLES {
        let (value, place) = (roll(), roll() as usize);
        match roll() % 4 {
            // A slot's first two words are its state, its length and their neighbours.
            0 => words[rules - 16 * (1 + place % 4) + place / 4 % 2]
                .store(EDGES[value as usize % EDGES.len()], Ordering::Relaxed),
            // Between them stand the ends of the streams, and its offset.
            1 => words[place % rules].store(EDGES[value as usize % EDGES.len()], Ordering::Relaxed),
            _ => words[place % rules].store(value, Ordering::Relaxed),
        }
    }
    9
}

#[pm_runtime::test]
async fn a_worker_that_scribbles_over_the_memory_hurts_nobody_else() {
    let pool = ScribblePool::new();
    let before = peak();
    for seed in 1..=ROUNDS {
        let scribbler = pool.query(Some(seed * 0x9e37_79b9));
        let others = join_all((0..8).map(|_| pool.query(None)));
        // Each call ends, and in nothing but an answer or a failure of that worker.
        let (scribbled, others) = futures::future::join(scribbler, others).await;
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
    let grown = peak() - before;
    assert!(grown < 32 << 10, "the pool's process grew by {grown} KiB");
    let honest = EchoPool::new();
    for answer in join_all((0..100).map(|n| honest.query("x".repeat(n * 100)))).await {
        answer.unwrap();
    }
}

/// The most memory that this process ever had, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("proc is there");
    let line = status.lines().find(|line| line.starts_with("VmHWM")).expect("it is told");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("it is a number")
}
