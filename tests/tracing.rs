//! The feature `tracing`: what workers log reaches the application, where it belongs.
#![allow(missing_docs, reason = "these are tests")]

#[path = "tracing/crossing.rs"]
mod crossing;
#[path = "tracing/recorder.rs"]
mod recorder;
