//! Raw workers that say what no raw worker says.

use std::fs::File;
use std::io::Write;

use pm_runtime::Transport;
use rustix::process::{PidfdFlags, PidfdGetfdFlags};

use super::*;

/// A frame: its kind, its name and its bytes.
type Lie = (u8, u64, Vec<u8>);

/// Says over its socket whatever it is told to, and then goes on to say that it did.
#[worker_raw(workers = 2, max_crashes = None, grace = "0s")]
fn liar(link: RawLink<Vec<Lie>, String>) -> Result<(), RawError> {
    while let Some(lies) = link.recv_blocking()? {
        let mut frames = Vec::new();
        for (kind, id, bytes) in lies {
            frames.extend((bytes.len() as u32).to_le_bytes());
            frames.extend([kind, 0, 0, 0]);
            frames.extend(id.to_le_bytes());
            frames.extend(bytes);
        }
        // The pool may have killed this process by then.
        data_socket().write_all(&frames).unwrap();
        link.send_blocking(&"said".to_owned())?;
    }
    Ok(())
}

fn data_socket() -> File {
    let this = rustix::process::getpid();
    let this = rustix::process::pidfd_open(this, PidfdFlags::empty()).unwrap();
    rustix::process::pidfd_getfd(this, 4, PidfdGetfdFlags::empty()).unwrap().into()
}

const RAW: u64 = u64::MAX;
const BEGUN: u8 = 1;
const ANSWER: u8 = 2;
const PANICKED: u8 = 3;
const RETURNED: u8 = 5;
const DROPPED: u8 = 6;
const GATED: u8 = 7;
const OPENED: u8 = 12;
const CLOSED: u8 = 13;
const FAILED: u8 = 14;
const MESSAGE: u8 = 32;
const PIECE: u8 = 33;
const GRANT: u8 = 34;
const OVER: u8 = 35;
const DESTROY: u8 = 36;

/// How the worker ends, which has to, and that its neighbour does not.
async fn end_after(transport: Transport, lies: Vec<Lie>) -> RawError {
    let pool = LiarPool::builder().transport(transport).window(4).max_frame(64 << 10).build();
    pool.spawn(2).await.unwrap();
    let [liar, neighbour] = pool.workers().try_into().unwrap();
    liar.send(&lies).await.unwrap();
    let end = loop {
        match liar.recv().await {
            Ok(Some(_)) | Err(RawError::Decode(_)) => {}
            Ok(None) => panic!("it did not end well: {lies:?}"),
            Err(error) => break error,
        }
    };
    neighbour.send(&Vec::new()).await.unwrap();
    assert_eq!(neighbour.recv().await.unwrap().as_deref(), Some("said"));
    // Its end stays what it was.
    assert_eq!(liar.recv().await.as_ref(), Err(&end));
    assert_eq!(liar.send(&Vec::new()).await.as_ref(), Err(&end));
    assert!(!end.to_string().is_empty());
    end
}

#[pm_runtime::test]
async fn what_no_worker_says_ends_it() {
    for transport in [Transport::Auto, Transport::Socket] {
        for lie in [
            (BEGUN, RAW, vec![]),
            (ANSWER, RAW, vec![]),
            (ANSWER, 0, vec![0; 9]),
            (PANICKED, RAW, vec![255; 9]),
            (RETURNED, RAW, vec![]),
            (DROPPED, 7, vec![]),
            (GATED, RAW, vec![]),
            (OPENED, RAW, vec![]),
            (CLOSED, 77, vec![]),
            (FAILED, RAW, vec![255]),
            (FAILED, RAW, vec![b'x'; 60 << 10]),
            (GRANT, RAW, vec![255; 16]),
            (GRANT, RAW, vec![0; 8]),
            (OVER, RAW, vec![]),
            (DESTROY, RAW, vec![]),
            (99, RAW, vec![]),
        ] {
            let what = (transport, lie.0, lie.1);
            let end = end_after(transport, vec![lie]).await;
            assert!(matches!(end, RawError::Protocol(_)), "{what:?}: {end}");
        }
    }
}

#[pm_runtime::test]
async fn what_goes_beyond_the_window_or_the_limit_ends_it() {
    for lies in [
        vec![(MESSAGE, RAW, vec![]); 2000],
        vec![(MESSAGE, RAW, vec![b'x'; 5000]); 8],
        vec![(PIECE, RAW, vec![0; 5000]); 10],
    ] {
        let pool = LiarPool::builder().transport(Transport::Socket).window(4).max_frame(48 << 10);
        let pool = pool.build();
        let liar = pool.spawn_one().await.unwrap();
        for lie in lies {
            // It may have been found out by then.
            if liar.send(&vec![lie]).await.is_err() {
                break;
            }
        }
        // Nobody reads it meanwhile.
        until(|| pool.health().crashes == 1);
        let end = loop {
            match liar.recv().await {
                Ok(Some(_)) | Err(RawError::Decode(_)) => {}
                Ok(None) => panic!("it did not end well"),
                Err(error) => break error,
            }
        };
        assert!(matches!(end, RawError::Protocol(_)), "{end}");
    }
}

#[pm_runtime::test]
async fn who_says_its_end_twice_and_goes_on_is_killed_when_its_grace_is_over() {
    for transport in [Transport::Auto, Transport::Socket] {
        let lies = vec![(CLOSED, RAW, vec![]), (CLOSED, RAW, vec![]), (MESSAGE, RAW, vec![])];
        let pool = LiarPool::builder().transport(transport).build();
        let liar = pool.spawn_one().await.unwrap();
        liar.send(&lies).await.unwrap();
        let end = loop {
            match liar.recv().await {
                Ok(Some(_)) | Err(RawError::Decode(_)) => {}
                end => break end,
            }
        };
        // Over shared memory a piece has no business on the socket.
        assert!(matches!(end, Err(RawError::Released | RawError::Protocol(_))), "{end:?}");
        assert!(pool.workers().is_empty() || transport == Transport::Auto);
    }
}
