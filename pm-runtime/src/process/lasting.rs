//! Starting other programs; and so that they die with this process, whatever becomes of the thread that
//! has them started.
#![allow(unsafe_code, reason = "what a new process sets itself before it runs its program")]

use std::io::{self, ErrorKind};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use rustix::process::Pid;

use crate::sync::lock;

/// Starts a process, also where its program was written a moment ago.
///
/// As long as anybody has a file open for writing, the system does not execute it, and whatever
/// another thread is just starting has it open between fork and exec.
pub(crate) fn spawn(command: &mut Command) -> io::Result<Child> {
    const ATTEMPTS: usize = 20;
    const PAUSE: Duration = Duration::from_millis(1);
    for _ in 1..ATTEMPTS {
        match command.spawn() {
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => {
                std::thread::sleep(PAUSE);
            }
            result => return result,
        }
    }
    command.spawn()
}

type Order = (Command, SyncSender<io::Result<Child>>);

/// Starts a process that the kernel kills when this one dies. (What that has started in turn it does
/// not kill.)
///
/// The kernel takes the end of the thread that started it for its parent's. So all of them are
/// started by one thread, which never ends, and whoever asks waits for it. And as the process has to
/// say itself that it wants to die, the system's slower way is taken, whose cost grows with the
/// memory of this process: it is for workers.
pub(crate) fn spawn_to_die_with_this(mut command: Command) -> io::Result<Child> {
    let parent = rustix::process::getpid();
    // SAFETY: between fork and exec it makes two system calls, and touches no memory but its own.
    unsafe { command.pre_exec(move || die_with(parent)) };
    let (reply, started) = sync_channel(1);
    let orders = starter()?;
    let ended = |_| io::Error::other("the thread that starts processes has ended");
    // Both fail only where that thread is gone, which it never is.
    lock(orders).send((command, reply)).map_err(|_| ended(()))?;
    started.recv().map_err(|_| ended(()))?
}

/// Where the thread takes its orders; the first call starts it.
fn starter() -> io::Result<&'static Mutex<Sender<Order>>> {
    static ORDERS: OnceLock<Mutex<Sender<Order>>> = OnceLock::new();
    static STARTING: Mutex<()> = Mutex::new(());
    let _starting = lock(&STARTING);
    if let Some(orders) = ORDERS.get() {
        return Ok(orders);
    }
    let (orders, incoming): (_, Receiver<Order>) = channel();
    std::thread::Builder::new().name("pm-commands".into()).stack_size(256 << 10).spawn(
        move || {
            for (mut command, reply) in incoming {
                // It fails only where nobody waits, and somebody always does.
                let _ = reply.send(spawn(&mut command));
            }
        },
    )?;
    Ok(ORDERS.get_or_init(|| Mutex::new(orders)))
}

/// In the new process.
fn die_with(parent: Pid) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    // It may have died before that.
    if rustix::process::getppid() != Some(parent) {
        return Err(io::Error::from_raw_os_error(libc::ESRCH));
    }
    Ok(())
}
