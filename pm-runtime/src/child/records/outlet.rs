//! The worker's end of the pipe that its records go through.
//!
//! A worker that logs faster than it is read waits, as one does that prints. But where nobody has read for
//! long, because the application's subscriber does not come back, it goes on without: what it logs then is
//! counted and lost.
//!
//! A fork of the worker says nothing: its parent's records would be spoilt by it.
//!
//! The begins and ends of queries, the ends of spans, and how much was lost wait for nobody: they are owed
//! where there is no room, and told as soon as there is some, by whoever logs next or else by a thread that waits for it.

use std::collections::{HashMap, VecDeque};
use std::os::fd::OwnedFd;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;
use tracing::Metadata;
use tracing::callsite::Identifier;

use super::begins::Begins;
use crate::process::{fork, pipe};
use crate::sync::lock;
use crate::wire::record::{FIELDS, Level, Place, Record, Room, Site};

/// How long a worker waits for somebody to read.
const PATIENCE: Duration = Duration::from_secs(5);

/// Callsites that are told; the records of more than that are plain lines.
const SITES: usize = 4096;

/// Begins and ends that wait to be told.
const OWED: usize = 1 << 16;

/// Where so much waits, a begin is not told: its end is enough, and needs the room.
const OWED_WITH_BEGINS: usize = OWED / 8;

pub(super) struct Outlet {
    pipe: OwnedFd,
    /// Nothing finer is wanted.
    pub(super) level: Level,
    sites: Mutex<HashMap<Identifier, u32>>,
    /// Nobody has read for long: there is no waiting until somebody does.
    given_up: AtomicBool,
    pub(super) begins: Begins,
    /// Something is owed, which comes before all else. Set with `owed` locked.
    owes: AtomicBool,
    owed: Mutex<Owed>,
}

/// Why a callsite has no number.
pub(super) enum NoSite {
    /// It could not be sent, nor can what is said there.
    Lost,
    /// There are too many, or this is a fork.
    Refused,
}

/// What is to be told as soon as there is room.
#[derive(Default)]
struct Owed {
    frames: VecDeque<Vec<u8>>,
    lost: u64,
    /// A thread waits for room.
    is_awaited: bool,
}

impl Outlet {
    pub(super) fn new(pipe: OwnedFd, level: Level) -> Result<Self, Errno> {
        rustix::fs::fcntl_setfl(&pipe, OFlags::NONBLOCK)?;
        Ok(Self {
            pipe,
            level,
            sites: Mutex::default(),
            given_up: AtomicBool::new(false),
            begins: Begins::default(),
            owes: AtomicBool::new(false),
            owed: Mutex::default(),
        })
    }

    /// A query begins that somebody follows; `later`: where it ends before anything is logged, its end
    /// need not be told either.
    pub(super) fn begin(&'static self, query: u64, later: bool) {
        if fork::is_fork() {
            return;
        }
        match later {
            true => self.begins.begin(self, query),
            false => self.owe(&Record::Begun { query }),
        }
    }

    /// It ends. `true`: nothing was told of it.
    pub(super) fn end(&'static self, query: u64) -> bool {
        if fork::is_fork() {
            return false;
        }
        let is_untold = self.begins.end(query);
        if !is_untold {
            self.owe(&Record::Ended { query });
        }
        is_untold
    }

    /// Sends a record, or counts it as lost.
    pub(super) fn send(&'static self, record: &Record) {
        if !fork::is_fork() && !self.try_send(record) {
            self.lose();
        }
    }

    /// `false`: it could not be sent.
    fn try_send(&'static self, record: &Record) -> bool {
        self.begins.tell(self);
        record.to_frame().is_some_and(|frame| self.write(&frame))
    }

    /// Sends what must not be lost, sooner or later: this waits for nobody.
    pub(super) fn owe(&'static self, record: &Record) {
        if fork::is_fork() {
            return;
        }
        let Some(frame) = record.to_frame() else { return };
        if self.tell(&frame) {
            return;
        }
        let mut owed = lock(&self.owed);
        let most = match record {
            Record::Begun { .. } => OWED_WITH_BEGINS,
            _ => OWED,
        };
        // What is more than that is over with the worker.
        if owed.frames.len() < most {
            owed.frames.push_back(frame);
        }
        self.await_room(&mut owed);
    }

    /// Something is owed: whoever logs next tells it, or else a thread.
    fn await_room(&'static self, owed: &mut Owed) {
        self.owes.store(true, Ordering::Relaxed);
        if !owed.is_awaited {
            let thread = std::thread::Builder::new().name("pm-records".into());
            // Where the system refuses it, whoever logs next tells it.
            owed.is_awaited = thread.spawn(|| self.tell_when_there_is_room()).is_ok();
        }
    }

    /// The number of a callsite, which is told first.
    pub(super) fn site(&'static self, metadata: &'static Metadata<'static>) -> Result<u32, NoSite> {
        if fork::is_fork() {
            return Err(NoSite::Refused);
        }
        // Held until it is told, so that nobody names it before.
        let mut sites = lock(&self.sites);
        if let Some(site) = sites.get(&metadata.callsite()) {
            return Ok(*site);
        }
        if sites.len() >= SITES {
            return Err(NoSite::Refused);
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
            return Err(NoSite::Lost);
        }
        let number = sites.len() as u32;
        sites.insert(metadata.callsite(), number);
        Ok(number)
    }

    /// Writes a frame, and waits for room as long as somebody reads.
    fn write(&'static self, frame: &[u8]) -> bool {
        let mut since = None;
        while !self.tell(frame) {
            if self.given_up.load(Ordering::Relaxed) {
                return false;
            }
            let waited = since.get_or_insert_with(Instant::now).elapsed();
            let Some(left) = PATIENCE.checked_sub(waited) else {
                self.give_up();
                return false;
            };
            self.wait_for_room(left);
        }
        true
    }

