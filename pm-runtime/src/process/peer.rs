//! Who is at the other end of a Unix socket.
#![allow(unsafe_code, reason = "rustix takes the process id for one that is never 0")]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd};

use rustix::process::{Pid, Uid};

/// A process, as the kernel has kept it: whoever has connected, or has listened where this end connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer {
    /// Its number here; `None`: it has none, because it is in a container of its own, or outside of this one.
    pub(crate) pid: Option<Pid>,
    pub(crate) uid: Uid,
}

impl Peer {
    pub(crate) fn of(socket: impl AsFd) -> io::Result<Self> {
        let mut peer = MaybeUninit::<libc::ucred>::uninit();
        let mut size = size_of::<libc::ucred>() as libc::socklen_t;
        // SAFETY: both pointers are valid for writes, the first one of so many bytes.
        let told = unsafe {
            libc::getsockopt(
                socket.as_fd().as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_PEERCRED,
                peer.as_mut_ptr().cast(),
                &mut size,
            )
        };
        if told != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has written all of it: it has no other size.
        let peer = unsafe { peer.assume_init() };
        Ok(Self { pid: Pid::from_raw(peer.pid), uid: Uid::from_raw(peer.uid) })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use rustix::process::{geteuid, getpid};

    use super::*;

    #[test]
    fn each_end_of_a_pair_is_this_processs() {
        let (one, other) = UnixStream::pair().unwrap();
        for end in [one, other] {
            assert_eq!(Peer::of(end).unwrap(), Peer { pid: Some(getpid()), uid: geteuid() });
        }
        assert!(Peer::of(std::fs::File::open("/dev/null").unwrap()).is_err());
    }
}
