//! What other programs do on this machine.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

/// How much of the cores' time others take, from 0 to 1, while this program does nothing for a
/// moment; 0 where the kernel does not tell.
pub(crate) fn busy_share() -> f64 {
    let before = ticks();
    sleep(Duration::from_millis(500));
    match (before, ticks()) {
        (Some((idle, all)), Some((idle_now, all_now))) if all_now > all => {
            1.0 - idle_now.saturating_sub(idle) as f64 / (all_now - all) as f64
        }
        _ => 0.0,
    }
}

/// Ticks in which all cores together were idle, and all that there were.
fn ticks() -> Option<(u64, u64)> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let fields = stat.lines().next()?.split_whitespace().skip(1);
    // What guests take stands in the first two already.
    let ticks: Vec<u64> = fields.take(8).map_while(|field| field.parse().ok()).collect();
    // Idle, and waiting for a disk.
    let idle = ticks.get(3..5)?.iter().sum();
    Some((idle, ticks.iter().sum()))
}
