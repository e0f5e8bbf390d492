//! One end of a stream.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use super::flow::{Credit, Grant};
use super::incoming::{Batch, Incoming};
use super::registry::Wakes;
use crate::error::QueryError;
use crate::options::Window;
use crate::process::fork;
use crate::sync::lock;
use crate::transport::memory::PIECE;
use crate::transport::piece::Piece;
use crate::wire::frame::FrameError;
use crate::wire::message::stream as kind;

/// What takes the pieces of a stream to the other side.
pub(crate) trait Carrier: Send + Sync {
    /// Takes a piece of at most [`PIECE`] bytes. `false`: there is no room; whoever hears of some
    /// has the streams go on that stand in line.
    fn put(&self, kind: u8, id: u64, bytes: &[u8]) -> bool;
    /// Puts a stream in line for room.
    fn line_up(&self, channel: Arc<Channel>);
    /// Has the other side see what was put. Not under a lock of a stream.
    fn flush(self: Arc<Self>);
}

/// One end of a stream: what has come and is not read, what may be sent, and how it ended.
pub(crate) struct Channel {
    /// The longest message, in bytes.
    limit: usize,
    state: Mutex<State>,
}

struct State {
    id: Option<u64>,
    /// `None`: there is no other side yet, or no longer.
    carrier: Option<Arc<dyn Carrier>>,
    incoming: Incoming,
    outgoing: Outgoing,
    /// `Some`: nothing more comes or goes; why.
    ended: Option<Box<Result<(), QueryError>>>,
    /// Nobody wants it any more, though the other side is still to be told that it is over.
    destroyed: bool,
}

struct Outgoing {
    credit: Credit,
    /// What the other side may send again, and was not told.
    grant: Grant,
    /// A message of which some is still to go.
    pending: Option<Box<(Vec<u8>, usize)>>,
    /// What is said after all messages.
    last: Option<Box<(u8, Vec<u8>)>>,
    /// Nothing more may be sent.
    over: bool,
    /// That is not said yet.
    holds_end: bool,
    /// It stands in line for room.
    in_line: bool,
    senders: Vec<Waker>,
}

/// What came of asking for messages.
pub(crate) enum Taken {
    /// There are some.
    Some,
    /// There are none yet, and the task is woken when there are.
    Later,
    /// There will be no more; why.
    Over(Result<(), QueryError>),
}

/// Somebody who sends a message, and may give up.
struct Waiting<'a> {
    channel: &'a Channel,
    waits: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        // In a fork the lock may be held by a thread that there is only in the other process.
        if self.waits && !fork::is_fork() {
            self.channel.wake_senders();
        }
    }
}

/// A stream that takes nothing any more; why.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Over(pub(crate) Result<(), QueryError>);

impl Channel {
    pub(crate) fn new(window: Window, limit: usize) -> Self {
        let outgoing = Outgoing {
            credit: Credit::new(window),
            grant: Grant::default(),
            pending: None,
            last: None,
            over: false,
            holds_end: false,
            in_line: false,
            senders: Vec::new(),
        };
        let state = State {
            id: None,
            carrier: None,
            incoming: Incoming::new(window),
            outgoing,
            ended: None,
            destroyed: false,
        };
        Self { limit, state: Mutex::new(state) }
    }

    /// The longest message, in bytes.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// From now on it has another side.
    pub(crate) fn attach(&self, id: u64, carrier: Arc<dyn Carrier>) {
        let mut state = lock(&self.state);
        let old = state.carrier.replace(carrier);
        state.id = Some(id);
        drop(state);
        drop(old);
    }

    /// Its name, if it ever had another side.
    pub(crate) fn id(&self) -> Option<u64> {
        lock(&self.state).id
    }

