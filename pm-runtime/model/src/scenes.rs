//! The scenes: the pool's side is the first thread, the worker's the second.

use std::sync::Arc;

use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;

use crate::transport::memory::{
    About, Claim, Ending, Heard, Near, Next, Posting, Region, Requests, Sleep, end, pool_sleeps,
    wake,
};

/// Bytes of a stream.
const STREAM: usize = 64;

/// Runs a scene with both ends of a region in every order.
pub(crate) fn every_order(
    slots: usize,
    scene: impl Fn(&mut Near, Arc<Region>) + Send + Sync + 'static,
) {
    let mut model = loom::model::Builder::new();
    // Three are enough for every known mistake of this kind, and end in seconds.
    model.preemption_bound = Some(3);
    model.check(move || {
        let region = Arc::new(Region::new(slots, STREAM));
        let mut near = Near::new(region.clone(), 1 << 10, 1);
        scene(&mut near, region);
    });
}

/// Where a thread could as well have come first.
///
/// Of each word the model checker remembers only who has looked at it last. Where both sides have,
/// and one stores there, it does not see that this could have come before the other's look, and never
/// tries it. Two stores to the same word it tries in both orders; and as they are relaxed, they order
/// nothing else.
#[derive(Clone)]
pub(crate) struct Turns(Arc<AtomicU32>);

impl Turns {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicU32::new(0)))
    }

    pub(crate) fn take(&self) {
        self.0.store(1, Ordering::Relaxed);
    }
}

pub(crate) fn post(near: &mut Near, id: u64, bytes: &[u8]) {
    let about = About { id, terms: 0, timeout: 0 };
    near.push(Posting { about, payload: Arc::new(bytes.to_vec()) });
    near.flush().unwrap();
}

pub(crate) fn ending<'a>(claim: &Claim, parts: [&'a [u8]; 2]) -> Ending<'a> {
    Ending { slot: claim.slot, kind: 2, said: false, untold: false, parts }
}

pub(crate) fn ends(near: &mut Near) -> Vec<(u64, Vec<u8>)> {
    let mut heard = Vec::new();
    near.poll(&mut heard).unwrap();
    heard
        .into_iter()
        .filter_map(|heard| match heard {
            Heard::Begun { .. } | Heard::Took { .. } => None,
            Heard::Ended { id, bytes, .. } => Some((id, bytes.into_vec())),
        })
        .collect()
}

pub(crate) fn wait_for_ends(near: &mut Near) -> Vec<(u64, Vec<u8>)> {
    loop {
        let ends = ends(near);
        if !ends.is_empty() {
            return ends;
        }
        thread::yield_now();
    }
}

#[test]
fn a_query_begins_or_is_taken_back() {
    every_order(4, |near, region| {
        post(near, 1, b"one");
        post(near, 2, b"two");
        let worker = thread::spawn(move || {
            let mut next = Next::new(region);
            std::iter::from_fn(|| next.begin(0)).map(|claim| claim.id).collect::<Vec<_>>()
        });
        let taken: Vec<u64> = [1, 2].into_iter().filter(|id| near.take_back(*id)).collect();
        let begun = worker.join().unwrap();
        assert_eq!(begun.iter().chain(&taken).sum::<u64>(), 3, "{begun:?} {taken:?}");
        assert_eq!(begun.len() + taken.len(), 2);
    });
}

#[test]
fn a_shut_gate_tells_what_runs() {
    every_order(4, |near, region| {
        post(near, 1, b"");
        let worker = thread::spawn(move || Next::new(region).begin(0).is_some());
        let running = near.shut_gate();
        assert_eq!(worker.join().unwrap(), running == [1]);
    });
}

#[test]
fn what_was_held_is_whole_when_the_gate_is_open_again() {
    every_order(4, |near, region| {
        let turns = Turns::new();
        let turn = turns.clone();
        let worker = thread::spawn(move || {
            turn.take();
            let claim = Next::new(region.clone()).begin(0)?;
            Requests::default().receive(&region, claim.slot, |_| true)
        });
        post(near, 1, b"one");
        near.shut_gate();
        near.open_gate();
        turns.take();
        if let Some(request) = worker.join().unwrap() {
            assert_eq!(*request, *b"one");
        }
    });
}

/// A worker may look ahead before it begins anything.
#[test]
fn what_is_counted_is_there() {
    every_order(4, |near, region| {
        let worker = thread::spawn(move || {
            let mut next = Next::new(region);
            let count = next.count(3);
            (count, next.terms())
        });
        post(near, 1, b"one");
        post(near, 2, b"two");
        let (count, terms) = worker.join().unwrap();
        assert!(count <= 2 && (count == 0 || terms == Some(0)), "{count} {terms:?}");
    });
}

#[test]
fn a_shut_gate_tells_of_no_more_than_runs_at_once() {
    every_order(4, |near, region| {
        post(near, 1, b"");
        post(near, 2, b"");
        let worker = thread::spawn(move || {
            let mut next = Next::new(region.clone());
            while let Some(claim) = next.begin(0) {
                end(&region, &ending(&claim, [b"", b""]), || ());
            }
        });
        let running = near.shut_gate();
        worker.join().unwrap();
        assert!(running.len() <= 1, "{running:?}");
    });
}

