//! What is said to a client: lines, which wait until it reads them, and do not wait without end.

use std::cell::Cell;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::rc::Rc;

use async_channel::{Receiver, Sender, WeakSender};
use rustix::net::{SendFlags, send};
use smol::Async;

use super::protocol::Line;

/// A client for which more bytes than this wait is closed.
const MOST_WAITING: usize = 1 << 20;

/// Commands of a client that may be under way at once.
pub(super) const MOST_COMMANDS: usize = 64;

/// Whoever has something to say to a client has one of these. When none is left, and all was said, the
/// client is closed.
#[derive(Clone)]
pub(super) struct Voice {
    lines: Sender<Vec<u8>>,
    counts: Rc<Counts>,
}

/// One that says what there is to say as long as others have something to say.
pub(super) struct Aside {
    lines: WeakSender<Vec<u8>>,
    counts: Rc<Counts>,
}

/// The voice of a command that is under way.
pub(super) struct Begun(Voice);

/// What a client is to be told, on its way there.
pub(super) struct Mouth {
    lines: Receiver<Vec<u8>>,
    counts: Rc<Counts>,
    /// Closed when it is too slow.
    slow: Receiver<()>,
}

struct Counts {
    /// Bytes that wait.
    waiting: Cell<usize>,
    commands: Cell<usize>,
    slow: Sender<()>,
}

pub(super) fn channel() -> (Voice, Mouth) {
    let (sender, lines) = async_channel::unbounded();
    let (slow, is_slow) = async_channel::bounded(1);
    let counts = Rc::new(Counts { waiting: Cell::new(0), commands: Cell::new(0), slow });
    let voice = Voice { lines: sender, counts: counts.clone() };
    (voice, Mouth { lines, counts, slow: is_slow })
}

impl Voice {
    pub(super) fn say(&self, line: &Line) {
        if self.counts.waiting.get() > MOST_WAITING {
            self.counts.slow.close();
            return;
        }
        let line = written(line);
        self.counts.waiting.set(self.counts.waiting.get() + line.len());
        // It fails only where the client is about to be closed.
        let _ = self.lines.try_send(line);
    }

    /// Says no more than was said already.
    pub(super) fn close(&self) {
        self.lines.close();
    }

    /// A command begins; `None`: too many are under way.
    pub(super) fn begin(&self) -> Option<Begun> {
        let commands = &self.counts.commands;
        if commands.get() == MOST_COMMANDS {
            return None;
        }
        commands.set(commands.get() + 1);
        Some(Begun(self.clone()))
    }

    pub(super) fn aside(&self) -> Aside {
        Aside { lines: self.lines.downgrade(), counts: self.counts.clone() }
    }
}

impl Aside {
    /// `None`: nobody else has anything to say any more.
    pub(super) fn voice(&self) -> Option<Voice> {
        Some(Voice { lines: self.lines.upgrade()?, counts: self.counts.clone() })
    }
}

impl Begun {
    pub(super) fn end(self, line: &Line) {
        self.0.say(line);
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let commands = &self.0.counts.commands;
        commands.set(commands.get() - 1);
    }
}

impl Mouth {
    /// Says all that is to be said, until there is no more, or the client does not listen.
    pub(super) async fn speak(self, stream: &Async<UnixStream>) {
        let Self { lines, counts, slow } = self;
        let speak = async {
            while let Ok(line) = lines.recv().await {
                let mut rest = &line[..];
                while !rest.is_empty() {
                    let Ok(sent) = stream.write_with(|stream| send_some(stream, rest)).await else {
                        return;
                    };
                    rest = &rest[sent..];
                    counts.waiting.set(counts.waiting.get() - sent);
                }
            }
        };
        // Nothing is ever sent over the latter.
        smol::future::or(speak, async { _ = slow.recv().await }).await;
    }
}

/// A line as it is sent; one that cannot be written, because it has a time before 1970, says so.
fn written(line: &Line) -> Vec<u8> {
    let text = serde_json::to_string(line).unwrap_or_else(|error| {
        let (what, id) = match line {
            Line::Ok { id, .. } | Line::Error { id, .. } => ("the answer", id.clone()),
            Line::Event { .. } => ("an event", None),
        };
        let error = format!("{what} cannot be written (is the clock right?): {error}");
        // Text and a number can be written.
        Line::Error { error, id }.to_string()
    });
    (text + "\n").into_bytes()
}

/// Sends as much as there is room for. Where the client has hung up that is an error, and not the signal
/// which ends an application that does not ignore `SIGPIPE`.
pub(super) fn send_some(stream: impl AsFd, bytes: &[u8]) -> io::Result<usize> {
    Ok(send(stream, bytes, SendFlags::NOSIGNAL | SendFlags::DONTWAIT)?)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use smol::LocalExecutor;
    use smol::io::AsyncReadExt;

    use super::*;
    use crate::event::Event;

    #[test]
    fn what_a_client_has_read_of_a_long_line_waits_no_more() {
        let executor = LocalExecutor::new();
        smol::block_on(executor.run(async {
            let (mut client, stream) = Async::<UnixStream>::pair().unwrap();
            let (voice, mouth) = channel();
            let spoken = executor.spawn(async move { mouth.speak(&stream).await });
            voice.say(&Line::Error { error: "x".repeat(2 * MOST_WAITING), id: None });
            let mut begin = vec![0; 3 * MOST_WAITING / 2];
            client.read_exact(&mut begin).await.unwrap();
            voice.say(&Line::Error { error: "y".into(), id: None });
            drop(voice);
            let mut rest = String::new();
            client.read_to_string(&mut rest).await.unwrap();
            assert!(rest.ends_with("\n{\"error\":\"y\"}\n"), "{} bytes", rest.len());
            spoken.await;
        }));
    }

    #[test]
    fn a_time_before_1970_is_told_as_a_mistake() {
        let at = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        let event = Event::TimedOut { worker: 1, at, after: Duration::ZERO };
        let line = String::from_utf8(written(&Line::Event { event, pool: 1 })).unwrap();
        assert!(line.starts_with("{\"error\":\"an event cannot be written"), "{line}");
        assert!(line.ends_with("}\n"), "{line}");
    }
}
