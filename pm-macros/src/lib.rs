//! The attribute macros of pm-runtime, which re-exports them: an application depends on
//! `pm-runtime` alone.
//!
//! `args` reads the options, `model` (for an `impl` block `service`) turns an item into plain data, in
//! which `bytes` finds what travels as such, `check` says what it may not look like, `expand` writes
//! the pool (with its `messages` and its `entry`), and `fallback` what stands in for one beside errors.
//! `stream` does all of that for a struct, and `raw` for a function that has its worker for itself.

mod expand;
mod main_test;

mod args;
mod duration;
mod keys;
mod number;
mod size;
mod value;
mod variables;

mod attribute;
mod bytes;
mod check;
mod check_raw;
mod check_service;
mod check_types;
mod dyn_error;
mod model;
mod service;
mod signature;

mod entry;
mod errors;
mod fallback;
mod messages;
mod parts;
mod pool;
mod raw;
mod stream;

#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

/// Makes a function runnable in a pool of worker processes.
///
/// The function stays as it was written. Beside it, and with its visibility, the macro puts the
/// messages of the query, a typed handle to the pool and its builder:
///
/// ```
/// use pm_runtime::worker_query;
///
/// /// The level of a wild encounter in a zone.
/// #[worker_query(workers = 2, timeout = "30s")]
/// pub fn encounter(zone: &str, player_level: u32) -> u32 {
///     player_level + zone.len() as u32 % 7
/// }
///
/// #[pm_runtime::main]
/// async fn main() -> Result<(), pm_runtime::Error> {
///     let pool = EncounterPool::new();
///     let level: u32 = pool.query("forest", 25).await?;
///     assert_eq!(level, encounter("forest", 25));
///     Ok(())
/// }
/// ```
///
/// # Services
///
/// Above an `impl` block it makes a service: each method with `self` is a query, on a state that
/// each worker has for itself, and that is gone with it. A worker that is released drops it, on its
/// thread and within the pool's `grace`; one that crashes or is killed does not. Functions without
/// `self` stay helpers; helpers with `self` belong into another `impl` block.
///
/// ```
/// # use pm_runtime::worker_query;
/// # use std::collections::HashMap;
/// pub struct Dex {
///     levels: HashMap<String, u32>,
/// }
///
/// #[worker_query(init = Dex::load)] // or `Default`
/// impl Dex {
///     fn load() -> Result<Self, std::io::Error> {
///         Ok(Self { levels: HashMap::from([(String::from("pikachu"), 25)]) })
///     }
///
///     pub fn lookup(&self, name: &str) -> Option<u32> {
///         self.levels.get(name).copied()
///     }
///
///     pub async fn learn(&mut self, name: String, level: u32) -> usize {
///         self.levels.insert(name, level);
///         self.levels.len()
///     }
/// }
///
/// #[pm_runtime::main]
/// async fn main() -> Result<(), pm_runtime::Error> {
///     let pool = DexPool::new();
///     assert_eq!(pool.lookup("pikachu").await?, Some(25));
///     assert_eq!(pool.learn("eevee".into(), 10).await?, 2);
///     Ok(())
/// }
/// ```
///
/// A method with `&mut self` runs alone and is never dropped half-way: a cancelled one goes on
/// unseen, and one that overruns costs its worker. After a panic in it the worker is replaced,
/// which is no crash. Because every worker has a state of its own, a service with such a method
/// has one worker, unless more are written out. Methods with `&self` run beside others where they
/// await; one that blocks keeps its worker to itself.
///
/// A function's pool has `try_query`, `query_temporary`, `map` and `retry` beside `query`. A
/// service's has only its methods; their calls can be told the rest, and `Map::new` takes a method
/// for many inputs:
///
/// ```
/// # use pm_runtime::{QueryError, Retry, worker_query};
/// #[derive(Default)]
/// pub struct Atlas;
///
/// #[worker_query(workers = 2)]
/// impl Atlas {
///     pub fn route(&self, to: &str) -> Result<usize, String> {
///         Ok(to.len())
///     }
/// }
///
/// #[pm_runtime::main]
/// async fn main() -> Result<(), pm_runtime::Error> {
///     let pool = AtlasPool::new();
///     match pool.route("Vermilion").immediate().await {
///         Err(QueryError::QueueFull) => println!("later"),
///         answer => assert_eq!(answer?, Ok(9)),
///     }
///     assert_eq!(pool.route("Cerulean").temporary().await?, Ok(8));
///     assert_eq!(pool.route("Pallet").retry(Retry::times(3)).await?, Ok(6));
///     Ok(())
/// }
/// ```
///
/// A method wins over one that every pool has; `(*pool).health()` reaches that. Neither the state
/// nor the futures need be `Send`.
///
/// # Arguments and answers
///
/// Functions and async functions take any number of arguments of any serde type; `&str`, `&[u8]`
/// and other references are sent without a clone. What they return may be any serde type that
/// borrows nothing; an error is an enum that derives serde's traits, or a `String`, and no
/// `Box<dyn Error>`. Everything that cannot travel is a compile error at its place, except for what
/// a type's serde attributes forbid, such as `#[serde(flatten)]`: `pm_runtime::assert_round_trip`
/// finds that in a test.
///
/// Bytes travel as bytes: `Vec<u8>`, `&[u8]`, `Box<[u8]>` and `[u8; N]` of any length are copied in
/// one piece, where serde would take them for sequences and go through them byte by byte, many times
/// slower. So do those in an `Option`, in the `Ok` of a `Result`, and in tuples of all these. The
/// macro knows them by these names; what it cannot see travels as serde says: bytes in the fields of
/// a type, in a `Vec<Vec<u8>>`, behind another name. Where those are many,
/// `#[serde(with = "serde_bytes")]`, of the crate of that name, does for a field what the macro does
/// for an argument.
///
/// ```
/// # use pm_runtime::worker_query;
/// #[worker_query(workers = 1)]
/// fn unpack(archive: &[u8], key: [u8; 64]) -> Result<(Vec<u8>, usize), String> {
///     let content = archive.strip_prefix(&key).ok_or("it is of another key")?;
///     Ok((content.to_vec(), content.len()))
/// }
///
/// #[pm_runtime::main]
/// async fn main() -> Result<(), pm_runtime::Error> {
///     let archive = [[7; 64].as_slice(), b"content"].concat();
///     let unpacked = UnpackPool::new().query(&archive, [7; 64]).await?;
///     assert_eq!(unpacked, Ok((b"content".to_vec(), 7)));
///     Ok(())
/// }
/// ```
///
#[doc = include_str!("options.md")]
#[proc_macro_attribute]
pub fn worker_query(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::worker_query(args.into(), item.into()).into()
}

