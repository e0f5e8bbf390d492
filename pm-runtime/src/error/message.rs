use super::{Bytes, EncodeError};

/// Why a worker's message was not sent, or cannot be asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// The code does not run in a worker, so that there is nobody to tell. Where a pool's workers
    /// are threads, only those threads are workers, and not what they start.
    #[error("this code does not run in a worker: its message has nobody to go to")]
    NoWorker,
    /// The pool takes messages of another type.
    #[error(
        "the messages of pool `{pool}` are `{expected}`, and this one is `{given}`: write \
         `message = {given}` into the pool's attribute, or use `{expected}` here"
    )]
    WrongType {
        /// The pool's name.
        pool: String,
        /// The type of the pool's messages.
        expected: &'static str,
        /// The type that was used.
        given: &'static str,
    },
    /// The encoded message is larger than the pool's `max_frame`.
    #[error(
        "the encoded message is {size} bytes, and `max_frame` is {limit} ({}): send less, or raise it",
        Bytes(*limit as u64)
    )]
    TooLarge {
        /// The encoded size, in bytes.
        size: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// It could not be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}
