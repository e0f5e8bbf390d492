//! Pools without processes, where a debugger or a test wants to see all that runs, and those that
//! have processes all the same.

use pm_runtime::{Error, set_disabled, worker_query};

/// The process in which it runs.
#[worker_query(workers = 2)]
fn pid() -> u32 {
    std::process::id()
}

async fn print(what: &str, pool: &PidPool) -> Result<(), Error> {
    let answered = pool.query().await?;
    let place = if answered == std::process::id() { "this process" } else { "a worker process" };
    println!("{what}: {place}");
    Ok(())
}

#[pm_runtime::main]
async fn main() -> Result<(), Error> {
    set_disabled(true);
    let disabled = PidPool::new();
    print("disabled", &disabled).await?;

    let forced = PidPool::new();
    forced.spawn(2).force().await?;
    print("disabled, and forced by spawn()", &forced).await?;
    print("disabled, and forced as it is built", &PidPool::builder().force().build()).await?;

    set_disabled(false);
    print("enabled", &PidPool::new()).await?;
    // Its first use was what counts, up to a call that is forced.
    print("enabled, and first used before", &disabled).await?;
    disabled.query().force().await?;
    print("enabled, and forced by a call", &disabled).await
}
