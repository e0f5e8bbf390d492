//! Starting a worker.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Duration;

use super::output::{FarEnds, Output};
use super::{CONTROL, DATA, Owner, PIDFD, STDERR, STDOUT, Watched, Worker};
use crate::child::{self, Home, entries::Entry};
use crate::error::BootError;
use crate::fault::Faults;
use crate::link::{self, FarEnd, Link};
use crate::options::{Runtime, Transport, Window};
use crate::output::OutputStream;
use crate::process::cgroup;
use crate::process::command::Start;
use crate::process::guard::Guard;
use crate::reactor::Reactor;
use crate::spin::Luck;
use crate::supervisor::WorkerId;
use crate::surroundings::{Stdio, Surroundings};
use crate::sync::lock;
use crate::trace::{Local, Observer, Records};
use crate::transport::memory::Shape;
use crate::transport::poll::Interest;
use crate::wire::handshake::Hello;
use crate::wire::message::longest_from_worker;

/// How the workers of a pool are started.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) entry: Entry,
    pub(crate) program: Option<PathBuf>,
    pub(crate) surroundings: Surroundings,
    pub(crate) pool: String,
    pub(crate) concurrency: u32,
    /// Queries that a worker may hold beyond those.
    pub(crate) ahead: usize,
    pub(crate) max_frame: u32,
    /// How much may be on its way in one direction of a stream; `None`: there are none.
    pub(crate) window: Option<Window>,
    /// It runs no queries, and has one stream as long as it lives.
    pub(crate) raw: bool,
    /// Raw workers begin when they are told to: some may be spares.
    pub(crate) waits: bool,
    pub(crate) transport: Transport,
    pub(crate) runtime: Runtime,
    pub(crate) timeout: Option<Duration>,
    /// How deep whoever made the pool is in pools itself.
    pub(crate) depth: u32,
    pub(crate) faults: Faults,
}

impl Plan {
    /// What there is room for in the memory that a worker shares with its pool: of queries twice what
    /// it may hold, as it may still have to pass some that were taken back. Those that open streams
    /// are there only until they have.
    fn shape(&self) -> Shape {
        const MOST: usize = 1 << 14;
        const OPENINGS: usize = 64;
        let concurrency = self.concurrency as usize;
        let at_once = if self.window.is_some() { concurrency.min(OPENINGS) } else { concurrency };
        let queries = if self.raw { 0 } else { at_once + self.ahead };
        let slots = 2 * queries + 2;
        let none = slots > MOST || self.transport == Transport::Socket;
        Shape { slots: if none { 0 } else { slots }, lanes: self.window.is_some() }
    }
}

