//! The entries of a program: what its workers can be asked to run.

use std::any::{TypeId, type_name};
use std::fmt;
use std::future::Future;
use std::pin::Pin;

use linkme::distributed_slice;

use super::raw::{RawChannel, Return, RunRaw};
use super::stream::{RunStream, StreamMessages, run_stream};
use crate::conduct::Conduct;
use crate::error::{MessageError, Place};
use crate::options::Cancel;
use crate::wire::bulk::Parcel;
use crate::wire::codec;
use crate::wire::message::Refusal;

/// Every entry that is linked into this program.
#[distributed_slice]
pub static ENTRIES: [Entry];

/// What a worker runs, under a name that is the same in every build of the same source.
#[derive(Clone, Copy)]
pub struct Entry {
    /// The path of the pool's type. (A function, as the name is not known before run time.)
    pub name: fn() -> &'static str,
    /// What people call it: the function's name.
    pub title: &'static str,
    /// The function's signature; pool and worker compare it.
    pub signature: &'static str,
    /// The file and the line where it was declared.
    pub place: (&'static str, u32),
    /// The code.
    pub serve: Serve,
}

/// The code of an entry, as generated code puts it together.
#[derive(Clone, Copy)]
pub struct Serve {
    pub(crate) code: Code,
    /// What a worker does first, where that is asked for.
    pub(crate) init: Option<fn() -> Setup<()>>,
    /// The type of its messages.
    pub(crate) message: MessageType,
}

/// The type of a pool's messages.
#[derive(Clone, Copy)]
pub(crate) struct MessageType {
    id: fn() -> TypeId,
    name: fn() -> &'static str,
}

impl MessageType {
    const fn of<M: 'static>() -> Self {
        Self { id: TypeId::of::<M>, name: type_name::<M> }
    }

    pub(crate) fn is<M: 'static>(self) -> bool {
        (self.id)() == TypeId::of::<M>()
    }

    /// The pool's messages are not of type `M`.
    pub(crate) fn unlike<M>(self, pool: &str) -> MessageError {
        MessageError::WrongType {
            pool: pool.to_owned(),
            expected: (self.name)(),
            given: type_name::<M>(),
        }
    }
}

