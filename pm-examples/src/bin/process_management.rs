//! Workers started, watched, replaced and stopped by hand. (A pool does all of it by itself.)

use pm_runtime::{Error, Pool, worker_query};

#[worker_query]
fn pid() -> u32 {
    std::process::id()
}

fn print(what: &str, pool: &Pool) {
    let load: usize = pool.workers().iter().map(|worker| worker.load()).sum();
    println!("{what}: {} workers, {load} pending queries", pool.workers().len());
}

#[pm_runtime::main]
async fn main() -> Result<(), Error> {
    let pool = PidPool::new();
    print("new", &pool);

    pool.spawn(2).await?;
    print("spawn(2)", &pool);

    let one = pool.spawn_one().await?;
    print("spawn_one()", &pool);

    // The least-loaded worker, and what it has to do.
    let load = pool.acquire().map_or(0, |worker| worker.load());
    println!("current load: {load} pending queries");

    // This one is asked, and no other.
    let is_it = pool.query().on(&one).await? == one.pid();
    println!("the worker asked for has answered: {is_it}");
    pool.unspawn_one(&one).await;
    print("unspawn_one()", &pool);

    // Rolling: the old workers serve until the new ones are ready.
    let old: Vec<u32> = pool.workers().iter().map(|worker| worker.pid()).collect();
    pool.respawn_to(4).await?;
    print("respawn_to(4)", &pool);
    let stayed = pool.workers().iter().any(|worker| old.contains(&worker.pid()));
    println!("any of the old ones left: {stayed}");

    pool.resize(1).await?;
    print("resize(1)", &pool);

    // They finish what they run first. The next query would start workers again.
    pool.unspawn().await;
    print("unspawn()", &pool);

    // And this is the end of it.
    pool.destroy().await;
    match pool.query().await {
        Ok(_) => println!("it answered"),
        Err(error) => println!("destroy(): {error}"),
    }
    Ok(())
}
