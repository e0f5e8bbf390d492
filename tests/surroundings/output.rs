//! What workers print, and where it goes.

use std::io::Write;
use std::process::Command;

use pm_runtime::{CrashReport, Event, Events, OutputLine, OutputStream, QueryError, Stdio};
use pm_tests::{is_alive, until};
use serde::{Deserialize, Serialize};

/// What a worker is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Talk {
    Out(Vec<u8>),
    Err(Vec<u8>),
    /// Writes to stderr, and aborts.
    ErrAndAbort(Vec<u8>),
    /// So many bytes, without a newline, to both.
    Flood(usize),
    /// Prints for ever.
    Babble,
    /// Has a process outlive the worker that holds its stdout and stderr, and prints on; returns
    /// its id.
    Escape,
    /// Makes its pipes as large as may be and fills stderr without waiting for anybody, then dies.
    FillAndAbort,
    /// Where its stdout leads.
    Target,
    Ping,
}

#[pm_runtime::worker_query(workers = 1, stdio = "capture")]
fn talk(talk: Talk) -> String {
    let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
    match talk {
        Talk::Out(bytes) => out.write_all(&bytes).and_then(|()| out.flush()).unwrap(),
        Talk::Err(bytes) => err.write_all(&bytes).unwrap(),
        Talk::ErrAndAbort(bytes) => {
            err.write_all(&bytes).unwrap();
            std::process::abort();
        }
        Talk::Flood(size) => {
            let bytes = vec![b'x'; size];
            out.write_all(&bytes).and_then(|()| out.flush()).unwrap();
            err.write_all(&bytes).unwrap();
        }
        Talk::Babble => loop {
            out.write_all(&[b'y', b'\n'].repeat(1 << 15)).unwrap();
        },
        #[allow(clippy::zombie_processes, reason = "it is to be left behind")]
        Talk::Escape => {
            // A session of its own, which no kill of the worker's group reaches.
            let script = "while :; do echo here; echo here >&2; done";
            let child = Command::new("setsid").args(["sh", "-c", script]).spawn();
            return child.unwrap().id().to_string();
        }
        Talk::FillAndAbort => {
            let _ = rustix::pipe::fcntl_setpipe_size(&err, 1 << 20);
            err.write_all(&[b'z'; 40 << 10]).unwrap();
            err.write_all(b"\nthe end\n").unwrap();
            std::process::abort();
        }
        Talk::Target => {
            return std::fs::read_link("/proc/self/fd/1").unwrap().display().to_string();
        }
        Talk::Ping => {}
    }
    String::new()
}

fn out(text: &str) -> Talk {
    Talk::Out(text.into())
}

fn crash(error: QueryError) -> CrashReport {
    match error {
        QueryError::Crashed(report) => report,
        other => panic!("no crash: {other}"),
    }
}

/// The next line.
async fn line(events: &mut Events) -> (u64, OutputStream, OutputLine) {
    loop {
        let event = events.next().await.expect("the pool goes on");
        if let Event::Output { worker, stream, line, .. } = event {
            return (worker, stream, line);
        }
    }
}

#[pm_runtime::test]
async fn lines_come_as_events_in_order() {
    let pool = TalkPool::new();
    let mut events = pool.events();
    pool.query(out("one\ntwo\nthr")).await.unwrap();
    for expected in ["one", "two"] {
        let (worker, stream, line) = line(&mut events).await;
        assert_eq!((worker, stream, &*line.text()), (1, OutputStream::Stdout, expected));
        assert!(line.is_whole());
    }
    pool.query(out("ee\n")).await.unwrap();
    assert_eq!(line(&mut events).await.2.text(), "three");
    pool.query(Talk::Err(b"\xff\x1b[2J\n".into())).await.unwrap();
    let (_, stream, line) = line(&mut events).await;
    assert_eq!((stream, line.as_bytes()), (OutputStream::Stderr, &b"\xff\x1b[2J"[..]));
    assert_eq!(line.to_string(), "\u{fffd}\\u{1b}[2J");
}

#[pm_runtime::test]
async fn every_worker_is_heard_whenever_it_was_started() {
    let pool = TalkPool::new();
    let mut events = pool.events();
    pool.query(out("first\n")).await.unwrap();
    assert_eq!(line(&mut events).await.0, 1);
    pool.query_temporary(out("temporary\n")).await.unwrap();
    assert_eq!(line(&mut events).await.0, 2);
    pool.respawn().await.unwrap();
    pool.query(out("respawned\n")).await.unwrap();
    assert_eq!(line(&mut events).await.0, 3);
    crash(pool.query(Talk::ErrAndAbort(vec![])).await.unwrap_err());
    pool.query(out("replaced\n")).await.unwrap();
    let (worker, _, line) = line(&mut events).await;
    assert_eq!((worker, &*line.text()), (4, "replaced"));
}

