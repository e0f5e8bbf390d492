//! Who speaks over streams and with raw workers: each line comes back whole, in order, and to nobody else.

use std::sync::Arc;
use std::time::Duration;

use pm_runtime::{QueryError, RawError, RawWorker, StreamError};
use smol::future;

use crate::callers::died_slowly;
use crate::deeds::{Deed, Line, Talk, TalkPool, TalkStream};
use crate::dice::Dice;
use crate::ledger::query_error;
use crate::subject::Subject;
use crate::trouble::Storm;
use crate::wrong;

/// Opens one stream after the other until the storm is over.
pub async fn talk_to(subject: Arc<Subject>, number: u64, storm: Arc<Storm>, pool: TalkPool) {
    let mut dice = Dice::of(storm.seed, number);
    let mut opened = 0;
    while !storm.is_over() {
        opened += 1;
        let name = number << 32 | opened;
        subject.ledger.submit();
        match pool.open(Talk { name }).await {
            Ok(stream) => talk(&subject, &mut dice, &storm, name, stream).await,
            Err(error) => ended(&subject, name, error),
        }
    }
}

fn deed(dice: &mut Dice, storm: &Storm) -> Deed {
    match dice.below(1000) {
        0..20 => Deed::Pause(1),
        20 if storm.grants() => Deed::Abort,
        21 if storm.grants() => Deed::Segfault,
        22 if storm.grants() => Deed::Kill,
        23 => Deed::Panic,
        _ => Deed::Nothing,
    }
}

/// Most lines are short; some are longer than a piece, some longer than a window.
fn line(dice: &mut Dice, storm: &Storm, name: u64, index: u64) -> Line {
    let length = match dice.below(100) {
        0 => 300_000,
        1..5 => 40_000,
        _ => 100,
    };
    Line::new(name, index, deed(dice, storm), dice.below(length) as usize)
}

async fn talk(subject: &Subject, dice: &mut Dice, storm: &Storm, name: u64, stream: TalkStream) {
    let lines: Vec<Line> = {
        let count = dice.below(300);
        (0..count).map(|index| line(dice, storm, name, index)).collect()
    };
    // A tenth is dropped, wherever it is.
    let patience = dice.in_a_thousand(100).then(|| Duration::from_micros(dice.below(5000)));
    let (mut sender, mut receiver) = stream.split();
    let sending = async {
        for line in &lines {
            if sender.send(line.clone()).await.is_err() {
                break;
            }
        }
        let _ = sender.finish().await;
        future::pending::<Option<StreamError<_>>>().await
    };
    let mut heard = 0;
    let hearing = async {
        loop {
            match receiver.next().await {
                Some(Ok(line)) => {
                    if lines.get(heard) != Some(&line) {
                        wrong(format!(
                            "{}: stream {name} heard {} of {} in the place of {heard}",
                            subject.name, line.index, line.name
                        ));
                    }
                    heard += 1;
                }
                Some(Err(error)) => break Some(error),
                None => break None,
            }
        }
    };
    let talking = async { Some(future::or(hearing, sending).await) };
    let outcome = match patience {
        None => talking.await,
        Some(patience) => {
            let enough = async {
                smol::Timer::after(patience).await;
                None
            };
            future::or(talking, enough).await
        }
    };
    subject.ledger.hear(heard as u64);
    match outcome {
        None => subject.ledger.drop_call(),
        Some(Some(error)) => ended(subject, name, error),
        Some(None) => {
            subject.ledger.complete();
            if heard != lines.len() {
                wrong(format!(
                    "{}: stream {name} ended well after {heard} of {} lines",
                    subject.name,
                    lines.len()
                ));
            }
        }
    }
}

/// What becomes of a stream whose worker dies, is stopped or released.
fn ended<E: std::fmt::Display>(subject: &Subject, name: u64, error: StreamError<E>) {
    let text = error.to_string();
    let expected = match query_error(error) {
        Some(error) => {
            subject.ledger.fail(&error);
            match &error {
                QueryError::Panicked(report) => report.message().contains("was to panic"),
                QueryError::Protocol(report) => died_slowly(report),
                QueryError::Crashed(_) | QueryError::TimedOut { .. } | QueryError::Released => true,
                _ => false,
            }
        }
        None => false,
    };
    if !expected {
        wrong(format!("{}: stream {name} failed: {text}", subject.name));
    }
}

/// Speaks with one raw worker until that is gone, or the storm is over.
pub async fn speak_with(
    subject: Arc<Subject>,
    number: u64,
    storm: Arc<Storm>,
    worker: RawWorker<Line, Line>,
) {
    let mut dice = Dice::of(storm.seed, number ^ worker.id() << 32);
    let name = worker.id();
    let mut index = 0;
    let error = loop {
        if storm.is_over() {
            return;
        }
        let count = 1 + dice.below(50);
        let lines: Vec<Line> =
            (index..index + count).map(|index| line(&mut dice, &storm, name, index)).collect();
        index += count;
        let sending = async {
            for line in &lines {
                if worker.send(line).await.is_err() {
                    break;
                }
            }
            future::pending().await
        };
        let hearing = async {
            for line in &lines {
                match worker.recv().await {
                    Ok(Some(heard)) => {
                        subject.ledger.hear(1);
                        if heard != *line {
                            wrong(format!(
                                "{}: worker {name} said {} of {} in the place of {}",
                                subject.name, heard.index, heard.name, line.index
                            ));
                        }
                    }
                    Ok(None) => return Some(None),
                    Err(error) => return Some(Some(error)),
                }
            }
            None
        };
        if let Some(error) = future::or(hearing, sending).await {
            break error;
        }
    };
    match error {
        None => subject.ledger.note("ended"),
        Some(RawError::Crashed(_)) => subject.ledger.note("crashed"),
        Some(RawError::Protocol(report)) if died_slowly(&report) => subject.ledger.note("protocol"),
        Some(RawError::Released) => subject.ledger.note("released"),
        Some(RawError::WorkerGone) => subject.ledger.note("worker gone"),
        Some(error) => wrong(format!("{}: worker {name}: {error}", subject.name)),
    }
}
