//! The columns of pools and of workers, and what is in them.

use pm_runtime::Latency;

use crate::model::{Application, Pool, Worker};
use crate::table::{Column, Row};
use crate::text;

/// Characters of a graph.
const GRAPH: usize = 12;

/// Those without a title are graphs of what stands before them.
pub(crate) const POOLS: [Column; 15] = [
    Column::left("application", 2),
    Column::right("pid", 13),
    Column::left("pool", 0),
    Column::right("busy", 1),
    Column::right("queue", 3),
    Column::right("in flight", 10),
    Column::right("rate/s", 4),
    Column::left("", 7),
    Column::right("run p50", 8),
    Column::right("run p99", 6),
    Column::left("", 9),
    Column::right("wait p50", 12),
    Column::right("wait p99", 11),
    Column::right("crashes", 5),
    Column::left("notes", 14),
];

pub(crate) fn of_pool(pid: u32, application: &Application, pool: &Pool) -> Row {
    let health = &pool.health;
    let latency = |latency: Option<Latency>, read: fn(&Latency) -> std::time::Duration| {
        latency.as_ref().map_or_else(|| "-".to_owned(), |latency| text::time(read(latency)))
    };
    let (run, wait) = (health.latency.run, health.latency.queue);
    Row::Cells(vec![
        application.name.clone(),
        pid.to_string(),
        pool.name.clone(),
        format!("{}/{}", health.busy, pool.workers.len()),
        health.queued.to_string(),
        health.in_flight.to_string(),
        text::rate(pool.rate.last().unwrap_or_default()),
        text::sparkline(pool.rate.values(), 0.0, GRAPH),
        latency(run, |latency| latency.p50),
        latency(run, |latency| latency.p99),
        text::sparkline(pool.slowest.values(), 0.0, GRAPH),
        latency(wait, |latency| latency.p50),
        latency(wait, |latency| latency.p99),
        health.crashes.to_string(),
        notes_on_pool(pool),
    ])
}

/// What is not so all the time.
fn notes_on_pool(pool: &Pool) -> String {
    let health = &pool.health;
    let counts = [
        (health.starting, "starting"),
        (health.spares, "spare"),
        (health.releasing, "releasing"),
        (health.detached, "detached"),
        (health.quarantined, "refused"),
    ];
    let counted = counts.iter().filter(|(count, _)| *count > 0);
    let counted = counted.map(|(count, what)| format!("{count} {what}"));
    let exhausted = pool.health.exhausted.then(|| "budget exhausted".to_owned());
    exhausted.into_iter().chain(counted).collect::<Vec<_>>().join(", ")
}

/// A row of an application that has no pools, or from which nothing is heard.
pub(crate) fn of_application(pid: u32, application: &Application) -> Row {
    let words = application.trouble.as_deref().unwrap_or("no pools yet");
    let name = if application.name.is_empty() { "an application" } else { &application.name };
    Row::Note(format!("{name} ({pid}): {words}"))
}

pub(crate) const WORKERS: [Column; 10] = [
    Column::right("worker", 0),
    Column::right("pid", 3),
    Column::left("state", 1),
    Column::right("load", 5),
    Column::right("queries", 6),
    Column::right("age", 7),
    Column::right("memory", 4),
    Column::right("cpu %", 2),
    Column::left("", 8),
    Column::left("notes", 9),
];

pub(crate) fn of_worker(worker: &Worker) -> Row {
    let health = &worker.health;
    let kinds = [(health.temporary, "temporary"), (health.in_process, "a thread")];
    let notes: Vec<_> = kinds.iter().filter(|(is, _)| *is).map(|(_, kind)| *kind).collect();
    let unknown = || "-".to_owned();
    Row::Cells(vec![
        health.id.to_string(),
        health.pid.to_string(),
        health.state.to_string(),
        health.load.to_string(),
        health.queries.to_string(),
        text::time(health.age),
        health.rss.map_or_else(unknown, text::bytes),
        worker.cpu.last().map_or_else(unknown, |cpu| format!("{cpu:.0}")),
        text::sparkline(worker.cpu.values(), 100.0, GRAPH),
        notes.join(", "),
    ])
}
