//! The pools of this process.

use std::sync::{Arc, Mutex, Weak};

#[cfg(feature = "operator")]
use super::events::Events;
use super::shared::Shared;
use super::{Handles, Pool};
use crate::process::fork;
use crate::sync::lock;

/// Every pool that is not gone, in the order in which they were made.
static POOLS: Mutex<Vec<Entry>> = Mutex::new(Vec::new());

/// Who wants to hear of every pool.
#[cfg(feature = "operator")]
static WATCHES: Mutex<Vec<async_channel::Sender<Watched>>> = Mutex::new(Vec::new());

/// A pool's number, and what happens in it.
#[cfg(feature = "operator")]
pub(crate) type Watched = (u64, Events);

struct Entry {
    shared: Weak<Shared>,
    /// None are left of a pool that ends in the background.
    handles: Weak<Handles>,
}

/// Every live pool of this process, in the order in which they were made: used or not, until it is
/// destroyed or its last handle is dropped.
///
/// They are handles like others, and keep their pools alive. In a forked child, which has none of
/// its parent's workers, there are no pools.
///
/// ```
/// use pm_runtime::worker_query;
///
/// #[worker_query(workers = 1)]
/// fn double(n: u32) -> u32 {
///     2 * n
/// }
///
/// #[pm_runtime::main]
/// async fn main() {
///     let pool = DoublePool::new();
///     assert_eq!(pm_runtime::pools()[0].name(), "double");
///     pool.destroy().await;
///     assert!(pm_runtime::pools().is_empty());
/// }
/// ```
pub fn pools() -> Vec<Pool> {
    let handles = collect(|entry| entry.handles.upgrade());
    let pools = handles.into_iter().map(|handles| Pool { handles, policy: None });
    pools.filter(|pool| !pool.inner().is_destroyed()).collect()
}

/// Every pool of this process that is not destroyed, those that end in the background included.
pub(crate) fn undestroyed() -> Vec<Arc<Shared>> {
    let mut pools = collect(|entry| entry.shared.upgrade());
    pools.retain(|shared| !shared.is_destroyed());
    pools
}

/// Every pool of this process that somebody may still ask, those that are over included.
#[cfg(feature = "metrics")]
pub(super) fn all() -> Vec<Arc<Shared>> {
    collect(|entry| entry.shared.upgrade())
}

/// Nothing of it may be dropped under the lock: what is the last of its kind comes back here.
fn collect<T>(upgrade: fn(&Entry) -> Option<T>) -> Vec<T> {
    if fork::is_fork() {
        // The lock may be held for ever.
        return Vec::new();
    }
    lock(&POOLS).iter().filter_map(upgrade).collect()
}

/// The events of every pool: of those that there are, and, before anything happens in them, of those
/// that are made from now on.
#[cfg(feature = "operator")]
pub(crate) fn watch() -> async_channel::Receiver<Watched> {
    let (sender, watched) = async_channel::unbounded();
    if fork::is_fork() {
        return watched;
    }
    let mut watches = lock(&WATCHES);
    watches.retain(|watch| !watch.is_closed());
    watches.push(sender.clone());
    drop(watches);
    for shared in undestroyed() {
        // One that is made meanwhile may come twice.
        let _ = sender.try_send((shared.id, shared.events()));
    }
    watched
}

/// Pools that somebody who watches may not have looked at.
#[cfg(feature = "operator")]
const UNSEEN: usize = 1024;

/// Whoever watches hears of a new pool, before anybody can use it; who does not look hears no more.
#[cfg(feature = "operator")]
fn announce(shared: &Shared) {
    let hears = |watch: &async_channel::Sender<Watched>| {
        watch.len() < UNSEEN && watch.try_send((shared.id, shared.events())).is_ok()
    };
    lock(&WATCHES).retain(hears);
}

/// There is a new pool.
pub(super) fn enter(handles: &Arc<Handles>) {
    if !fork::is_fork() {
        let shared = Arc::downgrade(handles.shared());
        lock(&POOLS).push(Entry { shared, handles: Arc::downgrade(handles) });
        #[cfg(feature = "operator")]
        announce(handles.shared());
    }
}

/// A pool is gone.
pub(super) fn leave(shared: &Shared) {
    if !fork::is_fork() {
        lock(&POOLS).retain(|entry| !std::ptr::eq(entry.shared.as_ptr(), shared));
    }
}

#[cfg(all(test, feature = "operator"))]
mod tests {
    use super::*;
    use crate::child::entries::{Entry as Code, Reply, Serve};
    use crate::options::Options;
    use crate::wire::bulk::Parcel;

    #[test]
    fn who_watches_and_does_not_look_hears_of_so_many_pools_and_no_more() {
        let watched = watch();
        for _ in 0..2 * UNSEEN {
            let serve = Serve::blocking(|_| Reply(Ok(Parcel::default())));
            let (title, signature) = ("watched", "fn watched()");
            let code =
                Code { name: || "watched", title, signature, place: (file!(), line!()), serve };
            drop(Pool::new(Shared::new("watched".into(), code, Options::default())));
        }
        // Those of other tests may have been there before.
        assert!(watched.is_closed() && watched.len() < UNSEEN + 100, "{}", watched.len());
    }
}
