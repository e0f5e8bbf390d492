//! What the integration tests share: queries that do whatever a test asks of them.
#![allow(missing_docs, reason = "for tests only")]

mod echo;
mod over;
mod scribble;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use pm_runtime::worker_query;
use rustix::process::{Pid, Signal};
use serde::{Deserialize, Serialize};

pub use echo::{EchoPool, RawEchoPool};
pub use over::Over;
pub use scribble::{peak, rolls, shared_words};

/// What a worker is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Task {
    Return(u64),
    /// Returns the worker's process id.
    Pid,
    Sleep(Duration),
    /// Loops for ever.
    Spin,
    Abort,
    Exit(i32),
    /// Sends a signal to the worker itself, as somebody outside would.
    Signal(i32),
    Overflow,
    Panic(String),
    OddPanic,
    /// Panics again while it unwinds.
    DoublePanic,
    /// Starts a process that loops for ever, and returns its id.
    Grandchild,
    /// Returns the number of open descriptors beyond stdio.
    Descriptors,
    /// Creates a file, so that it can be seen from outside that the query began, then waits until
    /// the other file exists.
    Rendezvous {
        begun: String,
        go_on: String,
    },
}

/// Does what it is asked.
#[worker_query(workers = 1)]
pub fn work(task: Task) -> u64 {
    perform(&task)
}

/// The same beside others.
#[worker_query(workers = 1)]
pub async fn work_async(task: Task) -> u64 {
    match task {
        Task::Sleep(time) => {
            smol::Timer::after(time).await;
            0
        }
        task => perform(&task),
    }
}

fn perform(task: &Task) -> u64 {
    match task {
        Task::Return(value) => return *value,
        Task::Pid => return u64::from(std::process::id()),
        Task::Sleep(time) => std::thread::sleep(*time),
        Task::Spin => loop {
            std::hint::spin_loop();
        },
        Task::Abort => std::process::abort(),
        Task::Exit(code) => std::process::exit(*code),
        Task::Signal(signal) => loop {
            let Some(signal) = Signal::from_named_raw(*signal) else {
                return 0;
            };
            // The first SIGSEGV may only take Rust's own handler away.
            let _ = rustix::process::kill_process(rustix::process::getpid(), signal);
            std::thread::yield_now();
        },
        Task::Overflow => return recurse(1),
        Task::Panic(message) => panic!("{message}"),
        Task::OddPanic => std::panic::panic_any(7_u32),
        Task::DoublePanic => {
            struct PanicsAgain;
            impl Drop for PanicsAgain {
                fn drop(&mut self) {
                    panic!("the second panic");
                }
            }
            let _again = PanicsAgain;
            panic!("the first panic");
        }
        #[allow(clippy::zombie_processes, reason = "it is to be left behind")]
        Task::Grandchild => {
            let child = std::process::Command::new("sh")
                .args(["-c", "while :; do :; done"])
                .spawn()
                .expect("sh can be started");
            return u64::from(child.id());
        }
        Task::Descriptors => {
            let open = std::fs::read_dir("/proc/self/fd").expect("/proc is there").count();
            return open as u64;
        }
        Task::Rendezvous { begun, go_on } => {
            std::fs::write(begun, "").expect("the folder is there");
            while !Path::new(go_on).exists() {
                std::thread::yield_now();
            }
        }
    }
    0
}

#[allow(unconditional_recursion, reason = "it is to overflow the stack")]
fn recurse(n: u64) -> u64 {
    let page = std::hint::black_box([n; 512]);
    recurse(page[7] + 1) + page[9]
}

/// Waits for something that happens outside of this process, without a limit: a test that waits
/// in vain is stopped by whoever runs it.
pub fn until(mut happened: impl FnMut() -> bool) {
    while !happened() {
        std::thread::yield_now();
    }
}

/// Waits until so many of a pool's queries have begun, or are over by now.
pub async fn until_begun(pool: &pm_runtime::Pool, queries: u64) {
    loop {
        let account = pool.health().account;
        if account.submitted - account.waiting >= queries {
            return;
        }
        std::thread::yield_now();
        smol::future::yield_now().await;
    }
}

/// Waits until so many queries were put into a pool.
pub async fn until_submitted(pool: &pm_runtime::Pool, queries: u64) {
    while pool.health().account.submitted < queries {
        smol::future::yield_now().await;
    }
}

/// A process's state as /proc names it (`R`, `S`, `Z` …); `None`: there is none.
pub fn process_state(pid: u32) -> Option<char> {
    state_in(Path::new(&format!("/proc/{pid}")))
}

/// The state of the process, or the thread, that this folder of /proc is about.
fn state_in(folder: &Path) -> Option<char> {
    let stat = std::fs::read_to_string(folder.join("stat")).ok()?;
    stat.rsplit(") ").next()?.chars().next()
}

/// Whether a process runs; a zombie does not.
pub fn is_alive(pid: u32) -> bool {
    !matches!(process_state(pid), None | Some('Z' | 'X'))
}

pub fn kill(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(pid as i32).expect("a process id is positive");
    rustix::process::kill_process(pid, signal).expect("the process is there");
}

/// Stops a process, and returns when none of its threads runs any more: each stops for itself.
pub fn stop(pid: u32) {
    kill(pid, Signal::STOP);
    until(|| {
        let threads = std::fs::read_dir(format!("/proc/{pid}/task")).expect("the process is there");
        threads.flatten().all(|thread| matches!(state_in(&thread.path()), None | Some('T')))
    });
}

/// The processes whose parent is this one.
pub fn children_of(parent: u32) -> Vec<u32> {
    let is_child = |pid: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let mut fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
        fields.nth(1).and_then(|field| field.parse().ok()) == Some(parent)
    };
    std::fs::read_dir("/proc")
        .expect("/proc is there")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(is_child)
        .collect()
}

/// Open descriptors of this process.
pub fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("/proc is there").count()
}

/// How often each thread has gone to sleep, or was made to let another run: a thread that ran has
/// done either. The thread that looks is not among them.
pub fn switches(processes: &[u32]) -> BTreeMap<(u32, String), u64> {
    let own = rustix::thread::gettid().as_raw_nonzero().to_string();
    let mut switches = BTreeMap::new();
    for process in processes {
        for thread in std::fs::read_dir(format!("/proc/{process}/task")).unwrap() {
            let thread = thread.unwrap();
            let id = thread.file_name().into_string().unwrap();
            if id == own {
                continue;
            }
            // It may have ended meanwhile.
            let Ok(status) = std::fs::read_to_string(thread.path().join("status")) else {
                continue;
            };
            let of_kind = |kind| -> u64 {
                let line = status.lines().find_map(|line| line.strip_prefix(kind));
                line.unwrap().trim().parse().unwrap()
            };
            let all = of_kind("voluntary_ctxt_switches:") + of_kind("nonvoluntary_ctxt_switches:");
            let name = status.lines().next().unwrap_or_default();
            switches.insert((*process, format!("{name} ({id})")), all);
        }
    }
    switches
}

/// A folder of its own, whoever else takes the same name for one; removed in the end.
pub struct Folder(std::path::PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = format!("pm-tests-{}-{number}-{name}", std::process::id());
            let path = std::env::temp_dir().join(path);
            match std::fs::create_dir(&path) {
                Ok(()) => return Self(path),
                // Left behind by a test that was killed, whose process had the same id.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => panic!("the temporary folder is writable: {error}"),
            }
        }
    }

    pub fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("the path is text").to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
