//! Who may wait for commands: any executor, callers without one, workers, and many at once.

use pm_runtime::{Exec, ExecError, Exit, Output, QueryError, exec, shell, worker_query};
use pm_tests::{Folder, is_alive, kill, until};
use rustix::process::Signal;
use smol::future::poll_once;
use smol::stream::StreamExt;

/// Runs it to its end.
#[worker_query(workers = 1)]
fn run(script: String) -> Result<Output, ExecError> {
    shell(script).wait()
}

/// Runs it beside others.
#[worker_query(workers = 1)]
async fn run_beside(script: String) -> Result<Output, ExecError> {
    shell(script).await
}

/// Has a thread start it that ends before it.
#[worker_query(workers = 1)]
fn run_from_a_thread_that_ends(script: String) -> Result<Output, ExecError> {
    let started = std::thread::spawn(|| {
        let mut command = Box::pin(shell(script));
        let polled = smol::future::block_on(poll_once(&mut command));
        assert!(polled.is_none());
        command
    });
    smol::future::block_on(started.join().expect("it does not panic"))
}

fn is_sendable<T: Send + Sync + Unpin + 'static>(_: &T) {}

#[pm_runtime::test]
fn any_executor_runs_them() {
    let hello: fn() -> Exec = || exec(["cat"]).stdin("hello");
    is_sendable(&hello());
    assert_eq!(hello().wait().unwrap().stdout(), "hello");
    assert_eq!(smol::block_on(hello()).unwrap().stdout(), "hello");
    assert_eq!(smol::block_on(smol::spawn(hello())).unwrap().stdout(), "hello");
    assert_eq!(futures::executor::block_on(hello()).unwrap().stdout(), "hello");
    let current = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(current.block_on(hello()).unwrap().stdout(), "hello");
    let many = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let output = many.block_on(async { tokio::spawn(hello()).await.unwrap() });
    assert_eq!(output.unwrap().stdout(), "hello");
    let outcome = std::thread::spawn(move || hello().wait()).join().unwrap();
    assert_eq!(outcome.unwrap().stdout(), "hello");
}

#[pm_runtime::test]
fn one_may_be_selected_from_several() {
    futures::executor::block_on(async {
        let (mut endless, mut quick) = (exec(["sleep", "1h"]), exec(["echo", "quick"]));
        let output = futures::select! {
            _ = endless => panic!("it never ends"),
            output = quick => output.unwrap(),
        };
        assert_eq!(output.stdout(), "quick\n");
    });
}

#[pm_runtime::test]
async fn a_hundred_run_at_once() {
    let commands: Vec<_> = (0..100)
        .map(|i| match i % 4 {
            0 => exec(["cat"]).stdin(vec![b'a' + (i % 26) as u8; 100_000]),
            1 => shell(format!("echo {i}; exit {i}")),
            2 => exec(["yes"]).max_output(1000 + i),
            _ => shell(format!("sleep 1h & printf %s {i} >&2")),
        })
        .map(smol::spawn)
        .collect();
    let mut outcomes = smol::stream::iter(commands).then(|command| command).enumerate();
    let mut ended = 0;
    let mut outcomes = std::pin::pin!(&mut outcomes);
    while let Some((i, outcome)) = outcomes.next().await {
        ended += 1;
        match (i % 4, outcome) {
            (0, Ok(output)) => {
                assert_eq!(output.stdout_bytes(), vec![b'a' + (i % 26) as u8; 100_000]);
            }
            (1, Err(ExecError::Failed { exit, output, .. })) => {
                assert_eq!(
                    (exit, output.stdout()),
                    (Exit::Code(i as i32), format!("{i}\n").into())
                );
            }
            (2, Err(ExecError::TooLarge { limit, output, .. })) => {
                assert_eq!((limit, output.stdout_bytes().len()), (1000 + i, 1000 + i));
            }
            (3, Ok(output)) => assert_eq!(output.stderr(), i.to_string()),
            (_, outcome) => panic!("{i}: {outcome:?}"),
        }
    }
    assert_eq!(ended, 100);
}

#[pm_runtime::test]
async fn threads_that_wait_do_not_wait_for_each_other() {
    let folder = Folder::new("meeting");
    // Each waits for the other's file.
    let wait = |own: &str, other: &str| {
        let script = "touch $OWN; until [ -e $OTHER ]; do :; done";
        let command = shell(script).env("OWN", folder.file(own)).env("OTHER", folder.file(other));
        std::thread::spawn(move || command.wait())
    };
    let (one, two) = (wait("one", "two"), wait("two", "one"));
    assert!(one.join().unwrap().is_ok() && two.join().unwrap().is_ok());
}

#[pm_runtime::test]
async fn workers_run_them_too() {
    let (pool, beside) = (RunPool::new(), RunBesidePool::new());
    for script in ["echo hello", "kill -TERM $$"] {
        let there = pool.query(script.into()).await.unwrap();
        assert_eq!(there, beside.query(script.into()).await.unwrap());
        assert_eq!(there, shell(script).await);
    }
    let in_thread = RunPool::in_process().query("echo hello".into()).await.unwrap();
    assert_eq!(in_thread.unwrap().stdout(), "hello\n");
    #[cfg(feature = "tokio")]
    {
        let tokio = RunBesidePool::builder().runtime(pm_runtime::Runtime::Tokio).build();
        let there = tokio.query("echo hello".into()).await.unwrap();
        assert_eq!(there.unwrap().stdout(), "hello\n");
    }
}

#[pm_runtime::test]
async fn a_command_dies_with_the_worker_that_runs_it() {
    let pool = RunPool::new();
    pool.spawn(1).await.unwrap();
    let worker = pool.workers()[0].pid();
    let folder = Folder::new("killed");
    let file = folder.file("pid");
    let mut call = Box::pin(pool.query(format!("echo $$ > '{file}'; exec sleep 1h")));
    assert!(poll_once(&mut call).await.is_none());
    until(|| std::fs::read_to_string(&file).is_ok_and(|text| text.ends_with('\n')));
    let pid = std::fs::read_to_string(&file).unwrap().trim().parse().unwrap();
    assert!(is_alive(pid));
    kill(worker, Signal::KILL);
    assert!(matches!(call.await, Err(QueryError::Crashed(_))));
    until(|| !is_alive(pid));
}

#[pm_runtime::test]
async fn a_command_does_not_die_with_the_thread_that_started_it() {
    let pool = RunFromAThreadThatEndsPool::new();
    let folder = Folder::new("thread");
    let (begun, go_on) = (folder.file("begun"), folder.file("go"));
    let script = format!("touch {begun}; until [ -e {go_on} ]; do :; done; echo alive");
    let mut call = Box::pin(pool.query(script));
    assert!(poll_once(&mut call).await.is_none());
    until(|| std::path::Path::new(&begun).exists());
    std::fs::write(&go_on, "").unwrap();
    assert_eq!(call.await.unwrap().unwrap().stdout(), "alive\n");
}
