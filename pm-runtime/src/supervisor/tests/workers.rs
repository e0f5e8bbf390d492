//! What becomes of workers: budget, respawn, release, destroy.

use super::*;

#[test]
fn the_fifth_crash_is_forgiven() {
    let mut scene = Scene::ready(config(1));
    scene.crash_in_a_row(5);
    scene.submit(1);
    scene.actions();
    assert!(scene.error_of(1).is_none());
}

#[test]
fn the_sixth_crash_is_not_forgiven() {
    let mut scene = Scene::ready(config(1));
    scene.crash_in_a_row(5);
    scene.actions();
    scene.core.ready(6, scene.now).unwrap();
    scene.die(6, Exit::Signal(libc::SIGSEGV));
    assert!(scene.submit_with(1, None, None).is_none());
    scene.actions();
    assert!(matches!(scene.error_of(1), Some(QueryError::BudgetExhausted { crashes: 6, .. })));
    assert!(scene.launched().is_empty());
}

#[test]
fn the_first_answer_of_a_probe_heals_the_pool() {
    let mut scene = Scene::ready(Config { max_crashes: Some(0), ..config(1) });
    scene.die(1, Exit::Code(1));
    scene.pass(9 * SECOND);
    scene.actions();
    assert!(scene.launched().is_empty(), "a probe too early");
    scene.pass(SECOND);
    scene.actions();
    assert_eq!(scene.launched(), [2]);
    scene.core.ready(2, scene.now).unwrap();
    let key = scene.submit(1);
    scene.begin(2, key);
    scene.end(2, key);
    assert!(scene.actions().contains("Healed(2)"));
}

#[test]
fn the_first_answer_after_all_was_forgiven_heals_the_pool() {
    let mut scene = Scene::ready(Config { max_crashes: Some(0), ..config(1) });
    scene.die(1, Exit::Code(1));
    assert!(scene.actions().contains("BudgetExhausted(1)"));
    scene.core.forgive(scene.now);
    assert!(!scene.actions().contains("Healed"), "nobody has had an answer");
    assert_eq!(scene.launched(), [2]);
    scene.core.ready(2, scene.now).unwrap();
    for told in [true, false] {
        let key = scene.submit(1);
        scene.begin(2, key);
        scene.end(2, key);
        assert_eq!(scene.actions().contains("Healed(2)"), told);
    }
}

#[test]
fn a_spent_budget_recovers_as_crashes_grow_old() {
    let mut scene = Scene::ready(Config { max_crashes: Some(0), ..config(2) });
    scene.die(1, Exit::Code(1));
    scene.actions();
    assert!(scene.launched().is_empty());
    scene.pass(1800 * SECOND);
    scene.actions();
    assert_eq!(scene.launched(), [3]);
}

#[test]
fn later_crashes_keep_a_budget_spent() {
    let now = Instant::now();
    let report = || {
        let mut scene = Scene::ready(config(1));
        scene.die(1, Exit::Code(1));
        scene.core.last_crash().unwrap().clone()
    };
    let mut budget = Budget::new(Some(1), Some(60 * SECOND), 1);
    for at in [0, 1, 50, 51] {
        budget.record(report(), now + at * SECOND);
    }
    assert!(budget.is_spent(now + 70 * SECOND), "the latest crashes are the ones that count");
}

#[test]
fn a_signal_from_outside_is_no_crash() {
    let mut scene = Scene::ready(config(1));
    scene.die(1, Exit::Signal(libc::SIGKILL));
    scene.actions();
    assert_eq!((scene.core.crashes(), scene.launched()), (0, vec![2]));
}

#[test]
fn what_a_query_does_to_its_memory_is_a_crash() {
    let limit = Limit::Memory(1 << 20);
    let (abort, kill) = (Exit::Signal(libc::SIGABRT), Exit::Signal(libc::SIGKILL));
    let of_limit = Obituary { limit: Some(limit), ..obituary(abort) };
    let of_system = Obituary { oom_killed: true, ..obituary(kill) };
    for (obituary, blame) in [(of_limit, Blame::Limit(limit)), (of_system, Blame::Memory)] {
        let mut scene = Scene::ready(config(1));
        let died = scene.core.died(1, obituary, scene.now);
        assert!(matches!(died, Err(QueryError::Crashed(report)) if report.blame == blame));
        assert_eq!(scene.core.crashes(), 1);
    }
}

#[test]
fn whoever_waits_for_workers_hears_of_a_spent_budget() {
    let mut scene = Scene::ready(Config { max_crashes: Some(0), ..config(2) });
    let waiter = scene.core.spawn(3, scene.now);
    scene.die(1, Exit::Code(1));
    scene.die(3, Exit::Code(1));
    scene.actions();
    let result = scene.result_of(waiter);
    assert!(matches!(result, Some(Err(SpawnError::BudgetExhausted { .. }))), "{result:?}");
    assert_eq!(scene.live(), [2], "live ones serve on");
}

