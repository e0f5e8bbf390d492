//! Models of `pm-runtime`'s shared memory: small scenes that the model checker runs in every
//! order that the memory model allows.
#![cfg(test)]

mod lanes;
mod process;
mod scenes;
mod streams;
#[allow(dead_code, reason = "the scenes need only some of it")]
#[path = "../../src/sync.rs"]
mod sync;
mod transport;
mod wire;
