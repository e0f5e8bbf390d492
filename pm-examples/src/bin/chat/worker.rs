//! What a worker does: it accepts users, and holds their sockets. It knows nothing else of them but
//! which rooms they are in.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use async_tungstenite::tungstenite::Utf8Bytes;
use async_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use pm_runtime::{RawLink, RawReceiver, RawSender, worker_raw};
use rustix::io::Errno;
use smol::channel::{self, Sender};
use smol::future::{or, yield_now};
use smol::net::TcpListener;
use smol::{LocalExecutor, Timer};

use crate::line::{News, Order, SocketId};
use crate::socket::{self, End, Outgoing};

/// Holds the connections of some users, until it is released.
#[worker_raw]
pub(crate) async fn chat(link: RawLink) -> io::Result<()> {
    let listener = link.listener().ok_or_else(|| io::Error::other("no listener was given"))?;
    let listener = TcpListener::try_from(listener)?;
    let (parent, orders) = link.split();
    let sockets = Rc::new(Sockets::new(parent));
    let (alive, all_gone) = channel::bounded(1);
    let executor = LocalExecutor::new();
    let work = async {
        // A task as the sockets are, so that all have their turns.
        let obeying = executor.spawn(obey(orders, sockets.clone()));
        let accepting = accept(&executor, listener, &sockets, alive);
        or(obeying, async { accepting.await.map(|never| match never {}) }).await?;
        sockets.close_all();
        // Nothing is ever sent: it ends with the last connection.
        let _ = all_gone.recv().await;
        Ok(())
    };
    executor.run(work).await
}

/// Accepts connections, beside all other workers. What comes while this one is busy, or when it has
/// ended, another accepts.
async fn accept<'a>(
    executor: &LocalExecutor<'a>,
    listener: TcpListener,
    sockets: &Rc<Sockets>,
    alive: Sender<Infallible>,
) -> io::Result<Infallible> {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let (sockets, alive) = (sockets.clone(), alive.clone());
                let serve = async move {
                    socket::serve(stream, sockets).await;
                    drop(alive);
                };
                executor.spawn(serve).detach();
            }
            Err(error) => match Errno::from_io_error(&error) {
                // It was given up before it was accepted.
                Some(Errno::CONNABORTED) => {}
                // Too many are open. Those that wait find room later, or in another worker.
                Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => {
                    Timer::after(Duration::from_millis(100)).await;
                }
                _ => return Err(error),
            },
        }
        yield_now().await;
    }
}

/// Does what the parent says, and waits for no socket.
async fn obey(orders: RawReceiver, sockets: Rc<Sockets>) -> io::Result<()> {
    while let Some(message) = orders.recv().await? {
        sockets.obey(Order::parse(&message).map_err(io::Error::other)?);
        // So that the sockets send it before the next one comes.
        yield_now().await;
    }
    Ok(())
}

pub(crate) struct Sockets {
    parent: RawSender,
    last: Cell<SocketId>,
    is_closing: Cell<bool>,
    open: RefCell<HashMap<SocketId, Rc<Outgoing>>>,
    rooms: RefCell<HashMap<String, HashSet<SocketId>>>,
}

impl Sockets {
    fn new(parent: RawSender) -> Self {
        let (last, is_closing) = Default::default();
        Self { parent, last, is_closing, open: RefCell::default(), rooms: RefCell::default() }
    }

    /// A connection has become one of a user.
    pub(crate) fn enter(&self) -> (SocketId, Rc<Outgoing>) {
        let number = self.last.get() + 1;
        self.last.set(number);
        let outgoing = Rc::new(Outgoing::new());
        if self.is_closing.get() {
            outgoing.end(replaced());
        }
        self.open.borrow_mut().insert(number, outgoing.clone());
        (number, outgoing)
    }

    /// And is none any more.
    pub(crate) fn leave(&self, number: SocketId) {
        self.open.borrow_mut().remove(&number);
        self.rooms.borrow_mut().retain(|_, members| {
            members.remove(&number);
            !members.is_empty()
        });
    }

    /// `None`: the parent is gone, and this process ends.
    pub(crate) async fn say(&self, news: News<'_>) -> Option<()> {
        self.parent.send(&news.to_string()).await.ok()
    }

    fn close_all(&self) {
        self.is_closing.set(true);
        self.open.borrow().values().for_each(|socket| socket.end(replaced()));
    }

    /// A socket that is gone is left out: the parent may not have heard of it.
    fn obey(&self, order: Order<'_>) {
        let open = self.open.borrow();
        let mut rooms = self.rooms.borrow_mut();
        match order {
            Order::Send { socket, text } => tell(open.get(&socket), text),
            Order::Room { room, text } => {
                let members = rooms.get(room).into_iter().flatten();
                tell(members.filter_map(|member| open.get(member)), text);
            }
            Order::All { text } => tell(open.values(), text),
            Order::Join { room, socket } if open.contains_key(&socket) => {
                rooms.entry(room.to_owned()).or_default().insert(socket);
            }
            Order::Join { .. } => {}
            Order::Leave { room, socket } => {
                if let Some(members) = rooms.get_mut(room) {
                    members.remove(&socket);
                }
            }
            Order::Close { socket, reason } => {
                if let Some(socket) = open.get(&socket) {
                    socket.end(End::new(CloseCode::Policy, reason));
                }
            }
        }
    }
}

/// One text, whose bytes all of them share.
fn tell<'a>(sockets: impl IntoIterator<Item = &'a Rc<Outgoing>>, text: &str) {
    let text = Utf8Bytes::from(text);
    sockets.into_iter().for_each(|socket| socket.tell(text.clone()));
}

fn replaced() -> End {
    End::new(CloseCode::Restart, "was on a worker that was replaced")
}
