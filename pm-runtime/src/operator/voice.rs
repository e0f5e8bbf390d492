//! What is said to a client: lines, which wait until it reads them, so that it is not heard meanwhile.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::task::Poll;

use async_channel::{Receiver, Sender};
use rustix::net::{SendFlags, send};
use smol::Async;
use smol::future::{or, yield_now};

use super::followed::Followed;
use super::protocol::Line;

/// Commands of a client that may be under way at once.
pub(super) const MOST_COMMANDS: usize = 64;

/// Whoever has something to say to a client has one of these. When none is left, and all was said, the
/// client is closed.
#[derive(Clone)]
pub(super) struct Voice {
    said: Sender<Said>,
    commands: Rc<Cell<usize>>,
}

/// What a client is to be told.
enum Said {
    Line(Line),
    /// What happens from now on, whenever there is nothing else to say.
    Events(Followed),
}

/// The voice of a command that is under way.
pub(super) struct Begun(Voice);

/// What a client is to be told, on its way there.
pub(super) struct Mouth(Receiver<Said>);

pub(super) fn channel() -> (Voice, Mouth) {
    // Who has more to say waits, and takes up nothing that a client has to say meanwhile.
    let (said, mouth) = async_channel::bounded(1);
    (Voice { said, commands: Rc::default() }, Mouth(mouth))
}

impl Voice {
    pub(super) async fn say(&self, line: Line) {
        // It fails only where the client is about to be closed.
        let _ = self.said.send(Said::Line(line)).await;
    }

    pub(super) async fn tell(&self, events: Followed) {
        let _ = self.said.send(Said::Events(events)).await;
    }

    /// Says no more than was said already.
    pub(super) fn close(&self) {
        self.said.close();
    }

    /// A command begins; `None`: too many are under way.
    pub(super) fn begin(&self) -> Option<Begun> {
        if self.commands.get() == MOST_COMMANDS {
            return None;
        }
        self.commands.set(self.commands.get() + 1);
        Some(Begun(self.clone()))
    }
}

impl Begun {
    pub(super) async fn end(self, line: Line) {
        self.0.say(line).await;
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let commands = &self.0.commands;
        commands.set(commands.get() - 1);
    }
}

impl Mouth {
    /// Says all that is to be said, until there is no more, or the client does not listen.
    ///
    /// Events are taken from their pools one at a time, as the client reads them: a pool keeps so many for
    /// it and counts the others, as for any reader.
    pub(super) async fn speak(self, stream: &Async<UnixStream>) {
        let mut events = None;
        loop {
            let line = match or(self.hear(), happened(&mut events)).await {
                Some(Said::Line(line)) => line,
                Some(Said::Events(followed)) => {
                    events = Some(followed);
                    continue;
                }
                None => return,
            };
            if write(stream, &written(&line)).await.is_err() {
                return;
            }
            // Where there is much to say, others have their turns all the same.
            yield_now().await;
        }
    }

    async fn hear(&self) -> Option<Said> {
        self.0.recv().await.ok()
    }
}

/// The next event, where events are told; `None`: too much has happened that the client has not read.
async fn happened(events: &mut Option<Followed>) -> Option<Said> {
    match events {
        Some(followed) => {
            let (pool, event) = followed.next().await?;
            Some(Said::Line(Line::Event { event, pool }))
        }
        None => poll_fn(|_| Poll::Pending).await,
    }
}

