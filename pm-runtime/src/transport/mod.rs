//! How bytes get from a pool to a worker and back.

pub(crate) mod memory;
pub(crate) mod payload;
pub(crate) mod piece;
pub(crate) mod poll;
pub(crate) mod socket;
