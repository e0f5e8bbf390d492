//! Workers that accept on one socket, beside workers that speak with the application only; each knows
//! from its environment which it is.

use std::error::Error;
use std::io::{self, Write};
use std::net::TcpListener;

use pm_runtime::{RawLink, worker_raw};
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::TcpStream;
use smol::{Async, future::FutureExt};

fn worker_type() -> String {
    std::env::var("WORKER_TYPE").unwrap_or_else(|_| "unknown".into())
}

/// Greets whoever connects.
#[worker_raw(workers = 2, env(WORKER_TYPE = "cluster"))]
async fn cluster_worker(link: RawLink) -> io::Result<()> {
    let listener = link.listener().ok_or(io::ErrorKind::NotFound)?;
    let listener = Async::<TcpListener>::try_from(listener)?;
    let greet = async {
        loop {
            let (mut connection, _) = listener.accept().await?;
            connection.write_all(format!("a {} worker", worker_type()).as_bytes()).await?;
        }
    };
    let released = async {
        link.released().await;
        Ok(())
    };
    released.or(greet).await
}

/// Answers whoever asks it over its link, here without async.
#[worker_raw(workers = 2, env(WORKER_TYPE = "process"))]
fn isolated_worker(link: RawLink) -> io::Result<()> {
    while let Some(question) = link.recv_blocking()? {
        let mut answer = question;
        write!(answer, " a {} worker", worker_type())?;
        link.send_blocking(&answer)?;
    }
    Ok(())
}

#[pm_runtime::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // The kernel gives each connection to one of the workers.
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let cluster = ClusterWorkerPool::builder().listener(listener).build();
    cluster.start().await?;
    for _ in 0..2 {
        let mut greeting = String::new();
        TcpStream::connect(address).await?.read_to_string(&mut greeting).await?;
        println!("connected: {greeting}");
    }

    // While all workers are replaced nobody is refused.
    cluster.respawn().await?;
    let mut greeting = String::new();
    TcpStream::connect(address).await?.read_to_string(&mut greeting).await?;
    println!("after a respawn: {greeting}");

    // These are spoken with, and have no other way to the world than their link.
    let isolated = IsolatedWorkerPool::builder().env("WORKER_TYPE", "separate").build();
    let worker = isolated.spawn_one().await?;
    worker.send("asked:").await?;
    let answer = worker.recv().await?.unwrap_or_default();
    println!("{}", String::from_utf8_lossy(&answer));
    Ok(())
}
