//! What happens in all pools.

use std::collections::BTreeMap;
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
}

/// Events of a pool that are taken at a time, so that each has its turn.
const BATCH: usize = 16;

impl Followed {
    /// From now on.
    pub(super) fn new() -> Self {
        Self { watched: Box::pin(watch()), pools: BTreeMap::new() }
    }

    /// The next ones, one at least.
    pub(super) async fn next(&mut self) -> Vec<(u64, Event)> {
        poll_fn(|cx| match self.take(cx) {
            none if none.is_empty() => Poll::Pending,
            some => Poll::Ready(some),
        })
        .await
    }

    /// Those that there are; is woken for more where there are none.
    fn take(&mut self, cx: &mut Context<'_>) -> Vec<(u64, Event)> {
        while let Poll::Ready(Some((id, events))) = self.watched.as_mut().poll_next(cx) {
            self.pools.entry(id).or_insert(events);
        }
        let mut taken = Vec::new();
        self.pools.retain(|&id, events| {
            for _ in 0..BATCH {
                match Pin::new(&mut *events).poll_next(cx) {
                    Poll::Ready(Some(event)) => taken.push((id, event)),
                    // The pool is over.
                    Poll::Ready(None) => return false,
                    Poll::Pending => break,
                }
            }
            true
        });
        taken
    }
}
