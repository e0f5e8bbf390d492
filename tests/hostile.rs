//! What callers and workers do when they mean no good, or have bad luck.

use std::fs::File;
use std::future::Future;
use std::io::{IoSlice, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::pin::Pin;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use pm_runtime::{Call, CrashCause, Event, QueryError, Transport, worker_query};
use pm_tests::{Folder, Task, WorkAsyncPool, WorkPool};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, Shutdown};
use rustix::process::{PidfdFlags, PidfdGetfdFlags};
use serde::{Deserialize, Serialize};
use smol::future::poll_once;
use smol::stream::StreamExt;

/// Queries that end when they are told to, and not before.
struct Held(Folder);

impl Held {
    fn new(name: &str) -> Self {
        Self(Folder::new(name))
    }

    fn task(&self, name: &str) -> Task {
        Task::Rendezvous { begun: self.0.file("begun"), go_on: self.0.file(name) }
    }

    fn go_on(&self, name: &str) {
        File::create(self.0.file(name)).unwrap();
    }
}

#[pm_runtime::test]
async fn a_late_poll_takes_nothing_from_whoever_leads_now() {
    // Nothing but the answer itself ends a call.
    let pool = WorkPool::builder().boot_timeout(Duration::MAX).timeout(None).build();
    assert_eq!(pool.query(Task::Return(0)).await, Ok(0));
    let held = Held::new("late");
    // Alone, it is to read its answer itself; then it is not, and both are answered.
    let mut late = Box::pin(pool.query(held.task("late")));
    assert!(poll_once(&mut late).await.is_none());
    held.go_on("late");
    assert_eq!(pool.query(Task::Return(2)).await, Ok(2));
    while pool.health().account.completed < 3 {
        smol::future::yield_now().await;
    }
    // Alone again, it is to read its answer itself.
    let mut alone = Box::pin(pool.query(held.task("alone")));
    assert!(poll_once(&mut alone).await.is_none());
    assert_eq!(late.await, Ok(0));
    held.go_on("alone");
    assert_eq!(alone.await, Ok(0));
}

/// Starts the application as a pool would start a worker, but through a shell that stays its
/// parent; returns its exit code and what it printed.
fn start_as_a_grandchild(stdin: impl Into<Stdio>, depth: &str) -> (Option<i32>, String) {
    let output = Command::new("sh")
        .args(["-c", "\"$0\" ask; exit $?", env!("CARGO_BIN_EXE_application")])
        .env("PM_RUNTIME_WORKER", depth)
        .stdin(stdin)
        .stderr(Stdio::null())
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_worker_whose_parent_is_another_does_not_run_the_application() {
    let (_pool, link) = UnixStream::pair().unwrap();
    let (code, said) = start_as_a_grandchild(OwnedFd::from(link), "1");
    assert_eq!((code, &*said), (Some(70), ""));
}

#[test]
fn an_application_that_is_started_in_place_of_a_worker_is_as_deep_as_that() {
    let (code, said) = start_as_a_grandchild(Stdio::null(), "2");
    assert_eq!((code, &*said), (Some(0), "Ok(1)\n"));
    let (code, said) = start_as_a_grandchild(Stdio::null(), "3");
    assert_eq!(code, Some(0));
    assert!(said.contains("TooDeep"), "{said}");
}

/// What a worker does to its pool.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Attack {
    /// Sends a frame of this kind and length in the place of its answer.
    Frame(u8, u32),
    /// The same with this id, or its own, and bytes that are no text; then it answers.
    Speak(u8, Option<u64>, u32),
    /// Rings for the pool without end, so that it listens.
    Ring,
    /// Has another process, which does not die with it, send replies without end.
    Flood,
    /// Sends a descriptor over the control socket; returns the system's error, or 0.
    Descriptor,
    /// Catches a panic, and throws another payload on past the hook.
    ThrowOn,
    /// Ends both sockets, for whoever else holds them too, and lives on.
    EndLink,
    /// Closes its descriptors, and lives on.
    CloseLink,
    /// Does no harm.
    Nothing,
}

/// This worker's end of the control socket (3) or of the data socket (4).
fn socket(number: i32) -> OwnedFd {
    let this = rustix::process::getpid();
    let this = rustix::process::pidfd_open(this, PidfdFlags::empty()).unwrap();
    rustix::process::pidfd_getfd(this, number, PidfdGetfdFlags::empty()).unwrap()
}

