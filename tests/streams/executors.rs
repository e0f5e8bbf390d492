//! Streams of callers, and of workers, that tokio drives.

use super::*;

/// Numbers there and back.
async fn echo(pool: ActorPool, number: u8) {
    let mut actor = pool.create_stream().await.unwrap();
    for turn in 0..100 {
        actor.send(Order::Say(vec![number, turn])).await.unwrap();
        assert_eq!(said(&mut actor).await, Said::Bytes(vec![number, turn]));
    }
    actor.finish().await.unwrap();
    assert_eq!(said(&mut actor).await, Said::Ended);
    assert_eq!(actor.next().await, None);
}

#[pm_runtime::test]
fn callers_may_be_tasks_of_tokio_on_several_threads() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let pool = ActorPool::builder().workers(2).build();
    runtime.block_on(async {
        let tasks: Vec<_> =
            (0..20).map(|number| tokio::spawn(echo(pool.clone(), number))).collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    assert_eq!(pool.health().account.completed, 20);
}

#[cfg(feature = "tokio")]
#[pm_runtime::test]
async fn tokio_may_drive_the_worker() {
    let pool = ActorPool::builder().runtime(pm_runtime::Runtime::Tokio).build();
    join_all((0..20).map(|number| echo(pool.clone(), number))).await;
    assert_eq!(pool.health().account.completed, 20);
}
