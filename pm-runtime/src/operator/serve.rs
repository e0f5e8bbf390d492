//! The socket's own thread: it lets clients in, and serves each.

use std::cell::Cell;
use std::convert::Infallible;
use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::rc::Rc;
use std::thread::JoinHandle;
use std::time::Duration;

use async_channel::{Receiver, Sender};
use rustix::process::{Uid, geteuid};
use smol::future::{or, yield_now};
use smol::{Async, LocalExecutor, Timer};

use super::client::attend;
use super::protocol::Line;
use super::voice::send_some;
use crate::process::peer::Peer;

/// Clients at once.
const MOST_CLIENTS: usize = 8;

/// How long nobody is let in when the system has no descriptor left: they go on waiting meanwhile.
const PAUSE: Duration = Duration::from_secs(1);

/// The thread, which ends when this is dropped.
pub(super) struct Served {
    /// Dropped first: nothing is ever sent.
    end: Option<Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    pub(super) fn start(listener: UnixListener) -> io::Result<Self> {
        let listener = Async::new(listener)?;
        let (end, ended) = async_channel::bounded(1);
        let thread = std::thread::Builder::new()
            .name("pm-operator".into())
            .spawn(move || smol::block_on(serve(listener, ended)))?;
        Ok(Self { end: Some(end), thread: Some(thread) })
    }

    /// Leaves all to the process whose fork this one is.
    pub(super) fn forget(&mut self) {
        std::mem::forget((self.end.take(), self.thread.take()));
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
            // It fails only if the thread panicked, of which the panic hook has told.
            let _ = thread.join();
        }
    }
}

async fn serve(listener: Async<UnixListener>, ended: Receiver<Infallible>) {
    let clients = LocalExecutor::new();
    let over = async { _ = ended.recv().await };
    clients.run(or(over, let_in(&listener, &clients))).await;
}

async fn let_in(listener: &Async<UnixListener>, clients: &LocalExecutor<'static>) {
    let there = Rc::new(Cell::new(0));
    loop {
        match listener.accept().await {
            Ok((stream, _)) => match admit(&stream, &there) {
                Ok(seat) => clients
                    .spawn(async move {
                        attend(stream).await;
                        drop(seat);
                    })
                    .detach(),
                Err(refusal) => refuse(&stream, refusal),
            },
            Err(_) => drop(Timer::after(PAUSE).await),
        }
        yield_now().await;
    }
}

/// One of the clients that there may be at once.
struct Seat(Rc<Cell<usize>>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

fn admit(stream: &Async<UnixStream>, there: &Rc<Cell<usize>>) -> Result<Seat, String> {
    let peer = Peer::of(stream).map_err(|error| format!("who are you? {error}"))?;
    if !may_ask(peer.uid, geteuid()) {
        return Err(format!("this is the socket of user {}", geteuid().as_raw()));
    }
    if there.get() == MOST_CLIENTS {
        return Err(format!("there are {MOST_CLIENTS} clients, which is the limit: come again"));
    }
    there.set(there.get() + 1);
    Ok(Seat(there.clone()))
}

/// The user of this application; and root, who could do all of it anyway.
fn may_ask(peer: Uid, user: Uid) -> bool {
    peer == user || peer.is_root()
}

/// Says why, as far as that can be said without waiting, and lets the client go.
fn refuse(stream: &Async<UnixStream>, error: String) {
    let line = format!("{}\n", Line::Error { error, id: None });
    // There is room for a line in a new socket, unless nobody is there any more.
    let _ = send_some(stream, line.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_user_and_root_may_ask() {
        let (root, user, other) = (Uid::ROOT, Uid::from_raw(1000), Uid::from_raw(1001));
        assert!(may_ask(user, user) && may_ask(root, user) && may_ask(root, root));
        assert!(!may_ask(other, user) && !may_ask(user, root));
    }
}
