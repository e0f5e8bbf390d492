//! Limits that the kernel enforces on this process while it runs code of the application, and how
//! it is known that it died of one.
//!
//! Who has used up its CPU time dies of SIGXCPU, which says all. Who has no more memory is refused
//! some, and dies of what it makes of that: Rust aborts, C code follows a null pointer, as a rule. So
//! a handler of those signals looks whether memory was refused, and tells the pool, before the
//! process dies as it would have died without it. (A hook of the allocator would know, but is not
//! stable.)
#![allow(unsafe_code, reason = "a signal handler, and the error number of this thread")]

use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::ptr::{null, null_mut};
use std::sync::OnceLock;

use libc::{c_int, c_void, siginfo_t};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::error::Exit;
use crate::surroundings::Limits;

/// The limits of this process, as they are in force and as they are otherwise.
pub(crate) struct Bounds {
    memory: Option<Bound>,
    cpu: Option<Bound>,
}

struct Bound {
    /// Bytes or seconds.
    limit: u64,
    usual: Rlimit,
}

impl Bound {
    fn new(resource: Resource, limit: u64) -> Self {
        Self { limit, usual: getrlimit(resource) }
    }

    /// Puts it into force, unless one that this process has inherited is lower.
    fn impose(&self, resource: Resource, limit: u64) {
        let Rlimit { current, maximum } = self.usual;
        let lowest = [Some(limit), current, maximum].into_iter().flatten().min();
        set(resource, Rlimit { current: lowest, maximum });
    }

    fn lift(&self, resource: Resource) {
        set(resource, self.usual);
    }
}

/// The CPU time that this process has used, in seconds, rounded up.
///
/// It is read off the clock that the kernel compares the limit with, which counts whole ticks: the finer
/// one, which others read, goes another way, the further the longer a process lives.
fn used_seconds() -> u64 {
    /// As <linux/posix-timers.h> makes it of process 0, which is this one, and `CPUCLOCK_PROF`.
    const CLOCK: libc::clockid_t = !0 << 3;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is valid for writes.
    unsafe { libc::clock_gettime(CLOCK, &mut time) };
    time.tv_sec as u64 + u64::from(time.tv_nsec > 0)
}

/// Nobody is refused a limit that is not above the hard one, unless it has lowered that meanwhile.
fn set(resource: Resource, limit: Rlimit) {
    let _ = setrlimit(resource, limit);
}

impl Bounds {
    /// `None`: there are no limits.
    pub(crate) fn new(limits: &Limits) -> Option<Self> {
        let Limits { memory, cpu } = *limits;
        (memory.is_some() || cpu.is_some()).then(|| Self {
            memory: memory.map(|bytes| Bound::new(Resource::Data, bytes)),
            cpu: cpu.map(|time| Bound::new(Resource::Cpu, time.as_secs())),
        })
    }

    /// Whether memory has a limit.
    pub(crate) fn has_memory(&self) -> bool {
        self.memory.is_some()
    }

    /// From now on they hold; the CPU time counts from here.
    pub(crate) fn impose(&self) {
        if let Some(memory) = &self.memory {
            memory.impose(Resource::Data, memory.limit);
        }
        self.renew();
    }

    /// The CPU time counts anew, from here.
    pub(crate) fn renew(&self) {
        if let Some(cpu) = &self.cpu {
            cpu.impose(Resource::Cpu, used_seconds().saturating_add(cpu.limit));
        }
    }

    /// From now on they do not.
    pub(crate) fn lift(&self) {
        if let Some(memory) = &self.memory {
            memory.lift(Resource::Data);
        }
        if let Some(cpu) = &self.cpu {
            cpu.lift(Resource::Cpu);
        }
    }
}

/// What was refused to this thread before, if anything was, is settled.
pub(crate) fn forget_refusals() {
    // SAFETY: the pointer is valid for as long as this thread lives.
    unsafe { *libc::__errno_location() = 0 };
}

/// How code ends that was refused memory, and did not expect that.
const ENDS: [c_int; 3] = [libc::SIGABRT, libc::SIGSEGV, libc::SIGILL];

/// Whether a process that was refused memory may have died of that.
pub(crate) fn may_be_for_memory(exit: Exit) -> bool {
    matches!(exit, Exit::Signal(signal) if ENDS.contains(&signal))
}

/// What the handler knows.
struct Watch {
    /// Where it tells, and what.
    socket: RawFd,
    word: [u8; 16],
    /// What the signals did before.
    previous: [libc::sigaction; ENDS.len()],
}

