//! Models of `pm-runtime`'s shared memory: small scenes that the model checker runs in every
//! order that the memory model allows.
#![cfg(test)]

mod process;
mod scenes;
mod streams;
mod transport;
mod wire;
