//! Shows the pools of running applications in a terminal.

mod args;
mod client;
mod columns;
mod follow;
mod keys;
mod model;
mod plain;
mod screen;
mod table;
mod text;
mod ui;
mod view;

use std::error::Error;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use pm_runtime::operator;

use args::{Command, Options, Output};
use client::{Asked, ask_all};
use model::Model;

/// How long an application may take to tell its state, where it is asked once.
const PATIENCE: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let command = match args::parse(std::env::args_os().skip(1)) {
        Ok(command) => command,
        Err(error) => {
            eprintln!("pm-top: {error}\n(`pm-top --help` tells what it takes)");
            return ExitCode::from(2);
        }
    };
    match run(command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("pm-top: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether there was nothing that could not be read.
fn run(command: Command) -> Result<bool, Box<dyn Error>> {
    let options = match command {
        Command::Help => return print(args::HELP).map(|()| true),
        Command::Version => {
            return print(concat!("pm-top ", env!("CARGO_PKG_VERSION"), "\n")).map(|()| true);
        }
        Command::Show(options) => options,
    };
    let Options { output, interval, folder } = options;
    match output {
        Output::Screen => screen::show(interval, folder).map(|()| true),
        Output::Text => once(folder.as_deref()),
        Output::Json => json(folder.as_deref()),
    }
}

/// One view as text.
fn once(folder: Option<&Path>) -> Result<bool, Box<dyn Error>> {
    let (mut model, mut all) = (Model::default(), true);
    for Asked { pid, state, .. } in ask(folder)? {
        match state {
            Ok(state) => model.tell(pid, state, Instant::now()),
            Err(trouble) => {
                all = false;
                model.trouble(pid, &trouble.to_string());
            }
        }
    }
    print(&plain::view(&model))?;
    if model.applications.is_empty()
        && let Some(folder) = folder.map(Path::to_owned).or_else(|| operator::folder().ok())
    {
        // It may be another one than is meant.
        let folder = text::clean(&folder.display().to_string());
        print(&format!("(this folder was looked at: {folder})\n"))?;
    }
    Ok(all)
}

/// One view as JSON: an array of what the applications say.
fn json(folder: Option<&Path>) -> Result<bool, Box<dyn Error>> {
    let (mut states, mut all) = (Vec::new(), true);
    for Asked { socket, state, .. } in ask(folder)? {
        match state {
            Ok(state) => states.push(state),
            Err(trouble) => {
                all = false;
                let trouble = format!("{}: {trouble}", socket.display());
                eprintln!("pm-top: {}", text::clean(&trouble));
            }
        }
    }
    print(&(serde_json::to_string_pretty(&states)? + "\n"))?;
    Ok(all)
}

/// Asks every application once. A folder that somebody names is there.
fn ask(folder: Option<&Path>) -> Result<Vec<Asked>, Box<dyn Error>> {
    if let Some(folder) = folder
        && let Err(error) = std::fs::metadata(folder)
    {
        let folder = text::clean(&folder.display().to_string());
        return Err(format!("there is no folder `{folder}`: {error}").into());
    }
    Ok(ask_all(folder, PATIENCE)?)
}

/// Who reads may have seen enough.
fn print(text: &str) -> Result<(), Box<dyn Error>> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
