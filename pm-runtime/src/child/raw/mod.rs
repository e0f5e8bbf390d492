//! Functions that have a worker for themselves: what each speaks with its pool through, and the thread
//! that runs it.

mod channel;
mod link;
mod message;
mod returned;
mod serve;

pub use channel::RawChannel;
pub use link::{RawLink, RawReceiver, RawSender, Released};
pub use message::{RawBytes, RawMessage, RawMessageOf};
pub use returned::{RawReturn, Return};
pub(super) use serve::{RunRaw, enter, serve};
