//! The parent at work: it hears workers and the operator, and has the workers told what follows.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use pm_runtime::{RawError, Worker};
use rustix::process::{Pid, kill_process};
use smol::channel::{self, Receiver, Sender};
use smol::future::or;
use smol::io::{AsyncBufReadExt, BufReader};
use smol::stream::StreamExt;
use smol::{Timer, Unblock};

use crate::hub::{Hub, UserId};
use crate::line::News;
use crate::operator::{Command, HELP};
use crate::worker::ChatPool;

/// A worker that takes nothing for so long holds everybody up, and is killed.
const STUCK: Duration = Duration::from_secs(5);

enum Event {
    Up(Worker),
    Heard(u64, Vec<u8>),
    /// A worker has ended; with an error, if that was not because it was released.
    Down(u64, Option<RawError>),
    Line(String),
}

pub(crate) struct Server {
    pool: ChatPool,
    hub: Hub,
    workers: BTreeMap<u64, Worker>,
    sender: Sender<Event>,
    events: Receiver<Event>,
}

impl Server {
    pub(crate) fn new(pool: ChatPool) -> Self {
        // Where it is full, workers wait, and with them the users that say so much.
        let (sender, events) = channel::bounded(64);
        let up = sender.clone();
        pool.on_spawn(move |worker| {
            // Nobody waits for it any more when all is over.
            let _ = up.send_blocking(Event::Up(worker));
        });
        Self { pool, hub: Hub::default(), workers: BTreeMap::new(), sender, events }
    }

    /// Serves until the operator ends it.
    pub(crate) async fn run(mut self) {
        smol::spawn(read_commands(self.sender.clone())).detach();
        while let Ok(event) = self.events.recv().await {
            match event {
                Event::Up(worker) => self.worker_up(worker),
                Event::Heard(worker, message) => self.heard(worker, &message),
                Event::Down(worker, error) => self.worker_down(worker, error),
                Event::Line(line) => match Command::parse(&line) {
                    Some(command) => self.command(command),
                    None => say(HELP),
                },
            }
            self.deliver().await;
        }
    }

    fn worker_up(&mut self, worker: Worker) {
        say(&format!("worker {} is up, as process {}", worker.id(), worker.pid()));
        self.hub.worker_up(worker.id());
        self.workers.insert(worker.id(), worker.clone());
        smol::spawn(listen(worker, self.sender.clone())).detach();
    }

    fn worker_down(&mut self, id: u64, error: Option<RawError>) {
        self.workers.remove(&id);
        let (why, how) = match error {
            Some(error) => (format!("was on worker {id}, which died"), error.to_string()),
            None => (format!("was on worker {id}, which ended"), format!("worker {id} has ended")),
        };
        let users = self.hub.worker_gone(id, &why);
        say(&format!("{how}; {users} users were connected there"));
    }

    fn heard(&mut self, id: u64, message: &[u8]) {
        let Some(worker) = self.workers.get(&id) else { return };
        let user = |socket| UserId { worker: id, socket };
        match News::parse(message) {
            Ok(News::Opened { socket }) => {
                worker.add_load(1);
                self.hub.opened(user(socket));
            }
            Ok(News::Said { socket, text }) => self.hub.said(user(socket), text),
            Ok(News::Gone { socket, reason }) => {
                worker.add_load(-1);
                self.hub.gone(user(socket), reason);
            }
            Err(error) => {
                say(&format!("worker {id} is killed: {error}"));
                kill(worker);
            }
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Say(text) => self.hub.notice(&text),
            Command::Kick(name) => match self.hub.kick(&name) {
                true => say(&format!("{name} was disconnected")),
                false => say(&format!("nobody here is called {name}")),
            },
            Command::Workers => self.pool.workers().iter().for_each(show),
            Command::Respawn => {
                let pool = self.pool.clone();
                smol::spawn(async move {
                    match pool.respawn().await {
                        Ok(()) => say("all workers were replaced"),
                        Err(error) => say(&format!("the old workers stay: {error}")),
                    }
                })
                .detach();
            }
            Command::Kill(id) => match self.workers.get(&id) {
                Some(worker) => kill(worker),
                None => say(&format!("there is no worker {id}")),
            },
            Command::Quit => {
                // They say farewell to their users; meanwhile all goes on.
                let (pool, events) = (self.pool.clone(), self.sender.clone());
                smol::spawn(async move {
                    pool.destroy().await;
                    events.close();
                })
                .detach();
            }
        }
    }

    /// Has the workers told what follows from what was heard. While one of them takes nothing, nothing
    /// else is heard, so that nothing piles up here either; it has not long to come back.
    async fn deliver(&mut self) {
        for (id, order) in self.hub.take_orders() {
            let Some(worker) = self.workers.get(&id) else { continue };
            // Where it has ended, its users are connecting to another one.
            if worker.try_send(&order) != Err(RawError::Full) {
                continue;
            }
            let stuck = async {
                Timer::after(STUCK).await;
                say(&format!("worker {id} is killed: it takes nothing any more"));
                kill(worker);
            };
            let sent = async {
                let _ = worker.send(&order).await;
            };
            or(sent, stuck).await;
        }
    }
}

/// Passes on what a worker says, up to its end.
async fn listen(worker: Worker, events: Sender<Event>) {
    let error = loop {
        match worker.recv().await {
            Ok(Some(message)) => {
                if events.send(Event::Heard(worker.id(), message)).await.is_err() {
                    return;
                }
            }
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    // Nobody waits for it any more when all is over.
    let _ = events.send(Event::Down(worker.id(), error)).await;
}

/// Without an operator, or when that has gone away, it serves all the same.
async fn read_commands(events: Sender<Event>) {
    let mut lines = BufReader::new(Unblock::new(io::stdin())).lines();
    while let Some(Ok(line)) = lines.next().await {
        if events.send(Event::Line(line)).await.is_err() {
            return;
        }
    }
}

fn show(worker: &Worker) {
    let rss = worker.health().and_then(|health| health.rss);
    let memory = rss.map_or_else(String::new, |rss| format!(", {} KiB", rss / 1024));
    let (id, pid, users) = (worker.id(), worker.pid(), worker.load());
    say(&format!("worker {id}: process {pid}, {users} users{memory}"));
}

fn kill(worker: &Worker) {
    let pid = i32::try_from(worker.pid()).ok().and_then(Pid::from_raw);
    if let Some(Err(error)) = pid.map(|pid| kill_process(pid, rustix::process::Signal::KILL)) {
        say(&format!("worker {} cannot be killed: {error}", worker.id()));
    }
}

/// For the operator. Where nobody reads it, users do not care.
pub(crate) fn say(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}
