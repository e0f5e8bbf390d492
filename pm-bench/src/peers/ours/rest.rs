//! What leaked, waiting and idle queries cost others.

use std::time::{Duration, Instant};

use smol::future::poll_once;

use super::Outcome;
use crate::memory::{resident, voluntary_switches};
use crate::placement::children;
use crate::queries::{AddPool, VictimPool};
use crate::slice::median;

/// The encoded arguments of a query: its variant and two numbers.
const ARGUMENTS: usize = 4 + 2 * 8;

/// The query after one that was polled and leaked.
pub(super) async fn after_leak(pool: &AddPool, time: Duration) -> Outcome {
    let mut seen = Vec::new();
    let begin = Instant::now();
    while seen.is_empty() || begin.elapsed() < time {
        let mut leaked = Box::pin(pool.query(1, 2));
        let _ = poll_once(&mut leaked).await;
        std::mem::forget(leaked);
        let start = Instant::now();
        pool.query(1, 2).await?;
        seen.push(start.elapsed().as_secs_f64());
    }
    Ok(median(&mut seen))
}

/// The memory that a waiting query takes beyond its arguments, call and all, in a process that has
/// none to use again.
pub(super) async fn waiting(calls: usize) -> Outcome {
    let busy = VictimPool::builder().queue(2 * calls).build();
    busy.id().await?;
    let mut hangs = Box::pin(busy.hang());
    while poll_once(&mut hangs).await.is_none() && busy.health().account.running == 0 {}
    let before = resident()?;
    let mut waiting: Vec<_> = (0..calls).map(|_| busy.fill(0)).collect();
    for call in &mut waiting {
        let _ = poll_once(call).await;
    }
    let taken = resident()?.saturating_sub(before);
    // Their end is of no interest, and the process is not used again.
    std::mem::forget((waiting, hangs));
    Ok(taken as f64 / calls as f64 - ARGUMENTS as f64)
}

/// How often threads of this process and of its workers have run, beside this one.
pub(super) async fn wake_ups(pool: &AddPool, time: Duration) -> Outcome {
    pool.query(1, 2).await?;
    // What looks for the next query for a moment stops to.
    std::thread::sleep(Duration::from_millis(100));
    let mut processes = children(std::process::id());
    processes.push(std::process::id());
    let before = voluntary_switches(&processes)?;
    std::thread::sleep(time);
    // This thread's sleep is one.
    let switches = voluntary_switches(&processes)?.saturating_sub(before + 1);
    Ok(switches as f64 / time.as_secs_f64())
}
