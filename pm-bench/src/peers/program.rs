//! Programs that are started and do nothing.

use std::error::Error;
use std::io::Read;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::far::far_side;
use super::{Outcome, Peer};
use crate::memory::{idle_program, resident_share};
use crate::slice::median_of;
use crate::workload::Workload;

pub(super) struct Program;

impl Peer for Program {
    fn measure(&mut self, workload: Workload, time: Duration) -> Outcome {
        match workload {
            Workload::Spawn => median_of(time, first_byte),
            Workload::Idle => {
                let empty = idle_program("empty")?;
                Ok(resident_share(empty.id())? as f64)
            }
            _ => Err("it does nothing".into()),
        }
    }
}

fn first_byte() -> Result<Duration, Box<dyn Error>> {
    let mut command = far_side("byte", "")?;
    command.stdout(Stdio::piped());
    let start = Instant::now();
    let mut child = command.spawn()?;
    child.stdout.take().ok_or("there is no pipe")?.read_exact(&mut [0])?;
    let taken = start.elapsed();
    child.wait()?;
    Ok(taken)
}
