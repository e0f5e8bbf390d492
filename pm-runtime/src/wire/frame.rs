//! Frames: a header of fixed size, then as many bytes as it says.
//!
//! ```text
//!  0        4      5         8                16
//! ├────────┼──────┼─────────┼────────────────┼──────────
//! │ length │ kind │ (zero)  │ id             │ payload …
//! ```
//!
//! Integers are little-endian. The length counts the payload only, and is checked against the
//! limit before memory is taken for it.

use super::small::SmallBytes;
use crate::process::large;

/// Bytes of a header.
pub(crate) const HEADER: usize = 16;

/// A header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) length: u32,
    pub(crate) kind: u8,
    pub(crate) id: u64,
}

/// Bytes that are no frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("a frame of {length} bytes, where {limit} is the limit")]
    TooLong { length: u32, limit: u32 },
    #[error("a frame of {length} bytes, for which there is no memory")]
    NoMemory { length: u32 },
    #[error("a frame whose reserved bytes are not zero")]
    Reserved,
    #[error("a frame of the unknown kind {0}")]
    Kind(u8),
    #[error("a frame of kind {kind} whose content makes no sense")]
    Content { kind: u8 },
    #[error("shared memory that says what cannot be")]
    Memory,
    #[error("more for a stream than its window has room for")]
    Window,
    #[error("a grant for a stream that is no grant, or more than was sent")]
    Grant,
}

impl Header {
    pub(crate) fn to_bytes(self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[0..4].copy_from_slice(&self.length.to_le_bytes());
        bytes[4] = self.kind;
        bytes[8..16].copy_from_slice(&self.id.to_le_bytes());
        bytes
    }

    /// `None`: these are fewer bytes than a header has.
    fn parse(bytes: &[u8], limit: u32) -> Result<Option<Self>, FrameError> {
        let Some((&[l0, l1, l2, l3, kind, r0, r1, r2, ref id @ ..], _)) =
            bytes.split_first_chunk::<HEADER>()
        else {
            return Ok(None);
        };
        let length = u32::from_le_bytes([l0, l1, l2, l3]);
        if length > limit {
            return Err(FrameError::TooLong { length, limit });
        }
        if [r0, r1, r2] != [0; 3] {
            return Err(FrameError::Reserved);
        }
        Ok(Some(Self { length, kind, id: u64::from_le_bytes(*id) }))
    }
}

/// A whole frame that has arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) id: u64,
    pub(crate) payload: SmallBytes,
}

/// Bytes that are read at once.
const CHUNK: usize = 64 << 10;

/// Cuts a stream of bytes into frames.
pub(crate) struct Assembler {
    limit: u32,
    /// What was read and is not yet cut; starts with a header.
    chunk: Vec<u8>,
    /// A frame that is larger than a chunk, its payload not yet whole.
    large: Option<(Header, Vec<u8>)>,
}

impl Assembler {
    pub(crate) fn new(limit: u32) -> Self {
        Self { limit, chunk: Vec::new(), large: None }
    }

