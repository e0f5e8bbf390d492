//! Workers that are killed in the middle of something: no half message is ever taken for a whole.

use std::time::Duration;

use pm_runtime::fault::{Fault, Faults, When};
use pm_runtime::{QueryError, Transport, worker_query};
use pm_tests::{is_alive, kill, stop, until};
use rustix::process::Signal;
use smol::future::poll_once;

#[worker_query(workers = 1, max_crashes = None)]
fn echo(text: String) -> String {
    text
}

const RING: usize = 1 << 20;

/// A point beyond the end of any answer, whatever way that travels: over sockets, too, where memory
/// cannot be shared.
const NEVER: u64 = u64::MAX;

fn text(length: usize) -> String {
    (0..length).map(|i| char::from(b'a' + (i % 23) as u8)).collect()
}

/// Has the first worker killed there. `true`: the answer came whole all the same.
async fn is_whole(transport: Transport, fault: Fault, at: u64, length: usize) -> bool {
    let faults = Faults::seeded(1).with(fault, When::at(at).in_worker(1));
    let pool = EchoPool::builder().transport(transport).faults(faults).build();
    let sent = text(length);
    let answer = pool.query(sent.clone()).await;
    assert_eq!(pool.query(sent.clone()).await.as_ref(), Ok(&sent), "the next one works");
    match answer {
        Ok(answer) => {
            assert!(answer == sent, "half an answer: {} of {length} bytes", answer.len());
            true
        }
        Err(QueryError::Crashed(_)) => false,
        Err(other) => panic!("{other}"),
    }
}

async fn kill_at_each(transport: Transport, length: usize, points: impl IntoIterator<Item = u64>) {
    let (mut whole, mut none) = (0, 0);
    for point in points {
        match is_whole(transport, Fault::KillTelling(point), 1, length).await {
            true => whole += 1,
            false => none += 1,
        }
    }
    assert!(whole > 0 && none > 0, "{length} bytes: {whole} whole, {none} not");
}

#[pm_runtime::test]
async fn an_answer_in_memory_is_whole_or_none_wherever_its_worker_was_killed() {
    for length in [0, 30, 79, 80, 81, 1000] {
        // A short one takes five steps, and one that is longer than its slot the same.
        kill_at_each(Transport::Auto, length, (0..7).chain([NEVER])).await;
    }
}

#[pm_runtime::test]
async fn an_answer_longer_than_the_ring_is_whole_or_none_wherever_its_worker_was_killed() {
    // A few steps at its begin, and one with each 128 KiB.
    let steps = 4 + 3 * RING as u64 / (128 << 10);
    kill_at_each(Transport::Auto, 3 * RING + 5, (0..steps).chain([NEVER])).await;
}

#[pm_runtime::test]
async fn an_answer_over_the_socket_is_whole_or_none_wherever_its_worker_was_killed() {
    const HEADER: u64 = 16;
    kill_at_each(Transport::Socket, 4, 0..HEADER + 20).await;
    let length = 3 * RING as u64;
    let inside = [1, 7, HEADER - 1, HEADER, HEADER + 1, 65_536, length / 2, length];
    kill_at_each(Transport::Socket, length as usize, inside.into_iter().chain([NEVER])).await;
}

#[pm_runtime::test]
async fn a_request_that_has_half_come_is_lost_with_its_worker() {
    // It may wait more rarely than that; where it waits, it is killed.
    for times in 0..8 {
        let fault = Fault::KillReceiving(times);
        is_whole(Transport::Auto, fault, 1, 5 * RING).await;
    }
}

#[pm_runtime::test]
async fn a_temporary_query_outlives_the_kill_of_a_worker_that_is_not_ready_yet() {
    let slow = Fault::SlowBoot(Duration::from_secs(3600));
    let faults = Faults::seeded(1).with(slow, When::at(1).in_worker(1));
    let pool = EchoPool::builder().boot_timeout(None).faults(faults).build();
    let mut call = Box::pin(pool.query_temporary("pikachu".into()));
    assert!(poll_once(&mut call).await.is_none());
    until(|| pool.health().workers.iter().any(|worker| worker.pid > 0));
    kill(pool.health().workers[0].pid, Signal::KILL);
    assert_eq!(call.await.as_deref(), Ok("pikachu"));
    assert_eq!(pool.health().crashes, 0);
}

#[pm_runtime::test]
async fn a_request_that_was_half_sent_goes_to_another_worker() {
    for transport in [Transport::Auto, Transport::Socket] {
        let pool = EchoPool::builder().transport(transport).build();
        pool.spawn(1).await.unwrap();
        let pid = pool.workers()[0].pid();
        stop(pid);
        let sent = text(3 * RING);
        let mut call = Box::pin(pool.query(sent.clone()));
        assert!(poll_once(&mut call).await.is_none());
        kill(pid, Signal::KILL);
        assert!(call.await.unwrap() == sent);
        until(|| !is_alive(pid));
    }
}
