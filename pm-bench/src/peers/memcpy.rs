//! Copying bytes within a process: what no echo can beat that leaves them in place.

use std::hint::black_box;
use std::time::Duration;

use super::{Outcome, Peer};
use crate::slice::Slice;
use crate::workload::Workload;

pub(super) struct Memcpy;

impl Peer for Memcpy {
    fn measure(&mut self, workload: Workload, time: Duration) -> Outcome {
        let (bytes, copies) = match workload {
            Workload::Echo { bytes } => (bytes, 2),
            Workload::Lend { bytes } => (bytes, 1),
            _ => return Err("it copies bytes only".into()),
        };
        let (from, mut to) = (vec![1_u8; bytes], vec![0_u8; bytes]);
        let mut slice = Slice::new(time);
        while slice.goes_on() {
            for _ in 0..copies {
                to.copy_from_slice(black_box(&from));
                black_box(&mut to);
            }
        }
        Ok(slice.rate() * (copies * bytes) as f64)
    }
}
