//! Chaos: pools of every kind, under load, while everything happens to their workers that can.
//!
//! ```sh
//! cargo run --release -p pm-tests --bin chaos -- --minutes 60
//! ```
//!
//! Workers are killed from outside and die by their own doing, up to 200 in a second, are stopped,
//! slowed, starved, break the protocol and write over the memory that they share with their pool; calls
//! are dropped, run in temporary workers, by key, in certain workers; pools are respawned and resized.
//! It shows in the end that every call ended once and as it should have, and that nothing is left
//! behind, prints a table, and fails if anything was wrong.
//!
//! `--seed N` repeats the choices of callers, workers and of who kills (not who is faster);
//! `--kills N` is the most deaths in a second. It lasts half a minute, unless `--minutes` or
//! `--seconds` says otherwise.

mod callers;
mod deeds;
mod dice;
mod ledger;
mod leftovers;
mod subject;
mod table;
mod talkers;
mod trouble;

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use deeds::Line;
use leftovers::Held;
use pm_runtime::RawWorker;
use smol::Executor;
use subject::{Subject, Work};
use trouble::Storm;

static WRONG: AtomicU64 = AtomicU64::new(0);

/// Something that must not be.
fn wrong(what: String) {
    if WRONG.fetch_add(1, Ordering::Relaxed) < 20 {
        eprintln!("WRONG: {what}");
    }
}

struct Args {
    time: Duration,
    seed: u64,
    kills: u32,
}

fn args() -> Result<Args, String> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut read =
        Args { time: Duration::from_secs(30), seed: u64::from(since.subsec_nanos()), kills: 200 };
    let mut args = std::env::args().skip(1);
    while let Some(name) = args.next() {
        let value = args.next().ok_or(format!("{name} wants a value"))?;
        let number = || value.parse::<f64>().map_err(|error| format!("{name} {value}: {error}"));
        let seconds = |seconds| {
            Duration::try_from_secs_f64(seconds).map_err(|error| format!("{name}: {error}"))
        };
        match name.as_str() {
            "--minutes" => read.time = seconds(number()? * 60.0)?,
            "--seconds" => read.time = seconds(number()?)?,
            "--seed" => read.seed = number()? as u64,
            "--kills" => read.kills = (number()? as u32).max(1),
            _ => return Err(format!("{name} is not known")),
        }
    }
    Ok(read)
}

#[pm_runtime::main]
fn main() -> ExitCode {
    let Args { time, seed, kills } = match args() {
        Ok(args) => args,
        Err(error) => {
            eprintln!("{error}\nchaos [--minutes N | --seconds N] [--seed N] [--kills N]");
            return ExitCode::FAILURE;
        }
    };
    println!("seed {seed}");
    // What is made once is made by then, and the allocator has what it takes.
    storm(seed ^ 1, time / 6, kills);
    let (before, memory) = (Held::at_rest(), leftovers::memory());
    let figures = storm(seed, time, kills);
    let after = Held::check_against(&before);
    let memory_after = leftovers::memory();
    leftovers::check_memory(memory, memory_after);
    print!("{figures}");
    println!("before: {before}, {memory} KiB");
    println!("after:  {after}, {memory_after} KiB");
    match WRONG.load(Ordering::Relaxed) {
        0 => ExitCode::SUCCESS,
        wrongs => {
            eprintln!("{wrongs} things were wrong; seed {seed}");
            ExitCode::FAILURE
        }
    }
}

