//! What travels between a pool and its workers: values as bincode, messages as frames.

pub(crate) mod bulk;
pub(crate) mod bytes;
pub(crate) mod codec;
pub(crate) mod frame;
pub(crate) mod handshake;
pub(crate) mod message;
#[cfg(feature = "tracing")]
pub(crate) mod record;
pub(crate) mod small;
