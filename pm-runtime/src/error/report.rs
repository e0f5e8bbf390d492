//! A crash report as people read it.

use std::collections::VecDeque;
use std::fmt;

use super::{Blame, Bytes, Crash, CrashCause, Escaped, Exit, Limit, RunningQuery, cut_front};

impl fmt::Display for Crash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "worker {} of pool `{}`", self.worker, Escaped(&self.pool))?;
        if let Some(pid) = self.pid {
            write!(f, " (pid {pid})")?;
        }
        self.write_end(f)?;
        match &self.running[..] {
            [] => {}
            [one] => write!(f, ", running {one}")?,
            [oldest, ..] => {
                write!(f, ", running {} queries", self.running.len())?;
                match self.streams() {
                    0 => {}
                    open => write!(f, ", {open} of them open streams")?,
                }
                write!(f, ", the oldest {oldest}")?;
            }
        }
        if let Some(advice) = self.advice() {
            write!(f, ": {advice}")?;
        }
        if self.handed_back > 0 {
            write!(f, "; {} not yet begun run elsewhere", self.handed_back)?;
        }
        write!(f, "; age {:.1?}, {} answered", self.age, self.served)?;
        if let Some(rss) = self.max_rss {
            write!(f, ", peak resident memory {}", Bytes(rss))?;
        }
        if let Some(cpu) = self.cpu {
            write!(f, ", {cpu:.1?} of CPU")?;
        }
        if let Some(panic) = &self.panic {
            write!(f, "; its last panic: {}", Escaped(panic))?;
        }
        if let Some(debug) = &self.debug {
            write!(f, "; its last debug text: {}", Escaped(debug))?;
        }
        if f.alternate() && self.running.len() > 1 {
            write_running(f, &self.running)?;
        }
        match &self.stderr_tail {
            Some(tail) if !tail.is_empty() => self.write_tail(f, tail),
            _ => Ok(()),
        }
    }
}

impl Crash {
    /// What ended it.
    fn write_end(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.cause, self.blame) {
            (CrashCause::Died, Blame::Limit(limit)) => {
                write!(f, " met its {limit}, and {}", self.exit)
            }
            (CrashCause::Died, Blame::Memory) => {
                write!(f, " {} by the system, which had run out of memory", self.exit)
            }
            (CrashCause::Died, Blame::Outside) => {
                write!(f, " {} from outside", self.exit)
            }
            (CrashCause::Died, _) if self.overflow().is_some() => {
                write!(f, " overflowed its stack, and {}", self.exit)
            }
            (CrashCause::Died, _) => write!(f, " {}", self.exit),
            (CrashCause::Failed(error), _) => {
                write!(f, " ended with an error of its function: {}", Escaped(error))
            }
            (CrashCause::Boot(error), blame) => {
                write!(f, " did not start: {error}")?;
                match blame {
                    Blame::Memory => f.write_str(" (the system had run out of memory)"),
                    _ => Ok(()),
                }
            }
            (CrashCause::Protocol(what), _) => {
                write!(f, " broke the protocol and was killed: {}", Escaped(what))
            }
            (CrashCause::Stuck(after), _) => {
                write!(f, " began nothing of what it had been handed for {after:?}, and was killed")
            }
            (CrashCause::TimedOut(after), _) => {
                write!(f, " was killed: a query in it ran longer than {after:?}")
            }
            (CrashCause::Cancelled, _) => {
                write!(f, " was killed: the query that it ran was cancelled")
            }
            (CrashCause::Grace(grace), _) => {
                write!(f, " was killed: it had not ended within its grace of {grace:?}")
            }
        }
    }

    /// What to do about it, where that is not plain from the rest.
    fn advice(&self) -> Option<&'static str> {
        match (&self.cause, self.blame) {
            (CrashCause::Died, Blame::Query) if self.panic.is_some() => None,
            (CrashCause::Died, Blame::Query) => Some(match self.exit {
                _ if self.overflow().is_some() => {
                    "bound how deep it recurses, or run it on a thread with a larger stack"
                }
                Exit::Signal(_) => {
                    "its own code has crashed; `core_dumps`, or the same query in process under a \
                     debugger, shows where"
                }
                Exit::Code(_) => "its own code has ended the process; it is to return instead",
                Exit::Unknown => return None,
            }),
            (_, Blame::Limit(Limit::Memory(_))) => {
                Some("raise the limit, or see why it wants so much")
            }
            (_, Blame::Limit(Limit::Cpu(_))) => {
                Some("raise the limit, or see why it takes so long")
            }
            (_, Blame::Memory) => Some(
                "have fewer workers, set a `memory_limit`, or give the machine or its control group \
                 more memory",
            ),
            (CrashCause::Died, Blame::Outside) => Some(match self.exit {
                Exit::Signal(libc::SIGKILL) => {
                    "find out who sent it; where the system cannot be asked, it may have run out of \
                     memory, which its log tells"
                }
                _ => "find out who sent it",
            }),
            (CrashCause::Protocol(_), _) => Some(
                "does native code in it write where it should not, or to descriptors that it does \
                 not own?",
            ),
            (CrashCause::Stuck(_), _) => Some("was it stopped, or had the machine no time for it?"),
            _ => None,
        }
    }
}

