//! The program in a terminal of a test's own.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZero;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// How long a test waits for what is to be seen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A terminal, and the program in it.
pub(crate) struct Terminal {
    master: File,
    parser: vt100::Parser,
    child: Child,
    /// Bytes that are read at a time.
    chunk: usize,
}

/// Both ends of a terminal of this size.
pub(crate) fn terminal(rows: u16, columns: u16) -> (File, OwnedFd) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)
        .expect("there is a terminal");
    grantpt(&master).and_then(|()| unlockpt(&master)).expect("it is this user's");
    let name = ptsname(&master, Vec::new()).expect("it has a name");
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let slave = open(name, flags, Mode::empty()).expect("it can be opened");
    set_size(&master, rows, columns);
    (master.into(), slave)
}

fn set_size(terminal: impl AsFd, rows: u16, columns: u16) {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(terminal, size).expect("it has a size");
}

fn some(length: u16) -> NonZero<u16> {
    NonZero::new(length).expect("a terminal has a size")
}

impl Terminal {
    /// Runs a command in a terminal of this size.
    pub(crate) fn run(mut command: Command, rows: u16, columns: u16) -> Self {
        let (master, slave) = terminal(rows, columns);
        let stdio = || slave.try_clone().expect("it is open");
        command.stdin(stdio()).stdout(stdio()).stderr(stdio());
        let child = command.spawn().expect("it can be run");
        let parser = vt100::Parser::new(some(rows), some(columns), 0);
        Self { master, parser, child, chunk: 64 << 10 }
    }

    /// From now on so many bytes are read at a time.
    pub(crate) fn read_slowly(&mut self, chunk: usize) {
        self.chunk = chunk;
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).expect("it is a terminal");
    }

    pub(crate) fn resize(&mut self, rows: u16, columns: u16) {
        set_size(&self.master, rows, columns);
        self.parser.screen_mut().set_size(some(rows), some(columns));
    }

    pub(crate) fn screen(&self) -> &vt100::Screen {
        self.parser.screen()
    }

    /// Reads until this is to be seen.
    #[track_caller]
    pub(crate) fn until_seen(&mut self, text: &str) {
        self.until(text, |screen| screen.contents().contains(text));
    }

    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, is_so: impl Fn(&vt100::Screen) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so(self.screen()) {
            let goes_on = Instant::now() < deadline && self.read(deadline);
            assert!(goes_on, "{what:?} is not to be seen in\n{}", self.screen().contents());
        }
    }

    /// Reads what is drawn next; `false`: there is no more.
    pub(crate) fn read(&mut self, deadline: Instant) -> bool {
        let wait = deadline.saturating_duration_since(Instant::now());
        let wait = Timespec::try_from(wait).expect("it is no year");
        let mut ready = [PollFd::new(&self.master, PollFlags::IN)];
        if poll(&mut ready, Some(&wait)).expect("it can be waited for") == 0 {
            return true;
        }
        let mut chunk = vec![0; self.chunk];
        // The end of the last process in a terminal is an error there.
        let read = self.master.read(&mut chunk).unwrap_or(0);
        self.parser.process(&chunk[..read]);
        read > 0
    }

    /// Reads to the end of the program.
    pub(crate) fn end(mut self) -> (ExitStatus, vt100::Screen) {
        let deadline = Instant::now() + PATIENCE;
        while self.read(deadline) {
            assert!(Instant::now() < deadline, "it goes on: {}", self.screen().contents());
        }
        (self.child.wait().expect("it is a child"), self.screen().clone())
    }

    /// Takes the terminal away; waits for the end of the program.
    pub(crate) fn hang_up(self) -> ExitStatus {
        let Self { master, mut child, .. } = self;
        drop(master);
        child.wait().expect("it is a child")
    }
}
