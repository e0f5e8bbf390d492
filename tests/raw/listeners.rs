//! Workers that accept on sockets which the application has opened.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use pm_runtime::{BootError, Listener, Pool, ReusePort};
use smol::Async;
use smol::future::FutureExt;
use smol::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// Tells each connection who it is and sends back a byte of it, until it is released; those that it has
/// accepted it serves to their end.
#[worker_raw(workers = 3)]
async fn server(link: RawLink) -> io::Result<()> {
    let listener = link.listener().ok_or(io::ErrorKind::NotFound)?;
    let listener = Async::<TcpListener>::try_from(listener)?;
    let tasks = smol::LocalExecutor::new();
    let served = RefCell::new(Vec::new());
    let serve = |mut connection: Async<TcpStream>| async move {
        connection.write_all(&link_id().to_le_bytes()).await?;
        let mut byte = [0];
        connection.read_exact(&mut byte).await?;
        connection.write_all(&byte).await
    };
    let accept = async {
        loop {
            let (connection, _) = listener.accept().await?;
            let mut served = served.borrow_mut();
            served.retain(|task: &smol::Task<io::Result<()>>| !task.is_finished());
            served.push(tasks.spawn(serve(connection)));
        }
    };
    let released = async {
        link.released().await;
        io::Result::Ok(())
    };
    tasks.run(released.or(accept)).await?;
    for task in served.take() {
        tasks.run(task).await?;
    }
    Ok(())
}

fn link_id() -> u64 {
    worker::id().expect("this is a worker")
}

/// Connects, and asks who it is that answers.
fn visit(address: SocketAddr) -> io::Result<u64> {
    let mut stream = TcpStream::connect(address)?;
    let mut id = [0; 8];
    stream.read_exact(&mut id)?;
    stream.write_all(&[7])?;
    let mut byte = [0];
    stream.read_exact(&mut byte)?;
    assert_eq!(byte, [7]);
    Ok(u64::from_le_bytes(id))
}

/// How many of so many connections, each after the other, went to which worker.
fn spread(address: SocketAddr, connections: usize) -> BTreeMap<u64, usize> {
    let mut spread = BTreeMap::new();
    for _ in 0..connections {
        *spread.entry(visit(address).unwrap()).or_default() += 1;
    }
    spread
}

fn bound() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[pm_runtime::test]
async fn workers_accept_on_one_socket() {
    let (listener, address) = bound();
    let pool = ServerPool::builder().listener(listener).build();
    pool.start().await.unwrap();
    let spread = spread(address, 300);
    println!("one socket: {spread:?}");
    assert!(spread.keys().all(|id| (1..=3).contains(id)), "{spread:?}");
    pool.destroy().await;
    assert_eq!(visit(address).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    TcpListener::bind(address).expect("the port is free again");
}

#[pm_runtime::test]
async fn each_worker_accepts_on_its_own_socket() {
    let port = ReusePort::bind("127.0.0.1:0").unwrap();
    let address = port.local_addr();
    let pool = ServerPool::builder().reuse_port(port).build();
    pool.start().await.unwrap();
    let spread = spread(address, 300);
    println!("a socket each: {spread:?}");
    // A hash of 300 ports leaves none of three with nothing.
    assert_eq!(spread.keys().copied().collect::<Vec<_>>(), [1, 2, 3]);
}

/// Replaces all workers again and again while others connect without a pause. How many did.
async fn replace_under_load(pool: &Pool, address: SocketAddr) -> usize {
    let over = Arc::new(AtomicBool::new(false));
    let visited = Arc::new(AtomicUsize::new(0));
    let visitors: Vec<_> = (0..4)
        .map(|_| {
            let (over, visited) = (over.clone(), visited.clone());
            std::thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    if let Err(error) = visit(address) {
                        over.store(true, Ordering::Relaxed);
                        return Err(error);
                    }
                    visited.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            })
        })
        .collect();
    for _ in 0..5 {
        let before = visited.load(Ordering::Relaxed);
        until(|| visited.load(Ordering::Relaxed) > before + 20 || over.load(Ordering::Relaxed));
        pool.respawn().await.unwrap();
    }
    over.store(true, Ordering::Relaxed);
    for visitor in visitors {
        visitor.join().unwrap().expect("none is refused or reset");
    }
    assert_eq!(pool.health().crashes, 0);
    visited.load(Ordering::Relaxed)
}

#[pm_runtime::test]
async fn a_respawn_refuses_and_resets_no_connection() {
    let (listener, address) = bound();
    let pool = ServerPool::builder().listener(listener).build();
    pool.start().await.unwrap();
    println!("one socket: {} visits", replace_under_load(&pool, address).await);
}

#[pm_runtime::test]
async fn a_respawn_refuses_and_resets_no_connection_on_sockets_of_their_own() {
    let port = ReusePort::bind("127.0.0.1:0").unwrap();
    let address = port.local_addr();
    let pool = ServerPool::builder().reuse_port(port).build();
    pool.start().await.unwrap();
    println!("a socket each: {} visits", replace_under_load(&pool, address).await);
    let spread = spread(address, 200);
    assert_eq!(spread.len(), 3, "each has one again: {spread:?}");
}

#[pm_runtime::test]
async fn what_comes_while_no_worker_is_there_waits() {
    for own in [false, true] {
        let (address, builder) = match own {
            false => {
                let (listener, address) = bound();
                (address, ServerPool::builder().listener(listener))
            }
            true => {
                let port = ReusePort::bind("127.0.0.1:0").unwrap();
                (port.local_addr(), ServerPool::builder().reuse_port(port))
            }
        };
        let pool = builder.build();
        let early = std::thread::spawn(move || visit(address));
        pool.spawn(1).await.unwrap();
        assert_eq!(early.join().unwrap().unwrap(), 1);
        pool.unspawn().await;
        let stream = TcpStream::connect(address).unwrap();
        pool.spawn(2).await.unwrap();
        let mut id = [0; 8];
        (&stream).read_exact(&mut id).unwrap();
        assert!(u64::from_le_bytes(id) > 1);
        (&stream).write_all(&[1]).unwrap();
    }
}

