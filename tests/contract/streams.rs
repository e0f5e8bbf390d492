//! A stream: a struct, its code, and its handle.

use futures::{Sink, SinkExt, Stream, StreamExt};
use pm_runtime::{Outbox, OutboxClosed, Pool, StreamError, StreamWorker, worker_stream};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Action {
    Move(String),
    Nonsense,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event(pub String);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
pub enum BattleError {
    #[error("this is no action")]
    Nonsense,
    #[error(transparent)]
    Closed(#[from] OutboxClosed),
}

#[worker_stream]
#[derive(Default)]
pub struct BattleLog {
    pub format: String,
    turn: u32,
}

impl StreamWorker for BattleLog {
    type Input = Action;
    type Output = Event;
    type Error = BattleError;

    async fn write(&mut self, action: Action, out: &Outbox<Event>) -> Result<(), BattleError> {
        let Action::Move(name) = action else { return Err(BattleError::Nonsense) };
        self.turn += 1;
        out.send(Event(format!("{} {}: {name}", self.format, self.turn))).await?;
        Ok(())
    }

    async fn end(&mut self, out: &Outbox<Event>) -> Result<(), BattleError> {
        Ok(out.send(Event("over".into())).await?)
    }
}

fn action(name: &str) -> Action {
    Action::Move(name.into())
}

#[pm_runtime::test]
async fn a_battle_is_followed() -> Result<(), pm_runtime::Error> {
    let pool = BattleLogPool::new();
    let mut battle = pool.open(BattleLog { format: "gen9ou".into(), ..Default::default() }).await?;
    battle.send(action("tackle")).await?;
    battle.finish().await?;
    let mut events = Vec::new();
    while let Some(event) = battle.next().await {
        let event: Event = event?;
        events.push(event.0);
    }
    assert_eq!(events, ["gen9ou 1: tackle", "over"]);
    Ok(())
}

#[pm_runtime::test]
async fn a_recoverable_error_reaches_the_reader_and_the_stream_goes_on() {
    let pool = BattleLogPool::builder().workers(1).build();
    let mut battle: BattleLogStream = pool.create_stream().await.unwrap();
    battle.send(Action::Nonsense).await.unwrap();
    battle.send(action("growl")).await.unwrap();
    assert_eq!(battle.next().await, Some(Err(StreamError::Failed(BattleError::Nonsense))));
    assert_eq!(battle.next().await, Some(Ok(Event(" 1: growl".into()))));
    assert!(!battle.is_closed());
}

/// What a handle is, whatever stream it is of.
fn is_a_sink_and_a_stream<T>(_: &T)
where
    T: Sink<Action, Error = StreamError<BattleError>>
        + Stream<Item = Result<Event, StreamError<BattleError>>>
        + Send
        + Sync
        + Unpin,
{
}

#[pm_runtime::test]
async fn a_handle_is_a_sink_and_a_stream_and_can_be_split() {
    let pool = BattleLogPool::builder().workers(1).build();
    let battle = pool.create_stream().await.unwrap();
    is_a_sink_and_a_stream(&battle);
    let (mut actions, events) = battle.split();
    let send = async move {
        for name in ["one", "two", "three"] {
            SinkExt::feed(&mut actions, action(name)).await.unwrap();
        }
        SinkExt::close(&mut actions).await.unwrap();
    };
    let receive = events.map(|event| event.unwrap().0).collect::<Vec<_>>();
    let ((), events) = futures::join!(send, receive);
    assert_eq!(events, [" 1: one", " 2: two", " 3: three", "over"]);
}

#[pm_runtime::test]
async fn every_pool_has_what_every_pool_has() {
    let pool = BattleLogPool::builder().workers(2).build();
    let _: &Pool = &pool;
    pool.spawn(2).await.unwrap();
    let battles = [pool.create_stream().await.unwrap(), pool.create_stream().await.unwrap()];
    let loads: Vec<usize> = pool.workers().iter().map(|worker| worker.load()).collect();
    assert_eq!(loads, [1, 1], "load is the number of open streams");
    assert_eq!(pool.health().account.running, 2);
    drop(battles);
    pool.destroy().await;
    let account = pool.health().account;
    assert_eq!((account.cancelled, account.submitted), (2, 2));
    assert!(account.balances());
    assert!(matches!(pool.create_stream().await, Err(StreamError::Destroyed)));
}

#[pm_runtime::test]
async fn an_open_stream_keeps_its_pool_alive() {
    let mut battle = BattleLogPool::builder().workers(1).build().create_stream().await.unwrap();
    battle.send(action("splash")).await.unwrap();
    assert_eq!(battle.next().await, Some(Ok(Event(" 1: splash".into()))));
}
