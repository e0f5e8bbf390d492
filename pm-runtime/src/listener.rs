//! Sockets that connections come to, and that workers accept on.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::sync::{Arc, Mutex};

use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

use crate::sync::lock;

/// Listening sockets that a worker can be handed.
pub(crate) const MOST: usize = 64;

/// Connections that may wait to be accepted: what the standard library asks for is 128, which a burst
/// fills while a worker is replaced. The kernel allows no more than `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// A listening socket: what [`PoolBuilder::listener`](crate::PoolBuilder::listener) takes, and
/// [`RawLink::listeners`](crate::RawLink::listeners) gives.
#[derive(Debug)]
#[non_exhaustive]
pub enum Listener {
    /// Of TCP.
    Tcp(TcpListener),
    /// Of Unix sockets.
    Unix(UnixListener),
}

impl Listener {
    fn try_clone(&self) -> io::Result<Self> {
        match self {
            Self::Tcp(listener) => listener.try_clone().map(Self::Tcp),
            Self::Unix(listener) => listener.try_clone().map(Self::Unix),
        }
    }

    /// Another one of the same, if it is of TCP.
    pub(crate) fn tcp(&self) -> Option<TcpListener> {
        match self {
            Self::Tcp(listener) => listener.try_clone().ok(),
            Self::Unix(_) => None,
        }
    }

    /// Another one of the same, if it is of Unix sockets.
    pub(crate) fn unix(&self) -> Option<UnixListener> {
        match self {
            Self::Unix(listener) => listener.try_clone().ok(),
            Self::Tcp(_) => None,
        }
    }

    /// Why it is none: what was made of a descriptor may be a socket of any kind.
    fn objection(&self) -> Option<String> {
        let socket = self.as_fd();
        let is_of_its_kind = match (self, sockopt::socket_domain(socket)) {
            (Self::Tcp(_), Ok(domain)) => {
                [AddressFamily::INET, AddressFamily::INET6].contains(&domain)
            }
            (Self::Unix(_), Ok(domain)) => domain == AddressFamily::UNIX,
            (_, Err(_)) => return Some("it is no socket".to_owned()),
        };
        if !is_of_its_kind {
            return Some("it is a socket of another kind than its type says".to_owned());
        }
        if sockopt::socket_type(socket) != Ok(SocketType::STREAM) {
            return Some("it is no socket of streams, such as TCP".to_owned());
        }
        if !sockopt::socket_acceptconn(socket).unwrap_or(false) {
            return Some("it does not listen: call `listen` on it first".to_owned());
        }
        None
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self::Tcp(listener)
    }
}

impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Self {
        Self::Unix(listener)
    }
}

/// Of a descriptor that the application was started with, as service managers do it.
///
/// # Errors
///
/// It is no listening socket of TCP or of Unix streams.
impl TryFrom<OwnedFd> for Listener {
    type Error = io::Error;

    fn try_from(socket: OwnedFd) -> io::Result<Self> {
        let listener = match sockopt::socket_domain(&socket)? {
            AddressFamily::UNIX => Self::Unix(UnixListener::from(socket)),
            _ => Self::Tcp(TcpListener::from(socket)),
        };
        match listener.objection() {
            Some(objection) => Err(io::Error::new(io::ErrorKind::InvalidInput, objection)),
            None => Ok(listener),
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(listener) => listener.as_fd(),
            Self::Unix(listener) => listener.as_fd(),
        }
    }
}

/// A TCP port on which each worker has a listening socket of its own (`SO_REUSEPORT`): what
/// [`PoolBuilder::reuse_port`](crate::PoolBuilder::reuse_port) takes.
///
/// The kernel gives each connection to one of the sockets, by a hash of its addresses, whether or not
/// the worker that accepts there is busy. The application keeps every socket, and hands that of a worker
/// that is gone to the one that takes its place: what has come meanwhile waits. Where the pool gets
/// smaller, sockets are closed, and the kernel resets what waits there. It is for one pool.
#[derive(Debug, Clone)]
pub struct ReusePort {
    address: SocketAddr,
    sockets: Arc<Mutex<Vec<Held>>>,
}

/// A socket, and the workers that accept on it, and stay.
#[derive(Debug)]
struct Held {
    socket: Arc<TcpListener>,
    holders: Vec<u64>,
}

/// A worker that is to accept somewhere.
pub(crate) struct Taker<'a> {
    pub(crate) worker: u64,
    /// How many workers there are to be.
    pub(crate) most: usize,
    /// Whether a worker stays only until it is replaced.
    pub(crate) is_old: &'a dyn Fn(u64) -> bool,
}

