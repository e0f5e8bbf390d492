//! What there is of `records` where nobody wants any: names, and nothing behind them.

use std::os::fd::OwnedFd;

use super::current::Query;
use crate::trace::Entered;

#[inline]
pub(super) fn open(_: Option<OwnedFd>, _: u8) {}

#[inline]
pub(super) fn install() {}

#[inline]
pub(super) fn finish() {}

#[inline]
pub(super) fn installed_meanwhile<R>(run: impl FnOnce() -> R) -> R {
    run()
}

#[inline]
pub(super) fn begun(_: Query) {}

#[inline]
pub(super) fn ended(_: Query) -> bool {
    false
}

#[inline]
pub(super) fn enter(_: Query) -> Option<Entered> {
    None
}
