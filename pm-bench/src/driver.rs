//! Contestants are programs that are told what to do, a line of JSON at a time, and answer with
//! what they measured.
//!
//! So each measures in its own language, none has threads of another beside it, and all of a
//! contestant's processes can be placed from outside.

use std::error::Error;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};

use crate::peers::Peer;
use crate::workload::Workload;

#[derive(Debug, Serialize, Deserialize)]
struct Order {
    #[serde(flatten)]
    workload: Workload,
    millis: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Report {
    /// In the workload's unit.
    Measured(f64),
    /// Why there is nothing to measure.
    Missing(String),
}

/// How long a contestant may take for a slice before it counts as one that hangs.
const PATIENCE: Timespec = Timespec { tv_sec: 30, tv_nsec: 0 };

/// A contestant that runs.
pub(crate) struct Driver {
    child: Child,
    orders: ChildStdin,
    reports: BufReader<ChildStdout>,
}

impl Driver {
    pub(crate) fn start(mut command: Command) -> io::Result<Self> {
        // In a group of its own, so that all of it can be ended.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let missing = || io::Error::other("a pipe is missing");
        let orders = child.stdin.take().ok_or_else(missing)?;
        let reports = BufReader::new(child.stdout.take().ok_or_else(missing)?);
        Ok(Self { child, orders, reports })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Runs a workload for about so long.
    pub(crate) fn measure(&mut self, workload: Workload, time: Duration) -> Result<f64, String> {
        let millis = time.as_millis() as u64;
        match self.converse(&Order { workload, millis }) {
            Ok(Report::Measured(value)) => Ok(value),
            Ok(Report::Missing(reason)) => Err(reason),
            Err(error) => Err(error.to_string()),
        }
    }

    fn converse(&mut self, order: &Order) -> io::Result<Report> {
        writeln!(self.orders, "{}", serde_json::to_string(order)?)?;
        // It says nothing but one line for each order, so none of it can wait in the buffer.
        let reports = PollFd::new(self.reports.get_ref(), PollFlags::IN);
        if poll(&mut [reports], Some(&PATIENCE))? == 0 {
            return Err(io::Error::other("it hangs"));
        }
        let mut line = String::new();
        match self.reports.read_line(&mut line)? {
            0 => Err(io::Error::other("it has died")),
            _ => Ok(serde_json::from_str(&line)?),
        }
    }
}

impl Drop for Driver {
    /// Ends it, and the processes that it would leave behind. Its group is nobody else's while it
    /// has not been waited for.
    fn drop(&mut self) {
        if let Some(group) = Pid::from_raw(self.child.id() as i32) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

/// The other side: does what stdin says until that ends.
pub(crate) fn serve(mut peer: Box<dyn Peer>) -> Result<(), Box<dyn Error>> {
    for line in io::stdin().lines() {
        let Order { workload, millis } = serde_json::from_str(&line?)?;
        let report = match peer.measure(workload, Duration::from_millis(millis)) {
            Ok(value) => Report::Measured(value),
            Err(reason) => Report::Missing(reason.to_string()),
        };
        writeln!(io::stdout(), "{}", serde_json::to_string(&report)?)?;
    }
    // Whatever its workers still do is of no interest.
    std::process::exit(0)
}