impl ReusePort {
    /// Takes a port; port 0 is one that is free.
    ///
    /// # Errors
    ///
    /// The address makes no sense or is not of this machine, or somebody else has the port.
    ///
    /// ```
    /// use pm_runtime::{RawLink, ReusePort, worker_raw};
    /// use std::io::{Read, Write};
    /// use std::net::TcpStream;
    ///
    /// /// Tells who it is.
    /// #[worker_raw(workers = 2)]
    /// fn greet(link: RawLink) -> std::io::Result<()> {
    ///     let listener = link.listener().ok_or(std::io::ErrorKind::NotFound)?;
    ///     for connection in listener.incoming() {
    ///         write!(connection?, "worker {}", link.worker_id())?;
    ///     }
    ///     Ok(())
    /// }
    ///
    /// #[pm_runtime::main]
    /// async fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///     let port = ReusePort::bind("127.0.0.1:0")?;
    ///     let address = port.local_addr();
    ///     let grace = std::time::Duration::ZERO;
    ///     let pool = GreetPool::builder().reuse_port(port).grace(grace).build();
    ///     pool.start().await?;
    ///     let mut greeting = String::new();
    ///     TcpStream::connect(address)?.read_to_string(&mut greeting)?;
    ///     assert!(greeting == "worker 1" || greeting == "worker 2");
    ///     Ok(())
    /// }
    /// ```
    pub fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        let mut last = io::Error::new(io::ErrorKind::InvalidInput, "there is no address");
        for address in address.to_socket_addrs()? {
            match listen(address) {
                Ok(socket) => {
                    let address = socket.local_addr()?;
                    let held = Held { socket: Arc::new(socket), holders: Vec::new() };
                    return Ok(Self { address, sockets: Arc::new(Mutex::new(vec![held])) });
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// The address, with the port that was taken.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The socket on which the fewest workers accept that will stay, or a new one if all have some and
    /// there are not `most`.
    fn hold(&self, taker: &Taker<'_>) -> io::Result<Hold> {
        let mut sockets = lock(&self.sockets);
        let all_are_held = sockets.iter().all(|held| !held.holders.is_empty());
        if all_are_held && sockets.len() < taker.most {
            let socket = Arc::new(listen(self.address)?);
            sockets.push(Held { socket, holders: Vec::new() });
        }
        let stay = |held: &Held| held.holders.iter().filter(|old| !(taker.is_old)(**old)).count();
        let fewest = sockets.iter_mut().min_by_key(|held| (stay(held), held.holders.len()));
        let held = fewest.ok_or(io::ErrorKind::NotFound)?;
        held.holders.push(taker.worker);
        Ok(Hold { port: self.clone(), socket: held.socket.clone(), worker: taker.worker })
    }

    /// Closes sockets that nobody accepts on, beyond so many; one stays in any case.
    fn close_beyond(&self, most: usize) {
        let mut sockets = lock(&self.sockets);
        let mut surplus = sockets.len().saturating_sub(most.max(1));
        sockets.retain(|held| {
            let closes = surplus > 0 && held.holders.is_empty();
            surplus -= usize::from(closes);
            !closes
        });
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = rustix::net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_reuseport(&socket, true)?;
    // As the standard library does it: a port whose last connections linger is free.
    sockopt::set_socket_reuseaddr(&socket, true)?;
    rustix::net::bind(&socket, &address)?;
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(socket.into())
}

/// A worker accepts on this socket, as long as it stays.
#[derive(Debug)]
pub(crate) struct Hold {
    port: ReusePort,
    socket: Arc<TcpListener>,
    worker: u64,
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut sockets = lock(&self.port.sockets);
        let held = sockets.iter_mut().find(|held| Arc::ptr_eq(&held.socket, &self.socket));
        if let Some(held) = held
            && let Some(place) = held.holders.iter().position(|holder| *holder == self.worker)
        {
            held.holders.swap_remove(place);
        }
    }
}

/// Where the workers of a pool accept connections, in the order in which it was told.
#[derive(Debug, Clone, Default)]
pub(crate) struct Listeners(Vec<Port>);

#[derive(Debug, Clone)]
enum Port {
    /// All accept on the same socket.
    Shared(Arc<Listener>),
    Each(ReusePort),
}

/// What a worker is handed.
#[derive(Debug, Default)]
pub(crate) struct Handed {
    pub(crate) sockets: Vec<OwnedFd>,
    pub(crate) holds: Vec<Hold>,
}

impl Listeners {
    pub(crate) fn share(&mut self, listener: Listener) {
        self.0.push(Port::Shared(Arc::new(listener)));
    }

    pub(crate) fn reuse(&mut self, port: ReusePort) {
        self.0.push(Port::Each(port));
    }

    /// Whether each worker has one of its own.
    pub(crate) fn reuses(&self) -> bool {
        self.0.iter().any(|port| matches!(port, Port::Each(_)))
    }

    /// Why they cannot be handed to workers.
    pub(crate) fn mistake(&self) -> Option<String> {
        if self.0.len() > MOST {
            return Some(format!("a worker takes {MOST} at most"));
        }
        self.0.iter().find_map(|port| match port {
            Port::Shared(listener) => listener.objection(),
            Port::Each(_) => None,
        })
    }

    /// The sockets for one more worker.
    pub(crate) fn hand(&self, taker: &Taker<'_>) -> io::Result<Handed> {
        let mut handed = Handed::default();
        for port in &self.0 {
            let socket = match port {
                Port::Shared(listener) => listener.as_fd().try_clone_to_owned()?,
                Port::Each(port) => {
                    let hold = port.hold(taker)?;
                    let socket = hold.socket.as_fd().try_clone_to_owned()?;
                    handed.holds.push(hold);
                    socket
                }
            };
            handed.sockets.push(socket);
        }
        Ok(handed)
    }

    /// There are to be so many workers from now on.
    pub(crate) fn close_beyond(&self, most: usize) {
        for port in &self.0 {
            if let Port::Each(port) = port {
                port.close_beyond(most);
            }
        }
    }
}

/// What a worker was handed: what is no listener is left out, as its pool has seen to it that there is
/// none.
pub(crate) fn received(sockets: impl IntoIterator<Item = OwnedFd>) -> Vec<Listener> {
    sockets.into_iter().filter_map(|socket| Listener::try_from(socket).ok()).collect()
}

/// Others of the same, as far as there are descriptors for them.
pub(crate) fn others(listeners: &[Listener]) -> Vec<Listener> {
    listeners.iter().filter_map(|listener| listener.try_clone().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(port: &ReusePort) -> Vec<Vec<u64>> {
        lock(&port.sockets).iter().map(|held| held.holders.clone()).collect()
    }

    /// A worker of a pool of three, of which those below `new` are to be replaced.
    fn hold(port: &ReusePort, worker: u64, new: u64) -> Hold {
        port.hold(&Taker { worker, most: 3, is_old: &|worker| worker < new }).unwrap()
    }

    #[test]
    fn each_worker_has_a_socket_and_a_replacement_that_of_its_predecessor() {
        let port = ReusePort::bind("127.0.0.1:0").unwrap();
        let mut holds: Vec<Hold> = (1..=3).map(|worker| hold(&port, worker, 0)).collect();
        assert_eq!(held(&port), [[1], [2], [3]]);
        drop(holds.remove(1));
        port.close_beyond(3);
        let another = hold(&port, 4, 0);
        assert_eq!(held(&port), [[1], [4], [3]]);
        drop((another, holds));
        port.close_beyond(2);
        assert_eq!(held(&port).len(), 2);
        port.close_beyond(0);
        assert_eq!(held(&port).len(), 1, "the port is kept");
    }

    #[test]
    fn after_a_rolling_respawn_each_has_one_again_in_whatever_order_that_went() {
        for order in [[1, 2, 3], [1, 3, 2], [2, 1, 3], [2, 3, 1], [3, 1, 2], [3, 2, 1]] {
            for ahead in 1..=3 {
                let port = ReusePort::bind("127.0.0.1:0").unwrap();
                let mut old: Vec<Hold> = (1..=3).map(|worker| hold(&port, worker, 0)).collect();
                let mut next = 4..=6;
                // So many are started before the first one may go.
                let mut new: Vec<Hold> =
                    next.by_ref().take(ahead).map(|worker| hold(&port, worker, 4)).collect();
                for gone in order {
                    old.retain(|hold| hold.worker != gone);
                    new.extend(next.next().map(|worker| hold(&port, worker, 4)));
                }
                let held = held(&port);
                assert!(
                    held.iter().all(|holders| holders.len() == 1),
                    "{order:?} {ahead} {held:?}"
                );
            }
        }
    }

    #[test]
    fn a_port_that_is_taken_is_an_error() {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let error = ReusePort::bind(other.local_addr().unwrap()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn what_is_no_listener_is_refused() {
        let (stream, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        let error = Listener::try_from(OwnedFd::from(stream)).unwrap_err();
        assert!(error.to_string().starts_with("it does not listen"), "{error}");
        let datagrams = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let error = Listener::try_from(OwnedFd::from(datagrams)).unwrap_err();
        assert!(error.to_string().starts_with("it is no socket of streams"), "{error}");
        let file = std::fs::File::open("/dev/null").unwrap();
        assert!(Listener::try_from(OwnedFd::from(file)).is_err());
    }
}
