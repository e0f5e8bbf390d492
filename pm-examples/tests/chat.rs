//! The program `chat`, from its operator to its users.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use async_tungstenite::tungstenite::protocol::CloseFrame;
use async_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use async_tungstenite::tungstenite::{Error, Message, WebSocket, client};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// The program at work.
struct Chat {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    port: u16,
}

impl Chat {
    fn start(workers: usize) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_chat"))
            .args(["--port", "0", "--workers", &workers.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let stdin = child.stdin.take().expect("it is piped");
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut chat = Self { child, stdin, stdout, port: 0 };
        let line = chat.wait_for("open http://127.0.0.1:");
        let (_, port) = line.rsplit_once(':').expect("it names the port");
        chat.port = port[..port.find('/').expect("and the page")].parse().expect("a number");
        chat
    }

    fn say(&mut self, command: &str) {
        writeln!(self.stdin, "{command}").expect("it listens");
    }

    /// Reads on until a line has this in it.
    fn wait_for(&mut self, text: &str) -> String {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            assert_ne!(self.stdout.read_line(&mut line).expect("it is text"), 0, "no {text}");
        }
        line
    }

    /// The numbers and the processes of so many workers.
    fn workers(&mut self, count: usize) -> Vec<(u64, Pid)> {
        self.say("workers");
        let worker = |line: String| {
            let numbers: Vec<i32> = line
                .split(|c: char| !c.is_ascii_digit())
                .filter_map(|number| number.parse().ok())
                .collect();
            (numbers[0] as u64, Pid::from_raw(numbers[1]).expect("it runs"))
        };
        (0..count).map(|_| worker(self.wait_for(": process "))).collect()
    }

    fn user(&self) -> User {
        User::connect(self.port).expect("it is accepted")
    }

    /// A user on this worker: no other one accepts meanwhile.
    fn user_on(&mut self, worker: u64, workers: &[(u64, Pid)]) -> User {
        let others = || workers.iter().filter(|(id, _)| *id != worker).map(|(_, pid)| *pid);
        for pid in others() {
            kill_process(pid, Signal::STOP).expect("it runs");
            while !is_stopped(pid) {
                thread::yield_now();
            }
        }
        let user = self.user();
        for pid in others() {
            kill_process(pid, Signal::CONT).expect("it is there");
        }
        assert_eq!(user.worker, worker);
        user
    }

    /// Ends it, and its users first, for whom it would wait a moment.
    fn quit(mut self, users: impl Sized) {
        drop(users);
        self.say("quit");
        assert!(self.child.wait().expect("it ends").success());
    }
}

impl Drop for Chat {
    fn drop(&mut self) {
        // A test that fails leaves nothing behind; otherwise it has ended.
        let _ = self.child.kill();
    }
}

fn is_stopped(pid: Pid) -> bool {
    let file = format!("/proc/{}/stat", pid.as_raw_nonzero());
    let stat = std::fs::read_to_string(file).expect("it runs");
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
}

/// A browser.
struct User {
    socket: WebSocket<TcpStream>,
    worker: u64,
    name: String,
}

impl User {
    fn connect(port: u16) -> Result<Self, Error> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        let url = format!("ws://127.0.0.1:{port}/chat");
        let (socket, _) = client(url, stream).map_err(|error| {
            Error::Io(std::io::Error::other(format!("the handshake failed: {error}")))
        })?;
        let mut user = Self { socket, worker: 0, name: String::new() };
        if let Ok(welcome) = user.hear()? {
            user.worker = welcome["welcome"]["worker"].as_u64().expect("a number");
            user.name = welcome["welcome"]["name"].as_str().expect("text").to_owned();
        }
        Ok(user)
    }

    fn wish(&mut self, wish: Value) {
        self.socket.send(Message::text(wish.to_string())).expect("it is connected");
    }

    fn say(&mut self, text: &str) {
        self.wish(json!({ "say": { "room": "lobby", "text": text } }));
    }

    /// In the lobby, under a name.
    fn enter(mut self, name: &str) -> Self {
        self.wish(json!({ "name": name }));
        self.wish(json!({ "join": "lobby" }));
        self.wait_for("joined");
        name.clone_into(&mut self.name);
        self
    }

    /// What it is told next, or why its connection ends.
    fn hear(&mut self) -> Result<Result<Value, CloseFrame>, Error> {
        loop {
            match self.socket.read()? {
                Message::Text(text) => return Ok(Ok(serde_json::from_str(&text).expect("JSON"))),
                Message::Close(frame) => return Ok(Err(frame.expect("it says why"))),
                _ => {}
            }
        }
    }

    /// Reads on until it is told this.
    fn wait_for(&mut self, word: &str) -> Value {
        loop {
            let mut told = self.hear().expect("it is connected").expect("it stays so");
            if let Some(value) = told.get_mut(word) {
                return value.take();
            }
        }
    }

    /// Reads on until its connection ends.
    fn end(mut self) -> CloseCode {
        loop {
            if let Err(frame) = self.hear().expect("it is told") {
                assert!(matches!(self.hear(), Err(Error::ConnectionClosed)));
                return frame.code;
            }
        }
    }
}

