//! How large a pool is, and which workers make it up, as time goes by.

use std::collections::BTreeSet;
use std::fs;
use std::hint::black_box;
use std::io;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use pm_runtime::{
    Event, Events, Outbox, OutboxClosed, Pool, QueryError, RawLink, ReusePort, StreamWorker,
    WorkerState, worker_query, worker_raw, worker_stream,
};
use pm_tests::{Folder, Over, kill, pool, suite, until, until_begun};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use smol::Async;
use smol::future::{FutureExt, poll_once};
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::TcpStream;

#[path = "size/recycling.rs"]
mod recycling;
#[path = "size/scaling.rs"]
mod scaling;
#[path = "size/spares.rs"]
mod spares;

/// What a worker is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Work {
    Pid,
    /// Holds so many bytes more from now on.
    Hold(usize),
    /// Creates one file, then waits for the other.
    Wait(String, String),
}

/// A worker does not start while this file is there.
fn unless_barred() -> Result<(), String> {
    match std::env::var("BARRED") {
        Ok(file) if Path::new(&file).exists() => Err(String::from("it is barred")),
        _ => Ok(()),
    }
}

/// Does what it is asked.
#[worker_query(workers = 1, init = unless_barred)]
fn toil(work: Work) -> u32 {
    static HELD: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());
    match work {
        Work::Pid => {}
        Work::Hold(bytes) => HELD.lock().unwrap().push(black_box(vec![7; bytes])),
        Work::Wait(begun, go_on) => {
            fs::write(begun, "").unwrap();
            while !Path::new(&go_on).exists() {
                std::thread::yield_now();
            }
        }
    }
    std::process::id()
}

/// Says its process id to each message.
#[worker_stream(workers = 1)]
#[derive(Debug, Default)]
struct Echo {}

impl StreamWorker for Echo {
    type Input = ();
    type Output = u32;
    type Error = OutboxClosed;

    async fn write(&mut self, _: (), out: &Outbox<u32>) -> Result<(), OutboxClosed> {
        out.send(std::process::id()).await
    }
}

/// Holds as many bytes more as each message says.
#[worker_raw(workers = 1)]
async fn hoard(link: RawLink) -> io::Result<()> {
    let mut held = Vec::new();
    while let Some(order) = link.recv().await? {
        let bytes = String::from_utf8_lossy(&order).parse().unwrap_or(0_usize);
        held.push(black_box(vec![7_u8; bytes]));
        link.send(&std::process::id().to_string()).await?;
    }
    Ok(())
}

/// Marks that it has begun, says so, and says again what it is told.
#[worker_raw(workers = 1)]
async fn mark(link: RawLink) -> io::Result<()> {
    if let Ok(folder) = std::env::var("MARKS") {
        fs::write(format!("{folder}{}", link.worker_id()), "")?;
    }
    link.send("begun").await?;
    while let Some(word) = link.recv().await? {
        if word == b"fail" {
            return Err(io::Error::other("as it was told"));
        }
        link.send(&word).await?;
    }
    Ok(())
}

/// Greets whoever comes, until it is released.
#[worker_raw(workers = 2)]
async fn greet(link: RawLink) -> io::Result<()> {
    let listener = link.listener().ok_or(io::ErrorKind::NotFound)?;
    let listener = Async::<TcpListener>::try_from(listener)?;
    let accept = async {
        loop {
            let (mut connection, _) = listener.accept().await?;
            connection.write_all(b"welcome").await?;
        }
    };
    let released = async {
        link.released().await;
        Ok(())
    };
    accept.or(released).await
}

/// The next event of those that `which` takes.
async fn next<T>(events: &mut Events, which: impl Fn(&Event) -> Option<T>) -> T {
    loop {
        let event = events.next().await.expect("the pool is there");
        if let Some(what) = which(&event) {
            return what;
        }
    }
}

async fn recycled(events: &mut Events) -> u64 {
    next(events, |event| match event {
        Event::Recycled { worker, .. } => Some(*worker),
        _ => None,
    })
    .await
}

/// Waits until this one is released.
async fn released(events: &mut Events, id: u64) {
    let is_it = |event: &Event| matches!(event, Event::Released { worker, .. } if *worker == id);
    next(events, |event| is_it(event).then_some(())).await;
}

/// The memory of the only worker.
fn rss(pool: &Pool) -> u64 {
    pool.health().workers[0].rss.expect("it is a process")
}