    /// Sends a message, if the other side has room for it; it is empty then. Without a context
    /// nobody is woken later. [`flush`](Self::flush) has to follow.
    pub(crate) fn poll_send(
        self: &Arc<Self>,
        message: &mut Vec<u8>,
        cx: Option<&mut Context<'_>>,
    ) -> Poll<Result<(), Over>> {
        let mut state = lock(&self.state);
        if let Some(over) = state.takes_no_more() {
            return Poll::Ready(Err(over));
        }
        let out = &mut state.outgoing;
        if out.pending.is_some() || !out.credit.allows(message.len()) {
            return state.wait_to_send(cx);
        }
        out.credit.spend(message.len());
        if message.len() <= PIECE && !state.outgoing.in_line && state.put(kind::MESSAGE, message) {
            message.clear();
            return Poll::Ready(Ok(()));
        }
        state.outgoing.pending = Some(Box::new((std::mem::take(message), 0)));
        state.go_on(self, usize::MAX);
        Poll::Ready(Ok(()))
    }

    /// Sends a message as soon as there is room. [`flush`](Self::flush) has to follow.
    pub(crate) async fn send(self: &Arc<Self>, mut message: Vec<u8>) -> Result<(), Over> {
        let mut waiting = Waiting { channel: self, waits: false };
        poll_fn(|cx| {
            let sent = self.poll_send(&mut message, Some(cx));
            waiting.waits = sent.is_pending();
            sent
        })
        .await
    }

    /// Waits until all that was sent is on its way.
    pub(crate) fn poll_sent(&self, cx: &mut Context<'_>) -> Poll<Result<(), Over>> {
        let mut state = lock(&self.state);
        match (&state.outgoing.pending, state.ended.as_deref()) {
            (None, None | Some(Ok(()))) => Poll::Ready(Ok(())),
            (_, Some(ended)) => Poll::Ready(Err(Over(ended.clone()))),
            (Some(_), None) => state.wait_to_send(Some(cx)),
        }
    }

    /// Waits until all is on its way that is ever said.
    pub(crate) fn poll_finished(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = lock(&self.state);
        let out = &state.outgoing;
        match state.ended.is_some() || (out.pending.is_none() && out.last.is_none()) {
            true => Poll::Ready(()),
            false => state.wait_to_send(Some(cx)),
        }
    }

    /// Nothing more may be sent; this is said behind all messages. `false`: something was said
    /// already.
    pub(crate) fn finish(self: &Arc<Self>, kind: u8, bytes: Vec<u8>) -> bool {
        let mut state = lock(&self.state);
        if state.outgoing.over || state.ended.is_some() {
            return false;
        }
        state.outgoing.over = true;
        state.outgoing.last = Some(Box::new((kind, bytes)));
        state.go_on(self, usize::MAX);
        let senders = std::mem::take(&mut state.outgoing.senders);
        drop(state);
        let mut wakes = Wakes::default();
        wakes.add(senders);
        wakes.wake();
        true
    }

    /// Does not say that it has finished before it may.
    pub(crate) fn hold_end(&self) {
        lock(&self.state).outgoing.holds_end = true;
    }

    /// From now on it may. [`flush`](Self::flush) has to follow.
    pub(crate) fn let_end(self: &Arc<Self>) {
        let mut state = lock(&self.state);
        state.outgoing.holds_end = false;
        state.go_on(self, usize::MAX);
        // What had no other side yet may have gone, and made room for who waited behind it.
        let may_go = state.outgoing.pending.is_none();
        drop(state);
        if may_go {
            self.wake_senders();
        }
    }

    /// Has the other side see what was sent.
    pub(crate) fn flush(&self) {
        let carrier = lock(&self.state).carrier.clone();
        if let Some(carrier) = carrier {
            carrier.flush();
        }
    }

    /// There may be room: says what is to be said, a piece of it. `false`: there was none.
    pub(crate) fn go_on(self: &Arc<Self>, wakes: &mut Wakes) -> bool {
        let mut state = lock(&self.state);
        state.outgoing.in_line = false;
        let went = state.go_on(self, 1);
        if state.outgoing.pending.is_none() {
            wakes.add(std::mem::take(&mut state.outgoing.senders));
        }
        went
    }

