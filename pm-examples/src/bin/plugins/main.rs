//! Runs plugins that other people wrote, scripts in Lua, on the lines of a text.
//!
//! A script may do what it likes: each has a worker for itself, with limits. One that never ends, eats
//! memory, errs or exits is disabled after so many strikes; the others do not even notice.

mod host;
mod plugin;

use std::fs::{self, DirEntry, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::{error::Error, num::NonZeroU32, process::ExitCode, sync::Arc, time::Duration};

use futures_util::StreamExt;
use futures_util::future::join_all;
use humantime::parse_duration;
use indicatif::{ProgressBar, ProgressStyle};
use lexopt::{Arg, Parser, ValueExt};
use smol::channel::{Sender, bounded};
use smol::io::{AsyncBufReadExt, BufReader};
use smol::{Unblock, future};

use host::Record;

const HELP: &str = "\
Runs plugins on the lines of a text: scripts in Lua, each in a worker process with limits.

Usage: plugins [OPTIONS] [FOLDER [FILE]]
Plugins are the FOLDER's files named *.lua. Of each line of FILE (without one: of standard input)
`on_line(line)` is told, at the end `on_end()`; what they return is printed, and so is what they
`say(text)`. Without a FOLDER some plugins for a try are run on this project's Cargo.lock.

    --strikes N       how often a plugin may fail before it is disabled [default: 3]
    --timeout TIME    longest time for one call, such as 500ms [default: 10s]
-h, --help            print this

Exit code: 0 if no plugin was disabled, but for those of the try that ought to be; 1 if another one
was; 2 if there was nothing to do, or a mistake in the command.
";

/// Those of the plugins for a try that are to be disabled.
const HOSTILE: [&str; 4] = ["endless", "hoarder", "quitter", "typo"];

#[pm_runtime::main]
async fn main() -> ExitCode {
    run().await.unwrap_or_else(|error| {
        eprintln!("plugins: {error}");
        ExitCode::from(2)
    })
}

async fn run() -> Result<ExitCode, Box<dyn Error>> {
    let (mut strikes, mut timeout) = (3, Duration::from_secs(10));
    let mut paths: Vec<PathBuf> = Vec::new();
    let mut parser = Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("strikes") => strikes = parser.value()?.parse::<NonZeroU32>()?.get(),
            Arg::Long("timeout") => timeout = parser.value()?.parse_with(parse_duration)?,
            Arg::Long("help") | Arg::Short('h') => {
                print!("{HELP}");
                return Ok(ExitCode::SUCCESS);
            }
            Arg::Value(path) if paths.len() < 2 => paths.push(path.into()),
            _ => return Err(argument.unexpected().into()),
        }
    }
    let is_try = paths.is_empty();
    if is_try {
        let project = Path::new(env!("CARGO_MANIFEST_DIR"));
        paths = vec![project.join("src/bin/plugins/demo"), project.join("../Cargo.lock")];
    }
    let cannot_read = |path: &Path| {
        let path = path.display().to_string();
        move |error| format!("cannot read {path}: {error}")
    };
    let scripts = scripts(&paths[0]).map_err(cannot_read(&paths[0]))?;
    let file = paths.get(1).map(|path| File::open(path).map_err(cannot_read(path))).transpose()?;
    let size = file.as_ref().and_then(|file| Some(file.metadata().ok()?.len()));
    let input: Box<dyn Read + Send> = match file {
        Some(file) => Box::new(file),
        None => Box::new(io::stdin()),
    };
    let style = ProgressStyle::with_template("{wide_bar} {bytes} of {total_bytes}, {eta} left")?;
    let bar = size.map_or_else(ProgressBar::no_length, ProgressBar::new).with_style(style);

    // None gets far ahead of another one, so that a text of any size takes no memory.
    let (senders, receivers): (Vec<_>, Vec<_>) = scripts.iter().map(|_| bounded(1024)).unzip();
    let run = |(script, lines)| host::run(script, lines, strikes, timeout, &bar);
    let plugins = join_all(scripts.into_iter().zip(receivers).map(run));
    let (read, records) = future::zip(feed(Box::new(bar.wrap_read(input)), senders), plugins).await;
    bar.finish_and_clear();
    write!(io::stdout(), "\n{}", table(&records))?;
    read.map_err(|error| format!("cannot read on: {error}"))?;
    let is_hostile = |record: &Record| is_try && HOSTILE.contains(&&*record.name);
    let is_wrong = records.iter().any(|record| record.is_disabled != is_hostile(record));
    Ok(ExitCode::from(u8::from(is_wrong)))
}

fn scripts(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    let mut scripts: Vec<_> = entries.iter().map(DirEntry::path).collect();
    scripts.retain(|path| path.extension().is_some_and(|ending| ending == "lua"));
    scripts.sort();
    match scripts.is_empty() {
        true => Err(io::Error::other("there is no plugin (*.lua)")),
        false => Ok(scripts),
    }
}

/// Gives each line to every plugin that is still there.
async fn feed(input: Box<dyn Read + Send>, plugins: Vec<Sender<Arc<str>>>) -> io::Result<()> {
    let mut lines = BufReader::new(Unblock::new(input)).split(b'\n');
    while let Some(line) = lines.next().await {
        let line: Arc<str> = String::from_utf8_lossy(&line?).into();
        for plugin in &plugins {
            // One that was disabled takes no more.
            plugin.send(line.clone()).await.ok();
        }
    }
    Ok(())
}

/// A table with a bar for the time of each plugin.
fn table(records: &[Record]) -> String {
    let longest = records.iter().map(|record| record.took).max().unwrap_or_default();
    let mut table = "plugin           calls  answers  strikes   memory        time\n".to_owned();
    for record in records {
        let bar = "█".repeat((30.0 * record.took.div_duration_f64(longest)).ceil() as usize);
        let bar = bar + if record.is_disabled { " disabled" } else { "" };
        let Record { name, calls, answers, strikes, .. } = record;
        let memory = format!("{} MiB", record.memory >> 20);
        let time = format!("{:.1?}", record.took);
        table += &format!("{name:14}{calls:8}{answers:9}{strikes:9}{memory:>9}{time:>12} {bar}\n");
    }
    table
}