/// Makes a struct the state of streams, which run in a pool of worker processes.
///
/// The struct is the message that opens a stream, and the stream's state in the worker. What it does
/// with its inputs is its [`StreamWorker`](../pm_runtime/trait.StreamWorker.html). Beside it, and with
/// its visibility, the macro puts the messages, a typed handle to the pool, its builder, and a name for
/// the handle of a stream:
///
/// ```
/// use pm_runtime::{Outbox, OutboxClosed, StreamWorker, worker_stream};
///
/// /// Counts lines, and tells of those that are too long.
/// #[worker_stream(workers = 2)]
/// #[derive(Default)]
/// pub struct LineCheck {
///     pub longest: usize,
///     #[local] // not part of the opening message
///     lines: usize,
/// }
///
/// impl StreamWorker for LineCheck {
///     type Input = String;
///     type Output = String;
///     type Error = OutboxClosed;
///
///     async fn write(&mut self, line: String, out: &Outbox<String>) -> Result<(), OutboxClosed> {
///         self.lines += 1;
///         if line.len() > self.longest {
///             out.send(format!("line {}: {} bytes", self.lines, line.len())).await?;
///         }
///         Ok(())
///     }
/// }
///
/// #[pm_runtime::main]
/// async fn main() -> Result<(), pm_runtime::Error> {
///     let pool = LineCheckPool::new();
///     let mut check: LineCheckStream =
///         pool.open(LineCheck { longest: 3, ..Default::default() }).await?;
///     for line in ["one", "three", "two"] {
///         check.send(line.into()).await?;
///     }
///     check.finish().await?;
///     assert_eq!(check.next().await, Some(Ok("line 2: 5 bytes".into())));
///     assert_eq!(check.next().await, None);
///     Ok(())
/// }
/// ```
///
/// Where the struct is `Default`, `pool.create_stream()` opens one. The attribute stands above derives
/// of serde's traits, or brings them. Fields that are marked `#[local]` stay out of the opening
/// message, and start as their `Default`.
///
/// The options are those of [`worker_query`](macro@worker_query), but for `cancel`; `timeout` is how
/// long [`open`](../pm_runtime/trait.StreamWorker.html#method.open) may take, `concurrency` how many
/// streams a worker has at most (65,536 by default). Two more are about streams: `window` and
/// `window_bytes` say how many messages of one stream, and how many bytes of them, may be on their way
/// in one direction and not be read; who sends more waits.
#[proc_macro_attribute]
pub fn worker_stream(args: TokenStream, item: TokenStream) -> TokenStream {
    stream::worker_stream(args.into(), item.into()).into()
}

