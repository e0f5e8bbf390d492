//! `runtime = "tokio"`: workers whose async code tokio drives.

use std::path::{Path, PathBuf};
use std::time::Duration;

use pm_runtime::{BootError, QueryError, Runtime, worker_query};
use pm_tests::{Folder, Task, WorkAsyncPool, WorkPool, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, oneshot};
use tokio::time::sleep;

const MS: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_secs(3600);

/// Sends a text to itself, over a socket to a task of its own.
#[worker_query(workers = 1, runtime = "tokio")]
async fn echo(text: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        bytes
    });
    let mut client = TcpStream::connect(address).await.unwrap();
    sleep(MS).await;
    client.write_all(text.as_bytes()).await.unwrap();
    drop(client);
    let bytes = tokio::time::timeout(LONG, server).await.unwrap().unwrap();
    let local = tokio::task::spawn_local(async { bytes }).await.unwrap();
    tokio::task::spawn_blocking(move || String::from_utf8(local).unwrap()).await.unwrap()
}

/// Waits for the query that says the same name, or says it for one that waits.
#[worker_query(workers = 1, runtime = "tokio")]
async fn meet(speaks: bool) {
    static WAITING: Mutex<Option<oneshot::Sender<()>>> = Mutex::const_new(None);
    let (sender, receiver) = oneshot::channel();
    if !speaks {
        *WAITING.lock().await = Some(sender);
        return receiver.await.unwrap();
    }
    loop {
        if let Some(waiting) = WAITING.lock().await.take() {
            return waiting.send(()).unwrap();
        }
        tokio::task::yield_now().await;
    }
}

/// Leaves a task behind that makes a file once another one is there.
async fn leave_behind(folder: PathBuf) {
    while !folder.join("go").exists() {
        sleep(MS).await;
    }
    std::fs::write(folder.join("done"), "").unwrap();
}

#[worker_query(workers = 1, runtime = "tokio")]
async fn leaves_async(folder: &Path) {
    tokio::spawn(leave_behind(folder.to_owned()));
}

#[worker_query(workers = 1, runtime = "tokio")]
fn leaves(folder: &Path) {
    Handle::current().spawn(leave_behind(folder.to_owned()));
}

/// Blocks its thread until the file is there.
#[worker_query(workers = 1, concurrency = 2, runtime = "tokio")]
fn blocks(folder: &Path) -> String {
    Handle::current().block_on(leave_behind(folder.to_owned()));
    Handle::current().block_on(async { tokio::spawn(async { "done".into() }).await.unwrap() })
}

/// Waits for ever; the folder tells that it began, and that it was dropped.
#[worker_query(workers = 1, runtime = "tokio")]
async fn watched(folder: &Path) {
    struct Dropped<'a>(&'a Path);
    impl Drop for Dropped<'_> {
        fn drop(&mut self) {
            // Where it is dropped, the runtime is still around it.
            Handle::current();
            std::fs::write(self.0.join("dropped"), "").unwrap();
        }
    }
    let _dropped = Dropped(folder);
    std::fs::write(folder.join("begun"), "").unwrap();
    sleep(LONG).await;
}

/// Leaves a task behind that waits for ever, and makes a file when it is dropped.
#[worker_query(workers = 1, runtime = "tokio")]
async fn leaves_a_file(path: String) {
    struct Dropped(String);
    impl Drop for Dropped {
        fn drop(&mut self) {
            std::fs::write(&self.0, "").unwrap();
        }
    }
    let dropped = Dropped(path);
    tokio::spawn(async move {
        let _dropped = dropped;
        sleep(LONG).await;
    });
}

/// A connection to a server that lives in the same worker.
struct Counter {
    stream: TcpStream,
}

async fn connect() -> Result<Counter, std::io::Error> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut count = 0;
        while let Ok(step) = stream.read_u8().await {
            count += step;
            stream.write_u8(count).await.unwrap();
        }
    });
    Ok(Counter { stream: TcpStream::connect(address).await? })
}

#[worker_query(init = connect, runtime = "tokio")]
impl Counter {
    async fn count(&mut self, step: u8) -> u8 {
        self.stream.write_u8(step).await.unwrap();
        self.stream.read_u8().await.unwrap()
    }

    fn is_in_a_runtime(&self) -> bool {
        Handle::try_current().is_ok()
    }
}

/// The same, of methods that block.
struct Blocking(Counter);

