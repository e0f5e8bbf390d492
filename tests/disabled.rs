//! Pools without worker processes, and those that have them all the same.

use pm_runtime::{QueryError, set_disabled};
use pm_tests::{Folder, Task, WorkPool, is_alive, until, until_begun, until_submitted};
use smol::lock::{Mutex, MutexGuard};

/// The switch is the whole process's: a test has it for itself, finds processes switched off, and
/// leaves them on.
struct Switch {
    _alone: MutexGuard<'static, ()>,
}

impl Switch {
    async fn off() -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        let switch = Self { _alone: ALONE.lock().await };
        set_disabled(true);
        switch
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        set_disabled(false);
    }
}

/// Where the pool's next query runs: in this process?
async fn runs_here(pool: &WorkPool) -> bool {
    pool.query(Task::Pid).await.unwrap() == u64::from(std::process::id())
}

/// Of each worker, whether it is a thread.
fn threads(pool: &WorkPool) -> Vec<bool> {
    let workers = pool.health().workers;
    for worker in &workers {
        assert_eq!(worker.pid == std::process::id(), worker.in_process, "{worker:?}");
    }
    workers.iter().map(|worker| worker.in_process).collect()
}

#[pm_runtime::test]
async fn the_first_use_decides_and_lasts() {
    let _switch = Switch::off().await;
    let (pool, unused) = (WorkPool::new(), WorkPool::new());
    assert!(runs_here(&pool).await);
    set_disabled(false);
    assert!(!runs_here(&unused).await);
    assert!(runs_here(&pool).await);
    pool.spawn(2).await.unwrap();
    pool.unspawn().await;
    assert!(runs_here(&pool).await, "its workers are new, its kind is not");
    assert_eq!(threads(&pool), [true]);
}

#[pm_runtime::test]
async fn a_use_is_what_needs_workers() {
    let _switch = Switch::off().await;
    let [spawned, resized, respawned, temporary, watched] = [(); 5].map(|()| WorkPool::new());
    spawned.spawn_one().await.unwrap();
    resized.resize(1).await.unwrap();
    respawned.respawn_to(1).await.unwrap();
    temporary.query_temporary(Task::Return(1)).await.unwrap();
    watched.on_spawn(drop);
    let _ = (watched.events(), watched.health(), watched.workers(), watched.acquire());
    drop(watched.query(Task::Return(1)));
    set_disabled(false);
    for used in [spawned, resized, respawned, temporary] {
        assert!(runs_here(&used).await);
    }
    assert!(!runs_here(&watched).await);
}

#[pm_runtime::test]
async fn a_pool_that_has_processes_keeps_them_and_starts_more() {
    let _switch = Switch::off().await;
    set_disabled(false);
    let pool = WorkPool::new();
    pool.spawn(1).await.unwrap();
    set_disabled(true);
    pool.spawn(2).await.unwrap();
    assert_eq!(threads(&pool), [false, false]);
    assert!(!runs_here(&pool).await);
    pool.respawn().await.unwrap();
    assert_eq!(threads(&pool), [false, false]);
}

#[pm_runtime::test]
async fn force_on_the_builder_is_for_one_pool() {
    let _switch = Switch::off().await;
    assert!(!runs_here(&WorkPool::builder().force().build()).await);
    assert!(runs_here(&WorkPool::builder().build()).await);
    assert!(runs_here(&WorkPool::builder().force().in_process().build()).await);
}

#[pm_runtime::test]
async fn force_on_spawn_starts_processes() {
    let _switch = Switch::off().await;
    let pool = WorkPool::new();
    pool.spawn(2).force().await.unwrap();
    assert_eq!(threads(&pool), [false, false]);
    // And where threads are at work already; `spawn` is a future of its own.
    let pool = WorkPool::new();
    smol::spawn(pool.spawn(2)).await.unwrap();
    assert_eq!(threads(&pool), [true, true]);
    smol::spawn(pool.spawn(3).force()).await.unwrap();
    until(|| threads(&pool) == [false; 3]);
    assert!(!runs_here(&pool).await);
    assert_eq!(pool.health().crashes, 0);
}

