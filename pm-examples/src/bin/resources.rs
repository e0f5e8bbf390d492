//! Workers whose memory and CPU time are watched: one that holds too much is replaced, and a query
//! that wants too much fails.

use std::sync::Mutex;

use pm_runtime::{Blame, Event, Events, Health, QueryError, WorkerState, worker_query};
use smol::stream::StreamExt;

const MIB: usize = 1 << 20;

/// Keeps every map that it has drawn.
#[worker_query(workers = 1, max_memory = "96MiB", memory_limit = "512MiB")]
fn draw_map(size: usize) -> usize {
    static DRAWN: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());
    let mut drawn = DRAWN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    drawn.push(vec![1; size]);
    drawn.len()
}

fn print_usage(health: &Health) {
    for worker in &health.workers {
        let (Some(rss), Some(cpu)) = (worker.rss, worker.cpu) else { continue };
        eprintln!("worker {} holds {rss} bytes, and has used {cpu:?} of CPU time", worker.id);
        if worker.state != WorkerState::Releasing {
            let verdict = if rss < 96 * MIB as u64 { "little" } else { "too much" };
            println!("worker {} holds {verdict}, load {}", worker.id, worker.load);
        }
    }
}

async fn recycled(events: &mut Events) -> Option<u64> {
    let recycled = |event| match event {
        Event::Recycled { worker, .. } => Some(worker),
        _ => None,
    };
    events.find_map(recycled).await
}

#[pm_runtime::main]
async fn main() -> Result<(), QueryError> {
    let pool = DrawMapPool::new();
    let mut events = pool.events();
    println!("maps: {}", pool.query(MIB).await?);
    print_usage(&pool.health());

    // What holds too much between queries goes, as soon as another is ready in its place.
    println!("maps: {}", pool.query(128 * MIB).await?);
    if let Some(worker) = recycled(&mut events).await {
        println!("worker {worker} is replaced");
    }
    println!("maps: {}", pool.query(MIB).await?);
    print_usage(&pool.health());

    // What takes too much within one is stopped by the kernel.
    if let Err(QueryError::Crashed(report)) = pool.query(1024 * MIB).await
        && let Blame::Limit(limit) = report.blame
    {
        println!("a worker died of its {limit}");
    }
    println!("maps: {}", pool.query(MIB).await?);
    Ok(())
}
