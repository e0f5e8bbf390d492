//! What generated code may name. Nothing here is for people.

use std::any::type_name;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;

use serde::de::DeserializeOwned;
use smol::lock::{RwLockReadGuard, RwLockWriteGuard};

pub use std::string::String;

pub use linkme;
pub use serde;
pub use serde_derive::{Deserialize, Serialize};

pub use crate::__handle as handle;
pub use crate::__raw_handle as raw_handle;
pub use crate::__register as register;
pub use crate::child::entries::{
    AsyncService, ENTRIES, Entry, Reply, Running, Serve, Service, Setup,
};
pub use crate::child::raw::{RawChannel, Return};
pub use crate::child::setup::{State, async_service, default_without_init, init, service};
pub use crate::child::stream::StreamMessages;
pub use crate::child::takeover;
pub use crate::conduct::Conduct;
pub use crate::pool::{Answers, Face, Handle, RawHandle, retrying, shared};
pub use crate::wire::bulk::{Bulk, Parcel};
pub use crate::wire::bytes::Bytes;
use crate::wire::codec;
use crate::wire::message::Refusal;
use crate::{
    Call, DecodeError, Opening, Pool, PoolBuilder, RawLink, RawMessage, RawReturn, RawWorker,
    Worker,
};

pub fn builder<P: Handle>() -> PoolBuilder<P> {
    PoolBuilder::new()
}

/// A query with encoded arguments; `open` takes the answer out of its message.
pub fn call<T: 'static, M>(
    pool: &Pool,
    request: &impl serde::Serialize,
    open: fn(&mut Parcel) -> Result<T, DecodeError>,
) -> Call<T, M> {
    pool.call(request, Bulk::new(), open)
}

/// The same, of a request that was packed.
pub fn call_with<T: 'static, M>(
    pool: &Pool,
    request: &impl serde::Serialize,
    bulk: Bulk,
    open: fn(&mut Parcel) -> Result<T, DecodeError>,
) -> Call<T, M> {
    pool.call(request, bulk, open)
}

/// A stream, opened with this.
pub fn open_stream<S: StreamMessages>(pool: &Pool, opening: S) -> Opening<S> {
    pool.open(opening)
}

/// A link with the types that its function asks for.
pub fn raw_link<In: RawMessage, Out: RawMessage>(channel: RawChannel) -> RawLink<In, Out> {
    RawLink::new(channel)
}

/// How the function of a raw worker has ended.
pub fn returned<T: RawReturn>(value: T) -> Return {
    value.into_return()
}

pub fn boxed_raw(
    future: impl Future<Output = Return> + 'static,
) -> Pin<Box<dyn Future<Output = Return>>> {
    Box::pin(future)
}

/// A worker of a pool whose messages have these types.
pub fn raw_worker<In, Out>(worker: Worker) -> RawWorker<In, Out> {
    RawWorker::new(worker)
}

/// The same of all of them.
pub fn raw_workers<In, Out>(workers: Vec<Worker>) -> Vec<RawWorker<In, Out>> {
    workers.into_iter().map(RawWorker::new).collect()
}

/// What the handle of a raw pool has beside those of all others.
#[doc(hidden)]
#[macro_export]
macro_rules! __raw_handle {
    ($pool:ident) => {
        impl $crate::__private::RawHandle for $pool {}
    };
    ($pool:ident, $to:ty, $from:ty) => {
        $crate::__private::raw_handle!($pool);

        #[allow(dead_code, private_interfaces)]
        impl $pool {
            /// Every worker that is not gone, oldest first.
            pub fn workers(&self) -> ::std::vec::Vec<$crate::RawWorker<$to, $from>> {
                $crate::__private::raw_workers(self.0.workers())
            }

            /// The least-loaded worker that is ready.
            pub fn acquire(&self) -> ::core::option::Option<$crate::RawWorker<$to, $from>> {
                self.0.acquire().map($crate::__private::raw_worker)
            }

            /// Starts one worker more, and waits until it is ready. Should it die before, another
            /// one takes its place.
            pub async fn spawn_one(
                &self,
            ) -> ::core::result::Result<$crate::RawWorker<$to, $from>, $crate::SpawnError> {
                self.0.spawn_one().await.map($crate::__private::raw_worker)
            }

            /// Has this run when a worker was started, before it is ready.
            pub fn on_spawn(
                &self,
                mut run: impl ::core::ops::FnMut($crate::RawWorker<$to, $from>)
                + ::core::marker::Send
                + 'static,
            ) {
                self.0.on_spawn(move |worker| run($crate::__private::raw_worker(worker)));
            }

            /// Has this run when a worker is gone.
            pub fn on_unspawn(
                &self,
                mut run: impl ::core::ops::FnMut($crate::RawWorker<$to, $from>)
                + ::core::marker::Send
                + 'static,
            ) {
                self.0.on_unspawn(move |worker| run($crate::__private::raw_worker(worker)));
            }
        }
    };
}

/// A type is itself: lets a method ask for what only some types have.
pub trait Same<T> {
    fn same(value: T) -> Self;
}

impl<T> Same<T> for T {
    fn same(value: T) -> Self {
        value
    }
}

/// Hears the pool's messages, whose type the caller knows.
pub fn on_message<M: DeserializeOwned + 'static>(
    pool: &Pool,
    run: impl FnMut(Worker, M) + Send + 'static,
) {
    // It fails only where the type is another.
    let _ = pool.on_message(run);
}

