//! Makes thumbnails of the pictures in folders, and a page that shows them.
//!
//! What strangers have uploaded is decoded in workers: a file that asks for too much memory, takes for
//! ever or crashes its decoder costs a worker, and is refused. All others get their thumbnails.

mod demo;
mod page;
mod thumbnail;

use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use std::{fs, mem, thread};

use humantime::parse_duration;
use indicatif::{ProgressBar, ProgressStyle};
use lexopt::{Arg, Parser, ValueExt};
use pm_runtime::{Limit, QueryError};
use walkdir::WalkDir;

use thumbnail::{Thumbnail, ThumbnailPool};

const HELP: &str = "\
Makes thumbnails of the pictures (PNG, JPEG, GIF) in folders, and a page that shows them.

Usage: thumbnails [OPTIONS] [FOLDER]...
Without a FOLDER it makes one to try it on, with hostile files in it.

    --out FOLDER      where it all goes [default: a new folder among the temporary ones]
    --timeout TIME    longest time for one picture, such as 500ms or 1m 30s [default: 5s]
    --retries N       how often a file is tried again that its decoder dies of [default: 0]
-h, --help            print this

Exit code: 0 if each picture has its thumbnail, but for the hostile ones that it made itself;
1 if others were refused; 2 if there was nothing to do, or a mistake in the command.
";

/// A file, and its thumbnail, whose bytes are written by then, or why it was refused.
type Outcome = (PathBuf, Result<Thumbnail, String>);
type Outcomes = Result<Vec<Outcome>, Box<dyn Error>>;

#[pm_runtime::main]
async fn main() -> ExitCode {
    run().await.unwrap_or_else(|error| {
        eprintln!("thumbnails: {error}");
        ExitCode::from(2)
    })
}

async fn run() -> Result<ExitCode, Box<dyn Error>> {
    let (mut folders, mut out) = (Vec::new(), None);
    let (mut timeout, mut retries) = (Duration::from_secs(5), 0_u32);
    let mut parser = Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("out") => out = Some(PathBuf::from(parser.value()?)),
            Arg::Long("timeout") => timeout = parser.value()?.parse_with(parse_duration)?,
            Arg::Long("retries") => retries = parser.value()?.parse()?,
            Arg::Long("help") | Arg::Short('h') => {
                print!("{HELP}");
                return Ok(ExitCode::SUCCESS);
            }
            Arg::Value(folder) => {
                let found = fs::read_dir(&folder);
                found.map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
                folders.push(PathBuf::from(folder));
            }
            _ => return Err(argument.unexpected().into()),
        }
    }
    let out = match out {
        Some(out) => out,
        None => tempfile::Builder::new().prefix("thumbnails-").tempdir()?.keep(),
    };
    let made = fs::create_dir_all(out.join(page::FOLDER));
    made.map_err(|error| format!("cannot make {}: {error}", out.display()))?;
    let mut hostile = 0;
    if folders.is_empty() {
        folders.push(out.join("pictures"));
        hostile = demo::write(&folders[0])?;
    }
    let builder = ThumbnailPool::builder().timeout(timeout).retries(retries);
    // What has killed its workers as often as it may is not tried again.
    let pool = builder.quarantine(retries.saturating_add(1)).build();
    let outcomes = make_all(&pool, folders, &out).await?;
    let page = out.join("index.html");
    fs::write(&page, page::page(&outcomes)?)?;
    writeln!(io::stdout(), "{}the page: {}", summary(&outcomes), page.display())?;
    let refused = outcomes.iter().filter(|(_, result)| result.is_err()).count();
    Ok(ExitCode::from(u8::from(refused != hostile)))
}

/// Has a thumbnail made of each picture, and writes it. The pool takes the next picture when a worker
/// will soon want it, so that a folder of any size takes no memory.
async fn make_all(pool: &ThumbnailPool, folders: Vec<PathBuf>, out: &Path) -> Outcomes {
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} pictures, {eta} left")?;
    let bar = ProgressBar::new(0).with_style(style);
    // How many there are is found out beside the work.
    let (counted, counting) = (bar.clone(), folders.clone());
    thread::spawn(move || pictures(counting).for_each(|_| counted.inc_length(1)));

    let mut outcomes = Vec::new();
    let mut answers = pool.map(pictures(folders)).with_inputs();
    while let Some((path, answer)) = answers.next().await {
        let mut result = answer.or_else(|error| reason(error).map(Err))?;
        if let Ok(thumbnail) = &mut result {
            let file = out.join(page::thumbnail(outcomes.len()));
            fs::write(file, mem::take(&mut thumbnail.png))?;
        }
        outcomes.push((path, result));
        bar.inc(1);
    }
    bar.finish_and_clear();
    if outcomes.is_empty() { Err("there is no picture".into()) } else { Ok(outcomes) }
}

/// Pictures by their names, as they are asked for, and what hides some: its reader will say why.
fn pictures(folders: Vec<PathBuf>) -> impl Iterator<Item = PathBuf> {
    let entries = folders.into_iter().flat_map(|folder| {
        let entries = WalkDir::new(folder).sort_by_file_name().into_iter();
        entries.filter_entry(|entry| entry.depth() == 0 || entry.file_name() != page::FOLDER)
    });
    entries.filter_map(|entry| match entry {
        Ok(entry) => {
            let ending = entry.path().extension().unwrap_or_default().to_ascii_lowercase();
            let known =
                ["png", "jpg", "jpeg", "gif", "stripes"].iter().any(|known| ending == *known);
            (known && !entry.file_type().is_dir()).then(|| entry.into_path())
        }
        Err(error) => error.path().map(Path::to_owned),
    })
}

/// Why a file was refused, for people. `Err`: that has nothing to do with the file.
fn reason(error: QueryError) -> Result<String, QueryError> {
    Ok(match &error {
        QueryError::TimedOut { after, .. } => format!("its decoder had not ended after {after:?}"),
        QueryError::Panicked(report) => format!("its decoder panicked: {}", report.message()),
        QueryError::Quarantined { .. } => "its decoder has died of it before".into(),
        QueryError::Crashed(report) => match (report.limit(), &report.stderr_tail) {
            (Some(Limit::Memory(most)), _) => format!("it takes more than {} MiB", most >> 20),
            (_, Some(tail)) => {
                format!("its decoder crashed: {}", tail.trim().lines().next().unwrap_or(""))
            }
            _ => format!("its decoder {}", report.exit),
        },
        QueryError::Encode(_) => error.to_string(),
        _ => return Err(error),
    })
}

/// A table of what was refused, and how much was not.
fn summary(outcomes: &[Outcome]) -> String {
    let (mut table, mut done, mut took) = (String::new(), 0, Duration::ZERO);
    for (path, result) in outcomes {
        match result {
            Ok(thumbnail) => (done, took) = (done + 1, took + thumbnail.took),
            Err(reason) => {
                let line = format!("{:40} {reason}", path.display());
                table += &(line.replace(char::is_control, "?") + "\n");
            }
        }
    }
    let refused = outcomes.len() - done;
    format!("{table}{done} thumbnails in {took:.1?} of workers' time, {refused} files refused\n")
}
