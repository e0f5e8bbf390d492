//! Setting up a pool.

mod limits;
mod size;

use std::any::TypeId;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use super::Pool;
use super::shared::Shared;
use crate::child::{self, entries::Entry};
use crate::listener::{Listener, ReusePort};
use crate::options::{Cancel, Options, Runtime, Transport};
use crate::process::fork;
use crate::surroundings::Stdio;
use crate::sync::lock;

/// A typed handle, as the macros write it.
pub trait Handle: Face {
    /// What the pool's workers run.
    const ENTRY: Entry;
}

/// A typed handle of raw workers.
pub trait RawHandle: Handle {}

/// What all typed handles have in common.
pub trait Face: Deref<Target = Pool> + Clone + 'static {
    /// A typed face for a pool.
    fn from_pool(pool: Pool) -> Self;
}

/// The pool of the whole process: the first call makes it, and the next one after its end.
pub fn shared<P: Face>(new: fn() -> P) -> P {
    static SHARED: Mutex<BTreeMap<TypeId, Pool>> = Mutex::new(BTreeMap::new());
    if fork::is_fork() {
        // The lock may be held for ever; no pool works here, and each says why.
        return new();
    }
    let open = |shared: &BTreeMap<TypeId, Pool>| {
        let pool = shared.get(&TypeId::of::<P>()).filter(|pool| pool.is_open());
        pool.cloned().map(P::from_pool)
    };
    let there = open(&lock(&SHARED));
    there.unwrap_or_else(|| {
        // Not under the lock: its options may be code of the application.
        let fresh = child::as_the_process(new);
        let mut shared = lock(&SHARED);
        // Somebody may have made one meanwhile.
        let there = open(&shared);
        let ended = match there {
            None => shared.insert(TypeId::of::<P>(), (*fresh).clone()),
            Some(_) => None,
        };
        drop(shared);
        drop(ended);
        there.unwrap_or(fresh)
    })
}

/// Sets up a pool; every option has the name, the default and the meaning that it has in the
/// attribute.
///
/// Durations take `None` for no limit. A value that makes no sense (no workers, no time) shows when
/// the first worker is started, as [`BootError::Option`](crate::BootError::Option).
///
/// ```
/// use pm_runtime::worker_query;
/// use std::time::Duration;
///
/// #[worker_query(timeout = "30s")]
/// fn double(n: u32) -> u32 {
///     2 * n
/// }
///
/// #[pm_runtime::main]
/// async fn main() -> Result<(), pm_runtime::Error> {
///     let pool = DoublePool::builder().workers(1).timeout(Duration::from_secs(1)).build();
///     assert_eq!(pool.query(21).await?, 42);
///     Ok(())
/// }
/// ```
#[must_use = "it does nothing until it is built"]
pub struct PoolBuilder<P> {
    options: Options,
    handle: PhantomData<fn() -> P>,
}

impl<P: Handle> PoolBuilder<P> {
    pub(crate) fn new() -> Self {
        Self { options: Options::default(), handle: PhantomData }
    }

