//! A manager whose workers crash: each crash is logged and told to the administrators, a new worker
//! takes the place, and a query whose worker died is sent again.

use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use pm_runtime::{CrashReport, QueryError, worker, worker_query};

/// Adds up half of each number; where there is no marker it makes one, and dies.
#[worker_query(workers = 4, timeout = "30s", max_crashes = 5, crash_window = "30min")]
fn process(data: Vec<u32>, marker: &Path) -> u32 {
    worker::debug(format_args!("adding up {} numbers", data.len()));
    if !marker.exists() {
        let _ = std::fs::write(marker, "");
        std::process::abort();
    }
    data.into_iter().map(|number| number / 2).sum()
}

fn log_crash_details(report: &CrashReport) {
    let time = report.at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let details = serde_json::json!({
        "pid": report.pid,
        "load": report.running.len(),
        "debug": report.debug,
        "crash_time": time.as_secs(),
    });
    eprintln!("crash details: {details}");
}

fn notify_administrators(report: &CrashReport) {
    // The whole report is written for them.
    eprintln!("{report}");
}

/// Sends the query again where that is safe and has a chance.
async fn query(pool: &ProcessPool, data: &[u32], marker: &Path) -> Result<u32, QueryError> {
    let mut attempt = 1;
    loop {
        match pool.query(data.to_vec(), marker).await {
            Err(error) if error.is_retryable() && attempt < 3 => {
                println!("query attempt {attempt} failed");
                smol::Timer::after(Duration::from_millis(100) * attempt).await;
                attempt += 1;
            }
            result => return result,
        }
    }
}

#[pm_runtime::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let pool = ProcessPool::new();
    pool.on_crash(|report| {
        log_crash_details(report);
        notify_administrators(report);
    });
    pool.spawn(4).await?;

    let sum = query(&pool, &[2, 4, 6], &folder.path().join("first")).await?;
    pool.destroy().await;

    println!("sum: {sum}");
    println!("crashes: {}", pool.health().crashes);
    Ok(())
}
