//! Follows log files, and parses what is written to them in worker processes.
//!
//! Logs hold what strangers wrote, and some of that kills its parser. Here the parser dies in a
//! worker: the line is named and left out, and its input goes on behind it in another stream.

mod args;
mod board;
mod follower;
mod grammar;
mod input;
mod parser;

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::process::ExitCode;

use async_signal::{Signal, Signals};
use futures_util::StreamExt;
use futures_util::future::join_all;
use smol::{Timer, future};

use args::{Command, Options};
use board::Board;
use follower::Follower;
use input::Input;
use parser::LineParserPool;

/// Why nothing is followed any more.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("{0}\n(`follow --help` tells what it takes)")]
    Usage(#[from] lexopt::Error),
    #[error("cannot open {}: {source}", path.display())]
    Open { path: PathBuf, source: io::Error },
    #[error("cannot listen for signals: {0}")]
    Signals(io::Error),
    #[error("cannot print: {0}")]
    Output(#[from] io::Error),
}

#[pm_runtime::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(code) => ExitCode::from(code),
        // Who reads it has had enough.
        Err(Trouble::Output(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(trouble) => {
            eprintln!("follow: {trouble}");
            ExitCode::from(2)
        }
    }
}

async fn run() -> Result<u8, Trouble> {
    let options = match args::parse(std::env::args_os().skip(1))? {
        Command::Follow(options) => options,
        Command::Help => {
            print!("{}", args::HELP);
            return Ok(0);
        }
    };
    let signals = Signals::new([Signal::Int, Signal::Term]).map_err(Trouble::Signals)?;
    let inputs = open(&options)?;
    let names = options.files.iter().map(|file| file.display().to_string());
    let board = RefCell::new(Board::new(names.collect()));
    let code = future::or(follow_all(inputs, &options, &board), interruption(signals));
    let code = future::or(async { Ok(code.await) }, show(&board)).await?;
    board.borrow_mut().draw()?;
    Ok(code)
}

fn open(options: &Options) -> Result<Vec<Input>, Trouble> {
    let open = |path: &PathBuf| {
        let input = Input::open(path, options.once);
        input.map_err(|source| Trouble::Open { path: path.clone(), source })
    };
    options.files.iter().map(open).collect()
}

/// Follows every input to its end; one that cannot be read any more holds up no other.
async fn follow_all(inputs: Vec<Input>, options: &Options, board: &RefCell<Board>) -> u8 {
    let pool = LineParserPool::new();
    let followers = inputs.into_iter().enumerate().map(|(index, input)| {
        let follower = Follower::new(&pool, board, index, options.rejected);
        async move {
            let result = follower.follow(input).await;
            if let Err(trouble) = &result {
                let mut board = board.borrow_mut();
                let text = format!("{}: {trouble}", board.name(index));
                board.note(&text);
            }
            result.is_ok()
        }
    });
    let are_read = join_all(followers).await;
    pool.destroy().await;
    u8::from(are_read.contains(&false))
}

/// Shows now and then how far it is, as long as that can be shown.
async fn show(board: &RefCell<Board>) -> Result<u8, Trouble> {
    loop {
        let pause = board.borrow().pause();
        Timer::after(pause).await;
        board.borrow_mut().show()?;
    }
}

/// The exit code of the first signal; where none can come it waits for ever.
async fn interruption(mut signals: Signals) -> u8 {
    match signals.next().await {
        Some(Ok(signal)) => 128 + signal as u8,
        Some(Err(_)) | None => future::pending().await,
    }
}
