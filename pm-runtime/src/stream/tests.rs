//! Both sides of a link's streams, without a link between them.

use std::sync::{Arc, Mutex};
use std::task::Poll;

use super::channel::{Carrier, Channel, Taken};
use super::flow::Grant;
use super::incoming::Batch;
use super::{Hub, Wakes};
use crate::options::Window;
use crate::sync::lock;
use crate::transport::memory::{Region, Shape, Side};
use crate::wire::frame::{Frame, FrameError};
use crate::wire::message::stream as kind;
use crate::wire::small::SmallBytes;

/// One side's end of the link.
struct End {
    hub: Hub,
    /// What happens between finding no room and standing in line for some.
    between: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Carrier for End {
    fn put(&self, kind: u8, id: u64, bytes: &[u8]) -> bool {
        let put = self.hub.put(kind, id, bytes).expect("there is memory");
        if !put && let Some(happens) = lock(&self.between).take() {
            happens();
        }
        put
    }

    fn line_up(&self, channel: Arc<Channel>) {
        self.hub.line_up(channel);
    }

    fn flush(self: Arc<Self>) {
        self.hub.show();
    }
}

impl End {
    fn new(region: &Arc<Region>, side: Side) -> Arc<Self> {
        let hub = Hub::new(Some(region.clone()), side);
        Arc::new(Self { hub, between: Mutex::default() })
    }

    /// Has a stream of this name.
    fn open(self: &Arc<Self>, id: u64, window: Window, limit: usize) -> Arc<Channel> {
        let channel = Arc::new(Channel::new(window, limit));
        channel.attach(id, self.clone());
        self.hub.enter(id, channel.clone());
        channel
    }

    /// Reads all that is there. `true`: the other side waits for the room that there is now.
    fn read(&self) -> bool {
        let until = self.hub.written(false).unwrap();
        let other = |frame| panic!("{frame:?}");
        self.hub.read(until, &mut Wakes::default(), other).unwrap().made_room
    }

