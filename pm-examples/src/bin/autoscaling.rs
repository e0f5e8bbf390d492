//! A pool that grows with the battles that go on, each of which has a worker for itself, and shrinks
//! when they are over.

use futures_util::future;
use pm_runtime::{Error, Event, Events, Outbox, OutboxClosed, StreamWorker, worker_stream};

/// A battle; its state is how many turns it has had.
#[worker_stream(workers = 1..=4, concurrency = 1, idle_timeout = "100ms")]
#[derive(Default)]
struct Battle {
    turns: u32,
}

impl StreamWorker for Battle {
    type Input = String;
    type Output = String;
    type Error = OutboxClosed;

    async fn write(&mut self, attack: String, out: &Outbox<String>) -> Result<(), OutboxClosed> {
        self.turns += 1;
        out.send(format!("turn {}: {attack}", self.turns)).await
    }
}

/// Tells of the next change of the pool's size.
async fn print_next(events: &mut Events) {
    while let Some(event) = events.next().await {
        if let Event::Scaled { from, to, .. } = event {
            let direction = if from < to { "up" } else { "down" };
            return println!("scaled {direction} to {to}");
        }
    }
}

#[pm_runtime::main]
async fn main() -> Result<(), Error> {
    let pool = BattlePool::new();
    let mut events = pool.events();
    let mut battles = future::try_join_all((0..4).map(|_| pool.create_stream())).await?;
    for _ in 1..4 {
        print_next(&mut events).await;
    }

    for (battle, attack) in battles.iter_mut().zip(["Tackle", "Surf", "Ember", "Cut"]) {
        battle.send(attack.into()).await?;
        if let Some(event) = battle.next().await {
            println!("{}", event?);
        }
    }

    drop(battles);
    for _ in 1..4 {
        print_next(&mut events).await;
    }
    pool.destroy().await;
    Ok(())
}
