//! Raw pools, whatever way their messages travel, and whatever becomes of their workers.

use std::io;
use std::sync::mpsc;
use std::time::Duration;

use pm_runtime::{
    CrashCause, Event, Exit, RawError, RawLink, SpawnError, Worker, WorkerState, worker, worker_raw,
};
use pm_tests::{Folder, Over, is_alive, kill, pool, until};
use serde::{Deserialize, Serialize};
use smol::future::poll_once;

#[path = "raw/corners.rs"]
mod corners;
#[path = "raw/ends.rs"]
mod ends;
#[path = "raw/hostile.rs"]
mod hostile;
#[path = "raw/life.rs"]
mod life;
#[path = "raw/listeners.rs"]
mod listeners;
#[path = "raw/travel.rs"]
mod travel;

/// Does what it is asked, a word and perhaps a number at a time.
#[worker_raw(workers = 2)]
async fn actor(link: RawLink) -> io::Result<()> {
    while let Some(order) = link.recv().await? {
        let text = String::from_utf8_lossy(&order);
        let (word, rest) = text.split_once(' ').unwrap_or((&text, ""));
        let number = rest.parse().unwrap_or(0_usize);
        match word {
            "id" => link.send(&link.worker_id().to_string()).await?,
            "pid" => link.send(&std::process::id().to_string()).await?,
            "count" => {
                for i in 0..number {
                    link.send(&i.to_string()).await?;
                }
            }
            "large" => link.send(&vec![7; number]).await?,
            "return" => return Ok(()),
            "fail" => return Err(io::Error::other(rest)),
            "panic" => panic!("{rest}"),
            "abort" => std::process::abort(),
            "exit" => std::process::exit(number as i32),
            "stay" => {
                link.send("staying").await?;
                link.released().await;
                link.send("told").await?;
                if rest == "for ever" {
                    std::future::pending::<()>().await;
                }
            }
            "hang" => loop {
                std::thread::park();
            },
            "debug" => {
                worker::debug(rest);
                link.send("").await?;
            }
            "message" => {
                worker::message(rest.to_owned()).map_err(io::Error::other)?;
                link.send("").await?;
            }
            _ => link.send(&order).await?,
        }
    }
    Ok(())
}

/// The same, less of it, without async.
#[worker_raw(workers = 1)]
fn blocking(link: RawLink) -> io::Result<()> {
    while let Some(order) = link.recv_blocking()? {
        if order == b"wait" {
            while !link.is_released() {
                std::thread::yield_now();
            }
        }
        link.send_blocking(&order)?;
    }
    Ok(())
}

async fn ask(worker: &Worker, order: &str) -> String {
    worker.send(order).await.unwrap();
    reply(worker).await.expect("it goes on")
}

async fn reply(worker: &Worker) -> Option<String> {
    let reply = worker.recv().await.unwrap()?;
    Some(String::from_utf8(reply).unwrap())
}
