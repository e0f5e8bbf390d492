//! One plugin on its way through the lines, as far as it is let.

use std::io::{self, Write};
use std::time::{Duration, Instant};
use std::{path::PathBuf, sync::Arc};

use indicatif::ProgressBar;
use pm_runtime::{Call, Event, QueryError};
use smol::channel::Receiver;
use smol::future;

use crate::plugin::{Answer, PluginPool, SCRIPT};

/// What is known of a plugin.
#[derive(Default)]
pub(crate) struct Record {
    pub(crate) name: String,
    pub(crate) calls: u32,
    pub(crate) answers: u32,
    pub(crate) strikes: u32,
    pub(crate) is_disabled: bool,
    /// All its calls, with the waiting for another worker where one had died.
    pub(crate) took: Duration,
    /// The most that one of its workers had, in bytes, as far as that is known.
    pub(crate) memory: u64,
}

/// Shows a text of a plugin's, but for its control characters.
type Print = Arc<dyn Fn(&str) + Send + Sync>;

/// Runs a plugin until there are no more lines, or it is disabled.
pub(crate) async fn run(
    script: PathBuf,
    lines: Receiver<Arc<str>>,
    strikes: u32,
    timeout: Duration,
    bar: &ProgressBar,
) -> Record {
    let name = script.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let (owner, shown) = (name.clone(), bar.clone());
    let print: Print = Arc::new(move |text| {
        let text = format!("{owner}: {}", text.replace(char::is_control, " "));
        // Who reads it may have had enough.
        shown.suspend(|| writeln!(io::stdout(), "{text}").ok());
    });
    let pool = PluginPool::builder().timeout(timeout).env(SCRIPT, &script).build();
    let mut record = Record { name: name.clone(), ..Record::default() };
    let mut events = pool.events();
    // Tells the operator of workers that have died, until the pool is gone.
    let watching = async {
        let mut most = 0;
        while let Some(event) = events.next().await {
            if let Event::Crashed(report) = event {
                bar.suspend(|| eprintln!("{name}: {report}"));
                most = most.max(report.max_rss.unwrap_or_default());
            }
        }
        most
    };
    let running = async {
        while let Ok(line) = lines.recv().await {
            record.call(pool.call("on_line", &line), strikes, &print).await;
            if record.is_disabled {
                // Nobody is to wait for it.
                lines.close();
                break;
            }
        }
        if !record.is_disabled {
            record.call(pool.call("on_end", ""), strikes, &print).await;
        }
        let alive = pool.health().workers.iter().filter_map(|worker| worker.rss).max();
        pool.destroy().await;
        alive.unwrap_or_default()
    };
    let (alive, dead) = future::zip(running, watching).await;
    Record { memory: alive.max(dead), ..record }
}

impl Record {
    async fn call(&mut self, call: Call<Answer>, strikes: u32, print: &Print) {
        let start = Instant::now();
        let said = print.clone();
        let answer = call.on_message(move |text| said(&text)).await;
        self.took += start.elapsed();
        self.calls += 1;
        let why = match answer {
            Ok(Ok(answer)) => {
                self.answers += u32::from(answer.is_some());
                return answer.iter().for_each(|answer| print(answer));
            }
            Ok(Err(error)) => error.lines().next().unwrap_or_default().to_owned(),
            Err(QueryError::TimedOut { after, .. }) => format!("it had not ended after {after:?}"),
            Err(QueryError::Crashed(report)) => match report.limit() {
                Some(limit) => format!("it met its {limit}"),
                None => format!("its process {}", report.exit),
            },
            // It cannot even be loaded, or worse.
            Err(error) => {
                self.strikes = strikes - 1;
                error.to_string()
            }
        };
        self.strikes += 1;
        print(&format!("strike {} of {}: {why}", self.strikes, strikes));
        self.is_disabled = self.strikes >= strikes;
    }
}
