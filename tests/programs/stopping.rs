//! A program that is sent signals. Its first argument says what it makes of them, the second is a
//! folder; it prints a line when it is where the test wants it.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use async_signal::Signals;
use pm_runtime::{
    Outbox, OutboxClosed, RawError, RawLink, StreamWorker, shutdown, shutdown_on_signals,
    shutdown_signal,
};
use pm_tests::{Task, WorkAsyncPool, WorkPool};
use smol::stream::StreamExt;

/// Tells in the folder that it has begun, waits until it may go on, and tells that it is done.
#[pm_runtime::worker_query(workers = 2)]
fn errand(folder: &str, number: u32) {
    std::fs::write(format!("{folder}/begun-{number}"), "").expect("the folder is there");
    while !Path::new(&format!("{folder}/go")).exists() {
        std::thread::yield_now();
    }
    std::fs::write(format!("{folder}/done-{number}"), "").expect("the folder is there");
}

#[pm_runtime::main]
fn main() {
    let mut args = std::env::args().skip(1);
    let mode = args.next().expect("a mode");
    let folder = args.next().unwrap_or_default();
    match mode.as_str() {
        "drain" => drain(&folder),
        "spin" => smol::block_on(spin(Duration::MAX)),
        "grace" => smol::block_on(spin(Duration::from_millis(100))),
        "await" => smol::block_on(wait_for_two()),
        "late" => late(),
        "deaf" => smol::block_on(deaf()),
        "own" => smol::block_on(own_handler()),
        "kinds" => smol::block_on(kinds(&folder)),
        other => panic!("what is {other:?}?"),
    }
}

/// No executor runs, and a thread of some library asks for it. Three queries run in two pools, four
/// wait, and then a signal comes.
fn drain(folder: &str) {
    let asked = std::thread::spawn(|| shutdown_on_signals().and_then(|()| shutdown_on_signals()));
    asked.join().expect("it does not panic").expect("signals can be heard");
    let (one, other) = (ErrandPool::new(), ErrandPool::builder().workers(1).build());
    for number in 0..6 {
        let call = one.query(folder, number);
        std::thread::spawn(move || call.wait());
    }
    let call = other.query(folder, 6);
    // In the background, as its last handle is gone.
    drop(other);
    std::thread::spawn(move || call.wait());
    let begun = |number| Path::new(&format!("{folder}/begun-{number}")).exists();
    while (0..7).filter(|number| begun(*number)).count() < 3 || one.health().account.submitted < 6 {
        std::thread::yield_now();
    }
    say("running");
    smol::block_on(shutdown_signal()).expect("signals can be heard");
    say("draining");
    park();
}

/// A worker that loops, with a child that loops.
async fn spin(grace: Duration) {
    shutdown_on_signals().expect("signals can be heard");
    let pool = WorkPool::builder().grace(grace).build();
    let told = shutdown_signal();
    let _spinning = spin_in(&pool).await;
    say(told.await.expect("signals can be heard").to_string());
    park();
}

/// Ends itself at the second signal.
async fn wait_for_two() {
    let pool = WorkPool::new();
    pool.query(Task::Return(1)).await.expect("it is answered");
    let (both, all) = (shutdown_signal(), shutdown_signal());
    drop(shutdown_signal());
    say("waiting");
    let first = both.await.expect("signals can be heard");
    assert_eq!(all.await.expect("signals can be heard"), first);
    let next = shutdown_signal();
    say(first.to_string());
    let second = next.await.expect("signals can be heard");
    shutdown().await;
    assert!(pm_runtime::pools().is_empty());
    say(second.to_string());
}

/// Its signal comes before it looks for one.
fn late() {
    let early = shutdown_signal();
    say("called");
    std::io::stdin().read_line(&mut String::new()).expect("a line");
    let signal = std::thread::spawn(|| smol::block_on(early)).join().expect("it does not panic");
    say(signal.expect("signals can be heard").to_string());
}

