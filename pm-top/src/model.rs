//! What is known of the applications: from what they say, and when they said it. Pure.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant, SystemTime};

use pm_runtime::operator::protocol::{ApplicationState, PoolState};
use pm_runtime::{Crash, CrashCause, Event, Health, WorkerHealth};

use crate::text::clean;

/// Values of a history that are kept.
const HISTORY: usize = 120;

/// Crashes of a pool that are kept, and as many kills; and characters of each report, which are more than
/// an honest one has.
const REPORTS: usize = 16;
const LONGEST: usize = 64 << 10;

/// Applications that have ended and are shown all the same, and for how long.
const GONE: usize = 4;
const LONG_GONE: Duration = Duration::from_secs(3600);

#[derive(Default)]
pub(crate) struct Model {
    /// By process id.
    pub(crate) applications: BTreeMap<u32, Application>,
}

#[derive(Default)]
pub(crate) struct Application {
    pub(crate) name: String,
    pub(crate) started: Option<SystemTime>,
    /// By their numbers.
    pub(crate) pools: BTreeMap<u64, Pool>,
    /// Why nothing is heard from it now.
    pub(crate) trouble: Option<String>,
    /// When it has ended: it is shown as it was then.
    pub(crate) gone: Option<SystemTime>,
    /// When it told its state last.
    told: Option<Instant>,
}

pub(crate) struct Pool {
    pub(crate) name: String,
    pub(crate) health: Health,
    /// Queries that ended, per second.
    pub(crate) rate: Series,
    /// What ninety-nine of a hundred runs do not exceed, in seconds.
    pub(crate) slowest: Series,
    /// The same when any ended last: where all of them hang, none does.
    usual: Option<Duration>,
    /// By their numbers.
    pub(crate) workers: BTreeMap<u64, Worker>,
    /// Of the last deaths of its workers, the latest first.
    pub(crate) reports: VecDeque<Report>,
}

/// A crash, or a kill, as people read of it.
pub(crate) struct Report {
    worker: u64,
    /// The pool has killed the worker.
    pub(crate) is_kill: bool,
    pub(crate) at: SystemTime,
    /// Lines, in which what the worker said is escaped.
    pub(crate) text: String,
}

pub(crate) struct Worker {
    pub(crate) health: WorkerHealth,
    /// How much of a core it used, in percent.
    pub(crate) cpu: Series,
}

/// The last values of something, oldest first.
#[derive(Default)]
pub(crate) struct Series(VecDeque<f64>);

impl Series {
    fn push(&mut self, value: f64) {
        if self.0.len() == HISTORY {
            self.0.pop_front();
        }
        self.0.push_back(value);
    }

    pub(crate) fn last(&self) -> Option<f64> {
        self.0.back().copied()
    }

    pub(crate) fn values(&self) -> impl DoubleEndedIterator<Item = f64> {
        self.0.iter().copied()
    }
}

impl Model {
    /// An application has told its state.
    pub(crate) fn tell(&mut self, pid: u32, state: ApplicationState, now: Instant) {
        let application = self.applications.entry(pid).or_default();
        if application.gone.take().is_some() && !application.is(&state) {
            // Another one that has its number.
            *application = Application::default();
        }
        let told = application.told.replace(now);
        let passed = told.map(|told| now.saturating_duration_since(told));
        application.name = clean(&state.name);
        application.started = state.started;
        application.trouble = None;
        let mut before = std::mem::take(&mut application.pools);
        application.pools = state
            .pools
            .into_iter()
            .map(|PoolState { id, health, .. }| (id, Pool::new(health, before.remove(&id), passed)))
            .collect();
    }

