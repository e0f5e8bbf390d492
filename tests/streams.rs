//! Streams, whatever way they travel, and whatever becomes of their workers.

use std::sync::Arc;
use std::time::Duration;

use futures::SinkExt;
use futures::future::join_all;
use pm_runtime::{
    Outbox, OutboxClosed, QueryError, StreamError, StreamWorker, Transport, TrySendError, worker,
    worker_stream,
};
use pm_tests::{Folder, until};
use serde::{Deserialize, Serialize};
use smol::future::poll_once;

#[path = "streams/bounds.rs"]
mod bounds;
#[path = "streams/chaos.rs"]
mod chaos;
#[path = "streams/dropped.rs"]
mod dropped;
#[path = "streams/ends.rs"]
mod ends;
#[path = "streams/executors.rs"]
mod executors;
#[path = "streams/hostile.rs"]
mod hostile;
#[path = "streams/travel.rs"]
mod travel;

/// What a stream is to do.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
enum Order {
    #[default]
    Nothing,
    Say(Vec<u8>),
    /// So many outputs, counted from 0.
    Count(u32),
    Fail(String),
    Panic,
    Abort,
    /// Creates a file, and blocks the worker's thread for ever.
    Hang(String),
    Pid,
    Debug(String),
    /// Outputs after so long, from a task of its own.
    Later(Duration),
    Close,
    /// An output of so many bytes.
    Large(usize),
    /// Closes its outbox, and goes on.
    CloseAndStay,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Said {
    Bytes(Vec<u8>),
    Number(u32),
    Ended,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
enum Trouble {
    #[error("{0}")]
    Told(String),
    #[error(transparent)]
    Closed(#[from] OutboxClosed),
}

/// Does what it is asked.
#[worker_stream(workers = 1)]
#[derive(Debug, Default)]
struct Actor {
    /// Before it is open.
    first: Order,
    /// A file that it holds open while it lives.
    mark: Option<String>,
    #[local]
    held: Held,
}

/// Takes its file away when it is dropped.
#[derive(Debug, Default)]
struct Held(Option<String>);

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(file) = &self.0 {
            std::fs::remove_file(file).unwrap();
        }
    }
}

impl StreamWorker for Actor {
    type Input = Order;
    type Output = Said;
    type Error = Trouble;

    async fn open(&mut self, out: &Outbox<Said>) -> Result<(), Trouble> {
        if let Some(file) = &self.mark {
            std::fs::write(file, "").unwrap();
            self.held = Held(Some(file.clone()));
        }
        let first = std::mem::take(&mut self.first);
        obey(first, out).await
    }

    async fn write(&mut self, order: Order, out: &Outbox<Said>) -> Result<(), Trouble> {
        obey(order, out).await
    }

    async fn end(&mut self, out: &Outbox<Said>) -> Result<(), Trouble> {
        Ok(out.send(Said::Ended).await?)
    }
}

async fn obey(order: Order, out: &Outbox<Said>) -> Result<(), Trouble> {
    match order {
        Order::Nothing => {}
        Order::Say(bytes) => out.send(Said::Bytes(bytes)).await?,
        Order::Count(count) => {
            for number in 0..count {
                out.send(Said::Number(number)).await?;
            }
        }
        Order::Fail(text) => return Err(Trouble::Told(text)),
        Order::Panic => panic!("as it was asked to"),
        Order::Abort => std::process::abort(),
        Order::Hang(file) => {
            std::fs::write(file, "").unwrap();
            loop {
                std::thread::park();
            }
        }
        Order::Pid => out.send(Said::Number(std::process::id())).await?,
        Order::Debug(text) => worker::debug(text),
        Order::Later(time) => {
            let out = out.clone();
            smol::spawn(async move {
                smol::Timer::after(time).await;
                let _ = out.send(Said::Number(7)).await;
            })
            .detach();
        }
        Order::Close => out.close(),
        Order::Large(size) => out.send(Said::Bytes(vec![5; size])).await?,
        Order::CloseAndStay => {
            out.close();
            smol::future::pending().await
        }
    }
    Ok(())
}

fn first(first: Order) -> Actor {
    Actor { first, ..Default::default() }
}

/// Kills a worker.
fn kill(pid: u32) {
    signal(pid, rustix::process::Signal::KILL);
}

fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

/// The next output.
async fn said(actor: &mut ActorStream) -> Said {
    actor.next().await.expect("it goes on").expect("nothing goes wrong")
}