impl Crash {
    /// The end of its stderr from where Rust says there that its stack has overflowed, which is the last
    /// that such a process says; `None`: it died of something else.
    fn overflow(&self) -> Option<&str> {
        const SAYS: &str = " has overflowed its stack";
        const LAST: usize = 4;
        let signals = [libc::SIGABRT, libc::SIGSEGV, libc::SIGBUS].map(Exit::Signal);
        let tail = self.stderr_tail.as_deref().filter(|_| signals.contains(&self.exit))?;
        let mut last = tail.rsplit('\n').filter(|line| !line.trim().is_empty()).take(LAST);
        last.find(|line| line.contains(SAYS))?;
        let says = tail.rfind(SAYS)?;
        tail.get(tail[..says].rfind('\n').map_or(0, |before| before + 1)..)
    }

    /// Whether the panics in its stderr are of earlier queries: each that was not caught is told as its last
    /// one, unless the application has taken the hook away that tells of it.
    fn survived_panics(&self) -> bool {
        let aborted = self.exit == Exit::Signal(libc::SIGABRT) && self.overflow().is_none();
        self.panic.is_none() && !aborted
    }

    /// The last lines of stderr: few behind the rest, or where `{:#}` asks for it all of them, each on a
    /// line of its own, which nothing in them can pass off as another's.
    fn write_tail(&self, f: &mut fmt::Formatter<'_>, tail: &str) -> fmt::Result {
        let survived = |line: &str| self.survived_panics() && is_of_panic(line);
        if f.alternate() {
            return tail.split('\n').try_for_each(|line| {
                let what = if survived(line) { ", a panic that it survived" } else { "" };
                write!(f, "\n  stderr{what}: {}", Escaped(line))
            });
        }
        let lines = last_lines(self.overflow().unwrap_or(tail));
        let earlier =
            if lines.split('\n').any(survived) { ", with a panic that it survived" } else { "" };
        match &*lines {
            "" => Ok(()),
            lines => write!(f, "; the end of its stderr{earlier}: {}", Escaped(lines)),
        }
    }
}

/// What was running, each on a line of its own.
fn write_running(f: &mut fmt::Formatter<'_>, running: &[RunningQuery]) -> fmt::Result {
    const MOST: usize = 16;
    running.iter().take(MOST).try_for_each(|query| write!(f, "\n  running: {query}"))?;
    match running.len().saturating_sub(MOST) {
        0 => Ok(()),
        more => write!(f, "\n  running: {more} more"),
    }
}

/// As many of the last lines as one line bears, without backtraces, which push out what they are about.
fn last_lines(tail: &str) -> String {
    const LONGEST: usize = 512;
    let wanted = |line: &&str| !is_of_backtrace(line);
    let (mut lines, mut size) = (VecDeque::new(), 0);
    for line in tail.split('\n').rev().filter(wanted).skip_while(|line| line.trim().is_empty()) {
        size += line.len() + 1;
        if size > LONGEST {
            break;
        }
        lines.push_front(line);
    }
    let last = tail.split('\n').rev().filter(wanted).find(|line| !line.trim().is_empty());
    match (lines.make_contiguous(), last) {
        ([], Some(long)) => cut_front(long, LONGEST).into(),
        (lines, _) => lines.join("\n"),
    }
}

/// As Rust's panics begin.
fn is_of_panic(line: &str) -> bool {
    line.starts_with("thread '") && line.contains(" panicked at ")
}

