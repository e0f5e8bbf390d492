//! Live events, broadcast to every open stream, each of which processes them for its own player.

use pm_runtime::{
    Error, Outbox, OutboxClosed, StreamError, StreamReceiver, StreamSender, StreamWorker,
    TrySendError, worker, worker_stream,
};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
enum SafariEvent {
    PokemonEncounter {
        pokemon: String,
    },
    CatchAttempt {
        ball: String,
    },
    ZoneChange {
        zone: String,
    },
    /// Nothing comes of this one.
    Weather,
}

#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize)]
enum SafariError {
    #[error("there is nothing to catch")]
    NothingToCatch,
    #[error(transparent)]
    Closed(#[from] OutboxClosed),
}

/// The events as one player has them.
#[worker_stream(workers = 3)]
struct LiveEvents {
    player: String,
    zone: String,
    #[local]
    encounter: Option<String>,
}

impl StreamWorker for LiveEvents {
    type Input = SafariEvent;
    type Output = String;
    type Error = SafariError;

    async fn write(&mut self, event: SafariEvent, out: &Outbox<String>) -> Result<(), SafariError> {
        let Self { player, zone, .. } = self;
        let processed = match event {
            SafariEvent::PokemonEncounter { pokemon } => {
                let met = format!("{player} met {pokemon} in {zone}");
                self.encounter = Some(pokemon);
                met
            }
            SafariEvent::CatchAttempt { ball } => {
                let pokemon = self.encounter.take().ok_or(SafariError::NothingToCatch)?;
                format!("{player} threw a {ball} at {pokemon}")
            }
            SafariEvent::ZoneChange { zone } => {
                worker::message(format!("{player} left {}", self.zone)).ok();
                self.zone = zone;
                format!("{player} is in {}", self.zone)
            }
            SafariEvent::Weather => return Ok(()),
        };
        Ok(out.send(processed).await?)
    }
}

/// The streams that are open, behind one place that sends to all of them.
struct LiveSafariEventProcessor {
    event_stream: LiveEventsPool,
    active_streams: Vec<StreamSender<LiveEvents>>,
}

impl LiveSafariEventProcessor {
    fn new() -> Self {
        let event_stream = LiveEventsPool::new();
        event_stream
            .on_message(|worker, text| eprintln!("message of worker {}: {text}", worker.id()));
        Self { event_stream, active_streams: Vec::new() }
    }

    async fn start_live_processing(
        &mut self,
        player: &str,
        zone: &str,
    ) -> Result<StreamReceiver<LiveEvents>, Error> {
        let opening = LiveEvents { player: player.into(), zone: zone.into(), encounter: None };
        let (events, processed) = self.event_stream.open(opening).await?.split();
        self.active_streams.push(events);
        Ok(processed)
    }

    /// A live event waits for nobody: a stream that is so far behind that its window is full misses
    /// it, and one that is over is forgotten.
    fn broadcast_event(&mut self, event: &SafariEvent) {
        self.active_streams.retain_mut(|stream| {
            matches!(stream.try_send(event.clone()), Ok(()) | Err(TrySendError::Full(_)))
        });
    }

    /// The streams come to their ends, and then the pool does.
    async fn shutdown(self) {
        drop(self.active_streams);
        self.event_stream.destroy().await;
    }
}

async fn print(mut processed: StreamReceiver<LiveEvents>) {
    while let Some(event) = processed.next().await {
        match event {
            Ok(text) => println!("{text}"),
            // Of one event only: the stream goes on.
            Err(StreamError::Failed(error)) => println!("event processing error: {error}"),
            Err(error) => println!("it is over: {error}"),
        }
    }
}

#[pm_runtime::main]
async fn main() -> Result<(), Error> {
    let mut processor = LiveSafariEventProcessor::new();
    let red = processor.start_live_processing("Red", "safari-forest").await?;
    let leaf = processor.start_live_processing("Leaf", "safari-lake").await?;

    for event in [
        SafariEvent::PokemonEncounter { pokemon: "Chansey".into() },
        SafariEvent::CatchAttempt { ball: "Safari Ball".into() },
        SafariEvent::CatchAttempt { ball: "Rock".into() },
        SafariEvent::Weather,
        SafariEvent::ZoneChange { zone: "safari-cave".into() },
    ] {
        processor.broadcast_event(&event);
    }
    processor.shutdown().await;
    // What was processed before is still there to be read.
    print(red).await;
    print(leaf).await;
    Ok(())
}
