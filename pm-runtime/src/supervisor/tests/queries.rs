//! What becomes of queries.

use super::*;

#[test]
fn a_crash_fails_only_what_had_begun() {
    let mut scene = Scene::ready(config(1));
    let (first, _second) = (scene.submit(1), scene.submit(2));
    scene.begin(1, first);
    scene.die(1, Exit::Signal(libc::SIGSEGV));
    scene.actions();
    assert!(matches!(scene.error_of(1), Some(QueryError::Crashed(report)) if report.worker == 1));
    assert!(scene.error_of(2).is_none());
    assert_eq!(scene.launched(), [2]);
    scene.core.ready(2, scene.now).unwrap();
    let second = scene.core.slots[0].handed[0];
    scene.begin(2, second);
    assert_eq!(scene.end(2, second), Some(2));
}

#[test]
fn an_answer_that_is_there_wins_over_a_kill() {
    let mut scene = Scene::ready(config(1));
    let key = scene.submit(1);
    scene.begin(1, key);
    scene.pass(10 * SECOND);
    scene.core.gated(1, &[key], scene.now).unwrap();
    assert!(scene.actions().contains("Kill(1)"));
    assert_eq!(scene.end(1, key), Some(1));
    scene.die(1, Exit::Signal(libc::SIGKILL));
    scene.actions();
    assert!(scene.error_of(1).is_none());
}

#[test]
fn a_worker_that_finished_in_time_is_not_killed() {
    let mut scene = Scene::ready(config(1));
    let key = scene.submit(1);
    scene.begin(1, key);
    scene.pass(10 * SECOND);
    assert!(scene.actions().contains("ShutGate(1)"));
    assert_eq!(scene.end(1, key), Some(1));
    scene.core.gated(1, &[], scene.now).unwrap();
    let actions = scene.actions();
    assert!(actions.contains("OpenGate(1)") && !actions.contains("Kill"), "{actions}");
}

#[test]
fn a_worker_that_finished_and_confirms_late_is_not_killed() {
    let mut scene = Scene::ready(Config { concurrency: 2, ..config(1) });
    let slow = scene.submit(1);
    let innocent = scene.submit_with(2, None, None).unwrap();
    scene.begin(1, slow);
    scene.begin(1, innocent);
    scene.pass(10 * SECOND);
    assert_eq!(scene.end(1, slow), Some(1));
    scene.pass(GATE_PATIENCE);
    scene.core.gated(1, &[innocent], scene.now).unwrap();
    let actions = scene.actions();
    assert!(actions.contains("OpenGate(1)") && !actions.contains("Kill"), "{actions}");
}

#[test]
fn a_worker_that_never_confirms_is_killed() {
    let mut scene = Scene::ready(config(1));
    let key = scene.submit(1);
    scene.begin(1, key);
    scene.pass(10 * SECOND);
    scene.pass(GATE_PATIENCE);
    assert!(scene.actions().contains("Kill(1)"));
    scene.die(1, Exit::Signal(libc::SIGKILL));
    scene.actions();
    assert!(matches!(scene.error_of(1), Some(QueryError::TimedOut { worker: 1, .. })));
    assert_eq!(scene.core.crashes(), 0, "a time-out is no crash");
}

#[test]
fn neighbours_of_a_killed_query_may_be_retried() {
    let mut scene = Scene::ready(Config { concurrency: 2, ..config(1) });
    let (slow, other) = (scene.submit(1), scene.submit_with(2, None, None).unwrap());
    scene.begin(1, slow);
    scene.begin(1, other);
    scene.pass(10 * SECOND);
    scene.core.gated(1, &[slow, other], scene.now).unwrap();
    scene.die(1, Exit::Signal(libc::SIGKILL));
    scene.actions();
    assert!(matches!(scene.error_of(1), Some(QueryError::TimedOut { .. })));
    let Some(error @ QueryError::Crashed(report)) = scene.error_of(2) else {
        panic!("{:?}", scene.error_of(2))
    };
    assert!(error.is_retryable() && matches!(report.cause, CrashCause::TimedOut(_)));
}

#[test]
fn an_async_query_is_dropped_before_its_worker_is_accused() {
    let mut scene = Scene::ready(config(1));
    scene.conduct = Conduct::Async;
    let key = scene.submit(1);
    scene.begin(1, key);
    scene.pass(10 * SECOND);
    let actions = scene.actions();
    assert!(actions.contains("Drop(1") && !actions.contains("ShutGate"), "{actions}");
    scene.core.dropped(1, key, scene.now).unwrap();
    scene.actions();
    assert!(matches!(scene.error_of(1), Some(QueryError::TimedOut { .. })));
    assert_eq!(scene.live(), [1]);
}