    /// Something has happened in a pool.
    pub(crate) fn happen(&mut self, pid: u32, pool: u64, event: Event) {
        let pools = self.applications.get_mut(&pid).map(|application| &mut application.pools);
        let Some(pool) = pools.and_then(|pools| pools.get_mut(&pool)) else { return };
        match event {
            Event::Crashed(report) => pool.remember(Report::new(&report, false)),
            // What the application has wanted is no news.
            Event::Killed(report) if report.cause != CrashCause::Cancelled => {
                pool.remember(Report::new(&report, true));
            }
            Event::BudgetExhausted { .. } => pool.health.exhausted = true,
            Event::Healed { .. } => pool.health.exhausted = false,
            _ => {}
        }
    }

    /// Nothing is heard from an application.
    pub(crate) fn trouble(&mut self, pid: u32, trouble: &str) {
        self.applications.entry(pid).or_default().trouble = Some(clean(trouble));
    }

    /// An application has ended. What it was is still of interest, the reports of its crashes above all.
    pub(crate) fn end(&mut self, pid: u32, now: SystemTime) {
        let Some(application) = self.applications.get_mut(&pid) else { return };
        if application.told.is_none() {
            self.applications.remove(&pid);
            return;
        }
        application.trouble = None;
        application.gone.get_or_insert(now);
        let gone = self.applications.iter().filter_map(|(&pid, other)| Some((other.gone?, pid)));
        let mut gone: Vec<_> = gone.collect();
        gone.sort_unstable();
        for (_, pid) in &gone[..gone.len().saturating_sub(GONE)] {
            self.applications.remove(pid);
        }
    }

    /// Forgets those that ended long ago; returns whether there are others that have ended.
    pub(crate) fn forget(&mut self, now: SystemTime) -> bool {
        let long_gone = |gone| now.duration_since(gone).is_ok_and(|passed| passed > LONG_GONE);
        self.applications.retain(|_, application| !application.gone.is_some_and(long_gone));
        self.applications.values().any(|application| application.gone.is_some())
    }

    pub(crate) fn pool(&self, pid: u32, pool: u64) -> Option<&Pool> {
        self.applications.get(&pid)?.pools.get(&pool)
    }
}

impl Application {
    /// Whether something is to be said of it beside its pools.
    pub(crate) fn is_bare(&self) -> bool {
        self.gone.is_some() || self.trouble.is_some() || self.pools.is_empty()
    }

    /// Whether it tells this, and not another one that has its number.
    fn is(&self, state: &ApplicationState) -> bool {
        // When it was started is not told to the same fraction each time.
        let apart = |(one, other): (SystemTime, SystemTime)| {
            one.duration_since(other).unwrap_or_else(|error| error.duration())
        };
        let apart = self.started.zip(state.started).map(apart);
        self.name == clean(&state.name) && apart.is_none_or(|apart| apart < Duration::from_secs(1))
    }
}

impl Pool {
    /// `before`: what was known of it; `passed`: how long ago that was told.
    fn new(health: Health, before: Option<Self>, passed: Option<Duration>) -> Self {
        let ended =
            |health: &Health| health.account.completed.saturating_add(health.account.failed);
        let now = ended(&health);
        let (known, mut pool) = match before {
            Some(before) => (Some(ended(&before.health)), Self { health, ..before }),
            None => (None, Self::unknown(health)),
        };
        pool.rate.push(match (known, passed.and_then(seconds)) {
            (Some(before), Some(passed)) => now.saturating_sub(before) as f64 / passed,
            // What it tells itself, which is over a minute.
            _ => pool.health.rates.completed + pool.health.rates.failed,
        });
        let run = pool.health.latency.run;
        pool.usual = run.map(|latency| latency.p99).or(pool.usual);
        pool.slowest.push(run.map_or(0.0, |latency| latency.p99.as_secs_f64()));
        if let Some(crash) = pool.health.last_crash.take() {
            pool.remember(Report::new(&crash, false));
        }
        let mut before = std::mem::take(&mut pool.workers);
        for health in std::mem::take(&mut pool.health.workers) {
            let known = before.remove(&health.id);
            pool.workers.insert(health.id, Worker::new(health, known, passed));
        }
        pool
    }

