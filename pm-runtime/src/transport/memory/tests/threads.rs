//! Both sides at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::super::atomic::AtomicU32;
use super::super::{Heard, INLINE, Long, Near, Next, Region, Requests, end, pool_sleeps, wake};
use super::posting;

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
        match request.len() <= INLINE {
            true => end(region, claim.slot, 2, false, &request),
            false => long.end(region, claim.slot, 2, false, &request, wait),
        }
        pool_sleeps(region);
    }
}

#[test]
fn echoes_of_every_length_while_some_are_taken_back() {
    let (region, _) = Region::create(32).unwrap();
    let region = Arc::new(region);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| echo(&region, &stop));
        let mut near = Near::new(region.clone(), 4 << 20, 1);
        let (mut pushed, mut back, mut heard) = (0_u64, 0_u64, Vec::new());
        while back < 20_000 {
            while pushed < back + 64 && pushed < 20_000 {
                pushed += 1;
                let length = match pushed % 1000 {
                    0 => 3 << 20,
                    n if n % 10 == 0 => n as usize * 7,
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

/// A worker that writes whatever it likes wherever it can: half at random, half where it hurts.
#[test]
fn scribbles_hurt_nobody() {
    let (region, _) = Region::create(8).unwrap();
    let region = Arc::new(region);
    let mut dice = 0x9e37_79b9_7f4a_7c15_u64;
    let mut roll = move || {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        dice
    };
    let mut broken = 0;
    for round in 0..20_000_u64 {
        let mut near = Near::new(region.clone(), 1 << 16, 1);
        for id in 0..6 {
            let length = if id % 3 == 0 { 5000 } else { 8 };
            near.push(posting(round * 6 + id, vec![1; length]));
        }
        let (mut heard, mut ended) = (Vec::new(), Vec::new());
        for _ in 0..8 {
            for _ in 0..4 {
                scribble(&region, &mut roll);
            }
            if near.flush().and_then(|_| near.poll(&mut heard)).is_err() {
                broken += 1;
                break;
            }
            near.take_back(round * 6 + roll() % 6);
            if roll() % 4 == 0 {
                near.shut_gate();
            } else {
                near.open_gate();
            }
            near.sleep();
            wake(&region);
            for heard in heard.drain(..) {
                if let Heard::Ended { id, bytes, .. } = heard {
                    assert!(bytes.len() <= 1 << 16);
                    assert!(!ended.contains(&id), "an end that came twice");
                    ended.push(id);
                }
            }
        }
    }
    assert!(broken > 1000, "only {broken} breaches were noticed");
}

fn scribble(region: &Region, roll: &mut impl FnMut() -> u64) {
    const EDGES: [u64; 9] = [0, 1, 7, 8, 89, 1 << 16, 1 << 20, u32::MAX as u64, u64::MAX];
    let value = match roll() % 2 {
        0 => roll(),
        _ => EDGES[(roll() % 9) as usize],
    };
    let slots = region.slots();
    let slot = &slots[(roll() % slots.len() as u64) as usize];
    let word = |word: &AtomicU32| word.store(value as u32, Ordering::Relaxed);
    let head = region.head();
    match roll() % 10 {
        // Mostly states that could be, so that what follows is met too.
        0..=3 => slot.state.store((roll() % 7) as u32, Ordering::Relaxed),
        4 => word(&slot.state),
        5 => word(&slot.length),
        6 => word(&slot.kind),
        7 => slot.offset.store(value, Ordering::Relaxed),
        8 => head.answers.written.0.store(value, Ordering::Relaxed),
        _ => head.requests.read.0.store(value, Ordering::Relaxed),
    }
}
