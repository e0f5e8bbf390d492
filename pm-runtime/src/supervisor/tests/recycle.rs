//! Workers that have served for long enough.

use super::*;
use crate::supervisor::slot::Phase;

impl Scene {
    /// A worker runs a query, from its begin to its end.
    fn run_in(&mut self, worker: WorkerId, payload: u32) {
        let key = self.submit(payload);
        self.begin(worker, key);
        self.end(worker, key);
    }

    /// How often the system was asked for the memory of workers, in the last actions.
    fn weighings(&mut self) -> usize {
        self.actions().matches("Weigh(").count()
    }
}

#[test]
fn an_old_worker_serves_until_its_replacement_is_ready() {
    let mut scene = Scene::ready(Config { max_queries: Some(2), ..config(1) });
    scene.run_in(1, 1);
    scene.actions();
    assert!(scene.launched().is_empty(), "one more");
    scene.run_in(1, 2);
    scene.actions();
    assert_eq!((scene.launched(), scene.live()), (vec![2], vec![1]));
    let key = scene.submit(3);
    scene.begin(1, key);
    scene.core.ready(2, scene.now).unwrap();
    let actions = scene.actions();
    assert!(actions.contains("Recycled(1)") && !actions.contains("End(1)"), "{actions}");
    // What it runs ends under its own time-out.
    let phase = scene.core.slots[0].phase.clone();
    assert_eq!(phase, Phase::Releasing { deadline: None, told: false });
    assert_eq!(scene.end(1, key), Some(3));
    assert!(scene.actions().contains("End(1)"));
    scene.die(1, Exit::Code(0));
    scene.actions();
    assert!(scene.launched().is_empty());
    assert_eq!((scene.live(), scene.core.crashes(), scene.core.restarts()), (vec![2], 0, 1));
}

#[test]
fn where_a_replacement_fails_the_old_worker_stays_and_the_next_one_waits() {
    let mut scene = Scene::ready(Config { max_queries: Some(1), ..config(1) });
    scene.run_in(1, 1);
    // The first one after a death starts at once.
    for replacement in [2, 3] {
        scene.actions();
        assert_eq!(scene.launched(), [replacement]);
        scene.die(replacement, Exit::Code(1));
    }
    scene.actions();
    assert!(scene.launched().is_empty());
    scene.run_in(1, 2);
    scene.pass(100 * MS);
    scene.actions();
    assert_eq!((scene.launched(), scene.live()), (vec![4], vec![1]));
    scene.core.ready(4, scene.now).unwrap();
    assert!(scene.actions().contains("Recycled(1)"));
}

#[test]
fn workers_that_were_ready_together_are_replaced_one_after_another() {
    let age = 3600 * SECOND;
    for seed in [0, 1, 1 << 40, u64::MAX] {
        let scene = Scene::ready(Config { max_age: Some(age), seed, ..config(16) });
        let slots = scene.core.slots.iter();
        let mut ages: Vec<Duration> =
            slots.map(|slot| scene.core.old_at(slot).unwrap() - scene.now).collect();
        ages.sort_unstable();
        assert!(ages.iter().all(|&at| (age * 3 / 4..=age).contains(&at)), "{ages:?}");
        let gaps = ages.windows(2).map(|pair| pair[1] - pair[0]);
        // Were they even, each would be a sixteenth of a quarter.
        assert!(gaps.min().unwrap() > age / 4 / 16 / 3, "{ages:?}");
    }
}

#[test]
fn an_old_worker_is_replaced_although_nothing_happens_and_no_other_with_it() {
    let mut scene = Scene::ready(Config { max_age: Some(60 * SECOND), ..config(2) });
    let ages = scene.core.slots.iter().filter_map(|slot| scene.core.old_at(slot));
    let first = ages.min().unwrap() - scene.now;
    scene.pass(first - MS);
    scene.actions();
    assert!(scene.launched().is_empty());
    scene.pass(MS);
    scene.actions();
    assert_eq!(scene.launched(), [3]);
    scene.core.ready(3, scene.now).unwrap();
    assert_eq!(scene.actions().matches("Recycled").count(), 1);
}