/// Load and trouble for so long, and then the ends of all that was begun; the figures of it. Nothing
/// of the pools is left then.
fn storm(seed: u64, time: Duration, kills: u32) -> String {
    const CALLERS: u64 = 12;
    let storm = Storm::new(seed);
    let executor = Executor::new();
    let (stop, stopped) = smol::channel::bounded::<()>(1);
    let mut subjects = Vec::new();
    let mut tasks = Vec::new();
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let mut waiting = Vec::new();
        for _ in 0..2 {
            let (executor, stopped) = (&executor, stopped.clone());
            scope.spawn(move || {
                let over = smol::block_on(executor.run(stopped.recv()));
                over.expect_err("nothing is sent")
            });
        }
        for (index, (subject, work)) in subject::all(seed).into_iter().enumerate() {
            let number = move |caller| (index as u64 + 1) << 8 | caller;
            subjects.push(subject.clone());
            tasks.push(executor.spawn(trouble::manage(
                subject.clone(),
                number(255),
                storm.clone(),
            )));
            match work {
                Work::Queries(ask) => {
                    let ask = Arc::new(ask);
                    for caller in 0..CALLERS {
                        let (subject, storm, ask) = (subject.clone(), storm.clone(), ask.clone());
                        let calling = callers::call_on(subject, number(caller), storm, ask);
                        tasks.push(executor.spawn(calling));
                    }
                    // A few threads that wait.
                    if index < 2 {
                        let storm = storm.clone();
                        waiting.push(scope.spawn(move || {
                            callers::wait_on(&subject, number(CALLERS), &storm, &ask);
                        }));
                    }
                }
                Work::Streams(pool) => {
                    for caller in 0..CALLERS {
                        let (subject, storm) = (subject.clone(), storm.clone());
                        let talking =
                            talkers::talk_to(subject, number(caller), storm, pool.clone());
                        tasks.push(executor.spawn(talking));
                    }
                }
                Work::Raw(pool) => {
                    let (up, ups) = smol::channel::unbounded();
                    pool.on_spawn(move |worker| {
                        let _ = up.try_send(worker);
                    });
                    let (subject, storm) = (subject.clone(), storm.clone());
                    tasks.push(executor.spawn(speak(subject, number(0), storm, ups)));
                }
            }
        }
        let storm = &*storm;
        let killed = subjects.clone();
        scope.spawn(move || trouble::kill(storm, &killed, kills));
        for number in 1..=2 {
            scope.spawn(move || trouble::hog(storm, number));
        }
        std::thread::sleep(time);
        storm.end();
        let watched = watch(&subjects);
        for thread in waiting {
            thread.join().expect("callers do not panic");
        }
        smol::block_on(async {
            for task in tasks.drain(..) {
                task.await;
            }
            for subject in &subjects {
                subject.pool.destroy().await;
                subject.ledger.agree_with(subject.name, subject.pool.health().account);
            }
        });
        drop(watched);
        drop(stop);
    });
    // Somebody still has a handle of each, which keeps nothing of a pool that is destroyed.
    for subject in &subjects {
        std::mem::forget(subject.pool.clone());
    }
    table::of(&subjects, &storm, begun.elapsed())
}

/// Every raw worker has somebody who speaks with it.
async fn speak(
    subject: Arc<Subject>,
    number: u64,
    storm: Arc<Storm>,
    ups: smol::channel::Receiver<RawWorker<Line, Line>>,
) {
    let executor = Executor::new();
    let mut speaking = Vec::new();
    let greeting = async {
        while !storm.is_over() {
            let late = async {
                smol::Timer::after(Duration::from_millis(50)).await;
                None
            };
            let up = async { ups.recv().await.ok() };
            if let Some(worker) = smol::future::or(up, late).await {
                let (subject, storm) = (subject.clone(), storm.clone());
                speaking.push(executor.spawn(talkers::speak_with(subject, number, storm, worker)));
            }
            speaking.retain(|task| !task.is_finished());
        }
        for task in speaking {
            task.await;
        }
    };
    executor.run(greeting).await;
}

/// Says which pools have calls that do not end, and ends the program: a call that hangs would hang it.
/// As long as it is held.
fn watch(subjects: &[Arc<Subject>]) -> mpsc::Sender<()> {
    let (held, dropped) = mpsc::channel();
    let subjects = subjects.to_vec();
    std::thread::spawn(move || {
        if dropped.recv_timeout(Duration::from_secs(300)) != Err(mpsc::RecvTimeoutError::Timeout) {
            return;
        }
        for subject in &subjects {
            let health = subject.pool.health();
            eprintln!("{}: {:?}", subject.name, health);
        }
        eprintln!("WRONG: five minutes after the storm calls have not ended");
        std::process::exit(1);
    });
    held
}
