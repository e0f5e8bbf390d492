//! The feature `tracing`: what workers log reaches the application, where it belongs.
#![allow(missing_docs, reason = "these are tests")]

#[path = "tracing/around.rs"]
mod around;
#[path = "tracing/crossing.rs"]
mod crossing;
#[path = "tracing/current.rs"]
mod current;
#[path = "tracing/ends.rs"]
mod ends;
#[path = "tracing/events.rs"]
mod events;
#[path = "tracing/forks.rs"]
mod forks;
#[path = "tracing/hostile.rs"]
mod hostile;
#[path = "tracing/layers.rs"]
mod layers;
#[path = "tracing/quiet.rs"]
mod quiet;
#[path = "tracing/recorder.rs"]
mod recorder;
#[path = "tracing/sites.rs"]
mod sites;
