//! Both sides at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::super::{Ending, Heard, INLINE, Long, Near, Next, Region, Requests, end, pool_sleeps};
use super::{STREAM, posting, region};

/// Longer than a stream, and as many as Miri takes minutes for.
const LONG: usize = STREAM * 3;
const QUERIES: u64 = if cfg!(miri) { 40 } else { 20_000 };

/// The far side: echoes, until it is told to stop.
fn echo(region: &Arc<Region>, stop: &AtomicBool) {
    let mut next = Next::new(region.clone());
    let mut long = Long::default();
    let mut requests = Requests::default();
    while !stop.load(Ordering::Relaxed) {
        let Some(claim) = next.begin(0) else {
            std::thread::yield_now();
            continue;
        };
        let wait = |_: &dyn Fn() -> bool| {
            std::thread::yield_now();
            true
        };
        let request = requests.receive(region, claim.slot, wait).unwrap();
        let ending = Ending {
            slot: claim.slot,
            kind: 2,
            said: false,
            untold: false,
            parts: [&[], &request],
        };
        match request.len() <= INLINE {
            true => end(region, &ending, || ()),
            false => long.end(region, &ending, || (), wait),
        }
        pool_sleeps(region);
    }
}

#[test]
fn echoes_of_every_length_while_some_are_taken_back() {
    let region = region(32);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| echo(&region, &stop));
        let mut near = Near::new(region.clone(), 2 * LONG, 1);
        let (mut pushed, mut back, mut heard) = (0_u64, 0_u64, Vec::new());
        while back < QUERIES {
            while pushed < back + 64 && pushed < QUERIES {
                pushed += 1;
                let length = match pushed % 1000 {
                    0 | 30 => LONG,
                    n if n % 10 == 0 => n as usize * 7 + INLINE,
                    n => n as usize % INLINE,
                };
                near.push(posting(pushed, vec![pushed as u8; length]));
                near.flush().unwrap();
                if pushed % 7 == 0 && near.take_back(pushed) {
                    back += 1;
                }
            }
            near.flush().unwrap();
            near.poll(&mut heard).unwrap();
            if heard.is_empty() {
                std::thread::yield_now();
            }
            for heard in heard.drain(..) {
                if let Heard::Ended { id, bytes, .. } = heard {
                    assert!(bytes.iter().all(|byte| *byte == id as u8));
                    back += 1;
                }
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
}
