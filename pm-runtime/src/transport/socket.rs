//! Streams over Unix sockets, with frames on them.
#![allow(unsafe_code, reason = "a socket option that no crate knows yet")]

use std::collections::VecDeque;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, Shutdown, SocketFlags, SocketType,
};

use super::payload::{Parts, Payload};
use crate::wire::frame::{Assembler, Frame, FrameError, HEADER, Header};

/// Two connected sockets that no program inherits by accident.
pub(crate) fn pair() -> Result<(OwnedFd, OwnedFd), Errno> {
    rustix::net::socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
}

/// Lets the other side send no descriptors, where the kernel can see to that (Linux 6.16).
///
/// Nobody would ever receive them, but the last descriptor of a file closes it, and some files
/// take their time over that: a worker could have its pool wait.
pub(crate) fn refuse_descriptors(socket: BorrowedFd<'_>) {
    const SO_PASSRIGHTS: libc::c_int = 83;
    // Elsewhere the option may have another number.
    if !cfg!(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")) {
        return;
    }
    let no: libc::c_int = 0;
    // SAFETY: the pointer is valid for reads of so many bytes. It fails only where the kernel does
    // not know the option.
    unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            SO_PASSRIGHTS,
            std::ptr::from_ref(&no).cast(),
            size_of_val(&no) as libc::socklen_t,
        );
    }
}

/// Whether a call may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    Yes,
    No,
}

/// How a read ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// Something came; there may be more.
    Some,
    /// Nothing is there now.
    Empty,
    /// Nothing will ever come.
    Closed,
}

/// Reads what is there, and cuts it into frames.
pub(crate) fn read(
    socket: BorrowedFd<'_>,
    assembler: &mut Assembler,
    frames: &mut Vec<Frame>,
    wait: Wait,
) -> Result<Read, FrameError> {
    let flags = match wait {
        Wait::Yes => RecvFlags::empty(),
        Wait::No => RecvFlags::DONTWAIT,
    };
    loop {
        let buffer = assembler.buffer();
        return match rustix::net::recv(socket, spare_capacity(buffer), flags) {
            Ok((_, 0)) => Ok(Read::Closed),
            Ok(_) => assembler.cut(frames).map(|()| Read::Some),
            Err(Errno::INTR) => continue,
            Err(Errno::AGAIN) => Ok(Read::Empty),
            // A reset is an end like any other.
            Err(_) => Ok(Read::Closed),
        };
    }
}

/// The other side is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gone;

/// Writes once; returns how many bytes were taken.
fn write(socket: BorrowedFd<'_>, parts: &[IoSlice<'_>], wait: Wait) -> Result<usize, Gone> {
    let mut flags = SendFlags::NOSIGNAL;
    if wait == Wait::No {
        flags |= SendFlags::DONTWAIT;
    }
    loop {
        return match rustix::net::sendmsg(socket, parts, &mut SendAncillaryBuffer::default(), flags)
        {
            Ok(written) => Ok(written),
            Err(Errno::INTR) => continue,
            Err(Errno::AGAIN | Errno::NOBUFS) => Ok(0),
            Err(_) => Err(Gone),
        };
    }
}

/// Writes everything, however long that takes.
pub(crate) fn write_all(socket: BorrowedFd<'_>, mut parts: &mut [IoSlice<'_>]) -> Result<(), Gone> {
    // Empty ones go.
    IoSlice::advance_slices(&mut parts, 0);
    while !parts.is_empty() {
        let written = write(socket, parts, Wait::Yes)?;
        IoSlice::advance_slices(&mut parts, written);
    }
    Ok(())
}

/// Writes what fits now, and never waits; returns how many bytes were taken.
pub(crate) fn write_now(socket: BorrowedFd<'_>, parts: &[IoSlice<'_>]) -> Result<usize, Gone> {
    write(socket, parts, Wait::No)
}

/// Waits until something can be written, or the other side is gone.
pub(crate) fn wait_for_room(socket: BorrowedFd<'_>) {
    let mut room = [PollFd::new(&socket, PollFlags::OUT)];
    while rustix::event::poll(&mut room, None) == Err(Errno::INTR) {}
}

/// Waits until something can be read, or the other side is gone. Who waits in a read is woken also
/// when the other side has read something.
pub(crate) fn wait_for_news(socket: BorrowedFd<'_>) {
    let mut news = [PollFd::new(&socket, PollFlags::IN)];
    while rustix::event::poll(&mut news, None) == Err(Errno::INTR) {}
}

/// The same of either of two.
pub(crate) fn wait_for_either(one: BorrowedFd<'_>, other: BorrowedFd<'_>) {
    let mut news = [one, other].map(|socket| PollFd::from_borrowed_fd(socket, PollFlags::IN));
    while rustix::event::poll(&mut news, None) == Err(Errno::INTR) {}
}