#[test]
fn memory_is_asked_for_when_something_has_ended_and_at_most_once_a_second() {
    let mut scene = Scene::ready(Config { max_memory: Some(100), ..config(1) });
    scene.pass(3600 * SECOND);
    assert_eq!((scene.weighings(), scene.core.wake_at()), (0, None), "an idle pool sleeps");
    for _ in 0..10 {
        scene.run_in(1, 1);
    }
    assert_eq!(scene.weighings(), 1);
    scene.core.weighed(1, Some(100), scene.now);
    scene.pass(SECOND);
    assert_eq!(scene.weighings(), 1, "what came later is looked at, too");
    scene.core.weighed(1, Some(101), scene.now);
    scene.actions();
    assert_eq!(scene.launched(), [2]);
}

#[test]
fn what_runs_beside_may_be_what_is_heavy() {
    let mut scene = Scene::ready(Config { max_memory: Some(100), ..config(1) });
    for light in [false, true, false] {
        scene.run_in(1, 1);
        assert_eq!(scene.weighings(), 1);
        let next = scene.submit(2);
        scene.core.weighed(1, Some(if light { 1 } else { 500 }), scene.now);
        scene.actions();
        assert!(scene.launched().is_empty());
        scene.begin(1, next);
        scene.pass(SECOND);
        assert_eq!(scene.end(1, next), Some(2));
        scene.weighings();
        scene.core.weighed(1, Some(1), scene.now);
        scene.pass(SECOND);
        scene.actions();
    }
    // Twice in a row, each after an end.
    for is_enough in [false, true] {
        scene.run_in(1, 1);
        let next = scene.submit(2);
        scene.core.weighed(1, Some(500), scene.now);
        scene.actions();
        assert_eq!(scene.launched().is_empty(), !is_enough);
        scene.begin(1, next);
        scene.end(1, next);
        scene.pass(SECOND);
    }
}

#[test]
fn a_worker_that_was_born_heavy_is_left_alone() {
    let mut scene = Scene::new(Config { max_memory: Some(100), ..config(1) });
    scene.core.spawn(1, scene.now);
    scene.core.weigh_newborn(1, Some(200));
    scene.core.ready(1, scene.now).unwrap();
    scene.run_in(1, 1);
    assert_eq!(scene.weighings(), 0);
}

#[test]
fn a_raw_worker_is_looked_at_ever_less_often_while_nothing_changes() {
    let mut scene = Scene::ready(Config { raw: true, max_memory: Some(100), ..config(1) });
    scene.core.weighed(1, Some(50), scene.now);
    scene.pass(Duration::ZERO);
    let mut pauses = Vec::new();
    for _ in 0..8 {
        let at = scene.core.wake_at().unwrap();
        scene.core.tick(scene.now);
        assert_eq!((scene.weighings(), scene.core.wake_at()), (0, Some(at)));
        pauses.push((at - scene.now).as_secs());
        scene.pass(at - scene.now);
        assert_eq!(scene.weighings(), 1);
        scene.core.weighed(1, Some(50), scene.now);
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 64]);
    scene.core.weighed(1, Some(51), scene.now);
    scene.pass(SECOND);
    assert_eq!(scene.weighings(), 1, "it has changed");
}

#[test]
fn an_end_of_the_pool_waits_for_no_replacement() {
    let mut scene = Scene::ready(Config { max_queries: Some(1), ..config(1) });
    scene.run_in(1, 1);
    let waiter = scene.core.destroy(scene.now);
    scene.die(1, Exit::Code(0));
    scene.die(2, Exit::Signal(libc::SIGKILL));
    scene.actions();
    assert_eq!(scene.result_of(waiter), Some(&Ok(())));
}

#[test]
fn a_raw_worker_is_known_to_go_so_that_its_socket_is_handed_on() {
    let mut scene = Scene::ready(Config { raw: true, max_age: Some(60 * SECOND), ..config(2) });
    assert!(scene.core.to_be_replaced().is_empty());
    let ages = scene.core.slots.iter().map(|slot| (scene.core.old_at(slot).unwrap(), slot.id));
    let (first, oldest) = ages.min().unwrap();
    scene.pass(first - scene.now);
    assert_eq!(scene.core.to_be_replaced(), [oldest]);
}
