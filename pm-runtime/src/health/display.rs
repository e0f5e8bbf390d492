//! A pool's state, for people.

use std::fmt::{self, Display};
use std::time::Duration;

use super::{Health, Latency, Running, WorkerHealth, WorkerState};
use crate::error::{Bytes, Escaped};

/// A few lines: the workers and what they have to do, what became of all queries, how long that took,
/// and what went wrong; of what has not happened nothing is said. `{:#}` adds a line for each worker.
///
/// ```text
/// thumbnail: 4 workers: 3 busy, 1 idle; 3 queries run, 12 wait
/// of 4120 queries 4098 completed, 3 failed, 4 cancelled, 0 rejected
/// 55.8 queries/s over 1 min; waited 1.2 ms (99 %: 8.1 ms), ran 48 ms (99 %: 210 ms)
/// 2 timeouts, 1 panic, 3 crashes, 5 restarts
/// ```
impl Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_workers(f)?;
        let account = &self.account;
        write!(
            f,
            "\nof {} {} completed, {} failed, {} cancelled, {} rejected",
            counted(account.submitted, "query", "queries"),
            account.completed,
            account.failed,
            account.cancelled,
            account.rejected,
        )?;
        if !self.window.is_zero() {
            let ended = self.rates.completed + self.rates.failed;
            // Rates are never over less than a second.
            let window = self.window.max(Duration::from_secs(1));
            write!(f, "\n{ended:.1} queries/s over {}", Rough(window))?;
            let times = [("waited", self.latency.queue), ("ran", self.latency.run)];
            let times = times.iter().filter_map(|(what, time)| Some((what, (*time)?)));
            for (separator, (what, time)) in ["; ", ", "].into_iter().zip(times) {
                write!(f, "{separator}{what} {time}")?;
            }
        }
        self.fmt_losses(f)?;
        match f.alternate() {
            true => self.workers.iter().try_for_each(|worker| write!(f, "\n{worker}")),
            false => Ok(()),
        }
    }
}

impl Health {
    fn fmt_workers(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let workers = self.workers.len();
        let noun = if workers == 1 { "worker" } else { "workers" };
        write!(f, "{}: {workers} {noun}", Escaped(&self.name))?;
        let states = [
            (self.starting, "starting"),
            (self.busy, "busy"),
            (self.idle, "idle"),
            (self.spares, "spare"),
            (self.releasing, "releasing"),
        ];
        let there = states.iter().filter(|(count, _)| *count > 0);
        for (separator, (count, state)) in [": ", ", ", ", ", ", ", ", "].into_iter().zip(there) {
            write!(f, "{separator}{count} {state}")?;
        }
        let (running, waiting) = (self.account.running, self.account.waiting);
        let (noun, verb) = if running == 1 { ("query", "runs") } else { ("queries", "run") };
        write!(f, "; {running} {noun} {verb}, {waiting} wait")?;
        match self.detached {
            0 => Ok(()),
            detached => write!(f, ", {detached} run for nobody"),
        }
    }

    fn fmt_losses(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let others = self.deaths.saturating_sub(self.crashes);
        let losses = [
            (self.timeouts, "timeout", "timeouts"),
            (self.panics, "panic", "panics"),
            (self.crashes, "crash", "crashes"),
            (others, "death that is nobody's fault here", "deaths that are nobody's fault here"),
            (self.restarts, "restart", "restarts"),
        ];
        let there = losses.into_iter().filter(|(count, ..)| *count > 0);
        for (separator, (count, one, many)) in ["\n", ", ", ", ", ", ", ", "].iter().zip(there) {
            write!(f, "{separator}{}", counted(count, one, many))?;
        }
        if self.exhausted {
            f.write_str(
                "\nthe crash budget is spent: queries are refused, and a worker is tried now and then",
            )?;
        }
        if self.quarantined > 0 {
            let refused = counted(self.quarantined as u64, "input is", "inputs are");
            write!(f, "\n{refused} refused for having killed workers")?;
        }
        if self.missed > 0 {
            let lost = counted(self.missed, "message or occasion", "messages or occasions");
            write!(f, "\n{lost} for callbacks lost")?;
        }
        match &self.last_crash {
            Some(crash) => write!(f, "\nthe last crash: {crash}"),
            None => Ok(()),
        }
    }
}

fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// One line.
impl Display for WorkerHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, pid, state, load, .. } = self;
        let queries = counted(self.queries, "query", "queries");
        write!(f, "worker {id} ({pid}): {state}, load {load}, {queries} in {}", Rough(self.age))?;
        if let Some(rss) = self.rss {
            write!(f, ", {}", Bytes(rss))?;
        }
        if let Some(cpu) = self.cpu {
            write!(f, ", {} of CPU", Rough(cpu))?;
        }
        let kinds = [(self.temporary, ", temporary"), (self.in_process, ", a thread")];
        kinds.iter().filter(|(is, _)| *is).try_for_each(|(_, kind)| f.write_str(kind))?;
        match &self.running {
            Some(running) => write!(f, ", {running}"),
            None => Ok(()),
        }
    }
}

