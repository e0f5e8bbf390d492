//! Cache lines that two threads look at until the other has written: what crossing costs at least.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use super::{Outcome, Peer};
use crate::placement::FAR;
use crate::slice::Slice;
use crate::workload::Workload;

/// A place for one query: odd where it waits for its answer, even where that is there.
#[derive(Default)]
#[repr(align(128))]
struct Place(AtomicU64);

impl Place {
    /// Looks many times, and then lets the other thread look, which may be on the same core.
    fn wait_for(&self, is_awaited: impl Fn(u64) -> bool) -> u64 {
        loop {
            for _ in 0..LOOKS {
                let value = self.0.load(Ordering::Acquire);
                if is_awaited(value) {
                    return value;
                }
                std::hint::spin_loop();
            }
            thread::yield_now();
        }
    }
}

const END: u64 = u64::MAX;

/// Enough for a cache line to cross, and some microseconds more.
const LOOKS: usize = 200;

pub(super) struct Spin {
    far: Sender<Arc<[Place]>>,
}

impl Spin {
    pub(super) fn start() -> std::io::Result<Self> {
        let (far, work) = channel::<Arc<[Place]>>();
        thread::Builder::new().name(FAR.into()).spawn(move || {
            for places in work {
                for place in places.iter().cycle() {
                    match place.wait_for(|value| value % 2 == 1) {
                        END => break,
                        value => place.0.store(value + 1, Ordering::Release),
                    }
                }
            }
        })?;
        Ok(Self { far })
    }

    fn run(&self, places: usize, time: Duration) -> Result<Slice, Box<dyn std::error::Error>> {
        let places: Arc<[Place]> = (0..places).map(|_| Place::default()).collect();
        self.far.send(places.clone())?;
        let mut slice = Slice::new(time);
        for place in places.iter().cycle() {
            let answer = place.wait_for(|value| value % 2 == 0);
            if !slice.goes_on() {
                place.0.store(END, Ordering::Release);
                break;
            }
            place.0.store(answer + 1, Ordering::Release);
            if places.len() == 1 {
                place.wait_for(|value| value % 2 == 0);
            }
        }
        Ok(slice)
    }
}

impl Peer for Spin {
    fn measure(&mut self, workload: Workload, time: Duration) -> Outcome {
        match workload {
            Workload::Alone => Ok(self.run(1, time)?.each()),
            Workload::Flight { calls } => Ok(self.run(calls, time)?.rate()),
            _ => Err("it sleeps never".into()),
        }
    }
}
