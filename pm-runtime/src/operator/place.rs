//! Where sockets are: in a folder that nobody else can reach.

use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, File, Metadata, Permissions};
use std::io::ErrorKind;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use rustix::process::{Pid, geteuid, test_kill_process};

use crate::error::{Mistrust, OperatorError};
use crate::process::peer::Peer;

/// The folder of the sockets within that of the user's, or the service's, sockets of all kinds.
const FOLDER: &str = "pm-runtime";

/// The variables that name the latter, in the order in which they count.
const USER: &str = "XDG_RUNTIME_DIR";
const SERVICE: &str = "RUNTIME_DIRECTORY";

/// Permission bits that others must not have.
const OTHERS: u32 = 0o077;
const OTHERS_WRITE: u32 = 0o022;

/// The folder of this process's socket, which may not be there yet.
pub(super) fn folder() -> Result<PathBuf, OperatorError> {
    folder_by(std::env::var_os(USER), std::env::var_os(SERVICE))
}

fn folder_by(user: Option<OsString>, service: Option<OsString>) -> Result<PathBuf, OperatorError> {
    // systemd puts colons between several.
    let first = |all: OsString| {
        let first = all.as_bytes().split(|&byte| byte == b':').next().unwrap_or_default();
        OsString::from_vec(first.to_vec())
    };
    let some = |value: &OsString| !value.is_empty();
    let user = user.filter(some).map(|value| (USER, value));
    let service = service.map(first).filter(some).map(|value| (SERVICE, value));
    let (variable, value) = user.or(service).ok_or(OperatorError::NoPlace)?;
    match Path::new(&value).is_absolute() {
        true => Ok(Path::new(&value).join(FOLDER)),
        false => Err(OperatorError::Relative { variable, value }),
    }
}

/// Makes the folder if it is not there, and makes sure that nobody else has a hand in it.
pub(super) fn prepare(folder: &Path) -> Result<(), OperatorError> {
    if let Some(parent) = folder.parent() {
        // What is in it could be moved away otherwise. That it is a link to such a folder does no harm.
        let metadata = fs::metadata(parent)
            .map_err(|error| OperatorError::refused("use the folder", parent, error))?;
        trust(parent, &metadata, OTHERS_WRITE)?;
    }
    match DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(OperatorError::refused("make the folder", folder, error)),
    }
    let metadata = fs::symlink_metadata(folder)
        .map_err(|error| OperatorError::refused("use the folder", folder, error))?;
    trust(folder, &metadata, OTHERS)
}

/// Whether it is a folder of this user's (or of root's, who may do everything anyway) in which others
/// may not do these things.
fn trust(folder: &Path, metadata: &Metadata, others: u32) -> Result<(), OperatorError> {
    let (owner, user, mode) = (metadata.uid(), geteuid().as_raw(), metadata.mode() & 0o7777);
    let is_own = owner == user || (owner == 0 && others == OTHERS_WRITE);
    let mistrust = match () {
        () if !metadata.is_dir() => Mistrust::NoFolder,
        () if !is_own => Mistrust::Owner { owner, user },
        () if mode & others != 0 => Mistrust::Mode { mode },
        () => return Ok(()),
    };
    Err(OperatorError::Untrusted { folder: folder.to_owned(), mistrust })
}

/// Puts this process's socket into its folder.
///
/// It has its name only when it listens, so that whoever finds one that refuses to connect knows that
/// nobody will ever listen there.
pub(super) fn bind(folder: &Path) -> Result<(UnixListener, PathBuf), OperatorError> {
    // Another process may have the same number in another container, and the same folder.
    let locked = File::open(folder)
        .and_then(|folder| {
            retry_on_intr(|| flock(&folder, FlockOperation::LockExclusive))?;
            Ok(folder)
        })
        .map_err(|error| OperatorError::refused("lock the folder", folder, error))?;
    let bound = bind_alone(folder);
    // A fork may have the descriptor, too.
    let _ = flock(&locked, FlockOperation::Unlock);
    bound
}

fn bind_alone(folder: &Path) -> Result<(UnixListener, PathBuf), OperatorError> {
    let pid = std::process::id();
    let (socket, unnamed) = (socket_of(folder, pid), folder.join(format!(".{pid}")));
    // Of an application that has ended and had this process's number, or that has it where it is.
    if is_alive(&socket)
        .map_err(|error| OperatorError::refused("make the socket", &socket, error))?
    {
        return Err(OperatorError::Taken { socket });
    }
    remove(&unnamed)?;
    let listener = UnixListener::bind(&unnamed)
        .map_err(|error| OperatorError::refused("make the socket", &unnamed, error))?;
    fs::set_permissions(&unnamed, Permissions::from_mode(0o600))
        .and_then(|()| fs::rename(&unnamed, &socket))
        .map_err(|error| OperatorError::refused("make the socket", &socket, error))?;
    Ok((listener, socket))
}

/// Removes the sockets of applications that ended without doing so.
pub(super) fn sweep(folder: &Path) -> Result<(), OperatorError> {
    for (pid, socket) in sockets(folder)? {
        // A number that lives may be that of another process; then somebody else removes it, later.
        if !lives(pid) && matches!(is_alive(&socket), Ok(false)) {
            // What cannot be removed, such as a folder of that name, does no harm.
            let _ = remove(&socket);
        }
    }
    Ok(())
}

