//! Workers that say of their streams what no worker says.

use std::fs::File;
use std::io::Write;

use rustix::process::{PidfdFlags, PidfdGetfdFlags};

use super::*;

/// Says over its socket whatever it is told to; without that it echoes.
#[worker_stream(workers = 1, max_crashes = None)]
#[derive(Default)]
struct Liar;

/// A frame: its kind, its name and its bytes.
type Lie = (u8, u64, Vec<u8>);

impl StreamWorker for Liar {
    type Input = Result<u32, Lie>;
    type Output = u32;
    type Error = OutboxClosed;

    async fn write(&mut self, input: Self::Input, out: &Outbox<u32>) -> Result<(), OutboxClosed> {
        match input {
            Ok(number) => out.send(number).await,
            Err((kind, id, bytes)) => {
                let mut frame = (bytes.len() as u32).to_le_bytes().to_vec();
                frame.extend([kind, 0, 0, 0]);
                frame.extend(id.to_le_bytes());
                frame.extend(bytes);
                data_socket().write_all(&frame).unwrap();
                Ok(())
            }
        }
    }
}

fn data_socket() -> File {
    let this = rustix::process::getpid();
    let this = rustix::process::pidfd_open(this, PidfdFlags::empty()).unwrap();
    rustix::process::pidfd_getfd(this, 4, PidfdGetfdFlags::empty()).unwrap().into()
}

const ANSWER: u8 = 2;
const RETURNED: u8 = 5;
const DROPPED: u8 = 6;
const OPENED: u8 = 12;
const CLOSED: u8 = 13;
const MESSAGE: u8 = 32;
const PIECE: u8 = 33;
const GRANT: u8 = 34;

/// The first stream of a pool has the name 0, its neighbour 1.
async fn told(transport: Transport, lie: Lie) -> (LiarPool, LiarStream, LiarStream) {
    let pool = LiarPool::builder().transport(transport).build();
    let mut liar = pool.create_stream().await.unwrap();
    let mut neighbour = pool.create_stream().await.unwrap();
    neighbour.send(Ok(1)).await.unwrap();
    assert_eq!(neighbour.next().await, Some(Ok(1)));
    // It may have been found out by then.
    let _ = liar.send(Err(lie)).await;
    (pool, liar, neighbour)
}

#[pm_runtime::test]
async fn what_no_worker_says_ends_it_and_its_streams() {
    let (all, half) = (vec![255; 16], vec![0; 8]);
    for transport in [Transport::Auto, Transport::Socket] {
        for lie in [
            (OPENED, 0, vec![]),
            (OPENED, 77, vec![]),
            (CLOSED, 77, vec![]),
            (CLOSED, 1 << 32, vec![]),
            (ANSWER, 0, vec![]),
            (ANSWER, 77, vec![]),
            (RETURNED, 0, vec![]),
            (DROPPED, 0, vec![]),
            (GRANT, 0, all.clone()),
            (GRANT, 0, half.clone()),
            (GRANT, 0, vec![]),
            (99, 0, vec![]),
        ] {
            let kind = (lie.0, lie.1);
            let (pool, mut liar, mut neighbour) = told(transport, lie).await;
            for actor in [&mut liar, &mut neighbour] {
                let error = actor.next().await.unwrap().unwrap_err();
                assert!(matches!(error, StreamError::Protocol(_)), "{kind:?}: {error}");
                assert_eq!(actor.next().await, None);
            }
            let account = pool.health().account;
            assert!(account.balances());
            assert_eq!((account.failed, account.running), (2, 0), "{kind:?}");
            let mut next = pool.create_stream().await.unwrap();
            next.send(Ok(3)).await.unwrap();
            assert_eq!(next.next().await, Some(Ok(3)));
        }
    }
}

#[pm_runtime::test]
async fn what_concerns_nobody_is_not_heard() {
    for lie in [(MESSAGE, 77, vec![0; 100]), (PIECE, 77, vec![]), (GRANT, 77, vec![255; 16])] {
        let (pool, mut liar, mut neighbour) = told(Transport::Socket, lie).await;
        for actor in [&mut liar, &mut neighbour] {
            actor.send(Ok(5)).await.unwrap();
            assert_eq!(actor.next().await, Some(Ok(5)));
        }
        assert_eq!(pool.health().crashes, 0);
    }
}

#[pm_runtime::test]
async fn an_output_that_is_none_is_the_last() {
    let (pool, mut liar, mut neighbour) = told(Transport::Socket, (MESSAGE, 0, vec![255; 9])).await;
    let error = liar.next().await.unwrap().unwrap_err();
    assert!(matches!(error, StreamError::Decode(_)), "{error}");
    assert_eq!(liar.next().await, None);
    neighbour.send(Ok(5)).await.unwrap();
    assert_eq!(neighbour.next().await, Some(Ok(5)));
    drop(liar);
    until(|| pool.health().workers[0].load == 1);
}
