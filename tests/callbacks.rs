//! What an application wants to be done when something happens in a pool.

use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use pm_runtime::fault::{Fault, Faults, When};
use pm_runtime::{CrashCause, Event, Pool, QueryError, Stdio, worker, worker_query};
use pm_tests::{Task, WorkPool, until};
use rustix::process::{Pid, Signal};
use smol::stream::StreamExt;

/// What callbacks have to tell.
#[derive(Debug, PartialEq)]
enum Told {
    Spawned(u64, u32),
    Crashed(u64),
    Unspawned(u64, u32),
}

/// Everything that callbacks hear of a pool, in their order.
fn listen(pool: &Pool) -> Receiver<Told> {
    let (sender, told) = mpsc::channel();
    let tell = |sender: &Sender<Told>, what| drop(sender.send(what));
    let by = sender.clone();
    pool.on_spawn(move |worker| tell(&by, Told::Spawned(worker.id(), worker.pid())));
    let by = sender.clone();
    pool.on_unspawn(move |worker| tell(&by, Told::Unspawned(worker.id(), worker.pid())));
    pool.on_crash(move |report| tell(&sender, Told::Crashed(report.worker)));
    told
}

/// Threads of this process that run callbacks of pools of this name.
fn threads_of(pool: &str) -> usize {
    let name = format!("{pool} callbacks");
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| {
        // A thread may end meanwhile.
        std::fs::read_to_string(task.ok()?.path().join("comm")).ok()
    });
    names.filter(|found| name.starts_with(found.trim_end())).count()
}

#[pm_runtime::test]
async fn callbacks_run_in_the_order_in_which_things_happen() {
    let pool = WorkPool::new();
    let told = listen(&pool);
    let first = pool.spawn_one().await.unwrap();
    let pid = first.pid();
    assert!(pool.query(Task::Abort).await.is_err());
    assert_eq!(pool.query(Task::Return(1)).await, Ok(1));
    let second = pool.workers()[0].pid();
    pool.destroy().await;
    let all = [
        Told::Spawned(1, pid),
        Told::Crashed(1),
        Told::Unspawned(1, pid),
        Told::Spawned(2, second),
        Told::Unspawned(2, second),
    ];
    // It ends when the callbacks are gone.
    assert_eq!(told.iter().collect::<Vec<_>>(), all);
}

#[pm_runtime::test]
async fn threads_are_told_of_like_processes() {
    let pool = WorkPool::builder().in_process().build();
    let told = listen(&pool);
    assert_eq!(pool.query(Task::Return(1)).await, Ok(1));
    pool.destroy().await;
    let here = std::process::id();
    let all = [Told::Spawned(1, here), Told::Unspawned(1, here)];
    assert_eq!(told.iter().collect::<Vec<_>>(), all);
}

#[pm_runtime::test]
async fn a_worker_that_does_not_become_ready_was_there_and_one_without_a_program_was_not() {
    let faults = Faults::default().with(Fault::ExitAtBoot(3), When::at(1));
    let pool = WorkPool::builder().max_crashes(0).faults(faults).build();
    let told = listen(&pool);
    assert!(pool.spawn(1).await.is_err());
    pool.destroy().await;
    let ids: Vec<_> = told
        .iter()
        .map(|told| match told {
            Told::Spawned(id, _) => ("spawned", id),
            Told::Crashed(id) => ("crashed", id),
            Told::Unspawned(id, _) => ("unspawned", id),
        })
        .collect();
    assert_eq!(ids[..3], [("spawned", 1), ("crashed", 1), ("unspawned", 1)], "{ids:?}");
    let pool = WorkPool::builder().program("/nowhere").build();
    let told = listen(&pool);
    assert!(pool.spawn(1).await.is_err());
    pool.destroy().await;
    let all: Vec<_> = told.iter().collect();
    assert!(all.iter().all(|told| matches!(told, Told::Crashed(_))) && !all.is_empty(), "{all:?}");
}

