//! What happens in a worker, from its first instruction to its last.

mod current;
mod driver;
pub(crate) mod entries;
mod faults;
mod inbox;
pub(crate) mod itself;
mod job;
mod limits;
mod memory;
#[cfg(feature = "tokio")]
mod on_tokio;
mod outgoing;
mod panics;
pub(crate) mod raw;
#[cfg(feature = "tracing")]
mod records;
#[cfg(not(feature = "tracing"))]
#[path = "records/off.rs"]
mod records;
mod serve;
pub(crate) mod setup;
pub(crate) mod stream;
mod watch;

use std::io::IoSlice;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::BootError;
use crate::fault::Injection;
use crate::link::FarEnd;
use crate::listener;
use crate::process::attributes;
use crate::process::isolate::{self, Start};
use crate::trace::Local;
use crate::transport::socket;
use crate::wire::handshake::{self, Hello, Reply};

pub(crate) use current::as_the_process;
pub(crate) use inbox::Home;
use inbox::{Inbox, Sockets};
use memory::Memory;

/// How deep pools may be nested: a query that uses its own pool must not become a fork bomb.
pub(crate) const MAX_DEPTH: u32 = 3;

/// What a worker process knows of itself.
static SELF: OnceLock<Hello> = OnceLock::new();

/// `init` was called, so that a process of this program that is started as a worker becomes one.
static INITIALIZED: AtomicBool = AtomicBool::new(false);

pub(crate) fn is_initialized() -> bool {
    INITIALIZED.load(Ordering::Relaxed)
}

/// Whether this process is a worker.
pub(crate) fn is_worker_process() -> bool {
    SELF.get().is_some()
}

/// How many pools this thread is away from the application.
pub(crate) fn depth() -> u32 {
    let process = || SELF.get().map_or_else(isolate::inherited_depth, |hello| hello.depth);
    current::depth_of_thread().unwrap_or_else(process)
}

/// Makes this program able to be its own worker: in a worker it serves and never returns,
/// elsewhere it returns at once.
///
/// It has to be the first statement of `main`, because what stands before it runs in every
/// worker too, even the reading of arguments, where a worker's are not those of the application; [`main`](crate::main) and [`test`](macro@crate::test) call it by themselves.
///
/// ```no_run
/// pm_runtime::init();
/// // the application
/// ```
///
/// Two queries of one name in one program are a mistake that it reports, with both places, before
/// it ends the program with exit code 70.
pub fn init() {
    find_out(true);
}

/// Runs before the `main` of a test program. In a worker it never returns.
///
/// The runtime of Rust has not been set up then, so nothing of the application runs on this
/// thread.
pub extern "C" fn takeover() {
    find_out(false);
}

/// Becomes a worker, if this process was started as one. `here`: Rust's runtime has been set up.
fn find_out(here: bool) {
    if INITIALIZED.swap(true, Ordering::Relaxed) {
        return;
    }
    if let Some((one, other)) = entries::duplicate() {
        eprintln!(
            "pm-runtime: two queries share the name `{}`: {}:{} and {}:{}; give one of them \
             another name, with `#[worker_query(name = \"..\")]` or by renaming the function",
            (one.name)(),
            one.place.0,
            one.place.1,
            other.place.0,
            other.place.1
        );
        std::process::exit(70);
    }
    match isolate::take_link() {
        Start::Application => {}
        Start::Worker(control) => become_worker(control, here),
        Start::Stray => {
            eprintln!(
                "pm-runtime: this process was started as a worker, but the process that wanted it \
                 is gone or is not its parent; where a pool's `program` is a script, that has to \
                 `exec` the worker"
            );
            std::process::exit(70);
        }
    }
}

/// Serves until the pool says that it is over, or is gone.
fn become_worker(control: OwnedFd, here: bool) -> ! {
    isolate::close_others(control.as_fd());
    isolate::reset_signals();
    let received = socket::receive_with_descriptors(control.as_fd(), handshake::LIMIT);
    // Otherwise the pool is gone, or never was one.
    let Ok((frame, descriptors)) = received else { isolate::die_with_group() };
    let mut descriptors = descriptors.into_iter();
    let Some(data) = descriptors.next() else { isolate::die_with_group() };
    let hello = match Hello::parse(&frame) {
        Ok(hello) => hello,
        Err(error) => fail(&control, error),
    };
    if !isolate::die_with_parent(hello.parent) {
        isolate::die_with_group();
    }
    if let Err(error) = attributes::apply(&hello.attributes) {
        fail(&control, error);
    }
    let hello = SELF.get_or_init(|| hello);
    let entry = match entries::find(&hello.entry) {
        Some(entry) if entry.signature == hello.signature => entry,
        Some(entry) => fail(
            &control,
            BootError::Fingerprint {
                here: hello.signature.as_str().into(),
                there: entry.signature.into(),
            },
        ),
        None => fail(&control, BootError::UnknownEntry { entry: hello.entry.as_str().into() }),
    };
    let faults = match Injection::new(hello.faults.clone(), hello.worker) {
        Ok(faults) => faults,
        Err(error) => fail(&control, error),
    };
    faults::inject_at_boot(&faults);
    let memory = if hello.slots > 0 { descriptors.next() } else { None };
    let memory = match Memory::open(memory, hello) {
        Ok(memory) => memory,
        Err(error) => fail(&control, BootError::Refused { reason: error.to_string().into() }),
    };
    let records = if hello.records > 0 { descriptors.next() } else { None };
    let sockets = Sockets { control, data, listeners: listener::received(descriptors) };
    let traces = Local::default();
    let inbox = Inbox::new(sockets, memory, hello, entry.serve, faults, Home::Process, traces);
    current::adopt_process(&inbox);
    panics::install(&inbox);
    records::open(records, hello.records);
    if !entry.serve.sets_up() {
        records::install();
    }
    inbox.tell_of_refused_memory();
    if here && serve::is_fit() {
        serve::serve_here(&inbox);
    }
    if let Err(error) = serve::start(&inbox) {
        fail(inbox.control(), BootError::Refused { reason: error.to_string().into() });
    }
    inbox.watch();
    isolate::die_with_group()
}

/// A worker that is a thread of the pool's own process. Returns when it has started.
pub(crate) fn start_thread(
    control: OwnedFd,
    far: FarEnd,
    hello: &Hello,
    entry: &entries::Entry,
    traces: Local,
) -> std::io::Result<()> {
    let faults = hello.faults.clone().of_a_thread();
    let faults = Injection::new(faults, hello.worker).map_err(std::io::Error::other)?;
    let FarEnd { data, memory, listeners, .. } = far;
    let memory = Memory::open(memory, hello)?;
    let sockets = Sockets { control, data, listeners: listener::received(listeners) };
    let inbox = Inbox::new(sockets, memory, hello, entry.serve, faults, Home::Thread, traces);
    serve::start(&inbox)?;
    let watched = inbox.clone();
    std::thread::Builder::new()
        .name(format!("{} watch", hello.pool))
        .stack_size(256 << 10)
        .spawn(move || watched.watch())?;
    Ok(())
}

/// Tells the pool why this worker cannot be of use, and ends it.
fn fail(control: &impl AsFd, error: BootError) -> ! {
    if let Ok(bytes) = Reply::Failed(error).to_bytes() {
        // A pool that is gone need not be told.
        let _ = socket::write_all(control.as_fd(), &mut [IoSlice::new(&bytes)]);
    }
    std::process::exit(70);
}
