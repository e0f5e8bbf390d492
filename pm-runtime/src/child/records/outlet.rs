//! The worker's end of the pipe that its records go through.
//!
//! A worker that logs faster than it is read waits, as one does that prints. But where nobody has read for
//! long, because the application's subscriber does not come back, it goes on without: what it logs then is
//! counted and lost, but for the ends of queries and spans, which are told when there is room again.

use std::collections::{HashMap, VecDeque};
use std::os::fd::OwnedFd;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;
use tracing::Metadata;
use tracing::callsite::Identifier;

use super::current;
use crate::sync::lock;
use crate::wire::record::{FIELDS, Level, Parent, Place, Record, Room, Site};

/// How long a worker waits for somebody to read.
const PATIENCE: Duration = Duration::from_secs(5);

/// Callsites that are told; the records of more than that are plain lines.
const SITES: usize = 4096;

/// Ends that wait to be told.
const OWED: usize = 1 << 16;

pub(super) struct Outlet {
    pipe: OwnedFd,
    /// Nothing finer is wanted.
    pub(super) level: Level,
    sites: Mutex<HashMap<Identifier, u32>>,
    /// Nobody has read for long: there is no waiting until somebody does.
    given_up: AtomicBool,
    lost: AtomicU64,
    owed: Mutex<VecDeque<Vec<u8>>>,
}

impl Outlet {
    pub(super) fn new(pipe: OwnedFd, level: Level) -> Result<Self, Errno> {
        rustix::fs::fcntl_setfl(&pipe, OFlags::NONBLOCK)?;
        Ok(Self {
            pipe,
            level,
            sites: Mutex::default(),
            given_up: AtomicBool::new(false),
            lost: AtomicU64::new(0),
            owed: Mutex::default(),
        })
    }

    /// What something belongs to that is said here.
    pub(super) fn parent(span: Option<u64>) -> Parent {
        Parent { span, query: current::query_of_process() }
    }

    /// Sends a record, or counts it as lost.
    pub(super) fn send(&self, record: &Record) {
        self.try_send(record);
    }

    /// The same; `false`: it is lost.
    fn try_send(&self, record: &Record) -> bool {
        let sent = record.to_frame().is_some_and(|frame| self.write(&frame));
        if !sent {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        sent
    }

    /// Sends what must not be lost, sooner or later.
    pub(super) fn owe(&self, record: Record) {
        let Some(frame) = record.to_frame() else { return };
        if !self.write(&frame) {
            let mut owed = lock(&self.owed);
            // What is more than that is over with the worker.
            if owed.len() < OWED {
                owed.push_back(frame);
            }
        }
    }

    /// The number of a callsite, which is told first. `None`: it cannot be.
    pub(super) fn site(&self, metadata: &'static Metadata<'static>) -> Option<u32> {
        // Held until it is told, so that nobody names it before.
        let mut sites = lock(&self.sites);
        if let Some(site) = sites.get(&metadata.callsite()) {
            return Some(*site);
        }
        if sites.len() >= SITES {
            return None;
        }
        let mut room = Room::new();
        let place = Place {
            level: (*metadata.level()).into(),
            target: room.name(metadata.target()),
            module: metadata.module_path().map(|module| room.name(module)),
            file: metadata.file().map(|file| room.name(file)),
            line: metadata.line(),
        };
        let name = room.name(metadata.name());
        let names = metadata.fields().iter().take(FIELDS);
        let fields = names.map(|field| room.name(field.name())).collect();
        let site = Site { is_span: metadata.is_span(), name, place, fields };
        if !self.try_send(&Record::Site(site)) {
            return None;
        }
        let number = sites.len() as u32;
        sites.insert(metadata.callsite(), number);
        Some(number)
    }

    /// Writes a frame, and waits for room as long as somebody reads.
    fn write(&self, frame: &[u8]) -> bool {
        if self.given_up.load(Ordering::Relaxed) && !self.resume() {
            return false;
        }
        let mut since = None;
        while !self.write_now(frame) {
            let waited = since.get_or_insert_with(Instant::now).elapsed();
            let Some(left) = PATIENCE.checked_sub(waited) else {
                self.given_up.store(true, Ordering::Relaxed);
                return false;
            };
            self.wait_for_room(left);
        }
        true
    }

    /// Tells what it owes, and how much was lost, as soon as there is room. `false`: there is none yet.
    fn resume(&self) -> bool {
        let mut owed = lock(&self.owed);
        if !self.given_up.load(Ordering::Relaxed) {
            return true;
        }
        // For any frame: a short one may find room where nobody has read.
        if !self.wait_for_room(Duration::ZERO) {
            return false;
        }
        while let Some(frame) = owed.front() {
            if !self.write_now(frame) {
                return false;
            }
            owed.pop_front();
        }
        let records = self.lost.swap(0, Ordering::Relaxed);
        let told = Record::Lost { records }.to_frame().is_none_or(|frame| self.write_now(&frame));
        if !told {
            self.lost.fetch_add(records, Ordering::Relaxed);
        }
        self.given_up.store(!told, Ordering::Relaxed);
        told
    }

    /// Waits until any frame has room, or for so long. An interruption is the end of a wait like any
    /// other.
    fn wait_for_room(&self, most: Duration) -> bool {
        let mut wanted = [PollFd::new(&self.pipe, PollFlags::OUT)];
        let most = Timespec::try_from(most).ok();
        poll(&mut wanted, most.as_ref()).is_ok_and(|ready| ready > 0)
    }

    /// A frame is written in one piece, or not at all. `false`: there is no room.
    fn write_now(&self, frame: &[u8]) -> bool {
        loop {
            match rustix::io::write(&self.pipe, frame) {
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return false,
                // Where nobody is left who could read, nothing is lost.
                Ok(_) | Err(_) => return true,
            }
        }
    }
}