/// The sockets in a folder, by the process ids of their applications.
pub(super) fn sockets(folder: &Path) -> Result<Vec<(u32, PathBuf)>, OperatorError> {
    let refused = |error| OperatorError::refused("list the folder", folder, error);
    let mut sockets = Vec::new();
    for entry in fs::read_dir(folder).map_err(refused)? {
        let name = entry.map_err(refused)?.file_name();
        if let Some(pid) = pid_of(&name) {
            sockets.push((pid, folder.join(name)));
        }
    }
    sockets.sort_unstable();
    Ok(sockets)
}

fn socket_of(folder: &Path, pid: u32) -> PathBuf {
    folder.join(format!("{pid}.sock"))
}

fn pid_of(name: &OsStr) -> Option<u32> {
    let pid = name.to_str()?.strip_suffix(".sock")?;
    // No sign, no zeros in front: as `socket_of` writes it.
    pid.parse().ok().filter(|number: &u32| number.to_string() == pid)
}

/// Whether there is a process of this number.
fn lives(pid: u32) -> bool {
    i32::try_from(pid).ok().and_then(Pid::from_raw).is_some_and(has_process)
}

fn has_process(pid: Pid) -> bool {
    test_kill_process(pid) != Err(Errno::SRCH)
}

/// Whether somebody serves there, as far as can be told without waiting; `Err`: nobody can, because no
/// socket has such a path.
fn is_alive(socket: &Path) -> Result<bool, Errno> {
    let address = SocketAddrUnix::new(socket)?;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let connected = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
        .and_then(|client| connect(&client, &address).map(|()| client));
    Ok(match connected {
        // A fork of one that was killed may hold its socket, at which nobody is let in.
        Ok(client) => {
            let listens = Peer::of(client).ok().and_then(|peer| peer.pid);
            listens.is_none_or(has_process)
        }
        Err(error) => !matches!(error, Errno::CONNREFUSED | Errno::NOENT),
    })
}

/// Removes what may be gone already.
pub(super) fn remove(socket: &Path) -> Result<(), OperatorError> {
    match fs::remove_file(socket) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(OperatorError::refused("remove the socket", socket, error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(user: Option<&str>, service: Option<&str>) -> Result<PathBuf, OperatorError> {
        folder_by(user.map(OsString::from), service.map(OsString::from))
    }

    #[test]
    fn a_login_has_a_place_and_a_service_has_one() {
        let user = Path::new("/run/user/7/pm-runtime");
        assert_eq!(by(Some("/run/user/7"), None).unwrap(), user);
        assert_eq!(by(Some("/run/user/7"), Some("/run/x")).unwrap(), user);
        for service in ["/run/x", "/run/x:/run/y"] {
            assert_eq!(by(None, Some(service)).unwrap(), Path::new("/run/x/pm-runtime"));
            assert_eq!(by(Some(""), Some(service)).unwrap(), Path::new("/run/x/pm-runtime"));
        }
    }

    #[test]
    fn there_is_no_other_place() {
        for (user, service) in [(None, None), (Some(""), Some("")), (None, Some(":/run/y"))] {
            assert!(matches!(by(user, service), Err(OperatorError::NoPlace)));
        }
        let relative = by(Some("run"), Some("/run/x")).unwrap_err().to_string();
        assert_eq!(relative, "XDG_RUNTIME_DIR is no absolute path: `run`");
    }

    #[test]
    fn sockets_are_known_by_their_names() {
        assert_eq!(pid_of(OsStr::new("4711.sock")), Some(4711));
        for name in ["", ".sock", ".4711", "+1.sock", "01.sock", "x.sock", "4294967296.sock", "1"] {
            assert_eq!(pid_of(OsStr::new(name)), None, "{name}");
        }
    }

    #[test]
    fn of_several_with_the_same_number_one_has_the_socket() {
        let folder = std::env::temp_dir().join(format!("pm-bind-{}", std::process::id()));
        // Left behind by a process of the same number.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        let start = std::sync::Barrier::new(8);
        for _ in 0..50 {
            let bound: Vec<_> = std::thread::scope(|scope| {
                let at_once = || {
                    start.wait();
                    bind(&folder)
                };
                let threads: Vec<_> = (0..8).map(|_| scope.spawn(at_once)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            let taken = |bound: &&Result<_, _>| matches!(bound, Err(OperatorError::Taken { .. }));
            assert_eq!(bound.iter().filter(taken).count(), 7, "{bound:?}");
            let (listener, socket) = bound.into_iter().find_map(Result::ok).unwrap();
            // It is that one's; the others have only looked whether somebody listens.
            assert_eq!(is_alive(&socket), Ok(true));
            drop(listener);
            assert_eq!(is_alive(&socket), Ok(false));
        }
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_process_lives_or_not() {
        assert!(lives(std::process::id()) && lives(1));
        assert!(!lives(1 << 23) && !lives(u32::MAX) && !lives(0));
    }
}
