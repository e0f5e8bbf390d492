//! Workers beyond the pool's size.

use super::*;
use crate::health::WorkerState;

const CRASH: Exit = Exit::Signal(libc::SIGSEGV);

impl Scene {
    /// A pool of which one worker, and a spare of the number 2, are ready.
    fn with_spare(config: Config) -> Self {
        let mut scene = Self::new(Config { spares: 1, ..config });
        scene.core.spawn(1, scene.now);
        for worker in 1..=2 {
            scene.core.ready(worker, scene.now).unwrap();
        }
        scene.actions();
        scene
    }
}

#[test]
fn a_spare_gets_nothing_until_it_takes_a_place_and_then_at_once() {
    let mut scene = Scene::with_spare(config(1));
    assert_eq!(scene.core.view(2).unwrap().state, WorkerState::Spare);
    assert_eq!((scene.live(), scene.core.acquire()), (vec![1], Some(1)));
    let key = scene.submit(1);
    scene.begin(1, key);
    scene.submit(2);
    assert!(!scene.actions().contains("Hand(2"));
    assert!(scene.submit_to(3, Route::Worker(2)).is_none());
    scene.die(1, CRASH);
    let actions = scene.actions();
    assert!(actions.contains("Hand(2"), "{actions}");
    assert_eq!((scene.live(), scene.launched()), (vec![2], vec![3]));
    assert_eq!(scene.core.restarts(), 1);
    scene.core.ready(3, scene.now).unwrap();
    assert_eq!((scene.live(), scene.core.restarts()), (vec![2], 1));
}

#[test]
fn spares_are_started_after_those_of_the_size_and_nobody_waits_for_them() {
    let mut scene = Scene::new(Config { spares: 2, boots_at_once: 1, ..config(1) });
    let waiter = scene.core.spawn(2, scene.now);
    let mut started = Vec::new();
    for worker in 1..=4 {
        scene.actions();
        started.extend(scene.launched());
        assert_eq!(scene.result_of(waiter), None);
        scene.core.ready(worker, scene.now).unwrap();
        if worker == 2 {
            scene.actions();
            started.extend(scene.launched());
            assert_eq!(scene.result_of(waiter), Some(&Ok(())));
        }
    }
    assert_eq!((started, scene.live()), (vec![1, 2, 3, 4], vec![1, 2]));
}

#[test]
fn an_old_worker_is_replaced_by_a_spare_at_once() {
    let mut scene = Scene::with_spare(Config { max_queries: Some(1), ..config(1) });
    let key = scene.submit(1);
    scene.begin(1, key);
    scene.end(1, key);
    let actions = scene.actions();
    assert!(actions.contains("Recycled(1)") && actions.contains("End(1)"), "{actions}");
    assert_eq!((scene.live(), scene.launched()), (vec![2], vec![3]));
}

#[test]
fn a_temporary_query_takes_a_spare() {
    let mut scene = Scene::with_spare(config(1));
    let key = scene.submit_to(1, Route::Temporary).unwrap();
    let actions = scene.actions();
    assert!(actions.contains("Hand(2") && actions.contains("Launch(3)"), "{actions}");
    assert!(scene.core.view(2).unwrap().temporary);
    scene.begin(2, key);
    assert_eq!(scene.end(2, key), Some(1));
    assert!(scene.actions().contains("End(2)"));
    assert_eq!(scene.core.restarts(), 0);
}

#[test]
fn a_respawn_replaces_spares_too() {
    let mut scene = Scene::with_spare(config(1));
    let waiter = scene.core.respawn(None, scene.now);
    let actions = scene.actions();
    assert!(actions.contains("End(2)"), "it is as old as the other: {actions}");
    assert_eq!(scene.launched(), [3, 4]);
    scene.core.ready(3, scene.now).unwrap();
    scene.die(1, Exit::Code(0));
    assert_eq!(scene.result_of(waiter), None);
    scene.die(2, Exit::Code(0));
    scene.actions();
    assert_eq!(scene.result_of(waiter), Some(&Ok(())));
}

#[test]
fn a_pool_that_is_not_in_use_has_none() {
    let mut scene = Scene::new(Config { spares: 3, ..config(1) });
    scene.pass(SECOND);
    scene.actions();
    assert!(scene.launched().is_empty());
    scene.core.spawn(1, scene.now);
    let waiter = scene.core.resize(0, scene.now);
    scene.actions();
    for worker in scene.launched() {
        scene.die(worker, Exit::Signal(libc::SIGKILL));
    }
    for worker in 1..=4 {
        scene.die(worker, Exit::Signal(libc::SIGKILL));
    }
    scene.actions();
    assert_eq!(scene.result_of(waiter), Some(&Ok(())));
    assert!(scene.launched().is_empty() && scene.core.slots.is_empty());
}

#[test]
fn an_old_spare_is_replaced_by_another() {
    let mut scene = Scene::with_spare(Config { max_age: Some(60 * SECOND), ..config(1) });
    scene.pass(60 * SECOND);
    let actions = scene.actions();
    assert!(actions.contains("Recycled(2)") && actions.contains("End(2)"), "{actions}");
}

#[test]
fn a_pool_that_grows_takes_a_spare() {
    let mut scene = Scene::with_spare(Config { most: 2, boots_at_once: 1, ..config(1) });
    let key = scene.submit(1);
    scene.begin(1, key);
    let next = scene.submit(2);
    scene.pass(SECOND);
    let actions = scene.actions();
    assert!(actions.contains("Recall(1") && actions.contains("Launch(3)"), "{actions}");
    scene.core.returned(1, next, scene.now).unwrap();
    assert!(scene.actions().contains("Hand(2"));
}
