//! An application that is operated, and its clients.

use std::io::{BufRead, BufReader, Lines, Write};
use std::net::Shutdown;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use pm_runtime::operator::protocol::{ApplicationState, Done, Line, PoolState};
use pm_tests::Folder;

pub(crate) const SERVING: &str = env!("CARGO_BIN_EXE_serving");

/// A runtime directory, as a login makes it.
pub(crate) struct Place {
    folder: Folder,
}

impl Place {
    pub(crate) fn new(name: &str) -> Self {
        let place = Self { folder: Folder::new(name) };
        std::fs::DirBuilder::new().mode(0o700).create(place.runtime()).unwrap();
        place
    }

    pub(crate) fn runtime(&self) -> PathBuf {
        self.folder.file("run").into()
    }

    /// Where sockets are.
    pub(crate) fn sockets(&self) -> PathBuf {
        self.runtime().join("pm-runtime")
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(SERVING);
        command.env("XDG_RUNTIME_DIR", self.runtime()).env_remove("RUNTIME_DIRECTORY");
        command
    }

    /// Runs the application, which is expected not to serve; returns what it says of it.
    pub(crate) fn refusal(&self) -> String {
        let output = self.command().stdin(Stdio::null()).output().unwrap();
        assert!(!output.status.success(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }
}

/// A running application.
pub(crate) struct Program {
    pub(crate) child: Child,
    pub(crate) socket: PathBuf,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Program {
    pub(crate) fn start(place: &Place) -> Self {
        Self::start_by(&mut place.command())
    }

    pub(crate) fn start_by(command: &mut Command) -> Self {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it can be run");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let socket = lines.next().expect("it says where it serves").unwrap();
        let mut program = Self { child, socket: socket.into(), lines };
        assert_eq!(program.says(), "ready");
        program
    }

    pub(crate) fn says(&mut self) -> String {
        self.lines.next().expect("it says something").unwrap()
    }

    pub(crate) fn tell(&mut self, line: &str) -> String {
        let mut stdin = self.child.stdin.as_ref().unwrap();
        stdin.write_all(format!("{line}\n").as_bytes()).unwrap();
        self.says()
    }

    pub(crate) fn client(&self) -> Client {
        Client::at(&self.socket)
    }

    /// Has it return from its `main`.
    pub(crate) fn end(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client, who expects an answer to what it says.
pub(crate) struct Client {
    pub(crate) stream: UnixStream,
    lines: Lines<BufReader<UnixStream>>,
}

impl Client {
    pub(crate) fn at(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).expect("it listens");
        let lines = BufReader::new(stream.try_clone().unwrap()).lines();
        Self { stream, lines }
    }

    pub(crate) fn send(&mut self, line: impl AsRef<[u8]>) {
        self.stream.write_all(&[line.as_ref(), b"\n"].concat()).unwrap();
    }

    /// `None`: it is closed.
    pub(crate) fn next(&mut self) -> Option<Line> {
        // What was not read when it was closed makes an error of the end.
        let line = self.lines.next()?.ok()?;
        Some(serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}")))
    }

    #[track_caller]
    pub(crate) fn done(&mut self, line: &str) -> Done {
        self.send(line);
        match self.next() {
            Some(Line::Ok { done, id: None }) => done,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn error(&mut self) -> String {
        match self.next() {
            Some(Line::Error { error, .. }) => error,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn refused(&mut self, line: &str) -> String {
        self.send(line);
        self.error()
    }

    #[track_caller]
    pub(crate) fn state(&mut self) -> ApplicationState {
        match self.done(r#"{"do":"health"}"#) {
            Done::Health(state) => state,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn pool(&mut self, id: u64) -> PoolState {
        let pools = self.state().pools;
        pools.into_iter().find(|pool| pool.id == id).expect("the pool is there")
    }

    /// The numbers of a pool's workers.
    #[track_caller]
    pub(crate) fn workers(&mut self, id: u64) -> Vec<u64> {
        self.pool(id).health.workers.iter().map(|worker| worker.id).collect()
    }

    /// Says no more, and hears the rest.
    pub(crate) fn rest(mut self) -> Vec<Line> {
        self.stream.shutdown(Shutdown::Write).unwrap();
        std::iter::from_fn(|| self.next()).collect()
    }
}
