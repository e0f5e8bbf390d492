//! Queries that run again because their workers died.

use super::*;

const CRASH: Exit = Exit::Signal(libc::SIGSEGV);

impl Scene {
    /// One query that may run so often once more, in its worker.
    fn with_retries(&mut self, retries: u32, route: Route) -> QueryKey {
        let submission = Submission { timeout: Some(10 * SECOND), route, retries, ..submission(1) };
        self.core.submit(submission, None, self.now).unwrap()
    }
}

#[test]
fn each_run_has_the_whole_timeout_and_no_more() {
    let mut scene = Scene::ready(config(1));
    let key = scene.with_retries(1, Route::Any);
    scene.begin(1, key);
    scene.core.extended(1, key, 3600 * SECOND).unwrap();
    scene.pass(100 * SECOND);
    scene.die(1, CRASH);
    scene.pass(SECOND);
    scene.core.ready(2, scene.now).unwrap();
    assert!(scene.actions().contains("Hand(2"));
    let (_, terms, timeout) = scene.core.handing(key).unwrap();
    assert_eq!((terms.attempt, timeout), (2, 10_000_000_000));
    scene.begin(2, key);
    scene.pass(10 * SECOND);
    assert!(scene.actions().contains("ShutGate(2)"), "{:?}", scene.seen);
}
