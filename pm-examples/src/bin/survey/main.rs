//! Parses Rust sources in worker processes, and prints what is in them, crate by crate.
//!
//! A parser that is fed with whatever lies on a disk dies now and then: on a stack that is too
//! small, or because it takes for ever. Here it dies in a worker. The file is reported, the pool
//! replaces the worker, and every other file gets its answer.

mod args;
mod dependencies;
mod hostile;
mod journal;
mod progress;
mod query;
mod report;
mod sources;
mod text;

use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use async_signal::{Signal, Signals};
use futures_util::{StreamExt, stream};

use args::{Command, Options};
use journal::Journal;
use progress::Progress;
use query::SurveyFilePool;
use report::{Report, Tally, Verdict};
use sources::Sources;

/// Calls in flight for each worker: enough that none waits for the next file.
const AHEAD: usize = 4;

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("{0}\n(`survey --help` tells what it takes)")]
    Usage(#[from] lexopt::Error),
    #[error("cannot read {}: {source}", path.display())]
    Folder { path: PathBuf, source: io::Error },
    #[error("cannot find the sources of this project's dependencies, name a folder instead: {0}")]
    Dependencies(io::Error),
    #[error("there is no Rust file to survey")]
    Nothing,
    #[error("cannot make the hostile files: {0}")]
    Hostile(io::Error),
    #[error("cannot listen for signals: {0}")]
    Signals(io::Error),
    #[error("cannot print the result: {0}")]
    Output(#[from] io::Error),
}

#[pm_runtime::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(code) => ExitCode::from(code),
        Err(trouble) => {
            eprintln!("survey: {trouble}");
            ExitCode::from(2)
        }
    }
}

async fn run() -> Result<u8, Trouble> {
    let options = match args::parse(std::env::args_os().skip(1))? {
        Command::Survey(options) => options,
        Command::Help => {
            print(args::HELP)?;
            return Ok(0);
        }
    };
    let mut sources = find(&options)?;
    let signals = Signals::new([Signal::Int, Signal::Term]).map_err(Trouble::Signals)?;
    let hostile = options.hostile.then(|| hostile::add(&mut sources));
    // The files live as long as this does.
    let _hostile = hostile.transpose().map_err(Trouble::Hostile)?;

    let report = survey(&sources, &options, signals).await;
    if options.json {
        let json = serde_json::to_string_pretty(&report).map_err(io::Error::from)?;
        print(&format!("{json}\n"))?;
        eprintln!("survey: {}", report.verdict_line());
    } else {
        print(&report.to_string())?;
    }
    Ok(match report.verdict {
        Verdict::Complete => 0,
        Verdict::Incomplete => 1,
        Verdict::Interrupted => 128 + report.signal.unwrap_or_default() as u8,
    })
}

fn find(options: &Options) -> Result<Sources, Trouble> {
    let folders = match &options.folders[..] {
        [] => dependencies::folders().map_err(Trouble::Dependencies)?,
        folders => folders.to_vec(),
    };
    let mut sources = Sources::default();
    for path in folders {
        let added = sources.add(&path);
        added.map_err(|source| Trouble::Folder { path, source })?;
    }
    match sources.files.is_empty() && sources.unwalked.is_empty() {
        true => Err(Trouble::Nothing),
        false => Ok(sources),
    }
}

/// Has every file surveyed, until all are done or a signal says that it is enough.
async fn survey(sources: &Sources, options: &Options, signals: Signals) -> Report {
    let start = Instant::now();
    let workers = options.workers.min(sources.files.len());
    let pool = SurveyFilePool::builder().workers(workers).timeout(options.timeout).build();
    let mut journal = Journal::new(&pool, workers);
    let mut tally = Tally::new(sources);
    let mut progress = Progress::start(sources.files.len());

    let all = async {
        // A call is made only when another one has ended, so that a large folder takes no memory.
        let mut answers = stream::iter(&sources.files)
            .map(|source| {
                let call = pool.query(&source.path);
                async move { (source, call.await) }
            })
            .buffer_unordered(workers * AHEAD);
        while let Some((source, answer)) = answers.next().await {
            tally.add(source, answer);
            journal.catch_up();
            progress.step();
        }
        None
    };
    let signal = smol::future::or(all, interruption(signals)).await;
    progress.finish();

    let report = tally.finish(signal, start.elapsed(), &journal, pool.health());
    // What an interruption leaves running dies with this process.
    if signal.is_none() {
        pool.destroy().await;
    }
    report
}

/// The first signal; where none can come it waits for ever.
async fn interruption(mut signals: Signals) -> Option<i32> {
    match signals.next().await {
        Some(Ok(signal)) => Some(signal as i32),
        Some(Err(_)) | None => std::future::pending().await,
    }
}

/// Writes to stdout. Who reads it may have had enough.
fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}
