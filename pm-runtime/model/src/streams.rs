//! The scenes of what is longer than a stream.

use std::cell::Cell;

use loom::thread;

use crate::scenes::{Turns, ending, ends, every_order, post, wait_for_ends};
use crate::transport::memory::{Long, Next, Requests, sleep_for_room};

/// Longer than a stream; no two words of it are the same.
const LONG: [u8; 96] = {
    let mut long = [0; 96];
    let mut index = 0;
    while index < long.len() {
        long[index] = index as u8;
        index += 1;
    }
    long
};

/// Waits for the other side.
fn goes_on(_: &dyn Fn() -> bool) -> bool {
    thread::yield_now();
    true
}

#[test]
fn a_query_longer_than_the_stream_comes_whole() {
    every_order(3, |near, region| {
        post(near, 1, &LONG);
        let worker = thread::spawn(move || {
            let claim = Next::new(region.clone()).begin(0).unwrap();
            let request = Requests::default().receive(&region, claim.slot, goes_on);
            assert_eq!(*request.unwrap(), LONG);
        });
        while near.has_backlog() {
            near.flush().unwrap();
            thread::yield_now();
        }
        worker.join().unwrap();
    });
}

#[test]
fn an_answer_longer_than_the_stream_comes_whole() {
    every_order(3, |near, region| {
        post(near, 1, b"");
        let worker = thread::spawn(move || {
            if let Some(claim) = Next::new(region.clone()).begin(0) {
                let mut long = Long::default();
                long.end(&region, &ending(&claim, [&LONG[..48], &LONG[48..]]), || (), goes_on);
            }
        });
        let answers = wait_for_ends(near);
        worker.join().unwrap();
        assert_eq!(answers, [(1, LONG.to_vec())]);
    });
}

/// Where a worker sleeps because there is no room for more of an answer, whoever makes room sees it.
#[test]
fn no_room_is_lost() {
    every_order(3, |near, region| {
        let turns = Turns::new();
        let turn = turns.clone();
        post(near, 1, b"");
        let shared = region.clone();
        let worker = thread::spawn(move || {
            let claim = Next::new(region.clone()).begin(0).unwrap();
            let asleep = Cell::new(false);
            let wait = |has_room: &dyn Fn() -> bool| {
                sleep_for_room(&region, || {
                    let has_room = has_room();
                    asleep.set(!has_room);
                    has_room
                });
                // The scene is over.
                false
            };
            let parts: [&[u8]; 2] = [&[], &LONG];
            Long::default().end(&region, &ending(&claim, parts), || turn.take(), wait);
            turn.take();
            asleep.get()
        });
        turns.take();
        let read = near.poll(&mut Vec::new()).unwrap();
        let asleep = worker.join().unwrap();
        assert!(!asleep || !read || !shared.sleeps_for_room(), "the worker sleeps on");
        assert_eq!(ends(near), [], "there is more to come");
    });
}