#[derive(Clone, Copy)]
pub(crate) enum Code {
    /// Runs a query on a thread of its own.
    Blocking(fn(&mut Parcel) -> Reply),
    /// Starts a query that runs beside others.
    Async(fn(Parcel) -> Running),
    /// Sets up a state, and the one thread that owns it.
    Service(&'static [Conduct], fn() -> Setup<Service>),
    /// Sets up a state that async queries share.
    AsyncService(&'static [Conduct], fn() -> Setup<AsyncService>),
    /// Runs streams beside each other.
    Stream(RunStream),
    /// Runs a function as long as it lives.
    Raw(RunRaw),
}

/// An async query that runs.
pub type Running = Pin<Box<dyn Future<Output = Reply>>>;

/// Something that is being set up, or why that failed. It does nothing before it is polled.
pub type Setup<T> = Pin<Box<dyn Future<Output = Result<T, String>>>>;

/// Runs queries on a state that it owns, one after the other.
pub type Service = Box<dyn FnMut(&mut Parcel) -> Reply>;

/// Starts queries on a state that they share.
pub type AsyncService = Box<dyn Fn(Parcel) -> Running>;

impl Serve {
    const fn new(code: Code) -> Self {
        Self { code, init: None, message: MessageType::of::<String>() }
    }

    /// A plain function.
    pub const fn blocking(run: fn(&mut Parcel) -> Reply) -> Self {
        Self::new(Code::Blocking(run))
    }

    /// An async function.
    pub const fn concurrent(run: fn(Parcel) -> Running) -> Self {
        Self::new(Code::Async(run))
    }

    /// Methods that block, with the conduct of each, in the order of the message's variants.
    pub const fn service(methods: &'static [Conduct], set_up: fn() -> Setup<Service>) -> Self {
        Self::new(Code::Service(methods, set_up))
    }

    /// Methods of which some are async.
    pub const fn async_service(
        methods: &'static [Conduct],
        set_up: fn() -> Setup<AsyncService>,
    ) -> Self {
        Self::new(Code::AsyncService(methods, set_up))
    }

    /// Streams, each with the state that it is opened with.
    pub const fn stream<S: StreamMessages>() -> Self {
        Self::new(Code::Stream(run_stream::<S>))
    }

    /// A function that has its worker for itself.
    pub const fn raw(run: fn(RawChannel) -> Return) -> Self {
        Self::new(Code::Raw(RunRaw::Blocking(run)))
    }

    /// The same, of an async function.
    pub const fn raw_async(run: fn(RawChannel) -> Pin<Box<dyn Future<Output = Return>>>) -> Self {
        Self::new(Code::Raw(RunRaw::Async(run)))
    }

    /// Has a worker do this before it is ready.
    pub const fn after(mut self, init: fn() -> Setup<()>) -> Self {
        self.init = Some(init);
        self
    }

    /// Has its workers send messages of this type.
    pub const fn message<M: 'static>(mut self) -> Self {
        self.message = MessageType::of::<M>();
        self
    }

    /// How an encoded query behaves.
    pub(crate) fn conduct(&self, request: &[u8]) -> Conduct {
        match self.code {
            Code::Blocking(_) => Conduct::Blocking,
            Code::Async(_) | Code::Stream(_) | Code::Raw(_) => Conduct::Async,
            Code::Service(methods, _) | Code::AsyncService(methods, _) => {
                let method = codec::variant(request).and_then(|variant| methods.get(variant));
                // What is no request at all is refused before it could change anything.
                method.copied().unwrap_or(Conduct::Blocking)
            }
        }
    }

    /// Whether its workers have a state that queries change.
    pub(crate) fn changes_state(&self) -> bool {
        match self.code {
            Code::Blocking(_) | Code::Async(_) | Code::Stream(_) | Code::Raw(_) => false,
            Code::Service(methods, _) | Code::AsyncService(methods, _) => {
                methods.contains(&Conduct::Exclusive)
            }
        }
    }

    /// Whether the application's code has something to do before a worker is ready.
    pub(crate) fn sets_up(&self) -> bool {
        self.init.is_some() || matches!(self.code, Code::Service(..) | Code::AsyncService(..))
    }

    /// Whether its workers have streams.
    pub(crate) fn has_streams(&self) -> bool {
        matches!(self.code, Code::Stream(_) | Code::Raw(_))
    }

    /// Whether its workers run no queries.
    pub(crate) fn is_raw(&self) -> bool {
        matches!(self.code, Code::Raw(_))
    }

    /// Whether a worker's thread runs its queries to their end, one after the other.
    pub(crate) fn blocks(&self) -> bool {
        match self.code {
            Code::Blocking(_) | Code::Service(..) | Code::Raw(RunRaw::Blocking(_)) => true,
            Code::Async(_)
            | Code::AsyncService(..)
            | Code::Stream(_)
            | Code::Raw(RunRaw::Async(_)) => false,
        }
    }

    /// One at a time, where a worker may be killed for a query: nothing else may die of that.
    pub(crate) fn alone(&self, cancel: Cancel) -> Option<usize> {
        let kills = match self.code {
            Code::Blocking(_) | Code::Service(..) => true,
            Code::Async(_) | Code::Stream(_) | Code::Raw(_) => false,
            Code::AsyncService(methods, _) => {
                methods.iter().any(|method| *method != Conduct::Async)
            }
        };
        (kills && cancel == Cancel::Kill).then_some(1)
    }

    /// How many queries a worker runs at once, if so many are asked for.
    pub(crate) fn concurrency(&self, asked: Option<usize>) -> usize {
        match self.code {
            Code::Blocking(_) => asked.unwrap_or(1),
            Code::Async(_) | Code::AsyncService(..) => asked.unwrap_or(64),
            // Open ones, of which most wait for something, as a rule.
            Code::Stream(_) => asked.unwrap_or(1 << 16),
            // Without an await there is nothing at which they could take turns; and what is no query
            // runs once.
            Code::Service(..) | Code::Raw(_) => 1,
        }
    }
}

/// What a query comes to, encoded.
pub struct Reply(pub(crate) Result<Parcel, Refusal>);

impl Entry {
    /// One of a query's arguments, for people.
    pub(crate) fn argument(&self, place: Option<Place>) -> String {
        match place {
            Some(Place { argument, .. }) => {
                format!("argument {} of {}", argument.saturating_add(1), self.query(place))
            }
            None => format!("an argument of {}", self.query(place)),
        }
    }

    /// A query's answer, for people.
    pub(crate) fn answer(&self, place: Option<Place>) -> String {
        format!("the answer of {}", self.query(place))
    }

    fn query(&self, place: Option<Place>) -> String {
        let variant = place.and_then(|place| usize::try_from(place.query).ok());
        format!("`{}`", self.query_named(variant))
    }

    /// What an encoded query calls, for people.
    pub(crate) fn query_of(&self, request: &[u8]) -> String {
        self.query_named(codec::variant(request))
    }

    fn query_named(&self, variant: Option<usize>) -> String {
        let method = || {
            let (_, methods) = self.signature.strip_prefix("impl ")?.split_once("{ fn ")?;
            methods.split("; fn ").nth(variant?)?.split('(').next()
        };
        match method() {
            Some(method) => format!("{}::{method}", self.title),
            None => self.title.to_owned(),
        }
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, line) = self.place;
        write!(f, "{} ({file}:{line})", (self.name)())
    }
}

/// The entry of a name.
pub(crate) fn find(name: &str) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| (entry.name)() == name)
}

/// Two entries of one name, if there are.
pub(crate) fn duplicate() -> Option<(&'static Entry, &'static Entry)> {
    let mut entries: Vec<&Entry> = ENTRIES.iter().collect();
    entries.sort_by_key(|entry| (entry.name)());
    entries
        .windows(2)
        .find(|pair| (pair[0].name)() == (pair[1].name)())
        .map(|pair| (pair[0], pair[1]))
}