#[pm_runtime::test]
async fn a_callback_that_blocks_for_ever_or_panics_holds_up_nothing_of_the_pool() {
    fn block() {
        loop {
            std::thread::park();
        }
    }
    for misbehave in [block, || panic!("on every occasion")] {
        let pool = WorkPool::new();
        let (entered, begun) = mpsc::channel();
        pool.on_spawn(move |_| {
            let _ = entered.send(());
            misbehave();
        });
        pool.on_crash(move |_| misbehave());
        pool.on_unspawn(move |_| misbehave());
        // Boots, answers, deaths, timers, releases and the end.
        assert_eq!(pool.query(Task::Return(1)).await, Ok(1));
        begun.recv().unwrap();
        assert!(matches!(pool.query(Task::Abort).await, Err(QueryError::Crashed(_))));
        let late = pool.query(Task::Spin).timeout(Duration::from_millis(10)).await;
        assert!(matches!(late, Err(QueryError::TimedOut { .. })));
        pool.respawn().await.unwrap();
        assert_eq!(pool.query(Task::Return(2)).await, Ok(2));
        pool.destroy().await;
        assert_eq!(pool.query(Task::Return(3)).await, Err(QueryError::Destroyed));
    }
}

#[pm_runtime::test]
async fn a_callback_that_panics_ends_neither_the_others_nor_itself() {
    let pool = WorkPool::new();
    let (sender, heard) = mpsc::channel();
    let before = sender.clone();
    let mut times = 0;
    pool.on_crash(move |_| before.send("before").unwrap());
    pool.on_crash(move |_| {
        times += 1;
        panic!("not again ({times})");
    });
    pool.on_crash(move |_| sender.send("after").unwrap());
    for _ in 0..2 {
        assert!(pool.query(Task::Abort).await.is_err());
    }
    pool.destroy().await;
    assert_eq!(heard.iter().collect::<Vec<_>>(), ["before", "after", "before", "after"]);
}

/// Of a name of its own, as threads are counted by it.
#[worker_query(workers = 1)]
fn counted() {}

#[pm_runtime::test]
async fn the_thread_of_callbacks_is_there_with_the_first_and_gone_with_the_pool() {
    assert_eq!(threads_of("counted"), 0);
    let destroyed = CountedPool::new();
    destroyed.query().await.unwrap();
    assert_eq!(threads_of("counted"), 0, "there are no callbacks");
    for _ in 0..3 {
        destroyed.on_crash(|_| ());
    }
    until(|| threads_of("counted") == 1);
    let dropped = CountedPool::new();
    dropped.on_unspawn(|_| ());
    dropped.query().await.unwrap();
    let unused = CountedPool::new();
    unused.on_message(|_, _| ());
    until(|| threads_of("counted") == 3);
    destroyed.destroy().await;
    until(|| threads_of("counted") == 2);
    destroyed.on_crash(|_| ());
    drop((dropped, unused));
    until(|| threads_of("counted") == 0);
}

#[worker_query(workers = 1)]
fn tidy() {}

