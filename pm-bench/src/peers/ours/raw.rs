//! What raw links take, and how connections spread over the workers that accept them.

use std::collections::BTreeMap;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use futures_util::future::join;
use pm_runtime::{RawError, ReusePort, Worker};

use super::Outcome;
use crate::queries::{AcceptPool, ParrotPool};
use crate::slice::Slice;

/// Messages that are sent between looks at the clock.
const BURST: u64 = 64;

async fn worker(pool: &ParrotPool) -> Result<Worker, Box<dyn std::error::Error>> {
    pool.start().await?;
    Ok(pool.acquire().ok_or("there is no worker")?)
}

/// A message there and back, one after the other.
pub(super) async fn alone(pool: &ParrotPool, time: Duration) -> Outcome {
    let worker = worker(pool).await?;
    let mut slice = Slice::new(time);
    while slice.goes_on() {
        worker.send([7; 16]).await?;
        worker.recv().await?;
    }
    Ok(slice.each())
}

/// The same, as many at once as the link takes.
pub(super) async fn stream(pool: &ParrotPool, time: Duration) -> Outcome {
    let worker = worker(pool).await?;
    let start = Instant::now();
    let send = async {
        let mut sent = 0_u64;
        while start.elapsed() < time {
            for number in sent..sent + BURST {
                worker.send(number.to_le_bytes()).await?;
            }
            sent += BURST;
        }
        // It ends behind all of them.
        worker.send([]).await?;
        Ok::<u64, RawError>(sent)
    };
    let receive = async {
        let mut next = 0_u64;
        while let Some(message) = worker.recv().await?.filter(|message| !message.is_empty()) {
            assert_eq!(message, next.to_le_bytes(), "a link keeps the order");
            next += 1;
        }
        Ok::<u64, RawError>(next)
    };
    let (sent, received) = join(send, receive).await;
    assert_eq!(sent?, received.clone()?, "a link loses nothing");
    Ok(received? as f64 / start.elapsed().as_secs_f64())
}

/// How many connections the busiest worker has of each hundred that would be even: of a thousand that
/// are open at once.
pub(super) async fn spread(workers: usize, own_sockets: bool) -> Outcome {
    const CONNECTIONS: usize = 1000;
    let builder = AcceptPool::builder();
    let (address, builder) = match own_sockets {
        true => {
            let port = ReusePort::bind("127.0.0.1:0")?;
            (port.local_addr(), builder.reuse_port(port))
        }
        false => {
            let listener = TcpListener::bind("127.0.0.1:0")?;
            (listener.local_addr()?, builder.listener(listener))
        }
    };
    let pool = builder.build();
    pool.spawn(workers).await?;
    let mut open = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        open.push(TcpStream::connect(address)?);
    }
    let mut of_workers = BTreeMap::<u8, usize>::new();
    for mut connection in open {
        let mut id = [0];
        connection.read_exact(&mut id)?;
        *of_workers.entry(id[0]).or_default() += 1;
    }
    pool.destroy().await;
    let busiest = of_workers.into_values().max().unwrap_or_default();
    Ok(busiest as f64 * workers as f64 / CONNECTIONS as f64 * 100.0)
}