/// The entry of a pool in the link-time table, by which a worker finds its function.
#[doc(hidden)]
#[macro_export]
macro_rules! __register {
    ($pool:ident) => {
        #[$crate::__private::linkme::distributed_slice($crate::__private::ENTRIES)]
        #[linkme(crate = $crate::__private::linkme)]
        static ENTRY: $crate::__private::Entry = <$pool as $crate::__private::Handle>::ENTRY;
    };
}

/// What every typed handle can do, whatever its pool runs.
#[doc(hidden)]
#[macro_export]
macro_rules! __handle {
    ($pool:ident $(, $message:ty)? => $answer:ty) => {
        $crate::__private::handle!($pool $(, $message)?);

        impl $crate::__private::Answers<$answer> for $pool {}

        #[allow(dead_code)]
        impl $pool {
            /// A handle of the same pool whose calls run again, as the policy says, where the
            /// function returns an error.
            pub fn retry<T: 'static, E: 'static>(&self, policy: $crate::Retry<E>) -> Self
            where
                Self: $crate::__private::Answers<::core::result::Result<T, E>>,
            {
                $crate::__private::retrying(self, policy)
            }
        }
    };
    ($pool:ident) => {
        $crate::__private::handle!($pool, $crate::__private::String);
    };
    ($pool:ident, $message:ty) => {
        #[allow(dead_code, private_interfaces)]
        impl $pool {
            /// Has this run when a worker has sent a message: on the thread of the pool's
            /// callbacks.
            pub fn on_message(
                &self,
                run: impl ::core::ops::FnMut($crate::Worker, $message)
                + ::core::marker::Send
                + 'static,
            ) {
                $crate::__private::on_message::<$message>(&self.0, run);
            }
        }

        $crate::__private::handle!(silent $pool);
    };
    (silent $pool:ident) => {
        #[allow(dead_code)]
        impl $pool {
            /// A pool with the options of the attribute. Its workers start with the first query.
            pub fn new() -> Self {
                Self::builder().build()
            }

            /// The one pool of the whole process that everybody shares, made when it is first
            /// asked for. Its end is everybody's; who asks then gets a fresh one.
            pub fn shared() -> Self {
                $crate::__private::shared(Self::new)
            }

            /// A pool whose workers are threads of this process, for tests and debuggers: no
            /// isolation.
            pub fn in_process() -> Self {
                Self::builder().in_process().build()
            }
        }

        impl ::core::default::Default for $pool {
            fn default() -> Self {
                Self::new()
            }
        }

        impl ::core::ops::Deref for $pool {
            type Target = $crate::Pool;

            fn deref(&self) -> &$crate::Pool {
                &self.0
            }
        }

        impl $crate::__private::Face for $pool {
            fn from_pool(pool: $crate::Pool) -> Self {
                Self(pool)
            }
        }
    };
}

pub fn decode<'a, T: serde::Deserialize<'a>>(frame: &'a mut Parcel) -> Result<T, DecodeError> {
    codec::decode_message(frame)
}

/// Decodes a request, answers it, and encodes that.
pub fn reply<'a, Q: serde::Deserialize<'a>, R: serde::Serialize>(
    frame: &'a mut Parcel,
    run: impl FnOnce(Q) -> R,
) -> Reply {
    answer(decode(frame).map(run))
}

/// The answer of one method of a service, where `take` finds it in the message.
pub fn open<'a, R: serde::Deserialize<'a>, T>(
    frame: &'a mut Parcel,
    take: fn(R) -> Option<T>,
) -> Result<T, DecodeError> {
    let another = || DecodeError::new(type_name::<R>(), "it answers another query");
    take(decode(frame)?).ok_or_else(another)
}

/// The state of a service, to look at.
pub async fn read<S>(state: &State<S>) -> RwLockReadGuard<'_, S> {
    state.read().await
}

/// The state of a service, to change it.
pub async fn write<S>(state: &State<S>) -> RwLockWriteGuard<'_, S> {
    state.write().await
}

/// What a query came to, or why its arguments made no sense.
pub fn answer(answer: Result<impl serde::Serialize, DecodeError>) -> Reply {
    answer_with(answer, Bulk::new())
}

/// The same, of an answer that was packed.
pub fn answer_with(answer: Result<impl serde::Serialize, DecodeError>, bulk: Bulk) -> Reply {
    Reply(match answer {
        Ok(answer) => {
            codec::encode_message(&answer, bulk).map_err(|error| Refusal::Encode(error.note()))
        }
        Err(error) => Err(Refusal::Decode(error.note())),
    })
}

pub fn boxed(future: impl Future<Output = Reply> + 'static) -> Running {
    Box::pin(future)
}

/// An argument by reference: lent by the caller, owned by the worker.
#[derive(Debug)]
pub enum Ref<'a, T: ?Sized> {
    Borrowed(&'a T),
    Owned(Box<T>),
}

impl<T: ?Sized> Deref for Ref<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            Self::Borrowed(value) => value,
            Self::Owned(value) => value,
        }
    }
}

impl<T: ?Sized + serde::Serialize> serde::Serialize for Ref<'_, T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer)
    }
}

impl<'de, T: ?Sized> serde::Deserialize<'de> for Ref<'_, T>
where
    Box<T>: serde::Deserialize<'de>,
{
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::deserialize(deserializer).map(Self::Owned)
    }
}
