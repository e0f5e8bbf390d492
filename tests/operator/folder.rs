//! Where the socket is, and who may have a hand in that.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use pm_runtime::operator::applications_in;
use pm_tests::{is_alive, kill, until};
use rustix::fs::{FlockOperation, flock};
use rustix::process::{Signal, geteuid};

use crate::program::{Client, Place, Program, SERVING};

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

fn make(folder: &Path, mode: u32) {
    DirBuilder::new().mode(0o700).create(folder).unwrap();
    // The mask of the process has no say in it.
    fs::set_permissions(folder, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn folder_and_socket_are_the_users_alone_and_the_socket_goes_with_the_application() {
    let place = Place::new("own");
    let program = Program::start(&place);
    let pid = program.child.id();
    assert_eq!(program.socket, place.sockets().join(format!("{pid}.sock")));
    assert_eq!((mode(&place.sockets()), mode(&program.socket)), (0o700, 0o600));
    let found = applications_in(place.sockets()).unwrap();
    assert_eq!((found.len(), found[0].pid, &found[0].socket), (1, pid, &program.socket));
    program.end();
    assert_eq!(applications_in(place.sockets()).unwrap().len(), 0);
    assert_eq!(fs::read_dir(place.sockets()).unwrap().count(), 0, "nothing else is left");
}

#[test]
fn the_socket_goes_with_the_signal_that_ends_the_application() {
    let place = Place::new("signal");
    let mut program = Program::start(&place);
    // Otherwise to wait for it would close this, and end it.
    let _stdin = program.child.stdin.take();
    kill(program.child.id(), Signal::TERM);
    assert!(program.child.wait().unwrap().code().is_none());
    assert!(!program.socket.exists());
}

#[test]
fn a_signal_ends_an_application_that_waits_to_serve() {
    let place = Place::new("locked");
    let mut program = Program::start(&place);
    let folder = File::open(place.sockets()).unwrap();
    // As another application that is stopped meanwhile.
    flock(&folder, FlockOperation::LockExclusive).unwrap();
    let mut stdin = program.child.stdin.as_ref().unwrap();
    stdin.write_all(b"begin anew\n").unwrap();
    let pid = program.child.id().to_string();
    until(|| {
        let locks = fs::read_to_string("/proc/locks").unwrap();
        let waits =
            |lock: &str| lock.contains("-> FLOCK") && lock.split(' ').any(|word| word == pid);
        locks.lines().any(waits)
    });
    kill(program.child.id(), Signal::TERM);
    until(|| program.child.try_wait().unwrap().is_some());
}

#[test]
fn a_service_has_the_folder_that_its_manager_made() {
    let place = Place::new("service");
    let folders = format!("{}:/nowhere", place.runtime().display());
    let mut command = place.command();
    let program =
        Program::start_by(command.env_remove("XDG_RUNTIME_DIR").env("RUNTIME_DIRECTORY", folders));
    assert!(program.socket.starts_with(place.sockets()));
}

#[test]
fn without_a_runtime_directory_there_is_no_socket() {
    let output = Place::new("none").command().env_remove("XDG_RUNTIME_DIR").output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && error.contains("set XDG_RUNTIME_DIR"), "{error}");
}

#[test]
fn a_folder_that_others_may_reach_is_refused() {
    let place = Place::new("mode");
    make(&place.sockets(), 0o755);
    let error = place.refusal();
    assert!(error.contains("others have access to it (its mode is 755)"), "{error}");
    assert_eq!(fs::read_dir(place.sockets()).unwrap().count(), 0);
    fs::set_permissions(place.sockets(), Permissions::from_mode(0o700)).unwrap();
    Program::start(&place).end();
}

#[test]
fn a_runtime_directory_in_which_others_may_write_is_refused() {
    let place = Place::new("shared");
    for mode in [0o777, 0o1777, 0o770] {
        fs::set_permissions(place.runtime(), Permissions::from_mode(mode)).unwrap();
        let error = place.refusal();
        assert!(error.contains(&format!("its mode is {mode:o}")), "{error}");
        assert!(!place.sockets().exists());
    }
}

#[test]
fn what_is_no_folder_is_refused() {
    let place = Place::new("link");
    let elsewhere = place.runtime().join("elsewhere");
    make(&elsewhere, 0o700);
    symlink(&elsewhere, place.sockets()).unwrap();
    let error = place.refusal();
    assert!(error.contains("it is no folder (nor may it be a symbolic link to one)"), "{error}");
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
    fs::remove_file(place.sockets()).unwrap();
    fs::write(place.sockets(), "").unwrap();
    let error = place.refusal();
    assert!(error.contains("it is no folder"), "{error}");
}

#[test]
fn another_users_folder_is_refused() {
    if !geteuid().is_root() {
        println!("skipped: only root can give a folder away");
        return;
    }
    let place = Place::new("owner");
    make(&place.sockets(), 0o700);
    chown(place.sockets(), Some(1234), None).unwrap();
    let error = place.refusal();
    assert!(error.contains("it belongs to user 1234, and this is user 0"), "{error}");
}

#[test]
fn another_user_is_refused_even_where_the_folder_lets_it_through() {
    if !geteuid().is_root() {
        println!("skipped: only root can be another user");
        return;
    }
    let place = Place::new("peer");
    let program = Program::start(&place);
    for folder in [place.runtime(), place.sockets()] {
        fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
    }
    fs::set_permissions(&program.socket, Permissions::from_mode(0o666)).unwrap();
    // Where it is built that user may not be let in.
    let copy = place.runtime().join("client");
    fs::copy(SERVING, &copy).unwrap();
    let output =
        Command::new(copy).arg(&program.socket).uid(65534).current_dir("/").output().unwrap();
    let answer = String::from_utf8(output.stdout).unwrap();
    assert_eq!(answer, "{\"error\":\"this is the socket of user 0\"}\n", "{:?}", output.stderr);
    program.client().state();
}

/// The number of a process that is no more.
fn dead() -> u32 {
    let mut child = Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    child.id()
}

#[test]
fn sockets_of_the_dead_are_removed_and_no_others() {
    let place = Place::new("stale");
    make(&place.sockets(), 0o700);
    let socket = |pid: u32| place.sockets().join(format!("{pid}.sock"));
    let (stale, living, elsewhere) = (socket(dead()), socket(std::process::id()), socket(1 << 23));
    drop(UnixListener::bind(&stale).unwrap());
    drop(UnixListener::bind(&living).unwrap());
    // As of an application in a container, where its process has another number.
    let _listener = UnixListener::bind(&elsewhere).unwrap();
    let other = place.sockets().join("other.sock");
    fs::write(&other, "").unwrap();
    let program = Program::start(&place);
    assert!(!stale.exists());
    for kept in [&living, &elsewhere, &other, &program.socket] {
        assert!(kept.exists(), "{}", kept.display());
    }
}

#[test]
fn what_has_the_name_of_a_dead_socket_and_is_none_is_left_there() {
    let place = Place::new("odd");
    make(&place.sockets(), 0o700);
    let odd = place.sockets().join(format!("{}.sock", dead()));
    make(&odd, 0o700);
    Program::start(&place).end();
    assert!(odd.is_dir());
}

#[test]
fn a_path_that_is_too_long_for_a_socket_is_said_to_be_that() {
    let place = Place::new("path");
    // `.<process id>` has room, and `<process id>.sock` has none.
    let used = place.runtime().as_os_str().len() + "//pm-runtime/".len();
    let runtime = place.runtime().join("x".repeat(102 - used));
    make(&runtime, 0o700);
    let output = place.command().env("XDG_RUNTIME_DIR", &runtime).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && error.contains("cannot make the socket"), "{error}");
}

