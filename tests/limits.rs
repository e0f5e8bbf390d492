//! Limits that the kernel enforces, and who is to blame for a death.

use std::path::Path;
use std::time::Duration;

use pm_runtime::{Blame, CrashReport, Limit, QueryError};
use pm_tests::until;
use serde::{Deserialize, Serialize};

#[path = "limits/blame.rs"]
mod blame;
#[path = "limits/cpu.rs"]
mod cpu;
#[path = "limits/memory.rs"]
mod memory;
#[path = "limits/others.rs"]
mod others;

/// What code is to do with its worker's memory and time.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub enum Use {
    #[default]
    Nothing,
    /// Holds so many bytes, and uses each page of them.
    Hold(usize),
    /// Asks for so many bytes, and does not expect to get none.
    AtOnce(usize),
    /// Asks for little again and again, for ever.
    Leak,
    /// The same with C's allocator, and follows its null pointer.
    MallocAtOnce(usize),
    MallocLeak,
    /// Asks for so many bytes, and goes on without.
    Try(usize),
    /// The same, and crashes then for another reason.
    TryAndAbort(usize),
    Abort,
    /// Follows a pointer to nowhere.
    Stray,
    /// Uses so much CPU time.
    Work(Duration),
    Spin,
    /// Leaves a thread behind that, when the first file is there, asks for too much and works for long,
    /// and then writes into the other one whether it was granted that.
    Later {
        go_on: String,
        done: String,
    },
}

const MIB: usize = 1 << 20;
const LIMIT: usize = 128 * MIB;
const TOO_MUCH: usize = 1024 * MIB;
const MET: Blame = Blame::Limit(Limit::Memory(LIMIT as u64));

/// `true`: it got the memory that it asked for, if any.
fn perform(what: &Use) -> bool {
    match *what {
        Use::Nothing => {}
        Use::Hold(bytes) => {
            std::hint::black_box(vec![1_u8; bytes]);
        }
        Use::AtOnce(bytes) => {
            std::hint::black_box(Vec::<u8>::with_capacity(bytes));
        }
        Use::Leak => loop {
            std::mem::forget(std::hint::black_box(Box::new([7_u8; 1000])));
        },
        Use::MallocAtOnce(bytes) => malloc(bytes),
        Use::MallocLeak => loop {
            malloc(1000);
        },
        Use::Try(bytes) => return Vec::<u8>::new().try_reserve_exact(bytes).is_ok(),
        Use::TryAndAbort(bytes) => {
            perform(&Use::Try(bytes));
            std::process::abort();
        }
        Use::Abort => std::process::abort(),
        Use::Stray => stray(std::ptr::without_provenance_mut(8)),
        Use::Work(time) => {
            let start = ticks();
            while ticks() - start < time {}
        }
        Use::Spin => loop {
            std::hint::spin_loop();
        },
        Use::Later { ref go_on, ref done } => {
            let (go_on, done) = (go_on.clone(), done.clone());
            std::thread::spawn(move || {
                until(|| Path::new(&go_on).exists());
                let granted = perform(&Use::Try(TOO_MUCH)) && perform(&Use::Work(3 * cpu::MUCH));
                std::fs::write(done, granted.to_string()).expect("the folder is there");
            });
        }
    }
    true
}

/// The CPU time of this thread, by the clock that limits are compared with.
fn ticks() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is valid for writes.
    #[allow(unsafe_code, reason = "a clock without a name")]
    unsafe {
        libc::clock_gettime(!0 << 3 | 4, &mut time);
    }
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// As much C code does: it never looks whether it got something.
fn malloc(bytes: usize) {
    // SAFETY: it takes any size.
    #[allow(unsafe_code, reason = "it is C code in all but its looks")]
    let memory = unsafe { libc::malloc(bytes) };
    stray(std::hint::black_box(memory).cast());
}

fn stray(pointer: *mut u8) {
    // SAFETY: where it points nowhere, it ends this process, which is what it is for.
    #[allow(unsafe_code, reason = "it is to crash")]
    unsafe {
        pointer.write_volatile(1);
    }
}

fn crash(error: QueryError) -> CrashReport {
    match error {
        QueryError::Crashed(report) => report,
        other => panic!("no crash: {other}"),
    }
}
