//! The faults of one worker, as it comes upon occasions for them.

#[cfg(feature = "fault-injection")]
use std::sync::Mutex;

#[cfg(feature = "fault-injection")]
use super::Occasion;
use super::{Fault, Faults};
use crate::error::BootError;
#[cfg(feature = "fault-injection")]
use crate::sync::lock;

/// When a worker is killed that is at something: after so many more steps, if at all.
pub(crate) struct Doom(Option<u64>);

impl Doom {
    pub(crate) const NONE: Self = Self(None);

    /// It is killed after so many steps.
    pub(crate) fn after(steps: u64) -> Self {
        Self(Some(steps))
    }

    /// A step is done. `true`: it is killed now.
    pub(crate) fn has_come(&mut self) -> bool {
        match &mut self.0 {
            None => false,
            Some(0) => true,
            Some(left) => {
                *left -= 1;
                false
            }
        }
    }
}

/// The faults of one worker, as its threads come upon occasions for them. As a rule there are none,
/// and without the feature nothing is ever asked.
pub(crate) struct Injection(#[cfg(feature = "fault-injection")] Option<Mutex<Injector>>);

#[cfg(feature = "fault-injection")]
impl Injection {
    /// The faults of the worker of this number.
    pub(crate) fn new(faults: Faults, worker: u64) -> Result<Self, BootError> {
        let some = !faults.list.is_empty();
        Ok(Self(some.then(|| Mutex::new(Injector::new(faults, worker)))))
    }

    /// An occasion for faults that `which` selects: the first of them that strikes.
    pub(crate) fn strikes(&self, which: impl Fn(Fault) -> bool) -> Option<Fault> {
        self.0.as_ref().and_then(|injector| lock(injector).strikes(which))
    }
}

#[cfg(not(feature = "fault-injection"))]
impl Injection {
    /// None. It fails where the pool's program has the feature, and wants some.
    pub(crate) fn new(faults: Faults, _: u64) -> Result<Self, BootError> {
        if faults.list.is_empty() {
            return Ok(Self());
        }
        Err(BootError::Option {
            option: "faults".into(),
            reason:
                "the program of the workers was built without the feature `fault-injection` of \
                     pm-runtime"
                    .into(),
        })
    }

    /// Nothing ever strikes.
    pub(crate) fn strikes(&self, _: impl Fn(Fault) -> bool) -> Option<Fault> {
        None
    }
}

/// The faults of one worker, with its dice and counters.
#[cfg(feature = "fault-injection")]
struct Injector {
    /// Those of this worker, and how many occasions each had.
    faults: Vec<(Fault, Occasion, u64)>,
    dice: u64,
}

#[cfg(feature = "fault-injection")]
impl Injector {
    fn new(Faults { seed, list }: Faults, worker: u64) -> Self {
        let faults = list
            .into_iter()
            .filter(|(_, when)| when.includes(worker))
            .map(|(fault, when)| (fault, when.occasion, 0))
            .collect();
        // Two mixes, so that no worker goes on where another began.
        let dice = mix(mix(seed) ^ worker);
        Self { faults, dice }
    }

    fn strikes(&mut self, which: impl Fn(Fault) -> bool) -> Option<Fault> {
        let Self { faults, dice } = self;
        let mut struck = None;
        for (fault, when, occasions) in faults.iter_mut().filter(|(fault, ..)| which(*fault)) {
            *occasions += 1;
            let strikes = match *when {
                Occasion::At(occasion) => *occasions == occasion,
                Occasion::Chance(chance) => {
                    *dice = dice.wrapping_add(GOLDEN);
                    ((mix(*dice) >> 11) as f64 / (1u64 << 53) as f64) < chance
                }
            };
            if strikes && struck.is_none() {
                struck = Some(*fault);
            }
        }
        struck
    }
}

/// What splitmix adds at each draw.
#[cfg(feature = "fault-injection")]
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The mixing of splitmix.
#[cfg(feature = "fault-injection")]
fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(all(test, feature = "fault-injection"))]
mod tests {
    use std::time::Duration;

    use super::super::When;
    use super::*;