/// What a callback holds: its drop closes a channel.
struct Held(#[expect(dead_code, reason = "only its drop matters")] Sender<()>);

#[pm_runtime::test]
async fn callbacks_are_dropped_with_their_pool_also_those_that_hold_it() {
    let (sender, dropped) = mpsc::channel();
    let pool = TidyPool::new();
    let (held, handle) = (Held(sender.clone()), pool.clone());
    pool.on_crash(move |_| {
        let _all = (&held, &handle);
    });
    drop(sender);
    pool.query().await.unwrap();
    let weak = pool.workers();
    pool.destroy().await;
    assert!(dropped.recv().is_err(), "nobody can send any more");
    assert!(weak[0].health().is_none());
    let (sender, dropped) = mpsc::channel();
    let pool = TidyPool::new();
    let held = Held(sender);
    pool.on_crash(move |_| {
        let _all = &held;
    });
    drop(pool);
    assert!(dropped.recv().is_err(), "nor here, where nobody destroyed it");
}

#[pm_runtime::test]
async fn a_callback_may_use_its_pool() {
    let pool = WorkPool::new();
    let (sender, answers) = mpsc::channel();
    let handle = pool.clone();
    pool.on_crash(move |report| {
        let answer = handle.query(Task::Return(report.worker)).wait();
        handle.on_unspawn(|_| ());
        sender.send((answer, handle.health().crashes)).unwrap();
    });
    assert!(pool.query(Task::Abort).await.is_err());
    assert_eq!(answers.recv(), Ok((Ok(1), 1)));
    pool.destroy().await;
}

#[worker_query(workers = 1)]
fn flood(messages: u32) {
    for n in 0..messages {
        worker::message(format!("{n:01000}")).unwrap();
    }
}

#[pm_runtime::test]
async fn a_flood_of_messages_drowns_no_death() {
    let pool = FloodPool::new();
    let (go_on, gate) = mpsc::channel::<()>();
    let (sender, told) = mpsc::channel();
    let by_message = sender.clone();
    pool.on_message(move |_, text: String| {
        // The first one waits until all that is to come has come.
        let _ = gate.recv();
        by_message.send(text.parse().unwrap()).unwrap();
    });
    pool.on_unspawn(move |worker| sender.send(1_000_000 + worker.id()).unwrap());
    pool.query(20_000).await.unwrap();
    pool.unspawn().await;
    let missed = pool.health().missed;
    assert!((15_000..19_999).contains(&missed), "{missed}");
    drop(go_on);
    pool.destroy().await;
    let told: Vec<u64> = told.iter().collect();
    let heard = 20_000 - missed;
    assert_eq!(told.len() as u64, heard + 1);
    assert_eq!(told.last(), Some(&1_000_001));
    assert!(told[..told.len() - 1].iter().copied().eq(0..heard), "the first ones, in order");
}

#[pm_runtime::test]
async fn only_crashes_are_told_as_crashes() {
    let pool = WorkPool::new();
    let (sender, causes) = mpsc::channel();
    pool.on_crash(move |report| sender.send(report.cause.clone()).unwrap());
    let late = pool.query(Task::Spin).timeout(Duration::from_millis(10)).await;
    assert!(matches!(late, Err(QueryError::TimedOut { .. })));
    assert!(pool.query(Task::Exit(3)).await.is_err());
    pool.destroy().await;
    assert_eq!(causes.iter().collect::<Vec<_>>(), [CrashCause::Died]);
}

#[pm_runtime::test]
async fn a_callback_hears_every_event_that_a_reader_does() {
    let pool = FloodPool::builder().max_crashes(None).stdio(Stdio::Capture).build();
    let (events, (sender, told)) = (pool.events(), mpsc::channel());
    pool.on_event(move |event| sender.send(event.clone()).unwrap());
    pool.query(3).await.unwrap();
    let worker = pool.workers()[0].pid();
    rustix::process::kill_process(Pid::from_raw(worker as i32).unwrap(), Signal::KILL).unwrap();
    until(|| pool.health().restarts == 1);
    pool.query(1).await.unwrap();
    pool.destroy().await;
    let told: Vec<Event> = told.iter().collect();
    let read: Vec<Event> = events.collect().await;
    assert_eq!(told, read);
    let messages = told.iter().filter(|event| matches!(event, Event::Message { .. }));
    assert_eq!(messages.count(), 4);
    assert!(told.iter().any(|event| matches!(event, Event::Crashed(_))));
    for event in told {
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event, "{json}");
        assert_eq!(event.to_string().lines().count(), 1, "{event}");
    }
}

#[pm_runtime::test]
async fn a_flood_of_words_drowns_no_other_event() {
    let pool = FloodPool::new();
    let (go_on, gate) = mpsc::channel::<()>();
    let (sender, told) = mpsc::channel();
    pool.on_event(move |event| {
        let _ = gate.recv();
        sender.send(event.clone()).unwrap();
    });
    pool.query(20_000).await.unwrap();
    pool.unspawn().await;
    drop(go_on);
    pool.destroy().await;
    let told: Vec<Event> = told.iter().collect();
    let messages = told.iter().filter(|event| matches!(event, Event::Message { .. })).count();
    assert!((1024..=1025).contains(&messages), "{messages}");
    assert!(matches!(told.last(), Some(Event::Released { worker: 1, .. })), "{:?}", told.last());
}

#[pm_runtime::test]
async fn a_label_names_the_pool_wherever_it_is_told_of() {
    // Neither a process nor a thread could have the second one for its name.
    for (label, name) in [("uploads", "uploads"), ("a\0b\n", "ab\n"), ("\0", "work")] {
        let pool = WorkPool::builder().label(label).build();
        let told = listen(&pool);
        let report = match pool.query(Task::Abort).await {
            Err(QueryError::Crashed(report)) => report,
            other => panic!("{other:?}"),
        };
        assert_eq!((&*report.pool, pool.name(), &*pool.health().name), (name, name, name));
        assert_eq!(report.to_string().lines().count(), 1);
        pool.destroy().await;
        assert!(told.iter().any(|told| told == Told::Crashed(1)));
    }
}