/// A frame on its way out.
struct Outgoing {
    header: [u8; HEADER],
    payload: Option<Payload>,
}

/// Frames that are to be written, and could not be yet.
#[derive(Default)]
pub(crate) struct Outbox {
    frames: VecDeque<Outgoing>,
    /// Bytes of the first frame that are written.
    written: usize,
}

impl Outbox {
    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Puts a frame behind those that wait.
    pub(crate) fn push(&mut self, header: Header, payload: Option<Payload>) {
        self.frames.push_back(Outgoing { header: header.to_bytes(), payload });
    }

    /// Writes what fits now, many frames at once; never waits.
    pub(crate) fn flush(&mut self, socket: BorrowedFd<'_>) -> Result<(), Gone> {
        /// A system call takes 1024 parts at most; so many are enough to make it cheap.
        const AT_ONCE: usize = 32;
        while !self.frames.is_empty() {
            let mut parts = [IoSlice::new(&[]); 3 * AT_ONCE];
            let mut skip = self.written;
            let mut bytes = 0;
            for (places, frame) in parts.as_chunks_mut::<3>().0.iter_mut().zip(&self.frames) {
                let head = &frame.header[skip.min(HEADER)..];
                let [first, second] = frame.after(skip.saturating_sub(HEADER));
                *places = [head, first, second].map(IoSlice::new);
                bytes += head.len() + first.len() + second.len();
                skip = 0;
            }
            let used = 3 * self.frames.len().min(AT_ONCE);
            let written = write(socket, &parts[..used], Wait::No)?;
            self.retire(written);
            if written < bytes {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Drops the frames that are written by now.
    fn retire(&mut self, written: usize) {
        self.written += written;
        while let Some(frame) = self.frames.front() {
            let length = HEADER + frame.length();
            if self.written < length {
                break;
            }
            self.written -= length;
            self.frames.pop_front();
        }
    }
}

impl Parts for Outgoing {
    fn parts(&self) -> [&[u8]; 2] {
        self.payload.as_ref().map_or([&[], &[]], |payload| payload.parts())
    }
}

/// The most descriptors that travel with the first bytes of a link: those of the link itself, and the
/// sockets on which a worker accepts.
const DESCRIPTORS: usize = 3 + crate::listener::MOST;

/// Sends the first bytes of a link, with descriptors beside them. They are few enough for the
/// buffer of a new socket. Whoever is gone already takes everything.
pub(crate) fn send_with_descriptors(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    descriptors: &[BorrowedFd<'_>],
) -> Result<(), Gone> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !ancillary.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(Gone);
    }
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    match rustix::net::sendmsg(socket, &[IoSlice::new(bytes)], &mut ancillary, flags) {
        Ok(written) if written == bytes.len() => Ok(()),
        Err(Errno::PIPE | Errno::CONNRESET) => Ok(()),
        _ => Err(Gone),
    }
}

/// Receives the first frame of a link, and the descriptors beside it. Waits for them.
pub(crate) fn receive_with_descriptors(
    socket: BorrowedFd<'_>,
    limit: u32,
) -> Result<(Frame, Vec<OwnedFd>), Gone> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut head = [0; HEADER];
    let received = loop {
        let mut parts = [IoSliceMut::new(&mut head)];
        match rustix::net::recvmsg(socket, &mut parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
            Err(Errno::INTR) => {}
            Ok(message) => break message.bytes,
            Err(_) => return Err(Gone),
        }
    };
    let mut descriptors = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            descriptors.extend(received);
        }
    }
    let mut assembler = Assembler::new(limit);
    assembler.buffer().extend_from_slice(&head[..received]);
    let mut frames = Vec::new();
    loop {
        assembler.cut(&mut frames).map_err(|_| Gone)?;
        if let Some(frame) = frames.pop() {
            return Ok((frame, descriptors));
        }
        match read(socket, &mut assembler, &mut frames, Wait::Yes) {
            Ok(Read::Some) => {}
            _ => return Err(Gone),
        }
    }
}

/// Rings at the other side, in so few bytes that a socket takes all or none. A bell that is full
/// has been rung.
pub(crate) fn ring(socket: BorrowedFd<'_>, bell: &[u8]) -> Result<(), Gone> {
    write(socket, &[IoSlice::new(bell)], Wait::No).map(|_| ())
}

/// Ends a link for both sides, whoever else holds its descriptors.
pub(crate) fn end(socket: &impl AsFd) {
    // It fails only where it has ended already.
    let _ = rustix::net::shutdown(socket, Shutdown::Both);
}