#[pm_runtime::test]
async fn what_was_printed_before_a_death_is_told_before_it() {
    let pool = TalkPool::new();
    let mut events = pool.events();
    let text = "a\nb\nlast words";
    let report = crash(pool.query(Talk::ErrAndAbort(text.into())).await.unwrap_err());
    assert_eq!(report.stderr_tail.as_deref(), Some(text));
    let mut told = Vec::new();
    loop {
        match events.next().await.unwrap() {
            Event::Output { line, .. } => told.push((line.text().into_owned(), line.is_whole())),
            Event::Crashed(_) => break,
            _ => {}
        }
    }
    let expected = [("a", true), ("b", true), ("last words", false)];
    assert_eq!(told, expected.map(|(text, is_whole)| (text.to_owned(), is_whole)));
}

#[pm_runtime::test]
async fn a_report_shows_a_hostile_stderr_as_it_is() {
    let text = "\x1b[2J\x1b]0;title\x07fine\r\n\
                worker 9 of pool `talk` is well\u{202e}\u{9b}\u{2028}\n\u{0}\u{7f}\t\\ é\n\n";
    let report = crash(TalkPool::new().query(Talk::ErrAndAbort(text.into())).await.unwrap_err());
    let all = report.to_string();
    let (before, tail) = all.split_once("; the end of its stderr: ").expect("it is there");
    assert!(before.starts_with("worker 1 of pool `talk` (pid "), "{before}");
    assert!(before.contains(") was killed by SIGABRT, running `talk` ("), "{before}");
    assert_eq!(
        tail,
        "\\u{1b}[2J\\u{1b}]0;title\\u{7}fine\\r\\nworker 9 of pool `talk` is well\\u{202e}\\u{9b}\
         \\u{2028}\\n\\u{0}\\u{7f}\\t\\ é"
    );
    let lines = format!("{report:#}");
    assert_eq!(
        lines,
        format!(
            "{before}\n  stderr: \\u{{1b}}[2J\\u{{1b}}]0;title\\u{{7}}fine\\r\n  stderr: worker 9 \
             of pool `talk` is well\\u{{202e}}\\u{{9b}}\\u{{2028}}\n  stderr: \
             \\u{{0}}\\u{{7f}}\\t\\ é"
        )
    );
    // And so does the error that the caller gets.
    assert!(!QueryError::Crashed(report).to_string().contains(char::is_control));
}

#[pm_runtime::test]
async fn a_failed_boot_tells_what_was_printed() {
    #[pm_runtime::worker_query(workers = 1, stdio = "capture", init = fail)]
    fn never() {}
    fn fail() {
        eprintln!("no such dex");
        std::process::exit(3);
    }
    let pool = NeverPool::builder().max_crashes(0).build();
    let mut events = pool.events();
    pool.spawn(1).await.unwrap_err();
    let report = loop {
        if let Event::Crashed(report) = events.next().await.unwrap() {
            break report;
        }
    };
    assert_eq!(report.stderr_tail.as_deref(), Some("no such dex"));
    assert!(report.to_string().ends_with("; the end of its stderr: no such dex"), "{report}");
}

#[pm_runtime::test]
async fn only_the_last_lines_of_a_long_stderr_are_kept() {
    let pool = TalkPool::new();
    let text: String = (0..9000).map(|i| format!("line {i}\n")).collect();
    let report = crash(pool.query(Talk::ErrAndAbort(text.into())).await.unwrap_err());
    let tail = report.stderr_tail.as_deref().expect("it is captured");
    assert!(tail.len() <= 16 << 10 && tail.starts_with("line 7"), "{tail}");
    assert!(tail.ends_with("line 8998\nline 8999"), "{tail}");
    let report = crash(pool.query(Talk::FillAndAbort).await.unwrap_err());
    assert_eq!(report.stderr_tail.as_deref(), Some("the end"));
}

#[pm_runtime::test]
async fn a_line_that_never_ends_comes_in_pieces() {
    let pool = TalkPool::new();
    let mut events = pool.events();
    pool.query(Talk::Flood(200_000)).await.unwrap();
    pool.destroy().await;
    let mut sizes = [0, 0];
    while let Some(event) = events.next().await {
        let Event::Output { stream, line, .. } = event else { continue };
        assert!(!line.is_whole() && line.as_bytes().len() <= 4096);
        sizes[usize::from(stream == OutputStream::Stderr)] += line.as_bytes().len();
    }
    assert_eq!(sizes, [200_000, 200_000]);
}

