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
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pm-top: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), Box<dyn Error>> {
    let options = match command {
        Command::Help => return print(args::HELP),
        Command::Show(options) => options,
    };
    let Options { output, interval, folder } = options;
    match output {
        Output::Screen => screen::show(interval, folder),
        Output::Text => once(folder.as_deref()),
        Output::Json => json(folder.as_deref()),
    }
}

/// One view as text.
fn once(folder: Option<&Path>) -> Result<(), Box<dyn Error>> {
    let mut model = Model::default();
    for Asked { pid, state, .. } in ask_all(folder, PATIENCE)? {
        match state {
            Ok(state) => model.tell(pid, state, Instant::now()),
            Err(trouble) => model.trouble(pid, &trouble.to_string()),
        }
    }
    print(&plain::view(&model))
}

/// One view as JSON: an array of what the applications say.
fn json(folder: Option<&Path>) -> Result<(), Box<dyn Error>> {
    let mut states = Vec::new();
    for Asked { socket, state, .. } in ask_all(folder, PATIENCE)? {
        match state {
            Ok(state) => states.push(state),
            Err(trouble) => {
                let trouble = format!("{}: {trouble}", socket.display());
                eprintln!("pm-top: {}", text::clean(&trouble));
            }
        }
    }
    print(&(serde_json::to_string_pretty(&states)? + "\n"))
}

/// Who reads may have seen enough.
fn print(text: &str) -> Result<(), Box<dyn Error>> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