static WATCH: OnceLock<Watch> = OnceLock::new();

/// Has this process say `word` there when it dies because memory was refused. The socket stays open
/// as long as the process.
pub(crate) fn tell_of_refusal(socket: BorrowedFd<'_>, word: [u8; 16]) {
    // SAFETY: a zeroed `sigaction` is a valid one, all pointers are valid, and the handler does only
    // what may be done in one.
    unsafe {
        let previous = ENDS.map(|signal| {
            let mut action: libc::sigaction = std::mem::zeroed();
            libc::sigaction(signal, null(), &mut action);
            action
        });
        let watch = Watch { socket: socket.as_raw_fd(), word, previous };
        if WATCH.set(watch).is_err() {
            return;
        }
        let handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) = last_look;
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as libc::sighandler_t;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        for signal in ENDS {
            libc::sigaction(signal, &action, null_mut());
        }
    }
}

/// Tells, if memory was refused. Then the signal has its former meaning again, and comes once more:
/// by itself where an instruction had raised it, which is executed again.
extern "C" fn last_look(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel's pointer is valid, and so are all others. None of these calls takes a lock
    // or memory of this process, and the error number is put back.
    unsafe {
        let errno = *libc::__errno_location();
        if let Some(watch) = WATCH.get() {
            // A message that nobody reads is not waited for.
            let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
            let rust_gave_up = || signal == libc::SIGABRT && aborts_for_memory(context);
            if errno == libc::ENOMEM || is_refused_now() || rust_gave_up() {
                let word = watch.word.as_ptr().cast();
                libc::send(watch.socket, word, watch.word.len(), flags);
            }
            if let Some(index) = ENDS.iter().position(|&end| end == signal) {
                libc::sigaction(signal, &watch.previous[index], null_mut());
            }
        }
        if (*info).si_code <= 0 {
            // A thread sent it: `abort`, or somebody else.
            libc::raise(signal);
        }
        *libc::__errno_location() = errno;
    }
}

/// Whether the standard library aborts the process because an allocation has failed, which it says
/// first: where it prints a backtrace, the files that it looks for leave another error number.
///
/// Its function for that is among the last callers then, and nowhere else, as it never returns.
///
/// # Safety
///
/// The context has to be that of a signal handler which runs, for SIGABRT.
unsafe fn aborts_for_memory(context: *mut c_void) -> bool {
    /// More than three times as much of the stack as is between the two.
    const DEPTH: usize = 1 << 10;
    /// It does nothing but to call another.
    const LENGTH: usize = 32;
    // SAFETY: it is what the kernel has made for the handler.
    let Some(stack) = (unsafe { stack_pointer(context.cast()) }) else { return false };
    let give_up = std::alloc::handle_alloc_error as fn(std::alloc::Layout) -> ! as usize;
    let called_there = |word: usize| word > give_up && word - give_up <= LENGTH;
    let words = stack.next_multiple_of(size_of::<usize>()) as *const usize;
    (0..DEPTH / size_of::<usize>()).any(|index| {
        // SAFETY: what the callers of `abort` have on the stack, and what is above a thread's first
        // function, takes more than this.
        called_there(unsafe { words.add(index).read_volatile() })
    })
}

/// Where the stack of the interrupted code ends; `None`: on this kind of processor nobody knows.
///
/// # Safety
///
/// The context has to be that of a signal handler which runs.
#[allow(unused_variables, reason = "where nobody knows")]
unsafe fn stack_pointer(context: *const libc::ucontext_t) -> Option<usize> {
    // SAFETY: the kernel has filled it in.
    #[cfg(target_arch = "x86_64")]
    return unsafe { usize::try_from((*context).uc_mcontext.gregs[libc::REG_RSP as usize]).ok() };
    // SAFETY: as above.
    #[cfg(target_arch = "aarch64")]
    return unsafe { usize::try_from((*context).uc_mcontext.sp).ok() };
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    None
}

/// Whether this process would be refused a little memory: for code that has done something since
/// that may fail for another reason, such as to print.
fn is_refused_now() -> bool {
    /// As much as allocators ask for at least, more or less.
    const LITTLE: usize = 1 << 20;
    // SAFETY: it maps what is nobody else's, and nobody has a pointer into it when it is gone.
    unsafe {
        let (protection, flags) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        let memory = libc::mmap(null_mut(), LITTLE, protection, flags, -1, 0);
        if memory == libc::MAP_FAILED {
            return true;
        }
        libc::munmap(memory, LITTLE);
        false
    }
}
