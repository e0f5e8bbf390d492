//! How long a worker has to live to prove that it is well.

use super::*;

#[test]
fn pauses_grow_with_quick_deaths_and_a_long_life_ends_that() {
    let mut scene = Scene::ready(Config { max_crashes: None, ..raw(1) });
    let pauses: Vec<Duration> = (1..=7).map(|worker| scene.pause_after(worker)).collect();
    assert_eq!(pauses[0], Duration::ZERO);
    for (pause, full) in pauses[1..].iter().zip([100, 200, 400, 800, 1600, 3200]) {
        assert!((full * MS / 2..=full * MS).contains(pause), "{pauses:?}");
    }
    scene.pass(BACKOFF_CAP - MS);
    assert!(scene.pause_after(8) >= 3200 * MS, "it has not lived for long enough");
    scene.pass(BACKOFF_CAP);
    assert_eq!(scene.pause_after(9), Duration::ZERO);
}

#[test]
fn a_long_boot_is_no_long_life() {
    let mut scene = Scene::ready(Config { boot_timeout: 60 * SECOND, ..raw(1) });
    scene.pause_after(1);
    scene.die(2, CRASH);
    scene.pass(SECOND);
    scene.pass(30 * SECOND);
    scene.actions();
    scene.become_ready(3);
    assert!(scene.pause_after(3) > Duration::ZERO);
}

#[test]
fn a_probe_that_lives_for_as_long_as_the_longest_pause_heals_the_pool() {
    // The timer for that depends on no other.
    let config = raw(2);
    let mut scene =
        Scene::ready(Config { max_crashes: Some(0), boot_timeout: 3600 * SECOND, ..config });
    scene.die(1, CRASH);
    scene.die(2, CRASH);
    scene.pass(BACKOFF_CAP);
    scene.actions();
    assert_eq!(scene.launched(), [3]);
    scene.pass(SECOND);
    scene.become_ready(3);
    let due = scene.now + BACKOFF_CAP;
    while scene.now < due - MS {
        let next = scene.core.wake_at().unwrap().min(due - MS);
        scene.pass(next - scene.now);
    }
    assert!(!scene.actions().contains("Healed"));
    assert_eq!((scene.core.wake_at(), scene.launched()), (Some(due), vec![]));
    scene.pass(MS);
    assert!(scene.actions().contains("Note(Healed(3))"));
    assert_eq!(scene.launched(), [4], "the pool gets its size again");
}

#[test]
fn a_probe_that_ends_before_heals_nothing() {
    for leaves in [false, true] {
        let mut scene = Scene::ready(Config { max_crashes: Some(0), ..raw(2) });
        scene.die(1, CRASH);
        scene.die(2, CRASH);
        scene.pass(BACKOFF_CAP);
        scene.become_ready(3);
        scene.pass(BACKOFF_CAP - MS);
        if leaves {
            scene.leave(3);
        }
        scene.die(3, if leaves { WELL } else { CRASH });
        scene.pass(BACKOFF_CAP - MS);
        assert!(!scene.actions().contains("Healed"));
        assert_eq!(scene.launched(), [3]);
    }
}

#[test]
fn nothing_ticks_while_raw_workers_are_at_work() {
    let mut scene = Scene::ready(raw(2));
    scene.core.add_load(1, 1);
    // The ends of their boots are the last thing that anybody waited for.
    scene.pass(3600 * SECOND);
    assert_eq!(scene.core.wake_at(), None);
    scene.leave(1);
    scene.die(1, WELL);
    scene.pass(3600 * SECOND);
    assert_eq!(scene.core.wake_at(), None);
}