#[test]
fn what_waits_behind_a_change_runs_where_nothing_does() {
    let mut scene = Scene::ready(Config { concurrency: 64, ..config(2) });
    scene.conduct = Conduct::Exclusive;
    let change = scene.submit(1);
    scene.begin(1, change);
    scene.conduct = Conduct::Async;
    scene.actions();
    let others: Vec<_> = (2..=5).map(|payload| scene.submit(payload)).collect();
    let actions = scene.actions();
    assert_eq!(actions.matches("Hand(2").count(), 4, "one that runs alone is busy: {actions}");
    for &other in &others {
        scene.begin(2, other);
    }
    // Behind four others, or one that runs alone, it has to wait.
    scene.conduct = Conduct::Exclusive;
    let second = scene.submit(6);
    assert!(scene.actions().contains("Hand(1"));
    for &other in &others {
        assert!(!scene.actions().contains("Recall("), "nobody could begin it");
        scene.end(2, other);
    }
    assert!(scene.actions().contains("Recall(1"), "the other worker is idle");
    scene.core.returned(1, second, scene.now).unwrap();
    assert!(scene.actions().contains("Hand(2"));
}

#[test]
fn what_changes_the_state_of_its_worker_is_never_dropped() {
    let mut scene = Scene::ready(config(1));
    scene.conduct = Conduct::Exclusive;
    let (cancelled, overdue) = (scene.submit(1), scene.submit(2));
    scene.begin(1, cancelled);
    scene.actions();
    scene.core.cancel(cancelled, scene.now);
    assert!(scene.actions().contains("Drop(1"), "it may want to know");
    assert!(scene.core.dropped(1, cancelled, scene.now).is_err(), "it runs on");
    assert_eq!(scene.end(1, cancelled), None);
    scene.begin(1, overdue);
    scene.pass(10 * SECOND);
    let actions = scene.actions();
    assert!(actions.contains("ShutGate(1)") && !actions.contains("Drop("), "{actions}");
}

#[test]
fn a_worker_whose_state_is_spoiled_is_replaced_and_that_counts_for_nothing() {
    let mut scene = Scene::ready(Config { max_crashes: Some(0), ..config(1) });
    scene.conduct = Conduct::Exclusive;
    let (first, second) = (scene.submit(1), scene.submit(2));
    scene.begin(1, first);
    scene.actions();
    scene.core.ended(1, first, End::Panicked, scene.now).unwrap();
    scene.core.catch_up(scene.now);
    let actions = scene.actions();
    assert!(actions.contains("Recycled(1)") && actions.contains("Launch(2)"), "{actions}");
    scene.core.returned(1, second, scene.now).unwrap();
    assert!(scene.actions().contains("End(1)"));
    scene.die(1, Exit::Code(0));
    scene.core.ready(2, scene.now).unwrap();
    assert!(scene.actions().contains("Hand(2"));
    assert_eq!(scene.core.crashes(), 0);
}

#[test]
fn a_worker_that_begins_nothing_is_killed_and_its_queries_run_elsewhere() {
    let mut scene = Scene::ready(config(1));
    let (first, second) = (scene.submit(1), scene.submit(2));
    scene.begin(1, first);
    scene.end(1, first);
    scene.pass(10 * SECOND);
    assert!(scene.actions().contains("ShutGate(1)"), "the wake after an answer is forgotten");
    scene.core.gated(1, &[], scene.now).unwrap();
    assert!(scene.actions().contains("Kill(1)"));
    scene.die(1, Exit::Signal(libc::SIGKILL));
    scene.core.ready(2, scene.now).unwrap();
    assert!(scene.actions().contains("Hand(2"));
    assert_eq!(scene.core.payload(second), Some(&2));
}

#[test]
fn an_idle_worker_gets_what_another_has_not_begun() {
    let mut scene = Scene::ready(config(1));
    let (first, second) = (scene.submit(1), scene.submit(2));
    scene.begin(1, first);
    scene.core.spawn(2, scene.now);
    scene.core.ready(2, scene.now).unwrap();
    assert!(scene.actions().contains(&format!("Recall(1, {second:?})")));
    scene.core.returned(1, second, scene.now).unwrap();
    assert!(scene.actions().contains(&format!("Hand(2, {second:?})")));
}

