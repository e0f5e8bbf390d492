//! Three pools in a row, for one request and for a stream of them: what comes out of one goes into
//! the next, and none works further ahead than the next one follows.

use std::cell::Cell;
use std::pin::pin;

use futures_util::{Stream, StreamExt, TryStreamExt};
use pm_runtime::{QueryError, worker_query};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Request {
    zone: String,
    weather: String,
    player_level: u32,
    encounters: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Analysis {
    rate: u32,
    pokemon: Vec<String>,
}

/// Stage 1: the conditions in a zone.
#[worker_query(workers = 2, timeout = "10s")]
fn analyze(zone: &str, weather: &str) -> Analysis {
    let pokemon: &[&str] = match zone {
        "safari-forest" => &["Nidoran", "Chansey", "Tauros"],
        "safari-lake" => &["Goldeen", "Dratini"],
        unknown => panic!("there is no zone {unknown}"),
    };
    let rate = if weather == "rain" { 2 } else { 1 };
    Analysis { rate, pokemon: pokemon.iter().map(ToString::to_string).collect() }
}

/// Stage 2: encounters in them. This one has the most to do.
#[worker_query(workers = 4, timeout = "15s")]
fn generate(analysis: &Analysis, player_level: u32, count: u32) -> Vec<(String, u32)> {
    let Analysis { rate, pokemon } = analysis;
    let pokemon = pokemon.iter().cycle().skip(player_level as usize);
    pokemon.cloned().zip((0..count).map(|nth| player_level + rate * nth)).collect()
}

/// Stage 3: what is shown of them.
#[worker_query(workers = 2, timeout = "5s")]
fn format(encounters: &[(String, u32)]) -> String {
    let shown = encounters.iter().map(|(pokemon, level)| format!("{pokemon} ({level})"));
    shown.collect::<Vec<_>>().join(", ")
}

#[derive(Default)]
struct Pipeline {
    analyze: AnalyzePool,
    generate: GeneratePool,
    format: FormatPool,
}

impl Pipeline {
    async fn process(&self, request: &Request) -> Result<String, QueryError> {
        let analysis = self.analyze.query(&request.zone, &request.weather).await?;
        let (level, count) = (request.player_level, request.encounters);
        let encounters = self.generate.query(&analysis, level, count).await?;
        self.format.query(&encounters).await
    }

    /// The same for each of many visits, in their order. No stage gets further ahead of the next one
    /// than its few queries that are on their way; so the visits may be endless.
    fn stream<'a>(
        &self,
        visits: impl Iterator<Item = (&'a str, &'a str)>,
        level: u32,
    ) -> impl Stream<Item = Result<String, QueryError>> {
        let analyses = self.analyze.map(visits);
        let queries = analyses.map_ok(move |analysis| self.generate.query(&analysis, level, 1));
        let encounters = queries.try_buffered(4);
        encounters.map_ok(|encounters| self.format.query(&encounters)).try_buffered(2)
    }
}

#[pm_runtime::main]
async fn main() -> Result<(), pm_runtime::Error> {
    let pipeline = Pipeline::default();
    let request = |zone: &str, player_level| {
        let (zone, weather) = (zone.to_owned(), "rain".to_owned());
        Request { zone, weather, player_level, encounters: 2 }
    };
    println!("{}", pipeline.process(&request("safari-lake", 25)).await?);
    if let Err(QueryError::Panicked(report)) = pipeline.process(&request("glitch", 25)).await {
        println!("processing failed: {}", report.message());
    }

    // Requests without end, of which so many are on their way at once as keep the workers busy.
    let taken = Cell::new(0);
    let visits = ["safari-forest", "safari-lake"].into_iter().cycle();
    let visits = visits.map(|zone| (zone, "sun")).inspect(|_| taken.set(taken.get() + 1));
    let mut results = pin!(pipeline.stream(visits, 30).take(4));
    while let Some(encounters) = results.try_next().await? {
        println!("{encounters}");
    }
    println!("only a few were taken ahead: {}", taken.get() <= 20);

    for pool in pm_runtime::pools() {
        let health = pool.health();
        println!("{}: {} workers, {} crashes", health.name, health.workers.len(), health.crashes);
    }
    pm_runtime::shutdown().await;
    Ok(())
}
