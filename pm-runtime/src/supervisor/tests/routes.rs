//! Queries that are meant for certain workers.

use super::*;

#[test]
fn a_temporary_worker_runs_one_query_and_its_death_counts_nowhere() {
    let mut scene = Scene::ready(Config { max_crashes: Some(0), ..config(1) });
    let key = scene.submit_to(1, Route::Temporary).unwrap();
    scene.actions();
    assert_eq!(scene.launched(), [2]);
    scene.core.ready(2, scene.now).unwrap();
    assert!(scene.actions().contains(&format!("Hand(2, {key:?})")));
    scene.begin(2, key);
    let other = scene.submit(2);
    assert!(scene.actions().contains(&format!("Hand(1, {other:?})")));
    scene.die(2, Exit::Signal(libc::SIGSEGV));
    scene.actions();
    assert!(matches!(scene.error_of(1), Some(QueryError::Crashed(_))));
    assert_eq!((scene.core.crashes(), scene.launched()), (0, vec![]));
}

#[test]
fn temporary_workers_are_as_many_as_the_pool_at_most() {
    let mut scene = Scene::ready(config(1));
    let first = scene.submit_to(1, Route::Temporary).unwrap();
    let second = scene.submit_to(2, Route::Temporary).unwrap();
    scene.actions();
    assert_eq!(scene.launched(), [2]);
    scene.core.ready(2, scene.now).unwrap();
    scene.begin(2, first);
    assert_eq!(scene.end(2, first), Some(1));
    assert!(scene.actions().contains("End(2)"));
    scene.die(2, Exit::Code(0));
    scene.actions();
    assert_eq!(scene.launched(), [3]);
    scene.core.ready(3, scene.now).unwrap();
    assert!(scene.actions().contains(&format!("Hand(3, {second:?})")));
}

#[test]
fn a_temporary_worker_that_does_not_start_fails_its_query() {
    let mut scene = Scene::new(config(1));
    scene.submit_to(1, Route::Temporary);
    scene.actions();
    scene.die(1, Exit::Code(1));
    scene.actions();
    assert!(matches!(scene.error_of(1), Some(QueryError::Boot(BootError::Exited { .. }))));
    assert!(scene.launched().is_empty());
}

#[test]
fn a_temporary_worker_that_is_killed_before_it_is_ready_is_replaced() {
    let mut scene = Scene::new(config(1));
    let key = scene.submit_to(1, Route::Temporary).unwrap();
    scene.actions();
    scene.die(1, Exit::Signal(libc::SIGKILL));
    scene.actions();
    assert_eq!((scene.launched(), scene.error_of(1)), (vec![2], None), "the first one at once");
    scene.die(2, Exit::Signal(libc::SIGKILL));
    scene.actions();
    assert_eq!((scene.launched(), scene.error_of(1)), (vec![], None), "the next after a pause");
    scene.pass(100 * MS);
    scene.actions();
    assert_eq!(scene.launched(), [3]);
    scene.core.ready(3, scene.now).unwrap();
    assert!(scene.actions().contains(&format!("Hand(3, {key:?})")));
    assert_eq!(scene.core.crashes(), 0);
}

#[test]
fn a_temporary_worker_that_goes_wrong_before_it_is_ready_fails_its_query() {
    for exit in [Exit::Code(1), Exit::Signal(libc::SIGSEGV), Exit::Signal(libc::SIGABRT)] {
        let mut scene = Scene::new(config(1));
        scene.submit_to(1, Route::Temporary);
        scene.die(1, exit);
        scene.actions();
        assert!(matches!(scene.error_of(1), Some(QueryError::Boot(BootError::Exited { .. }))));
    }
}

#[test]
fn a_pinned_query_runs_on_its_worker_or_fails() {
    let mut scene = Scene::ready(Config { ahead: 0, ..config(2) });
    let running = scene.submit_to(1, Route::Worker(2)).unwrap();
    scene.begin(2, running);
    scene.submit_to(2, Route::Worker(2));
    let actions = scene.actions();
    assert!(!actions.contains("Hand(1"), "it waits for its own worker: {actions}");
    scene.die(2, Exit::Code(1));
    scene.actions();
    assert_eq!(scene.error_of(2), Some(&QueryError::WorkerGone));
    assert!(scene.submit_to(3, Route::Worker(2)).is_none());
    scene.actions();
    assert_eq!(scene.error_of(3), Some(&QueryError::WorkerGone));
    assert!(scene.core.account().balances());
}

