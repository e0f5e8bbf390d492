//! An application that is acted: it has a real pool, whose workers are threads, and says what a test wants.

use std::io::{BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};

use pm_runtime::worker_query;
use serde_json::{Value, json};

#[worker_query(workers = 2)]
fn double(n: u32) -> u32 {
    2 * n
}

/// A folder of sockets, removed in the end.
pub(crate) struct Sockets(PathBuf);

impl Sockets {
    pub(crate) fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("pm-top-{}-{name}", std::process::id()));
        // Left behind by a process of the same number.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir(&folder).expect("the temporary folder is writable");
        Self(folder)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.0
    }
}

impl Drop for Sockets {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) struct Application {
    /// What it was asked for beside its state.
    pub(crate) asked: Receiver<String>,
    client: Receiver<UnixStream>,
    socket: PathBuf,
}

impl Application {
    /// One that has this number, and answers one client until that hangs up.
    pub(crate) fn new(sockets: &Sockets, pid: u32) -> Self {
        let socket = sockets.folder().join(format!("{pid}.sock"));
        let listener = UnixListener::bind(&socket).expect("a socket can be made");
        let ((asks, asked), (comes, client)) = (channel(), channel());
        std::thread::spawn(move || {
            let (stream, _) = listener.accept().expect("somebody comes");
            comes.send(stream.try_clone().expect("it is a socket")).expect("the test goes on");
            // It fails where the client has hung up.
            let _ = answer(pid, stream, &asks);
        });
        Self { asked, client, socket }
    }

    /// The client, once it is there: something may be told to it beside its answers.
    pub(crate) fn client(&self) -> UnixStream {
        self.client.recv().expect("it comes")
    }

    /// It ends: it removes its socket, and its client hears no more.
    pub(crate) fn end(self) {
        std::fs::remove_file(&self.socket).expect("it is there");
        self.client().shutdown(Shutdown::Both).expect("it is connected");
    }
}

fn answer(pid: u32, mut stream: UnixStream, asks: &Sender<String>) -> std::io::Result<()> {
    let pool = DoublePool::in_process();
    pm_runtime::block_on(pool.start()).expect("threads can be made");
    for request in BufReader::new(stream.try_clone()?).lines() {
        let request: Value = serde_json::from_str(&request?)?;
        let done = match request["do"].as_str() {
            Some("health") => {
                let pools = json!([{"id": 1, "health": pool.health()}]);
                json!({"health": {"version": 1, "pid": pid, "name": "acted", "started": null, "pools": pools}})
            }
            _ => {
                // Nobody may want to know.
                let _ = asks.send(request.to_string());
                request["do"].clone()
            }
        };
        let mut line = json!({"ok": done});
        if let Some(id) = request.get("id") {
            line["id"] = id.clone();
        }
        stream.write_all(format!("{line}\n").as_bytes())?;
    }
    Ok(())
}
