//! An application for `pm-top` to look at: pools under a load that comes and goes, and workers that
//! crash now and then. It runs until it is interrupted.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use pm_runtime::{Error, operator, shutdown_on_signals, worker, worker_query};
use smol::Timer;

/// Makes a thumbnail, or so: takes as long, and with one picture in two thousand its decoder crashes.
#[worker_query(workers = 2..=4, idle_timeout = "20s", max_crashes = None, stdio = "capture")]
fn thumbnail(picture: u64) -> u64 {
    let roll = dice(picture);
    let until = Instant::now() + Duration::from_micros(500 + roll % 12_000);
    let mut pixels = picture;
    while Instant::now() < until {
        pixels = pixels.rotate_left(7) ^ roll;
    }
    if roll.is_multiple_of(2000) {
        worker::debug(format!("row 17 of picture {picture}"));
        eprintln!("decoder: row 17 has a negative length");
        std::process::abort();
    }
    pixels
}

/// Counts the words of a text.
#[worker_query(workers = 2)]
fn count_words(text: &str) -> usize {
    text.split_whitespace().count()
}

/// Forgets to give back what it has taken.
#[derive(Default)]
struct Index {
    documents: Vec<Vec<u8>>,
}

#[worker_query(workers = 1, max_memory = "96MiB")]
impl Index {
    fn add(&mut self, size: usize) -> usize {
        self.documents.push(vec![1; size]);
        self.documents.len()
    }
}

fn dice(number: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    number.hash(&mut hasher);
    hasher.finish()
}

#[pm_runtime::main]
async fn main() -> Result<(), Error> {
    let operator = operator::serve()?;
    shutdown_on_signals()?;
    println!("it serves at {}; run `pm-top` in another terminal", operator.socket().display());
    let (thumbnails, words, index) =
        (ThumbnailPool::new(), CountWordsPool::new(), IndexPool::new());
    for tick in 0_u32.. {
        // A wave each half a minute, and noise.
        let wave = 1.0 + (f64::from(tick) * std::f64::consts::TAU / 300.0).sin();
        for picture in 0..(wave * 18.0) as u64 + dice(tick.into()) % 5 {
            // Who has crashed shows in `pm-top`: that is what this is for.
            let query = thumbnails.query(u64::from(tick) << 8 | picture);
            smol::spawn(async move { drop(query.await) }).detach();
        }
        for _ in 0..(wave * 200.0) as u32 {
            words.query("one query after the other").await?;
        }
        index.add(40 << 10).await?;
        Timer::after(Duration::from_millis(100)).await;
    }
    Ok(())
}
