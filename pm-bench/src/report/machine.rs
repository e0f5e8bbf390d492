//! Where and when it was measured.

use std::fmt;
use std::fs;
use std::process::Command;

use serde::Serialize;

use crate::others::busy_share;

#[derive(Debug, Serialize)]
pub(super) struct Machine {
    processor: String,
    cores: usize,
    kernel: String,
    date: String,
    revision: String,
    /// The share of the cores' time that other programs took, from 0 to 1.
    others: f64,
}

/// More than this of the cores' time is more than what a machine does that is left alone.
const QUIET: f64 = 0.05;

impl Machine {
    pub(super) fn this(cores: usize) -> Self {
        let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let processor = processor.lines().find_map(|line| line.strip_prefix("model name"));
        let processor = processor.map(|name| name.trim_start_matches([' ', '\t', ':']));
        Self {
            processor: processor.unwrap_or("an unknown processor").to_owned(),
            cores,
            kernel: said_by("uname", &["-sr"]),
            date: said_by("date", &["-u", "+%F %R UTC"]),
            revision: said_by("git", &["describe", "--always", "--dirty"]),
            others: busy_share(),
        }
    }

    /// Sees whether others use the machine by now.
    pub(super) fn look_around(&mut self) {
        self.others = self.others.max(busy_share());
    }

    /// What there is to say of others, if that spoils the figures.
    fn caveat(&self) -> Option<String> {
        let percent = 100.0 * self.others;
        (self.others > QUIET).then(|| {
            format!(
                "; other programs took {percent:.0} % of the cores: rely on none of the figures"
            )
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processor, cores, kernel, date, revision, .. } = self;
        let caveat = self.caveat().unwrap_or_default();
        write!(f, "{processor}, {cores} cores, {kernel}; {date}; revision {revision}{caveat}")
    }
}

fn said_by(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let said = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    said.ok().filter(|said| !said.is_empty()).unwrap_or_else(|| "unknown".into())
}
