//! A battle log, processed action by action while the battle goes on.

use pm_runtime::{Error, Outbox, OutboxClosed, StreamWorker, worker_stream};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
enum BattleAction {
    Move { pokemon: String, name: String },
    Switch { pokemon: String },
}

/// A battle in a worker: what it knows of the battle so far, and what it does with each action.
#[worker_stream(workers = 2)]
#[derive(Default)]
struct BattleLog {
    actions: u32,
    active: Option<String>,
}

impl StreamWorker for BattleLog {
    type Input = BattleAction;
    type Output = String;
    type Error = OutboxClosed;

    async fn write(
        &mut self,
        action: BattleAction,
        out: &Outbox<String>,
    ) -> Result<(), Self::Error> {
        self.actions += 1;
        let processed = match action {
            BattleAction::Move { pokemon, name } => format!("{pokemon} used {name}"),
            BattleAction::Switch { pokemon } => match self.active.replace(pokemon.clone()) {
                Some(before) => format!("{pokemon} took the place of {before}"),
                None => format!("{pokemon} came out"),
            },
        };
        out.send(format!("{}: {processed}", self.actions)).await
    }
}

#[pm_runtime::main]
async fn main() -> Result<(), Error> {
    let processor = BattleLogPool::new();
    processor.spawn(2).await?; // otherwise the first stream starts them

    let mut stream = processor.create_stream().await?;
    stream.send(BattleAction::Switch { pokemon: "Pikachu".into() }).await?;
    stream
        .send(BattleAction::Move { pokemon: "Pikachu".into(), name: "Thunderbolt".into() })
        .await?;
    stream.send(BattleAction::Switch { pokemon: "Charizard".into() }).await?;
    stream.finish().await?;

    while let Some(processed) = stream.next().await {
        println!("{}", processed?);
    }
    processor.destroy().await;
    Ok(())
}
