//! Single parts for this crate's own benches, without processes and without threads. Nothing here is
//! for applications.
#![allow(missing_docs, reason = "for benches only")]

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::conduct::Conduct;
use crate::error::{DecodeError, EncodeError};
use crate::options::Cancel;
use crate::supervisor::{Action, Config, Core, End, QueryKey, Route, Submission, WorkerId};
use crate::transport::memory::{
    About, Ending, Heard, INLINE, Near, Next, Posting, Region, Requests, Shape, end,
};
use crate::transport::payload::Payload;
use crate::wire::codec;

/// What a bench cannot go on from.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Stopped(&'static str);

pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, EncodeError> {
    codec::encode(value)
}

pub fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, DecodeError> {
    codec::decode(bytes)
}

/// Both ends of the memory that a pool shares with a worker.
pub struct Ring {
    near: Near,
    next: Next,
    region: Arc<Region>,
    requests: Requests,
    payload: Payload,
    heard: Vec<Heard>,
    last: u64,
}

impl Ring {
    /// For requests and answers of so many bytes, which fit into their slots.
    pub fn new(bytes: usize) -> Result<Self, Stopped> {
        if bytes > INLINE {
            return Err(Stopped("it is too long for a slot"));
        }
        let (region, _) = Region::create(Shape { slots: 32, lanes: false })
            .map_err(|_| Stopped("there is no memory to share"))?;
        let region = Arc::new(region);
        Ok(Self {
            near: Near::new(region.clone(), INLINE, 1),
            next: Next::new(region.clone()),
            region,
            requests: Requests::default(),
            payload: Arc::new(vec![1_u8; bytes]),
            heard: Vec::new(),
            last: 0,
        })
    }

    /// So many queries are posted, then begun, received and answered one by one, then heard of.
    pub fn trip(&mut self, queries: usize) -> Result<usize, Stopped> {
        for _ in 0..queries {
            self.last += 1;
            let about = About { id: self.last, terms: 0, timeout: u64::MAX };
            self.near.push(Posting { about, payload: self.payload.clone() });
        }
        self.near.flush().map_err(|_| Stopped("it cannot be posted"))?;
        while let Some(claim) = self.next.begin(0) {
            let request = self.requests.receive(&self.region, claim.slot, |_| false);
            let request = request.ok_or(Stopped("a request is missing"))?;
            let (slot, parts) = (claim.slot, [&[][..], &request[..]]);
            end(&self.region, &Ending { slot, kind: 2, said: false, untold: false, parts }, || ());
        }
        self.near.poll(&mut self.heard).map_err(|_| Stopped("the memory is broken"))?;
        let ended = self.heard.drain(..).filter(|heard| matches!(heard, Heard::Ended { .. }));
        Ok(ended.count())
    }
}

/// A pool's policy, with workers that answer at once.
pub struct Dispatch {
    core: Core<()>,
    now: Instant,
    /// In the order in which they were handed over.
    handed: VecDeque<(WorkerId, QueryKey)>,
    waiting: usize,
}

impl Dispatch {
    pub fn new(workers: usize) -> Result<Self, Stopped> {
        let now = Instant::now();
        let mut core = Core::new(Config {
            name: "bench".into(),
            workers,
            most: workers,
            idle_timeout: None,
            concurrency: 1,
            one_thread: false,
            cores: 2,
            raw: false,
            ahead: 16,
            ahead_bytes: 1 << 20,
            boot_timeout: Duration::from_secs(10),
            grace: Duration::from_secs(30),
            cancel: Cancel::Detach,
            queue: 1 << 20,
            queue_bytes: 1 << 30,
            max_crashes: None,
            crash_window: None,
            quarantine: None,
            spares: 0,
            max_queries: None,
            max_age: None,
            max_memory: None,
            keys: 64,
            boots_at_once: workers,
            seed: 1,
        });
        core.spawn(workers, now);
        let mut dispatch = Self { core, now, handed: VecDeque::new(), waiting: 0 };
        dispatch.act()?;
        Ok(dispatch)
    }

    /// Fills the pool up to so many queries; then the oldest that was handed over runs and ends.
    pub fn turn(&mut self, queries: usize) -> Result<(), Stopped> {
        while self.waiting < queries {
            self.waiting += 1;
            let submission = Submission {
                payload: (),
                size: 20,
                timeout: Some(Duration::from_secs(900)),
                queue_timeout: None,
                conduct: Conduct::Blocking,
                retries: 0,
                immediate: false,
                route: Route::Any,
            };
            self.core.submit(submission, None, self.now).ok_or(Stopped("it was refused"))?;
        }
        self.act()?;
        let (worker, key) = self.handed.pop_front().ok_or(Stopped("nothing was handed over"))?;
        self.now += Duration::from_nanos(100);
        self.core.begun(worker, key, self.now).map_err(|_| Stopped("it could not begin"))?;
        self.now += Duration::from_nanos(100);
        let ended = self.core.ended(worker, key, End::Answered, self.now);
        ended.map_err(|_| Stopped("it could not end"))?;
        self.core.catch_up(self.now);
        self.waiting -= 1;
        self.act()
    }

    fn act(&mut self) -> Result<(), Stopped> {
        while let Some(action) = self.core.next_action() {
            let done = match action {
                Action::Launch(worker) => self.core.ready(worker, self.now),
                Action::Hand(worker, key) => {
                    self.handed.push_back((worker, key));
                    Ok(())
                }
                Action::Recall(worker, key) => {
                    self.handed.retain(|handed| *handed != (worker, key));
                    self.core.returned(worker, key, self.now)
                }
                _ => Ok(()),
            };
            done.map_err(|_| Stopped("the policy did not expect that"))?;
        }
        Ok(())
    }
}
