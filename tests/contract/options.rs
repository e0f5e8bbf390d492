//! Options have the same names above the function and in the builder.

use std::time::Duration;

use pm_runtime::{Cancel, Runtime, Stdio, worker_query};

fn set_up() {}

#[worker_query(
    workers = 2,
    timeout = "30s",
    queue_timeout = "none",
    boot_timeout = "10s",
    grace = "1min 30s",
    concurrency = 1,
    queue = 1024,
    queue_bytes = "256MiB",
    max_crashes = 5,
    crash_window = "30min",
    cancel = "detach",
    init = set_up,
    message = String,
    runtime = "smol",
    env(SAFARI_MODE = "high_performance"),
    clear_env = false,
    cwd = "/",
    nice = 19,
    stdio = "capture",
    core_dumps = false,
    max_frame = "64MiB",
    program = "/proc/self/exe",
    name = "Double",
    crate = pm_runtime
)]
fn twice(n: u32) -> u32 {
    2 * n
}

#[pm_runtime::test]
async fn an_option_is_told_above_the_function_or_to_the_builder() {
    assert_eq!(DoublePool::new().query(4).await, Ok(8));
    let pool: DoublePool = DoublePool::builder()
        .workers(1)
        .timeout(Duration::from_secs(30))
        .timeout(None)
        .queue_timeout(Duration::from_secs(5))
        .boot_timeout(Duration::from_secs(10))
        .grace(Duration::from_secs(30))
        .concurrency(1)
        .queue(1024)
        .queue_bytes(256 << 20)
        .max_crashes(None)
        .crash_window(None)
        .env("SAFARI_MODE", "calm")
        .envs([("SAFARI_MODE", "high_performance")])
        .clear_env(true)
        .cwd("/tmp")
        .nice(19)
        .stdio(Stdio::Inherit)
        .core_dumps(true)
        .max_frame(64 << 20)
        .cancel(Cancel::Kill)
        .runtime(Runtime::Smol)
        .build();
    assert_eq!(pool.query(4).await, Ok(8));
    assert_eq!(pool.workers().len(), 1);
}
