//! What a cache line's round trip between two cores takes.
//!
//! On a virtual machine that is no constant: its two cores are now two threads of one real core,
//! now far apart. Figures of one mood say nothing about the other.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::placement::{Cores, pin_this_thread};
use crate::slice::median;

/// Round trips of which the mean is taken, and how many means.
const TRIPS: u64 = 256;
const MEANS: usize = 9;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Mood {
    Near,
    Far,
}

impl Mood {
    /// The mood, with the round trip's time; nothing where there is one core, or where others
    /// keep the two busy.
    pub(crate) fn now(cores: &Cores) -> Option<(Self, Duration)> {
        let trip = round_trip(cores.pair()?);
        let mood = match trip.as_nanos() {
            0..190 => Self::Near,
            190..1500 => Self::Far,
            _ => return None,
        };
        Some((mood, trip))
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Near => "near",
            Self::Far => "far",
        }
    }
}

fn round_trip((near, far): (usize, usize)) -> Duration {
    let line = AtomicU64::new(0);
    let last = TRIPS * MEANS as u64 * 2;
    let wait_for = |value| {
        while line.load(Ordering::Acquire) != value {
            std::hint::spin_loop();
        }
    };
    let mut means = Vec::with_capacity(MEANS);
    thread::scope(|scope| {
        scope.spawn(|| {
            pin_this_thread(far);
            for value in (1..last).step_by(2) {
                wait_for(value);
                line.store(value + 1, Ordering::Release);
            }
        });
        scope.spawn(|| {
            pin_this_thread(near);
            let mut value = 0;
            for _ in 0..MEANS {
                let start = Instant::now();
                for _ in 0..TRIPS {
                    line.store(value + 1, Ordering::Release);
                    value += 2;
                    wait_for(value);
                }
                means.push(start.elapsed().as_secs_f64() / TRIPS as f64);
            }
        });
    });
    Duration::from_secs_f64(median(&mut means))
}
