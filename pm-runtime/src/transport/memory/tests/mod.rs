//! The memory under every interleaving that a test can make; its models are in `pm-model`.

mod steps;
mod threads;

use std::sync::Arc;

use super::Posting;

fn posting(id: u64, bytes: Vec<u8>) -> Posting {
    Posting { id, payload: Arc::new(bytes), conduct: 0, timeout: 0 }
}
