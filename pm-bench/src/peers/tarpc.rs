//! tarpc over a Unix socket, with bincode, on tokio with one thread for each side.

use std::error::Error;
use std::future::Future;
use std::io::{Read, Write};
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::iter;
use tarpc::serde_transport::unix;
use tarpc::server::{BaseChannel, Channel};
use tarpc::{client, context};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tokio_serde::formats::Bincode;

use super::far::far_side;
use super::{Outcome, Peer};
use crate::slice::{Slice, compute, median_of};
use crate::workload::{Workload, micros};

const MAX_FRAME: usize = 65 << 20;

#[tarpc::service]
trait Worker {
    async fn add(a: u64, b: u64) -> u64;
    async fn work(micros: u64) -> u64;
    async fn echo(bytes: Vec<u8>) -> Vec<u8>;
    async fn lend(bytes: Vec<u8>) -> u64;
}

pub(super) struct Tarpc {
    runtime: Runtime,
    client: WorkerClient,
}

fn runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

impl Tarpc {
    pub(super) fn connect() -> Result<Self, Box<dyn Error>> {
        let folder = TempDir::new()?;
        let path = folder.path().join("socket");
        let place = path.to_str().ok_or("the temporary folder's name is no text")?;
        let mut far = far_side("tarpc", place)?.stdout(Stdio::piped()).spawn()?;
        // A byte says that it listens: that its socket is there does not.
        far.stdout.take().ok_or("there is no pipe")?.read_exact(&mut [0])?;
        let runtime = runtime()?;
        let client = runtime.block_on(async {
            let mut connection = unix::connect(&path, Bincode::default);
            connection.config_mut().max_frame_length(MAX_FRAME);
            let config = client::Config::default();
            Ok::<_, Box<dyn Error>>(WorkerClient::new(config, connection.await?).spawn())
        })?;
        Ok(Self { runtime, client })
    }

    async fn run(&self, workload: Workload, time: Duration) -> Outcome {
        let client = &self.client;
        let mut slice = Slice::new(time);
        Ok(match workload {
            Workload::Alone => {
                while slice.goes_on() {
                    client.add(context::current(), 1, 2).await?;
                }
                slice.each()
            }
            Workload::Flight { calls } => {
                let queries = std::iter::from_fn(|| {
                    slice.goes_on().then(|| client.add(context::current(), 1, 2))
                });
                let mut answers = iter(queries).buffer_unordered(calls);
                while let Some(answer) = answers.next().await {
                    answer?;
                }
                drop(answers);
                slice.rate()
            }
            Workload::Echo { bytes } => {
                let mut sent = vec![1; bytes];
                while slice.goes_on() {
                    sent = client.echo(context::current(), sent).await?;
                }
                slice.rate() * (2 * bytes) as f64
            }
            Workload::Lend { bytes } => {
                let lent = vec![1; bytes];
                while slice.goes_on() {
                    client.lend(context::current(), lent.clone()).await?;
                }
                slice.rate() * bytes as f64
            }
            _ => return Err("it starts no processes, and keeps no queue".into()),
        })
    }
}

impl Peer for Tarpc {
    fn measure(&mut self, workload: Workload, time: Duration) -> Outcome {
        let Self { runtime, client, .. } = self;
        match workload {
            Workload::Paused { micros: pause } => median_of(time, || {
                sleep(micros(pause));
                let start = Instant::now();
                runtime.block_on(client.add(context::current(), 1, 2))?;
                Ok(start.elapsed())
            }),
            Workload::Work { micros } => median_of(time, || {
                let start = Instant::now();
                let computed = runtime.block_on(client.work(context::current(), micros))?;
                Ok(start.elapsed().saturating_sub(Duration::from_nanos(computed)))
            }),
            workload => self.runtime.block_on(self.run(workload, time)),
        }
    }
}

#[derive(Clone)]
struct Server;

impl Worker for Server {
    async fn add(self, _: context::Context, a: u64, b: u64) -> u64 {
        a + b
    }

    async fn work(self, _: context::Context, load: u64) -> u64 {
        compute(micros(load)).as_nanos() as u64
    }

    async fn echo(self, _: context::Context, bytes: Vec<u8>) -> Vec<u8> {
        bytes
    }

    async fn lend(self, _: context::Context, bytes: Vec<u8>) -> u64 {
        bytes.len() as u64
    }
}

/// The far side: one connection, to its end.
pub(super) fn serve(path: &str) -> Result<(), Box<dyn Error>> {
    async fn spawn(response: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(response);
    }
    runtime()?.block_on(async {
        let mut listener = unix::listen(path, Bincode::default).await?;
        listener.config_mut().max_frame_length(MAX_FRAME);
        std::io::stdout().write_all(b".")?;
        std::io::stdout().flush()?;
        if let Some(connection) = listener.next().await {
            let channel = BaseChannel::with_defaults(connection?);
            channel.execute(Server.serve()).for_each(spawn).await;
        }
        Ok(())
    })
}