#[test]
fn what_has_not_begun_at_a_death_never_does() {
    every_order(4, |near, region| {
        post(near, 1, b"");
        post(near, 2, b"");
        let worker = thread::spawn(move || {
            let mut next = Next::new(region);
            std::iter::from_fn(|| next.begin(0)).map(|claim| claim.id).collect::<Vec<_>>()
        });
        // Whether they were told before makes no difference.
        near.poll(&mut Vec::new()).unwrap();
        let begun = near.begun();
        assert_eq!(worker.join().unwrap(), begun);
    });
}

#[test]
fn an_answer_is_whole_when_it_is_there() {
    every_order(4, |near, region| {
        post(near, 1, b"question");
        let worker = thread::spawn(move || {
            let mut next = Next::new(region.clone());
            if let Some(claim) = next.begin(0) {
                let request = Requests::default().receive(&region, claim.slot, |_| true);
                assert_eq!(*request.unwrap(), *b"question");
                end(&region, &ending(&claim, [b"", b"answer"]), || ());
            }
        });
        let answers = wait_for_ends(near);
        worker.join().unwrap();
        assert_eq!(answers, [(1, b"answer".to_vec())]);
    });
}

/// The same, where nobody waits.
#[test]
fn an_answer_that_is_seen_is_whole() {
    every_order(4, |near, region| {
        let turns = Turns::new();
        let turn = turns.clone();
        post(near, 1, b"question");
        let worker = thread::spawn(move || {
            let mut next = Next::new(region.clone());
            let claim = next.begin(0).unwrap();
            let request = Requests::default().receive(&region, claim.slot, |_| true);
            assert_eq!((claim.id, request.unwrap().into_vec()), (1, b"question".to_vec()));
            end(&region, &ending(&claim, [b"", b"answer"]), || turn.take());
        });
        turns.take();
        let seen = ends(near);
        worker.join().unwrap();
        let all = [seen, ends(near)].concat();
        assert_eq!(all, [(1, b"answer".to_vec())]);
    });
}

/// A slot is used again only when the worker has done with it.
#[test]
fn a_slot_that_was_taken_back_is_passed_before_it_is_used_again() {
    every_order(2, |near, region| {
        post(near, 1, b"one");
        let worker = thread::spawn(move || {
            let mut next = Next::new(region.clone());
            let mut begun = Vec::new();
            for _ in 0..3 {
                if let Some(claim) = next.begin(0) {
                    let request = Requests::default().receive(&region, claim.slot, |_| true);
                    begun.push((claim.id, request.unwrap()));
                    end(&region, &ending(&claim, [b"", b""]), || ());
                }
            }
            begun
        });
        let taken = near.take_back(1);
        post(near, 2, b"two");
        post(near, 3, b"three");
        near.poll(&mut Vec::new()).unwrap();
        near.flush().unwrap();
        for (id, request) in worker.join().unwrap() {
            let sent: [&[u8]; 3] = [b"one", b"two", b"three"];
            assert_eq!(*request, *sent[id as usize - 1]);
            assert!(id != 1 || !taken);
        }
    });
}

/// The same, where only what was passed makes room for what is posted.
#[test]
fn a_slot_is_passed_when_nobody_looks_at_it_any_more() {
    every_order(2, |near, region| {
        let turns = Turns::new();
        let turn = turns.clone();
        post(near, 1, b"one");
        assert!(near.take_back(1));
        let worker = thread::spawn(move || {
            let mut next = Next::new(region);
            for _ in 0..2 {
                // It goes on behind what was taken back, and begins nothing.
                next.terms();
                turn.take();
            }
        });
        for id in [2, 3] {
            turns.take();
            near.poll(&mut Vec::new()).unwrap();
            post(near, id, b"another");
            assert!(near.take_back(id));
        }
        worker.join().unwrap();
    });
}

/// One in flight, both asleep: neither may miss the other.
#[test]
fn no_wake_up_is_lost() {
    every_order(4, |near, region| {
        let sleeper = region.clone();
        let bell = Arc::new(AtomicU32::new(0));
        let rung = bell.clone();
        let worker = thread::spawn(move || {
            let mut next = Next::new(region.clone());
            let asleep = next.sleep(Sleep::OnSocket);
            match next.begin(0) {
                Some(claim) => end(&region, &ending(&claim, [b"", b""]), || ()),
                None => return asleep,
            }
            if pool_sleeps(&region) {
                rung.store(1, Ordering::Relaxed);
            }
            false
        });
        post(near, 1, b"");
        let wakes = wake(&sleeper);
        let asleep = near.sleep();
        let stays_asleep = worker.join().unwrap();
        assert!(!stays_asleep || wakes, "the worker sleeps on");
        let answered = !ends(near).is_empty();
        assert!(!asleep || !answered || bell.load(Ordering::Relaxed) == 1, "the pool sleeps on");
    });
}
