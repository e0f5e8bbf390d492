//! One client: its requests, and what becomes of them.

use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use smol::future::{or, yield_now};
use smol::io::AsyncReadExt;
use smol::{Async, LocalExecutor, Timer};

use super::command::obey;
use super::followed::Followed;
use super::lines::Lines;
use super::protocol::{Command, Done, Id, LONGEST_REQUEST, Line, Request};
use super::voice::{self, MOST_COMMANDS, Voice};

/// Bytes that are read at a time.
const CHUNK: usize = 8 << 10;

/// How often a client that has said all is looked for, while there is something to tell it.
const LOOK: Duration = Duration::from_secs(1);

/// Serves a client until it hangs up, or sends too long a line. One that does not read is not heard.
pub(super) async fn attend(stream: Async<UnixStream>) {
    let (voice, mouth) = voice::channel();
    // What was asked for goes on beside what is asked for next, and ends with the client.
    let under_way = LocalExecutor::new();
    let reading = async {
        Ear { voice, hears_events: false }.listen(&stream, &under_way).await;
        // It may wait for what is under way: its mouth says when all is said.
        while !is_gone(&stream) {
            Timer::after(LOOK).await;
        }
    };
    under_way.run(or(reading, mouth.speak(&stream))).await;
}

/// Whether nobody is there any more, rather than that nobody has more to say.
fn is_gone(stream: &Async<UnixStream>) -> bool {
    let mut stream = [PollFd::new(stream, PollFlags::empty())];
    let polled = poll(&mut stream, Some(&Timespec::default()));
    polled.is_err() || stream[0].revents().intersects(PollFlags::HUP | PollFlags::ERR)
}

/// Who hears a client.
struct Ear {
    voice: Voice,
    /// It has asked for events, and gets them.
    hears_events: bool,
}

impl Ear {
    /// Hears requests until there are no more.
    async fn listen(mut self, mut stream: &Async<UnixStream>, under_way: &LocalExecutor<'static>) {
        let (mut lines, mut chunk) = (Lines::default(), vec![0; CHUNK]);
        loop {
            let read = stream.read(&mut chunk).await.unwrap_or(0);
            lines.push(&chunk[..read]);
            while let Some(line) = lines.next_line() {
                if line.len() > LONGEST_REQUEST {
                    return self.refuse_long_line().await;
                }
                self.hear(line, under_way).await;
                // One that says much holds up nobody.
                yield_now().await;
            }
            let rest = lines.rest();
            if rest.len() > LONGEST_REQUEST {
                return self.refuse_long_line().await;
            }
            if read == 0 {
                if !rest.is_empty() {
                    // The last line may lack its end.
                    self.hear(rest, under_way).await;
                }
                return;
            }
        }
    }

    async fn hear(&mut self, line: &[u8], under_way: &LocalExecutor<'static>) {
        let Request { id, command } = match Request::parse(line) {
            Ok(request) => request,
            Err(refusal) => return self.voice.say(refusal).await,
        };
        match command {
            Command::Events => self.tell_events(id).await,
            // These are done at once.
            Command::Health | Command::Forgive { .. } => {
                self.voice.say(answer(command, id).await).await;
            }
            _ => match self.voice.begin() {
                Some(begun) => {
                    under_way
                        .spawn(async move { begun.end(answer(command, id).await).await })
                        .detach();
                }
                None => {
                    let error = format!(
                        "{MOST_COMMANDS} commands are under way, which is the limit: wait for their answers"
                    );
                    self.voice.say(Line::Error { error, id }).await;
                }
            },
        }
    }

    async fn tell_events(&mut self, id: Option<Id>) {
        if self.hears_events {
            let error = "events are told already".into();
            return self.voice.say(Line::Error { error, id }).await;
        }
        self.hears_events = true;
        let followed = Followed::new();
        self.voice.say(Line::Ok { done: Done::Events, id }).await;
        self.voice.tell(followed).await;
    }

    /// Where the next request would begin is anybody's guess.
    async fn refuse_long_line(&self) {
        let error = format!("no request: a line may have {LONGEST_REQUEST} bytes at most; goodbye");
        self.voice.say(Line::Error { error, id: None }).await;
        self.voice.close();
    }
}

async fn answer(command: Command, id: Option<Id>) -> Line {
    match obey(command).await {
        Ok(done) => Line::Ok { done, id },
        Err(refusal) => Line::Error { error: refusal.to_string(), id },
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::Shutdown;

    use super::*;

    #[test]
    fn one_that_asks_much_at_once_leaves_others_their_turns() {
        const REQUESTS: usize = 60;
        let (mut client, stream) = UnixStream::pair().unwrap();
        client.write_all(&b"{\"do\":\"health\"}\n".repeat(REQUESTS)).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        client.set_nonblocking(true).unwrap();
        let clients = LocalExecutor::new();
        let answered = smol::block_on(clients.run(async {
            clients.spawn(attend(Async::new(stream).unwrap())).detach();
            // Another one counts the answers between its turns.
            let other = clients.spawn(async move {
                let (mut answered, mut chunk) = (Vec::new(), vec![0; 1 << 20]);
                while answered.iter().sum::<usize>() < REQUESTS {
                    // There may be nothing to read.
                    let read = client.read(&mut chunk).unwrap_or(0);
                    answered.push(chunk[..read].iter().filter(|byte| **byte == b'\n').count());
                    yield_now().await;
                }
                answered
            });
            other.await
        }));
        assert!(answered.iter().all(|count| *count < 4), "{answered:?}");
    }
}