#[test]
fn users_on_different_workers_talk_and_hear_who_comes_and_goes() {
    let mut chat = Chat::start(2);
    let workers = chat.workers(2);
    let mut ash = chat.user_on(1, &workers).enter("Ash");
    let mut misty = chat.user_on(2, &workers).enter("Misty");
    assert_eq!(ash.wait_for("came"), json!({ "room": "lobby", "name": "Misty" }));
    for text in ["hi", "<b>&amp;", "two\nlines\n", "\nroom lobby\n{}", "🐢 é \u{202e} \0"] {
        ash.say(text);
        let said = json!({ "room": "lobby", "name": "Ash", "text": text });
        assert_eq!(misty.wait_for("said"), said);
        assert_eq!(ash.wait_for("said"), said);
    }
    // Names and rooms are kept across the workers.
    misty.wish(json!({ "name": "ash" }));
    assert_eq!(misty.wait_for("refused")["why"], "somebody else has this name");
    misty.wish(json!({ "name": "Water" }));
    let renamed = json!({ "room": "lobby", "old": "Misty", "new": "Water" });
    assert_eq!(ash.wait_for("renamed"), renamed);
    misty.wish(json!({ "leave": "lobby" }));
    assert_eq!(ash.wait_for("left")["why"], "left");
    ash.say("anybody?");
    misty.wish(json!({ "join": "lobby" }));
    // Nothing of the room came in between.
    misty.wait_for("parted");
    let told = misty.hear().unwrap().unwrap();
    assert_eq!(told["joined"]["names"], json!(["Ash", "Water"]));
    misty.socket.close(None).expect("it is connected");
    let left = json!({ "room": "lobby", "names": ["Water"], "why": "has left" });
    assert_eq!(ash.wait_for("left"), left);
    chat.say("say good night");
    assert_eq!(ash.wait_for("notice"), json!({ "text": "good night" }));
    let leaving = thread::spawn(|| ash.end());
    chat.quit(misty);
    assert_eq!(leaving.join().expect("it is told"), CloseCode::Restart);
}

#[test]
fn the_operator_disconnects_a_user() {
    let mut chat = Chat::start(2);
    let mut ash = chat.user().enter("Ash");
    let rocket = chat.user().enter("Team Rocket");
    chat.say("kick team rocket");
    assert_eq!(rocket.end(), CloseCode::Policy);
    let why = "was disconnected by the operator";
    let left = json!({ "room": "lobby", "names": ["Team Rocket"], "why": why });
    assert_eq!(ash.wait_for("left"), left);
    chat.say("kick team rocket");
    chat.wait_for("nobody here is called team rocket");
    chat.quit(ash);
}

#[test]
fn a_killed_worker_costs_its_own_users_their_connections_and_nothing_else() {
    let mut chat = Chat::start(2);
    let workers = chat.workers(2);
    let mut lost = ["a", "b"].map(|name| chat.user_on(1, &workers).enter(name));
    let mut kept = ["c", "d"].map(|name| chat.user_on(2, &workers).enter(name));
    chat.say("kill 1");
    for user in &mut lost {
        while user.hear().is_ok() {}
    }
    let left = kept[0].wait_for("left");
    assert_eq!(left["why"], "was on worker 1, which died");
    assert_eq!(left["names"].as_array().map(Vec::len), Some(2));
    kept[0].say("still here");
    assert_eq!(kept[1].wait_for("said")["text"], "still here");
    // They come back, under their names, through the one that is left, or its new neighbour.
    for user in lost {
        chat.user().enter(&user.name);
        assert_eq!(kept[1].wait_for("came")["name"], user.name);
    }
    chat.quit(kept);
}

#[test]
fn a_respawn_refuses_nobody() {
    let mut chat = Chat::start(2);
    let old = chat.user().enter("old");
    let leaving = thread::spawn(|| old.end());
    let (port, over, count) = (chat.port, AtomicBool::new(false), AtomicUsize::new(0));
    // Whoever connects is served, and told why its connection ends.
    let come_and_go = || {
        while !over.load(Ordering::Relaxed) {
            let mut user = User::connect(port).expect("it is accepted");
            if user.worker > 0 {
                // It may be told to go at the same time.
                let closed = user.socket.close(None);
                assert!(matches!(closed, Ok(()) | Err(Error::Protocol(_))), "{closed:?}");
            }
            while user.socket.can_read() {
                match user.socket.read() {
                    Ok(_) | Err(Error::ConnectionClosed) => {}
                    Err(error) => panic!("worker {} reset it: {error}", user.worker),
                }
            }
            count.fetch_add(1, Ordering::Relaxed);
        }
    };
    thread::scope(|scope| {
        let users: Vec<_> = (0..3).map(|_| scope.spawn(come_and_go)).collect();
        for _ in 0..3 {
            let before = count.load(Ordering::Relaxed);
            while count.load(Ordering::Relaxed) < before + 10 {
                assert!(!users.iter().any(|user| user.is_finished()));
                thread::yield_now();
            }
            chat.say("respawn");
            chat.wait_for("all workers were replaced");
        }
        over.store(true, Ordering::Relaxed);
    });
    assert_eq!(leaving.join().expect("it is told"), CloseCode::Restart);
    assert_eq!(chat.workers(2).iter().map(|(id, _)| *id).collect::<Vec<_>>(), [7, 8]);
    chat.quit(());
}

