//! Everything that can be wrong about what a pool is given.

use std::collections::HashMap;
use std::time::Duration;

use pm_runtime::fault::{Fault, Faults, When};
use pm_runtime::{BootError, Exit, QueryError, SpawnError, worker_query};
use pm_tests::{Folder, Task, WorkAsyncPool, WorkPool, until, until_begun};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Flat {
    name: String,
    #[serde(flatten)]
    rest: HashMap<String, u32>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(u32),
    Text(String),
}

#[worker_query(workers = 1)]
fn flatten(value: Flat) -> u32 {
    value.rest.len() as u32
}

#[worker_query(workers = 1)]
fn flattened() -> Flat {
    Flat { name: "x".into(), rest: HashMap::new() }
}

#[worker_query(workers = 1)]
fn untagged(value: Untagged) -> Untagged {
    value
}

#[worker_query(workers = 1)]
fn bytes(n: usize) -> Vec<u8> {
    vec![7; n]
}

#[worker_query(workers = 1)]
fn count(bytes: &[u8]) -> usize {
    bytes.len()
}

#[derive(Default)]
struct Dex;

#[worker_query(workers = 1)]
impl Dex {
    fn count(&self) -> u32 {
        151
    }

    fn both(&self, _name: &str, values: &[Untagged]) -> Vec<Flat> {
        vec![flattened(); values.len() + 1]
    }
}

#[track_caller]
fn says(error: QueryError, start: &str, cause: &str) {
    let text = error.to_string();
    assert!(text.starts_with(start) && text.contains(cause), "{text}");
}

#[pm_runtime::test]
async fn what_bincode_cannot_carry_is_a_typed_error_that_says_where_and_why() {
    let flat = Flat { name: "a".into(), rest: HashMap::from([("b".into(), 1)]) };
    let error = FlattenPool::new().query(flat).await.unwrap_err();
    assert!(matches!(error, QueryError::Encode(_)));
    let start = "cannot encode argument 1 of `flatten`, of type `bad_input::Flat`: ";
    says(error, start, "`#[serde(flatten)]`");
    let error = FlattenedPool::new().query().await.unwrap_err();
    assert!(matches!(error, QueryError::Encode(_)));
    let start = "cannot encode the answer of `flattened`, of type `bad_input::Flat`: ";
    says(error, start, "`#[serde(flatten)]`");
    let error = UntaggedPool::new().query(Untagged::Text("a".into())).await.unwrap_err();
    assert!(matches!(error, QueryError::Decode(_)));
    let start = "cannot decode argument 1 of `untagged`, of type `bad_input::Untagged`: ";
    says(error, start, "`#[serde(untagged)]`");
    let pool = DexPool::new();
    let error = pool.both("a", &[Untagged::Number(1)]).await.unwrap_err();
    let start = "cannot decode argument 2 of `Dex::both`, of type `[bad_input::Untagged]`: ";
    says(error, start, "`#[serde(untagged)]`");
    let error = pool.both("a", &[]).await.unwrap_err();
    let start =
        "cannot encode the answer of `Dex::both`, of type `alloc::vec::Vec<bad_input::Flat>`: ";
    says(error, start, "`#[serde(flatten)]`");
    assert_eq!(pool.count().await, Ok(151));
}

#[pm_runtime::test]
async fn exactly_the_largest_message_passes_either_way() {
    // A length of eight bytes, and a variant of four.
    let limit = 1 << 20;
    let room = limit - 12;
    let pool = BytesPool::builder().max_frame(limit).build();
    assert_eq!(pool.query(room).await.map(|bytes| bytes.len()), Ok(room));
    let error = pool.query(room + 1).await.unwrap_err();
    assert_eq!(error, QueryError::TooLarge { size: limit + 1, limit });
    let pool = CountPool::builder().max_frame(limit).build();
    assert_eq!(pool.query(&vec![0; room]).await, Ok(room));
    let error = pool.query(&vec![0; room + 1]).await.unwrap_err();
    assert_eq!(error, QueryError::TooLarge { size: limit + 1, limit });
    let account = pool.health().account;
    assert_eq!((account.completed, account.rejected), (1, 1));
}

