//! Workers with a protocol of their own, which are chosen by their load.

use pm_runtime::{Error, RawError, RawLink, Worker, worker_raw};

/// Runs commands: the zone and the number of players, the size of a batch, or a list of levels.
#[worker_raw(workers = 4, env(SAFARI_MODE = "high_performance", MAX_MEMORY = "512MB"))]
async fn safari_simulator(link: RawLink) -> Result<(), RawError> {
    while let Some(command) = link.recv().await? {
        link.send(&run(&String::from_utf8_lossy(&command))).await?;
    }
    Ok(())
}

fn run(command: &str) -> String {
    match command.split(' ').collect::<Vec<_>>()[..] {
        ["SIMULATE_ZONE", zone, players] => match players.parse() {
            Ok(players) => format!("SIMULATION_RESULT {zone} {}", simulate_zone(zone, players)),
            Err(error) => format!("ERROR {players}: {error}"),
        },
        ["BATCH_ENCOUNTERS", count] => match count.parse() {
            Ok(count) => format!("BATCH_RESULT {}", batch_encounters(count).join(",")),
            Err(error) => format!("ERROR {count}: {error}"),
        },
        ["ANALYZE_PATTERNS", levels] => format!("PATTERN_ANALYSIS {}", analyze_patterns(levels)),
        [action, ..] => format!("ERROR unknown command: {action}"),
        [] => "ERROR no command".to_owned(),
    }
}

/// Encounters in a zone on a day.
fn simulate_zone(zone: &str, players: u64) -> u64 {
    (1..=players).map(|player| player * zone.len() as u64 % 7).sum()
}

fn batch_encounters(count: usize) -> Vec<&'static str> {
    ["Nidoran", "Chansey", "Tauros"].into_iter().cycle().take(count).collect()
}

/// The mean of some levels.
fn analyze_patterns(levels: &str) -> u64 {
    let levels: Vec<u64> = levels.split(',').filter_map(|level| level.parse().ok()).collect();
    levels.iter().sum::<u64>() / levels.len().max(1) as u64
}

/// Gives a command to the worker that has the least to do, and waits for what comes of it.
async fn ask(pool: &SafariSimulatorPool, command: &str) -> Result<String, Error> {
    let free = |worker: &Worker| worker.load() < 5;
    let Some(worker) = pool.acquire().filter(free) else {
        return Ok("no worker is available".into());
    };
    worker.add_load(1);
    worker.send(command).await?;
    let reply = worker.recv().await?;
    worker.add_load(-1);
    Ok(format!("worker {}: {}", worker.id(), String::from_utf8_lossy(&reply.unwrap_or_default())))
}

#[pm_runtime::main]
async fn main() -> Result<(), Error> {
    let pool = SafariSimulatorPool::new();
    pool.on_unspawn(|worker| eprintln!("safari worker {} stopped", worker.id()));
    pool.spawn(4).await?;

    for command in [
        "SIMULATE_ZONE safari-forest 100",
        "BATCH_ENCOUNTERS 4",
        "ANALYZE_PATTERNS 25,30,35",
        "FEED_PIKACHU 1",
    ] {
        println!("{}", ask(&pool, command).await?);
    }

    // Whoever has something to do is left alone, as long as another one has less.
    let busy = pool.workers();
    busy[0].add_load(2);
    busy[1].add_load(1);
    println!("{}", ask(&pool, "BATCH_ENCOUNTERS 1").await?);
    let loads: Vec<usize> = busy.iter().map(|worker| worker.load()).collect();
    println!("loads: {loads:?}");

    pool.destroy().await;
    Ok(())
}