#[test]
fn an_application_that_is_killed_leaves_a_socket_that_the_next_one_removes() {
    let place = Place::new("killed");
    let mut first = Program::start(&place);
    first.child.kill().unwrap();
    first.child.wait().unwrap();
    assert!(first.socket.exists());
    let second = Program::start(&place);
    assert!(!first.socket.exists());
    assert_eq!(Client::at(&second.socket).state().pid, second.child.id());
}

#[test]
fn the_socket_of_one_that_was_killed_is_removed_though_a_fork_of_it_lives() {
    let place = Place::new("forked");
    let mut first = Program::start(&place);
    let fork: u32 = first.tell("leave a fork").parse().unwrap();
    first.child.kill().unwrap();
    first.child.wait().unwrap();
    // It has the socket, and lets nobody in.
    let second = Program::start(&place);
    assert!(is_alive(fork));
    kill(fork, Signal::KILL);
    assert!(!first.socket.exists() && second.socket.exists());
}

#[test]
fn one_in_a_container_of_its_own_tells_its_user_who_is_outside() {
    let unshare = |program: &str| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--fork", "--pid", "--kill-child", program]);
        command
    };
    if !unshare("true").output().is_ok_and(|output| output.status.success()) {
        println!("skipped: this system lets nobody make containers");
        return;
    }
    let place = Place::new("container");
    let program = Program::start_by(unshare(SERVING).env("XDG_RUNTIME_DIR", place.runtime()));
    // No process here has a number there.
    assert_eq!(program.client().state().pid, 1);
}
