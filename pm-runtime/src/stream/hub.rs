//! All streams of one link, as one side has them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::channel::Channel;
use super::line::Line;
use super::registry::{Registry, Wakes};
use crate::transport::memory::{Broken, Lanes, Progress, Region, Side};
use crate::transport::piece::{Body, Piece};
use crate::wire::frame::{Frame, FrameError};
use crate::wire::message::stream;
use crate::wire::small::SmallBytes;

pub(crate) struct Hub {
    side: Side,
    /// `None`: what streams say goes over the data socket.
    lanes: Option<Lanes>,
    registry: Registry,
    line: Line,
    /// The other side has told of reading what it cannot have.
    broken: AtomicBool,
}

impl From<Broken> for FrameError {
    fn from(_: Broken) -> Self {
        Self::Memory
    }
}

impl Hub {
    pub(crate) fn new(region: Option<Arc<Region>>, side: Side) -> Self {
        Self {
            side,
            lanes: region.map(|region| Lanes::new(region, side)),
            registry: Registry::default(),
            line: Line::default(),
            broken: AtomicBool::new(false),
        }
    }

    /// From now on the other side may speak of this stream.
    pub(crate) fn enter(&self, id: u64, channel: Arc<Channel>) {
        self.registry.enter(id, channel);
    }

    /// What the other side says of it from now on is of no interest.
    pub(crate) fn leave(&self, id: u64) -> Option<Arc<Channel>> {
        self.registry.leave(id)
    }

    pub(crate) fn get(&self, id: u64) -> Option<Arc<Channel>> {
        self.registry.get(id)
    }

    pub(crate) fn len(&self) -> usize {
        self.registry.len()
    }

    /// Nothing goes or comes here any more; the streams that there were. One that was not open may be
    /// another worker's by now.
    pub(crate) fn clear(&self) -> Vec<Arc<Channel>> {
        let all = self.registry.take_all();
        self.line.clear();
        all
    }

    /// Puts a stream in line for room.
    pub(crate) fn line_up(&self, channel: Arc<Channel>) {
        self.line.add(channel);
    }

    /// Those that wait for room go on. `true`: something was said.
    pub(crate) fn go_on(&self, wakes: &mut Wakes) -> bool {
        self.line.go_on(wakes)
    }

    /// Puts a piece into the memory; [`show`](Self::show) has to follow. `Some(false)`: there is no
    /// room now. `None`: it has to go over the socket.
    pub(crate) fn put(&self, kind: u8, id: u64, bytes: &[u8]) -> Option<bool> {
        self.lanes.as_ref().map(|lanes| {
            lanes.put(kind, id, bytes).unwrap_or_else(|Broken| {
                // That shows when the other side is read from.
                self.broken.store(true, Ordering::Release);
                false
            })
        })
    }

    /// The other side does not keep to the protocol, which nobody has told yet.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    /// Lets the other side see what was put. `true`: there is something new.
    pub(crate) fn show(&self) -> bool {
        self.lanes.as_ref().is_some_and(Lanes::show)
    }

    /// Something was put into the memory that the other side cannot see yet.
    pub(crate) fn has_hidden(&self) -> bool {
        self.lanes.as_ref().is_some_and(Lanes::has_hidden)
    }

    /// Something has come through the memory.
    pub(crate) fn has_news(&self) -> bool {
        self.lanes.as_ref().is_some_and(Lanes::has_news)
    }

    /// There is room again for those that wait for some.
    pub(crate) fn may_go_on(&self) -> bool {
        !self.line.is_empty() && self.lanes.as_ref().is_some_and(Lanes::got_room)
    }

    /// How far there is something to read in the memory; of a writer that is dead, `all` of it.
    pub(crate) fn written(&self, all: bool) -> Result<u64, FrameError> {
        if self.is_broken() {
            return Err(FrameError::Memory);
        }
        self.lanes.as_ref().map_or(Ok(0), |lanes| Ok(lanes.written(all)?))
    }

    /// Reads up to there: pieces are given to their streams, what else comes to `other`.
    pub(crate) fn read(
        &self,
        until: u64,
        wakes: &mut Wakes,
        mut other: impl FnMut(Frame),
    ) -> Result<Progress, FrameError> {
        let Some(lanes) = &self.lanes else { return Ok(Progress::default()) };
        lanes.read(until, |piece| {
            if stream::is_piece(piece.kind) {
                return self.take(piece, wakes);
            }
            let payload = SmallBytes::from(piece.body.to_vec());
            other(Frame { kind: piece.kind, id: piece.id, payload });
            Ok(())
        })
    }

    /// The same, of one frame that came over the socket. `Some`: it is no piece.
    pub(crate) fn take_frame(
        &self,
        frame: Frame,
        wakes: &mut Wakes,
    ) -> Result<Option<Frame>, FrameError> {
        if !stream::is_piece(frame.kind) {
            return Ok(Some(frame));
        }
        let body = Body::Own(&frame.payload);
        self.take(&Piece { kind: frame.kind, id: frame.id, body }, wakes)?;
        Ok(None)
    }

    fn take(&self, piece: &Piece<'_>, wakes: &mut Wakes) -> Result<(), FrameError> {
        // These are a pool's to say: of a worker they would end what goes on.
        if self.side == Side::Pool && [stream::OVER, stream::DESTROY].contains(&piece.kind) {
            return Err(FrameError::Kind(piece.kind));
        }
        self.registry.take(piece, wakes)
    }
}