#[pm_runtime::test]
async fn large_messages_come_whole() {
    let pool = BytesPool::new();
    let n = 4 << 20;
    let bytes = pool.query(n).await.unwrap();
    assert!(bytes.len() == n && bytes.iter().all(|byte| *byte == 7));
    assert_eq!(CountPool::new().query(&bytes).await, Ok(n));
}

#[pm_runtime::test]
async fn a_worker_that_exits_before_the_handshake() {
    let faults = Faults::seeded(1).with(Fault::ExitAtBoot(3), When::at(1));
    let pool = WorkPool::builder().max_crashes(1).faults(faults).build();
    let error = pool.query(Task::Return(1)).await.unwrap_err();
    let QueryError::BudgetExhausted { crashes: 2, last, .. } = &error else { panic!("{error}") };
    let boot = BootError::Exited { exit: Exit::Code(3) };
    assert_eq!(last.cause, pm_runtime::CrashCause::Boot(boot));
    assert!(matches!(pool.spawn(1).await, Err(SpawnError::BudgetExhausted { .. })));
}

#[pm_runtime::test]
async fn a_slow_boot_meets_its_limit() {
    let slow = Fault::SlowBoot(Duration::from_secs(3600));
    let pool = WorkPool::builder()
        .boot_timeout(Duration::from_millis(200))
        .max_crashes(0)
        .faults(Faults::seeded(1).with(slow, When::at(1)))
        .build();
    let error = pool.query(Task::Return(1)).await.unwrap_err();
    let QueryError::BudgetExhausted { last, .. } = &error else { panic!("{error}") };
    assert!(last.to_string().contains("boot_timeout"), "{last}");
}

#[pm_runtime::test]
async fn a_program_that_is_not_there() {
    let pool = WorkPool::builder().program("/no/such/program").build();
    // Again and again, as it may come.
    for _ in 0..10 {
        let error = pool.query(Task::Return(1)).await.unwrap_err();
        assert!(matches!(error, QueryError::Boot(BootError::Program { .. })), "{error}");
        assert!(!error.is_retryable());
    }
    let error = pool.spawn(2).await.unwrap_err();
    assert!(matches!(error, SpawnError::Boot(BootError::Program { .. })), "{error}");
}

#[pm_runtime::test]
async fn a_program_without_init() {
    let pool =
        WorkPool::builder().program(env!("CARGO_BIN_EXE_uninitialized")).max_crashes(0).build();
    let error = pool.query(Task::Return(1)).await.unwrap_err();
    assert!(error.to_string().contains("pm_runtime::init()"), "{error}");
}

#[test]
fn an_application_that_forgot_init_is_told_so_and_runs_once() {
    let program = std::process::Command::new(env!("CARGO_BIN_EXE_uninitialized"))
        .arg("query")
        .output()
        .unwrap();
    let text = String::from_utf8(program.stdout).unwrap();
    assert_eq!(text.lines().count(), 1, "a second run of its main would print more: {text}");
    assert!(text.contains("#[pm_runtime::main]"), "{text}");
}

#[pm_runtime::test]
async fn another_program_that_holds_the_same_entry_serves() {
    let pool = WorkPool::builder().program(env!("CARGO_BIN_EXE_application")).build();
    assert_eq!(pool.query(Task::Return(11)).await, Ok(11));
    // This entry is this program's own.
    let pool = CountPool::builder().program(env!("CARGO_BIN_EXE_application")).build();
    let error = pool.query(b"abc").await.unwrap_err();
    assert!(matches!(error, QueryError::Boot(BootError::UnknownEntry { .. })), "{error}");
}

#[pm_runtime::test]
async fn options_that_make_no_sense() {
    let pools = [
        ("workers", WorkPool::builder().workers(0).build()),
        ("timeout", WorkPool::builder().timeout(Duration::ZERO).build()),
        ("concurrency", WorkPool::builder().concurrency(0).build()),
        ("boot_timeout", WorkPool::builder().boot_timeout(Duration::ZERO).build()),
        ("max_frame", WorkPool::builder().max_frame(0).build()),
        ("crash_window", WorkPool::builder().crash_window(Duration::ZERO).build()),
    ];
    for (name, pool) in pools {
        let error = pool.query(Task::Return(1)).await.unwrap_err();
        match &error {
            QueryError::Boot(BootError::Option { option, .. }) => assert_eq!(&**option, name),
            other => panic!("{name}: {other}"),
        }
        let error = pool.spawn(1).await.unwrap_err();
        assert!(matches!(error, SpawnError::Boot(BootError::Option { .. })), "{error}");
    }
}