    fn give_up(&'static self) {
        let mut owed = lock(&self.owed);
        self.given_up.store(true, Ordering::Relaxed);
        self.await_room(&mut owed);
    }

    /// A record is lost.
    pub(super) fn lose(&'static self) {
        let mut owed = lock(&self.owed);
        owed.lost += 1;
        self.await_room(&mut owed);
    }

    /// Writes a frame behind all that is owed. `false`: there is no room.
    fn tell(&self, frame: &[u8]) -> bool {
        self.settle() && self.write_now(frame)
    }

    /// Tells what is owed, and how much was lost. `false`: there is no room yet.
    fn settle(&self) -> bool {
        // Who has seen something happen sees that its begin is owed.
        if !self.owes.load(Ordering::Relaxed) {
            return true;
        }
        let mut owed = lock(&self.owed);
        // For any frame: a short one may find room where nobody has read.
        if !self.wait_for_room(Duration::ZERO) {
            return false;
        }
        while let Some(frame) = owed.frames.front() {
            if !self.write_now(frame) {
                return false;
            }
            owed.frames.pop_front();
        }
        let lost = Record::Lost { records: owed.lost }.to_frame().filter(|_| owed.lost > 0);
        if !lost.is_none_or(|frame| self.write_now(&frame)) {
            return false;
        }
        owed.lost = 0;
        self.owes.store(false, Ordering::Relaxed);
        self.given_up.store(false, Ordering::Relaxed);
        true
    }

    fn tell_when_there_is_room(&self) {
        loop {
            let can_wait = self.poll(PATIENCE).is_ok();
            self.settle();
            let mut owed = lock(&self.owed);
            if !can_wait || !self.owes.load(Ordering::Relaxed) {
                owed.is_awaited = false;
                return;
            }
        }
    }

    /// Waits until any frame has room, or for so long.
    fn wait_for_room(&self, most: Duration) -> bool {
        self.poll(most).unwrap_or(false)
    }

    /// The same. An interruption is the end of a wait like any other.
    fn poll(&self, most: Duration) -> Result<bool, Errno> {
        let mut wanted = [PollFd::new(&self.pipe, PollFlags::OUT)];
        let most = Timespec::try_from(most).ok();
        match poll(&mut wanted, most.as_ref()) {
            Ok(ready) => Ok(ready > 0),
            Err(Errno::INTR) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// A frame is written in one piece, or not at all. `false`: there is no room.
    fn write_now(&self, frame: &[u8]) -> bool {
        loop {
            match pipe::write(&self.pipe, frame) {
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return false,
                // Where nobody is left who could read, nothing is lost.
                Ok(_) | Err(_) => return true,
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use tracing::{Dispatch, dispatcher};

    use super::super::forwarder::Forwarder;
    use super::*;
    use crate::wire::record::{Frames, LONGEST};

    /// The next records that come, so many.
    pub(in super::super) fn records(pipe: &OwnedFd, count: usize) -> Vec<Record> {
        let (mut frames, mut records) = (Frames::default(), Vec::new());
        while records.len() < count {
            let mut bytes = [0; LONGEST];
            let read = rustix::io::read(pipe, &mut bytes).unwrap();
            frames.push(&bytes[..read]);
            records.extend(std::iter::from_fn(|| frames.next().unwrap()));
        }
        records
    }

    /// One whose pipe is full, the other end of that, and how many of the longest frames are in it.
    fn full() -> (OwnedFd, &'static Outlet, usize) {
        let (near, far) = rustix::pipe::pipe().unwrap();
        let outlet: &Outlet = Box::leak(Box::new(Outlet::new(far, Level::Info).unwrap()));
        let mut filled = 0;
        while outlet.write_now(&[0; LONGEST]) {
            filled += 1;
        }
        (near, outlet, filled)
    }

    fn make_room(near: &OwnedFd, filled: usize) {
        for _ in 0..filled {
            assert_eq!(rustix::io::read(near, &mut [0; LONGEST]), Ok(LONGEST));
        }
    }

    #[test]
    fn begins_and_ends_wait_for_nobody_and_come_when_there_is_room_though_nothing_else_is_said() {
        let (near, outlet, filled) = full();
        outlet.owe(&Record::Begun { query: 1 });
        outlet.owe(&Record::Ended { query: 1 });
        make_room(&near, filled);
        assert_eq!(records(&near, 2), [Record::Begun { query: 1 }, Record::Ended { query: 1 }]);
        // Nothing was lost, and nobody says so.
        outlet.send(&Record::Closed { span: 1 });
        assert_eq!(records(&near, 1), [Record::Closed { span: 1 }]);
    }

    #[test]
    fn what_is_lost_is_counted_once_there_is_room_though_nothing_else_is_said() {
        let (near, outlet, filled) = full();
        outlet.give_up();
        for span in 0..3 {
            outlet.send(&Record::Closed { span });
        }
        make_room(&near, filled);
        assert_eq!(records(&near, 1), [Record::Lost { records: 3 }]);
        outlet.send(&Record::Closed { span: 3 });
        assert_eq!(records(&near, 1), [Record::Closed { span: 3 }]);
    }

    #[test]
    fn an_event_whose_callsite_is_lost_too_is_one_that_is_lost() {
        let (near, outlet, filled) = full();
        let dispatch = Dispatch::new(Forwarder::new(outlet));
        outlet.give_up();
        dispatcher::with_default(&dispatch, || tracing::info!("one"));
        make_room(&near, filled);
        outlet.send(&Record::Closed { span: 3 });
        assert_eq!(records(&near, 2), [Record::Lost { records: 1 }, Record::Closed { span: 3 }]);
    }
}