impl Blocking {
    fn connect() -> Result<Self, std::io::Error> {
        Handle::current().block_on(connect()).map(Self)
    }
}

#[worker_query(init = Blocking::connect, runtime = "tokio")]
impl Blocking {
    fn count(&mut self, step: u8) -> u8 {
        Handle::current().block_on(self.0.count(step))
    }
}

/// The same; its `init` awaits.
struct Awaiting(Counter);

#[worker_query(init = async || connect().await.map(Awaiting), runtime = "tokio")]
impl Awaiting {
    fn count(&mut self, step: u8) -> u8 {
        Handle::current().block_on(self.0.count(step))
    }
}

async fn warm_up() {
    sleep(MS).await;
}

#[worker_query(workers = 1, init = warm_up, runtime = "tokio")]
fn warm() -> bool {
    Handle::try_current().is_ok()
}

#[worker_query(workers = 1)]
async fn plain() -> bool {
    Handle::try_current().is_ok()
}

#[worker_query(workers = 1, runtime = "tokio")]
async fn nested(number: u64) -> u64 {
    let answer = tokio::spawn(WorkPool::new().query(Task::Return(number)));
    answer.await.unwrap().unwrap()
}

/// Starts what never ends, here and on a thread.
#[worker_query(workers = 1, runtime = "tokio")]
async fn litters(begun: String) {
    tokio::spawn(std::future::pending::<()>());
    tokio::task::spawn_local(std::future::pending::<()>());
    let (said, heard) = oneshot::channel();
    tokio::task::spawn_blocking(move || {
        said.send(()).unwrap();
        loop {
            std::thread::park();
        }
    });
    heard.await.unwrap();
    std::fs::write(begun, "").unwrap();
}

#[pm_runtime::test]
async fn timers_sockets_and_tasks_work_in_a_query() {
    for pool in [EchoPool::new(), EchoPool::in_process()] {
        assert_eq!(pool.query("pikachu".into()).await.unwrap(), "pikachu");
        let many = (0..50).map(|n| pool.query(n.to_string()));
        for (n, answer) in futures::future::join_all(many).await.into_iter().enumerate() {
            assert_eq!(answer.unwrap(), n.to_string());
        }
    }
}

#[pm_runtime::test]
async fn queries_run_beside_each_other() {
    let pool = MeetPool::new();
    let (waits, speaks) = futures::join!(pool.query(false), pool.query(true));
    assert_eq!((waits, speaks), (Ok(()), Ok(())));
}

/// What a query has left behind goes on although nothing else happens.
async fn is_driven_when_idle(leave: impl AsyncFnOnce(&Path)) {
    let folder = Folder::new("idle");
    let path = folder.file("");
    leave(Path::new(&path)).await;
    std::fs::write(folder.file("go"), "").unwrap();
    until(|| Path::new(&folder.file("done")).exists());
}

#[pm_runtime::test]
async fn what_a_query_has_spawned_goes_on_while_the_worker_is_idle() {
    let pool = LeavesAsyncPool::new();
    is_driven_when_idle(async |folder| pool.query(folder).await.unwrap()).await;
    let pool = LeavesPool::new();
    is_driven_when_idle(async |folder| pool.query(folder).await.unwrap()).await;
    let pool = LeavesPool::in_process();
    is_driven_when_idle(async |folder| pool.query(folder).await.unwrap()).await;
}

#[pm_runtime::test]
async fn what_a_query_has_spawned_goes_on_while_others_run() {
    let folder = Folder::new("beside");
    let path = folder.file("");
    let pool = LeavesAsyncPool::new();
    pool.query(Path::new(&path)).await.unwrap();
    let other = Folder::new("beside-other");
    let other = other.file("");
    for round in 0.. {
        pool.query(Path::new(&other)).await.unwrap();
        if round == 3 {
            std::fs::write(folder.file("go"), "").unwrap();
        }
        if Path::new(&folder.file("done")).exists() {
            break;
        }
    }
}

#[pm_runtime::test]
async fn sync_queries_may_block_on_the_runtime() {
    for pool in [BlocksPool::new(), BlocksPool::in_process()] {
        let folders = [Folder::new("blocks-1"), Folder::new("blocks-2")];
        let paths = folders.each_ref().map(|folder| folder.file(""));
        let [one, other] = paths.each_ref().map(Path::new);
        let both = [pool.query(one), pool.query(other)].map(smol::spawn);
        until(|| pool.health().account.running == 2);
        for folder in &folders {
            std::fs::write(folder.file("go"), "").unwrap();
        }
        for answer in both {
            assert_eq!(answer.await.unwrap(), "done");
        }
    }
}

