//! The figures of a storm.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::subject::Subject;
use crate::trouble::Storm;

pub fn of(subjects: &[Arc<Subject>], storm: &Storm, took: Duration) -> String {
    let mut lines = Vec::new();
    let seconds = took.as_secs_f64();
    lines.push(format!(
        "{:20} {:>9} {:>9} {:>8} {:>9} {:>8} {:>8} {:>7}  errors",
        "pool", "calls", "answers", "dropped", "messages", "restarts", "crashes", "calls/s"
    ));
    let (mut calls, mut answers, mut restarts) = (0, 0, 0);
    let mut errors: BTreeMap<&str, u64> = BTreeMap::new();
    for subject in subjects {
        let health = subject.pool.health();
        let ledger = &subject.ledger;
        let (answered, messages) = ledger.answers();
        let of_pool = ledger.errors();
        lines.push(format!(
            "{:20} {:>9} {:>9} {:>8} {:>9} {:>8} {:>8} {:>7.0}  {}",
            subject.name,
            ledger.calls(),
            answered,
            ledger.dropped(),
            messages,
            health.restarts,
            health.crashes,
            ledger.calls() as f64 / seconds,
            list(of_pool.iter().copied()),
        ));
        calls += ledger.calls();
        answers += answered;
        restarts += health.restarts;
        for (name, count) in of_pool {
            *errors.entry(name).or_default() += count;
        }
    }
    lines.push(format!("in {seconds:.1} s: {calls} calls, {answers} answers, {restarts} restarts"));
    lines.push(format!("errors: {}", list(errors.into_iter())));
    lines.push(format!("done to workers and pools: {}", list(storm.done().into_iter())));
    lines.push(String::new());
    lines.join("\n")
}

fn list<'a>(counts: impl Iterator<Item = (&'a str, u64)>) -> String {
    let all: Vec<String> = counts.map(|(name, count)| format!("{count} {name}")).collect();
    all.join(", ")
}