#[pm_runtime::test]
async fn force_on_a_call_ends_the_time_of_threads_which_end_what_they_run() {
    let _switch = Switch::off().await;
    let folder = Folder::new("force");
    let go_on = folder.file("go");
    let pool = WorkPool::new();
    let task = Task::Rendezvous { begun: folder.file("begun"), go_on: go_on.clone() };
    let running = smol::spawn(pool.query(task));
    until_begun(&pool, 1).await;
    // Handed to the thread, and waiting behind that.
    let waiting: Vec<_> = (0..40).map(|_| smol::spawn(pool.query(Task::Pid))).collect();
    until_submitted(&pool, 41).await;
    let thread = pool.workers().remove(0);
    let forced = pool.query(Task::Pid).force().await.unwrap();
    assert_ne!(forced, u64::from(std::process::id()));
    for waiting in waiting {
        assert_eq!(waiting.await, Ok(forced), "it had not begun");
    }
    assert_eq!(threads(&pool), [true, false]);
    assert_eq!(pool.query(Task::Pid).on(&thread).await, Err(QueryError::WorkerGone));
    std::fs::write(go_on, "").unwrap();
    assert_eq!(running.await, Ok(0));
    until(|| threads(&pool) == [false]);
    // From now on a pool like others.
    assert!(matches!(pool.query(Task::Abort).await, Err(QueryError::Crashed(_))));
    assert!(!runs_here(&pool).await);
    assert!(pool.health().account.balances());
}

#[pm_runtime::test]
async fn a_forced_first_call_never_has_threads() {
    let _switch = Switch::off().await;
    let pool = WorkPool::new();
    let pid = pool.query(Task::Pid).force().wait().unwrap();
    assert_eq!((threads(&pool), pool.workers()[0].id()), (vec![false], 1));
    assert_eq!(pool.query(Task::Pid).await, Ok(pid));
}

#[pm_runtime::test]
async fn a_pool_that_is_in_process_by_its_own_wish_stays_so() {
    let _switch = Switch::off().await;
    set_disabled(false);
    let pool = WorkPool::in_process();
    let here = Ok(u64::from(std::process::id()));
    assert_eq!(pool.query(Task::Pid).force().await, here);
    pool.spawn(2).force().await.unwrap();
    assert_eq!(threads(&pool), [true, true]);
}

#[pm_runtime::test]
async fn temporary_workers_are_threads_too_unless_they_are_forced() {
    let _switch = Switch::off().await;
    let pool = WorkPool::new();
    let here = u64::from(std::process::id());
    assert_eq!(pool.query(Task::Pid).temporary().await, Ok(here));
    assert!(runs_here(&pool).await);
    let own = pool.query(Task::Pid).temporary().force().await.unwrap();
    assert_ne!(own, here);
    until(|| !is_alive(own as u32));
    assert!(!runs_here(&pool).await, "so is the rest of the pool");
}

#[pm_runtime::test]
async fn force_is_for_all_who_share_a_pool() {
    let _switch = Switch::off().await;
    let pool = WorkPool::shared();
    assert!(runs_here(&pool).await);
    set_disabled(false);
    assert!(runs_here(&WorkPool::shared()).await);
    assert!(WorkPool::shared().query(Task::Return(1)).force().await.is_ok());
    assert!(!runs_here(&pool).await);
    pool.destroy().await;
    assert!(!runs_here(&WorkPool::shared()).await, "a fresh one, while processes are on");
    WorkPool::shared().destroy().await;
}

#[pm_runtime::test]
async fn a_destroyed_pool_cannot_be_forced() {
    let _switch = Switch::off().await;
    let pool = WorkPool::new();
    assert!(runs_here(&pool).await);
    pool.destroy().await;
    assert_eq!(pool.query(Task::Pid).force().await, Err(QueryError::Destroyed));
    assert!(pool.spawn(1).force().await.is_err() && pool.workers().is_empty());
}

#[test]
fn threads_need_no_init_of_the_program() {
    // As a program that is no worker has it: an entry, and nothing that makes it one.
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_uninitialized"));
    let output = program.arg("disabled").output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "1\n");
}
