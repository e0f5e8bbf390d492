//! Whoever waits for workers hears of it, although others leave.

use super::*;

#[test]
fn who_waits_for_a_number_hears_when_those_that_stay_are_ready() {
    let mut scene = Scene::new(Config { boots_at_once: 2, ..raw(4) });
    let waiter = scene.core.spawn(4, scene.now);
    // Each has its work done before the others are there.
    for worker in 1..=3 {
        scene.become_ready(worker);
        scene.leave(worker);
        scene.die(worker, WELL);
        scene.actions();
        assert_eq!(scene.result_of(waiter), None, "worker 4 is still to come");
    }
    scene.become_ready(4);
    scene.actions();
    assert_eq!(scene.result_of(waiter), Some(&Ok(())));
}

#[test]
fn who_waits_for_a_number_hears_although_others_leave_during_a_pause() {
    let mut scene = Scene::ready(raw(3));
    scene.die(1, CRASH);
    scene.die(2, CRASH);
    let waiter = scene.core.spawn(3, scene.now);
    scene.become_ready(4);
    for worker in [4, 3] {
        scene.leave(worker);
        scene.die(worker, WELL);
    }
    scene.actions();
    assert_eq!((scene.result_of(waiter), scene.core.staying()), (None, 0));
    scene.pass(SECOND);
    scene.become_ready(5);
    scene.actions();
    assert_eq!(scene.result_of(waiter), Some(&Ok(())));
}

#[test]
fn who_asked_for_one_more_hears_of_it_although_others_leave() {
    let mut scene = Scene::ready(raw(2));
    let (waiter, worker) = scene.core.spawn_one(scene.now);
    scene.leave(1);
    scene.leave(2);
    scene.die(worker, Exit::Code(1));
    scene.die(1, WELL);
    scene.die(2, WELL);
    scene.actions();
    assert_eq!(scene.result_of(waiter), None);
    scene.become_ready(4);
    scene.actions();
    assert_eq!(scene.result_of(waiter), Some(&Ok(())));
}

#[test]
fn a_rolling_respawn_ends_although_workers_leave() {
    // Old ones, new ones, and all of them, in every order in which they may.
    for leavers in [&[1][..], &[2], &[1, 2], &[2, 1]] {
        for late in [false, true] {
            let mut scene = Scene::ready(raw(2));
            let waiter = scene.core.respawn(None, scene.now);
            scene.actions();
            assert_eq!(scene.launched(), [3, 4]);
            if late {
                scene.become_ready(3);
            }
            for &worker in leavers {
                scene.leave(worker);
            }
            while let Some((worker, phase)) = scene.next_to_move() {
                match phase {
                    Phase::Starting { .. } => scene.become_ready(worker),
                    Phase::Live if worker > 2 && leavers.len() > 1 => scene.leave(worker),
                    Phase::Live => break,
                    Phase::Releasing { .. } | Phase::Dying { .. } => scene.die(worker, WELL),
                }
            }
            let live = scene.live();
            assert!(live.iter().all(|&worker| worker > 2), "{live:?} live, of 2 to be replaced");
            assert!(scene.core.waiters.is_empty(), "waiter {waiter} waits for ever");
        }
    }
}

#[test]
fn a_replacement_that_leaves_at_once_takes_the_place_of_the_old_one_along() {
    let mut scene = Scene::ready(raw(1));
    let waiter = scene.core.respawn(None, scene.now);
    scene.become_ready(2);
    scene.leave(2);
    assert!(scene.actions().contains("End(1)"));
    scene.die(2, WELL);
    scene.die(1, WELL);
    scene.actions();
    assert_eq!((scene.result_of(waiter), scene.core.staying()), (Some(&Ok(())), 0));
}

#[test]
fn whoever_asks_for_the_end_of_raw_workers_hears_of_it() {
    let mut scene = Scene::ready(raw(3));
    let resized = scene.core.resize(2, scene.now);
    scene.leave(1);
    let one = scene.core.unspawn_one(2, scene.now);
    let all = scene.core.unspawn(scene.now);
    let destroyed = scene.core.destroy(scene.now);
    // None of them returns.
    scene.pass(30 * SECOND);
    for worker in 1..=3 {
        let _ = scene.end_of(worker, KILLED);
    }
    scene.actions();
    for waiter in [one, all, destroyed] {
        assert_eq!(scene.result_of(waiter), Some(&Ok(())));
    }
    assert_eq!(scene.core.waiters.len(), 0, "{resized} waits for ever");
}

#[test]
fn a_spent_budget_is_told_to_who_waits_when_the_last_worker_leaves() {
    let mut scene = Scene::ready(Config { max_crashes: Some(0), ..raw(3) });
    scene.die(1, CRASH);
    scene.die(2, CRASH);
    scene.leave(3);
    scene.die(3, WELL);
    assert!(scene.actions().contains("Note(BudgetExhausted(3))"));
    let waiter = scene.core.spawn(1, scene.now);
    scene.actions();
    let result = scene.result_of(waiter);
    assert!(matches!(result, Some(Err(SpawnError::BudgetExhausted { .. }))), "{result:?}");
}