#[pm_runtime::test]
async fn a_killed_worker_takes_its_own_connections_only() {
    let (listener, address) = bound();
    let pool = ServerPool::builder().listener(listener).build();
    pool.start().await.unwrap();
    let pids: BTreeMap<u64, u32> =
        pool.workers().iter().map(|worker| (worker.id(), worker.pid())).collect();
    let mut held: Vec<(u64, TcpStream)> = Vec::new();
    while held.iter().map(|(id, _)| *id).collect::<std::collections::BTreeSet<_>>().len() < 2 {
        let mut stream = TcpStream::connect(address).unwrap();
        let mut id = [0; 8];
        stream.read_exact(&mut id).unwrap();
        held.push((u64::from_le_bytes(id), stream));
    }
    let victim = held[0].0;
    kill(pids[&victim], rustix::process::Signal::KILL);
    for (id, stream) in &mut held {
        let mut byte = [0];
        if *id == victim {
            assert!(!matches!(stream.read(&mut byte), Ok(1)), "its connections are gone");
        } else {
            stream.write_all(&[9]).unwrap();
            stream.read_exact(&mut byte).unwrap();
            assert_eq!(byte, [9]);
        }
    }
    pool.spawn(3).await.unwrap();
    visit(address).unwrap();
}

/// Tells what it was handed, and accepts one on each.
#[worker_raw(workers = 1)]
fn several(link: RawLink) -> io::Result<()> {
    let listeners = link.listeners();
    let kinds: Vec<&str> = listeners
        .iter()
        .map(|listener| match listener {
            Listener::Tcp(_) => "tcp",
            Listener::Unix(_) => "unix",
            _ => "another",
        })
        .collect();
    link.send_blocking(&kinds.join(" "))?;
    let first = [link.listener().is_some(), link.unix_listener().is_some()];
    link.send_blocking(&format!("{first:?}"))?;
    for listener in listeners {
        match listener {
            Listener::Tcp(listener) => listener.accept()?.0.write_all(b"by tcp")?,
            Listener::Unix(listener) => listener.accept()?.0.write_all(b"by unix")?,
            _ => return Err(io::ErrorKind::Unsupported.into()),
        }
    }
    Ok(())
}

#[pm_runtime::test]
async fn several_sockets_of_several_kinds_are_handed_over_in_order() {
    for over in [Over::Memory, Over::Sockets, Over::Threads] {
        let folder = Folder::new("listeners");
        let path = folder.file("socket");
        let (tcp, address) = bound();
        let (another, another_address) = bound();
        let unix = UnixListener::bind(&path).unwrap();
        let inherited = Listener::try_from(OwnedFd::from(another)).unwrap();
        let port = ReusePort::bind("127.0.0.1:0").unwrap();
        let own_address = port.local_addr();
        let builder = SeveralPool::builder()
            .listener(unix)
            .listener(tcp)
            .listener(inherited)
            .reuse_port(port);
        let pool = match over {
            Over::Memory => builder.build(),
            Over::Sockets => builder.transport(pm_runtime::Transport::Socket).build(),
            Over::Threads => builder.in_process().build(),
        };
        let worker = pool.spawn_one().await.unwrap();
        assert_eq!(reply(&worker).await.as_deref(), Some("unix tcp tcp tcp"));
        assert_eq!(reply(&worker).await.as_deref(), Some("[true, true]"));
        let mut said = String::new();
        UnixStream::connect(&path).unwrap().read_to_string(&mut said).unwrap();
        for address in [address, another_address, own_address] {
            TcpStream::connect(address).unwrap().read_to_string(&mut said).unwrap();
        }
        assert_eq!(said, "by unixby tcpby tcpby tcp");
        assert_eq!(reply(&worker).await, None);
    }
}

#[pm_runtime::test]
async fn a_pool_without_sockets_hands_none() {
    let worker = SeveralPool::new().spawn_one().await.unwrap();
    assert_eq!(reply(&worker).await.as_deref(), Some(""));
    assert_eq!(reply(&worker).await.as_deref(), Some("[false, false]"));
}

#[pm_runtime::test]
async fn a_socket_of_the_wrong_kind_is_told_at_the_start() {
    let (stream, _other) = UnixStream::pair().unwrap();
    let (listener, _) = bound();
    for wrong in [
        Listener::from(TcpListener::from(OwnedFd::from(stream))),
        Listener::from(UnixListener::from(OwnedFd::from(listener))),
        Listener::from(TcpListener::from(OwnedFd::from(std::fs::File::open("/dev/null").unwrap()))),
    ] {
        let pool = SeveralPool::builder().listener(wrong).build();
        match pool.spawn(1).await {
            Err(SpawnError::Boot(BootError::Option { option, reason })) => {
                assert_eq!(&*option, "listener");
                println!("{reason}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[pm_runtime::test]
async fn no_descriptor_is_left_behind() {
    let (listener, address) = bound();
    let port = ReusePort::bind("127.0.0.1:0").unwrap();
    let pool = ServerPool::builder().listener(listener).reuse_port(port).build();
    pool.spawn(2).await.unwrap();
    pool.respawn().await.unwrap();
    let before = pm_tests::open_descriptors();
    for _ in 0..5 {
        pool.respawn().await.unwrap();
        visit(address).unwrap();
    }
    // What belongs to a worker that is gone is closed soon after that is told.
    until(|| pm_tests::open_descriptors() <= before);
}
