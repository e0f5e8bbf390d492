//! What the workers of pm-runtime run.

use std::hint::black_box;
use std::net::TcpListener;
use std::sync::Mutex;
use std::time::Duration;

use pm_runtime::{
    Outbox, OutboxClosed, RawLink, StreamWorker, worker_query, worker_raw, worker_stream,
};

use smol::Async;
use smol::future::FutureExt;
use smol::io::AsyncWriteExt;

use crate::slice::compute;

/// The smallest query that has something to answer.
#[worker_query(workers = 1)]
pub(crate) fn add(a: u64, b: u64) -> u64 {
    a + b
}

/// Computes for so long; returns the nanoseconds that it took.
#[worker_query(workers = 1)]
pub(crate) fn work(micros: u64) -> u64 {
    compute(Duration::from_micros(micros)).as_nanos() as u64
}

#[worker_query(workers = 1, max_frame = "65MiB")]
pub(crate) fn echo(bytes: Vec<u8>) -> Vec<u8> {
    bytes
}

#[worker_query(workers = 1, max_frame = "65MiB")]
pub(crate) fn lend(bytes: &[u8]) -> usize {
    black_box(bytes).len()
}

#[worker_query(workers = 1)]
pub(crate) async fn add_async(a: u64, b: u64) -> u64 {
    a + b
}

/// Sends back what it is sent.
#[worker_stream(workers = 1)]
#[derive(Default)]
pub(crate) struct Repeat;

impl StreamWorker for Repeat {
    type Input = u64;
    type Output = u64;
    type Error = OutboxClosed;

    async fn write(&mut self, number: u64, out: &Outbox<u64>) -> Result<(), OutboxClosed> {
        out.send(number).await
    }
}

/// Says what it hears.
#[worker_raw(workers = 1)]
pub(crate) async fn parrot(link: RawLink) -> std::io::Result<()> {
    while let Some(message) = link.recv().await? {
        link.send(&message).await?;
    }
    Ok(())
}

/// Tells each connection who has accepted it, and keeps it open.
#[worker_raw(workers = 4)]
pub(crate) async fn accept(link: RawLink) -> std::io::Result<()> {
    let listener = link.listener().ok_or(std::io::ErrorKind::NotFound)?;
    let listener = Async::<TcpListener>::try_from(listener)?;
    let id = [link.worker_id() as u8];
    let accept = async {
        let mut open = Vec::new();
        loop {
            let (mut connection, _) = listener.accept().await?;
            connection.write_all(&id).await?;
            open.push(connection);
        }
    };
    let released = async {
        link.released().await;
        Ok(())
    };
    released.or(accept).await
}

/// Takes memory, and keeps it.
static KEPT: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// What is done to a worker.
#[worker_query(workers = 1, max_crashes = None)]
impl Victim {
    /// Makes so many bytes resident.
    pub(crate) fn fill(&self, bytes: usize) {
        *KEPT.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = vec![1; bytes];
    }

    /// Crashes the worker.
    pub(crate) fn crash(&self) {
        std::process::abort()
    }

    /// Never ends.
    pub(crate) fn hang(&self) {
        loop {
            std::thread::park();
        }
    }

    /// Ends.
    pub(crate) fn id(&self) -> u32 {
        std::process::id()
    }
}

#[derive(Default)]
pub(crate) struct Victim;
