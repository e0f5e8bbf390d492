//! An operator's socket at which nobody asks uses no CPU.

use std::time::Duration;

use pm_runtime::operator::protocol::Done;
use pm_tests::switches;

use crate::program::{Place, Program};

/// The counters are of the kernel, so the time between the two readings is what the claim is about.
#[test]
fn no_thread_wakes_within_five_seconds_for_clients_that_are_silent() {
    let place = Place::new("idle");
    let program = Program::start(&place);
    let mut clients = [program.client(), program.client()];
    clients[0].state();
    assert_eq!(clients[1].done(r#"{"do":"events"}"#), Done::Events);
    let application = [program.child.id()];
    // What the start leaves behind ends: timers of the workers' boot, the last answer.
    let mut before = switches(&application);
    for _ in 0..20 {
        std::thread::sleep(Duration::from_secs(1));
        let now = switches(&application);
        if now == before {
            break;
        }
        before = now;
    }
    std::thread::sleep(Duration::from_secs(5));
    let now = switches(&application);
    // A worker's boot has a deadline, which is forgotten when it comes: the thread of the pools may wake
    // for it once, and nobody else.
    let woken: Vec<_> =
        now.iter().filter(|(thread, count)| before.get(thread) != Some(count)).collect();
    let others = woken.iter().filter(|((_, name), _)| !name.contains("pm-runtime"));
    assert_eq!(others.count(), 0, "{woken:#?}");
}
