//! A manager whose workers crash: each crash is logged and told to the administrators, a new worker
//! takes the place, and a query whose worker died runs again.

use std::time::UNIX_EPOCH;

use pm_runtime::{CrashReport, Error, worker, worker_query};

/// Adds up half of each number. It cannot do with an unlucky one at the first attempt.
#[worker_query(workers = 4, timeout = "30s", retries = 2, max_crashes = 5, crash_window = "30min")]
fn process(data: &[u32]) -> u32 {
    worker::debug(format_args!("adding up {} numbers", data.len()));
    if data.contains(&13) && worker::attempt() == 1 {
        std::process::abort();
    }
    data.iter().map(|number| number / 2).sum()
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

#[pm_runtime::main]
async fn main() -> Result<(), Error> {
    let pool = ProcessPool::new();
    pool.on_crash(|report| {
        log_crash_details(report);
        notify_administrators(report);
    });
    pool.spawn(4).await?;

    for data in [[2, 4, 6], [2, 4, 13]] {
        println!("sum: {}", pool.query(&data).await?);
    }
    println!("crashes: {}", pool.health().crashes);
    pool.destroy().await;
    Ok(())
}
