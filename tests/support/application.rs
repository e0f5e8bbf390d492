//! An application that a test starts, watches and kills. Its first argument says what it does; it
//! prints a line when it is where the test wants it.

use std::io::Write;

use async_signal::{Signal, Signals};
use pm_tests::{Task, WorkPool};
use smol::stream::StreamExt;

#[pm_runtime::main]
async fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("loop") => spin_for_ever().await,
        Some("drain") => drain().await,
        Some("ask") => say(&format!("{:?}", WorkPool::new().query(Task::Return(1)).await)),
        other => panic!("what is {other:?}?"),
    }
}

/// Workers that loop, with children that loop; prints all their ids, then waits to be killed.
async fn spin_for_ever() {
    let pool = WorkPool::builder().workers(2).build();
    pool.spawn(2).await.expect("workers start");
    let one = pool.query(Task::Grandchild).await.expect("it runs");
    let other = pool.query(Task::Grandchild).await.expect("it runs");
    let ids: Vec<String> = pool
        .workers()
        .iter()
        .map(|worker| u64::from(worker.pid()))
        .chain([one, other])
        .map(|id| id.to_string())
        .collect();
    let mut spinning: Vec<_> = (0..2).map(|_| Box::pin(pool.query(Task::Spin))).collect();
    for call in &mut spinning {
        assert!(smol::future::poll_once(call).await.is_none());
    }
    while pool.health().account.running < 2 {
        smol::future::yield_now().await;
    }
    say(&ids.join(" "));
    std::future::pending::<()>().await;
}

/// Queries under way when a signal comes to every process at once: this one ends when they have.
async fn drain() {
    let folder = std::env::args().nth(2).expect("a folder");
    let mut signals = Signals::new([Signal::Term]).expect("signals can be heard");
    let pool = WorkPool::builder().workers(2).build();
    let calls: Vec<_> = (0..6)
        .map(|i| {
            let begun = format!("{folder}/begun-{i}");
            let go_on = format!("{folder}/go");
            smol::spawn(pool.query(Task::Rendezvous { begun, go_on }))
        })
        .collect();
    // All of them have been submitted: those that are not when the pool ends are refused.
    loop {
        let account = pool.health().account;
        if account.running == 2 && account.submitted == 6 {
            break;
        }
        smol::future::yield_now().await;
    }
    say("running");
    signals.next().await.expect("signals have no end").expect("a signal");
    let drained = smol::spawn({
        let pool = pool.clone();
        async move { pool.destroy().await }
    });
    say("draining");
    let mut answered = 0;
    for call in calls {
        call.await.expect("nothing is lost");
        answered += 1;
    }
    drained.await;
    let account = pool.health().account;
    assert_eq!((account.completed, account.failed), (answered, 0));
    say(&format!("answered {answered}"));
}

fn say(line: &str) {
    println!("{line}");
    std::io::stdout().flush().expect("somebody listens");
}
