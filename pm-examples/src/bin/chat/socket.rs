//! One user's connection, from its first byte to its end.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use async_tungstenite::tungstenite::protocol::CloseFrame;
use async_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use async_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use async_tungstenite::{WebSocketReceiver, WebSocketSender, WebSocketStream};
use rustix::net::sockopt;
use smol::Timer;
use smol::channel::{self, Receiver, Sender};
use smol::future::or;
use smol::io::AsyncReadExt;
use smol::net::{Shutdown, TcpStream};
use smol::stream::StreamExt;

use crate::http::{self, LONGEST_MESSAGE};
use crate::line::{News, SocketId};
use crate::worker::Sockets;

/// What may wait for a browser that reads slowly, beside what the kernel holds for it.
const QUEUE: usize = 256;
const QUEUE_BYTES: usize = 512 << 10;
const KERNEL_BYTES: usize = 64 << 10;
/// A user may say so much at once, and then one thing each time that the pace has passed.
const BURST: Duration = Duration::from_secs(2);
const PACE: Duration = Duration::from_millis(100);
/// The first request has to be whole within this, and a farewell heard.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a connection ends.
pub(crate) struct End {
    pub(crate) code: CloseCode,
    pub(crate) reason: String,
}

impl End {
    pub(crate) fn new(code: CloseCode, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }
}

/// What a socket is to be told: the worker puts it in, the connection takes it out.
pub(crate) struct Outgoing {
    queue: (Sender<Utf8Bytes>, Receiver<Utf8Bytes>),
    bytes: Cell<usize>,
    end: (Sender<End>, Receiver<End>),
}

impl Outgoing {
    pub(crate) fn new() -> Self {
        Self { queue: channel::bounded(QUEUE), bytes: Cell::new(0), end: channel::bounded(1) }
    }

    /// Who has no room for it is disconnected, so that nobody else waits, and nothing grows.
    pub(crate) fn tell(&self, text: Utf8Bytes) {
        let bytes = self.bytes.get() + text.len();
        if bytes <= QUEUE_BYTES && self.queue.0.try_send(text).is_ok() {
            self.bytes.set(bytes);
        } else {
            self.end(End::new(CloseCode::Policy, "did not keep up with what was said"));
        }
    }

    /// Ends the connection; what waits is not sent any more.
    pub(crate) fn end(&self, end: End) {
        // Where there is no room it ends already, for the reason that came first.
        let _ = self.end.0.try_send(end);
    }
}

/// Everything that becomes of a connection. Where it fails, its user sees that too.
pub(crate) async fn serve(mut stream: TcpStream, sockets: Rc<Sockets>) {
    let first = async {
        prepare(&stream)?;
        http::receive(&mut stream).await
    };
    if let Some(Ok(Some(upgraded))) = within(PATIENCE, first).await {
        stream = talk(upgraded.web_socket(stream).await, &sockets).await;
    }
    within(PATIENCE, hang_up(stream)).await;
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    sockopt::set_socket_send_buffer_size(stream, KERNEL_BYTES)?;
    // A browser that has vanished without a word is asked for a sign of life.
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, Duration::from_secs(30))?;
    sockopt::set_tcp_user_timeout(stream, 60_000)?;
    Ok(())
}

async fn talk(socket: WebSocketStream<TcpStream>, sockets: &Sockets) -> TcpStream {
    let (mut to, mut from) = socket.split();
    let (number, outgoing) = sockets.enter();
    let going = async {
        sockets.say(News::Opened { socket: number }).await?;
        or(read(&mut from, number, sockets), write(&mut to, &outgoing)).await
    };
    let ended = async { outgoing.end.1.recv().await.ok() };
    let end = or(ended, going).await.unwrap_or(End::new(CloseCode::Normal, "has left"));
    sockets.leave(number);
    // Where the parent is gone, this process ends.
    let _ = sockets.say(News::Gone { socket: number, reason: &end.reason }).await;
    // Behind whatever has been begun. Who does not read it misses it.
    let frame = CloseFrame { code: end.code, reason: end.reason.into() };
    within(PATIENCE, to.send(Message::Close(Some(frame)))).await;
    WebSocketStream::reunite(to, from).expect("they are of one socket").into_inner()
}

/// Passes on what the user says, no faster than the parent hears it. `None`: the user has left.
async fn read(
    from: &mut WebSocketReceiver<TcpStream>,
    socket: SocketId,
    sockets: &Sockets,
) -> Option<End> {
    // When all that was said would have been said at the pace.
    let mut until = Instant::now();
    loop {
        match from.next().await? {
            Ok(Message::Text(text)) => sockets.say(News::Said { socket, text: &text }).await?,
            Ok(Message::Binary(_)) => {
                return Some(End::new(CloseCode::Unsupported, "has sent what is no text"));
            }
            // The library answers those.
            Ok(_) => {}
            Err(Error::Capacity(_)) => {
                let reason = format!("has sent more than {LONGEST_MESSAGE} bytes at once");
                return Some(End::new(CloseCode::Size, reason));
            }
            Err(Error::Protocol(_) | Error::Utf8(_)) => {
                return Some(End::new(CloseCode::Protocol, "has broken the protocol"));
            }
            Err(_) => return None,
        }
        let now = Instant::now();
        until = until.max(now) + PACE;
        if until > now + BURST {
            Timer::at(until - BURST).await;
        }
    }
}

/// Tells the user what there is to tell. `None`: the connection is lost.
async fn write(to: &mut WebSocketSender<TcpStream>, outgoing: &Outgoing) -> Option<End> {
    loop {
        let text = outgoing.queue.1.recv().await.ok()?;
        let length = text.len();
        to.send(Message::Text(text)).await.ok()?;
        outgoing.bytes.set(outgoing.bytes.get() - length);
    }
}

/// Closes the connection so that what was said last arrives: not while something has come that nobody
/// has read, as the kernel resets it then.
async fn hang_up(mut stream: TcpStream) {
    let mut rest = [0; 4096];
    if stream.shutdown(Shutdown::Write).is_ok() {
        while stream.read(&mut rest).await.is_ok_and(|count| count > 0) {}
    }
}

/// `None`: it took longer.
async fn within<T>(time: Duration, future: impl Future<Output = T>) -> Option<T> {
    let over = async {
        Timer::after(time).await;
        None
    };
    or(async { Some(future.await) }, over).await
}
