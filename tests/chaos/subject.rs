//! The pools that have to bear it: several of each kind, with faults of their own.

use std::sync::Arc;
use std::time::Duration;

use pm_runtime::__private::Handle;
use pm_runtime::fault::{Fault, Faults, When};
use pm_runtime::{Pool, PoolBuilder, Stdio};
use pm_tests::Over;

use crate::callers::Ask;
#[cfg(feature = "tokio")]
use crate::deeds::TokioAwaitingPool;
use crate::deeds::{AwaitingPool, DeskPool, EchoPool, KilledPool, PlainPool, TalkPool};
use crate::dice::Dice;
use crate::ledger::Ledger;
use crate::leftovers::{MARK, mark};

/// How often a query runs again whose worker died under it: so often that no caller sees such an error.
const RETRIES: u32 = 20;

/// A pool, and what its callers counted.
pub struct Subject {
    pub name: &'static str,
    pub pool: Pool,
    pub ledger: Ledger,
    /// Its workers break the protocol now and then.
    pub breaks: bool,
    /// Its workers write over the shared memory: nothing that they answer has to be true.
    pub lies: bool,
    /// Its questions are large.
    pub large: bool,
    /// How often its workers are killed, beside those of other pools.
    pub kills: u64,
}

/// What is done with a pool beside killing its workers.
pub enum Work {
    Queries(Ask),
    Streams(TalkPool),
    Raw(EchoPool),
}

impl Subject {
    /// The length of a question.
    pub fn length(&self, dice: &mut Dice) -> usize {
        let longest = match (self.large, dice.below(20)) {
            (true, 0) => 3 << 20,
            (true, _) => 300_000,
            (false, 0) => 5000,
            (false, _) => 100,
        };
        dice.below(longest) as usize
    }
}

/// Every pool has these options.
fn built<P: Handle>(builder: PoolBuilder<P>, over: Over, faults: Faults) -> P {
    let builder = builder
        .workers(2)
        .max_crashes(None)
        .timeout(Duration::from_secs(3))
        .boot_timeout(Duration::from_secs(3))
        .grace(Duration::from_secs(2))
        .env(MARK, mark())
        .stdio(Stdio::Null)
        .retries(RETRIES)
        .faults(faults);
    match over {
        Over::Sockets => builder.transport(pm_runtime::Transport::Socket).build(),
        _ => builder.build(),
    }
}

/// All of them, with faults that follow from the seed.
pub fn all(seed: u64) -> Vec<(Arc<Subject>, Work)> {
    let deaths = || {
        Faults::seeded(seed)
            .with(Fault::KillBefore, When::chance(0.0005))
            .with(Fault::KillDuring, When::chance(0.0005))
            .with(Fault::KillAfter, When::chance(0.0005))
            .with(Fault::Crash, When::chance(0.0005))
            .with(Fault::StopBefore, When::chance(0.00002))
            .with(Fault::Hang, When::chance(0.00002))
    };
    let breaches = || {
        deaths()
            .with(Fault::Garbage, When::chance(0.001))
            .with(Fault::Truncate, When::chance(0.001))
            .with(Fault::Duplicate, When::chance(0.001))
            .with(Fault::DropLink, When::chance(0.001))
    };
    let boots = || {
        deaths()
            .with(Fault::SlowBoot(Duration::from_millis(30)), When::chance(0.3))
            .with(Fault::ExitAtBoot(1), When::chance(0.1))
    };
    let mut all = Vec::new();
    macro_rules! queries {
        ($name:literal, $pool:ident, $over:expr, $faults:expr, $ask:expr $(, $field:ident)*) => {{
            let pool = built($pool::builder(), $over, $faults);
            #[allow(unused_mut, reason = "some have none of these fields")]
            let mut subject = subject($name, &pool, 10);
            $(subject.$field = true;)*
            let ask: fn(&$pool, u64, u64, Deed, Vec<u8>) -> _ = $ask;
            all.push((
                Arc::new(subject),
                Work::Queries(Box::new(move |way, number, deed, bytes| {
                    ask(&pool, way, number, deed, bytes)
                })),
            ));
        }};
    }
    use crate::deeds::Deed;
    use Over::{Memory, Sockets};
    macro_rules! query {
        () => {
            |pool, _, number, deed, bytes| pool.query(number, deed, bytes)
        };
    }
    macro_rules! service {
        () => {
            |pool, way, number, deed, bytes| match way {
                0 => pool.change(number, deed, bytes),
                1 => pool.wait(number, deed, bytes),
                _ => pool.ask(number, deed, bytes),
            }
        };
    }
    queries!("plain", PlainPool, Memory, deaths(), query!());
    queries!("plain, sockets", PlainPool, Sockets, deaths(), query!());
    queries!("slow to boot", PlainPool, Memory, boots(), query!());
    queries!("killed when dropped", KilledPool, Memory, deaths(), query!());
    queries!("async", AwaitingPool, Memory, deaths(), query!());
    queries!("async, sockets", AwaitingPool, Sockets, deaths(), query!());
    #[cfg(feature = "tokio")]
    queries!("async, tokio", TokioAwaitingPool, Memory, deaths(), query!());
    queries!("service", DeskPool, Memory, deaths(), service!());
    queries!("service, sockets", DeskPool, Sockets, deaths(), service!());
    queries!("large", PlainPool, Memory, deaths(), query!(), large);
    queries!("large, sockets", PlainPool, Sockets, deaths(), query!(), large);
    queries!("breaches", AwaitingPool, Memory, breaches(), query!(), breaks);
    queries!("breaches, sockets", PlainPool, Sockets, breaches(), query!(), breaks);
    queries!("liars", PlainPool, Memory, deaths(), query!(), breaks, lies);
    for (name, over) in [("streams", Memory), ("streams, sockets", Sockets)] {
        let pool = built(TalkPool::builder(), over, deaths());
        all.push((Arc::new(subject(name, &pool, 2)), Work::Streams(pool)));
    }
    for (name, over) in [("raw", Memory), ("raw, sockets", Sockets)] {
        let pool = built(EchoPool::builder(), over, Faults::new());
        all.push((Arc::new(subject(name, &pool, 1)), Work::Raw(pool)));
    }
    all
}

fn subject(name: &'static str, pool: &Pool, kills: u64) -> Subject {
    Subject {
        name,
        pool: pool.clone(),
        ledger: Ledger::default(),
        breaks: false,
        lies: false,
        large: false,
        kills,
    }
}
