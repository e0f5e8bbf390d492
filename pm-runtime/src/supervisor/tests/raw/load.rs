//! What the application counts as a worker's load.

use super::*;

#[test]
fn a_load_falls_to_nothing_at_least_and_grows_to_all_there_is_at_most() {
    let mut scene = Scene::ready(raw(1));
    for (delta, load) in [(2, 2), (-3, 0), (isize::MIN, 0), (5, 5), (-4, 1)] {
        scene.core.add_load(1, delta);
        assert_eq!(scene.core.load(1), load);
    }
    for _ in 0..3 {
        scene.core.add_load(1, isize::MAX);
    }
    assert_eq!(scene.core.load(1), usize::MAX);
    scene.core.add_load(2, 1);
    assert_eq!((scene.core.load(2), scene.core.is_quiet()), (0, true));
}

#[test]
fn the_queries_of_a_loaded_worker_are_added_to_what_the_application_counts() {
    let mut scene = Scene::ready(config(1));
    scene.core.add_load(1, isize::MAX);
    scene.core.add_load(1, isize::MAX);
    scene.core.add_load(1, 1);
    scene.submit(1);
    assert_eq!(scene.core.load(1), usize::MAX);
    scene.core.add_load(1, isize::MIN);
    scene.core.add_load(1, isize::MIN);
    assert_eq!(scene.core.load(1), 1);
}

#[test]
fn the_least_loaded_is_acquired_and_the_loaded_are_busy() {
    let mut scene = Scene::ready(raw(3));
    for (worker, load) in [(1, 2), (2, 1), (3, 3)] {
        assert_eq!(scene.state_of(worker), WorkerState::Idle);
        scene.core.add_load(worker, load);
        assert_eq!(scene.state_of(worker), WorkerState::Busy);
    }
    assert_eq!(scene.core.acquire(), Some(2));
    scene.core.add_load(2, 9);
    assert_eq!(scene.core.acquire(), Some(1));
    scene.leave(1);
    assert_eq!(scene.core.acquire(), Some(3));
}

#[test]
fn the_least_loaded_are_released_first() {
    let mut scene = Scene::ready(raw(3));
    for (worker, load) in [(1, 2), (2, 1), (3, 3)] {
        scene.core.add_load(worker, load);
    }
    scene.core.resize(2, scene.now);
    assert_eq!(scene.live(), [1, 3]);
    scene.core.respawn(None, scene.now);
    scene.become_ready(4);
    assert_eq!(scene.live(), [3, 4]);
}

#[test]
fn what_the_application_counts_keeps_no_released_worker() {
    let mut scene = Scene::ready(raw(2));
    scene.core.add_load(1, 7);
    scene.core.add_load(2, 7);
    scene.core.unspawn_one(1, scene.now);
    assert!(scene.actions().contains("End(1)"));
    let waiter = scene.core.destroy(scene.now);
    assert!(scene.actions().contains("End(2)"));
    scene.die(1, WELL);
    scene.die(2, WELL);
    scene.actions();
    assert_eq!(scene.result_of(waiter), Some(&Ok(())));
}

#[test]
fn workers_that_are_to_live_elsewhere_are_told_so_at_once() {
    let mut scene = Scene::ready(raw(2));
    scene.core.add_load(1, 1);
    scene.core.rehouse(scene.now);
    let actions = scene.actions();
    assert!(actions.contains("End(1)") && actions.contains("End(2)"), "{actions}");
    assert_eq!(scene.launched(), [3, 4]);
    // No time-out of a query bounds what they are at.
    scene.pass(30 * SECOND);
    assert!(scene.actions().contains("Kill(1)"));
}
