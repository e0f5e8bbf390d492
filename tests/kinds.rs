//! What is about all pools of a process holds for those of queries, of streams and of raw workers alike.

use pm_runtime::{
    Outbox, OutboxClosed, Pool, QueryError, RawError, RawLink, SpawnError, StreamError,
    StreamWorker, pools, set_disabled, shutdown, worker_query, worker_raw, worker_stream,
};
use smol::lock::{Mutex, MutexGuard};

/// What is about all pools of this process goes one after the other.
async fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().await
}

/// The process that it runs in.
#[worker_query(workers = 1)]
fn home() -> u32 {
    std::process::id()
}

/// The same, for each input.
#[worker_stream(workers = 1)]
#[derive(Default)]
struct Homes;

impl StreamWorker for Homes {
    type Input = ();
    type Output = u32;
    type Error = OutboxClosed;

    async fn write(&mut self, (): (), out: &Outbox<u32>) -> Result<(), OutboxClosed> {
        out.send(std::process::id()).await
    }
}

/// The same, when it starts, and once more when it is released.
#[worker_raw(workers = 1)]
async fn dweller(link: RawLink<(), u32>) -> Result<(), RawError> {
    link.send(&std::process::id()).await?;
    link.released().await;
    link.send(&std::process::id()).await
}

/// A pool of each kind.
struct Kinds {
    query: HomePool,
    stream: HomesPool,
    raw: DwellerPool,
}

impl Kinds {
    fn new() -> Self {
        Self { query: HomePool::new(), stream: HomesPool::new(), raw: DwellerPool::new() }
    }

    fn forced() -> Self {
        Self {
            query: HomePool::builder().force().build(),
            stream: HomesPool::builder().force().build(),
            raw: DwellerPool::builder().force().build(),
        }
    }

    fn all(&self) -> [&Pool; 3] {
        [&self.query, &self.stream, &self.raw]
    }

    /// Where the workers of each are.
    async fn homes(&self) -> [u32; 3] {
        let query = self.query.query().await.unwrap();
        let mut stream = self.stream.create_stream().await.unwrap();
        stream.send(()).await.unwrap();
        let stream = stream.next().await.unwrap().unwrap();
        let worker = self.raw.spawn_one().await.unwrap();
        let raw = worker.recv().await.unwrap().unwrap();
        [query, stream, raw]
    }

    async fn are_here(&self) -> [bool; 3] {
        self.homes().await.map(|home| home == std::process::id())
    }
}

#[pm_runtime::test]
async fn all_are_listed_from_their_making_to_their_end() {
    let _alone = alone().await;
    let names = || pools().iter().map(|pool| pool.name().to_owned()).collect::<Vec<_>>();
    let kinds = Kinds::new();
    assert_eq!(names(), ["home", "Homes", "dweller"]);
    kinds.homes().await;
    kinds.stream.destroy().await;
    assert_eq!(names(), ["home", "dweller"]);
    kinds.raw.destroy().await;
    drop(kinds);
    assert_eq!(names(), [""; 0]);
}

#[pm_runtime::test]
async fn a_shutdown_ends_all() {
    let _alone = alone().await;
    let kinds = Kinds::new();
    let [_, _, home] = kinds.homes().await;
    let [worker] = kinds.raw.workers().try_into().unwrap();
    shutdown().await;
    assert_eq!(worker.recv().await, Ok(Some(home)), "it had its say");
    assert_eq!(worker.recv().await, Ok(None));
    assert_eq!(kinds.query.query().await, Err(QueryError::Destroyed));
    assert!(matches!(kinds.stream.create_stream().await, Err(StreamError::Destroyed)));
    assert!(matches!(kinds.raw.spawn_one().await, Err(SpawnError::Destroyed)));
    for pool in kinds.all() {
        let health = pool.health();
        assert_eq!((health.workers.len(), health.crashes), (0, 0), "{health:?}");
        assert!(health.account.balances());
    }
}

#[pm_runtime::test]
async fn where_processes_are_off_all_have_threads_unless_they_are_forced() {
    let _alone = alone().await;
    set_disabled(true);
    let (kinds, forced) = (Kinds::new(), Kinds::forced());
    let (here, away) = (kinds.are_here().await, forced.are_here().await);
    // Those that are in use keep what they have.
    set_disabled(false);
    let still = kinds.are_here().await;
    assert_eq!((here, away, still), ([true; 3], [false; 3], [true; 3]));
    for pool in kinds.all() {
        assert!(pool.health().workers.iter().all(|worker| worker.in_process));
        // A worker of raw kind that was started before ends as one that is released.
        pool.spawn(2).force().await.unwrap();
    }
    assert_eq!(kinds.are_here().await, [false; 3]);
}

#[pm_runtime::test]
async fn all_tell_of_their_workers_in_the_same_way() {
    let _alone = alone().await;
    let kinds = Kinds::new();
    for pool in kinds.all() {
        let (sender, heard) = std::sync::mpsc::channel();
        let gone = sender.clone();
        pool.on_spawn(move |worker| sender.send((worker.id(), "is up")).unwrap());
        pool.on_unspawn(move |worker| gone.send((worker.id(), "is gone")).unwrap());
        pool.spawn(2).await.unwrap();
        pool.respawn().await.unwrap();
        pool.resize(1).await.unwrap();
        pool.unspawn().await;
        pool.destroy().await;
        let mut heard: Vec<_> = heard.iter().collect();
        heard.sort();
        let expected = (1..=4).flat_map(|id| [(id, "is gone"), (id, "is up")]);
        assert_eq!(heard, expected.collect::<Vec<_>>(), "{pool:?}");
    }
}
