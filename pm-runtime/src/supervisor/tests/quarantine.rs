//! Queries that kill their workers, as callers come upon them.

use super::*;

const CRASH: Exit = Exit::Signal(libc::SIGSEGV);
const PRINT: Fingerprint = Fingerprint(7);

impl Scene {
    /// A query with those bytes.
    fn submit_bytes(&mut self, payload: u32) -> Option<QueryKey> {
        self.core.submit(submission(payload), Some(PRINT), self.now)
    }

    /// It has killed a worker.
    fn die_by(&mut self, worker: WorkerId, key: QueryKey) {
        let particulars = Particulars { print: Some(PRINT), ..Default::default() };
        let obituary = Obituary { begun: [(key, particulars)].into(), ..obituary(CRASH) };
        let _ = self.core.died(worker, obituary, self.now);
        self.pass(SECOND);
    }
}

#[test]
fn a_window_may_be_longer_than_any_clock() {
    let mut scene = Scene::ready(Config { crash_window: Some(Duration::MAX), ..config(1) });
    for worker in 1..=2 {
        let key = scene.submit_bytes(1).unwrap();
        scene.begin(worker, key);
        scene.die_by(worker, key);
        scene.core.ready(worker + 1, scene.now).unwrap();
    }
}

#[test]
fn who_has_killed_is_no_suspect_when_that_is_out_of_the_window() {
    let mut scene = Scene::ready(Config { concurrency: 4, ..config(1) });
    let key = scene.submit_bytes(1).unwrap();
    scene.begin(1, key);
    scene.die_by(1, key);
    scene.core.ready(2, scene.now).unwrap();
    scene.pass(1800 * SECOND);
    for alone in [true, false] {
        let key = scene.submit_bytes(2).unwrap();
        let (_, terms, _) = scene.core.handing(key).unwrap();
        assert_eq!(terms.alone, alone);
        scene.begin(2, key);
        scene.end(2, key);
    }
}

#[test]
fn what_is_forgiven_waits_for_no_pause() {
    let mut scene = Scene::ready(config(1));
    scene.submit_to(1, Route::Temporary).unwrap();
    for worker in 2..6 {
        scene.die(worker, Exit::Signal(libc::SIGKILL));
        while scene.core.slots.len() == 1 && worker < 5 {
            scene.pass(SECOND);
        }
    }
    scene.actions();
    assert_eq!(scene.core.slots.len(), 1, "the next one waits");
    scene.core.forgive(scene.now);
    scene.actions();
    assert_eq!(scene.launched(), [6]);
}

#[test]
fn twins_are_found_once_for_all_that_have_the_same_bytes() {
    let mut scene = Scene::ready(Config { concurrency: 4, ..config(1) });
    // Those that are alike modulo 10.
    let keys: Vec<QueryKey> = [11, 22, 21, 5, 12, 33, 1].map(|bytes| scene.submit(bytes)).into();
    let order = |one: &u32, other: &u32| (one % 10).cmp(&(other % 10));
    let mut twins: Vec<u32> = Vec::new();
    for (one, twin) in scene.core.twins(keys[..3].iter().copied(), order) {
        let bytes = |key| *scene.core.payload(key).unwrap();
        assert!(keys[..3].contains(&one) && one != twin);
        assert_eq!(bytes(one) % 10, bytes(twin) % 10);
        twins.push(bytes(twin));
    }
    // Of two that are asked for, and alike, one has the other among its twins.
    assert!(twins.len() == 3 && twins.contains(&12) && twins.contains(&1), "{twins:?}");
    assert_eq!(scene.core.twins([], order), []);
}
