//! What a signal leads to: pure, and told what happens.

/// Who waits for a signal.
pub(super) type ListenerId = u64;

/// What is to be done about a signal.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reaction {
    /// These are told, and wait no more.
    pub(super) told: Vec<ListenerId>,
    pub(super) then: Then,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Then {
    Nothing,
    /// Every pool is drained, and then the process ends.
    Drain,
    /// The process ends now.
    Die,
}

/// Who hears signals, and what became of those that came.
pub(super) struct Attention<S> {
    listeners: Vec<ListenerId>,
    next: ListenerId,
    /// Came when nobody waited, before anybody had heard of one.
    unheard: Option<S>,
    /// A listener has heard of a signal.
    heard: bool,
    drains: Drains,
}

/// Whether a signal drains the pools.
#[derive(PartialEq, Eq)]
enum Drains {
    Never,
    AtFirst,
    Begun,
}

impl<S: Copy> Attention<S> {
    pub(super) const fn new() -> Self {
        Self { listeners: Vec::new(), next: 0, unheard: None, heard: false, drains: Drains::Never }
    }

    /// From now on the first signal drains the pools; `Some`: one has come that nobody has heard
    /// of yet, and they are to be drained at once.
    pub(super) fn drain_at_first(&mut self) -> Option<S> {
        if self.drains != Drains::Never {
            return None;
        }
        self.drains = if self.unheard.is_some() { Drains::Begun } else { Drains::AtFirst };
        self.unheard
    }

    /// Somebody waits from now on; or takes the signal that was kept.
    pub(super) fn listen(&mut self) -> (ListenerId, Option<S>) {
        let id = self.next;
        self.next += 1;
        let kept = self.unheard.take();
        if kept.is_none() {
            self.listeners.push(id);
        }
        (id, kept)
    }

    /// A listener has heard of a signal.
    pub(super) fn hear(&mut self) {
        self.heard = true;
        self.unheard = None;
    }

    /// A listener is gone; `untold` is a signal that it was told and did not look at.
    pub(super) fn leave(&mut self, id: ListenerId, untold: Option<S>) {
        self.listeners.retain(|&other| other != id);
        if !self.heard && self.unheard.is_none() {
            self.unheard = untold;
        }
    }

    /// A signal came; `ours`: nobody else in this process handles it.
    pub(super) fn arrive(&mut self, signal: S, ours: bool) -> Reaction {
        let told = std::mem::take(&mut self.listeners);
        let keeps = told.is_empty() && !self.heard && self.unheard.is_none();
        if keeps {
            self.unheard = Some(signal);
        }
        let then = match self.drains {
            Drains::AtFirst => {
                self.drains = Drains::Begun;
                Then::Drain
            }
            Drains::Begun => Then::Die,
            Drains::Never if keeps || !told.is_empty() || !ours => Then::Nothing,
            Drains::Never => Then::Die,
        };
        Reaction { told, then }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reaction(told: &[ListenerId], then: Then) -> Reaction {
        Reaction { told: told.into(), then }
    }

    #[test]
    fn every_listener_is_told_once() {
        let mut attention = Attention::new();
        let (a, b) = (attention.listen().0, attention.listen().0);
        assert_eq!(attention.arrive(1, true), reaction(&[a, b], Then::Nothing));
        let c = attention.listen().0;
        assert_eq!(attention.arrive(2, true), reaction(&[c], Then::Nothing));
    }

    #[test]
    fn a_signal_between_two_listeners_waits_for_the_next() {
        let mut attention = Attention::new();
        let a = attention.listen().0;
        attention.leave(a, None);
        assert_eq!(attention.arrive(1, true), reaction(&[], Then::Nothing));
        assert_eq!(attention.listen().1, Some(1));
        attention.hear();
        assert_eq!(attention.listen().1, None);
    }

    #[test]
    fn a_signal_that_a_listener_took_along_waits_for_the_next() {
        let mut attention = Attention::new();
        let a = attention.listen().0;
        assert_eq!(attention.arrive(1, true).told, [a]);
        attention.leave(a, Some(1));
        assert_eq!(attention.listen().1, Some(1));
    }

    #[test]
    fn once_one_was_heard_another_that_nobody_waits_for_is_the_end() {
        let mut attention = Attention::new();
        attention.listen();
        attention.arrive(1, true);
        attention.hear();
        assert_eq!(attention.arrive(2, true), reaction(&[], Then::Die));
        assert_eq!(attention.arrive(2, false), reaction(&[], Then::Nothing));
    }

    #[test]
    fn nobody_has_to_wait_for_the_end() {
        let mut attention = Attention::new();
        attention.arrive(1, true);
        assert_eq!(attention.arrive(2, true), reaction(&[], Then::Die));
    }

    #[test]
    fn the_first_signal_drains_and_the_second_kills() {
        let mut attention = Attention::new();
        attention.drain_at_first();
        let a = attention.listen().0;
        assert_eq!(attention.arrive(1, false), reaction(&[a], Then::Drain));
        attention.drain_at_first();
        let b = attention.listen().0;
        assert_eq!(attention.arrive(2, false), reaction(&[b], Then::Die));
    }

    #[test]
    fn a_signal_that_nobody_has_heard_of_drains_at_once() {
        let mut attention = Attention::new();
        attention.arrive(1, true);
        assert_eq!(attention.drain_at_first(), Some(1));
        assert_eq!(attention.listen().1, Some(1));
        assert_eq!(attention.arrive(2, true).then, Then::Die);
    }

    #[test]
    fn who_asks_while_the_pools_drain_is_told_so() {
        let mut attention = Attention::new();
        attention.drain_at_first();
        assert_eq!(attention.arrive(1, true), reaction(&[], Then::Drain));
        assert_eq!(attention.listen().1, Some(1));
    }
}
