//! What streams say, through a lane, whatever the other side does to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::super::lane::{Lanes, PIECE, Progress, Side};
use super::super::stream::Broken;
use super::super::{Region, layout};
use super::region;

fn sides() -> (Arc<Region>, Lanes, Lanes) {
    let region = region(1);
    (region.clone(), Lanes::new(region.clone(), Side::Pool), Lanes::new(region, Side::Worker))
}

/// Of each its kind, its name and its bytes.
type Pieces = Vec<(u8, u64, Vec<u8>)>;

/// All that is there.
fn read(lanes: &Lanes) -> Result<(Pieces, Progress), Broken> {
    let mut pieces = Vec::new();
    let progress = lanes.read::<Broken>(lanes.written(false)?, |piece| {
        pieces.push((piece.kind, piece.id, piece.body.to_vec()));
        Ok(())
    })?;
    Ok((pieces, progress))
}

#[test]
fn pieces_of_every_length_come_as_they_were_put_in_both_directions() {
    let (_, pool, worker) = sides();
    for (from, to) in [(&pool, &worker), (&worker, &pool)] {
        for length in (0..70).chain([PIECE - 1, PIECE]).filter(|length| *length <= capacity() / 2) {
            let bytes: Vec<u8> = (0..length).map(|i| i as u8).collect();
            assert_eq!(from.put(7, length as u64, &bytes), Ok(true));
            assert!(!to.has_news(), "it is seen before it is shown");
            assert!(from.show());
            assert!(to.has_news());
            let (pieces, progress) = read(to).unwrap();
            assert_eq!(pieces, [(7, length as u64, bytes)]);
            assert_eq!(progress, Progress { came: true, made_room: false });
            assert!(!to.has_news() && !from.show());
        }
    }
}

/// Bytes of a lane.
fn capacity() -> usize {
    if cfg!(miri) { super::STREAM } else { layout::LANE }
}

#[test]
fn who_finds_no_room_is_told_when_half_is_free() {
    let (_, pool, worker) = sides();
    let piece = vec![1; capacity() / 16];
    let mut put = 0;
    while pool.put(1, put, &piece).unwrap() {
        put += 1;
    }
    assert!(put > 8);
    assert!(pool.show(), "the other side was not woken for what it can see");
    // What had no room has everything before it shown.
    let (pieces, progress) = read(&worker).unwrap();
    assert_eq!(pieces.len(), put as usize);
    assert!(progress.made_room);
    assert_eq!(pool.put(1, put, &piece), Ok(true));
    pool.show();
    let (pieces, progress) = read(&worker).unwrap();
    assert_eq!(pieces.len(), 1);
    assert!(!progress.made_room, "nobody waits any more");
}

#[test]
fn what_a_dead_worker_has_put_is_read_though_it_was_never_shown() {
    let (_, pool, worker) = sides();
    worker.put(1, 2, b"last words").unwrap();
    assert_eq!(pool.written(false), Ok(0));
    let mut heard = 0;
    let until = pool.written(true).unwrap();
    pool.read::<Broken>(until, |piece| {
        heard += 1;
        assert_eq!(piece.body.to_vec(), b"last words");
        Ok(())
    })
    .unwrap();
    assert_eq!(heard, 1);
}

#[test]
fn two_threads_hand_over_a_lot_in_order() {
    let (_, pool, worker) = sides();
    let (woken, count) = (AtomicBool::new(true), if cfg!(miri) { 200 } else { 100_000 });
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut next = 0_u64;
            while next < count {
                let until = worker.written(false).unwrap();
                let progress = worker.read::<Broken>(until, |piece| {
                    assert_eq!((piece.id, piece.body.len()), (next, next as usize % 90));
                    assert!(piece.body.to_vec().iter().all(|byte| *byte == next as u8));
                    next += 1;
                    Ok(())
                });
                if progress.unwrap().made_room {
                    woken.store(true, Relaxed);
                }
                std::thread::yield_now();
            }
        });
        for number in 0..count {
            let bytes = vec![number as u8; number as usize % 90];
            while !pool.put(1, number, &bytes).unwrap() {
                // Only who is told looks again: a lost word would hang this.
                while !woken.swap(false, Relaxed) {
                    std::thread::yield_now();
                }
            }
            if number % 7 == 0 || number + 1 == count {
                pool.show();
            }
        }
    });
}

/// What the pool makes of a lane whose worker has written this there.
fn judge(written: u64, words: [u64; 2]) -> Result<usize, Broken> {
    let (region, pool, _) = sides();
    let lane = region.lane(true);
    for (word, value) in lane.buffer.words.iter().zip(words) {
        word.store(value, Relaxed);
    }
    lane.buffer.ends.written.0.store(written, Relaxed);
    read(&pool).map(|(pieces, _)| pieces.len())
}

#[test]
fn what_cannot_be_is_found_out() {
    let about = |length: u64, kind: u64| length | kind << 32;
    assert_eq!(judge(16, [1, about(0, 1)]), Ok(1));
    assert_eq!(judge(24, [1, about(8, 1)]), Ok(1));
    let lies = [
        // Half a head, half a word, more than a lane holds.
        (8, [1, about(0, 1)]),
        (17, [1, about(0, 1)]),
        (u64::MAX, [1, about(0, 1)]),
        (capacity() as u64 + 8, [1, about(0, 1)]),
        // Longer than what is there, than a piece may be, than anything.
        (24, [1, about(9, 1)]),
        (16, [1, about(1, 1)]),
        (capacity() as u64, [1, about(PIECE as u64 + 1, 1)]),
        (24, [1, about(u64::from(u32::MAX), 1)]),
        // Reserved bits.
        (16, [1, 1 << 40]),
        (16, [1, u64::MAX << 32]),
    ];
    for (written, words) in lies {
        assert_eq!(judge(written, words), Err(Broken), "{written}, {words:?}");
    }
}

#[test]
fn a_reader_that_lies_about_how_far_it_is_is_found_out() {
    for read in [8_u64, 24, 25, 1 << 40, u64::MAX] {
        let (region, pool, _) = sides();
        let lane = region.lane(false);
        lane.buffer.ends.read.0.store(read, Relaxed);
        let piece = vec![1; capacity() / 8];
        let broken = (0..20).map(|_| pool.put(1, 1, &piece)).find(|put| *put != Ok(true));
        // What looks like room is none beyond what was shown.
        assert_eq!(broken, Some(Err(Broken)), "{read}");
    }
}