#[test]
fn a_rolling_respawn_keeps_the_capacity() {
    let mut scene = Scene::ready(Config { boots_at_once: 1, ..config(2) });
    let waiter = scene.core.respawn(None, scene.now);
    for new in [3, 4] {
        assert_eq!(scene.live().len(), 2);
        scene.core.ready(new, scene.now).unwrap();
        let actions = scene.actions();
        assert_eq!(actions.matches("End(").count(), 1, "{actions}");
    }
    assert_eq!(scene.live(), [3, 4]);
    scene.die(1, Exit::Code(0));
    scene.die(2, Exit::Code(0));
    scene.actions();
    assert_eq!(scene.result_of(waiter), Some(&Ok(())));
}

#[test]
fn one_worker_is_replaced_and_no_other() {
    let mut scene = Scene::ready(config(2));
    let waiter = scene.core.respawn_one(2, scene.now);
    let actions = scene.actions();
    assert!(actions.contains("Launch(3)"), "{actions}");
    assert_eq!(scene.live(), [1, 2], "it serves until another is ready");
    scene.core.ready(3, scene.now).unwrap();
    assert_eq!(scene.actions().matches("End(").count(), 1);
    assert_eq!(scene.live(), [1, 3]);
    assert_eq!(scene.result_of(waiter), None);
    scene.die(2, Exit::Code(0));
    scene.actions();
    assert_eq!(scene.result_of(waiter), Some(&Ok(())));
    for gone in [2, 99] {
        let waiter = scene.core.respawn_one(gone, scene.now);
        scene.actions();
        assert_eq!(scene.result_of(waiter), Some(&Ok(())), "there is nothing to do");
    }
    assert_eq!(scene.live(), [1, 3]);
}

#[test]
fn one_that_was_not_ready_yet_is_replaced_too() {
    let mut scene = Scene::ready(config(1));
    scene.core.spawn(2, scene.now);
    scene.actions();
    let waiter = scene.core.respawn_one(2, scene.now);
    let actions = scene.actions();
    assert!(actions.contains("Kill(2)") && actions.contains("Launch(3)"), "{actions}");
    scene.core.ready(3, scene.now).unwrap();
    scene.die(2, Exit::Signal(libc::SIGKILL));
    scene.actions();
    assert_eq!(scene.result_of(waiter), Some(&Ok(())));
    assert_eq!(scene.live(), [1, 3]);
}

#[test]
fn a_failed_rolling_respawn_keeps_the_old_workers() {
    let mut scene = Scene::ready(config(2));
    let waiter = scene.core.respawn(None, scene.now);
    assert!(scene.actions().contains("Launch(4)"));
    scene.die(3, Exit::Code(1));
    let actions = scene.actions();
    assert!(matches!(scene.result_of(waiter), Some(Err(SpawnError::Boot(_)))));
    assert!(actions.contains("Kill(4)"), "the other replacement is not needed: {actions}");
    assert!(scene.launched().is_empty());
    assert_eq!(scene.live(), [1, 2]);
}

#[test]
fn what_an_earlier_respawn_has_started_fails_no_later_one() {
    let mut scene = Scene::ready(config(2));
    let first = scene.core.respawn(None, scene.now);
    for worker in [3, 4] {
        scene.core.violated(worker, "no frame", scene.now);
    }
    scene.die(3, Exit::Signal(libc::SIGKILL));
    scene.actions();
    assert!(matches!(scene.result_of(first), Some(Err(SpawnError::Boot(_)))));
    let second = scene.core.respawn(None, scene.now);
    scene.die(4, Exit::Signal(libc::SIGKILL));
    scene.pass(SECOND);
    scene.actions();
    assert_eq!(scene.result_of(second), None);
    let new: Vec<WorkerId> = scene.launched().into_iter().filter(|&worker| worker > 4).collect();
    for worker in new {
        scene.core.ready(worker, scene.now).unwrap();
    }
    scene.die(1, Exit::Code(0));
    scene.die(2, Exit::Code(0));
    scene.actions();
    assert_eq!(scene.result_of(second), Some(&Ok(())));
}

#[test]
fn a_permanent_boot_error_is_told_at_once() {
    let mut scene = Scene::new(config(1));
    let waiter = scene.core.spawn(1, scene.now);
    scene.submit(1);
    let error = BootError::UnknownEntry { entry: "x".into() };
    scene.die_of(1, Exit::Code(1), Some(error.clone()));
    scene.actions();
    assert_eq!(scene.error_of(1), Some(&QueryError::Boot(error.clone())));
    assert_eq!(scene.result_of(waiter), Some(&Err(SpawnError::Boot(error))));
    assert_eq!(scene.core.crashes(), 0);
}

