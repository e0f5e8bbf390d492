//! How far it is, for whoever watches.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// A bar on a terminal's stderr; elsewhere a line now and then.
pub(crate) enum Progress {
    Bar(ProgressBar),
    Lines { done: usize, total: usize, start: Instant, last: Instant },
}

impl Progress {
    pub(crate) fn start(total: usize) -> Self {
        if !std::io::stderr().is_terminal() {
            let start = Instant::now();
            return Self::Lines { done: 0, total, start, last: start };
        }
        let bar = ProgressBar::new(total as u64);
        if let Ok(style) =
            ProgressStyle::with_template("{wide_bar} {pos}/{len} files, {rate}, {eta} left")
        {
            let rate = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                // It has nowhere to fail to.
                let _ = write!(out, "{:.0}/s", state.per_sec());
            };
            bar.set_style(style.with_key("rate", rate));
        }
        // Time passes on a bar even while every worker is busy with a large file.
        bar.enable_steady_tick(Duration::from_millis(200));
        Self::Bar(bar)
    }

    /// One file more is done.
    pub(crate) fn step(&mut self) {
        match self {
            Self::Bar(bar) => bar.inc(1),
            Self::Lines { done, total, start, last } => {
                *done += 1;
                if last.elapsed() >= LINE_EVERY {
                    *last = Instant::now();
                    let rate = *done as f64 / start.elapsed().as_secs_f64();
                    let left = total.saturating_sub(*done) as f64 / rate;
                    eprintln!("survey: {done}/{total} files, {rate:.0}/s, {left:.0} s left");
                }
            }
        }
    }

    pub(crate) fn finish(self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
