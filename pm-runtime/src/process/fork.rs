//! Telling a process from its forks, which inherit its handles and descriptors, but neither its
//! threads nor its children.
#![allow(unsafe_code, reason = "a page that the kernel wipes in a fork")]

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::Pid;

/// How the process is known that has set the mark.
enum Mark {
    /// True in it, and wiped in its forks.
    Page(&'static AtomicBool),
    /// Where the kernel wipes no pages.
    Process(Pid),
}

static MARK: OnceLock<Mark> = OnceLock::new();

/// Marks this process, once, as the one that has pools.
pub(crate) fn mark() {
    MARK.get_or_init(|| {
        page().map_or_else(|| Mark::Process(rustix::process::getpid()), Mark::Page)
    });
}

/// Whether this process is a fork of the one that has pools.
pub(crate) fn is_fork() -> bool {
    match MARK.get() {
        None => false,
        // It changes in no process that can look at it twice.
        Some(Mark::Page(page)) => !page.load(Ordering::Relaxed),
        Some(Mark::Process(pid)) => *pid != rustix::process::getpid(),
    }
}

fn page() -> Option<&'static AtomicBool> {
    // The system makes a page of it.
    let size = size_of::<AtomicBool>();
    // SAFETY: a new mapping, which nobody else knows of.
    let page = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            size,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if page == libc::MAP_FAILED {
        return None;
    }
    // SAFETY: the mapping is this function's own; it is zeroed, which is a valid `AtomicBool`, and
    // where it is not unmapped here it stays for ever.
    unsafe {
        if libc::madvise(page, size, libc::MADV_WIPEONFORK) != 0 {
            libc::munmap(page, size);
            return None;
        }
        let page = &*page.cast::<AtomicBool>();
        page.store(true, Ordering::Relaxed);
        Some(page)
    }
}
