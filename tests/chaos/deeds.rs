//! What the workers' own code does, right and wrong.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use pm_runtime::{Outbox, OutboxClosed, RawLink, StreamWorker, worker};
use pm_runtime::{worker_query, worker_raw, worker_stream};
use pm_tests::shared_words;
use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use crate::dice::{Dice, mix};

/// What a query does beside answering.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Deed {
    Nothing,
    /// It takes so many milliseconds.
    Pause(u64),
    /// It sends so many messages.
    Speak(u64),
    /// It starts a process that would live for ever.
    Leave,
    /// It does not end.
    Spin,
    Abort,
    Segfault,
    Exit,
    Overflow,
    Panic,
    /// It kills its worker, as somebody outside would.
    Kill,
    /// It writes what it likes over the memory that its worker shares with the pool.
    Scribble,
}

/// A question's number and bytes, and what is to come of them.
pub fn answer_to(number: u64, mut bytes: Vec<u8>) -> (u64, Vec<u8>) {
    if let Some(first) = bytes.first_mut() {
        *first ^= 0xff;
    }
    bytes.push(number as u8);
    (mix(number), bytes)
}

/// The bytes of a question: so many that are of no other question.
pub fn bytes_of(number: u64, length: usize) -> Vec<u8> {
    let mut bytes = mix(number).to_le_bytes().repeat(length / 8 + 1);
    bytes.truncate(length);
    // Pages that change places show.
    for (index, page) in bytes.chunks_mut(4096).enumerate() {
        page[0] = index as u8;
    }
    bytes
}

/// One thread, one query at a time.
#[worker_query]
pub fn plain(number: u64, deed: Deed, bytes: Vec<u8>) -> (u64, Vec<u8>) {
    perform(number, deed);
    answer_to(number, bytes)
}

/// The same, killed where its caller drops it.
#[worker_query(cancel = "kill")]
pub fn killed(number: u64, deed: Deed, bytes: Vec<u8>) -> (u64, Vec<u8>) {
    perform(number, deed);
    answer_to(number, bytes)
}

/// Many at once on one thread.
#[worker_query(concurrency = 16)]
pub async fn awaiting(number: u64, deed: Deed, bytes: Vec<u8>) -> (u64, Vec<u8>) {
    match deed {
        Deed::Pause(time) => {
            smol::Timer::after(Duration::from_millis(time)).await;
        }
        deed => perform(number, deed),
    }
    smol::future::yield_now().await;
    answer_to(number, bytes)
}

/// The same under tokio.
#[cfg(feature = "tokio")]
#[worker_query(concurrency = 16, runtime = "tokio")]
pub async fn tokio_awaiting(number: u64, deed: Deed, bytes: Vec<u8>) -> (u64, Vec<u8>) {
    match deed {
        Deed::Pause(time) => tokio::time::sleep(Duration::from_millis(time)).await,
        deed => perform(number, deed),
    }
    tokio::task::yield_now().await;
    answer_to(number, bytes)
}

/// A state that is either whole or gone.
#[derive(Default)]
pub struct Desk {
    one: u64,
    other: u64,
}

#[worker_query(workers = 2)]
impl Desk {
    pub fn ask(&self, number: u64, deed: Deed, bytes: Vec<u8>) -> (u64, Vec<u8>) {
        self.check();
        perform(number, deed);
        answer_to(number, bytes)
    }

    pub async fn wait(&self, number: u64, deed: Deed, bytes: Vec<u8>) -> (u64, Vec<u8>) {
        self.check();
        smol::Timer::after(Duration::from_millis(1)).await;
        self.check();
        perform(number, deed);
        answer_to(number, bytes)
    }

    pub async fn change(&mut self, number: u64, deed: Deed, bytes: Vec<u8>) -> (u64, Vec<u8>) {
        self.check();
        self.one = number;
        smol::future::yield_now().await;
        perform(number, deed);
        self.other = number;
        answer_to(number, bytes)
    }

    /// A worker that finds half a change ends, so that its caller sees an answer that is wrong.
    fn check(&self) {
        assert!(self.one == self.other, "{HALF_A_CHANGE}");
    }
}

/// What a panic says that nobody wanted.
pub const HALF_A_CHANGE: &str = "the state is half changed";

fn perform(number: u64, deed: Deed) {
    // What a query did wrong once it does not do again, where the pool runs it again.
    if worker::attempt() > 1 && !matches!(deed, Deed::Speak(_)) {
        return;
    }
    match deed {
        Deed::Nothing => {}
        Deed::Pause(time) => std::thread::sleep(Duration::from_millis(time)),
        Deed::Speak(times) => {
            for index in 0..times {
                let _ = worker::message(format!("{number} {index}"));
                worker::debug(format!("said {index}"));
            }
        }
        #[allow(clippy::zombie_processes, reason = "it is to be left behind")]
        Deed::Leave => {
            let _ = std::process::Command::new("sleep").arg("100000").spawn();
        }
        Deed::Spin => loop {
            std::hint::spin_loop();
        },
        Deed::Abort => std::process::abort(),
        Deed::Exit => std::process::exit(3),
        Deed::Segfault => raise(Signal::SEGV),
        Deed::Kill => raise(Signal::KILL),
        Deed::Overflow => {
            recurse(number);
        }
        Deed::Panic => panic!("{number} was to panic"),
        Deed::Scribble => scribble(number),
    }
}

fn raise(signal: Signal) {
    loop {
        // The first SIGSEGV may only take Rust's own handler away.
        let _ = rustix::process::kill_process(rustix::process::getpid(), signal);
        std::thread::yield_now();
    }
}

#[allow(unconditional_recursion, reason = "it is to overflow the stack")]
fn recurse(n: u64) -> u64 {
    let page = std::hint::black_box([n; 512]);
    recurse(page[7] + 1) + page[9]
}

fn scribble(number: u64) {
    const EDGES: [u64; 8] = [0, 1, 2, 5, 1 << 20, u32::MAX as u64, 1 << 32 | 5, u64::MAX];
    let words: &[AtomicU64] = shared_words();
    // The head and the slots are where the rules are.
    let rules = words.len().saturating_sub((2 << 20) / 8).max(1) as u64;
    let mut dice = Dice::of(number, 0);
    for _ in 0..100 {
        let place = dice.below(rules) as usize;
        let value = EDGES[dice.below(EDGES.len() as u64) as usize];
        words[place].store(value, Ordering::Relaxed);
    }
}

/// What a stream, or a raw worker, is told: a number of its own, the sender's name, and bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub name: u64,
    pub index: u64,
    pub deed: Deed,
    pub bytes: Vec<u8>,
}

impl Line {
    pub fn new(name: u64, index: u64, deed: Deed, length: usize) -> Self {
        Self { name, index, deed, bytes: bytes_of(name ^ index, length) }
    }
}

/// Says again what it hears.
#[worker_stream]
#[derive(Default)]
pub struct Talk {
    pub name: u64,
}

impl StreamWorker for Talk {
    type Input = Line;
    type Output = Line;
    type Error = OutboxClosed;

    async fn write(&mut self, line: Line, out: &Outbox<Line>) -> Result<(), OutboxClosed> {
        // What is of another stream shows as such.
        assert!(line.name == self.name, "a line of {} in stream {}", line.name, self.name);
        perform(line.index, line.deed);
        out.send(line).await
    }
}

/// The same.
#[worker_raw]
pub async fn echo(link: RawLink<Line, Line>) -> std::io::Result<()> {
    while let Some(line) = link.recv().await? {
        perform(line.index, line.deed);
        link.send(&line).await?;
    }
    Ok(())
}
