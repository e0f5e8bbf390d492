//! Cancelled queries that only the death of their worker ends.

use super::*;

fn killing() -> Config {
    Config { cancel: Cancel::Kill, ..config(1) }
}

#[test]
fn a_cancelled_query_is_killed_with_its_worker_which_is_replaced_and_no_crash() {
    let mut scene = Scene::ready(killing());
    let key = scene.submit(1);
    scene.begin(1, key);
    scene.core.cancel(key, scene.now);
    assert!(scene.actions().contains("ShutGate(1)"));
    scene.core.gated(1, &[key], scene.now).unwrap();
    assert!(scene.actions().contains("Kill(1)"));
    assert_eq!(scene.launched(), [2]);
    scene.die(1, Exit::Signal(libc::SIGKILL));
    let actions = scene.actions();
    assert!(actions.contains("Note(Cancelled(1))"), "{actions}");
    assert!(!actions.contains("Crashed"), "{actions}");
    assert_eq!(scene.core.crashes(), 0);
    assert_eq!(scene.core.account().cancelled, 1);
    assert_eq!(scene.core.detached(), 0);
}

#[test]
fn a_query_that_was_answered_a_moment_ago_costs_nobody_its_life() {
    let mut scene = Scene::ready(killing());
    let (key, next) = (scene.submit(1), scene.submit(2));
    scene.begin(1, key);
    scene.core.cancel(key, scene.now);
    // Its end and the begin of the next are on their way.
    assert_eq!(scene.end(1, key), None);
    scene.begin(1, next);
    scene.core.gated(1, &[next], scene.now).unwrap();
    let actions = scene.actions();
    assert!(actions.contains("OpenGate(1)") && !actions.contains("Kill"), "{actions}");
    assert_eq!(scene.end(1, next), Some(2));
}

#[test]
fn a_query_that_begins_after_it_was_cancelled_is_killed_too() {
    let mut scene = Scene::ready(killing());
    let key = scene.submit(1);
    scene.core.cancel(key, scene.now);
    assert!(!scene.actions().contains("ShutGate"));
    scene.begin(1, key);
    assert!(scene.actions().contains("ShutGate(1)"));
}

#[test]
fn an_async_query_is_dropped_and_its_worker_serves_on() {
    let mut scene = Scene::ready(killing());
    scene.conduct = Conduct::Async;
    let key = scene.submit(1);
    scene.begin(1, key);
    scene.core.cancel(key, scene.now);
    let actions = scene.actions();
    assert!(actions.contains("Drop(1") && !actions.contains("ShutGate"), "{actions}");
}

#[test]
fn an_async_query_that_is_cancelled_at_its_timeout_has_time_to_be_dropped() {
    for confirms in [true, false] {
        let mut scene = Scene::ready(config(1));
        scene.conduct = Conduct::Async;
        let key = scene.submit(1);
        scene.begin(1, key);
        scene.now += 10 * SECOND;
        scene.core.cancel(key, scene.now);
        scene.pass(SECOND / 2);
        let actions = scene.actions();
        assert_eq!(actions.matches("Drop(1").count(), 1, "{actions}");
        assert!(!actions.contains("ShutGate"), "{actions}");
        if confirms {
            scene.core.dropped(1, key, scene.now).unwrap();
        }
        scene.pass(SECOND);
        assert_eq!(scene.actions().contains("ShutGate(1)"), !confirms);
    }
}

#[test]
fn a_change_of_state_is_killed_with_the_state() {
    let mut scene = Scene::ready(killing());
    scene.conduct = Conduct::Exclusive;
    let key = scene.submit(1);
    scene.begin(1, key);
    scene.core.cancel(key, scene.now);
    assert!(scene.actions().contains("ShutGate(1)"));
}
