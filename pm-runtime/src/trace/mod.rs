//! What subscribers of `tracing` hear: spans of queries, what happens in pools, and what workers log.
//!
//! A caller's first poll makes the spans of its query ([`Traced`]), with the dispatcher and below the span
//! that it finds. What a worker has to say comes through a pipe of its own, as records
//! (`wire/record.rs`). One thread of the process reads all of them ([`thread`]), makes spans and events of
//! them again ([`reader`]), tells what happens in pools ([`happened`]) and closes the spans of queries: so
//! a subscriber that blocks holds up that thread, and neither a pool nor the reactor.
//!
//! Its twin is `off.rs`, of the same names, where nobody wants any of this.

mod dispatch;
mod happened;
mod local;
mod reader;
mod records;
mod scope;
mod site;
mod source;
mod spans;
mod thread;

pub(crate) use happened::Observer;
pub(crate) use local::{Entered, Local};
pub(crate) use records::Records;
pub(crate) use spans::{Kind, Traced, call, is_on};
pub(crate) use thread::{told, wait_until_told};

use tracing::level_filters::LevelFilter;

use crate::wire::record::Level;

/// What is ours among targets.
pub(crate) const TARGET: &str = "pm_runtime";

/// How much somebody in this process wants to hear; `None`: nobody is there. A subscriber may be there for a
/// part of the process only, and a logger for the rest.
fn level() -> Option<Level> {
    let traced = LevelFilter::current().into_level().map(Level::from);
    let logged = log::max_level().to_level().map(Level::from);
    traced.max(logged)
}
