//! A chat in the browser, whose users' connections are held by worker processes.
//!
//! All workers accept on one socket, so that a worker that crashes, or is replaced by a newer one,
//! touches its own users only, and they come back through the others: no connection is ever refused.
//! Everything that has to survive, which is names and rooms, is in the parent; what holds a thousand
//! sockets, and reads what strangers send, is in the workers. They speak in lines of text, through
//! raw links (`line.rs`).
//!
//! ```text
//! cargo run --release -p pm-examples --bin chat      # the server
//! xdg-open http://127.0.0.1:8000/                    # a user, as often as you like
//! ```
//!
//! Say `workers` to the server, then `kill 1`: the pages of that worker's users say that they have
//! lost it, and a moment later, through which one they are there again. `respawn` replaces all of
//! them in the same manner, but for an announcement. `--help` names the rest.
//!
//! Each connection is an open file of its worker. The program raises its limit as far as it may
//! (`ulimit -Hn` shows how far that is); for more than a few thousand users it may have to be raised
//! for it, as must that of a client that opens so many.

mod browser;
mod http;
mod hub;
mod line;
mod operator;
mod server;
mod socket;
mod worker;

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use operator::{Arguments, Options};
use server::{Server, say};
use worker::ChatPool;

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 1024;

/// Why there is no chat.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("{0}\n(`chat --help` tells what it takes)")]
    Usage(#[from] lexopt::Error),
    #[error("cannot listen on port {port}: {source}")]
    Listen { port: u16, source: io::Error },
    #[error("cannot listen for signals: {0}")]
    Signals(#[from] pm_runtime::SignalError),
    #[error(transparent)]
    Workers(#[from] pm_runtime::SpawnError),
}

#[pm_runtime::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            eprintln!("chat: {trouble}");
            ExitCode::from(2)
        }
    }
}

async fn run() -> Result<(), Trouble> {
    let Options { port, workers } = match operator::arguments(std::env::args_os().skip(1))? {
        Arguments::Serve(options) => options,
        Arguments::Help => {
            say(operator::HELP);
            return Ok(());
        }
    };
    raise_limit();
    pm_runtime::shutdown_on_signals()?;
    let listener = listen(port).map_err(|source| Trouble::Listen { port, source })?;
    let address = listener.local_addr().map_err(|source| Trouble::Listen { port, source })?;
    let pool = ChatPool::builder().workers(workers).listener(listener).build();
    let server = Server::new(pool.clone());
    pool.start().await?;
    say(&format!("open http://{address}/ in some browsers"));
    server.run().await;
    Ok(())
}

fn listen(port: u16) -> io::Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    // What waits meanwhile is not lost when a thousand users come back at once.
    rustix::net::listen(&listener, BACKLOG)?;
    Ok(listener)
}

/// As many connections as the system lets it have. Where it may not have more, it has what it has.
fn raise_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}
