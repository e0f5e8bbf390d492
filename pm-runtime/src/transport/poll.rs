//! Waiting for descriptors: epoll, and an eventfd that interrupts it.

use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::{EventfdFlags, Timespec, epoll, eventfd};
use rustix::io::Errno;

/// What a descriptor is watched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interest {
    /// Something to read, again and again.
    Read,
    /// Nothing, for now.
    Nothing,
    /// Something to read, once.
    NextRead,
    /// Something to read or room to write, once.
    NextReadOrRoom,
    /// Something to read or room to write, again and again.
    ReadOrRoom,
}

impl Interest {
    fn flags(self) -> epoll::EventFlags {
        let read = epoll::EventFlags::IN | epoll::EventFlags::RDHUP;
        match self {
            Self::Read => read,
            Self::Nothing => epoll::EventFlags::ONESHOT,
            Self::NextRead => read | epoll::EventFlags::ONESHOT,
            Self::ReadOrRoom => read | epoll::EventFlags::OUT,
            Self::NextReadOrRoom => read | epoll::EventFlags::OUT | epoll::EventFlags::ONESHOT,
        }
    }
}

/// A descriptor that has something, named by its token.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ready {
    pub(crate) token: u64,
    pub(crate) writable: bool,
}

/// A set of watched descriptors.
pub(crate) struct Poll {
    epoll: OwnedFd,
    wake: OwnedFd,
}

/// Before Linux 5.11, and where a container refuses the newer call, a wait is in milliseconds that
/// fit 31 bits: a longer one would fail at once, again and again. To wake in vain every other week
/// harms nobody.
const LONGEST_WAIT: Duration = Duration::from_secs(14 * 24 * 3600);

/// The token of the eventfd.
const WAKE: u64 = u64::MAX;

impl Poll {
    pub(crate) fn new() -> Result<Self, Errno> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        epoll::add(&epoll, &wake, epoll::EventData::new_u64(WAKE), epoll::EventFlags::IN)?;
        Ok(Self { epoll, wake })
    }

    /// Watches a descriptor until it is closed.
    pub(crate) fn add(&self, fd: impl AsFd, token: u64, interest: Interest) -> Result<(), Errno> {
        let data = epoll::EventData::new_u64(token);
        epoll::add(&self.epoll, fd, data, interest.flags())
    }

    pub(crate) fn set(&self, fd: impl AsFd, token: u64, interest: Interest) -> Result<(), Errno> {
        let data = epoll::EventData::new_u64(token);
        epoll::modify(&self.epoll, fd, data, interest.flags())
    }

    /// Watches it no more.
    pub(crate) fn remove(&self, fd: impl AsFd) {
        // It fails only where it is not watched.
        let _ = epoll::delete(&self.epoll, fd);
    }

    /// Interrupts the wait, from any thread.
    pub(crate) fn wake(&self) {
        // It fails only where the counter is full, and then the wait is interrupted already.
        let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
    }

    /// Waits until something is ready, somebody wakes it, or the time is over.
    pub(crate) fn wait(&self, timeout: Option<Duration>, ready: &mut Vec<Ready>) {
        ready.clear();
        let timeout =
            timeout.and_then(|timeout| Timespec::try_from(timeout.min(LONGEST_WAIT)).ok());
        let mut events = Vec::with_capacity(64);
        match epoll::wait(&self.epoll, spare_capacity(&mut events), timeout.as_ref()) {
            Ok(_) => {}
            // An interruption is a wake like any other.
            Err(_) => return,
        }
        for event in &events {
            let token = event.data.u64();
            if token == WAKE {
                // It fails only where somebody has read it already.
                let _ = rustix::io::read(&self.wake, &mut [0; 8]);
            } else {
                // A copy, because the system's structure is packed.
                let flags = event.flags;
                let writable = flags.contains(epoll::EventFlags::OUT);
                ready.push(Ready { token, writable });
            }
        }
    }
}
