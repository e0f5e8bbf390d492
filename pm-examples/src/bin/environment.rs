//! What is around a worker: variables of its own, or nothing but those.

use pm_runtime::{Error, RawError, RawLink, worker_raw};

/// Tells of its environment.
#[worker_raw(workers = 1, env(NODE_ENV = "production", SAFARI_MODE = "high_performance"))]
async fn surroundings(link: RawLink<String, Option<String>>) -> Result<(), RawError> {
    while let Some(name) = link.recv().await? {
        link.send(&std::env::var(name).ok()).await?;
    }
    Ok(())
}

async fn print(what: &str, pool: &SurroundingsPool) -> Result<(), Error> {
    println!("{what}:");
    let worker = pool.spawn_one().await?;
    for name in ["NODE_ENV", "SAFARI_MODE", "CPU_PRIORITY", "PATH"] {
        worker.send(&name.to_owned()).await?;
        let value = worker.recv().await?.flatten();
        let value = if name == "PATH" { value.map(|_| "inherited".into()) } else { value };
        println!("  {name}: {}", value.as_deref().unwrap_or("not set"));
    }
    pool.destroy().await;
    Ok(())
}

#[pm_runtime::main]
async fn main() -> Result<(), Error> {
    print("as the attribute says", &SurroundingsPool::new()).await?;
    // The builder adds to it. A number is what the reference's `CPU_PRIORITY` stands for: `nice`.
    let builder = SurroundingsPool::builder().env("CPU_PRIORITY", "low").nice(10);
    print("with more", &builder.build()).await?;
    print("with nothing else", &SurroundingsPool::builder().clear_env(true).build()).await
}
