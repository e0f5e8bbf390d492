//! What is said to every worker.

use super::*;

const CRASH: Exit = Exit::Signal(libc::SIGSEGV);

impl Scene {
    /// A worker is told what is said to all.
    fn tell(&mut self, worker: WorkerId) -> QueryKey {
        self.core.replay(worker, submission(100), self.now).unwrap()
    }

    /// A worker has set itself up, and hears what is said to all.
    fn ready_and_told(&mut self, worker: WorkerId) {
        self.core.ready(worker, self.now).unwrap();
        assert!(self.actions().contains("Replay("));
        let key = self.tell(worker);
        self.begin(worker, key);
        self.end(worker, key);
    }
}

#[test]
fn to_have_heard_something_proves_nothing() {
    let mut scene = Scene::ready(config(1));
    scene.core.broadcast(0, scene.now);
    let mut worker = 1;
    for crash in 0..6 {
        scene.actions();
        scene.die(worker, CRASH);
        scene.actions();
        worker += 1;
        if crash == 1 {
            assert!(scene.launched().is_empty(), "the second start in a row waits");
        }
        while scene.core.slots.is_empty() {
            scene.pass(SECOND);
        }
        assert!(!scene.core.exhausted || crash == 5);
        scene.ready_and_told(worker);
    }
    // It was a probe, and nobody's query was answered by now.
    assert!(scene.core.slots[0].probe);
    assert!(!scene.actions().contains("Healed"));
}

#[test]
fn what_is_refused_is_still_said_to_a_worker_that_comes() {
    let mut scene = Scene::ready(Config { quarantine: Some(1), ..config(2) });
    scene.core.broadcast(0, scene.now);
    let key = scene.submit(1);
    scene.begin(1, key);
    scene.die(2, CRASH);
    scene.core.ready(3, scene.now).unwrap();
    let replay = scene.tell(3);
    scene.actions();
    let particulars =
        Particulars { print: Some(Fingerprint(7)), twins: vec![replay], ..Default::default() };
    let obituary = Obituary { begun: [(key, particulars)].into(), ..obituary(CRASH) };
    let _ = scene.core.died(1, obituary, scene.now);
    assert_eq!(scene.core.quarantined(), 1);
    let actions = scene.actions();
    assert!(!actions.contains("Recall("), "{actions}");
}

#[test]
fn a_temporary_worker_that_dies_of_it_has_begun_nothing() {
    let mut scene = Scene::ready(config(1));
    scene.core.broadcast(0, scene.now);
    scene.submit_to(1, Route::Temporary).unwrap();
    scene.submit_to(2, Route::Temporary).unwrap();
    for worker in 2..=3 {
        scene.core.ready(worker, scene.now).unwrap();
        let key = scene.tell(worker);
        scene.begin(worker, key);
        scene.actions();
        scene.die(worker, Exit::Signal(libc::SIGKILL));
    }
    scene.actions();
    assert!(scene.launched().is_empty(), "the next start waits");
}
