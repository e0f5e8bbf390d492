//! An application with an operator's socket, which does what it is told at its stdin; or, with the path of a
//! socket, a client that prints what it is told there.

use std::io::{BufRead, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use pm_runtime::{Error, operator, shutdown_on_signals, worker, worker_query};
use pm_tests::{Task, WorkPool};

/// A worker that would like to serve.
#[worker_query(workers = 1, name = "Servant")]
fn serve_in_a_worker() -> String {
    result()
}

/// A worker that talks much.
#[worker_query(workers = 1)]
fn chatter(messages: usize) {
    for _ in 0..messages {
        worker::message("so it is").expect("it is text");
    }
}

fn result() -> String {
    operator::serve().map_or_else(|error| error.to_string(), |_| "it serves".into())
}

#[pm_runtime::main]
async fn main() -> Result<(), Error> {
    if let Some(socket) = std::env::args().nth(1) {
        let answer = std::io::read_to_string(UnixStream::connect(socket)?)?;
        print!("{answer}");
        return Ok(());
    }
    let mut operator = operator::serve()?;
    shutdown_on_signals()?;
    say(operator.socket().to_str().expect("the path is text"));
    let pool = WorkPool::builder().label("work").workers(2).build();
    let servant = ServantPool::builder().label("servant").build();
    let mut kept = Vec::new();
    pool.start().await?;
    say("ready");
    for line in std::io::stdin().lock().lines() {
        match &*line? {
            "crash" => say(&pool.query(Task::Abort).await.is_err().to_string()),
            "serve in a worker" => say(&servant.query().await?),
            "serve again" => say(&result()),
            "make another pool" => {
                // What does not end is waited for.
                let grace = Duration::from_secs(3600);
                let another = WorkPool::builder().label("another").grace(grace).build();
                another.start().await?;
                kept.push(another);
                say("made");
            }
            "drop the other pools" => {
                kept.clear();
                say("dropped");
            }
            "chatter" => {
                ChatterPool::shared().query(5000).await?;
                say("much was said");
            }
            "die of broken pipes" => {
                reset_sigpipe();
                say("it may");
            }
            "fork" => {
                let operator = &mut operator;
                say(if fork_and_drop(operator) { "the fork is gone" } else { "there is no fork" });
            }
            "leave a fork" => say(&leave_a_fork().to_string()),
            "begin anew" => {
                drop(operator);
                operator = operator::serve()?;
                say("served");
            }
            other => panic!("what is {other:?}?"),
        }
    }
    Ok(())
}

/// Has a fork of this process end its service, as far as it has one.
#[allow(unsafe_code, reason = "a fork")]
fn fork_and_drop(operator: &mut operator::Operator) -> bool {
    // SAFETY: the child has this thread only; it touches nothing that another thread may have locked,
    // and ends without unwinding.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: what is read is dropped once in this process, which ends then.
        unsafe {
            drop(std::ptr::read(operator));
            libc::_exit(i32::from(operator::serve().is_ok()));
        }
    }
    let mut status = 0;
    // SAFETY: the pointer is valid for writes.
    child > 0 && unsafe { libc::waitpid(child, &mut status, 0) } == child && status == 0
}

/// Makes a fork of this process, which does nothing until it is killed; returns its number.
#[allow(unsafe_code, reason = "a fork")]
fn leave_a_fork() -> i32 {
    // SAFETY: the child has this thread only, which touches nothing.
    let child = unsafe { libc::fork() };
    if child == 0 {
        loop {
            // SAFETY: it only waits.
            unsafe { libc::pause() };
        }
    }
    child
}

/// As in a C program, or one that a plain `main` of Rust does not begin.
#[allow(unsafe_code, reason = "a signal's action")]
fn reset_sigpipe() {
    // SAFETY: the default action is no code of this process.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
}

fn say(line: &str) {
    println!("{line}");
    std::io::stdout().flush().expect("somebody listens");
}