#[pm_runtime::test]
async fn a_cancelled_query_is_dropped_in_the_runtime() {
    let pool = WatchedPool::new();
    let folder = Folder::new("cancelled");
    let path = folder.file("");
    let running = smol::spawn(pool.query(Path::new(&path)));
    until(|| Path::new(&folder.file("begun")).exists());
    until(|| pool.health().account.running == 1);
    running.cancel().await;
    until(|| Path::new(&folder.file("dropped")).exists());
    until(|| pool.health().in_flight == 0);
    assert_eq!(pool.health().account.cancelled, 1);
}

#[pm_runtime::test]
async fn a_query_that_times_out_is_dropped_and_its_worker_serves_on() {
    let pool = WatchedPool::new();
    let folder = Folder::new("timed-out");
    let path = folder.file("");
    let error = pool.query(Path::new(&path)).timeout(100 * MS).await.unwrap_err();
    assert!(matches!(error, QueryError::TimedOut { .. }), "{error}");
    assert!(Path::new(&folder.file("dropped")).exists());
    assert_eq!(pool.workers()[0].id(), 1);
}

#[pm_runtime::test]
async fn a_state_may_belong_to_the_runtime() {
    for pool in [CounterPool::new(), CounterPool::in_process()] {
        assert_eq!(pool.count(1).await, Ok(1));
        assert_eq!(pool.is_in_a_runtime().await, Ok(true));
        assert_eq!(pool.count(2).await, Ok(3));
        pool.destroy().await;
    }
    let pool = BlockingPool::new();
    assert_eq!((pool.count(1).await, pool.count(2).await), (Ok(1), Ok(3)));
    let pool = AwaitingPool::new();
    assert_eq!((pool.count(1).await, pool.count(2).await), (Ok(1), Ok(3)));
}

#[pm_runtime::test]
async fn what_runs_before_the_first_query_is_in_the_runtime_too() {
    assert_eq!(WarmPool::new().query().await, Ok(true));
}

#[pm_runtime::test]
async fn the_builder_chooses_too() {
    assert_eq!(PlainPool::new().query().await, Ok(false));
    assert_eq!(PlainPool::builder().runtime(Runtime::Tokio).build().query().await, Ok(true));
    assert_eq!(WarmPool::builder().runtime(Runtime::Tokio).build().query().await, Ok(true));
    let error = WarmPool::builder().runtime(Runtime::Smol).build().query().await.unwrap_err();
    let QueryError::Boot(BootError::Init { reason }) = error else { panic!("{error}") };
    assert!(reason.contains("no reactor running"), "{reason}");
}

#[pm_runtime::test]
async fn what_is_written_for_smol_works_there_too() {
    let pool = WorkAsyncPool::builder().runtime(Runtime::Tokio).build();
    assert_eq!(pool.query(Task::Sleep(MS)).await, Ok(0));
    let error = pool.query(Task::Panic("out of cheese".into())).await.unwrap_err();
    assert!(matches!(error, QueryError::Panicked(_)), "{error}");
    let error = pool.query(Task::Abort).await.unwrap_err();
    assert!(matches!(error, QueryError::Crashed(_)), "{error}");
    assert_eq!(pool.query(Task::Return(1)).await, Ok(1));
}

#[pm_runtime::test]
async fn a_worker_may_use_a_pool_of_its_own() {
    assert_eq!(NestedPool::new().query(7).await, Ok(7));
}

#[pm_runtime::test]
async fn what_a_query_has_spawned_is_dropped_when_its_worker_is_released() {
    for pool in [LeavesAFilePool::builder(), LeavesAFilePool::builder().in_process()] {
        let folder = Folder::new("left");
        let path = folder.file("dropped");
        let pool = pool.build();
        pool.query(path.clone()).await.unwrap();
        assert!(!Path::new(&path).exists());
        pool.destroy().await;
        assert!(Path::new(&path).exists());
    }
}

#[pm_runtime::test]
async fn what_never_ends_keeps_no_worker() {
    for pool in [LittersPool::builder(), LittersPool::builder().in_process()] {
        let folder = Folder::new("litter");
        let pool = pool.grace(LONG).build();
        pool.query(folder.file("begun")).await.unwrap();
        pool.destroy().await;
    }
}
