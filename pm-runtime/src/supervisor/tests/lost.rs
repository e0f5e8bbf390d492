//! Links that end on the worker's side.

use super::*;

#[test]
fn a_worker_that_dies_soon_after_its_link_dies_of_its_own_cause() {
    for (exit, crashes) in [(Exit::Signal(libc::SIGSEGV), 1), (Exit::Signal(libc::SIGKILL), 0)] {
        let mut scene = Scene::ready(config(1));
        let key = scene.submit(1);
        scene.begin(1, key);
        scene.core.lost(1, scene.now);
        assert!(!scene.actions().contains("Kill"));
        scene.die(1, exit);
        scene.actions();
        let error = scene.error_of(1);
        let died = |report: &CrashReport| report.cause == CrashCause::Died && report.exit == exit;
        assert!(matches!(error, Some(QueryError::Crashed(report)) if died(report)), "{error:?}");
        assert_eq!(scene.core.crashes(), crashes);
    }
}

#[test]
fn a_worker_that_lives_on_without_its_link_is_killed_and_that_counts() {
    let mut scene = Scene::ready(config(1));
    let (key, next) = (scene.submit(1), scene.submit(2));
    scene.begin(1, key);
    scene.core.lost(1, scene.now);
    scene.pass(LINK_PATIENCE);
    assert!(scene.actions().contains("Kill(1)"));
    scene.die(1, Exit::Signal(libc::SIGKILL));
    scene.actions();
    assert!(matches!(scene.error_of(1), Some(QueryError::Protocol(_))));
    assert_eq!(scene.core.crashes(), 1);
    // What it had not begun runs elsewhere.
    scene.core.ready(2, scene.now).unwrap();
    scene.begin(2, next);
}

#[test]
fn a_worker_that_was_dying_slowly_dies_of_its_own_cause() {
    let mut scene = Scene::ready(config(1));
    let key = scene.submit(1);
    scene.begin(1, key);
    scene.core.lost(1, scene.now);
    scene.pass(LINK_PATIENCE);
    scene.die(1, Exit::Code(3));
    scene.actions();
    let error = scene.error_of(1);
    assert!(matches!(error, Some(QueryError::Crashed(_))), "{error:?}");
}

#[test]
fn nothing_is_handed_to_a_worker_whose_link_has_ended() {
    let mut scene = Scene::ready(config(2));
    scene.core.lost(1, scene.now);
    scene.submit(1);
    assert!(scene.actions().contains("Hand(2"));
}

#[test]
fn a_worker_that_was_told_to_end_may_take_its_time() {
    let mut scene = Scene::ready(config(1));
    let waiter = scene.core.unspawn(scene.now);
    scene.core.lost(1, scene.now);
    scene.pass(LINK_PATIENCE);
    assert!(!scene.actions().contains("Kill"));
    scene.die(1, Exit::Code(0));
    assert!(scene.actions().contains("Note(Released(1))"));
    assert!(matches!(scene.result_of(waiter), Some(Ok(()))));
}