    fn struck(faults: &Faults, worker: u64, occasions: u64) -> Vec<u64> {
        let injection = Injection::new(faults.clone(), worker).unwrap();
        let strikes = |_: &u64| injection.strikes(Fault::is_during).is_some();
        (1..=occasions).filter(strikes).collect()
    }

    #[test]
    fn a_fault_strikes_where_it_was_told_to() {
        let hang = |when| Faults::new().with(Fault::Hang, when);
        assert_eq!(struck(&hang(When::at(3)), 1, 9), [3]);
        assert!(struck(&hang(When::at(0)), 1, 9).is_empty());
        assert_eq!(struck(&hang(When::always()), 7, 3), [1, 2, 3]);
        let workers = |when: When| {
            let faults = hang(when);
            (1..=5).filter(|worker| !struck(&faults, *worker, 1).is_empty()).collect::<Vec<_>>()
        };
        assert_eq!(workers(When::at(1).in_worker(2)), [2]);
        assert_eq!(workers(When::at(1).in_workers(3..)), [3, 4, 5]);
        assert_eq!(workers(When::at(1).in_workers(..3)), [1, 2]);
        assert_eq!(workers(When::at(1).in_workers(2..=4)), [2, 3, 4]);
        assert_eq!(workers(When::at(1).in_workers(..)), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn one_strikes_at_a_time_and_occasions_are_counted_for_each() {
        let faults = Faults::new()
            .with(Fault::Hang, When::at(2))
            .with(Fault::Crash, When::always())
            .with(Fault::KillAfter, When::always());
        let injection = Injection::new(faults, 1).unwrap();
        let strikes = || injection.strikes(Fault::is_during);
        let all = [strikes(), strikes(), strikes()];
        assert_eq!(all, [Some(Fault::Crash), Some(Fault::Hang), Some(Fault::Crash)]);
    }

    #[test]
    fn chance_is_that_of_the_seed_and_the_worker() {
        let faults = |seed| Faults::seeded(seed).with(Fault::Hang, When::chance(0.25));
        let all = |seed, worker| struck(&faults(seed), worker, 10_000);
        assert_eq!(all(7, 1), all(7, 1));
        assert_ne!(all(7, 1), all(7, 2));
        assert_ne!(all(6, 1), all(7, 1));
        for worker in 0..20 {
            let times = all(0, worker).len();
            assert!((2300..2700).contains(&times), "{times} of 2500");
        }
        assert!(struck(&Faults::new().with(Fault::Hang, When::chance(0.0)), 1, 1000).is_empty());
    }

    #[test]
    fn a_thread_has_only_faults_that_leave_its_process_alone() {
        let all = [
            Fault::KillBefore,
            Fault::KillDuring,
            Fault::KillAfter,
            Fault::Crash,
            Fault::StopBefore,
            Fault::SlowBoot(Duration::ZERO),
            Fault::ExitAtBoot(1),
            Fault::KillTelling(1),
            Fault::KillReceiving(1),
        ];
        let faults = |all: &[Fault]| {
            all.iter().fold(Faults::new(), |faults, fault| faults.with(*fault, When::always()))
        };
        assert_eq!(faults(&all).of_a_thread(), Faults::new());
        let harmless = faults(&[Fault::Hang, Fault::DropLink, Fault::Corrupt]);
        assert_eq!(harmless.clone().of_a_thread(), harmless);
    }
}

#[cfg(all(test, not(feature = "fault-injection")))]
mod tests {
    use super::super::When;
    use super::*;

    #[test]
    fn without_the_feature_a_worker_has_nothing_of_it() {
        assert_eq!(size_of::<Injection>(), 0);
        let injection = Injection::new(Faults::new(), 1).unwrap();
        assert_eq!(injection.strikes(|_| true), None);
    }

    #[test]
    fn a_worker_that_cannot_inject_what_it_is_told_says_so() {
        let faults = Faults::new().with(Fault::Hang, When::always());
        let error = Injection::new(faults, 1).err().expect("it cannot");
        assert!(error.to_string().contains("`fault-injection`"), "{error}");
    }
}