    /// How long one run in a worker may take, from the moment that the worker begins it; 15
    /// minutes by default. A sync query that takes longer costs its worker. An async one is dropped
    /// there at its next await; where it comes to none within one second more, that costs its worker,
    /// too, and what else runs there.
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.options.timeout = timeout.into();
        self
    }

    /// How long a query may wait for a worker; for ever by default.
    pub fn queue_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.options.queue_timeout = timeout.into();
        self
    }

    /// How long a worker may take from its start until it is ready; 10 seconds by default. Also
    /// how long it may begin nothing of what it was handed. `None` is no limit.
    pub fn boot_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.options.boot_timeout = timeout.into();
        self
    }

    /// How long a release may take before what still runs is killed; 30 seconds by default. `None`
    /// is no limit: a release waits for what runs, under its own `timeout`.
    pub fn grace(mut self, grace: impl Into<Option<Duration>>) -> Self {
        self.options.grace = grace.into();
        self
    }

    /// How many queries a worker runs at once: 1 for a `fn`, 64 for an `async fn` and for a service
    /// with one, by default. A `fn` gets so many threads; in a service only async methods overlap,
    /// at their awaits.
    pub fn concurrency(mut self, concurrency: usize) -> Self {
        self.options.concurrency = Some(concurrency);
        self
    }

    /// What dropping a call does where its query runs and cannot be dropped in its worker:
    /// [`Cancel::Detach`] by default. [`Cancel::Kill`] makes `concurrency` 1 where there are such
    /// queries; more of it is a mistake.
    pub fn cancel(mut self, cancel: Cancel) -> Self {
        self.options.cancel = cancel;
        self
    }

    /// How many queries may wait before an [immediate](crate::Call::immediate) one is refused;
    /// 1024 by default. Those do not count that a worker was handed ahead: up to 16 beyond those that it
    /// runs, and more of those that take microseconds. With `queue(4)` one worker's pool may hold 21. As long as no worker is ready,
    /// every query waits: [`start`](Pool::start) the pool first, where a burst comes at once.
    pub fn queue(mut self, queue: usize) -> Self {
        self.options.queue = queue;
        self
    }

    /// How many bytes of arguments may wait before an immediate query is refused; 256 MiB by
    /// default.
    pub fn queue_bytes(mut self, bytes: usize) -> Self {
        self.options.queue_bytes = bytes;
        self
    }

    /// How often a query runs again whose worker died under it; 0 by default. See
    /// [`Call::retries`](crate::Call::retries). For pools of queries: what opens a stream does not open it
    /// twice.
    pub fn retries(mut self, retries: u32) -> Self {
        self.options.retries = retries;
        self
    }

    /// How many workers a query may kill before it is refused, with
    /// [`Quarantined`](crate::QueryError::Quarantined); 3 by default, `None` for any number.
    ///
    /// A query is told by its arguments, encoded: whoever sends the same ones. (Where an argument is the
    /// path of a file, it is the path that is refused, and not what the file holds.) What counts are the
    /// workers that it killed by its own doing within [`crash_window`](Self::crash_window), while
    /// nothing else ran in them: a signal from outside does not count, nor does what has no arguments.
    /// Where several queries ran in a worker that died, each of them is suspected, and runs alone
    /// when it comes again. What is refused stays so until [`forgive`](crate::Pool::forgive), or
    /// until a thousand others have been met.
    ///
    /// ```
    /// use pm_runtime::{QueryError, worker_query};
    ///
    /// #[worker_query(workers = 1, quarantine = 2)]
    /// fn parse(text: &str) -> usize {
    ///     if text == "poison" {
    ///         std::process::abort()
    ///     }
    ///     text.len()
    /// }
    ///
    /// #[pm_runtime::main]
    /// async fn main() -> Result<(), pm_runtime::Error> {
    ///     let pool = ParsePool::new();
    ///     for _ in 0..2 {
    ///         assert!(matches!(pool.query("poison").await, Err(QueryError::Crashed(_))));
    ///     }
    ///     assert_eq!(pool.query("poison").await, Err(QueryError::Quarantined { crashes: 2 }));
    ///     assert_eq!(pool.query("potion").await?, 6);
    ///     Ok(())
    /// }
    /// ```
    pub fn quarantine(mut self, crashes: impl Into<Option<u32>>) -> Self {
        self.options.quarantine = crashes.into();
        self
    }

    /// How many crashes within [`crash_window`](Self::crash_window) are made good; 5 by default,
    /// `None` for any number. After one more dead workers are not replaced, and when none is left
    /// queries fail with [`BudgetExhausted`](crate::QueryError::BudgetExhausted). From then on one
    /// worker is tried every 10 seconds, and the first answer heals the pool: once the cause is
    /// gone, that takes up to so long.
    pub fn max_crashes(mut self, crashes: impl Into<Option<u32>>) -> Self {
        self.options.max_crashes = crashes.into();
        self
    }

    /// How long a crash is remembered; 30 minutes by default, `None` for ever.
    pub fn crash_window(mut self, window: impl Into<Option<Duration>>) -> Self {
        self.options.crash_window = window.into();
        self
    }

    /// The largest message either way, in bytes of encoded arguments or answer; 64 MiB by
    /// default.
    pub fn max_frame(mut self, bytes: usize) -> Self {
        self.options.max_frame = bytes;
        self
    }

    /// How many messages of one stream may be on their way in one direction, and not be read, before
    /// who sends has to wait; 512 by default. For pools of [streams](crate::worker_stream).
    pub fn window(mut self, messages: u32) -> Self {
        self.options.window.messages = messages;
        self
    }

    /// How many bytes of those messages may be; 256 KiB by default. A message that is larger than half
    /// of that may exceed it when half is free. For pools of [streams](crate::worker_stream).
    pub fn window_bytes(mut self, bytes: usize) -> Self {
        self.options.window.bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self
    }

    /// How queries travel between the pool and its workers; [`Transport::Auto`] by default.
    pub fn transport(mut self, transport: Transport) -> Self {
        self.options.transport = transport;
        self
    }

    /// What drives the async code of the workers: [`Runtime::Smol`] by default.
    pub fn runtime(mut self, runtime: Runtime) -> Self {
        self.options.runtime = runtime;
        self
    }

    /// A variable of the workers' environment, beside those that they inherit. No effect in
    /// process.
    ///
    /// ```
    /// # use pm_runtime::worker_query;
    /// #[worker_query(workers = 1, env(SAFARI_MODE = "calm"))]
    /// fn mode() -> Option<String> {
    ///     std::env::var("SAFARI_MODE").ok()
    /// }
    ///
    /// #[pm_runtime::main]
    /// async fn main() -> Result<(), pm_runtime::Error> {
    ///     assert_eq!(ModePool::new().query().await?.as_deref(), Some("calm"));
    ///     let pool = ModePool::builder().env("SAFARI_MODE", "high_performance").build();
    ///     assert_eq!(pool.query().await?.as_deref(), Some("high_performance"));
    ///     let pool = ModePool::builder().envs([("HOME", "/"), ("SAFARI_MODE", "lazy")]).build();
    ///     assert_eq!(pool.query().await?.as_deref(), Some("lazy"));
    ///     Ok(())
    /// }
    /// ```
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.options.surroundings.env.insert(name.as_ref().into(), value.as_ref().into());
        self
    }

    /// [`env`](Self::env) for each of several.
    pub fn envs(
        self,
        variables: impl IntoIterator<Item = (impl AsRef<OsStr>, impl AsRef<OsStr>)>,
    ) -> Self {
        variables.into_iter().fold(self, |builder, (name, value)| builder.env(name, value))
    }

    /// Whether the workers inherit nothing of the environment, and have only what
    /// [`env`](Self::env) gives them; where the program finds libraries through `LD_LIBRARY_PATH`,
    /// they need that too. No effect in process.
    pub fn clear_env(mut self, clear: bool) -> Self {
        self.options.surroundings.clear_env = clear;
        self
    }

    /// The working directory of the workers; the application's by default. One that is not there
    /// is a [`BootError::Surroundings`](crate::BootError). A relative path is seen from the
    /// application's, and so is [`program`](Self::program). No effect in process.
    pub fn cwd(mut self, cwd: impl Into<PathBuf>) -> Self {
        self.options.surroundings.attributes.set_cwd(cwd.into());
        self
    }

    /// The nice value of the workers, from -20 (served first) to 19 (served last); the
    /// application's by default. It is the value itself, nothing that is added. One below the
    /// application's needs a privilege; without that it is a
    /// [`BootError::Surroundings`](crate::BootError). No effect in process.
    pub fn nice(mut self, nice: i32) -> Self {
        self.options.surroundings.attributes.nice = Some(nice);
        self
    }

    /// Where the output of the workers goes; to the application's by default. No effect in process.
    ///
    /// ```
    /// use pm_runtime::{Event, Stdio, worker_query};
    /// use smol::stream::StreamExt;
    ///
    /// #[worker_query(workers = 1, stdio = "capture")]
    /// fn greet(name: &str) {
    ///     println!("Hello, {name}!");
    /// }
    ///
    /// #[pm_runtime::main]
    /// async fn main() -> Result<(), pm_runtime::Error> {
    ///     let pool = GreetPool::new();
    ///     let mut events = pool.events();
    ///     pool.query("pikachu").await?;
    ///     while let Some(event) = events.next().await {
    ///         if let Event::Output { line, .. } = event {
    ///             assert_eq!(line.text(), "Hello, pikachu!");
    ///             break;
    ///         }
    ///     }
    ///     let quiet = GreetPool::builder().stdio(Stdio::Null).build();
    ///     quiet.query("eevee").await?;
    ///     Ok(())
    /// }
    /// ```
    pub fn stdio(mut self, stdio: Stdio) -> Self {
        self.options.surroundings.stdio = stdio;
        self
    }

    /// Whether the system writes a core dump when a worker crashes, as large as the hard limit
    /// allows. By default it does not, because a caller learns of the crash only when the dump is
    /// written. What a worker starts inherits the limit. No effect in process.
    pub fn core_dumps(mut self, core_dumps: bool) -> Self {
        self.options.surroundings.attributes.core_dumps = core_dumps;
        self
    }

    /// Another executable than this one; it has to hold the same function, and to call
    /// [`init`](crate::init). A name without a path is looked up in the application's `PATH`.
    pub fn program(mut self, program: impl Into<PathBuf>) -> Self {
        self.options.program = Some(program.into());
        self
    }

    /// What this pool is called wherever it is told of: in its [`name`](Pool::name),
    /// [`Health`](crate::Health), reports. By default that is the name of what its workers run; where
    /// several pools run the same, a label tells them apart. It stands in the command lines of its
    /// workers, too, for `ps`.
    ///
    /// ```
    /// use pm_runtime::worker_query;
    ///
    /// #[worker_query(workers = 1)]
    /// fn parse(text: &str) -> Option<u32> {
    ///     text.parse().ok()
    /// }
    ///
    /// #[pm_runtime::main]
    /// async fn main() -> Result<(), pm_runtime::Error> {
    ///     let trusted = ParsePool::new();
    ///     let uploads = ParsePool::builder().label("uploads").memory_limit(64 << 20).build();
    ///     assert_eq!((trusted.name(), uploads.name()), ("parse", "uploads"));
    ///     assert_eq!(uploads.query("7").await?, Some(7));
    ///     Ok(())
    /// }
    /// ```
    pub fn label(mut self, label: impl Into<String>) -> Self {
        // The system names processes and threads after it, and ends names there.
        self.options.label = Some(label.into().replace('\0', ""));
        self
    }

    /// Workers are threads of this process: for tests and debuggers. Nothing is isolated; a
    /// timeout abandons the thread and starts another; what is about processes has no effect.
    pub fn in_process(mut self) -> Self {
        self.options.in_process = true;
        self
    }

    /// Workers are processes even where [`set_disabled`](crate::set_disabled) says otherwise; not
    /// where [`in_process`](Self::in_process) does, which is about this pool alone.
    pub fn force(mut self) -> Self {
        self.options.force = true;
        self
    }

    /// Faults that the workers inject into themselves, for tests: see [`fault`](crate::fault). With
    /// the feature `fault-injection`.
    #[cfg(feature = "fault-injection")]
    pub fn faults(mut self, faults: crate::fault::Faults) -> Self {
        self.options.faults = faults;
        self
    }

    /// The pool. Its workers start with the first query.
    pub fn build(self) -> P {
        let label = self.options.label.clone().filter(|label| !label.is_empty());
        let name = label.unwrap_or_else(|| P::ENTRY.title.to_owned());
        P::from_pool(Pool::new(Shared::new(name, P::ENTRY, self.options)))
    }
}

