//! How long things took, counted in buckets that are the wider the longer they took.

use std::time::Duration;

use crate::health::Latency;

/// Buckets of an octave, as a power of two: 16, so that the middle of a bucket is within 1/32 of
/// all that is in it.
const FINENESS: u32 = 4;
const PER_OCTAVE: usize = 1 << FINENESS;
/// Up to 2⁴⁷ ns, which are 39 hours; what took longer is counted there.
const BUCKETS: usize = (47 - FINENESS as usize + 1) * PER_OCTAVE;

#[derive(Clone)]
pub(super) struct Histogram {
    buckets: [u32; BUCKETS],
    count: u64,
    /// Nanoseconds.
    sum: u64,
    max: u64,
}

impl Histogram {
    pub(super) const EMPTY: Self = Self { buckets: [0; BUCKETS], count: 0, sum: 0, max: 0 };

    pub(super) fn record(&mut self, time: Duration) {
        // Not `as_nanos`, which counts in 128 bits.
        let seconds = time.as_secs().saturating_mul(1_000_000_000);
        let nanos = seconds.saturating_add(u64::from(time.subsec_nanos()));
        if let Some(bucket) = self.buckets.get_mut(index(nanos).min(BUCKETS - 1)) {
            *bucket = bucket.saturating_add(1);
        }
        self.count += 1;
        self.sum = self.sum.saturating_add(nanos);
        self.max = self.max.max(nanos);
    }

    /// Counts all that the other has counted.
    pub(super) fn add(&mut self, other: &Self) {
        for (bucket, more) in self.buckets.iter_mut().zip(&other.buckets) {
            *bucket = bucket.saturating_add(*more);
        }
        self.count += other.count;
        self.sum = self.sum.saturating_add(other.sum);
        self.max = self.max.max(other.max);
    }

    /// The times that were counted, each with how many had it: all, or so many evenly chosen.
    #[cfg(feature = "metrics")]
    pub(super) fn evenly(&self, most: u64) -> impl Iterator<Item = (Duration, usize)> {
        let (all, wanted) = (u128::from(self.count.max(1)), u128::from(self.count.min(most)));
        let mut below = 0;
        let buckets = self.buckets.iter().enumerate().filter(|(_, count)| **count > 0);
        buckets.filter_map(move |(index, &count)| {
            let from = below * wanted / all;
            below += u128::from(count);
            let chosen = (below * wanted / all - from) as usize;
            let time = Duration::from_nanos(middle(index).min(self.max));
            (chosen > 0).then_some((time, chosen))
        })
    }

    /// `None`: nothing was counted.
    pub(super) fn latency(&self) -> Option<Latency> {
        let mean = self.sum.checked_div(self.count)?;
        Some(Latency {
            count: self.count,
            mean: Duration::from_nanos(mean),
            p50: self.quantile(50),
            p90: self.quantile(90),
            p99: self.quantile(99),
            max: Duration::from_nanos(self.max),
        })
    }

    /// What so many of a hundred did not exceed.
    fn quantile(&self, percent: u64) -> Duration {
        let rank = (u128::from(self.count) * u128::from(percent)).div_ceil(100);
        let mut below = 0;
        let bucket = self.buckets.iter().position(|&bucket| {
            below += u128::from(bucket);
            below >= rank
        });
        // A bucket that is full counts too little, and the rest of the way leads here.
        Duration::from_nanos(bucket.map_or(self.max, middle).min(self.max))
    }
}

/// The bucket of a time: below 32 ns each has its own, from there on an octave has 16.
fn index(nanos: u64) -> usize {
    let shift = (nanos | PER_OCTAVE as u64).ilog2() - FINENESS;
    shift as usize * PER_OCTAVE + (nanos >> shift) as usize
}

/// The middle of a bucket.
fn middle(index: usize) -> u64 {
    let shift = (index / PER_OCTAVE).saturating_sub(1);
    let lowest = ((index - shift * PER_OCTAVE) as u64) << shift;
    lowest + (1 << shift) / 2
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn histogram(times: &[u64]) -> Histogram {
        let mut histogram = Histogram::EMPTY;
        times.iter().for_each(|&nanos| histogram.record(Duration::from_nanos(nanos)));
        histogram
    }

    #[test]
    fn buckets_follow_each_other_without_a_gap() {
        let mut last = 0;
        for nanos in 0..1 << 16 {
            let index = index(nanos);
            assert!(index == last || index == last + 1, "{nanos} is in {index} after {last}");
            last = index;
        }
        assert_eq!(index((1 << 47) - 1), BUCKETS - 1);
        assert_eq!(index(1 << 47), BUCKETS);
    }

    #[test]
    fn nothing_counted_is_no_latency() {
        assert_eq!(Histogram::EMPTY.latency(), None);
    }

    #[test]
    fn times_beyond_all_buckets_count_as_the_longest() {
        let latency = histogram(&[1, u64::MAX, u64::MAX]).latency().unwrap();
        assert_eq!((latency.count, latency.max), (3, Duration::from_nanos(u64::MAX)));
        assert!(latency.p50 > Duration::from_secs(37 * 3600), "{latency:?}");
        assert_eq!(histogram(&[0]).latency().unwrap().max, Duration::ZERO);
    }

    #[test]
    fn a_time_that_came_alone_is_every_quantile() {
        let latency = histogram(&[1_000_000]).latency().unwrap();
        let Latency { p50, p90, p99, mean, max, .. } = latency;
        assert_eq!((p50, p90), (p99, p99));
        assert_eq!((mean, max), (Duration::from_millis(1), Duration::from_millis(1)));
        assert!(p50 <= max && p50 >= max.mul_f64(31.0 / 32.0), "{p50:?}");
    }

    #[cfg(feature = "metrics")]
    #[test]
    fn of_many_times_few_are_chosen_evenly() {
        let histogram = histogram(&[vec![10; 3000], vec![1000; 1000]].concat());
        let chosen = |most| histogram.evenly(most).collect::<Vec<_>>();
        let (short, long) = (Duration::from_nanos(10), Duration::from_nanos(1000));
        assert_eq!(chosen(4000), [(short, 3000), (long, 1000)]);
        assert_eq!(chosen(100), [(short, 75), (long, 25)]);
        assert_eq!(chosen(1), [(long, 1)]);
        assert_eq!(chosen(0), []);
        assert_eq!(Histogram::EMPTY.evenly(9).count(), 0);
    }

    proptest! {
        #[test]
        fn quantiles_are_as_near_as_is_said(
            mut times in prop::collection::vec((0..47_u32).prop_flat_map(|bits| 0..1_u64 << bits), 1..300),
            cut in any::<prop::sample::Index>(),
        ) {
            let (one, other) = times.split_at(cut.index(times.len()));
            let mut both = histogram(one);
            both.add(&histogram(other));
            let latency = both.latency().unwrap();
            times.sort_unstable();
            let sum: u64 = times.iter().sum();
            prop_assert_eq!(latency.count, times.len() as u64);
            prop_assert_eq!(latency.mean, Duration::from_nanos(sum / times.len() as u64));
            prop_assert_eq!(latency.max, Duration::from_nanos(times[times.len() - 1]));
            for (percent, told) in [(50, latency.p50), (90, latency.p90), (99, latency.p99)] {
                let truth = times[(times.len() * percent).div_ceil(100) - 1];
                let off = told.as_nanos().abs_diff(u128::from(truth));
                prop_assert!(off * 32 <= u128::from(truth), "p{}: {:?} for {}", percent, told, truth);
            }
        }
    }
}
