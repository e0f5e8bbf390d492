//! The contestants: one file each.

mod far;
mod ipc_channel;
mod memcpy;
mod ours;
mod procspawn;
mod program;
mod script;
mod socket;
mod spin;
mod tarpc;
mod watched;

use std::error::Error;
use std::io;
use std::process::Command;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub(crate) use far::{FAR_SIDE, serve_far_side};

use crate::programs;
use crate::workload::Workload;

/// The measured value in the workload's unit, or why there is none.
pub(crate) type Outcome = Result<f64, Box<dyn Error>>;

/// What is measured.
pub(crate) trait Peer {
    /// Runs a workload for about so long.
    fn measure(&mut self, workload: Workload, time: Duration) -> Outcome;
}

/// The first argument of a process that is a contestant; the second says which.
pub(crate) const CONTESTANT: &str = "--contestant";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Contestant {
    Ours,
    OursOnTokio,
    /// Built with the features that let somebody watch, and nobody does.
    Unwatched,
    /// Its metrics are published every second.
    Measured,
    /// Somebody looks at it as `pm-top` does.
    Operated,
    /// A subscriber formats every span and event at `INFO`, and writes none.
    Traced,
    Socket,
    Spin,
    Memcpy,
    Program,
    Tarpc,
    IpcChannel,
    Procspawn,
    NodeFork,
    Workerpool,
    ProcessPoolExecutor,
    Pebble,
}

impl Contestant {
    /// What others would use instead of this project.
    pub(crate) const PEERS: [Self; 7] = [
        Self::Tarpc,
        Self::IpcChannel,
        Self::Procspawn,
        Self::NodeFork,
        Self::Workerpool,
        Self::ProcessPoolExecutor,
        Self::Pebble,
    ];

    pub(crate) fn is_ours(self) -> bool {
        matches!(self, Self::Ours | Self::OursOnTokio) || self.is_watched()
    }

    /// Whether it is this program, built with the feature `watched`.
    pub(crate) fn is_watched(self) -> bool {
        matches!(self, Self::Unwatched | Self::Measured | Self::Operated | Self::Traced)
    }

    /// Whether it is what the system takes at least.
    pub(crate) fn is_floor(self) -> bool {
        matches!(self, Self::Socket | Self::Spin | Self::Memcpy | Self::Program)
    }

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Ours => "pm-runtime",
            Self::OursOnTokio => "pm-runtime, called on tokio",
            Self::Unwatched => "features `metrics`, `operator`, `tracing`, and nobody watches",
            Self::Measured => "metrics are published every second",
            Self::Operated => "an operator looks at it every second",
            Self::Traced => "a subscriber of all spans",
            Self::Socket => "bare Unix socket",
            Self::Spin => "shared memory, spinning, two threads",
            Self::Memcpy => "memcpy",
            Self::Program => "posix_spawn to the first byte",
            Self::Tarpc => "tarpc",
            Self::IpcChannel => "ipc-channel",
            Self::Procspawn => "procspawn",
            Self::NodeFork => "Node child_process.fork",
            Self::Workerpool => "workerpool (Node)",
            Self::ProcessPoolExecutor => "ProcessPoolExecutor",
            Self::Pebble => "pebble (Python)",
        }
    }

    /// How it is started; for scripts that is where what they need is installed.
    pub(crate) fn command(self) -> Result<Command, String> {
        match self {
            Self::NodeFork => script::NODE_FORK.command(),
            Self::Workerpool => script::WORKERPOOL.command(),
            Self::ProcessPoolExecutor => script::PROCESS_POOL_EXECUTOR.command(),
            Self::Pebble => script::PEBBLE.command(),
            _ => {
                let program = if self.is_watched() { programs::watched() } else { this_program() };
                let mut command = program.map_err(|error| error.to_string())?;
                let name = serde_json::to_string(&self).map_err(|error| error.to_string())?;
                command.args([CONTESTANT, &name]);
                Ok(command)
            }
        }
    }

    /// One that is a process of this program.
    pub(crate) fn peer(self) -> Result<Box<dyn Peer>, Box<dyn Error>> {
        Ok(match self {
            Self::Ours => Box::new(ours::Ours::on_smol()),
            Self::OursOnTokio => Box::new(ours::Ours::on_tokio()?),
            Self::Unwatched => watched::unwatched()?,
            Self::Measured => watched::measured()?,
            Self::Operated => watched::operated()?,
            Self::Traced => watched::traced()?,
            Self::Socket => Box::new(socket::Socket::default()),
            Self::Spin => Box::new(spin::Spin::start()?),
            Self::Memcpy => Box::new(memcpy::Memcpy),
            Self::Program => Box::new(program::Program),
            Self::Tarpc => Box::new(tarpc::Tarpc::connect()?),
            Self::IpcChannel => Box::new(ipc_channel::IpcChannel::connect()?),
            Self::Procspawn => Box::new(procspawn::Procspawn::default()),
            Self::NodeFork | Self::Workerpool | Self::ProcessPoolExecutor | Self::Pebble => {
                return Err("it is a script".into());
            }
        })
    }
}

pub(crate) fn this_program() -> io::Result<Command> {
    Ok(Command::new(std::env::current_exe()?))
}
