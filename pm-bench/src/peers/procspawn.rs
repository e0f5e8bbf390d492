//! procspawn: a pool with one process.

use std::collections::VecDeque;
use std::error::Error;
use std::thread::{park, sleep, yield_now};
use std::time::{Duration, Instant};

use procspawn::Pool;
use rustix::process::{Pid, Signal, kill_process};

use super::{Outcome, Peer};
use crate::memory::idle_worker_share;
use crate::slice::{Slice, compute, median_of};
use crate::workload::{Workload, micros};

#[derive(Default)]
pub(super) struct Procspawn {
    pool: Option<Pool>,
}

fn add((a, b): (u64, u64)) -> u64 {
    a + b
}

fn work(load: u64) -> u64 {
    compute(micros(load)).as_nanos() as u64
}

fn echo(bytes: Vec<u8>) -> Vec<u8> {
    bytes
}

fn length(bytes: Vec<u8>) -> usize {
    bytes.len()
}

fn hang((): ()) {
    loop {
        park();
    }
}

/// From the SIGKILL to the error, and to the next answer.
fn killed(pool: &Pool) -> Result<(Duration, Duration), Box<dyn Error>> {
    let doomed = pool.spawn((), hang);
    let worker = loop {
        match doomed.pid() {
            Some(worker) => break worker,
            None => yield_now(),
        }
    };
    let start = Instant::now();
    kill_process(Pid::from_raw(worker as i32).ok_or("no process")?, Signal::KILL)?;
    if doomed.join().is_ok() {
        return Err("a killed process has answered".into());
    }
    let heard = start.elapsed();
    pool.spawn((1, 2), add).join()?;
    Ok((heard, start.elapsed()))
}

fn spawn_to_answer() -> Result<Duration, Box<dyn Error>> {
    let start = Instant::now();
    let pool = Pool::new(1)?;
    pool.spawn((1, 2), add).join()?;
    let taken = start.elapsed();
    pool.shutdown();
    Ok(taken)
}

impl Peer for Procspawn {
    fn measure(&mut self, workload: Workload, time: Duration) -> Outcome {
        match workload {
            Workload::Spawn => return median_of(time, spawn_to_answer),
            Workload::Idle => return Ok(idle_worker_share("idle_procspawn")? as f64),
            _ => {}
        }
        let pool = match self.pool.take() {
            Some(pool) => pool,
            None => Pool::new(1)?,
        };
        let pool = self.pool.insert(pool);
        let mut slice = Slice::new(time);
        Ok(match workload {
            Workload::Alone => {
                while slice.goes_on() {
                    pool.spawn((1, 2), add).join()?;
                }
                slice.each()
            }
            Workload::Paused { micros: pause } => median_of(time, || {
                sleep(micros(pause));
                let start = Instant::now();
                pool.spawn((1, 2), add).join()?;
                Ok::<_, Box<dyn Error>>(start.elapsed())
            })?,
            Workload::Work { micros } => median_of(time, || {
                let start = Instant::now();
                let computed = pool.spawn(micros, work).join()?;
                let taken = start.elapsed().saturating_sub(Duration::from_nanos(computed));
                Ok::<_, Box<dyn Error>>(taken)
            })?,
            Workload::Flight { calls } if calls > 100 => {
                return Err(
                    "it has several sockets for each call, and runs out of descriptors".into()
                );
            }
            Workload::Flight { calls } => {
                let mut flight = VecDeque::with_capacity(calls);
                while slice.goes_on() {
                    flight.push_back(pool.spawn((1, 2), add));
                    if flight.len() == calls
                        && let Some(first) = flight.pop_front()
                    {
                        first.join()?;
                    }
                }
                for call in flight {
                    call.join()?;
                }
                slice.rate()
            }
            Workload::Echo { bytes } => {
                let mut sent = vec![1; bytes];
                while slice.goes_on() {
                    sent = pool.spawn(sent, echo).join()?;
                }
                slice.rate() * (2 * bytes) as f64
            }
            Workload::Lend { bytes } => {
                let lent = vec![1; bytes];
                while slice.goes_on() {
                    pool.spawn(lent.clone(), length).join()?;
                }
                slice.rate() * bytes as f64
            }
            Workload::Killed => median_of(time, || Ok::<_, Box<dyn Error>>(killed(pool)?.0))?,
            Workload::Replaced => median_of(time, || Ok::<_, Box<dyn Error>>(killed(pool)?.1))?,
            _ => return Err("not measured".into()),
        })
    }
}
