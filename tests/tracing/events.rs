//! What happens in a pool.

use pm_runtime::{worker, worker_query};
use tracing::{Level, subscriber};

use crate::recorder::Recorder;

#[worker_query(workers = 1)]
fn complain() {
    worker::report("the disk is nearly full");
}

#[pm_runtime::test]
async fn what_happens_in_a_pool_is_told() {
    let recorder = Recorder::new(Level::DEBUG);
    let _default = subscriber::set_default(recorder.clone());
    let pool = ComplainPool::new();
    pool.query().await.unwrap();
    pool.destroy().await;
    for (message, level) in [
        ("worker 1 was started", Level::DEBUG),
        ("worker 1 is ready", Level::DEBUG),
        ("worker 1 reports: the disk is nearly full", Level::WARN),
        ("worker 1 has ended as it was to", Level::DEBUG),
    ] {
        let said = recorder.wait_for(message);
        assert_eq!((said.level, said.target.as_str()), (level, "pm_runtime"));
        assert_eq!((&*said.fields["pool"], &*said.fields["worker"]), ("complain", "1"));
    }
}
