//! Runs a row: every contestant in short slices, one after the other, again and again.

use std::collections::BTreeMap;
use std::process::{Child, Command};
use std::time::Duration;

use serde::Serialize;

use crate::driver::Driver;
use crate::mood::Mood;
use crate::peers::{Contestant, FAR_SIDE, this_program};
use crate::placement::{Cores, Placement};
use crate::rows::{Entry, Row};
use crate::slice::median;

/// How long things take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    /// Slices of each contestant in each row.
    pub(crate) slices: usize,
    pub(crate) slice: Duration,
    pub(crate) warm_up: Duration,
}

impl Effort {
    pub(crate) const FULL: Self =
        Self { slices: 11, slice: Duration::from_millis(150), warm_up: Duration::from_millis(100) };
    pub(crate) const QUICK: Self =
        Self { slices: 3, slice: Duration::from_millis(30), warm_up: Duration::from_millis(20) };
}

/// What precedes a slice and is not counted: one run, where that takes longer.
const ROUSING: Duration = Duration::from_millis(1);

/// Rounds for each slice that is wanted, at most: some are dropped.
const PATIENCE: usize = 3;

/// What a contestant has achieved.
#[derive(Debug, Serialize)]
pub(crate) struct Standing {
    pub(crate) label: &'static str,
    pub(crate) contestant: Contestant,
    /// In the row's unit; one for each mood that the cores were in, where the row has two.
    pub(crate) figures: Vec<Figure>,
    /// Slices that were dropped, because the mood changed in them or could not be told.
    pub(crate) dropped: usize,
    /// Why there is no figure.
    pub(crate) missing: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Figure {
    pub(crate) mood: Option<Mood>,
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) slices: usize,
    /// Median nanoseconds of a cache line's round trip meanwhile.
    pub(crate) cache_line: Option<f64>,
}

/// A slice's value, and the cache line's round trip in nanoseconds.
type Sample = (f64, Option<f64>);

struct Runner<'a> {
    entry: &'a Entry,
    driver: Option<Driver>,
    samples: BTreeMap<Option<Mood>, Vec<Sample>>,
    dropped: usize,
    missing: Option<String>,
}

pub(crate) fn run(row: &Row, cores: &Cores, effort: Effort) -> Vec<Standing> {
    let lack = cores.lack(row.placement);
    let _load = (row.placement == Placement::Loaded).then(|| Load::on_each(cores));
    let mut runners: Vec<_> = row.entries.iter().map(|entry| Runner::new(entry, lack)).collect();
    for runner in &mut runners {
        runner.warm_up(row.placement, cores, effort);
    }
    for _ in 0..effort.slices * PATIENCE {
        for runner in &mut runners {
            if runner.wants_more(effort) {
                runner.take_slice(row, cores, effort);
            }
        }
    }
    runners.into_iter().map(Runner::standing).collect()
}

impl<'a> Runner<'a> {
    fn new(entry: &'a Entry, lack: Option<&str>) -> Self {
        let missing = lack.map(str::to_owned);
        Self { entry, driver: None, samples: BTreeMap::new(), dropped: 0, missing }
    }

    fn warm_up(&mut self, placement: Placement, cores: &Cores, effort: Effort) {
        if self.missing.is_none() {
            self.missing = self.try_warm_up(placement, cores, effort).err();
        }
        if self.missing.is_some() {
            self.driver = None;
        }
    }

    fn try_warm_up(
        &mut self,
        placement: Placement,
        cores: &Cores,
        effort: Effort,
    ) -> Result<(), String> {
        let command = self.entry.contestant.command()?;
        // It stays where it is started, and so does what it starts.
        cores.start_near(placement);
        let started = Driver::start(command);
        cores.release();
        let driver = self.driver.insert(started.map_err(|error| error.to_string())?);
        if self.entry.workload.is_once() {
            return Ok(());
        }
        // The first run starts the workers, the second one finds them where they belong.
        driver.measure(self.entry.workload, effort.warm_up)?;
        cores.place_far(placement, driver.id());
        driver.measure(self.entry.workload, effort.warm_up)?;
        Ok(())
    }

    fn wants_more(&self, effort: Effort) -> bool {
        let taken: usize = self.samples.values().map(Vec::len).sum();
        self.missing.is_none() && taken < effort.slices
    }

    fn take_slice(&mut self, row: &Row, cores: &Cores, effort: Effort) {
        if self.driver.is_none() {
            self.warm_up(row.placement, cores, effort);
        }
        let Some(driver) = &mut self.driver else { return };
        let has_mood = row.crosses_cores();
        // It was idle while others were measured: caches are cold by now, and buffers given back.
        let roused = match self.entry.workload.is_once() {
            true => Ok(()),
            false => driver.measure(self.entry.workload, ROUSING).map(drop),
        };
        let before = has_mood.then(|| Mood::now(cores)).flatten();
        let measured = roused.and_then(|()| driver.measure(self.entry.workload, effort.slice));
        let value = match measured {
            Ok(value) => value,
            Err(reason) => {
                self.missing = Some(reason);
                self.driver = None;
                return;
            }
        };
        let after = has_mood.then(|| Mood::now(cores)).flatten();
        match (has_mood, before, after) {
            (false, ..) => self.samples.entry(None).or_default().push((value, None)),
            (true, Some((mood, trip)), Some((same, _))) if mood == same => {
                let nanos = trip.as_nanos() as f64;
                self.samples.entry(Some(mood)).or_default().push((value, Some(nanos)));
            }
            _ => self.dropped += 1,
        }
        if self.entry.workload.is_once() {
            self.driver = None;
        }
    }

    fn standing(self) -> Standing {
        let figures = self.samples.iter().map(|(mood, samples)| Figure::of(*mood, samples));
        Standing {
            label: self.entry.label,
            contestant: self.entry.contestant,
            figures: figures.collect(),
            dropped: self.dropped,
            missing: self.missing,
        }
    }
}

impl Figure {
    fn of(mood: Option<Mood>, samples: &[Sample]) -> Self {
        let mut values: Vec<f64> = samples.iter().map(|(value, _)| *value).collect();
        let mut trips: Vec<f64> = samples.iter().filter_map(|(_, trip)| *trip).collect();
        Self {
            mood,
            median: median(&mut values),
            min: values.iter().copied().fold(f64::INFINITY, f64::min),
            max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            slices: values.len(),
            cache_line: (!trips.is_empty()).then(|| median(&mut trips)),
        }
    }
}

/// Processes that compute for ever, one for each core.
struct Load(Vec<Child>);

impl Load {
    fn on_each(cores: &Cores) -> Self {
        let start = |mut program: Command| program.args([FAR_SIDE, "load", ""]).spawn();
        let busy = (0..cores.count()).map(|_| this_program().and_then(start));
        Self(busy.filter_map(Result::ok).collect())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        for busy in &mut self.0 {
            let _ = busy.kill();
            let _ = busy.wait();
        }
    }
}