#[test]
fn a_pinned_query_is_not_taken_back_for_an_idle_worker() {
    let mut scene = Scene::ready(config(2));
    let running = scene.submit_to(1, Route::Worker(1)).unwrap();
    scene.begin(1, running);
    scene.submit_to(2, Route::Worker(1));
    let actions = scene.actions();
    assert!(!actions.contains("Recall"), "{actions}");
}

#[test]
fn a_key_stays_with_its_worker_and_follows_to_another() {
    let mut scene = Scene::ready(Config { ahead: 1, ..config(2) });
    let of = Route::Key(7);
    let first = scene.submit_to(1, of).unwrap();
    let second = scene.submit_to(2, of).unwrap();
    let third = scene.submit_to(3, of).unwrap();
    let fourth = scene.submit_to(4, of).unwrap();
    let actions = scene.actions();
    for (worker, key) in [(1, first), (1, second), (2, third), (2, fourth)] {
        assert!(actions.contains(&format!("Hand({worker}, {key:?})")), "{actions}");
    }
}

#[test]
fn a_change_that_waits_for_its_worker_has_its_room_first() {
    let mut scene = Scene::ready(Config { concurrency: 2, ahead_bytes: 0, ..config(2) });
    let running = scene.submit_to(1, Route::Worker(1)).unwrap();
    scene.begin(1, running);
    scene.conduct = Conduct::Exclusive;
    let change = scene.submit_to(2, Route::Worker(1)).unwrap();
    scene.conduct = Conduct::Blocking;
    scene.actions();
    let others: Vec<_> = (3..=5).map(|payload| scene.submit(payload)).collect();
    let actions = scene.actions();
    assert!(!actions.contains("Hand(1"), "nobody overtakes the change: {actions}");
    assert_eq!(actions.matches("Hand(2").count(), 2, "{actions}");
    scene.end(1, running);
    assert!(scene.actions().contains(&format!("Hand(1, {change:?})")));
    scene.begin(1, change);
    scene.end(1, change);
    assert!(scene.actions().contains(&format!("Hand(1, {:?})", others[2])));
}

#[test]
fn a_change_that_is_pinned_stays_although_another_worker_is_idle() {
    let mut scene = Scene::ready(Config { concurrency: 2, ..config(2) });
    let running = scene.submit_to(1, Route::Worker(1)).unwrap();
    scene.begin(1, running);
    scene.conduct = Conduct::Exclusive;
    let change = scene.submit_to(2, Route::Worker(1)).unwrap();
    let actions = scene.actions();
    assert!(actions.contains(&format!("Hand(1, {change:?})")), "ahead: {actions}");
    assert!(!actions.contains("Recall("), "{actions}");
    scene.end(1, running);
    scene.begin(1, change);
    // A panic in it spoils the worker, and who waits for that one hears of it.
    scene.submit_to(3, Route::Worker(1));
    scene.actions();
    scene.core.ended(1, change, End::Panicked, scene.now).unwrap();
    scene.core.catch_up(scene.now);
    assert!(scene.actions().contains("Recycled(1)"));
    assert_eq!(scene.submit_to(4, Route::Worker(1)), None);
    scene.actions();
    assert!(matches!(scene.error_of(4), Some(QueryError::WorkerGone)));
}

#[test]
fn what_stands_behind_one_that_blocks_its_thread_goes_to_an_idle_worker() {
    let mut scene = Scene::ready(Config { concurrency: 64, one_thread: true, ..config(2) });
    for worker in [1, 2] {
        let blocks = scene.submit_to(worker, Route::Worker(worker.into())).unwrap();
        scene.begin(worker.into(), blocks);
    }
    scene.actions();
    scene.conduct = Conduct::Async;
    let looks: Vec<_> = (3..=6).map(|payload| scene.submit(payload)).collect();
    let actions = scene.actions();
    assert_eq!(actions.matches("Hand(1").count(), 2, "{actions}");
    assert!(!actions.contains("Recall("), "nobody is idle: {actions}");
    let blocks = scene.core.slots[1].begun[0];
    scene.end(2, blocks);
    for &look in &looks {
        if scene.core.slots[1].handed.contains(&look) {
            scene.begin(2, look);
            scene.end(2, look);
        }
    }
    let actions = scene.actions();
    assert_eq!(actions.matches("Recall(1").count(), 2, "{actions}");
}
