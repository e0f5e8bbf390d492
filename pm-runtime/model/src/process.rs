//! What the module under test takes from the rest of the runtime.

/// Buffers for long messages, which the model has no need to keep.
pub(crate) mod large {
    use std::collections::TryReserveError;

    /// An empty buffer for so many bytes.
    pub(crate) fn buffer(length: usize) -> Result<Vec<u8>, TryReserveError> {
        let mut buffer = Vec::new();
        buffer.try_reserve_exact(length).map(|()| buffer)
    }

    /// Makes room for so many bytes more.
    pub(crate) fn reserve(buffer: &mut Vec<u8>, additional: usize) {
        buffer.reserve(additional);
    }
}
