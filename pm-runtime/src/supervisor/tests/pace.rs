//! Fast queries go to few workers, and what turns out not to be fast does not keep them there.

use std::ops::RangeInclusive;

use super::*;
use crate::supervisor::pace::BRISK;

const MICRO: Duration = Duration::from_micros(1);

/// How many queries were handed to this worker.
fn handed(actions: &str, worker: WorkerId) -> usize {
    actions.matches(&format!("Hand({worker},")).count()
}

fn submit(scene: &mut Scene, payloads: RangeInclusive<u32>) {
    for payload in payloads {
        scene.submit(payload);
    }
}

#[test]
fn slow_queries_are_spread_over_idle_workers() {
    for time in [None, Some(100 * MICRO)] {
        let mut scene = Scene::ready(config(4));
        if let Some(time) = time {
            scene.core.took(time);
        }
        submit(&mut scene, 1..=4);
        let actions = scene.actions();
        assert_eq!([1, 2, 3, 4].map(|worker| handed(&actions, worker)), [1; 4]);
    }
}

#[test]
fn fast_queries_go_to_no_more_workers_than_there_are_cores() {
    let mut scene = Scene::ready(Config { cores: 2, ..config(4) });
    scene.core.took(MICRO);
    submit(&mut scene, 1..=20);
    // One that runs and four ahead, each.
    let actions = scene.actions();
    assert_eq!([1, 2, 3, 4].map(|worker| handed(&actions, worker)), [5, 5, 0, 0]);
    assert_eq!(scene.core.waiting(), 10);
}

#[test]
fn what_stops_being_fast_is_taken_over_by_the_others() {
    let mut scene = Scene::ready(Config { cores: 1, ..config(4) });
    scene.core.took(MICRO);
    let first = scene.submit(1);
    submit(&mut scene, 2..=8);
    scene.begin(1, first);
    assert_eq!(scene.core.waiting(), 3);
    scene.actions();
    scene.pass(BRISK);
    // What waits goes to the next one, which gets on, as far as anybody knows; and as a third is
    // idle, so does what the first has not begun.
    let actions = scene.actions();
    assert_eq!([2, 3, 4].map(|worker| handed(&actions, worker)), [3, 0, 0], "{actions}");
    assert_eq!(actions.matches("Recall(1,").count(), 2, "{actions}");
    // Nor does it go back there, as giving back is no work.
    let back: Vec<_> = scene.core.slots[0].handed.iter().copied().rev().take(2).collect();
    for key in back {
        scene.core.returned(1, key, scene.now).unwrap();
    }
    let actions = scene.actions();
    assert_eq!(handed(&actions, 1), 0, "{actions}");
}

#[test]
fn one_slow_query_ends_the_haste() {
    let mut scene = Scene::ready(config(2));
    scene.core.took(MICRO);
    scene.core.took(Duration::from_millis(10));
    submit(&mut scene, 1..=2);
    let actions = scene.actions();
    assert_eq!([1, 2].map(|worker| handed(&actions, worker)), [1, 1]);
    // And many fast ones bring it back.
    for _ in 0..100 {
        scene.core.took(MICRO);
    }
    submit(&mut scene, 3..=4);
    let actions = scene.actions();
    assert_eq!([1, 2].map(|worker| handed(&actions, worker)), [2, 0]);
}

#[test]
fn nothing_is_refused_for_fast_queries_that_wait_by_choice() {
    let mut scene = Scene::ready(Config { cores: 1, queue: 2, ..config(2) });
    scene.core.took(MICRO);
    scene.immediate = true;
    // Five for the one at work, two that wait for it, and five for the other one.
    submit(&mut scene, 1..=12);
    let actions = scene.actions();
    assert_eq!([1, 2].map(|worker| handed(&actions, worker)), [5, 5], "{actions}");
    assert_eq!(scene.core.waiting(), 2);
    assert_eq!(scene.submit_with(13, None, None), None);
    scene.actions();
    assert!(matches!(scene.error_of(13), Some(QueryError::QueueFull)));
}