    /// Where the next bytes are to be appended: a vector with spare capacity, of which no more
    /// may be used than there is.
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        match &mut self.large {
            // It was allocated whole, or larger, and is not whole yet.
            Some((_, payload)) => payload,
            None => {
                if self.chunk.capacity() - self.chunk.len() < CHUNK / 2 {
                    self.chunk.reserve(CHUNK);
                }
                &mut self.chunk
            }
        }
    }

    /// The rest of a frame is still to come.
    pub(crate) fn is_amid_frame(&self) -> bool {
        self.large.is_some() || !self.chunk.is_empty()
    }

    /// Takes the frames that are whole by now.
    pub(crate) fn cut(&mut self, frames: &mut Vec<Frame>) -> Result<(), FrameError> {
        if let Some((header, mut payload)) = self.large.take() {
            let length = header.length as usize;
            if payload.len() < length {
                self.large = Some((header, payload));
                return Ok(());
            }
            // Its buffer may have had room for some of what follows.
            self.chunk.extend(payload.drain(length..));
            frames.push(Frame { kind: header.kind, id: header.id, payload: payload.into() });
        }
        let mut rest = &self.chunk[..];
        while let Some(header) = Header::parse(rest, self.limit)? {
            let length = header.length as usize;
            let body = &rest[HEADER..];
            if body.len() < length {
                if length > CHUNK / 2 {
                    // A worker that promises much must not end a pool whose memory is scarce.
                    let mut payload = large::buffer(length)
                        .map_err(|_| FrameError::NoMemory { length: header.length })?;
                    payload.extend_from_slice(body);
                    self.large = Some((header, payload));
                    rest = &[];
                }
                break;
            }
            frames.push(Frame {
                kind: header.kind,
                id: header.id,
                payload: SmallBytes::filled(length, |room| room.copy_from_slice(&body[..length])),
            });
            rest = &body[length..];
        }
        let used = self.chunk.len() - rest.len();
        self.chunk.drain(..used);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(kind: u8, id: u64, payload: &[u8]) -> Vec<u8> {
        let header = Header { length: payload.len() as u32, kind, id };
        [&header.to_bytes()[..], payload].concat()
    }

    /// Feeds a stream in pieces of the given size, as a socket might.
    fn feed(assembler: &mut Assembler, stream: &[u8], piece: usize) -> Vec<Frame> {
        let mut frames = Vec::new();
        let mut rest = stream;
        while !rest.is_empty() {
            let buffer = assembler.buffer();
            let room = buffer.capacity() - buffer.len();
            assert!(room > 0, "a buffer without room");
            let n = piece.min(room).min(rest.len());
            buffer.extend_from_slice(&rest[..n]);
            rest = &rest[n..];
            assembler.cut(&mut frames).unwrap();
        }
        frames
    }

    #[test]
    fn any_cut_of_the_stream_gives_the_same_frames() {
        let large: Vec<u8> = (0..200_000u32).map(|i| i as u8).collect();
        let payloads: [&[u8]; 5] = [b"", b"a", &large, b"bc", &large[..40_000]];
        let stream: Vec<u8> = payloads
            .iter()
            .enumerate()
            .flat_map(|(id, payload)| bytes(7, id as u64, payload))
            .collect();
        for piece in [1, 3, 15, 16, 17, 1000, 65_536, usize::MAX] {
            let frames = feed(&mut Assembler::new(1 << 20), &stream, piece);
            assert_eq!(frames.len(), payloads.len(), "pieces of {piece}");
            for (id, (frame, payload)) in frames.iter().zip(payloads).enumerate() {
                assert_eq!((frame.kind, frame.id), (7, id as u64));
                assert!(*frame.payload == *payload, "frame {id} in pieces of {piece}");
            }
        }
    }

    #[test]
    fn what_follows_a_large_frame_is_not_taken_for_some_of_it() {
        let large = vec![7; 400_000];
        let stream = [bytes(1, 1, &large), bytes(2, 2, b"next"), bytes(3, 3, b"last")].concat();
        for _ in 0..100 {
            // One that has room for all of it, unless another test takes it.
            large::give_back(Vec::with_capacity(700_000));
            let frames = feed(&mut Assembler::new(1 << 20), &stream, usize::MAX);
            let lengths: Vec<_> =
                frames.iter().map(|frame| (frame.kind, frame.payload.len())).collect();
            assert_eq!(lengths, [(1, 400_000), (2, 4), (3, 4)]);
        }
    }

    #[test]
    fn exactly_the_limit_passes() {
        let mut assembler = Assembler::new(100);
        assert_eq!(feed(&mut assembler, &bytes(1, 1, &[0; 100]), 9).len(), 1);
        assembler.buffer().extend_from_slice(&bytes(1, 1, &[0; 101]));
        assert_eq!(
            assembler.cut(&mut Vec::new()),
            Err(FrameError::TooLong { length: 101, limit: 100 })
        );
    }

    #[test]
    fn a_length_is_refused_before_memory_is_taken_for_it() {
        let mut assembler = Assembler::new(1 << 20);
        let header = Header { length: u32::MAX, kind: 1, id: 1 };
        assembler.buffer().extend_from_slice(&header.to_bytes());
        assert!(assembler.cut(&mut Vec::new()).is_err());
        assert!(assembler.buffer().capacity() <= 2 * CHUNK);
    }
}
