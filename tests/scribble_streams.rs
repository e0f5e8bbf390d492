//! A worker that writes over the memory through which its streams speak, while they do. In a process
//! of its own, whose memory is measured.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::future::join_all;
use pm_runtime::{Outbox, OutboxClosed, StreamError, StreamWorker, worker_stream};
use pm_tests::{Folder, peak, rolls, shared_words};
use serde::{Deserialize, Serialize};

/// How often all workers scribble, how often one does, and after how many it tells of them.
const ALL: u64 = 1_000_000;
const SCRIBBLES: u64 = 50_000;
const STEP: u64 = 1000;

/// Has a thread of its own write what it likes into the memory.
#[derive(Serialize, Deserialize)]
struct Scribbler {
    seed: u64,
    told: String,
}

#[worker_stream(workers = 1, timeout = "2s", boot_timeout = "2s", max_crashes = None)]
#[derive(Default)]
struct Scribble {
    scribbler: Option<Scribbler>,
}

impl StreamWorker for Scribble {
    type Input = Vec<u8>;
    type Output = Vec<u8>;
    type Error = OutboxClosed;

    async fn open(&mut self, _: &Outbox<Vec<u8>>) -> Result<(), OutboxClosed> {
        if let Some(Scribbler { seed, told }) = self.scribbler.take() {
            std::thread::spawn(move || scribble(seed, &told));
        }
        Ok(())
    }

    async fn write(&mut self, input: Vec<u8>, out: &Outbox<Vec<u8>>) -> Result<(), OutboxClosed> {
        out.send(input).await
    }
}

/// Half at random, half where it hurts.
fn scribble(seed: u64, told: &str) {
    const EDGES: [u64; 10] =
        [0, 1, 2, 8, 16, 1 << 18, u32::MAX as u64, 32 << 32 | 8, 34 << 32 | 16, u64::MAX];
    let words = shared_words();
    // Lanes stand last; the first few of their words are those of the first pieces.
    let lane = (256 << 10) / 8;
    let lanes = words.len() - 2 * lane;
    let rules = lanes - (2 << 20) / 8;
    let mut told = OpenOptions::new().append(true).open(told).expect("it is there");
    let mut roll = rolls(seed);
    for done in 1..=SCRIBBLES {
        let (value, place) = (roll(), roll() as usize);
        let edge = EDGES[value as usize % EDGES.len()];
        let (word, value) = match roll() % 8 {
            0 => (place % rules, value),
            1 => (place % rules, edge),
            2 => (lanes + place % (2 * lane), value),
            3 => (lanes + place % (2 * lane), edge),
            4 | 5 => (lanes + place % 2 * lane + place / 2 % 512, value),
            _ => (lanes + place % 2 * lane + place / 2 % 512, edge),
        };
        words[word].store(value, Ordering::Relaxed);
        if done.is_multiple_of(STEP) {
            told.write_all(&[1]).expect("it is a file");
        }
    }
}

/// Speaks with a stream until that ends; it ends in nothing but a failure of its worker.
async fn speak(pool: ScribblePool) {
    let error = match pool.create_stream().await {
        Err(error) => error,
        Ok(stream) => {
            let (mut sender, mut receiver) = stream.split();
            let sending = async {
                for size in (0..).map(|n| if n % 100 == 99 { 50_000 } else { n % 100 }) {
                    if let Err(error) = sender.send(vec![7; size]).await {
                        return error;
                    }
                }
                StreamError::Closed
            };
            let receiving = async {
                while let Some(output) = receiver.next().await {
                    if let Err(error) = output {
                        assert!(is_told(&error), "{error}");
                    }
                }
            };
            futures::join!(sending, receiving).0
        }
    };
    assert!(is_told(&error), "{error}");
}

fn is_told(error: &StreamError<OutboxClosed>) -> bool {
    matches!(
        error,
        StreamError::Protocol(_)
            | StreamError::Crashed(_)
            | StreamError::TimedOut { .. }
            | StreamError::Decode(_)
            | StreamError::Encode(_)
            | StreamError::Panicked(_)
            | StreamError::TooLarge { .. }
            | StreamError::Refused(_)
            | StreamError::Failed(_)
            | StreamError::Released
            | StreamError::Closed
    )
}

#[pm_runtime::test]
async fn a_worker_that_scribbles_over_its_lanes_hurts_nobody_else() {
    let pool = ScribblePool::builder().grace(Duration::ZERO).build();
    let folder = Folder::new("scribbled-lanes");
    let told = folder.file("told");
    File::create(&told).unwrap();
    let scribbles = || std::fs::metadata(&told).unwrap().len() * STEP;
    let before = peak();
    let mut seed = 0;
    while scribbles() < ALL {
        seed += 1;
        // One that comes to its end: whoever follows those that are killed need not wait.
        let mut brief = pool.create_stream().await.unwrap();
        brief.finish().await.unwrap();
        assert_eq!(brief.next().await, None);
        let speaking: Vec<_> = (0..7).map(|_| smol::spawn(speak(pool.clone()))).collect();
        let goal = scribbles() + SCRIBBLES;
        let scribbler = Scribbler { seed: seed * 0x9e37_79b9, told: told.clone() };
        let opening = pool.open(Scribble { scribbler: Some(scribbler) });
        if let Ok(mut stream) = opening.await {
            // Until it has done all that it was to do, or is killed for it.
            let ended = async { while let Some(Ok(_)) = stream.next().await {} };
            let done = async {
                while scribbles() < goal {
                    smol::future::yield_now().await;
                }
            };
            smol::future::or(ended, done).await;
        }
        // What its scribbles have lost, nobody tells of.
        // And who opens his stream only then starts another worker.
        let over = async { drop(join_all(speaking).await) };
        let unspawned = async {
            loop {
                pool.unspawn().await;
                smol::future::yield_now().await;
            }
        };
        smol::future::or(over, unspawned).await;
        assert!(pool.health().account.balances());
    }
    assert!(pool.health().crashes > 0, "nothing of it was noticed");
    // Windows of all streams, the pages of lanes, and what reports keep.
    let grown = peak().saturating_sub(before);
    assert!(grown < 64 << 10, "the pool's process grew by {grown} KiB");
}