async fn write(stream: &Async<UnixStream>, line: &[u8]) -> io::Result<()> {
    let mut rest = line;
    while !rest.is_empty() {
        let sent = stream.write_with(|stream| send_some(stream, rest)).await?;
        rest = &rest[sent..];
    }
    Ok(())
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
    use std::io::{BufRead, BufReader};
    use std::sync::Arc;
    use std::time::{Duration, SystemTime};

    use smol::LocalExecutor;

    use super::*;
    use crate::event::Event;
    use crate::pool::{Channel, Watched};

    /// What happens in a pool of this number, and who tells of other pools.
    fn events(pool: u64) -> (Arc<Channel>, Followed, Sender<Watched>) {
        let channel = Arc::new(Channel::default());
        let (watching, watched) = async_channel::unbounded();
        watching.try_send((pool, channel.subscribe())).unwrap();
        (channel, Followed::of(watched), watching)
    }

    fn happen(channel: &Channel, workers: impl IntoIterator<Item = u64>) {
        let at = SystemTime::UNIX_EPOCH;
        workers.into_iter().for_each(|worker| channel.push(Event::Ready { worker, at }));
        channel.wake();
    }

    /// What is said to a client that does not read yet.
    fn deaf() -> (LocalExecutor<'static>, Voice, BufReader<UnixStream>) {
        let (client, stream) = UnixStream::pair().unwrap();
        let stream = Async::new(stream).unwrap();
        let (voice, mouth) = channel();
        let executor = LocalExecutor::new();
        executor.spawn(async move { mouth.speak(&stream).await }).detach();
        (executor, voice, BufReader::new(client))
    }

    /// Runs this as one task among others, which have their turns in between.
    fn run(executor: &LocalExecutor<'static>, task: impl Future<Output = ()> + 'static) {
        smol::block_on(executor.run(executor.spawn(task)));
    }

    #[test]
    fn who_does_not_read_is_told_what_it_missed_and_goes_on() {
        const MANY: u64 = 20_000;
        let (channel, followed, _watching) = events(7);
        let (executor, voice, client) = deaf();
        run(&executor, async move {
            voice.tell(followed).await;
            let flood = async {
                for worker in 0..MANY {
                    happen(&channel, [worker]);
                    yield_now().await;
                }
            };
            flood.await;
            let told = smol::unblock(move || {
                let (mut told, mut missed) = (0, 0);
                for line in client.lines() {
                    match serde_json::from_str(&line.unwrap()).unwrap() {
                        Line::Event { event: Event::Lagged { missed: more }, pool: 7 } => {
                            missed += more
                        }
                        Line::Event { event: Event::Ready { worker, .. }, pool: 7 } => {
                            assert_eq!(worker, told + missed, "in order");
                            told += 1;
                        }
                        other => panic!("{other}"),
                    }
                    if told + missed == MANY {
                        break;
                    }
                }
                (told, missed)
            });
            let (told, missed) = told.await;
            assert!(told > 1024 && missed > 1024, "{told} and {missed}");
        });
    }

    #[test]
    fn answers_come_before_events_that_wait() {
        let (channel, followed, _watching) = events(7);
        let (executor, voice, client) = deaf();
        happen(&channel, 0..1000);
        run(&executor, async move {
            voice.tell(followed).await;
            voice.say(Line::Error { error: "an answer".into(), id: None }).await;
            drop(voice);
            let lines = smol::unblock(|| client.lines().map(Result::unwrap).collect::<Vec<_>>());
            let lines = lines.await;
            assert!(lines.len() < 10, "{} lines", lines.len());
            assert_eq!(lines.last().unwrap(), r#"{"error":"an answer"}"#);
        });
    }

    #[test]
    fn where_much_happens_others_have_their_turns() {
        let (channel, followed, _watching) = events(7);
        let (executor, voice, client) = deaf();
        happen(&channel, 0..1000);
        run(&executor, async move {
            voice.tell(followed).await;
            let mut client = client.into_inner();
            client.set_nonblocking(true).unwrap();
            let (mut chunk, mut told) = (vec![0; 1 << 20], 0);
            while told < 1000 {
                // There may be nothing to read.
                let read = std::io::Read::read(&mut client, &mut chunk).unwrap_or(0);
                let more = chunk[..read].iter().filter(|&&byte| byte == b'\n').count();
                assert!(more < 4, "{more} at once");
                told += more;
                yield_now().await;
            }
        });
    }

    #[test]
    fn who_does_not_look_at_new_pools_is_told_what_there_was_and_closed() {
        let (channel, followed, watching) = events(7);
        let (executor, voice, client) = deaf();
        happen(&channel, 0..10);
        drop(watching);
        run(&executor, async move {
            voice.tell(followed).await;
            let lines = smol::unblock(|| client.lines().map(Result::unwrap).count());
            assert_eq!(lines.await, 10);
        });
    }

    #[test]
    fn a_line_of_any_length_is_said_and_the_next_one_waits_for_it() {
        let (executor, voice, client) = deaf();
        run(&executor, async move {
            let lines = smol::unblock(|| client.lines().map(Result::unwrap).collect::<Vec<_>>());
            for letter in ["x", "y"] {
                voice.say(Line::Error { error: letter.repeat(2 << 20), id: None }).await;
            }
            drop(voice);
            let lengths: Vec<_> = lines.await.iter().map(String::len).collect();
            assert_eq!(lengths, [(2 << 20) + r#"{"error":""}"#.len(); 2]);
        });
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
