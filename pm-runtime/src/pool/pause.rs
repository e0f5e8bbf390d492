//! A pause that the reactor ends, so that no other timer is needed on any executor.

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::options::Options;
use crate::process::fork;
use crate::reactor::{Reactor, Timed, Token};
use crate::sync::{lock, shielded};

pub(super) struct Pause {
    until: Instant,
    alarm: Arc<Alarm>,
    reactor: &'static Reactor,
    timer: Token,
}

/// Whom to wake.
#[derive(Default)]
struct Alarm(Mutex<Option<Waker>>);

impl Pause {
    /// `None`: it is over, or nobody can keep the time.
    pub(super) fn new(length: Duration) -> Option<Self> {
        if length.is_zero() {
            return None;
        }
        let until = Instant::now() + Options::finite(length);
        let reactor = Reactor::get().ok()?;
        let alarm = Arc::new(Alarm::default());
        let weak = Arc::downgrade(&alarm);
        let timer = reactor.add_timer(weak);
        reactor.tick_by(timer, until);
        Some(Self { until, alarm, reactor, timer })
    }

    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        // The waker is there before the clock is read: an alarm in between finds it. Neither its
        // clone nor the drop of the one before happens under the lock.
        let fresh = cx.waker().clone();
        let old = lock(&self.alarm.0).replace(fresh);
        drop(old);
        if Instant::now() < self.until { Poll::Pending } else { Poll::Ready(()) }
    }
}

impl Timed for Alarm {
    fn tick(&self, _: Instant) {
        let waker = lock(&self.0).take();
        if let Some(waker) = waker {
            shielded(|| waker.wake());
        }
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        // In a fork, the reactor's lock may be held for ever.
        if fork::is_fork() {
            return;
        }
        self.reactor.remove_timer(self.timer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_that_is_too_long_for_the_clock_is_none_that_is_over() {
        let pause = Pause::new(Duration::MAX).expect("it is not over");
        assert!(pause.poll(&Context::from_waker(Waker::noop())).is_pending());
        assert!(Pause::new(Duration::ZERO).is_none());
    }
}
