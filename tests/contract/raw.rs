//! A raw pool: a function with a link of its own, and workers that are spoken with by name.

use std::io;
use std::net::{TcpListener, TcpStream};

use pm_runtime::{Pool, RawError, RawLink, worker_raw};

fn run(command: &[u8]) -> Vec<u8> {
    let mode = std::env::var("SAFARI_MODE").unwrap_or_default();
    [mode.as_bytes(), b": ", command].concat()
}

#[rustfmt::skip] // As it is documented.
#[worker_raw(workers = 4, env(SAFARI_MODE = "high_performance"))]
async fn safari(mut link: RawLink) -> std::io::Result<()> {
    while let Some(command) = link.recv().await? { link.send(&run(&command)).await?; }
    Ok(())
}

#[pm_runtime::test]
async fn a_safari_is_spoken_with() -> Result<(), pm_runtime::Error> {
    let tcp_listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let pool = SafariPool::builder().listener(tcp_listener).build();
    pool.on_spawn(|worker| println!("worker {} is up", worker.id()));
    pool.on_unspawn(|worker| println!("worker {} is gone", worker.id()));
    pool.spawn(4).await?;
    let worker = pool.workers().into_iter().min_by_key(|w| w.load()).unwrap();
    worker.add_load(1);
    worker.send(b"SIMULATE_ZONE safari-forest 100").await?;
    let reply: Option<Vec<u8>> = worker.recv().await?;
    let expected = b"high_performance: SIMULATE_ZONE safari-forest 100".to_vec();
    assert_eq!(reply, Some(expected));
    assert_eq!((worker.id(), worker.load()), (1, 1));
    let _: &Pool = &pool;
    pool.destroy().await;
    assert_eq!(worker.recv().await, Ok(None));
    Ok(())
}

#[worker_raw(workers = 1)]
fn serves(link: RawLink<u32, String>) -> io::Result<()> {
    assert!(link.unix_listener().is_none() && link.listeners().len() == 1);
    let listener: Option<TcpListener> = link.listener();
    let released = link.released();
    let id = link.worker_id();
    let (sender, receiver) = link.split();
    while let Some(clients) = receiver.recv_blocking()? {
        for _ in 0..clients {
            let (_, address) = listener.as_ref().unwrap().accept()?;
            sender.send_blocking(&format!("{id}: {}", address.ip()))?;
        }
    }
    futures::executor::block_on(released);
    Ok(())
}

#[pm_runtime::test]
async fn a_plain_function_accepts_and_speaks_in_types() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let pool = ServesPool::builder().listener(listener).build();
    let worker = pool.spawn_one().await.unwrap();
    let (twin, _client) = (worker.clone(), TcpStream::connect(address).unwrap());
    worker.send(&1).await.unwrap();
    assert_eq!(twin.recv().await.unwrap().as_deref(), Some("1: 127.0.0.1"));
    pool.unspawn().await;
    assert_eq!(worker.recv().await, Ok(None));
    let worker = pool.spawn_one().await.unwrap();
    assert_eq!(worker.id(), 2, "a replacement gets a new number");
}

#[worker_raw(workers = 1, grace = "10ms")]
async fn stays(link: RawLink) {
    link.released().await;
    assert_eq!(link.recv().await, Ok(None));
    std::future::pending().await
}

#[pm_runtime::test]
async fn what_does_not_return_within_the_grace_is_killed() {
    let pool = StaysPool::new();
    let worker = pool.spawn_one().await.unwrap();
    pool.unspawn_one(&worker).await;
    assert_eq!(worker.recv().await, Err(RawError::Released));
    assert!(matches!(worker.send("late").await, Err(RawError::Released | RawError::WorkerGone)));
}