impl Display for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.open { "open" } else { "running" };
        write!(f, "{verb} for {}: `{}`", Rough(self.age), Escaped(&self.query))?;
        match &self.debug {
            Some(debug) => write!(f, " (\"{}\")", Escaped(debug)),
            None => Ok(()),
        }
    }
}

impl Display for WorkerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Starting => "starting",
            Self::Idle => "idle",
            Self::Busy => "busy",
            Self::Spare => "spare",
            Self::Releasing => "releasing",
            Self::Gone => "gone",
        })
    }
}

/// The median, and what ninety-nine of a hundred do not exceed.
impl Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (99 %: {})", Rough(self.p50), Rough(self.p99))
    }
}

/// A length of time in two digits or three, as nobody reads more of them at a glance.
struct Rough(Duration);

impl Display for Rough {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(f64, &str); 6] =
            [(86_400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "µs")];
        let seconds = self.0.as_secs_f64();
        let (unit, name) =
            UNITS.into_iter().find(|(unit, _)| seconds >= *unit).unwrap_or((1e-9, "ns"));
        let value = seconds / unit;
        if value >= 10.0 || value.fract() < 0.05 {
            write!(f, "{value:.0} {name}")
        } else {
            write!(f, "{value:.1} {name}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::{Account, Latencies, Rates};

    fn latency(millis: u64) -> Option<Latency> {
        let time = Duration::from_millis;
        let (p50, p90, p99) = (time(millis), time(2 * millis), time(4 * millis));
        Some(Latency { count: 4098, mean: p50, p50, p90, p99, max: p99 })
    }

    fn health() -> Health {
        let worker = WorkerHealth {
            id: 7,
            pid: 4711,
            state: WorkerState::Busy,
            load: 1,
            running: None,
            queries: 1300,
            age: Duration::from_secs(90),
            rss: Some(48 << 20),
            cpu: Some(Duration::from_millis(61_000)),
            temporary: false,
            in_process: false,
        };
        Health {
            name: "thumbnail".into(),
            workers: vec![worker],
            starting: 0,
            idle: 0,
            busy: 1,
            spares: 0,
            releasing: 0,
            queued: 12,
            queued_bytes: 1 << 20,
            in_flight: 1,
            detached: 0,
            deaths: 0,
            crashes: 0,
            last_crash: None,
            exhausted: false,
            quarantined: 0,
            missed: 0,
            restarts: 0,
            timeouts: 0,
            panics: 0,
            account: Account {
                submitted: 4120,
                completed: 4098,
                failed: 3,
                cancelled: 6,
                rejected: 0,
                waiting: 12,
                running: 1,
            },
            window: Duration::from_secs(60),
            rates: Rates { completed: 55.75, failed: 0.05, ..Rates::default() },
            latency: Latencies { queue: latency(2), run: latency(48) },
        }
    }

    #[test]
    fn a_pool_is_a_few_lines() {
        let text = "\
thumbnail: 1 worker: 1 busy; 1 query runs, 12 wait
of 4120 queries 4098 completed, 3 failed, 6 cancelled, 0 rejected
55.8 queries/s over 1 min; waited 2 ms (99 %: 8 ms), ran 48 ms (99 %: 192 ms)";
        assert_eq!(health().to_string(), text);
        let worker = "worker 7 (4711): busy, load 1, 1300 queries in 1.5 min, 48 MiB, 1 min of CPU";
        assert_eq!(format!("{:#}", health()), format!("{text}\n{worker}"));
        let mut health = health();
        health.workers[0].running = Some(Running {
            query: "thumbnail".into(),
            age: Duration::from_secs(12),
            open: false,
            debug: Some("page 7\n".into()),
        });
        let running = "running for 12 s: `thumbnail` (\"page 7\\n\")";
        assert_eq!(format!("{health:#}"), format!("{text}\n{worker}, {running}"));
    }

    #[test]
    fn what_was_lost_is_told_and_nothing_that_was_not() {
        let mut health = Health {
            deaths: 4,
            crashes: 3,
            restarts: 1,
            timeouts: 2,
            panics: 1,
            exhausted: true,
            quarantined: 1,
            missed: 4,
            detached: 1,
            window: Duration::ZERO,
            ..health()
        };
        health.workers.clear();
        (health.busy, health.account.running, health.account.waiting) = (0, 0, 0);
        let text = "\
thumbnail: 0 workers; 0 queries run, 0 wait, 1 run for nobody
of 4120 queries 4098 completed, 3 failed, 6 cancelled, 0 rejected
2 timeouts, 1 panic, 3 crashes, 1 death that is nobody's fault here, 1 restart
the crash budget is spent: queries are refused, and a worker is tried now and then
1 input is refused for having killed workers
4 messages or occasions for callbacks lost";
        assert_eq!(health.to_string(), text);
    }

    #[test]
    fn times_are_read_at_a_glance() {
        let texts = [
            (Duration::ZERO, "0 ns"),
            (Duration::from_nanos(980), "980 ns"),
            (Duration::from_micros(1250), "1.2 ms"),
            (Duration::from_micros(48_300), "48 ms"),
            (Duration::from_secs(60), "1 min"),
            (Duration::from_secs(75), "1.2 min"),
            (Duration::from_secs(90_000), "1 d"),
        ];
        for (time, text) in texts {
            assert_eq!(Rough(time).to_string(), text);
        }
    }
}
