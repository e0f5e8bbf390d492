//! What happens in all pools.

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use async_channel::Receiver;
use smol::stream::Stream;

use crate::event::Event;
use crate::pool::{Events, Watched, watch};

/// The events of every pool, by its number.
pub(super) struct Followed {
    watched: Pin<Box<Receiver<Watched>>>,
    pools: BTreeMap<u64, Events>,
    /// Those that were taken from their pools.
    taken: VecDeque<(u64, Event)>,
    /// Too many pools were made that this has not looked at.
    is_lost: bool,
}

/// Events of a pool that are taken at a time, so that each has its turn.
const BATCH: usize = 16;

impl Followed {
    /// From now on.
    pub(super) fn new() -> Self {
        Self::of(watch())
    }

    pub(super) fn of(watched: Receiver<Watched>) -> Self {
        // Those that there are already do not count as unseen.
        let pools = std::iter::from_fn(|| watched.try_recv().ok()).collect();
        Self { watched: Box::pin(watched), pools, taken: VecDeque::new(), is_lost: false }
    }

    /// The next one; `None`: nobody has asked for so long, while pools were made, that this is over. It may
    /// be dropped before it is there: none is lost.
    pub(super) async fn next(&mut self) -> Option<(u64, Event)> {
        poll_fn(|cx| {
            if self.taken.is_empty() {
                self.take(cx);
            }
            match self.taken.pop_front() {
                None if !self.is_lost => Poll::Pending,
                next => Poll::Ready(next),
            }
        })
        .await
    }

    /// Takes those that there are; is woken for more where there are none.
    fn take(&mut self, cx: &mut Context<'_>) {
        while let Poll::Ready(watched) = self.watched.as_mut().poll_next(cx) {
            let Some((id, events)) = watched else {
                self.is_lost = true;
                break;
            };
            self.pools.entry(id).or_insert(events);
        }
        self.pools.retain(|&id, events| {
            for _ in 0..BATCH {
                match Pin::new(&mut *events).poll_next(cx) {
                    Poll::Ready(Some(event)) => self.taken.push_back((id, event)),
                    // The pool is over.
                    Poll::Ready(None) => return false,
                    Poll::Pending => break,
                }
            }
            true
        });
    }
}
