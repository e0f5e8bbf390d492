//! Contestants are programs that are told what to do, a line of JSON at a time, and answer with
//! what they measured.
//!
//! So each measures in its own language, none has threads of another beside it, and all of a
//! contestant's processes can be placed from outside.

use std::error::Error;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

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

/// A contestant that runs.
pub(crate) struct Driver {
    child: Child,
    orders: Option<ChildStdin>,
    reports: BufReader<ChildStdout>,
}

impl Driver {
    pub(crate) fn start(mut command: Command) -> io::Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let missing = || io::Error::other("a pipe is missing");
        let orders = Some(child.stdin.take().ok_or_else(missing)?);
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
            Err(error) => Err(format!("it died: {error}")),
        }
    }

    fn converse(&mut self, order: &Order) -> io::Result<Report> {
        let orders = self.orders.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        writeln!(orders, "{}", serde_json::to_string(order)?)?;
        let mut line = String::new();
        self.reports.read_line(&mut line)?;
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for Driver {
    /// The end of its orders is the end of it.
    fn drop(&mut self) {
        self.orders = None;
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
        println!("{}", serde_json::to_string(&report)?);
    }
    // Whatever its workers still do is of no interest.
    std::process::exit(0)
}
