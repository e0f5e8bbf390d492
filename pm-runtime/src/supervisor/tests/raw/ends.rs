//! How a raw worker ends, and what that counts as.

use super::*;

#[test]
fn who_leaves_is_not_replaced_and_has_not_crashed() {
    let mut scene = Scene::ready(raw(2));
    scene.leave(1);
    assert_eq!(scene.live(), [2]);
    assert_eq!(scene.state_of(1), WorkerState::Releasing);
    let end = scene.end_of(1, WELL);
    let actions = scene.actions();
    assert_eq!((end, scene.core.crashes(), scene.core.restarts()), (Ok(()), 0, 0));
    assert!(actions.contains("Note(Released(1))"), "{actions}");
    assert!(!actions.contains("End(1)"), "it ends by itself: {actions}");
    assert!(scene.launched().is_empty());
    scene.pass(3600 * SECOND);
    assert_eq!(scene.live(), [2]);
    scene.actions();
    assert!(scene.launched().is_empty());
}

#[test]
fn the_place_of_one_that_crashed_stays_when_another_leaves() {
    let mut scene = Scene::ready(raw(3));
    scene.leave(1);
    scene.die(2, CRASH);
    scene.die(1, WELL);
    scene.actions();
    assert_eq!((scene.launched(), scene.core.restarts()), (vec![4], 1));
}

#[test]
fn a_worker_leaves_only_once_it_is_ready_and_only_a_raw_pool() {
    let mut scene = Scene::new(raw(1));
    scene.core.spawn(1, scene.now);
    assert_eq!(scene.core.leave(1, scene.now), Err(Violation::Left));
    assert_eq!(scene.core.leave(2, scene.now), Err(Violation::Left));
    let mut scene = Scene::ready(config(1));
    assert_eq!(scene.core.leave(1, scene.now), Err(Violation::Left));
    assert_eq!(scene.live(), [1]);
}

#[test]
fn who_leaves_when_it_is_released_takes_no_other_place_with_it() {
    let mut scene = Scene::ready(raw(2));
    let waiter = scene.core.unspawn_one(1, scene.now);
    assert!(scene.actions().contains("End(1)"));
    scene.leave(1);
    assert_eq!(scene.end_of(1, WELL), Ok(()));
    scene.actions();
    assert_eq!(scene.result_of(waiter), Some(&Ok(())));
    // One of two is left, and is replaced.
    scene.die(2, CRASH);
    scene.actions();
    assert_eq!(scene.launched(), [3]);
}

#[test]
fn who_leaves_while_it_is_killed_takes_no_other_place_with_it() {
    let mut scene = Scene::ready(raw(1));
    scene.core.violated(1, "nonsense", scene.now);
    scene.leave(1);
    assert!(matches!(scene.end_of(1, KILLED), Err(QueryError::Protocol(_))));
    scene.actions();
    assert_eq!(scene.launched(), [2]);
}

#[test]
fn who_has_left_and_does_not_end_is_killed_when_its_grace_is_over() {
    let mut scene = Scene::ready(raw(1));
    scene.leave(1);
    scene.pass(30 * SECOND - MS);
    assert!(!scene.actions().contains("Kill"));
    scene.pass(MS);
    assert!(scene.actions().contains("Kill(1)"));
    assert_eq!(scene.end_of(1, KILLED), Err(QueryError::Released));
    assert_eq!(scene.core.crashes(), 0);
}

#[test]
fn who_has_left_and_lost_its_link_may_take_its_time() {
    let mut scene = Scene::ready(raw(1));
    scene.leave(1);
    scene.core.lost(1, scene.now);
    scene.pass(LINK_PATIENCE);
    assert!(!scene.actions().contains("Kill"));
}

#[test]
fn a_failure_is_a_crash_of_that_cause_and_the_worker_is_replaced() {
    let mut scene = Scene::ready(raw(1));
    let end = scene.fail(1, Exit::Code(1));
    assert_eq!(cause(&end), Some(&CrashCause::Failed("lost".into())));
    assert!(scene.actions().contains("Note(Crashed("));
    assert_eq!((scene.core.crashes(), scene.launched()), (1, vec![2]));
}

#[test]
fn a_failure_of_a_released_worker_is_a_crash_too() {
    // Before its grace is over, and when it was killed because it did not get away.
    for (pause, exit) in [(SECOND, Exit::Code(1)), (30 * SECOND, KILLED)] {
        let mut scene = Scene::ready(raw(1));
        let waiter = scene.core.unspawn(scene.now);
        scene.pass(pause);
        let end = scene.fail(1, exit);
        assert_eq!(cause(&end), Some(&CrashCause::Failed("lost".into())));
        scene.actions();
        assert_eq!((scene.core.crashes(), scene.launched()), (1, vec![]));
        assert_eq!(scene.result_of(waiter), Some(&Ok(())));
    }
}

#[test]
fn what_is_killed_at_the_end_of_its_grace_was_killed_and_has_not_crashed() {
    let mut scene = Scene::ready(raw(1));
    let waiter = scene.core.unspawn(scene.now);
    scene.pass(30 * SECOND);
    assert!(scene.actions().contains("Kill(1)"));
    assert_eq!(scene.end_of(1, KILLED), Err(QueryError::Released));
    let actions = scene.actions();
    assert!(actions.contains("Note(Killed(") && !actions.contains("Crashed"), "{actions}");
    assert_eq!(scene.core.crashes(), 0);
    assert_eq!(scene.result_of(waiter), Some(&Ok(())));
}

#[test]
fn who_is_released_before_it_was_ready_ends_well() {
    let mut scene = Scene::new(raw(1));
    scene.core.spawn(1, scene.now);
    scene.core.unspawn(scene.now);
    assert_eq!(scene.end_of(1, KILLED), Ok(()));
    assert_eq!(scene.core.crashes(), 0);
}

#[test]
fn who_ends_unasked_has_crashed_however_well() {
    let mut scene = Scene::ready(raw(1));
    let end = scene.end_of(1, WELL);
    assert_eq!((cause(&end), scene.core.crashes()), (Some(&CrashCause::Died), 1));
}
