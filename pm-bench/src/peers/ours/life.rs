//! Workers that start and die.

use std::error::Error;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use smol::future::{poll_once, yield_now};

use super::Outcome;
use crate::queries::{AddPool, VictimPool};
use crate::slice::median;

/// A pool's first answer, from the moment in which it is built.
pub(super) async fn spawn(time: Duration) -> Outcome {
    let mut seen = Vec::new();
    let begin = Instant::now();
    while seen.is_empty() || begin.elapsed() < time {
        let start = Instant::now();
        let pool = AddPool::new();
        pool.query(1, 2).await?;
        seen.push(start.elapsed().as_secs_f64());
        pool.destroy().await;
    }
    Ok(median(&mut seen))
}

/// A worker that is killed amid a query: when the caller hears of it, or when the next query that
/// it then asks has its answer.
pub(super) async fn killed(pool: &VictimPool, time: Duration, until_answer: bool) -> Outcome {
    let mut seen = Vec::new();
    let begin = Instant::now();
    while seen.is_empty() || begin.elapsed() < time {
        let worker = pool.id().await?;
        let mut doomed = std::pin::pin!(pool.hang());
        while poll_once(&mut doomed).await.is_none() && pool.health().account.running == 0 {
            yield_now().await;
        }
        let start = Instant::now();
        kill_process(Pid::from_raw(worker as i32).ok_or("no process")?, Signal::KILL)?;
        if doomed.await.is_ok() {
            return Err("a killed worker has answered".into());
        }
        let heard = start.elapsed();
        pool.id().await?;
        let answered = start.elapsed();
        seen.push(if until_answer { answered } else { heard }.as_secs_f64());
    }
    Ok(median(&mut seen))
}

/// A crash, seen by its caller.
pub(super) async fn crash(resident: usize, dump: bool, time: Duration) -> Outcome {
    let folder = tempfile::tempdir()?;
    let mut seen = Vec::new();
    let begin = Instant::now();
    while seen.is_empty() || begin.elapsed() < time {
        // A pool of its own for each: to start workers again after crashes is put off.
        let pool = VictimPool::builder().core_dumps(dump).cwd(folder.path()).build();
        pool.fill(resident).await?;
        let start = Instant::now();
        if pool.crash().await.is_ok() {
            return Err("a worker that crashed has answered".into());
        }
        seen.push(start.elapsed().as_secs_f64());
        pool.destroy().await;
        remove_dumps(folder.path())?;
    }
    Ok(median(&mut seen))
}

fn remove_dumps(folder: &std::path::Path) -> Result<(), Box<dyn Error>> {
    for dump in std::fs::read_dir(folder)? {
        std::fs::remove_file(dump?.path())?;
    }
    Ok(())
}
