use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::RawError;
use crate::wire::codec;

/// Messages that are bytes and travel as they are: what a [`RawLink`](crate::RawLink) carries that is
/// not told otherwise. Sent is whatever is `AsRef<[u8]>`, received a `Vec<u8>`.
#[derive(Debug)]
pub enum RawBytes {}

/// What one side of a raw link receives: [`RawBytes`], or a type that serde knows.
pub trait RawMessage {
    /// A message that has come.
    type Received;

    #[doc(hidden)]
    fn decode(message: &[u8]) -> Result<Self::Received, RawError>;
}

impl RawMessage for RawBytes {
    type Received = Vec<u8>;

    fn decode(message: &[u8]) -> Result<Vec<u8>, RawError> {
        Ok(message.to_vec())
    }
}

impl<T: Serialize + DeserializeOwned> RawMessage for T {
    type Received = T;

    fn decode(message: &[u8]) -> Result<T, RawError> {
        codec::decode(message).map_err(RawError::Decode)
    }
}

/// Messages of this kind can be made of a `T`: of [`RawBytes`] of what is `AsRef<[u8]>`, of a type of
/// its values.
#[diagnostic::on_unimplemented(
    message = "`{T}` is no message of this link",
    label = "a link without types sends what is `AsRef<[u8]>`; `RawLink<In, Out>` sends `Out`"
)]
pub trait RawMessageOf<T: ?Sized> {
    #[doc(hidden)]
    fn encode(message: &T) -> Result<Vec<u8>, RawError>;
}

impl<T: AsRef<[u8]> + ?Sized> RawMessageOf<T> for RawBytes {
    fn encode(message: &T) -> Result<Vec<u8>, RawError> {
        Ok(message.as_ref().to_vec())
    }
}

impl<T: Serialize + DeserializeOwned> RawMessageOf<T> for T {
    fn encode(message: &T) -> Result<Vec<u8>, RawError> {
        codec::encode(message).map_err(RawError::Encode)
    }
}