    fn go_on(&self) {
        self.hub.go_on(&mut Wakes::default());
        self.hub.show();
    }
}

fn ends() -> (Arc<Region>, Arc<End>, Arc<End>) {
    let (region, _) = Region::create(Shape { slots: 1, lanes: true }).unwrap();
    let region = Arc::new(region);
    (region.clone(), End::new(&region, Side::Pool), End::new(&region, Side::Worker))
}

const WIDE: Window = Window { messages: 8, bytes: 1 << 30 };

/// Much more than a lane holds.
const LONG: usize = 1 << 20;

fn send(channel: &Arc<Channel>, mut message: Vec<u8>) {
    assert_eq!(channel.poll_send(&mut message, None), Poll::Ready(Ok(())));
    channel.flush();
}

fn next(channel: &Arc<Channel>) -> Option<Vec<u8>> {
    let mut batch = Batch::default();
    match channel.poll_take(&mut batch, None) {
        Taken::Some => batch.next().map(<[u8]>::to_vec),
        Taken::Later | Taken::Over(_) => None,
    }
}

#[test]
fn room_that_is_made_before_a_stream_stands_in_line_is_not_lost() {
    let (_region, pool, worker) = ends();
    let (sender, receiver) = (pool.open(1, WIDE, LONG), worker.open(1, WIDE, LONG));
    // Who is told of the room finds nobody in line.
    *lock(&pool.between) = Some(Box::new({
        let (pool, worker) = (pool.clone(), worker.clone());
        move || {
            assert!(worker.read());
            pool.go_on();
        }
    }));
    let message: Vec<u8> = (0..LONG).map(|i| i as u8).collect();
    send(&sender, message.clone());
    // From here on it goes on only when it is told to.
    while worker.read() {
        pool.go_on();
    }
    assert!(next(&receiver) == Some(message), "the rest of it waits for ever");
}

#[test]
fn who_is_about_to_sleep_sees_room_of_which_nobody_told() {
    let (_region, pool, worker) = ends();
    let (sender, receiver) = (worker.open(1, WIDE, LONG), pool.open(1, WIDE, LONG));
    assert!(!worker.hub.may_go_on());
    send(&sender, vec![1; LONG]);
    assert!(!worker.hub.may_go_on(), "there is none");
    while pool.read() {
        assert!(worker.hub.may_go_on());
        worker.go_on();
    }
    assert!(!worker.hub.may_go_on(), "nobody waits");
    assert_eq!(next(&receiver), Some(vec![1; LONG]));
}

#[test]
fn streams_take_turns_and_each_comes_whole() {
    let (_region, pool, worker) = ends();
    let streams: Vec<_> =
        (0..8_u64).map(|id| (pool.open(id, WIDE, LONG), worker.open(id, WIDE, LONG))).collect();
    for (id, (sender, _)) in streams.iter().enumerate() {
        send(sender, vec![id as u8; 100_000]);
    }
    while worker.read() {
        pool.go_on();
    }
    for (id, (_, receiver)) in streams.iter().enumerate() {
        assert_eq!(next(receiver), Some(vec![id as u8; 100_000]));
    }
}

#[test]
fn a_stream_is_detached_only_from_where_it_is() {
    let (_region, first, first_far) = ends();
    let (_region, second, second_far) = ends();
    let channel = first.open(1, WIDE, LONG);
    // It was never begun there, and is handed to another worker before the first is forgotten.
    channel.attach(2, second.clone());
    second.hub.enter(2, channel.clone());
    let receiver = second_far.open(2, WIDE, LONG);
    assert_eq!(first.hub.clear().len(), 1);
    send(&channel, vec![7]);
    second_far.read();
    assert_eq!(next(&receiver), Some(vec![7]));
    assert!(!first_far.hub.has_news());
}

/// What a pool makes of these, said one after the other for a stream to which it has sent a message
/// of ten bytes.
fn judge(pieces: &[(u8, &[u8])]) -> Result<(), FrameError> {
    let (_region, pool, worker) = ends();
    let window = Window { messages: 2, bytes: 100 };
    let channel = pool.open(1, window, 200);
    send(&channel, vec![0; 10]);
    for (kind, bytes) in pieces {
        let put = worker.hub.put(*kind, 1, bytes);
        assert_eq!(put, Some(true));
    }
    worker.hub.show();
    let until = pool.hub.written(false)?;
    let read = pool.hub.read(until, &mut Wakes::default(), drop).map(drop);
    // The same over a socket.
    let (_region, pool, _) = ends();
    let channel = pool.open(1, window, 200);
    send(&channel, vec![0; 10]);
    let heard = pieces.iter().try_for_each(|(kind, bytes)| {
        let frame = Frame { kind: *kind, id: 1, payload: SmallBytes::from(bytes.to_vec()) };
        pool.hub.take_frame(frame, &mut Wakes::default()).map(drop)
    });
    assert_eq!(read, heard);
    read
}

#[test]
fn what_no_worker_says_of_a_stream_is_found_out() {
    let grant = |messages, bytes| Grant { messages, bytes }.to_bytes();
    let (all, bytes, part) = (grant(1, 10), [0; 100], [0; 60]);
    assert_eq!(judge(&[(kind::GRANT, &all)]), Ok(()));
    assert_eq!(judge(&[(kind::PIECE, &part), (kind::MESSAGE, &bytes)]), Ok(()));
    for pieces in [
        // Granted twice, more than was sent, and not even a grant.
        &[(kind::GRANT, &all[..]), (kind::GRANT, &all)][..],
        &[(kind::GRANT, &grant(2, 10))],
        &[(kind::GRANT, &grant(1, 11))],
        &[(kind::GRANT, &grant(u64::MAX, u64::MAX))],
        &[(kind::GRANT, &all[1..])],
        &[(kind::GRANT, &[])],
    ] {
        assert_eq!(judge(pieces), Err(FrameError::Grant), "{pieces:?}");
    }
    for pieces in [
        // More messages than the window has, and more bytes.
        &[(kind::MESSAGE, &[][..]), (kind::MESSAGE, &[]), (kind::MESSAGE, &[])][..],
        &[(kind::MESSAGE, &part), (kind::MESSAGE, &part)],
        &[(kind::MESSAGE, &part), (kind::PIECE, &part)],
    ] {
        assert_eq!(judge(pieces), Err(FrameError::Window), "{pieces:?}");
    }
    // In pieces it may not be longer either.
    let long = judge(&[(kind::PIECE, &bytes), (kind::PIECE, &bytes), (kind::PIECE, &[0])]);
    assert_eq!(long, Err(FrameError::TooLong { length: 201, limit: 200 }));
}

#[test]
fn who_says_without_end_what_is_nothing_takes_no_memory() {
    let (_region, pool, worker) = ends();
    let channel = pool.open(1, Window { messages: 2, bytes: 100 }, 200);
    for _ in 0..100_000 {
        // Of a message without bytes, and for a stream that there is not.
        for (id, bytes) in [(1, &[][..]), (9, &[0; 100])] {
            assert_eq!(worker.hub.put(kind::PIECE, id, bytes), Some(true));
        }
        worker.hub.show();
        pool.read();
    }
    assert_eq!(next(&channel), None);
}

#[test]
fn a_reader_that_lies_about_how_far_it_is_does_not_go_unnoticed() {
    let (region, pool, _worker) = ends();
    let channel = pool.open(1, WIDE, LONG);
    let lane = region.lane(false);
    lane.buffer.ends.read.0.store(8, std::sync::atomic::Ordering::Relaxed);
    send(&channel, vec![0; LONG]);
    assert!(pool.hub.is_broken());
    assert_eq!(pool.hub.written(false), Err(FrameError::Memory));
}
