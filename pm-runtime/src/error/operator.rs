use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Escaped;

/// Why there is no operator's socket, or no list of such.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum OperatorError {
    /// This is a worker, which is not the application.
    #[error("this process is a worker: an operator speaks with the application, so serve there")]
    Worker,
    /// This is a fork of a process that has pools, and has none itself.
    #[error("this process is a fork of one that has pools: serve there, or before the first pool")]
    Forked,
    /// This application has such a socket already.
    #[error("this application serves already, at `{}`", Shown(socket))]
    Serving {
        /// That one.
        socket: PathBuf,
    },
    /// Another application has the socket that would be this one's: their process ids are the same in
    /// different containers.
    #[error(
        "another application serves at `{}`: give the containers runtime directories of their own",
        Shown(socket)
    )]
    Taken {
        /// The socket.
        socket: PathBuf,
    },
    /// Nobody has said where sockets may be.
    #[error(
        "there is no place for an operator's socket: set XDG_RUNTIME_DIR to a folder that belongs to \
         this user alone (a login does that), or RuntimeDirectory= in the unit of a service"
    )]
    NoPlace,
    /// The place for sockets is no absolute path.
    #[error("{variable} is no absolute path: `{}`", Shown(Path::new(value)))]
    Relative {
        /// The variable that names it.
        variable: &'static str,
        /// What it says.
        value: OsString,
    },
    /// Somebody else could put something into the folder of the sockets, or in its place.
    #[error("`{}` is no place for an operator's socket: {mistrust}", Shown(folder))]
    Untrusted {
        /// The folder.
        folder: PathBuf,
        /// Why.
        mistrust: Mistrust,
    },
    /// The system refused something.
    #[error("cannot {what} `{}`: {source}", Shown(path))]
    Refused {
        /// What was to be done.
        what: &'static str,
        /// To which file.
        path: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
    },
}

/// Why a folder is no place for an operator's socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Mistrust {
    /// It is something else, such as a symbolic link.
    #[error("it is no folder (nor may it be a symbolic link to one); remove it")]
    NoFolder,
    /// It is another user's.
    #[error("it belongs to user {owner}, and this is user {user}; use a folder of this user's")]
    Owner {
        /// The user id of its owner.
        owner: u32,
        /// That of this process.
        user: u32,
    },
    /// Others may do more with it than they should.
    #[error(
        "others have access to it (its mode is {mode:o}); use a folder of this user alone, or `chmod 700` this one"
    )]
    Mode {
        /// Its permissions.
        mode: u32,
    },
}

impl OperatorError {
    pub(crate) fn refused(what: &'static str, path: &Path, source: impl Into<io::Error>) -> Self {
        Self::Refused { what, path: path.to_owned(), source: Arc::new(source.into()) }
    }
}

/// A path, in which nothing moves the cursor.
struct Shown<'a>(&'a Path);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Escaped(&self.0.to_string_lossy()).fmt(f)
    }
}
