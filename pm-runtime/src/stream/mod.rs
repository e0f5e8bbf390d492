//! Streams between a pool and its workers, as both ends have them: messages in both directions, many
//! streams beside each other on one link.
//!
//! A stream is opened by a query and lives as long as that. Its messages are cut into pieces
//! ([`Piece`](crate::transport::piece::Piece)) that travel among those of the others. Each direction has a window (`flow`): who
//! sends knows how much the other side has not read, and waits before it would be too much; so that
//! whatever has come finds room, and a stream that nobody reads holds up nobody but its own sender.

mod channel;
mod flow;
mod hub;
mod incoming;
mod line;
mod registry;
#[cfg(all(test, not(pm_loom)))]
mod tests;

pub(crate) use channel::{Carrier, Channel, Over, Taken};
pub(crate) use hub::Hub;
pub(crate) use incoming::Batch;
pub(crate) use registry::Wakes;
