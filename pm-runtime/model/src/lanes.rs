//! The scenes of what streams say.

use std::sync::Arc;

use loom::thread;

use crate::scenes::{Turns, every_order};
use crate::transport::memory::{Broken, Lanes, Progress, Region, Side, pool_sleeps};

fn sides(region: Arc<Region>) -> (Lanes, Lanes) {
    (Lanes::new(region.clone(), Side::Pool), Lanes::new(region, Side::Worker))
}

/// What is there: names and bytes.
fn read(lanes: &Lanes, heard: &mut Vec<(u64, Vec<u8>)>) -> Progress {
    let until = lanes.written(false).unwrap();
    let progress = lanes.read::<Broken>(until, |piece| {
        heard.push((piece.id, piece.body.to_vec()));
        Ok(())
    });
    progress.unwrap()
}

#[test]
fn pieces_come_whole_and_in_order() {
    every_order(1, |_, region| {
        let (pool, worker) = sides(region);
        let worker = thread::spawn(move || {
            worker.put(1, 1, b"one").unwrap();
            worker.show();
            worker.put(1, 2, b"two").unwrap();
            worker.show();
        });
        let mut heard = Vec::new();
        while heard.len() < 2 {
            read(&pool, &mut heard);
            thread::yield_now();
        }
        worker.join().unwrap();
        assert_eq!(heard, [(1, b"one".to_vec()), (2, b"two".to_vec())]);
    });
}

/// Of a dead worker all is read that it had put, also while it had not shown it.
#[test]
fn what_was_put_and_never_shown_comes_whole() {
    every_order(1, |_, region| {
        let (pool, worker) = sides(region);
        let worker = thread::spawn(move || worker.put(1, 1, b"last").unwrap());
        let mut heard = Vec::new();
        while heard.is_empty() {
            let until = pool.written(true).unwrap();
            let taken = pool.read::<Broken>(until, |piece| {
                heard.push(piece.body.to_vec());
                Ok(())
            });
            taken.unwrap();
            thread::yield_now();
        }
        worker.join().unwrap();
        assert_eq!(heard, [b"last".to_vec()]);
    });
}

#[test]
fn a_pool_that_sleeps_is_rung_for_what_is_shown() {
    every_order(1, |near, region| {
        let (pool, worker) = sides(region.clone());
        let (turns, mine) = (Turns::new(), Turns::new());
        let theirs = (turns.clone(), mine.clone());
        let worker = thread::spawn(move || {
            theirs.0.take();
            worker.put(1, 1, b"").unwrap();
            worker.show();
            theirs.1.take();
            pool_sleeps(&region)
        });
        mine.take();
        let sleeps = near.sleep();
        turns.take();
        let sleeps = sleeps && !pool.has_news();
        let rung = worker.join().unwrap();
        assert!(rung || !sleeps, "it sleeps, and nobody rings");
    });
}

#[test]
fn who_waits_for_room_is_told_or_finds_it() {
    every_order(1, |_, region| {
        let (pool, worker) = sides(region);
        // As much as there is room for.
        let mut full = 0;
        while full < 2 {
            assert!(worker.put(1, full, &[0; 8]).unwrap());
            full += 1;
        }
        worker.show();
        let (turns, mine) = (Turns::new(), Turns::new());
        let theirs = (turns.clone(), mine.clone());
        let worker = thread::spawn(move || {
            theirs.0.take();
            let put = worker.put(1, 2, &[0; 8]).unwrap();
            theirs.1.take();
            put
        });
        mine.take();
        let mut heard = Vec::new();
        let made_room = read(&pool, &mut heard).made_room;
        turns.take();
        let put = worker.join().unwrap();
        assert!(put || made_room, "it waits, and nobody tells it");
    });
}