#[worker_query(workers = 1)]
fn attack(attack: Attack) -> u64 {
    match attack {
        Attack::Nothing => 7,
        Attack::EndLink => {
            for number in [3, 4] {
                rustix::net::shutdown(socket(number), Shutdown::Both).unwrap();
            }
            loop {
                std::thread::park();
            }
        }
        #[allow(unsafe_code, reason = "it closes what is not its own")]
        Attack::CloseLink => {
            for number in [3, 4] {
                // SAFETY: nothing else is opened in this worker that could get the number.
                unsafe { libc::close(number) };
            }
            loop {
                std::thread::park();
            }
        }
        Attack::Descriptor => {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut ancillary = SendAncillaryBuffer::new(&mut space);
            let (control, data) = (socket(3), socket(4));
            let descriptors = [data.as_fd()];
            assert!(ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)));
            let parts = [IoSlice::new(&[0])];
            match rustix::net::sendmsg(control, &parts, &mut ancillary, SendFlags::empty()) {
                Ok(_) => 0,
                Err(error) => error.raw_os_error() as u64,
            }
        }
        Attack::ThrowOn => {
            assert!(std::panic::catch_unwind(|| panic!("caught")).is_err());
            std::panic::resume_unwind(Box::new("thrown on"))
        }
        #[allow(clippy::zombie_processes, reason = "it is to be left behind")]
        Attack::Flood => {
            let mut cat = Command::new("cat");
            cat.arg("/dev/zero").stdout(socket(3)).process_group(0).spawn().unwrap();
            loop {
                std::thread::park();
            }
        }
        Attack::Ring => {
            let mut control = File::from(socket(3));
            let bell = [0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0].repeat(1000);
            loop {
                control.write_all(&bell).unwrap();
            }
        }
        Attack::Speak(kind, id, length) => {
            // The first query of a pool.
            let mut frame = vec![0xFF; 16 + length as usize];
            frame[..4].copy_from_slice(&length.to_le_bytes());
            frame[4..8].copy_from_slice(&[kind, 0, 0, 0]);
            frame[8..16].copy_from_slice(&id.unwrap_or(0).to_le_bytes());
            File::from(socket(4)).write_all(&frame).unwrap();
            7
        }
        Attack::Frame(kind, length) => {
            let mut frame = vec![0; 16 + length as usize];
            frame[..4].copy_from_slice(&length.to_le_bytes());
            frame[4] = kind;
            File::from(socket(4)).write_all(&frame).unwrap();
            loop {
                std::thread::park();
            }
        }
    }
}

#[pm_runtime::test]
async fn notes_that_no_worker_writes_are_not_kept() {
    let pool = AttackPool::builder().max_crashes(None).build();
    // Of a panic, of a refusal, of a last panic; of begins and the like; of what runs.
    for (kind, length) in [(3, 1 << 20), (4, 1 << 20), (8, 1 << 20), (1, 8), (5, 8), (7, 8 << 20)] {
        let error = pool.query(Attack::Frame(kind, length)).await.unwrap_err();
        assert!(matches!(error, QueryError::Protocol(_)), "{kind}: {error}");
    }
    assert_eq!(pool.query(Attack::Nothing).await, Ok(7));
}

#[pm_runtime::test]
async fn words_that_no_worker_says_end_it() {
    let (debug, message, report) = (9, 10, 11);
    let nobody = u64::MAX;
    for (kind, id, length) in [
        // No text, and too much of it.
        (debug, None, 10),
        (debug, Some(nobody), 10),
        (debug, None, (32 << 10) + 1),
        (report, Some(nobody), 10),
        (report, Some(nobody), 17 << 10),
        // In the name of a query that it does not run.
        (debug, Some(1 << 32), 0),
        (message, Some(1 << 32), 0),
        (message, Some(77), 8),
        // Larger than any message may be, though not than all that it may send.
        (message, None, 101),
    ] {
        let pool = AttackPool::builder().max_frame(100).transport(Transport::Socket).build();
        let error = pool.query(Attack::Speak(kind, id, length)).await;
        assert!(matches!(error, Err(QueryError::Protocol(_))), "{kind} {id:?} {length}: {error:?}");
        // Where its answer takes another way it may come first.
        let pool = AttackPool::builder().max_frame(100).build();
        let mut events = pool.events();
        let answer = pool.query(Attack::Speak(kind, id, length)).await;
        assert!(matches!(answer, Ok(7) | Err(QueryError::Protocol(_))), "{answer:?}");
        let crashed = events.find(|event| matches!(event, Event::Crashed(_))).await;
        let Some(Event::Crashed(report)) = crashed else { panic!("{crashed:?}") };
        assert!(matches!(report.cause, CrashCause::Protocol(_)), "{report}");
    }
}