/// Gives a function a worker process for itself, in each worker of a pool: a protocol, a loop and
/// sockets of its own.
///
/// The function, an `fn` or an `async fn`, gets a [`RawLink`](../pm_runtime/struct.RawLink.html), and
/// runs until it returns. Beside it, and with its visibility, the macro puts a typed handle to the pool
/// and its builder:
///
/// ```
/// use pm_runtime::{RawLink, worker_raw};
///
/// /// Runs commands, one after the other.
/// #[worker_raw(workers = 4, env(SAFARI_MODE = "high_performance"))]
/// async fn safari(link: RawLink) -> std::io::Result<()> {
///     while let Some(command) = link.recv().await? {
///         let command = String::from_utf8_lossy(&command);
///         link.send(&format!("{} does {command}", link.worker_id())).await?;
///     }
///     Ok(())
/// }
///
/// #[pm_runtime::main]
/// async fn main() -> Result<(), pm_runtime::Error> {
///     let pool = SafariPool::new();
///     pool.on_spawn(|worker| println!("worker {} is up", worker.id()));
///     pool.on_unspawn(|worker| println!("worker {} is gone", worker.id()));
///     pool.spawn(2).await?;
///     let worker = pool.workers().into_iter().min_by_key(|worker| worker.load()).unwrap();
///     worker.add_load(1);
///     worker.send("SIMULATE_ZONE safari-forest 100").await?;
///     let reply = worker.recv().await?.unwrap();
///     assert_eq!(reply, b"1 does SIMULATE_ZONE safari-forest 100");
///     worker.add_load(-1);
///     pool.destroy().await;
///     Ok(())
/// }
/// ```
///
/// # The life of a worker
///
/// | it ends because | then |
/// |---|---|
/// | its function returns `()` or `Ok(())` | it has ended well, and the pool is smaller by one, as with [`unspawn_one`](../pm_runtime/struct.Pool.html#method.unspawn_one) |
/// | its function returns an error, panics, or its process dies | that is a crash, with a report and a replacement, as for any other pool |
/// | its pool releases it (`unspawn`, `respawn`, `resize`, `destroy`) | what was sent to it still comes, then `recv` gives `None`, and `released()` resolves; what has not returned within the pool's `grace` is killed |
///
/// Workers are started by [`spawn`](../pm_runtime/struct.Pool.html#method.spawn) and the like, or by
/// [`start`](../pm_runtime/struct.Pool.html#method.start), which starts as many as the option `workers`
/// says. They take no queries. What a worker is at only its application knows:
/// [`load`](../pm_runtime/struct.Worker.html#method.load) is what that has
/// [added](../pm_runtime/struct.Worker.html#method.add_load).
///
/// # Messages
///
/// A link carries messages of bytes, or with `RawLink<In, Out>` of any types that serde knows: the
/// pool's workers are [`RawWorker`](../pm_runtime/struct.RawWorker.html)s then, which send `In` and
/// receive `Out`. The argument has that type under its own name, so that the macro sees the types.
///
/// The options are those of [`worker_query`](macro@worker_query) that are not about queries, with
/// `window` and `window_bytes`, which say how much may be on its way in one direction and not be read.
#[proc_macro_attribute]
pub fn worker_raw(args: TokenStream, item: TokenStream) -> TokenStream {
    raw::worker_raw(args.into(), item.into()).into()
}

/// Makes `fn main` or `async fn main` that of a program with worker processes.
///
/// In a worker it serves queries and never reaches the body; in every other process the body runs
/// as it stands, that of an `async fn` until it is done.
///
/// ```
/// # use pm_runtime::worker_query;
/// #[worker_query(workers = 1)]
/// fn double(n: u32) -> u32 {
///     2 * n
/// }
///
/// #[pm_runtime::main]
/// async fn main() -> Result<(), pm_runtime::Error> {
///     assert_eq!(DoublePool::new().query(4).await?, 8);
///     Ok(())
/// }
/// ```
///
/// Another attribute of that kind may stand above or below, such as `#[tokio::main]`, which then
/// drives the function instead; one that keeps the function inside its own `main`, such as
/// `#[async_std::main]`, has to stand below. The only option is `crate`, the path of a renamed
/// dependency.
#[proc_macro_attribute]
pub fn main(args: TokenStream, item: TokenStream) -> TokenStream {
    main_test::main(args.into(), item.into()).into()
}

/// Makes a test in which pools work with real processes.
///
/// It is `#[test]` for an `fn` or `async fn`, and beside another attribute that makes a test, such
/// as `#[tokio::test]`, adds only what workers need. The only option is `crate`, the path of a
/// renamed dependency.
///
/// What workers need is there for a whole test program, so that one such test is enough for the
/// plain `#[test]` functions beside it: they may use pools too. (Each file in `tests/` is a program of
/// its own, and so are the unit tests of a crate.) In one without any, the first worker fails to start
/// with `BootError::NotInitialized`.
///
/// ```
/// # use pm_runtime::worker_query;
/// # #[worker_query(workers = 1)]
/// # fn double(n: u32) -> u32 { 2 * n }
/// #[pm_runtime::test]
/// async fn four_doubles_to_eight() {
///     assert_eq!(DoublePool::new().query(4).await, Ok(8));
/// }
/// ```
#[proc_macro_attribute]
pub fn test(args: TokenStream, item: TokenStream) -> TokenStream {
    main_test::test(args.into(), item.into()).into()
}
