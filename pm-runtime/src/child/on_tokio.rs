//! Workers whose async code tokio drives.

use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;

use async_channel::Sender;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::LocalSet;

use super::driver::Serving;

pub(super) type Socket = AsyncFd<OwnedFd>;

/// Whether a runtime of tokio runs this thread.
pub(super) fn is_driven() -> bool {
    Handle::try_current().is_ok()
}

/// A runtime of one thread. What a query has spawned is driven beyond its end: while others run,
/// and while there is none.
pub(super) enum Tokio {
    /// The serving thread drives it.
    Here { runtime: Runtime, local: LocalSet },
    /// The serving threads block, so that another drives it.
    Beside {
        handle: Handle,
        /// Its drop ends the other thread.
        over: Sender<()>,
    },
}

impl Tokio {
    pub(super) fn new(serving: Serving, pool: &str) -> io::Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .thread_name(format!("{pool} blocking"))
            .build()?;
        match serving {
            Serving::Async => Ok(Self::Here { runtime, local: LocalSet::new() }),
            Serving::Blocking => {
                let handle = runtime.handle().clone();
                let (over, is_over) = async_channel::bounded::<()>(1);
                let drive = move || {
                    // It fails when the sender is gone, and nothing is ever sent.
                    let _ = runtime.block_on(is_over.recv());
                    runtime.shutdown_background();
                };
                std::thread::Builder::new().name(format!("{pool} tokio")).spawn(drive)?;
                Ok(Self::Beside { handle, over })
            }
        }
    }

    pub(super) fn handle(&self) -> Handle {
        match self {
            Self::Here { runtime, .. } => runtime.handle().clone(),
            Self::Beside { handle, .. } => handle.clone(),
        }
    }

    pub(super) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        match self {
            Self::Here { runtime, local } => local.block_on(runtime, future),
            // Not in the runtime: so blocking code may block on it.
            Self::Beside { .. } => smol::block_on(future),
        }
    }

    #[allow(deprecated, reason = "what owns its descriptor needs no promise, and no unsafe code")]
    pub(super) fn watch(&self, socket: OwnedFd) -> io::Result<Socket> {
        let handle = self.handle();
        let _entered = handle.enter();
        AsyncFd::with_interest(socket, Interest::READABLE)
    }

    pub(super) fn end(self) {
        match self {
            Self::Here { runtime, local } => {
                // What it holds may want the runtime for its end.
                let entered = runtime.enter();
                drop(local);
                drop(entered);
                runtime.shutdown_background();
            }
            Self::Beside { over, .. } => drop(over),
        }
    }
}

/// Returns when there is something to read. What comes from then on is told anew.
pub(super) async fn readable(socket: &Socket) {
    if let Ok(mut ready) = socket.readable().await {
        ready.clear_ready();
    }
}
