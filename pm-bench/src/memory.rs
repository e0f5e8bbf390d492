//! What the kernel says of processes.

use std::error::Error;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::process::{Child, Stdio};

use crate::placement::children;
use crate::programs::program;

/// A program of this crate that does nothing from now on, and is ended with this.
pub(crate) struct Idle(Child);

impl Idle {
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts one, and waits until it is idle.
pub(crate) fn idle_program(name: &str) -> Result<Idle, Box<dyn Error>> {
    let mut command = program(name)?;
    let mut program = Idle(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?);
    let output = program.0.stdout.take().ok_or("there is no pipe")?;
    match BufReader::new(output).lines().next() {
        Some(line) => drop(line?),
        None => return Err(format!("`{name}` has ended").into()),
    }
    Ok(program)
}

/// The memory of this process, in bytes.
pub(crate) fn resident() -> Result<u64, Box<dyn Error>> {
    let pages = fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = pages.split(' ').nth(1).ok_or("/proc/self/statm is short")?.parse()?;
    Ok(pages * rustix::param::page_size() as u64)
}

/// The memory of a process, in bytes; what it shares counts in parts.
pub(crate) fn resident_share(process: u32) -> Result<u64, Box<dyn Error>> {
    let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
    Ok(1024 * field(&rollup, "Pss:").ok_or("the kernel does not tell")?)
}

/// The memory of an idle worker, in a program that has nothing but a pool of one.
pub(crate) fn idle_worker_share(program: &str) -> Result<u64, Box<dyn Error>> {
    let application = idle_program(program)?;
    let worker = children(application.id()).into_iter().next().ok_or("it has no worker")?;
    resident_share(worker)
}

/// How often the threads of processes have gone to sleep.
pub(crate) fn voluntary_switches(processes: &[u32]) -> io::Result<u64> {
    let mut switches = 0;
    for process in processes {
        for thread in fs::read_dir(format!("/proc/{process}/task"))? {
            let status = fs::read_to_string(thread?.path().join("status"))?;
            switches += field(&status, "voluntary_ctxt_switches:").unwrap_or_default();
        }
    }
    Ok(switches)
}

fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}