#[test]
fn what_is_given_back_keeps_its_turn() {
    let mut scene = Scene::ready(Config { ahead: 0, ..config(1) });
    scene.submit(1);
    scene.submit(2);
    scene.die(1, Exit::Code(1));
    let order: Vec<_> = scene.core.queries.lines()[0].iter().map(|query| query.payload).collect();
    assert_eq!(order, [1, 2]);
}

#[test]
fn limits_beyond_the_clock_are_none() {
    let endless = Config { boot_timeout: Duration::MAX, grace: Duration::MAX, ..config(1) };
    let mut scene = Scene::ready(endless);
    let running = scene.submit_with(1, Some(Duration::MAX), None).unwrap();
    let waiting = scene.submit_with(2, None, Some(Duration::MAX)).unwrap();
    scene.begin(1, running);
    scene.core.unspawn(scene.now);
    scene.core.returned(1, waiting, scene.now).unwrap();
    scene.pass(3600 * SECOND);
    scene.actions();
    assert!(scene.error_of(1).is_none() && scene.error_of(2).is_none());
}

#[test]
fn a_stopped_worker_does_not_keep_others_from_sharing() {
    let mut scene = Scene::ready(config(2));
    let keys: Vec<_> =
        (0..6).map(|payload| scene.submit_with(payload, None, None).unwrap()).collect();
    scene.begin(1, keys[0]);
    scene.begin(2, keys[1]);
    scene.core.spawn(3, scene.now);
    scene.core.ready(3, scene.now).unwrap();
    let asked = |actions: &str| actions.matches("Recall(").count();
    assert_eq!(asked(&scene.actions()), 1);
    scene.pass(RECALL_PATIENCE);
    assert_eq!(asked(&scene.actions()), 1, "the other one is asked");
    scene.pass(MS);
    assert_eq!(asked(&scene.actions()), 0);
}

#[test]
fn a_worker_that_denies_what_it_runs_is_killed_all_the_same() {
    let mut scene = Scene::ready(config(1));
    let key = scene.submit(1);
    scene.begin(1, key);
    scene.pass(10 * SECOND);
    scene.core.gated(1, &[], scene.now).unwrap();
    assert!(scene.actions().contains("OpenGate(1)"), "its end may be on the way");
    scene.pass(GATE_PATIENCE);
    assert!(scene.actions().contains("Kill(1)"));
}

#[test]
fn a_name_never_comes_back_after_a_burst() {
    let mut scene = Scene::new(config(1));
    let mut names = std::collections::BTreeSet::new();
    for _ in 0..3 {
        let burst: Vec<_> = (0..2000).map(|payload| scene.submit(payload)).collect();
        for &key in &burst {
            assert!(names.insert(key));
            scene.core.cancel(key, scene.now);
        }
    }
    assert!(scene.core.account().balances());
}

#[test]
fn a_begin_that_is_heard_of_late_times_out_as_if_it_had_been_heard_of_at_once() {
    let mut scene = Scene::ready(config(1));
    let key = scene.submit(1);
    let begun = scene.now + SECOND;
    // Nobody tells of it, but somebody looks when it may have run too long.
    let first_look = scene.now + 10 * SECOND;
    assert_eq!(scene.core.wake_at(), Some(first_look));
    scene.now = first_look;
    scene.core.begun_at(1, key, begun, scene.now).unwrap();
    scene.core.tick(scene.now);
    assert_eq!(scene.core.wake_at(), Some(begun + 10 * SECOND));
    assert!(!scene.actions().contains("ShutGate"));
    scene.now = begun + 10 * SECOND;
    scene.core.tick(scene.now);
    assert!(scene.actions().contains("ShutGate(1)"));
}

#[test]
fn a_begin_cannot_have_been_before_the_query_was_there_nor_in_the_future() {
    let mut scene = Scene::ready(config(1));
    let (early, late) = (scene.now - SECOND, scene.now + 100 * SECOND);
    let handed = scene.now;
    for at in [early, late] {
        let key = scene.submit(1);
        scene.core.begun_at(1, key, at, handed).unwrap();
        scene.core.tick(handed);
        assert_eq!(scene.core.wake_at(), Some(handed + 10 * SECOND));
        assert_eq!(scene.end(1, key), Some(1));
    }
}

#[test]
fn what_waits_behind_an_endless_query_wakes_nobody() {
    let mut scene = Scene::ready(config(1));
    let endless = scene.submit_with(1, None, None).unwrap();
    scene.submit(2);
    scene.begin(1, endless);
    scene.pass(10 * SECOND);
    assert_eq!(scene.core.wake_at(), None);
}