#[test]
fn who_reads_nothing_is_cut_off_while_others_go_on() {
    let mut chat = Chat::start(1);
    let mut deaf = chat.user().enter("deaf");
    let mut ash = chat.user().enter("Ash");
    let text = "x".repeat(8 << 10);
    let why = loop {
        chat.say(&format!("say {text}"));
        // This one keeps up.
        let told = ash.hear().unwrap().unwrap();
        if let Some(left) = told.get("left") {
            break left["why"].clone();
        }
        assert_eq!(told["notice"]["text"], text);
    };
    assert_eq!(why, "did not keep up with what was said");
    // What had been sent comes before the farewell, which is not waited for any longer by now, perhaps.
    loop {
        match deaf.hear() {
            Ok(Ok(_)) => {}
            Ok(Err(frame)) => break assert_eq!(frame.code, CloseCode::Policy),
            Err(_) => break,
        }
    }
    chat.quit((deaf, ash));
}

#[test]
fn who_says_too_much_is_read_no_faster_than_others_can_hear_it() {
    let mut chat = Chat::start(1);
    let mut flood = chat.user().enter("flood");
    let mut users = ["a", "b"].map(|name| chat.user().enter(name));
    flood.socket.get_mut().set_nonblocking(true).expect("it is a socket");
    let said = json!({ "say": { "room": "lobby", "text": "x".repeat(2000) } }).to_string();
    loop {
        match flood.socket.send(Message::text(said.as_str())) {
            Ok(()) => {}
            // There is nothing between it and its worker's reading but what the kernel holds.
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("it may say it later: {error}"),
        }
    }
    for i in ["one", "two", "three"] {
        users[0].say(i);
        while users[1].wait_for("said")["text"] != *i {}
    }
    chat.say("kick flood");
    drop(flood);
    assert_eq!(users[1].wait_for("left")["names"], json!(["flood"]));
    chat.quit(users);
}

/// Says something to the port, and reads the answer to its end.
fn ask(port: u16, request: &[u8]) -> String {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("it is accepted");
    stream.write_all(request).expect("it is read");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it is answered");
    answer
}

#[test]
fn what_makes_no_sense_hurts_only_who_says_it() {
    let mut chat = Chat::start(1);
    let mut ash = chat.user().enter("Ash");
    let page = ask(chat.port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n") && page.ends_with("</script>\n"), "{page}");
    let long = [b"GET / HTTP/1.1\r\nx: ", &[b'x'; 20_000][..], b"\r\n\r\n"].concat();
    for (request, status) in [
        (&b"garbage\r\n\r\n"[..], "400"),
        (b"\xff\0\x16\x03\x01", "400"),
        (b"POST / HTTP/1.1\r\n\r\n", "400"),
        (b"GET /chat HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", "400"),
        (b"GET /etc/passwd HTTP/1.1\r\n\r\n", "404"),
        (&long, "400"),
    ] {
        let answer = ask(chat.port, request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
    for (message, code) in [
        (Message::text("x".repeat(20_000)), CloseCode::Size),
        (Message::binary(vec![0; 3]), CloseCode::Unsupported),
    ] {
        let mut user = chat.user();
        user.socket.send(message).expect("it is connected");
        assert_eq!(user.end(), code);
    }
    let mut user = chat.user();
    user.socket.get_mut().write_all(b"\xff\xff garbage behind the handshake").expect("it is sent");
    assert_eq!(user.end(), CloseCode::Protocol);
    for wish in [
        json!({}),
        json!({ "kick": "Ash" }),
        json!({ "join": "lobby 1\nall" }),
        json!({ "name": "a\nb" }),
        json!({ "name": "Guest 7" }),
        json!({ "leave": "lobby 2" }),
        json!({ "say": { "room": "elsewhere", "text": "x" } }),
        json!({ "say": { "room": "lobby", "text": "x".repeat(2001) } }),
        json!({ "say": { "room": "lobby", "text": " \n" } }),
    ] {
        ash.wish(wish);
        ash.wait_for("refused");
    }
    ash.say("unhurt");
    assert_eq!(ash.wait_for("said")["text"], "unhurt");
    for worker in chat.workers(1) {
        assert_eq!(worker.0, 1);
    }
    chat.quit(ash);
}

#[test]
fn what_cannot_be_done_is_told_before_anything_starts() {
    let chat = Chat::start(1);
    let port = chat.port.to_string();
    for arguments in [["--port", &port], ["--workers", "0"], ["--loud", "--loud"]] {
        let output =
            Command::new(env!("CARGO_BIN_EXE_chat")).args(arguments).output().expect("it starts");
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains(arguments[1]), "{output:?}");
    }
    chat.quit(());
}
