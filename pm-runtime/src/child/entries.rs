//! The entries of a program: what its workers can be asked to run.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use linkme::distributed_slice;

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
    /// Where it was declared.
    pub file: &'static str,
    /// Where it was declared.
    pub line: u32,
    /// The code.
    pub serve: Serve,
}

/// The code of an entry.
#[derive(Clone, Copy)]
pub enum Serve {
    /// Runs a query on a thread of its own.
    Blocking(fn(&[u8]) -> Reply),
    /// Starts a query that runs beside others.
    Async(fn(Vec<u8>) -> Running),
}

/// An async query that runs.
pub type Running = Pin<Box<dyn Future<Output = Reply>>>;

/// What a query comes to, encoded.
pub struct Reply(pub(crate) Result<Vec<u8>, Refusal>);

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}:{})", (self.name)(), self.file, self.line)
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