/// An answer, that its query was returned or dropped, and what runs behind a shut gate.
#[pm_runtime::test]
async fn what_is_told_through_memory_is_not_told_over_the_socket_too() {
    for kind in [2, 5, 6, 7] {
        let pool = AttackPool::new();
        let mut events = pool.events();
        let answer = pool.query(Attack::Speak(kind, None, 0)).await;
        let told = matches!(answer, Ok(7) | Err(QueryError::Protocol(_) | QueryError::Decode(_)));
        assert!(told, "{kind}: {answer:?}");
        // Where there is no memory, nobody listens to the worker before it has another query.
        let next = pool.query(Attack::Nothing).await;
        assert!(matches!(next, Ok(7) | Err(QueryError::Protocol(_))), "{kind}: {next:?}");
        let crashed = events.find(|event| matches!(event, Event::Crashed(_))).await;
        let Some(Event::Crashed(report)) = crashed else { panic!("{crashed:?}") };
        assert!(matches!(report.cause, CrashCause::Protocol(_)), "{kind}: {report}");
        assert_eq!(pool.query(Attack::Nothing).await, Ok(7));
        let account = pool.health().account;
        assert!(account.balances() && account.submitted == 3, "{kind}: {account:?}");
    }
}

#[pm_runtime::test]
async fn a_message_that_is_none_is_reported_and_missed() {
    // Its answer comes the same way, and after it.
    let pool = AttackPool::builder().transport(Transport::Socket).build();
    let mut events = pool.events();
    let (sender, heard) = std::sync::mpsc::channel();
    let by_pool = sender.clone();
    pool.on_message(move |_, text| by_pool.send(text).unwrap());
    let call = pool.query(Attack::Speak(10, None, 100));
    assert_eq!(call.on_message(move |text| sender.send(text).unwrap()).await, Ok(7));
    pool.destroy().await;
    assert_eq!(heard.iter().next(), None);
    assert_eq!(pool.health().missed, 2);
    let reported = events.find(|event| matches!(event, Event::Reported { .. })).await;
    let Some(Event::Reported { worker: 1, text, .. }) = reported else { panic!("{reported:?}") };
    assert!(text.contains("cannot decode `alloc::string::String`"), "{text}");
}

#[pm_runtime::test]
async fn a_worker_that_never_stops_ringing_keeps_nobody_from_being_heard() {
    let pool = AttackPool::new();
    let ringing = pool.query(Attack::Ring).timeout(Duration::from_millis(100));
    let error = ringing.await.unwrap_err();
    assert!(matches!(error, QueryError::TimedOut { .. }), "{error}");
    assert_eq!(WorkPool::new().query(Task::Return(1)).await, Ok(1));
    assert_eq!(pool.query(Attack::Nothing).await, Ok(7));
}