#[test]
fn a_worker_that_is_told_to_end_before_it_can_decline_fails_nothing() {
    let mut scene = Scene::new(Config { max_crashes: Some(0), ..config(1) });
    let term = Exit::Signal(libc::SIGTERM);
    scene.submit(1);
    scene.submit_to(2, Route::Temporary);
    scene.core.destroy(scene.now);
    scene.die(1, term);
    scene.die(2, term);
    scene.actions();
    assert_eq!(scene.launched(), [1, 2, 3, 4]);
    assert!(scene.error_of(1).is_none() && scene.error_of(2).is_none());
    assert_eq!(scene.core.crashes(), 0);
    scene.core.ready(3, scene.now).unwrap();
    scene.core.ready(4, scene.now).unwrap();
    let actions = scene.actions();
    assert!(actions.contains("Hand(3") && actions.contains("Hand(4"), "{actions}");
}

#[test]
fn who_asks_for_one_more_gets_one_that_lives() {
    let mut scene = Scene::ready(config(1));
    let (waiter, worker) = scene.core.spawn_one(scene.now);
    scene.die(worker, Exit::Code(1));
    scene.actions();
    assert_eq!((worker, scene.launched()), (2, vec![2, 3]));
    scene.core.ready(3, scene.now).unwrap();
    scene.actions();
    assert_eq!(scene.result_of(waiter), Some(&Ok(())));
    assert_eq!(scene.core.stand_in(worker), 3);
}

#[test]
fn garbage_in_the_handshake_is_a_failed_boot() {
    let mut scene = Scene::ready(config(1));
    let waiter = scene.core.respawn(None, scene.now);
    scene.core.violated(2, "no frame", scene.now);
    scene.die(2, Exit::Signal(libc::SIGKILL));
    scene.actions();
    let result = scene.result_of(waiter);
    assert!(matches!(result, Some(Err(SpawnError::Boot(BootError::Protocol { .. })))));
}

#[test]
fn a_released_worker_gives_back_what_it_has_not_begun() {
    let mut scene = Scene::ready(config(1));
    let (first, second) = (scene.submit(1), scene.submit(2));
    scene.begin(1, first);
    scene.core.unspawn(scene.now);
    scene.core.returned(1, second, scene.now).unwrap();
    scene.actions();
    assert_eq!(scene.launched(), [2], "a query that waits starts workers again");
    assert_eq!(scene.end(1, first), Some(1));
    assert!(scene.actions().contains("End(1)"));
}

#[test]
fn what_outlives_the_grace_of_destroy_is_killed_and_the_rest_refused() {
    let mut scene = Scene::ready(config(1));
    let first = scene.submit_with(1, None, None).unwrap();
    scene.submit(2);
    scene.begin(1, first);
    let waiter = scene.core.destroy(scene.now);
    scene.pass(30 * SECOND);
    assert!(scene.actions().contains("ShutGate(1)"));
    scene.core.gated(1, &[first], scene.now).unwrap();
    scene.die(1, Exit::Signal(libc::SIGKILL));
    scene.actions();
    assert_eq!(scene.error_of(1), Some(&QueryError::Released));
    assert_eq!(scene.error_of(2), Some(&QueryError::Destroyed));
    assert_eq!(scene.result_of(waiter), Some(&Ok(())));
    assert!(scene.core.account().balances());
}

#[test]
fn spawn_one_of_a_destroyed_pool_says_so() {
    let mut scene = Scene::ready(config(1));
    scene.submit(1);
    scene.core.destroy(scene.now);
    let (waiter, _) = scene.core.spawn_one(scene.now);
    scene.actions();
    assert_eq!(scene.result_of(waiter), Some(&Err(SpawnError::Destroyed)));
}

#[test]
fn the_end_of_a_grace_does_not_make_the_timer_spin() {
    let mut scene = Scene::ready(config(1));
    let key = scene.submit_with(1, None, None).unwrap();
    scene.begin(1, key);
    scene.core.destroy(scene.now);
    scene.pass(30 * SECOND);
    assert!(scene.core.wake_at().is_some_and(|at| at > scene.now));
}

#[test]
fn workers_that_are_to_live_elsewhere_end_what_they_run_and_begin_nothing() {
    let mut scene = Scene::ready(Config { grace: SECOND, ..config(2) });
    let (running, handed) = (scene.submit(1), scene.submit(2));
    scene.begin(1, running);
    scene.core.rehouse(scene.now);
    assert!(scene.actions().contains(&format!("Recall(2, {handed:?})")));
    assert_eq!(scene.launched(), [3, 4]);
    scene.core.returned(2, handed, scene.now).unwrap();
    for worker in [3, 4] {
        scene.core.ready(worker, scene.now).unwrap();
    }
    assert!(scene.actions().contains(&format!("Hand(3, {handed:?})")));
    // The grace is over, but its own time-out is all that counts.
    scene.pass(9 * SECOND);
    assert!(!scene.actions().contains("ShutGate"));
    scene.end(1, running);
    assert!(scene.actions().contains("End(1)"));
}
