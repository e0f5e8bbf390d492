//! Rates, latencies and restarts, counted once more from what has truly happened.

use std::time::{Duration, Instant};

use super::super::tally::{KEPT, LENGTH};
use super::judge::ensure;
use super::ledger::{Check, Outcome};
use super::world::World;
use crate::health::Latency;

/// Rates and latencies are those of the window, to the last query.
pub(super) fn check_window(world: &World) -> Check {
    let (core, now, facts) = (&world.core, world.now, &world.ledger.facts);
    let Some(start) = facts.first().map(|first| start(first.submitted, now)) else {
        return ensure(core.window(now).is_zero(), || "a window on nothing".into());
    };
    let window = core.window(now);
    ensure(window == now - start, || format!("a window of {window:?}, not {:?}", now - start))?;
    let recent = |at: Option<Instant>| at.is_some_and(|at| at >= start);
    let ended = |wanted: Outcome| {
        facts.iter().filter(|fact| recent(fact.over) && fact.outcome == Some(wanted)).count()
    };
    let (completed, failed) = (ended(Outcome::Completed), ended(Outcome::Failed));
    let rates = core.rates(now);
    for (what, rate, count) in [
        ("submitted", rates.submitted, facts.iter().filter(|f| f.submitted >= start).count()),
        ("completed", rates.completed, completed),
        ("failed", rates.failed, failed),
        (
            "cancelled",
            rates.cancelled,
            facts.iter().filter(|f| f.cancelled && recent(f.over)).count(),
        ),
        ("rejected", rates.rejected, ended(Outcome::Rejected)),
    ] {
        let told = rate * window.as_secs_f64().max(1.0);
        ensure((told - count as f64).abs() < 1e-6, || format!("{told} {what}, not {count}"))?;
    }
    let latency = core.latency(now);
    let waited = facts.iter().filter(|fact| recent(fact.told)).filter_map(|fact| fact.waited);
    let earlier = world.ledger.blames.earlier.iter().filter(|(told, _)| *told >= start);
    let waited = waited.chain(earlier.map(|(_, waited)| *waited));
    check_latency("queue", latency.queue, waited.collect())?;
    let ran = facts.iter().filter(|fact| recent(fact.over)).filter_map(|fact| {
        let ran = matches!(fact.outcome, Some(Outcome::Completed | Outcome::Failed));
        ran.then(|| Some(fact.over? - fact.told?)).flatten()
    });
    check_latency("run", latency.run, ran.collect())?;
    let ran = latency.run.map_or(0, |run| run.count);
    ensure(ran == (completed + failed) as u64, || format!("{ran} runs for as many ends"))
}

/// When the window begins that is looked through now.
fn start(origin: Instant, now: Instant) -> Instant {
    let generations = (now - origin).as_secs() / LENGTH;
    origin + Duration::from_secs(generations.saturating_sub(KEPT - 1) * LENGTH)
}

fn check_latency(what: &str, told: Option<Latency>, mut times: Vec<Duration>) -> Check {
    times.sort_unstable();
    let wrong = || format!("{what}: {told:?} for {times:?}");
    let (Some(told), Some(&max)) = (told, times.last()) else {
        return ensure(told.is_none() && times.is_empty(), wrong);
    };
    let count = times.len();
    let mean = times.iter().sum::<Duration>().as_nanos() / count as u128;
    let exact = (told.count, told.mean.as_nanos(), told.max) == (count as u64, mean, max);
    let near = [(50, told.p50), (90, told.p90), (99, told.p99)].iter().all(|&(percent, told)| {
        let truth = times[(count * percent).div_ceil(100) - 1];
        told.abs_diff(truth) * 32 <= truth
    });
    ensure(exact && near, wrong)
}

/// As long as nobody meddles, each worker beyond the first ones took the place of one that is lost, or is
/// about to go.
pub(super) fn check_restarts(world: &World) -> Check {
    let (core, ledger) = (&world.core, &world.ledger);
    let staying = core.staying();
    let worn = if world.is_open() {
        core.slots.iter().filter(|s| s.worn && s.is_live()).count()
    } else {
        0
    };
    let lost = ledger.launched - staying - ledger.left + worn;
    let missing = (core.target + worn).saturating_sub(staying);
    let restarts = core.restarts() as usize;
    let fine =
        ledger.meddled || (restarts <= lost + ledger.left_worn && restarts + missing >= lost);
    ensure(fine, || format!("{restarts} restarts; {lost} were lost, {missing} are missing"))
}