    /// Takes messages that have come, all of those that are there; the batch must be empty.
    pub(crate) fn poll_take(
        self: &Arc<Self>,
        batch: &mut Batch,
        cx: Option<&mut Context<'_>>,
    ) -> Taken {
        let mut state = lock(&self.state);
        let read = batch.take_read(true);
        let grants = read.is_some_and(|read| state.read(self, read));
        let State { incoming, ended, .. } = &mut *state;
        let mut old = None;
        let taken = if incoming.move_into(batch) {
            Taken::Some
        } else if let Some(ended) = ended {
            Taken::Over((**ended).clone())
        } else if incoming.over {
            Taken::Over(Ok(()))
        } else {
            incoming.shrink(batch);
            if let Some(cx) = cx
                && !incoming.reader.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()))
            {
                old = incoming.reader.replace(cx.waker().clone());
            }
            Taken::Later
        };
        let carrier = if grants { state.carrier.clone() } else { None };
        drop(state);
        // Not under the lock: it may be the last that holds the other half of the stream.
        drop(old);
        if let Some(carrier) = carrier {
            carrier.flush();
        }
        taken
    }

    /// Tells the other side of what was read of a batch that is not used up, if it is time.
    pub(crate) fn read(self: &Arc<Self>, batch: &mut Batch) {
        let Some(read) = batch.take_read(false) else { return };
        let mut state = lock(&self.state);
        if state.read(self, read) {
            let carrier = state.carrier.clone();
            drop(state);
            if let Some(carrier) = carrier {
                carrier.flush();
            }
        }
    }

    /// Nobody will read what comes any more.
    pub(crate) fn discard(self: &Arc<Self>, batch: &mut Batch) {
        let mut state = lock(&self.state);
        let read = state.incoming.discard(batch);
        let reader = state.incoming.reader.take();
        state.read(self, read);
        drop(state);
        drop(reader);
        self.flush();
    }

    /// A piece has come.
    pub(super) fn take(
        self: &Arc<Self>,
        piece: &Piece<'_>,
        wakes: &mut Wakes,
    ) -> Result<(), FrameError> {
        let mut state = lock(&self.state);
        if state.ended.is_some() {
            return Ok(());
        }
        match piece.kind {
            kind::MESSAGE | kind::PIECE => {
                let whole = piece.kind == kind::MESSAGE;
                if let Some(size) = state.incoming.take(piece, whole, self.limit)?
                    && state.incoming.unread
                {
                    let mut read = Grant::default();
                    read.add(size);
                    state.read(self, read);
                }
                if whole {
                    wakes.add_reader(state.incoming.reader.take());
                }
            }
            kind::GRANT => {
                let grant = Grant::from_bytes(&piece.body.to_vec()).ok_or(FrameError::Grant)?;
                let out = &mut state.outgoing;
                out.credit.granted(grant).map_err(|_| FrameError::Grant)?;
                wakes.add(std::mem::take(&mut out.senders));
            }
            kind::OVER => {
                state.incoming.over = true;
                wakes.add_reader(state.incoming.reader.take());
            }
            kind::DESTROY => state.destroy(wakes),
            // Others are its owner's to hear.
            _ => {}
        }
        Ok(())
    }

    /// It is over, on both sides. What has come can still be read.
    pub(crate) fn end(&self, how: Result<(), QueryError>, wakes: &mut Wakes) {
        let mut state = lock(&self.state);
        if state.ended.is_some() {
            return;
        }
        state.ended = Some(Box::new(how));
        let carrier = state.carrier.take();
        let pending = state.outgoing.pending.take();
        state.outgoing.last = None;
        state.outgoing.grant = Grant::default();
        wakes.add_reader(state.incoming.reader.take());
        wakes.add(std::mem::take(&mut state.outgoing.senders));
        drop(state);
        drop((carrier, pending));
    }

    /// Nothing more may be sent.
    pub(crate) fn is_over(&self) -> bool {
        lock(&self.state).takes_no_more().is_some()
    }

    /// Nobody wants it any more: its code is to end.
    pub(crate) fn destroy(&self, wakes: &mut Wakes) {
        lock(&self.state).destroy(wakes);
    }

    /// The other side does not want it any more.
    pub(crate) fn is_destroyed(&self) -> bool {
        lock(&self.state).destroyed
    }

    /// It is over, on both sides.
    pub(crate) fn has_ended(&self) -> bool {
        lock(&self.state).ended.is_some()
    }

    /// Has everybody look again who waits to send, and keeps none of their wakers: one of a task that is
    /// over keeps its memory.
    pub(crate) fn wake_senders(&self) {
        let senders = std::mem::take(&mut lock(&self.state).outgoing.senders);
        let mut wakes = Wakes::default();
        wakes.add(senders);
        wakes.wake();
    }

    /// Woken when nothing more may be sent, and whenever something may.
    pub(crate) fn wake_when_over(&self, cx: &mut Context<'_>) {
        let _: Poll<()> = lock(&self.state).wait_to_send(Some(cx));
    }
}