/// As Rust's panics print them.
fn is_of_backtrace(line: &str) -> bool {
    let text = line.trim_start();
    let is_indented = text.len() < line.len();
    let number = text.split_once(": ").map_or("", |(number, _)| number);
    let is_frame = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    text == "stack backtrace:"
        || text.starts_with("note: run with `RUST_BACKTRACE")
        || text.starts_with("note: Some details are omitted, run with `RUST_BACKTRACE")
        || (is_indented && (is_frame || text.starts_with("at ")))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::error::BootError;
    use crate::error::{CrashReport, Error, QueryError};

    fn running(query: &str, open: bool) -> RunningQuery {
        let age = Duration::from_millis(1500);
        RunningQuery { query: query.into(), age, size: 2048, hash: 0xfeed, open, attempt: 1 }
    }

    /// Of a worker that ended like this while it ran one query.
    fn crash(cause: CrashCause, blame: Blame, exit: Exit) -> Crash {
        Crash {
            pool: "roll".into(),
            worker: 7,
            pid: Some(4242),
            at: SystemTime::UNIX_EPOCH,
            cause,
            blame,
            exit,
            running: vec![running("roll", false)],
            handed_back: 0,
            served: 12,
            age: Duration::from_secs(5),
            max_rss: None,
            cpu: None,
            panic: None,
            debug: None,
            stderr_tail: None,
        }
    }

    #[test]
    fn a_report_of_hostile_words_reads_so() {
        let report = CrashReport::new(Crash {
            handed_back: 3,
            max_rss: Some(64 << 20),
            cpu: Some(Duration::from_millis(250)),
            panic: Some("\x1b[31moh\nno".into()),
            debug: Some("half\tway".into()),
            stderr_tail: Some("\x1b[2Jone\r\nworker 1 of pool `roll` is well\u{202e}".into()),
            ..crash(CrashCause::Died, Blame::Query, Exit::Signal(libc::SIGSEGV))
        });
        let one_line = "worker 7 of pool `roll` (pid 4242) was killed by SIGSEGV, running `roll` \
                        (2 KiB, hash 000000000000feed) for 1.5s; 3 not yet begun run elsewhere; age \
                        5.0s, 12 answered, peak resident memory 64 MiB, 250.0ms of CPU; its last panic: \
                        \\u{1b}[31moh\\nno; its last debug text: half\\tway";
        assert_eq!(
            report.to_string(),
            format!(
                "{one_line}; the end of its stderr: \\u{{1b}}[2Jone\\r\\nworker 1 of pool `roll` \
                 is well\\u{{202e}}"
            )
        );
        assert_eq!(
            format!("{report:#}"),
            format!(
                "{one_line}\n  stderr: \\u{{1b}}[2Jone\\r\n  stderr: worker 1 of pool `roll` is \
                 well\\u{{202e}}"
            )
        );
        let lines = format!("{report:#}");
        let error = QueryError::Crashed(report);
        assert_eq!(format!("{error:#}"), lines);
        assert_eq!(format!("{:#}", Error::from(error)), lines);
    }

    #[test]
    fn each_cause_is_told_in_plain_words_with_what_to_do() {
        let (kill, abort) = (Exit::Signal(libc::SIGKILL), Exit::Signal(libc::SIGABRT));
        let boot = BootError::Exited { exit: kill };
        let (second, tea) = (Duration::from_secs(1), Exit::Code(418));
        for (cause, blame, exit, says) in [
            (
                CrashCause::Died,
                Blame::Query,
                abort,
                "was killed by SIGABRT, running `roll` (2 KiB, hash 000000000000feed) for 1.5s: its own \
                 code has crashed; `core_dumps`, or the same query in process under a debugger, shows \
                 where; age 5.0s, 12 answered",
            ),
            (CrashCause::Died, Blame::Query, tea, "for 1.5s: its own code has ended the process"),
            (
                CrashCause::Died,
                Blame::Limit(Limit::Memory(512 << 20)),
                abort,
                " met its `memory_limit` of 512 MiB, and was killed by SIGABRT, running `roll`",
            ),
            (
                CrashCause::Died,
                Blame::Limit(Limit::Memory(1)),
                abort,
                "for 1.5s: raise the limit, or see why it wants so much; ",
            ),
            (
                CrashCause::Died,
                Blame::Limit(Limit::Cpu(90 * second)),
                Exit::Signal(libc::SIGXCPU),
                " met its `cpu_limit` of 90 s, and was killed by SIGXCPU, running `roll`",
            ),
            (
                CrashCause::Died,
                Blame::Memory,
                kill,
                " was killed by SIGKILL by the system, which had run out of memory, running",
            ),
            (
                CrashCause::Died,
                Blame::Memory,
                kill,
                ": have fewer workers, set a `memory_limit`, or",
            ),
            (
                CrashCause::Died,
                Blame::Outside,
                kill,
                " was killed by SIGKILL from outside, running",
            ),
            (
                CrashCause::Died,
                Blame::Outside,
                kill,
                ": find out who sent it; where the system can",
            ),
            (CrashCause::Died, Blame::Outside, Exit::Signal(3), ": find out who sent it; age"),
            (CrashCause::TimedOut(second), Blame::Pool, kill, "longer than 1s, running"),
            (
                CrashCause::Boot(boot),
                Blame::Memory,
                kill,
                "(the system had run out of memory), run",
            ),
            (
                CrashCause::Stuck(second),
                Blame::Query,
                kill,
                "was it stopped, or had the machine no",
            ),
        ] {
            let text = crash(cause, blame, exit).to_string();
            assert!(text.contains(says), "{text}");
        }
    }

    const EARLIER: &str = "thread 'main' (7) panicked at src/main.rs:3:5:\nno page 3899\nstack backtrace:\n   \
                           0: core::panicking::panic_fmt\n             at src/panicking.rs:80:14\n";
    const OVERFLOW: &str = "\nthread 'main' (7) has overflowed its stack\nfatal runtime error: stack overflow, \
                            aborting";

    #[test]
    fn a_stack_overflow_is_named_and_an_earlier_panic_is_not_taken_for_the_cause() {
        let aborted = || crash(CrashCause::Died, Blame::Query, Exit::Signal(libc::SIGABRT));
        let tail = Some(format!("{EARLIER}{OVERFLOW}"));
        let crash = Crash { stderr_tail: tail, ..aborted() };
        let text = crash.to_string();
        let begin = "worker 7 of pool `roll` (pid 4242) overflowed its stack, and was killed by SIGABRT, running";
        assert!(text.starts_with(begin), "{text}");
        assert!(text.contains(": bound how deep it recurses, or run it"), "{text}");
        let end = "; the end of its stderr: thread 'main' (7) has overflowed its stack\\nfatal runtime \
                   error: stack overflow, aborting";
        assert!(text.ends_with(end) && !text.contains("3899"), "{text}");
        let lines = format!("{crash:#}");
        let survived = "\n  stderr, a panic that it survived: thread 'main' (7) panicked at src/main.rs:3:5:\n";
        assert!(lines.contains(survived), "{lines}");

        // The last words of another process, long ago.
        let tail = Some(format!("{OVERFLOW}\n{}", "line\n".repeat(9)));
        let text = Crash { stderr_tail: tail, ..aborted() }.to_string();
        assert!(text.contains("(pid 4242) was killed by SIGABRT, running"), "{text}");
    }

    #[test]
    fn a_timeout_is_not_explained_by_an_earlier_panic() {
        let killed = || {
            let cause = CrashCause::TimedOut(Duration::from_secs(1));
            crash(cause, Blame::Pool, Exit::Signal(libc::SIGKILL))
        };
        let crash = Crash { stderr_tail: Some(EARLIER.trim_end().into()), ..killed() };
        let text = crash.to_string();
        let end = "; the end of its stderr, with a panic that it survived: thread 'main' (7) panicked at \
                   src/main.rs:3:5:\\nno page 3899";
        assert!(text.ends_with(end), "{text}");
        // Of one that nobody has caught as far as is known that is not said.
        let panic = Some("no page 3899 at src/main.rs:3:5".into());
        let text = Crash { panic, ..crash }.to_string();
        assert!(!text.contains("survived"), "{text}");
    }

    #[test]
    fn all_that_was_lost_is_told() {
        let died = || crash(CrashCause::Died, Blame::Outside, Exit::Signal(3));
        let one = Crash { running: vec![running("battle", true)], ..died() };
        assert!(one.to_string().contains("running the stream `battle` (2 KiB,"), "{one}");
        let both = vec![running("battle", true), running("roll", false)];
        let both = Crash { running: both, ..died() };
        let says =
            "running 2 queries, 1 of them open streams, the oldest the stream `battle` (2 KiB,";
        assert!(both.to_string().contains(says), "{both}");
        assert!(!both.to_string().contains("`roll` (2 KiB"), "the rest is a line each");
        let lines = format!("{both:#}");
        let (_, rest) = lines.split_once('\n').expect("several lines");
        let of = "(2 KiB, hash 000000000000feed) for 1.5s";
        assert_eq!(rest, format!("  running: the stream `battle` {of}\n  running: `roll` {of}"));
        let many = Crash { running: vec![running("roll", false); 100], ..died() };
        let lines = format!("{many:#}");
        assert_eq!(lines.lines().count(), 18, "{lines}");
        assert!(lines.ends_with("\n  running: 84 more"), "{lines}");
    }

    #[test]
    fn backtraces_and_what_is_cut_amid_a_line_do_not_stand_in_a_report_of_one_line() {
        let frames: String = (0..99)
            .map(|n| format!("  {n}: core::panicking\n             at src/a.rs:1\n"))
            .collect();
        let note = "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace";
        let tail = format!("before\nmemory allocation failed\n\nstack backtrace:\n{frames}{note}");
        assert_eq!(last_lines(&tail), "before\nmemory allocation failed");
        let lines: String = (0..99).map(|n| format!("line number {n}\n")).collect();
        let lines = lines.trim_end();
        let last = last_lines(lines);
        assert!(
            last.starts_with("line number 65\n") && last.ends_with("\nline number 98"),
            "{last}"
        );
        assert_eq!(last_lines(&"y".repeat(600)), "y".repeat(512));
        assert_eq!(last_lines(&frames), "");
        assert_eq!(last_lines(&format!("{}\n\n", "y".repeat(600))), "y".repeat(512));
        // What a program prints of its own is left alone.
        assert_eq!(last_lines("1: one\nat home"), "1: one\nat home");
    }
}