#[pm_runtime::test]
async fn workers_that_print_for_ever_hold_nobody_up() {
    let pool = TalkPool::builder().workers(3).build();
    // Nobody listens to the one pool, and nobody reads the events of the other.
    let watched = TalkPool::builder().workers(3).build();
    let mut events = watched.events();
    for pool in [&pool, &watched] {
        pool.spawn(3).await.unwrap();
        let babblers: Vec<_> = (0..2).map(|_| smol::spawn(pool.query(Talk::Babble))).collect();
        pm_tests::until_begun(pool, 2).await;
        for _ in 0..50 {
            pool.query(Talk::Ping).await.unwrap();
        }
        crash(pool.query_temporary(Talk::ErrAndAbort(b"!".into())).await.unwrap_err());
        for babbler in babblers {
            babbler.cancel().await;
        }
        for worker in pool.workers() {
            pm_tests::kill(worker.pid(), rustix::process::Signal::KILL);
        }
        pool.destroy().await;
    }
    // What happened was not pushed out by what was printed.
    let (mut spawned, mut crashed, mut printed) = (0, 0, 0);
    while let Some(event) = events.next().await {
        match event {
            Event::Spawned { .. } => spawned += 1,
            Event::Crashed(_) => crashed += 1,
            Event::Output { .. } => printed += 1,
            _ => {}
        }
    }
    assert!(spawned >= 4 && crashed >= 3, "{spawned} {crashed}");
    assert!(printed <= 1024, "{printed}");
}

#[pm_runtime::test]
async fn a_process_that_holds_the_pipes_open_delays_no_death() {
    let pool = TalkPool::new();
    let mut events = pool.events();
    let pid: u32 = pool.query(Talk::Escape).await.unwrap().parse().unwrap();
    // It prints and prints.
    while line(&mut events).await.1 != OutputStream::Stderr {}
    let report = crash(pool.query(Talk::ErrAndAbort(b"bye\n".into())).await.unwrap_err());
    let tail = report.stderr_tail.as_deref().expect("it is captured");
    assert!(tail.contains("here") && tail.len() <= 16 << 10, "{tail}");
    assert_eq!(pool.query(Talk::Ping).await, Ok(String::new()));
    // The pool's ends are closed: it finds nobody to print for.
    until(|| !is_alive(pid));
}

#[pm_runtime::test]
async fn null_is_nowhere_and_inherit_is_where_the_application_prints() {
    let own = std::fs::read_link("/proc/self/fd/1").unwrap().display().to_string();
    let builder = TalkPool::builder();
    let target = |stdio| {
        let pool = builder.clone().stdio(stdio).build();
        async move { pool.query(Talk::Target).await.unwrap() }
    };
    assert_eq!(target(Stdio::Null).await, "/dev/null");
    assert_eq!(target(Stdio::Inherit).await, own);
    assert!(target(Stdio::Capture).await.starts_with("pipe:"));
    let in_process = builder.clone().in_process().build();
    assert_eq!(in_process.query(Talk::Target).await, Ok(own));
    let quiet = builder.clone().stdio(Stdio::Null).build();
    let report = crash(quiet.query(Talk::ErrAndAbort(b"!".into())).await.unwrap_err());
    assert_eq!(report.stderr_tail, None);
    assert!(!report.to_string().contains("stderr"), "{report}");
}

#[test]
fn no_descriptor_is_left_of_workers_that_are_gone() {
    // In a process of its own, because other tests open descriptors beside this one.
    let test = "output::descriptors_are_counted_in_a_process_of_its_own";
    let exe = std::env::current_exe().unwrap();
    let status = Command::new(exe).args(["--exact", test]).env("PM_TESTS_COUNT", "yes").status();
    assert!(status.unwrap().success());
}

#[pm_runtime::test]
async fn descriptors_are_counted_in_a_process_of_its_own() {
    if std::env::var_os("PM_TESTS_COUNT").is_none() {
        return;
    }
    let before = descriptors();
    let pool = TalkPool::builder().max_crashes(None).quarantine(None).build();
    let _events = pool.events();
    for _ in 0..5 {
        pool.query(Talk::Flood(10_000)).await.unwrap();
        pool.query_temporary(out("x\n")).await.unwrap();
        crash(pool.query(Talk::ErrAndAbort(vec![b'x'])).await.unwrap_err());
        pool.respawn_to(1).await.unwrap();
    }
    pool.unspawn().await;
    until(|| descriptors() == before);
    let missing = TalkPool::builder().program("/nowhere/worker").build();
    missing.query(Talk::Ping).await.unwrap_err();
    let lost = TalkPool::builder().cwd("/nowhere").build();
    lost.query(Talk::Ping).await.unwrap_err();
    until(|| descriptors() == before);
}

/// Pipes, sockets and pidfds of this process: all that workers need.
fn descriptors() -> usize {
    let of_workers = |target: &std::path::Path| {
        let target = target.to_string_lossy();
        target.starts_with("pipe:") || target.starts_with("socket:") || target.contains("pidfd")
    };
    std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .filter(|target| of_workers(target))
        .count()
}
