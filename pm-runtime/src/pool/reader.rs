//! Who waits for messages of a worker looks for them, before anybody has to be woken.

use std::sync::Arc;
use std::task::{Context, Poll};

use super::shared::Shared;
use crate::error::QueryError;
use crate::stream::{Batch, Channel, Taken};
use crate::worker::{Came, Worker};

/// After so many turns in vain the next ones are not given; and after so many of those one is.
const ALONE: u8 = 4;
const PROBE: u8 = 20;

/// How often in a row it looks on, where what came was for nobody who waits.
const LOOKS: usize = 4;

/// Where more messages than these come at once, nobody waits for each.
const FEW: u32 = 2;

/// Takes messages out of a channel.
#[derive(Default)]
pub(super) struct Reader {
    batch: Batch,
    /// There was nothing, and its task has itself polled again; what its worker had been sent then.
    yielded: Option<u32>,
    /// How often in a row nothing more was sent meanwhile.
    alone: u8,
    /// Messages that came since there was nothing.
    got: u32,
}

/// Where messages come from.
pub(super) struct Origin<'a> {
    pub(super) shared: &'a Shared,
    pub(super) channel: &'a Arc<Channel>,
    /// `None`: it is gone, and its end is on its way.
    pub(super) worker: Option<&'a Arc<Worker>>,
}

impl Reader {
    /// Takes the next message, as `read` has it. `Err`: there will be no more; why.
    pub(super) fn poll_next<T>(
        &mut self,
        origin: &Origin<'_>,
        cx: &mut Context<'_>,
        read: impl FnOnce(&[u8]) -> T,
    ) -> Poll<Result<T, Result<(), QueryError>>> {
        loop {
            if let Some(message) = self.batch.next() {
                self.got += 1;
                let message = read(message);
                origin.channel.read(&mut self.batch);
                return Poll::Ready(Ok(message));
            }
            match self.take(origin, cx) {
                Taken::Some => {}
                Taken::Later => return Poll::Pending,
                Taken::Over(how) => return Poll::Ready(Err(how)),
            }
        }
    }

    /// Takes what has come, or looks for it; then the task is woken when it comes.
    fn take(&mut self, origin: &Origin<'_>, cx: &mut Context<'_>) -> Taken {
        let Origin { shared, channel, worker } = origin;
        let Some(worker) = worker else {
            return channel.poll_take(&mut self.batch, Some(cx));
        };
        let taken = channel.poll_take(&mut self.batch, None);
        let Taken::Later = taken else {
            self.yielded = None;
            return taken;
        };
        for _ in 0..LOOKS {
            let mut came = worker.read_pieces();
            let looks = came == Came::Nothing && worker.is_lucky();
            let yields = looks && self.yields(worker);
            if looks {
                shared.lead_streams(worker);
                if !yields {
                    came = worker.look_for_pieces();
                }
            }
            let taken = channel.poll_take(&mut self.batch, Some(cx));
            let nothing = matches!(taken, Taken::Later);
            self.yielded = (nothing && yields).then(|| worker.sent());
            if self.yielded.is_some() {
                cx.waker().wake_by_ref();
                return taken;
            }
            match came {
                _ if !nothing => return taken,
                // It looks from now on, so that the worker need not ring.
                Came::ForReader if worker.is_led() => return taken,
                Came::ForReader | Came::Nothing => break,
                // What makes room for the next message comes before its answer, for one.
                Came::Something => {}
            }
        }
        shared.end_streams_lead(worker);
        Taken::Later
    }

    /// Whether others of its task are to have their turn first, which may want to send something. Where
    /// that was in vain for a few times, only now and then.
    fn yields(&mut self, worker: &Worker) -> bool {
        self.alone = match self.yielded {
            _ if self.got > FEW => 0,
            Some(then) if then == worker.sent() => (self.alone + 1).min(ALONE),
            Some(_) => 0,
            None if self.alone >= PROBE => ALONE - 1,
            None if self.alone >= ALONE => self.alone + 1,
            None => self.alone,
        };
        self.got = 0;
        self.yielded.is_none() && self.alone < ALONE
    }

    /// Nobody takes messages any more.
    pub(super) fn discard(&mut self, channel: &Arc<Channel>) {
        channel.discard(&mut self.batch);
    }
}