    fn unknown(health: Health) -> Self {
        Self {
            name: clean(&health.name),
            health,
            rate: Series::default(),
            slowest: Series::default(),
            usual: None,
            workers: BTreeMap::new(),
            reports: VecDeque::new(),
        }
    }

    /// Whether a worker runs something for unusually long. Streams may be open for ever.
    pub(crate) fn runs_long(&self, worker: &Worker) -> bool {
        // Where nothing is known of others: about as long as figures reach back.
        const UNKNOWN: Duration = Duration::from_secs(60);
        const LEAST: Duration = Duration::from_secs(1);
        let usual = self.usual.map_or(UNKNOWN, |usual| usual.saturating_mul(2).max(LEAST));
        let running = worker.health.running.as_ref();
        running.is_some_and(|running| !running.open && running.age > usual)
    }

    /// The same crash is told as an event and as the last one.
    fn remember(&mut self, report: Report) {
        let is_same = |known: &Report| known.worker == report.worker && known.at == report.at;
        if self.reports.iter().any(is_same) {
            return;
        }
        let is_kill = report.is_kill;
        self.reports.push_front(report);
        self.reports.make_contiguous().sort_by_key(|report| std::cmp::Reverse(report.at));
        // Many kills leave the crashes their places.
        let mut alike = 0;
        self.reports.retain(|report| {
            alike += usize::from(report.is_kill == is_kill);
            report.is_kill != is_kill || alike <= REPORTS
        });
    }
}

impl Report {
    fn new(crash: &Crash, is_kill: bool) -> Self {
        let text = format!("{crash:#}").chars().take(LONGEST).collect();
        Self { worker: crash.worker, is_kill, at: crash.at, text }
    }
}

impl Worker {
    fn new(health: WorkerHealth, before: Option<Self>, passed: Option<Duration>) -> Self {
        let used = health.cpu.map(|cpu| match (&before, passed) {
            (Some(Self { health: WorkerHealth { cpu: Some(before), .. }, .. }), Some(passed)) => {
                (cpu.saturating_sub(*before), passed)
            }
            // All that it has ever used, in all of its life.
            _ => (cpu, health.age),
        });
        let mut cpu = before.map(|before| before.cpu).unwrap_or_default();
        if let Some((used, passed)) = used
            && let Some(passed) = seconds(passed)
        {
            cpu.push(100.0 * used.as_secs_f64() / passed);
        }
        Self { health, cpu }
    }
}

