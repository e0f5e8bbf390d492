//! The memory itself: made by the pool, mapped by both.
#![allow(unsafe_code, reason = "memory that two processes share")]

use std::ffi::c_void;
use std::os::fd::{AsFd, OwnedFd};
use std::ptr::NonNull;

use rustix::fs::{MemfdFlags, SealFlags};
use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags};

use super::atomic::Lent64;
use super::lane::Lane;
use super::layout::{Head, LANE, STREAM, Shape, Slot};
use super::stream::Buffer;
use super::words::WORD;

/// A mapping of the memory that a pool shares with one worker.
///
/// The other side may write to it at any time. What is handed out are references to atomics, for
/// which that is no more than a surprising value.
pub(crate) struct Region {
    base: NonNull<u8>,
    shape: Shape,
}

// SAFETY: the mapping is the region's own, lives as long as it does, and is only ever accessed
// through atomics.
unsafe impl Send for Region {}
// SAFETY: as above.
unsafe impl Sync for Region {}

const _: () = assert!(size_of::<Head>().is_multiple_of(align_of::<Slot>()));
const _: () = assert!(size_of::<Slot>() == 128);

impl Region {
    /// Makes the memory, and what names it for the worker. It is zero, which is what every field
    /// starts as.
    pub(crate) fn create(shape: Shape) -> Result<(Self, OwnedFd), Errno> {
        if !is_allowed() {
            return Err(Errno::NOSYS);
        }
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let memory = rustix::fs::memfd_create("pm-runtime", flags)?;
        rustix::fs::ftruncate(&memory, shape.length() as u64)?;
        // A worker that cuts it short would have the pool's next access end its process.
        let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
        rustix::fs::fcntl_add_seals(&memory, seals)?;
        Ok((Self::map(&memory, shape)?, memory))
    }

    /// Maps what a pool has made.
    pub(crate) fn open(memory: &OwnedFd, shape: Shape) -> Result<Self, Errno> {
        let sealed = rustix::fs::fcntl_get_seals(memory)?.contains(SealFlags::SHRINK);
        let size = rustix::fs::fstat(memory)?.st_size;
        if !sealed || size != shape.length() as i64 {
            return Err(Errno::INVAL);
        }
        Self::map(memory, shape)
    }

    fn map(memory: impl AsFd, shape: Shape) -> Result<Self, Errno> {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping at a place of the system's choice touches no memory of ours.
        let base = unsafe {
            rustix::mm::mmap(
                std::ptr::null_mut(),
                shape.length(),
                protection,
                MapFlags::SHARED,
                memory,
                0,
            )?
        };
        let base = NonNull::new(base.cast()).ok_or(Errno::NOMEM)?;
        Ok(Self { base, shape })
    }

    pub(crate) fn head(&self) -> &Head {
        // SAFETY: the mapping is longer than that, page-aligned and lives as long as `self`; every
        // field is an atomic, for which every content is a value.
        unsafe { self.base.cast::<Head>().as_ref() }
    }

    pub(crate) fn slots(&self) -> &[Slot] {
        // SAFETY: so many slots follow the head, which keeps their alignment; as above.
        unsafe {
            let first = self.base.add(size_of::<Head>()).cast::<Slot>();
            NonNull::slice_from_raw_parts(first, self.shape.slots).as_ref()
        }
    }

    /// From the pool to the worker.
    pub(crate) fn requests(&self) -> Buffer<'_> {
        Buffer { ends: &self.head().requests, words: self.stream(0) }
    }

    /// From the worker to the pool.
    pub(crate) fn answers(&self) -> Buffer<'_> {
        Buffer { ends: &self.head().answers, words: self.stream(1) }
    }

    fn stream(&self, index: usize) -> &[Lent64] {
        // SAFETY: two streams follow the slots, which keep their alignment; as above.
        unsafe {
            let before = size_of::<Head>() + self.shape.slots * size_of::<Slot>() + index * STREAM;
            let first = self.base.add(before).cast::<Lent64>();
            NonNull::slice_from_raw_parts(first, STREAM / WORD).as_ref()
        }
    }
}

impl Region {
    /// What streams say: to the pool, or to the worker. Empty where there are no lanes.
    pub(crate) fn lane(&self, to_pool: bool) -> Lane<'_> {
        let index = usize::from(to_pool);
        let length = if self.shape.lanes { LANE / WORD } else { 0 };
        // SAFETY: two lanes follow the streams, if there are any, and the end of the mapping
        // otherwise; both keep their alignment; as above.
        let words = unsafe {
            let before =
                self.shape.length() - if self.shape.lanes { (2 - index) * LANE } else { 0 };
            let first = self.base.add(before).cast::<Lent64>();
            NonNull::slice_from_raw_parts(first, length).as_ref()
        };
        Lane::new(&self.head().lanes[index], words)
    }
}

/// Tests take the memory away, as strict containers do.
fn is_allowed() -> bool {
    static ALLOWED: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    *ALLOWED.get_or_init(|| std::env::var_os("PM_RUNTIME_NO_MEMFD").is_none())
}

impl Drop for Region {
    fn drop(&mut self) {
        let base = self.base.as_ptr().cast::<c_void>();
        // SAFETY: the mapping is ours, and what was handed out borrowed `self`. It fails only for
        // what is no mapping.
        let _ = unsafe { rustix::mm::munmap(base, self.shape.length()) };
    }
}
