//! A program whose workers are killed, some of them by a system that has run out of memory: that is
//! played by a file, whose path is the argument.

use pm_runtime::fault::{Fault, Faults, When};
use pm_runtime::{CrashReport, Event, QueryError, worker_query};
use rustix::process::{Signal, getpid, kill_process};

/// Has so many processes killed for memory, as the file tells, and dies by the same signal.
#[worker_query(workers = 1, max_crashes = None)]
fn die(file: &str, kills: u32) {
    std::fs::write(file, format!("oom_kill {kills}\n")).expect("it is writable");
    loop {
        let _ = kill_process(getpid(), Signal::KILL);
    }
}

fn say(report: &CrashReport) {
    let counts = report.blame.counts() && report.blame.is_of_query();
    println!("{:?} {counts}", report.blame);
}

#[pm_runtime::main]
async fn main() {
    let file = std::env::args().nth(1).expect("a file");
    let pool = DiePool::new();
    // What had been killed before is nobody's death, and each kill is that of one.
    for kills in [4, 4, 5] {
        match pool.query(&file, kills).await {
            Err(QueryError::Crashed(report)) => say(&report),
            other => panic!("{other:?}"),
        }
    }
    let crashes = pool.health().crashes;
    let faults = Faults::seeded(1).with(Fault::ExitAtBoot(9), When::at(1));
    let failing = DiePool::builder().max_crashes(0).faults(faults).build();
    let mut events = failing.events();
    assert!(failing.query(&file, 9).await.is_err());
    loop {
        if let Some(Event::Crashed(report)) = events.next().await {
            break say(&report);
        }
    }
    println!("{crashes} crashes");
}