/// `None`: too short for anything to be said per second.
fn seconds(passed: Duration) -> Option<f64> {
    (passed >= Duration::from_millis(1)).then_some(passed.as_secs_f64())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A state such as applications tell, with so many queries that are over, and this much CPU time of
    /// each worker.
    pub(crate) fn state(name: &str, completed: u64, cpu: u64) -> ApplicationState {
        let worker = |id: u64, state: &str| {
            serde_json::json!({
                "id": id, "pid": 4000 + id, "state": state, "load": u64::from(state == "Busy"),
                "queries": completed / 2, "age": {"secs": 90, "nanos": 0}, "rss": 48_u64 << 20,
                "cpu": {"secs": cpu, "nanos": 0}, "temporary": false, "in_process": false,
                "running": (state == "Busy").then(|| serde_json::json!({
                    "query": "resize", "age": {"secs": 0, "nanos": 8_000_000}, "open": false,
                    "debug": "page 7\n",
                })),
            })
        };
        let time = |millis: u64| serde_json::json!({"secs": 0, "nanos": millis * 1_000_000});
        let latency = |millis: u64| {
            serde_json::json!({
                "count": completed, "mean": time(millis), "p50": time(millis),
                "p90": time(2 * millis), "p99": time(4 * millis), "max": time(9 * millis),
            })
        };
        serde_json::from_value(serde_json::json!({
            "version": 1, "pid": 1, "name": name, "started": null,
            "pools": [{"id": 1, "health": {
                "name": format!("pool of {name}"), "workers": [worker(1, "Busy"), worker(2, "Idle")],
                "starting": 0, "idle": 1, "busy": 1, "spares": 0, "releasing": 0, "queued": 3,
                "queued_bytes": 300, "in_flight": 1, "detached": 0, "deaths": 1, "crashes": 1,
                "last_crash": crash(3), "exhausted": false, "quarantined": 0, "missed": 0, "restarts": 1,
                "timeouts": 0, "panics": 0,
                "account": {
                    "submitted": completed + 4, "completed": completed, "failed": 0,
                    "cancelled": 0, "rejected": 0, "waiting": 3, "running": 1,
                },
                "window": {"secs": 60, "nanos": 0},
                "rates": {
                    "submitted": 5.0, "completed": 5.0, "failed": 0.0, "cancelled": 0.0,
                    "rejected": 0.0,
                },
                "latency": {"queue": latency(1), "run": latency(12)},
            }}],
        }))
        .expect("it is as applications tell it")
    }

    pub(crate) fn crash(worker: u64) -> serde_json::Value {
        serde_json::json!({
            "pool": "work", "worker": worker, "pid": 4711,
            "at": {"secs_since_epoch": worker, "nanos_since_epoch": 0},
            "cause": "Died", "blame": "Query", "exit": {"Signal": 11}, "running": [],
            "handed_back": 0, "served": 7, "age": {"secs": 3, "nanos": 0}, "max_rss": null,
            "cpu": null, "panic": null, "debug": null, "stderr_tail": "the last line",
        })
    }

    fn crashed(worker: u64) -> Event {
        serde_json::from_value(serde_json::json!({"Crashed": crash(worker)})).expect("it is one")
    }

    #[test]
    fn rates_are_what_has_happened_since_the_last_look() {
        let (mut model, begin) = (Model::default(), Instant::now());
        model.tell(1, state("a", 100, 9), begin);
        let rates = |model: &Model| model.pool(1, 1).unwrap().rate.values().collect::<Vec<_>>();
        let cpu = |model: &Model| model.pool(1, 1).unwrap().workers[&1].cpu.last();
        assert_eq!((rates(&model), cpu(&model)), (vec![5.0], Some(10.0)), "what it tells itself");
        model.tell(1, state("a", 140, 10), begin + Duration::from_secs(2));
        assert_eq!((rates(&model), cpu(&model)), (vec![5.0, 20.0], Some(50.0)));
        // A number may be another's now, which counts from the start.
        model.tell(1, state("a", 10, 0), begin + Duration::from_secs(3));
        assert_eq!((rates(&model).last(), cpu(&model)), (Some(&0.0), Some(0.0)));
        for again in 0..1000 {
            model.tell(1, state("a", 10, 0), begin + Duration::from_secs(4 + again));
        }
        assert_eq!(rates(&model).len(), HISTORY);
    }

    #[test]
    fn a_crash_is_remembered_once_and_the_latest_comes_first() {
        let (mut model, now) = (Model::default(), Instant::now());
        model.tell(1, state("a", 1, 1), now);
        for worker in [5, 4, 3, 5] {
            model.happen(1, 1, crashed(worker));
        }
        let workers = |model: &Model| -> Vec<u64> {
            model.pool(1, 1).unwrap().reports.iter().map(|crash| crash.worker).collect()
        };
        assert_eq!(workers(&model), [5, 4, 3]);
        for worker in 10..1000 {
            model.happen(1, 1, crashed(worker));
        }
        assert_eq!((workers(&model).len(), workers(&model)[0]), (REPORTS, 999));
        let mut endless = crash(1000);
        endless["panic"] = "x".repeat(1 << 20).into();
        model.happen(
            1,
            1,
            serde_json::from_value(serde_json::json!({"Crashed": endless})).unwrap(),
        );
        let texts = model.pool(1, 1).unwrap().reports.iter().map(|crash| crash.text.len());
        assert_eq!(texts.max(), Some(LONGEST), "as much as is kept of one");
        model.happen(1, 2, crashed(1));
        model.happen(2, 1, crashed(1));
        assert_eq!(model.applications.len(), 1, "what is about nobody is nothing");
    }

    pub(crate) fn killed(worker: u64) -> Event {
        let mut report = crash(worker);
        report["cause"] = serde_json::json!({"TimedOut": {"secs": 5, "nanos": 0}});
        report["blame"] = "Pool".into();
        serde_json::from_value(serde_json::json!({"Killed": report})).expect("it is one")
    }

    #[test]
    fn many_kills_leave_the_crashes_their_places() {
        let mut model = Model::default();
        model.tell(1, state("a", 1, 1), Instant::now());
        for worker in 10..1000 {
            model.happen(1, 1, killed(worker));
        }
        let reports = &model.pool(1, 1).unwrap().reports;
        let crashes: Vec<_> = reports.iter().filter(|report| !report.is_kill).collect();
        assert_eq!((reports.len(), crashes.len()), (REPORTS + 1, 1));
        assert_eq!((reports[0].worker, crashes[0].worker), (999, 3));
        assert!(
            reports[0].text.contains("was killed: a query in it ran longer than 5s"),
            "{}",
            reports[0].text
        );
        let mut wanted = serde_json::to_value(killed(1000)).unwrap();
        wanted["Killed"]["cause"] = "Cancelled".into();
        model.happen(1, 1, serde_json::from_value(wanted).unwrap());
        assert_eq!(model.pool(1, 1).unwrap().reports[0].worker, 999);
    }

    #[test]
    fn what_is_not_told_any_more_is_gone() {
        let (mut model, now) = (Model::default(), Instant::now());
        model.tell(1, state("a", 1, 1), now);
        model.trouble(1, "it does not answer");
        assert!(model.applications[&1].trouble.is_some() && model.pool(1, 1).is_some());
        let mut nothing = state("a", 1, 1);
        nothing.pools.clear();
        model.tell(1, nothing, now);
        assert!(model.applications[&1].trouble.is_none() && model.pool(1, 1).is_none());
    }

    #[test]
    fn who_has_ended_is_known_for_a_while() {
        let (mut model, now) = (Model::default(), Instant::now());
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        model.tell(1, state("a", 1, 1), now);
        model.trouble(1, "it does not answer");
        model.end(1, at(7));
        model.end(1, at(9));
        let gone = |model: &Model| model.applications[&1].gone;
        assert_eq!((gone(&model), model.applications[&1].trouble.as_deref()), (Some(at(7)), None));
        assert_eq!(model.pool(1, 1).unwrap().reports.len(), 1);
        // It serves again, or another one has its number.
        model.happen(1, 1, crashed(9));
        model.tell(1, state("a", 1, 1), now);
        assert_eq!((gone(&model), model.pool(1, 1).unwrap().reports.len()), (None, 2));
        model.end(1, at(10));
        model.tell(1, state("b", 1, 1), now);
        assert_eq!((gone(&model), model.pool(1, 1).unwrap().reports.len()), (None, 1));
        assert!(!model.forget(at(11)));
        for pid in 2..10 {
            model.tell(pid, state("a", 1, 1), now);
            model.end(pid, at(100 - u64::from(pid)));
        }
        assert!(model.applications.keys().eq(&[1, 2, 3, 4, 5]), "the last of those that are gone");
        assert!(model.forget(at(98 + 3600)));
        assert!(model.applications.keys().eq(&[1, 2]));
        assert!(!model.forget(at(99 + 3600)));
        // Nothing was ever known of it.
        model.trouble(9, "come again");
        model.end(9, at(7));
        assert!(model.applications.keys().eq(&[1]));
    }
}