/// Starts a worker, and watches it. On the reactor's thread.
pub(crate) fn launch(
    plan: &Plan,
    home: Home,
    id: WorkerId,
    owner: Weak<dyn Owner>,
    reactor: &'static Reactor,
    listeners: Vec<OwnedFd>,
    observer: &Arc<Observer>,
) -> Result<Arc<Worker>, BootError> {
    if home == Home::Process && plan.program.is_none() && !child::is_initialized() {
        return Err(BootError::NotInitialized);
    }
    let depth = plan.depth;
    if depth >= child::MAX_DEPTH {
        return Err(BootError::TooDeep { depth });
    }
    let (control, far_control) = link::control().map_err(refused)?;
    let (output, far_output) = match (plan.surroundings.stdio, home) {
        (Stdio::Capture, Home::Process) => {
            let (output, far) = Output::new().map_err(refused)?;
            (Some(output), Some(far))
        }
        _ => (None, None),
    };
    let (records, far_records) = match home {
        Home::Process => records(id, &owner, observer),
        Home::Thread => (Records::of_thread(observer, id), None),
    };
    // What else it needs is made while it comes up.
    let (guard, far_control) = match home {
        Home::Thread => (None, Some(far_control)),
        Home::Process => (Some(start_process(plan, id, far_control, far_output)?), None),
    };
    let oom_kills = guard.as_ref().and_then(|_| cgroup::oom_kills());
    let longest = longest_from_worker(plan.max_frame, plan.concurrency);
    let (link, far) = Link::new(control, longest, plan.concurrency, plan.shape(), plan.timeout)
        .map_err(refused)?;
    let far = FarEnd { listeners, records: far_records, ..far };
    let hello = Hello {
        entry: (plan.entry.name)().into(),
        signature: plan.entry.signature.into(),
        worker: id,
        pool: plan.pool.clone(),
        parent: std::process::id(),
        depth: depth + 1,
        concurrency: plan.concurrency,
        max_frame: plan.max_frame,
        slots: if link.has_memory() { plan.shape().slots as u32 } else { 0 },
        window: plan.window,
        waits: plan.waits,
        records: records.level(),
        runtime: plan.runtime.name().into(),
        timeout: plan.timeout,
        attributes: plan.surroundings.attributes.clone(),
        faults: plan.faults.clone(),
    };
    match far_control {
        Some(control) => {
            let traces = Local::new(records.table());
            child::start_thread(control, far, &hello, &plan.entry, traces).map_err(refused)?;
        }
        None => link
            .greet(&hello.to_bytes().map_err(refused)?, &far)
            .map_err(|_| refused("the socket of a new link takes nothing"))?,
    }
    let worker = Arc::new(Worker {
        id,
        pid: guard.as_ref().map(Guard::pid),
        guard: Mutex::new(guard),
        link,
        output: Mutex::new(output),
        records,
        owner,
        reactor,
        token: OnceLock::new(),
        ready: AtomicBool::new(false),
        urgent: AtomicBool::new(false),
        listened: AtomicBool::new(false),
        led: AtomicBool::new(false),
        awaits_turn: AtomicBool::new(false),
        broken: AtomicBool::new(false),
        sent: AtomicU32::new(0),
        luck: Luck::new(),
        killed: AtomicBool::new(false),
        limits: plan.surroundings.attributes.limits,
        oom_kills,
        finished: AtomicBool::new(false),
        notes: Mutex::default(),
    });
    watch(&worker).map_err(|error| {
        if let Some(token) = worker.token.get() {
            reactor.remove_source(*token);
        }
        refused(error)
    })?;
    Ok(worker)
}

/// Both ends of what it logs.
fn records(
    id: WorkerId,
    owner: &Weak<dyn Owner>,
    observer: &Arc<Observer>,
) -> (Records, Option<OwnedFd>) {
    let owner = owner.clone();
    Records::of_process(observer, id, move |what| {
        if let Some(owner) = owner.upgrade() {
            owner.complained(id, what);
        }
    })
}

fn start_process(
    plan: &Plan,
    id: WorkerId,
    control: OwnedFd,
    output: Option<FarEnds>,
) -> Result<Guard, BootError> {
    let label = format!("{}/{id}", plan.pool);
    let output = output.map(|FarEnds { stdout, stderr }| (stdout, stderr));
    let start = Start {
        program: plan.program.as_deref(),
        label: &label,
        depth: plan.depth + 1,
        stdin: control,
        output,
        surroundings: &plan.surroundings,
    };
    start.spawn()
}

fn watch(worker: &Arc<Worker>) -> Result<(), std::io::Error> {
    let reactor = worker.reactor;
    let token = *worker.token.get_or_init(|| reactor.add_source(Arc::new(Watched(worker.clone()))));
    reactor.watch(token, CONTROL, worker.link.control(), Interest::Read)?;
    // Where queries go another way, little comes here, and has to be heard at once.
    let interest = if worker.link.has_memory() { Interest::Read } else { Interest::Nothing };
    reactor.watch(token, DATA, worker.link.data(), interest)?;
    if let Some(output) = &mut *lock(&worker.output) {
        for (which, stream) in [(STDOUT, OutputStream::Stdout), (STDERR, OutputStream::Stderr)] {
            reactor.watch(token, which, output.of(stream).pipe(), Interest::Read)?;
        }
    }
    match lock(&worker.guard).as_ref().map(Guard::pidfd) {
        None => {}
        Some(Some(pidfd)) => reactor.watch(token, PIDFD, pidfd, Interest::Read)?,
        Some(None) => worker.wait_on_a_thread()?,
    }
    Ok(())
}

fn refused(reason: impl std::fmt::Display) -> BootError {
    BootError::Refused { reason: reason.to_string().into() }
}
