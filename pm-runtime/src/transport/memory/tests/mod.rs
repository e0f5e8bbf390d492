//! The memory under every interleaving that a test can make; its models are in `pm-model`.

mod lanes;
mod scribbles;
#[cfg(not(miri))]
mod sealed;
#[cfg(not(miri))]
mod steps;
mod threads;

use std::sync::Arc;

#[cfg(not(miri))]
use super::Shape;
use super::{About, Posting, Region};

fn posting(id: u64, bytes: Vec<u8>) -> Posting {
    Posting { about: About { id, terms: 0, timeout: 0 }, payload: Arc::new(bytes) }
}

/// Bytes of a stream.
const STREAM: usize = if cfg!(miri) { 1 << 10 } else { super::layout::STREAM };

fn region(slots: usize) -> Arc<Region> {
    #[cfg(miri)]
    return Arc::new(Region::new(slots, STREAM));
    #[cfg(not(miri))]
    Arc::new(Region::create(Shape { slots, lanes: true }).unwrap().0)
}