/// Hears of one signal, and then of none.
async fn deaf() {
    let pool = WorkPool::new();
    // Nobody waits for what is kept for the next.
    drop(shutdown_signal());
    let _spinning = spin_in(&pool).await;
    say(shutdown_signal().await.expect("signals can be heard").to_string());
    park();
}

/// Has a handler of its own.
async fn own_handler() {
    let mut own = Signals::new([async_signal::Signal::Term]).expect("signals can be heard");
    shutdown_on_signals().expect("signals can be heard");
    let pool = WorkAsyncPool::new();
    let call = smol::spawn(pool.query(Task::Sleep(Duration::from_secs(3600))));
    while pool.health().account.running < 1 {
        smol::future::yield_now().await;
    }
    say("running");
    own.next().await.expect("signals have no end").expect("a signal");
    // Only what it does itself lets the drain go on.
    say("mine");
    drop(call.cancel().await);
    park();
}

/// Has a worker loop beside its child, and prints their ids.
async fn spin_in(pool: &WorkPool) -> impl Future {
    let child = pool.query(Task::Grandchild).await.expect("it runs");
    let worker = pool.query(Task::Pid).await.expect("it runs");
    let mut spinning = Box::pin(pool.query(Task::Spin));
    assert!(smol::future::poll_once(&mut spinning).await.is_none());
    while pool.health().account.running < 1 {
        smol::future::yield_now().await;
    }
    say(format!("{worker} {child}"));
    spinning
}

/// Counts its inputs, and writes down how many there were.
#[pm_runtime::worker_stream(workers = 1)]
struct Count {
    folder: String,
    #[local]
    inputs: u32,
}

impl StreamWorker for Count {
    type Input = ();
    type Output = u32;
    type Error = OutboxClosed;

    async fn write(&mut self, (): (), out: &Outbox<u32>) -> Result<(), OutboxClosed> {
        self.inputs += 1;
        out.send(self.inputs).await
    }

    async fn end(&mut self, _: &Outbox<u32>) -> Result<(), OutboxClosed> {
        let Self { folder, inputs } = self;
        std::fs::write(format!("{folder}/stream"), inputs.to_string()).expect("it is there");
        Ok(())
    }
}

/// Writes down the last thing that it heard before it was released.
#[pm_runtime::worker_raw(workers = 1)]
async fn listener(link: RawLink<String, ()>) -> Result<(), RawError> {
    let folder = link.recv().await?.expect("it comes first");
    link.send(&()).await?;
    let mut last = String::new();
    while let Some(message) = link.recv().await? {
        last = message;
    }
    std::fs::write(format!("{folder}/raw"), last).expect("the folder is there");
    Ok(())
}

/// A pool of each kind has something to end.
async fn kinds(folder: &str) {
    shutdown_on_signals().expect("signals can be heard");
    let queries = ErrandPool::builder().workers(1).build();
    let (streams, raw) = (CountPool::new(), ListenerPool::new());
    let call = smol::spawn(queries.query(folder, 0));
    let opening = Count { folder: folder.to_owned(), inputs: 0 };
    let mut stream = streams.open(opening).await.expect("it opens");
    let worker = raw.spawn_one().await.expect("it starts");
    worker.send(&folder.to_owned()).await.expect("it listens");
    worker.recv().await.expect("it listens");
    while !Path::new(&format!("{folder}/begun-0")).exists() {
        std::thread::yield_now();
    }
    for _ in 0..3 {
        stream.send(()).await.expect("it is open");
    }
    worker.send(&"the last".to_owned()).await.expect("it listens");
    let told = shutdown_signal();
    say("running");
    told.await.expect("signals can be heard");
    stream.finish().await.expect("it is open");
    say("draining");
    call.await.expect("it is answered");
    park();
}

/// Until a signal ends the process.
fn park() -> ! {
    loop {
        std::thread::park();
    }
}

fn say(line: impl std::fmt::Display) {
    println!("{line}");
    std::io::stdout().flush().expect("somebody listens");
}
