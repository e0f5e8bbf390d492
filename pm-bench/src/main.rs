//! Measures pm-runtime beside its peers and floors, interleaved in one run.

mod args;
mod chart;
mod contest;
mod driver;
mod memory;
mod mood;
mod others;
mod peers;
mod placement;
mod programs;
mod queries;
mod report;
mod rows;
mod slice;
mod workload;

use std::error::Error;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use args::{Command, Options};
use contest::Effort;
use peers::Contestant;
use placement::Cores;
use report::Results;

fn main() -> ExitCode {
    let command = args::parse(std::env::args_os().skip(1));
    // Programs that are started to be measured have nothing else to do first.
    if let Ok(Command::FarSide(which, place)) = &command {
        return exit(peers::serve_far_side(which, place));
    }
    pm_runtime::init();
    procspawn::init();
    exit(match command {
        Ok(command) => run(command),
        Err(error) => Err(format!("{error}\n(`pm-bench --help` tells what it takes)").into()),
    })
}

fn exit(result: Result<(), Box<dyn Error>>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pm-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), Box<dyn Error>> {
    match command {
        Command::Help => write!(io::stdout(), "{}", args::HELP)?,
        Command::List => {
            for row in rows::all() {
                writeln!(io::stdout(), "{:32} {}", row.name, row.title)?;
            }
        }
        Command::Contestant(name) => {
            driver::serve(serde_json::from_str::<Contestant>(&name)?.peer()?)?
        }
        Command::FarSide(which, place) => peers::serve_far_side(&which, &place)?,
        Command::Measure(options) => measure(&options)?,
    }
    Ok(())
}

fn measure(options: &Options) -> Result<(), Box<dyn Error>> {
    let rows: Vec<_> = rows::all().into_iter().filter(|row| options.wants(&row.name)).collect();
    if rows.is_empty() {
        return Err("no row has such a name (`pm-bench --list` tells the names)".into());
    }
    let effort = if options.quick { Effort::QUICK } else { Effort::FULL };
    let cores = Cores::of_this_process()?;
    if let Err(error) = programs::build() {
        eprintln!("pm-bench: {error}: idle workers and the picture have to be without them");
    }
    let watched =
        rows.iter().flat_map(|row| &row.entries).any(|entry| entry.contestant.is_watched());
    if watched && let Err(error) = programs::build_watched() {
        eprintln!("pm-bench: {error}: the rows of watched pools have to be without it");
    }
    let mut results = Results::new(cores.count());
    let mut terminal = io::stdout();
    write!(terminal, "{}", results.heading())?;
    for row in rows {
        let standings = contest::run(&row, &cores, effort);
        writeln!(terminal, "{}", results.add(row, standings))?;
    }
    results.look_around();
    if let Some(file) = &options.json {
        std::fs::write(file, serde_json::to_string_pretty(&results)?)?;
    }
    if let Some(folder) = options.out() {
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("results.md"), results.table())?;
        draw(&results, &folder)?;
    }
    Ok(())
}

/// The chart, in both forms.
fn draw(results: &Results, folder: &Path) -> Result<(), Box<dyn Error>> {
    let Some(svg) = chart::chart(results) else { return Ok(()) };
    let (drawing, picture) = (folder.join("chart.svg"), folder.join("chart.png"));
    std::fs::write(&drawing, svg)?;
    let png = programs::program("png")?.args([drawing, picture]).status()?;
    if png.success() { Ok(()) } else { Err("the chart has become no picture".into()) }
}