#[pm_runtime::test]
async fn a_worker_that_gives_its_link_up_breaks_the_protocol_and_that_counts() {
    let pool = AttackPool::builder().max_crashes(None).build();
    for (crashes, attack) in [(1, Attack::EndLink), (2, Attack::CloseLink)] {
        let (error, behind) = futures::join!(pool.query(attack), pool.query(Attack::Nothing));
        match error {
            Err(QueryError::Protocol(report)) => {
                assert!(report.to_string().contains("its side of the link"), "{report}");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(behind, Ok(7), "elsewhere");
        assert_eq!(pool.health().crashes, crashes);
    }
}

#[pm_runtime::test]
async fn a_flood_of_replies_keeps_nobody_from_being_heard() {
    let pool = AttackPool::builder().max_crashes(None).build();
    let error = pool.query(Attack::Flood).await.unwrap_err();
    assert!(matches!(error, QueryError::Protocol(_)), "{error}");
    assert_eq!(WorkPool::new().query(Task::Return(1)).await, Ok(1));
    assert_eq!(pool.query(Attack::Nothing).await, Ok(7));
}

#[pm_runtime::test]
async fn a_pool_accepts_no_descriptors() {
    let pool = AttackPool::new();
    let error = pool.query(Attack::Descriptor).await.unwrap();
    // Older kernels let it be sent, and throw it away.
    assert!(error == 0 || error == rustix::io::Errno::PERM.raw_os_error() as u64, "{error}");
    // The byte beside it is no reply.
    assert_eq!(pool.query(Attack::Nothing).await, Ok(7));
}

#[pm_runtime::test]
async fn a_panic_is_told_by_its_own_words() {
    match AttackPool::new().query(Attack::ThrowOn).await {
        Err(QueryError::Panicked(report)) => {
            assert_eq!((report.message(), report.location()), ("thrown on", None));
        }
        other => panic!("{other:?}"),
    }
}

#[pm_runtime::test]
async fn a_low_max_frame_leaves_room_for_the_message_of_a_panic() {
    let pool = WorkPool::builder().max_frame(40).build();
    let error = pool.query(Task::Panic("a sentence as message".into())).await.unwrap_err();
    assert!(matches!(error, QueryError::Panicked(_)), "{error}");
    let asynchronous = WorkAsyncPool::builder().max_frame(40).build();
    let many: Vec<_> =
        (0..9).map(|_| smol::spawn(asynchronous.query(Task::Sleep(Duration::MAX)))).collect();
    let spinning = asynchronous.query(Task::Spin).timeout(Duration::from_millis(10));
    let error = spinning.await.unwrap_err();
    assert!(matches!(error, QueryError::TimedOut { .. }), "{error}");
    drop(many);
}

/// A waker that does something else, once it is armed.
struct Bell {
    armed: AtomicBool,
    ring: Box<dyn Fn() + Send + Sync>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        if self.armed.load(Ordering::SeqCst) {
            (self.ring)();
        }
    }
}

/// Polls a call once, with a waker that does this when the answer comes.
fn poll_with<T>(call: Pin<&mut Call<T>>, ring: impl Fn() + Send + Sync + 'static) {
    let bell = Arc::new(Bell { armed: AtomicBool::new(false), ring: Box::new(ring) });
    let waker = Waker::from(bell.clone());
    assert!(call.poll(&mut Context::from_waker(&waker)).is_pending());
    bell.armed.store(true, Ordering::SeqCst);
}

#[pm_runtime::test]
async fn a_waker_that_panics_harms_no_other_call() {
    let pool = WorkPool::new();
    let held = Held::new("panics");
    // The others wait behind it.
    let mut calls: Vec<_> = std::iter::once(held.task("go"))
        .chain((1..20).map(Task::Return))
        .map(|task| Box::pin(pool.query(task)))
        .collect();
    for call in &mut calls {
        poll_with(call.as_mut(), || panic!("not now"));
    }
    held.go_on("go");
    assert_eq!(pool.query(Task::Return(20)).await, Ok(20));
    for (i, call) in calls.into_iter().enumerate() {
        assert_eq!(call.await, Ok(i as u64));
    }
}

#[pm_runtime::test]
async fn a_waker_may_use_its_pool_and_drop_it() {
    let pool = WorkPool::new();
    let held = Held::new("drops");
    let (said, heard) = std::sync::mpsc::channel();
    let mut call = Box::pin(pool.query(held.task("first")));
    let another = held.task("second");
    let (inner, said) = (Mutex::new(Some(pool)), Mutex::new(said));
    poll_with(call.as_mut(), move || {
        let Some(pool) = inner.lock().unwrap().take() else { return };
        let mut another = Box::pin(pool.query(another.clone()));
        assert!(smol::block_on(poll_once(&mut another)).is_none());
        let account = pool.health().account;
        drop(pool);
        said.lock().unwrap().send((account.submitted, another)).unwrap();
    });
    held.go_on("first");
    let (submitted, another) = heard.recv().unwrap();
    assert_eq!(submitted, 2);
    held.go_on("second");
    assert_eq!((call.await, another.await), (Ok(0), Ok(0)));
}