#[pm_runtime::test]
async fn a_call_without_time_does_not_run() {
    let pool = WorkPool::new();
    let error = pool.query(Task::Return(1)).timeout(Duration::ZERO).await.unwrap_err();
    assert!(matches!(error, QueryError::TimedOut { worker: 0, .. }), "{error}");
    let account = pool.health().account;
    assert_eq!((account.submitted, account.rejected), (1, 1));
    assert!(pool.workers().is_empty());
}

#[pm_runtime::test]
async fn endless_durations_are_no_limits() {
    for endless in [Some(Duration::MAX), None] {
        let pool = WorkPool::builder()
            .timeout(endless)
            .queue_timeout(endless)
            .boot_timeout(endless)
            .grace(endless)
            .crash_window(endless)
            .build();
        assert_eq!(pool.query(Task::Return(1)).await, Ok(1));
        pool.destroy().await;
    }
}

#[pm_runtime::test]
async fn an_endless_concurrency_is_no_limit() {
    let pool = WorkAsyncPool::builder().workers(2).concurrency(usize::MAX).build();
    pool.spawn(2).await.unwrap();
    let calls = futures::future::join_all((0..100).map(|i| pool.query(Task::Return(i))));
    assert!(calls.await.iter().all(Result::is_ok));
}

#[pm_runtime::test]
async fn waiting_too_long_and_full_queues() {
    let pool = WorkPool::builder().queue(2).build();
    let spinning = smol::spawn(pool.query(Task::Spin));
    until_begun(&pool, 1).await;
    let error =
        pool.query(Task::Return(1)).queue_timeout(Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(error, QueryError::QueueTimedOut { after: Duration::from_millis(50) });
    assert!(error.is_retryable());
    let mut calls: Vec<_> = (0..40).map(|i| Box::pin(pool.query(Task::Return(i)))).collect();
    for call in &mut calls {
        assert!(smol::future::poll_once(call).await.is_none());
    }
    let error = pool.query(Task::Return(1)).immediate().await.unwrap_err();
    assert_eq!(error, QueryError::QueueFull);
    drop(calls);
    drop(spinning);
    let account = pool.health().account;
    assert_eq!(account.rejected, 2);
    assert!(account.balances());
}

#[pm_runtime::test]
async fn an_answer_that_nobody_reads() {
    let pool = WorkPool::new();
    let folder = Folder::new("unread");
    let go_on = folder.file("go");
    let task = Task::Rendezvous { begun: folder.file("begun"), go_on: go_on.clone() };
    let mut call = Box::pin(pool.query(task));
    assert!(smol::future::poll_once(&mut call).await.is_none());
    std::fs::write(go_on, "").unwrap();
    while pool.health().account.completed < 1 {
        smol::future::yield_now().await;
    }
    drop(call);
    let account = pool.health().account;
    assert_eq!((account.completed, account.cancelled), (1, 0));
    assert_eq!(pool.query(Task::Return(2)).await, Ok(2));
}

#[pm_runtime::test]
async fn a_leaked_call_keeps_its_timeout() {
    let pool = WorkPool::builder().boot_timeout(Duration::from_secs(3600)).build();
    assert_eq!(pool.query(Task::Return(1)).await, Ok(1));
    let mut call = Box::pin(pool.query(Task::Spin).timeout(Duration::from_millis(50)));
    assert!(smol::future::poll_once(&mut call).await.is_none());
    std::mem::forget(call);
    until(|| pool.health().account.failed == 1);
}

#[pm_runtime::test]
async fn a_call_that_is_polled_once_and_leaked_stalls_nobody() {
    let pool = WorkPool::new();
    let folder = Folder::new("leaked");
    let go_on = folder.file("go");
    let task = Task::Rendezvous { begun: folder.file("begun"), go_on: go_on.clone() };
    let mut call = Box::pin(pool.query(task));
    assert!(smol::future::poll_once(&mut call).await.is_none());
    std::mem::forget(call);
    std::fs::write(go_on, "").unwrap();
    // It was alone, and was to look for its answer itself.
    until(|| pool.health().account.completed == 1);
    for i in 0..100 {
        assert_eq!(pool.query(Task::Return(i)).await, Ok(i));
    }
}
