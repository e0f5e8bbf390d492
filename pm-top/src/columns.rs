//! The columns of pools and of workers, and what is in them.

use std::time::SystemTime;

use pm_runtime::{Latency, Running};

use crate::model::{Application, Pool, Worker};
use crate::table::{Column, Row};
use crate::text;

/// Characters of a graph.
const GRAPH: usize = 12;

/// Those without a title are graphs of what stands before them.
pub(crate) const POOLS: [Column; 17] = [
    Column::left("application", 2),
    Column::right("pid", 14),
    Column::left("pool", 0),
    Column::right("busy", 1),
    Column::right("waiting", 3),
    Column::right("in flight", 12),
    Column::right("rate/s", 4),
    Column::left("", 9),
    Column::right("run p50", 10),
    Column::right("run p99", 8),
    Column::left("", 11),
    Column::right("wait p50", 16),
    Column::right("wait p99", 13),
    Column::right("memory", 15),
    Column::right("crashes", 5),
    Column::right("failed", 6),
    Column::elastic("notes", 7),
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
        health.account.waiting.to_string(),
        health.in_flight.to_string(),
        text::rate(pool.rate.last().unwrap_or_default()),
        text::sparkline(pool.rate.values(), 0.0, GRAPH),
        latency(run, |latency| latency.p50),
        latency(run, |latency| latency.p99),
        text::sparkline(pool.slowest.values(), 0.0, GRAPH),
        latency(wait, |latency| latency.p50),
        latency(wait, |latency| latency.p99),
        memory(pool).map_or_else(|| "-".to_owned(), text::bytes),
        health.crashes.to_string(),
        if_any(health.account.failed),
        notes_on_pool(pool),
    ])
}

/// All that its workers have, as far as it is known.
fn memory(pool: &Pool) -> Option<u64> {
    let processes = pool.workers.values().filter(|worker| !worker.health.in_process);
    processes.filter_map(|worker| worker.health.rss).reduce(u64::saturating_add)
}

/// A column in which nothing ever was is none.
fn if_any(count: u64) -> String {
    if count == 0 { String::new() } else { count.to_string() }
}

/// What is not so all the time: what matters most comes first.
fn notes_on_pool(pool: &Pool) -> String {
    let health = &pool.health;
    let counts = [
        (health.quarantined as u64, "refused input", "refused inputs"),
        (health.timeouts, "timeout", "timeouts"),
        (health.panics, "panic", "panics"),
        (health.account.rejected, "rejected", "rejected"),
        (health.starting as u64, "starting", "starting"),
        (health.detached as u64, "detached", "detached"),
        (health.releasing as u64, "releasing", "releasing"),
        (health.spares as u64, "spare", "spares"),
        (health.restarts, "restart", "restarts"),
    ];
    let counted = counts
        .iter()
        .filter(|(count, ..)| *count > 0)
        .map(|&(count, one, many)| format!("{count} {}", if count == 1 { one } else { many }));
    let exhausted = health.exhausted.then(|| "budget exhausted".to_owned());
    exhausted.into_iter().chain(counted).collect::<Vec<_>>().join(", ")
}

/// A row of an application that has no pools or has ended, or from which nothing is heard.
pub(crate) fn of_application(pid: u32, application: &Application, now: SystemTime) -> Row {
    let words = match (application.gone, &application.trouble) {
        (Some(gone), _) => {
            format!("gone {} ago", text::time(now.duration_since(gone).unwrap_or_default()))
        }
        (None, Some(trouble)) => trouble.clone(),
        (None, None) => "no pools yet".to_owned(),
    };
    let name = if application.name.is_empty() { "an application" } else { &application.name };
    Row::Note(format!("{name} ({pid}): {words}"))
}

pub(crate) const WORKERS: [Column; 12] = [
    Column::right("worker", 0),
    Column::right("pid", 4),
    Column::left("state", 1),
    Column::right("load", 6),
    Column::right("runs for", 2),
    Column::right("queries", 9),
    Column::right("age", 10),
    Column::right("memory", 5),
    Column::right("cpu %", 3),
    Column::left("", 11),
    Column::left("notes", 7),
    Column::elastic("query", 8),
];

pub(crate) fn of_worker(pool: &Pool, worker: &Worker) -> Row {
    let health = &worker.health;
    let kinds = [
        (pool.runs_long(worker), "runs long"),
        (health.temporary, "temporary"),
        (health.in_process, "a thread"),
    ];
    let notes: Vec<_> = kinds.iter().filter(|(is, _)| *is).map(|(_, kind)| *kind).collect();
    let unknown = || "-".to_owned();
    let running = health.running.as_ref();
    Row::Cells(vec![
        health.id.to_string(),
        health.pid.to_string(),
        health.state.to_string(),
        health.load.to_string(),
        running.map_or_else(unknown, |running| text::time(running.age)),
        health.queries.to_string(),
        text::time(health.age),
        health.rss.map_or_else(unknown, text::bytes),
        worker.cpu.last().map_or_else(unknown, |cpu| format!("{cpu:.0}")),
        text::sparkline(worker.cpu.values(), 100.0, GRAPH),
        notes.join(", "),
        running.map(what).unwrap_or_default(),
    ])
}

/// What runs, and the last word of it.
fn what(running: &Running) -> String {
    let query = text::clean(&running.query);
    match &running.debug {
        Some(debug) => format!("{query}: {}", text::clean(debug)),
        None => query,
    }
}