impl<P: RawHandle> PoolBuilder<P> {
    /// A listening socket on which all workers accept: a `TcpListener`, a `UnixListener`, or a
    /// [`Listener`] made of a descriptor. Several may be handed over, up to 64.
    ///
    /// Each connection goes to whichever worker is the first to accept it. The application keeps the
    /// socket as long as the pool, so that none is refused while workers are replaced: it waits until
    /// one accepts. A worker that is [released](crate::RawLink::released) is to stop accepting.
    ///
    /// All share one open socket, and whether that blocks is shared, too: where the function of one
    /// makes it non-blocking, as async code does, it is so for all, and for the application.
    ///
    /// What is no listening socket shows when the first worker is started, as
    /// [`BootError::Option`](crate::BootError::Option).
    ///
    /// ```
    /// use pm_runtime::{RawLink, worker_raw};
    /// use smol::net::TcpStream;
    /// use smol::prelude::*;
    /// use smol::Async;
    /// use std::net::TcpListener;
    ///
    /// /// Greets whoever comes, until it is released.
    /// #[worker_raw(workers = 2)]
    /// async fn greet(link: RawLink) -> std::io::Result<()> {
    ///     let listener = link.listener().ok_or(std::io::ErrorKind::NotFound)?;
    ///     let listener = Async::<TcpListener>::try_from(listener)?;
    ///     let accept = async {
    ///         loop {
    ///             let (mut connection, _) = listener.accept().await?;
    ///             connection.write_all(b"welcome").await?;
    ///         }
    ///     };
    ///     let released = async {
    ///         link.released().await;
    ///         Ok(())
    ///     };
    ///     accept.or(released).await
    /// }
    ///
    /// #[pm_runtime::main]
    /// async fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///     let listener = TcpListener::bind("127.0.0.1:0")?;
    ///     let address = listener.local_addr()?;
    ///     let pool = GreetPool::builder().listener(listener).build();
    ///     pool.start().await?;
    ///     let mut greeting = String::new();
    ///     TcpStream::connect(address).await?.read_to_string(&mut greeting).await?;
    ///     assert_eq!(greeting, "welcome");
    ///     pool.respawn().await?; // refuses nobody
    ///     Ok(())
    /// }
    /// ```
    pub fn listener(mut self, listener: impl Into<Listener>) -> Self {
        self.options.listeners.share(listener.into());
        self
    }

    /// A TCP port on which each worker has a listening socket of its own, and accepts what the kernel
    /// puts there. Among others it stands where it was told, as one more socket of its worker.
    ///
    /// One [`listener`](Self::listener) for all is the simpler thing, and gives connections to workers
    /// that are free to accept; this spreads them whatever workers do, as evenly as a hash does, and
    /// wakes only one worker for each.
    pub fn reuse_port(mut self, port: ReusePort) -> Self {
        self.options.listeners.reuse(port);
        self
    }
}

impl<P> Clone for PoolBuilder<P> {
    fn clone(&self) -> Self {
        Self { options: self.options.clone(), handle: PhantomData }
    }
}

impl<P> fmt::Debug for PoolBuilder<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.options.fmt(f)
    }
}
