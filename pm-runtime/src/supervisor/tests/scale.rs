//! Pools that find their size.

use super::*;
use crate::supervisor::scale::SHORT;

fn range(least: usize, most: usize) -> Config {
    Config { most, idle_timeout: Some(60 * SECOND), queue: 64, ..config(least) }
}

impl Scene {
    /// The sizes that the last actions tell of.
    fn sizes(&mut self) -> Vec<(usize, usize)> {
        self.actions();
        let sizes = self.seen.iter().filter_map(|action| match action {
            Action::Note(Note::Scaled { from, to, .. }) => Some((*from, *to)),
            _ => None,
        });
        sizes.collect()
    }
}

#[test]
fn a_query_that_has_waited_for_as_long_as_a_start_takes_gets_another_worker() {
    let mut scene = Scene::new(range(1, 3));
    scene.core.spawn(1, scene.now);
    scene.pass(200 * MS);
    scene.core.ready(1, scene.now).unwrap();
    let running = scene.submit(1);
    scene.begin(1, running);
    let waiting = scene.submit(2);
    scene.pass(200 * MS - MS);
    assert!(scene.sizes().is_empty());
    assert_eq!(scene.core.wake_at(), Some(scene.now + MS));
    scene.pass(MS);
    assert_eq!(scene.sizes(), [(1, 2)]);
    scene.pass(SECOND);
    assert!(scene.sizes().is_empty(), "who waits is as good as served");
    scene.core.ready(2, scene.now).unwrap();
    assert!(scene.actions().contains("Recall(1"));
    scene.core.returned(1, waiting, scene.now).unwrap();
    assert!(scene.actions().contains("Hand(2"));
    assert!(scene.core.restarts() == 0);
}

#[test]
fn fast_queries_need_no_more_workers_however_many_there_are() {
    let mut scene = Scene::ready(range(1, 8));
    for _ in 0..1000 {
        let keys: Vec<_> = (0..5).map(|payload| scene.submit(payload)).collect();
        for key in keys {
            scene.begin(1, key);
            scene.pass(SHORT / 10);
            scene.end(1, key);
        }
    }
    assert!(scene.sizes().is_empty());
}

#[test]
fn it_grows_no_faster_than_workers_start_and_no_further_than_it_may() {
    let mut scene = Scene::ready(Config { boots_at_once: 2, ..range(1, 4) });
    for payload in 0..10 {
        scene.submit(payload);
    }
    scene.pass(SHORT);
    assert_eq!(scene.sizes(), [(1, 2), (2, 3)]);
    scene.core.ready(2, scene.now).unwrap();
    assert_eq!(scene.sizes(), [(3, 4)]);
    scene.core.ready(3, scene.now).unwrap();
    scene.core.ready(4, scene.now).unwrap();
    scene.pass(9 * SECOND);
    assert!(scene.sizes().is_empty());
}

#[test]
fn a_pool_that_is_ill_does_not_grow() {
    let mut scene = Scene::ready(Config { max_crashes: Some(0), ..range(2, 8) });
    scene.die(1, Exit::Signal(libc::SIGSEGV));
    for payload in 0..9 {
        scene.submit(payload);
    }
    scene.pass(SECOND);
    scene.actions();
    assert!(scene.launched().is_empty());
}

#[test]
fn a_worker_that_nobody_has_needed_for_so_long_goes_and_the_least_stay() {
    let mut scene = Scene::ready(range(1, 3));
    scene.core.spawn(3, scene.now);
    scene.core.ready(2, scene.now).unwrap();
    scene.core.ready(3, scene.now).unwrap();
    let key = scene.submit_with(1, None, None).unwrap();
    scene.begin(1, key);
    scene.pass(30 * SECOND);
    scene.actions();
    scene.pass(29 * SECOND);
    assert!(scene.sizes().is_empty());
    scene.pass(SECOND);
    assert_eq!(scene.sizes(), [(3, 2), (2, 1)]);
    assert_eq!(scene.live(), [1], "which has been at work");
    for worker in [2, 3] {
        scene.die(worker, Exit::Code(0));
    }
    scene.pass(3600 * SECOND);
    assert_eq!((scene.live(), scene.core.wake_at()), (vec![1], None), "and all is quiet");
}

#[test]
fn workers_that_were_asked_for_have_their_time_too() {
    let mut scene = Scene::ready(range(1, 8));
    scene.pass(3600 * SECOND);
    let waiter = scene.core.spawn(2, scene.now);
    scene.core.ready(2, scene.now).unwrap();
    scene.pass(59 * SECOND);
    assert!(scene.sizes().is_empty());
    scene.pass(SECOND);
    assert_eq!(scene.sizes(), [(2, 1)]);
    assert_eq!(scene.live(), [1], "the older one stays");
    scene.core.stop_waiting(waiter);
}

#[test]
fn what_was_made_small_by_hand_grows_when_it_is_needed() {
    let mut scene = Scene::ready(range(2, 3));
    scene.core.resize(1, scene.now);
    let worker = scene.live()[0];
    scene.pass(3600 * SECOND);
    assert!(scene.sizes().is_empty());
    let key = scene.submit(1);
    scene.begin(worker, key);
    scene.submit(2);
    scene.pass(SHORT);
    assert_eq!(scene.sizes(), [(1, 2)]);
}

#[test]
fn who_is_to_go_idles_for_as_long_as_a_start_takes() {
    let mut scene = Scene::new(Config { idle_timeout: Some(MS), ..range(1, 2) });
    scene.core.spawn(2, scene.now);
    scene.pass(5 * SECOND);
    scene.core.ready(1, scene.now).unwrap();
    scene.core.ready(2, scene.now).unwrap();
    scene.pass(4 * SECOND);
    assert!(scene.sizes().is_empty());
    scene.pass(SECOND);
    assert_eq!(scene.sizes(), [(2, 1)]);
}

#[test]
fn a_place_that_nobody_needs_any_more_goes_with_who_fails_to_start_there() {
    let mut scene = Scene::ready(Config { most: 3, idle_timeout: Some(SECOND), ..config(1) });
    let keys = [scene.submit(1), scene.submit(2)];
    scene.begin(1, keys[0]);
    scene.pass(SECOND);
    scene.actions();
    assert_eq!(scene.launched(), [2]);
    scene.end(1, keys[0]);
    scene.begin(1, keys[1]);
    scene.end(1, keys[1]);
    scene.die(2, Exit::Signal(libc::SIGSEGV));
    let actions = scene.actions();
    assert!(actions.contains("Scaled { worker: 2, from: 2, to: 1 }"), "{actions}");
    scene.pass(20 * SECOND);
    scene.actions();
    assert_eq!((scene.launched(), scene.core.target()), (vec![], 1));
    // As long as somebody waits for it, it is filled.
    let waiter = scene.core.spawn(2, scene.now);
    scene.die(3, Exit::Signal(libc::SIGSEGV));
    scene.pass(20 * SECOND);
    scene.actions();
    scene.core.ready(4, scene.now).unwrap();
    scene.actions();
    assert_eq!(scene.result_of(waiter), Some(&Ok(())));
}
