//! What the code in a worker can know of it, and tell its pool.

use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use pm_runtime::{Call, Event, MessageError, QueryError, worker, worker_query};
use pm_tests::Folder;
use serde::{Deserialize, Serialize};
use smol::future::{poll_once, yield_now};
use smol::stream::StreamExt;

#[path = "messages/floods.rs"]
mod floods;
#[path = "messages/heard.rs"]
mod heard;
#[path = "messages/itself.rs"]
mod itself;
#[path = "messages/reports.rs"]
mod reports;
#[path = "messages/types.rs"]
mod types;

/// What a worker is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Act {
    /// Says so many numbers, from this one on.
    Say(u32, u32),
    /// The same, in another thread, which outlives the query.
    SayLater(u32, u32),
    /// Sends so many messages of so many bytes.
    Flood(u32, usize),
    /// Sends one of so many bytes when the file is there, in another thread.
    FloodLater(usize, String),
    /// Tries to send a number, and returns how that failed.
    SayNumber,
    /// Returns how a message of so many bytes fails.
    SayMuch(usize),
    /// Says what it is at, then kills the worker.
    Die(String),
    /// Says what it is at, where something is to be said, then never returns.
    Stay(Option<String>),
    /// The same in another thread.
    StayBeside(String),
    /// Says what it is at, and returns it.
    At(String),
    /// Reports this.
    Report(String),
    /// The worker's number, whether it is one, and the attempt.
    Itself,
    /// Milliseconds to the deadline.
    TimeLeft,
    /// Creates the file when it begins, and the other one when it is cancelled.
    WaitToBeCancelled(String, String),
}

/// Does what it is asked, between awaits.
async fn act(act: Act) -> String {
    match act {
        Act::Say(first, count) => {
            for n in first..first + count {
                worker::message(format!("{n}")).unwrap();
                yield_now().await;
            }
        }
        Act::SayLater(first, count) => {
            std::thread::spawn(move || {
                for n in first..first + count {
                    // Fails in threads that do not belong to a process of their own.
                    let _ = worker::message(format!("{n}"));
                }
            });
        }
        Act::Flood(count, size) => {
            for _ in 0..count {
                worker::message("x".repeat(size)).unwrap();
            }
        }
        Act::FloodLater(size, go_on) => {
            std::thread::spawn(move || {
                pm_tests::until(|| std::path::Path::new(&go_on).exists());
                worker::message("x".repeat(size)).unwrap();
            });
        }
        Act::SayNumber => return worker::message(7_u32).unwrap_err().to_string(),
        Act::SayMuch(size) => {
            let error = worker::message("x".repeat(size)).unwrap_err();
            assert!(matches!(error, MessageError::TooLarge { .. }), "{error}");
            return error.to_string();
        }
        Act::Die(text) => {
            worker::debug(text);
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)
                .unwrap();
            std::future::pending::<()>().await;
        }
        Act::Stay(text) => {
            if let Some(text) = text {
                worker::debug(text);
            }
            std::future::pending::<()>().await;
        }
        Act::StayBeside(text) => {
            std::thread::spawn(|| worker::debug(text)).join().unwrap();
            std::future::pending::<()>().await;
        }
        Act::At(text) => {
            worker::debug(&text);
            return text;
        }
        Act::Report(text) => worker::report(text),
        Act::Itself => {
            return format!("{:?} {} {}", worker::id(), worker::is_worker(), worker::attempt());
        }
        Act::TimeLeft => {
            return worker::deadline().map_or_else(
                || "none".into(),
                |deadline| (deadline - Instant::now()).as_millis().to_string(),
            );
        }
        Act::WaitToBeCancelled(begun, cancelled) => {
            std::fs::write(begun, "").unwrap();
            while !worker::is_cancelled() {
                std::thread::yield_now();
            }
            std::fs::write(cancelled, "").unwrap();
        }
    }
    String::new()
}

#[worker_query(workers = 1)]
fn talk(what: Act) -> String {
    smol::block_on(act(what))
}

#[worker_query(workers = 1)]
async fn chat(what: Act) -> String {
    act(what).await
}

#[worker_query(workers = 1, concurrency = 4)]
fn talk_at_once(what: Act) -> String {
    smol::block_on(act(what))
}

/// A call whose messages are sent on.
fn overheard<T>(call: Call<T>) -> (Call<T>, Receiver<String>) {
    let (sender, heard) = mpsc::channel();
    (call.on_message(move |text| drop(sender.send(text))), heard)
}

fn numbers(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|n| n.to_string()).collect()
}
