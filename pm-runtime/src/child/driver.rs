//! What drives the async code of a worker: smol, or tokio where its pool asks for that.

use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;

use smol::Async;

#[cfg(feature = "tokio")]
use super::on_tokio::{self, Tokio};
use crate::options::Runtime;

/// Whether the serving threads of a worker run its queries to their end, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Serving {
    Blocking,
    Async,
}

pub(super) enum Driver {
    Smol,
    #[cfg(feature = "tokio")]
    Tokio(Tokio),
}

impl Driver {
    #[cfg_attr(not(feature = "tokio"), allow(unused_variables, reason = "smol needs nothing"))]
    pub(super) fn new(runtime: Runtime, serving: Serving, pool: &str) -> io::Result<Self> {
        match runtime {
            Runtime::Smol => Ok(Self::Smol),
            #[cfg(feature = "tokio")]
            Runtime::Tokio => Tokio::new(serving, pool).map(Self::Tokio),
        }
    }

    /// Waits for a future, and drives meanwhile whatever else was started here.
    pub(super) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        match self {
            Self::Smol => smol::block_on(future),
            #[cfg(feature = "tokio")]
            Self::Tokio(tokio) => tokio.block_on(future),
        }
    }

    /// What the application's code finds around it.
    pub(super) fn context(&self) -> Context {
        Context {
            #[cfg(feature = "tokio")]
            tokio: match self {
                Self::Smol => None,
                Self::Tokio(tokio) => Some(tokio.handle()),
            },
        }
    }

    /// For [`block_on`](Self::block_on): tells when there is something to read.
    pub(super) fn watch(&self, socket: OwnedFd) -> io::Result<Readable> {
        match self {
            // What readiness means is all that is wanted of it; reads and writes say for
            // themselves whether they wait.
            Self::Smol => Async::new_nonblocking(socket).map(Readable::Smol),
            #[cfg(feature = "tokio")]
            Self::Tokio(tokio) => tokio.watch(socket).map(Readable::Tokio),
        }
    }

    /// Nothing is driven any more, and nothing that was started is waited for.
    pub(super) fn end(self) {
        match self {
            Self::Smol => {}
            #[cfg(feature = "tokio")]
            Self::Tokio(tokio) => tokio.end(),
        }
    }
}

/// Whether an executor runs this thread that could not have another one started in it.
pub(super) fn is_driven() -> bool {
    #[cfg(feature = "tokio")]
    return on_tokio::is_driven();
    #[cfg(not(feature = "tokio"))]
    false
}

/// What the threads of a worker have around the application's code.
#[derive(Clone)]
pub(super) struct Context {
    #[cfg(feature = "tokio")]
    tokio: Option<tokio::runtime::Handle>,
}

impl Context {
    pub(super) fn inside<R>(&self, run: impl FnOnce() -> R) -> R {
        #[cfg(feature = "tokio")]
        let _entered = self.tokio.as_ref().map(|handle| handle.enter());
        run()
    }
}

/// A socket that is waited for.
pub(super) enum Readable {
    Smol(Async<OwnedFd>),
    #[cfg(feature = "tokio")]
    Tokio(on_tokio::Socket),
}

impl Readable {
    /// Returns when there is something; all of it has to be read before the next wait. An error
    /// shows at the read.
    pub(super) async fn wait(&self) {
        match self {
            Self::Smol(socket) => {
                let _ = socket.readable().await;
            }
            #[cfg(feature = "tokio")]
            Self::Tokio(socket) => on_tokio::readable(socket).await,
        }
    }
}
