//! What there is of `trace` where nobody wants any of it: names, and nothing behind them.

use std::future::Ready;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use crate::conduct::Terms;
use crate::error::{PanicReport, QueryError};
use crate::event::Event;

#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Query,
    Stream,
}

#[derive(Clone, Default)]
pub(crate) struct Traced(());

#[inline]
pub(crate) fn is_on() -> bool {
    false
}

#[inline]
pub(crate) fn call(_: Kind, _: &str, _: impl FnOnce() -> String) -> Traced {
    Traced(())
}

impl Traced {
    #[inline]
    pub(crate) fn submitted(&self) {}

    #[inline]
    pub(crate) fn ended<T>(&self, _: &Result<T, QueryError>) {}

    #[inline]
    pub(crate) fn cancelled(&self) {}
}

/// It takes no memory, in an `Arc` of which there is one for each pool.
pub(crate) struct Observer;

impl Observer {
    pub(crate) fn new(_: &str) -> Arc<Self> {
        Arc::new(Self)
    }

    #[inline]
    pub(crate) fn note_audience(&self) {}

    #[inline]
    pub(crate) fn happened(self: &Arc<Self>, _: &Event) {}

    #[inline]
    pub(crate) fn panicked(self: &Arc<Self>, _: &PanicReport, _: impl FnOnce() -> String) {}
}

#[inline]
pub(crate) fn told() -> Option<Ready<()>> {
    None
}

pub(crate) struct Table;

#[derive(Default)]
pub(crate) struct Records;

impl Records {
    pub(crate) fn of_process(
        _: &Arc<Observer>,
        _: u64,
        _: impl Fn(&str) + Send + 'static,
    ) -> (Self, Option<OwnedFd>) {
        (Self, None)
    }

    pub(crate) fn of_thread(_: &Arc<Observer>, _: u64) -> Self {
        Self
    }

    pub(crate) fn table(&self) -> Option<Arc<Table>> {
        None
    }

    pub(crate) fn level(&self) -> u8 {
        0
    }

    #[inline]
    pub(crate) fn hand(&self, _: u64, _: &Traced, terms: Terms, _: impl FnOnce() -> bool) -> Terms {
        terms
    }

    #[inline]
    pub(crate) fn untold(&self, _: u64, _: &Traced) {}

    #[inline]
    pub(crate) fn take_back(&self, _: u64) {}

    #[inline]
    pub(crate) fn wants_output(&self) -> bool {
        false
    }

    #[inline]
    pub(crate) fn end(&self) {}
}

#[derive(Default)]
pub(crate) struct Local(());

pub(crate) struct Entered;

impl Local {
    pub(crate) fn new(_: Option<Arc<Table>>) -> Self {
        Self(())
    }
}
