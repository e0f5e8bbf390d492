//! Where what workers say comes from: targets and names, whatever they make up.

use pm_runtime::worker_query;
use tracing::{Instrument, Level, info, info_span, subscriber};

use crate::recorder::Recorder;

/// As one does that logs under the names of its users.
fn greet(users: std::ops::Range<u32>) {
    for number in users {
        log::info!(target: &format!("user {number}"), "hello");
    }
}

#[worker_query(workers = 1)]
fn many_targets(from: u32, to: u32) {
    greet(from..to);
}

#[worker_query(workers = 1)]
fn few_targets() {
    info!(target: "app", "from another pool");
}

#[pm_runtime::test]
async fn pools_with_many_targets_leave_callsites_to_others_however_often_they_begin_anew() {
    let recorder = Recorder::new(Level::INFO);
    let _default = subscriber::set_default(recorder.clone());
    for round in 0..9 {
        let pool = ManyTargetsPool::new();
        pool.query(round * 512, (round + 1) * 512).await.unwrap();
        pool.destroy().await;
    }
    FewTargetsPool::new().query().await.unwrap();
    assert_eq!(recorder.wait_for("from another pool").target, "app");
}

#[worker_query(workers = 1)]
fn gossip() {
    greet(10_000..11_000);
    log::info!(target: "gossip", "whispered");
    info!(target: "app", "spoken");
}

#[pm_runtime::test]
async fn filters_by_target_hold_however_many_targets_there_are() {
    for unwanted in ["gossip", "pm_runtime"] {
        let recorder = Recorder::new(Level::INFO).without(unwanted);
        let _default = subscriber::set_default(recorder.clone());
        let pool = GossipPool::new();
        pool.query().instrument(info_span!("caller")).await.unwrap();
        pool.destroy().await;
        recorder.look(|tree| {
            assert_eq!(tree.said("whispered").is_some(), unwanted != "gossip");
            assert_eq!(tree.said("spoken").unwrap().fields["target"], "app");
        });
    }
}

#[worker_query(workers = 1)]
fn forge(target: &str) {
    log::warn!(target: target, "told under a name");
}

#[pm_runtime::test]
async fn names_that_a_worker_makes_up_are_one_line_without_control_characters() {
    let recorder = Recorder::new(Level::INFO);
    let _default = subscriber::set_default(recorder.clone());
    ForgePool::new().query("app\nERROR app: forged\x1b[2J").await.unwrap();
    // `tracing-subscriber` escapes some in messages, and none in targets.
    let said = recorder.wait_for("told under a name");
    assert_eq!(said.target, r"app\nERROR app: forged\u{1b}[2J");
}