impl State {
    fn destroy(&mut self, wakes: &mut Wakes) {
        self.destroyed = true;
        wakes.add_reader(self.incoming.reader.take());
        wakes.add(std::mem::take(&mut self.outgoing.senders));
    }

    fn takes_no_more(&self) -> Option<Over> {
        match &self.ended {
            Some(ended) => Some(Over((**ended).clone())),
            None => (self.outgoing.over || self.destroyed).then_some(Over(Ok(()))),
        }
    }

    fn wait_to_send<T>(&mut self, cx: Option<&mut Context<'_>>) -> Poll<T> {
        let senders = &mut self.outgoing.senders;
        if let Some(cx) = cx
            && !senders.iter().any(|waker| waker.will_wake(cx.waker()))
        {
            senders.push(cx.waker().clone());
        }
        Poll::Pending
    }

    fn put(&self, kind: u8, bytes: &[u8]) -> bool {
        self.carrier.as_ref().zip(self.id).is_some_and(|(carrier, id)| carrier.put(kind, id, bytes))
    }

    /// So much was read. `true`: the other side is told.
    fn read(&mut self, channel: &Arc<Channel>, read: Grant) -> bool {
        let Some(grant) = self.incoming.intake.consumed(read) else { return false };
        self.outgoing.grant.messages += grant.messages;
        self.outgoing.grant.bytes += grant.bytes;
        self.go_on(channel, usize::MAX);
        true
    }

    /// Says what is to be said, as much as there is room for, and so many pieces at most; stands in
    /// line for the rest. `false`: there was no room for any of it.
    fn go_on(&mut self, channel: &Arc<Channel>, most: usize) -> bool {
        let mut said = if self.outgoing.in_line { 0 } else { self.say(most) };
        let more = !self.outgoing.grant.is_empty()
            || self.outgoing.pending.is_some()
            || (self.outgoing.last.is_some() && !self.outgoing.holds_end);
        if more
            && !self.outgoing.in_line
            && let Some(carrier) = &self.carrier
        {
            carrier.line_up(channel.clone());
            // Who made room before it stood there has found nobody to go on.
            said += if said < most { self.say(most - said) } else { 0 };
            self.outgoing.in_line = true;
        }
        said > 0 || !more
    }

    fn say(&mut self, most: usize) -> usize {
        let mut said = 0;
        if !self.outgoing.grant.is_empty() {
            if !self.put(kind::GRANT, &self.outgoing.grant.to_bytes()) {
                return said;
            }
            self.outgoing.grant = Grant::default();
            said += 1;
        }
        while said < most
            && let Some((message, sent)) = self.outgoing.pending.as_deref()
        {
            let rest = &message[*sent..];
            let piece = &rest[..rest.len().min(PIECE)];
            let (size, whole) = (piece.len(), piece.len() == rest.len());
            if !self.put(if whole { kind::MESSAGE } else { kind::PIECE }, piece) {
                return said;
            }
            said += 1;
            match (&mut self.outgoing.pending, whole) {
                (Some(pending), false) => pending.1 += size,
                (pending, _) => *pending = None,
            }
        }
        if said < most
            && self.outgoing.pending.is_none()
            && !self.outgoing.holds_end
            && let Some((kind, bytes)) = self.outgoing.last.as_deref()
            && self.put(*kind, bytes)
        {
            self.outgoing.last = None;
            said += 1;
        }
        said
    }
}
