//! Workers that run one function each, to its end.

use super::*;
use crate::health::WorkerState;
use budget::BACKOFF_CAP;
use slot::Phase;

const CRASH: Exit = Exit::Signal(libc::SIGSEGV);
const KILLED: Exit = Exit::Signal(libc::SIGKILL);
const WELL: Exit = Exit::Code(0);

fn raw(workers: usize) -> Config {
    Config { raw: true, ..config(workers) }
}

impl Scene {
    fn leave(&mut self, worker: WorkerId) {
        self.core.leave(worker, self.now).unwrap();
    }

    /// Its function has returned an error.
    fn fail(&mut self, worker: WorkerId, exit: Exit) -> Result<(), QueryError> {
        self.core.failed(worker, self.now).unwrap();
        self.core.died(
            worker,
            Obituary { failure: Some("lost".into()), ..obituary(exit) },
            self.now,
        )
    }

    fn end_of(&mut self, worker: WorkerId, exit: Exit) -> Result<(), QueryError> {
        self.core.died(worker, obituary(exit), self.now)
    }

    fn become_ready(&mut self, worker: WorkerId) {
        self.core.ready(worker, self.now).unwrap();
    }

    /// Some worker that is not there to stay; else one that may leave.
    fn next_to_move(&self) -> Option<(WorkerId, Phase)> {
        let live = |slot: &&Slot| slot.is_live();
        let slots = &self.core.slots;
        let slot =
            slots.iter().find(|slot| !slot.is_live()).or_else(|| slots.iter().rfind(live))?;
        Some((slot.id, slot.phase.clone()))
    }

    fn state_of(&self, worker: WorkerId) -> WorkerState {
        self.core.view(worker).unwrap().state
    }

    /// How long after the death of this worker the next one was started.
    fn pause_after(&mut self, worker: WorkerId) -> Duration {
        self.die(worker, CRASH);
        self.actions();
        let mut pause = Duration::ZERO;
        while self.launched().is_empty() {
            let at = self.core.wake_at().unwrap();
            pause += at - self.now;
            self.pass(at - self.now);
            self.actions();
        }
        self.become_ready(worker + 1);
        pause
    }
}

fn cause(end: &Result<(), QueryError>) -> Option<&CrashCause> {
    match end {
        Err(QueryError::Crashed(report)) => Some(&report.cause),
        _ => None,
    }
}

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
fn what_is_killed_at_the_end_of_its_grace_was_released_and_has_not_crashed() {
    let mut scene = Scene::ready(raw(1));
    let waiter = scene.core.unspawn(scene.now);
    scene.pass(30 * SECOND);
    assert!(scene.actions().contains("Kill(1)"));
    assert_eq!(scene.end_of(1, KILLED), Err(QueryError::Released));
    let actions = scene.actions();
    assert!(actions.contains("Note(Released(1))") && !actions.contains("Crashed"), "{actions}");
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

#[test]
fn a_load_falls_to_nothing_at_least_and_grows_to_all_there_is_at_most() {
    let mut scene = Scene::ready(raw(1));
    for (delta, load) in [(2, 2), (-3, 0), (isize::MIN, 0), (5, 5), (-4, 1)] {
        scene.core.add_load(1, delta);
        assert_eq!(scene.core.load(1), load);
    }
    for _ in 0..3 {
        scene.core.add_load(1, isize::MAX);
    }
    assert_eq!(scene.core.load(1), usize::MAX);
    scene.core.add_load(2, 1);
    assert_eq!((scene.core.load(2), scene.core.is_quiet()), (0, true));
}

#[test]
fn the_queries_of_a_loaded_worker_are_added_to_what_the_application_counts() {
    let mut scene = Scene::ready(config(1));
    scene.core.add_load(1, isize::MAX);
    scene.core.add_load(1, isize::MAX);
    scene.core.add_load(1, 1);
    scene.submit(1);
    assert_eq!(scene.core.load(1), usize::MAX);
    scene.core.add_load(1, isize::MIN);
    scene.core.add_load(1, isize::MIN);
    assert_eq!(scene.core.load(1), 1);
}

#[test]
fn the_least_loaded_is_acquired_and_the_loaded_are_busy() {
    let mut scene = Scene::ready(raw(3));
    for (worker, load) in [(1, 2), (2, 1), (3, 3)] {
        assert_eq!(scene.state_of(worker), WorkerState::Idle);
        scene.core.add_load(worker, load);
        assert_eq!(scene.state_of(worker), WorkerState::Busy);
    }
    assert_eq!(scene.core.acquire(), Some(2));
    scene.core.add_load(2, 9);
    assert_eq!(scene.core.acquire(), Some(1));
    scene.leave(1);
    assert_eq!(scene.core.acquire(), Some(3));
}

#[test]
fn the_least_loaded_are_released_first() {
    let mut scene = Scene::ready(raw(3));
    for (worker, load) in [(1, 2), (2, 1), (3, 3)] {
        scene.core.add_load(worker, load);
    }
    scene.core.resize(2, scene.now);
    assert_eq!(scene.live(), [1, 3]);
    scene.core.respawn(None, scene.now);
    scene.become_ready(4);
    assert_eq!(scene.live(), [3, 4]);
}

#[test]
fn what_the_application_counts_keeps_no_released_worker() {
    let mut scene = Scene::ready(raw(2));
    scene.core.add_load(1, 7);
    scene.core.add_load(2, 7);
    scene.core.unspawn_one(1, scene.now);
    assert!(scene.actions().contains("End(1)"));
    let waiter = scene.core.destroy(scene.now);
    assert!(scene.actions().contains("End(2)"));
    scene.die(1, WELL);
    scene.die(2, WELL);
    scene.actions();
    assert_eq!(scene.result_of(waiter), Some(&Ok(())));
}

#[test]
fn workers_that_are_to_live_elsewhere_are_told_so_at_once() {
    let mut scene = Scene::ready(raw(2));
    scene.core.add_load(1, 1);
    scene.core.rehouse(scene.now);
    let actions = scene.actions();
    assert!(actions.contains("End(1)") && actions.contains("End(2)"), "{actions}");
    assert_eq!(scene.launched(), [3, 4]);
    // No time-out of a query bounds what they are at.
    scene.pass(30 * SECOND);
    assert!(scene.actions().contains("Kill(1)"));
}

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
