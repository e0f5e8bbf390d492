//! The screen while somebody looks at it.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use pm_runtime::OperatorError;
use pm_runtime::operator::Application;
use pm_runtime::operator::protocol::{Done, Id, Line};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::Event;

use crate::client::{Requests, Trouble, find};
use crate::follow::{News, follow, watch_keys};
use crate::keys;
use crate::model::Model;
use crate::ui::{Order, Outcome, Ui};
use crate::view;

/// Figures are not drawn more often than this: terminals may be slow, and so are eyes.
const FRAME: Duration = Duration::from_millis(250);

/// How long it is said what has become of an order, in the place of the keys.
const SAID: Duration = Duration::from_secs(10);

/// News that may wait; who has more waits, and with it the application's socket.
const NEWS: usize = 256;

/// When an application is asked again that did not want to speak.
const AGAIN: Duration = Duration::from_secs(5);

/// Shows the applications until the user quits.
pub(crate) fn show(
    interval: Duration,
    folder: Option<PathBuf>,
) -> Result<(), Box<dyn std::error::Error>> {
    // Before the screen changes: where nothing can be found, it need not.
    find(folder.as_deref())?;
    let (reader, news) = sync_channel(NEWS);
    let mut screen = Screen::new(interval, folder, reader.clone());
    let no_terminal = |why| format!("there is no terminal to draw on ({why}); `--once` needs none");
    if !io::stdout().is_terminal() {
        return Err(no_terminal("the output goes elsewhere".into()).into());
    }
    let mut terminal = ratatui::try_init().map_err(|error| no_terminal(error.to_string()))?;
    let shown = watch_user(reader).and_then(|()| screen.run(&mut terminal, &news));
    ratatui::restore();
    Ok(shown?)
}

/// Hears keys, and signals that end the program.
fn watch_user(reader: SyncSender<News>) -> io::Result<()> {
    let keys = reader.clone();
    begin("keys", move || watch_keys(&keys))?;
    begin("signals", move || {
        // Where signals cannot be heard, they do what they do.
        if pm_runtime::block_on(pm_runtime::shutdown_signal()).is_ok() {
            let _ = reader.send(News::Quit);
        }
    })
}

/// Begins a thread, which ends by itself; the system may have none left.
fn begin(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name.to_owned()).spawn(work).map(drop)
}

struct Screen {
    model: Model,
    ui: Ui,
    interval: Duration,
    folder: Option<PathBuf>,
    reader: SyncSender<News>,
    /// Applications that are followed, by process id; `Some`: not before then.
    followed: BTreeMap<u32, Option<Instant>>,
    requests: BTreeMap<u32, Requests>,
    /// What was ordered and has not been answered, by process id and number.
    orders: BTreeMap<(u32, u64), String>,
    next_order: u64,
    /// When what is said now was first seen.
    said: Option<(String, Instant)>,
}

/// Whether the screen has to be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Draw {
    No,
    /// With the next frame.
    Soon,
    Now,
}

impl Screen {
    fn new(interval: Duration, folder: Option<PathBuf>, reader: SyncSender<News>) -> Self {
        Self {
            model: Model::default(),
            ui: Ui::default(),
            interval,
            folder,
            reader,
            followed: BTreeMap::new(),
            requests: BTreeMap::new(),
            orders: BTreeMap::new(),
            next_order: 1,
            said: None,
        }
    }

    fn run(&mut self, terminal: &mut DefaultTerminal, news: &Receiver<News>) -> io::Result<()> {
        let (mut draw, mut drawn, mut look) = (Draw::Now, Instant::now(), Instant::now());
        loop {
            let now = Instant::now();
            if now >= look {
                look = now + self.interval;
                if let Err(error) = self.look_for_applications(now) {
                    self.ui.status = error.to_string();
                    draw = draw.max(Draw::Soon);
                }
                // How long ago they ended is another figure now.
                if self.model.forget(SystemTime::now()) {
                    draw = draw.max(Draw::Soon);
                }
                if self.say_no_longer(now) {
                    draw = draw.max(Draw::Soon);
                }
            }
            if draw == Draw::Now || (draw == Draw::Soon && now >= drawn + FRAME) {
                self.ui.settle(&self.model);
                let (model, ui) = (&self.model, &self.ui);
                terminal.draw(|frame| view::draw(frame, model, ui, SystemTime::now()))?;
                (draw, drawn) = (Draw::No, Instant::now());
            }
            let wake = if draw == Draw::No { look } else { look.min(drawn + FRAME) };
            let mut next = news.recv_timeout(wake.saturating_duration_since(Instant::now()));
            // All that has come is one frame.
            for _ in 0..NEWS {
                match next {
                    Ok(News::Quit) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
                    Ok(News::Input(event)) => match self.hear(&event) {
                        Some(seen) => draw = draw.max(seen),
                        None => return Ok(()),
                    },
                    Ok(heard) => {
                        self.learn(heard);
                        draw = draw.max(Draw::Soon);
                    }
                    Err(RecvTimeoutError::Timeout) => break,
                }
                next = news.recv_timeout(Duration::ZERO);
            }
        }
    }

    /// Takes away what was said long ago, unless an order is under way; returns whether there was anything.
    fn say_no_longer(&mut self, now: Instant) -> bool {
        match &self.said {
            Some((said, since)) if *said == self.ui.status => {
                let is_over = now >= *since + SAID && !said.is_empty() && self.orders.is_empty();
                if is_over {
                    self.ui.status.clear();
                }
                is_over
            }
            _ => {
                self.said = Some((self.ui.status.clone(), now));
                false
            }
        }
    }

    /// Follows applications that are new.
    fn look_for_applications(&mut self, now: Instant) -> Result<(), OperatorError> {
        for Application { pid, socket, .. } in find(self.folder.as_deref())? {
            match self.followed.get(&pid) {
                None => {}
                Some(Some(again)) if now >= *again => {}
                Some(_) => continue,
            }
            self.followed.insert(pid, None);
            let (interval, reader) = (self.interval, self.reader.clone());
            let begun = begin("follow", move || follow(pid, socket, interval, &reader));
            if let Err(error) = begun {
                self.learn(News::Lost(pid, Trouble::Io(error)));
            }
        }
        Ok(())
    }

    fn learn(&mut self, news: News) {
        match news {
            News::Opened(pid, requests) => drop(self.requests.insert(pid, requests)),
            News::Silent(pid) => self.model.trouble(pid, &Trouble::Silent.to_string()),
            News::Lost(pid, trouble) => {
                self.requests.remove(&pid);
                self.orders.retain(|(ordered, _), _| *ordered != pid);
                let again = match trouble {
                    Trouble::Gone | Trouble::Ended => {
                        self.model.end(pid, SystemTime::now());
                        // Its socket may be there for a moment, or until another application starts.
                        self.interval
                    }
                    _ => {
                        self.model.trouble(pid, &trouble.to_string());
                        AGAIN
                    }
                };
                self.followed.insert(pid, Some(Instant::now() + again));
            }
            News::Line(pid, line) => self.read(pid, line),
            News::Input(_) | News::Quit => {}
        }
    }

    fn read(&mut self, pid: u32, line: Line) {
        match line {
            Line::Ok { done: Done::Health(state), .. } => {
                self.model.tell(pid, state, Instant::now());
            }
            Line::Ok { id, .. } => {
                if let Some(what) = self.answered(pid, id) {
                    self.ui.status = format!("{what}: done");
                }
            }
            Line::Error { error, id } => {
                let what =
                    self.answered(pid, id).unwrap_or_else(|| "a mistake of this program".into());
                self.ui.status = crate::text::clean(&format!("{what}: {error}"));
            }
            Line::Event { event, pool } => self.model.happen(pid, pool, event),
        }
    }

    fn answered(&mut self, pid: u32, id: Option<Id>) -> Option<String> {
        match id {
            Some(Id::Number(number)) => self.orders.remove(&(pid, number.as_u64()?)),
            _ => None,
        }
    }

    /// What the user does; `None`: the end.
    fn hear(&mut self, event: &Event) -> Option<Draw> {
        let Event::Key(event) = event else { return Some(Draw::Now) };
        let Some(key) = keys::read(*event) else { return Some(Draw::No) };
        self.ui.settle(&self.model);
        match self.ui.press(key, &self.model) {
            Outcome::Quit => return None,
            Outcome::Look => {}
            Outcome::Order(order) => self.give(order),
        }
        Some(Draw::Now)
    }

    fn give(&mut self, Order { pid, command, what }: Order) {
        let id = self.next_order;
        self.next_order += 1;
        let sent = self.requests.get_mut(&pid).ok_or(Trouble::Ended);
        self.ui.status = match sent.and_then(|requests| requests.send(command, Some(id))) {
            Ok(()) => {
                let status = format!("{what} …");
                self.orders.insert((pid, id), what);
                status
            }
            Err(trouble) => format!("{what}: {trouble}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::os::unix::net::UnixListener;

    use pm_runtime::operator::protocol::Command;

    use super::*;
    use crate::model::tests::state;

    fn screen() -> (Screen, Receiver<News>) {
        let (reader, news) = sync_channel(NEWS);
        (Screen::new(Duration::from_secs(3600), None, reader), news)
    }

    fn health(pid: u32) -> News {
        let done = Done::Health(state("thumbnails", 7, 1));
        News::Line(pid, Line::Ok { done, id: None })
    }

    fn forgive() -> Order {
        Order { pid: 1, command: Command::Forgive { pool: 1 }, what: "forgive work".into() }
    }

    #[test]
    fn who_ends_is_gone_and_who_refuses_is_not() {
        let (mut screen, _news) = screen();
        screen.learn(health(1));
        screen.learn(News::Silent(1));
        assert!(screen.model.applications[&1].trouble.is_some());
        screen.learn(health(1));
        assert!(screen.model.applications[&1].trouble.is_none());
        screen.learn(News::Lost(1, Trouble::Ended));
        assert!(screen.model.applications[&1].gone.is_some());
        screen.learn(News::Lost(2, Trouble::Refused("come again".into())));
        assert_eq!(screen.model.applications[&2].trouble.as_deref(), Some("come again"));
    }

    #[test]
    fn an_order_to_nobody_is_not_given() {
        let (mut screen, _news) = screen();
        screen.give(forgive());
        assert_eq!(screen.ui.status, "forgive work: it has hung up");
        assert!(screen.orders.is_empty());
    }

    #[test]
    fn what_is_said_makes_room_for_the_keys_in_the_end() {
        let (mut screen, _news) = screen();
        let now = Instant::now();
        let looks =
            |screen: &mut Screen, seconds| screen.say_no_longer(now + Duration::from_secs(seconds));
        screen.ui.status = "respawn all …".into();
        screen.orders.insert((1, 1), "respawn all".into());
        assert!(!looks(&mut screen, 0) && !looks(&mut screen, 100), "it is not done yet");
        screen.learn(News::Line(
            1,
            Line::Error { error: "no".into(), id: Some(Id::Number(1.into())) },
        ));
        assert!(!looks(&mut screen, 101) && !looks(&mut screen, 110));
        assert_eq!(screen.ui.status, "respawn all: no");
        assert!(looks(&mut screen, 111) && screen.ui.status.is_empty());
        assert!(!looks(&mut screen, 112) && !looks(&mut screen, 200), "there is nothing any more");
    }

    #[test]
    fn an_answer_is_that_of_the_application_that_was_ordered() {
        let (mut screen, _news) = screen();
        screen.orders.insert((1, 1), "forgive work".into());
        let done = || Line::Ok { done: Done::Forgive, id: Some(Id::Number(1.into())) };
        screen.learn(News::Line(2, done()));
        assert_eq!(screen.ui.status, "");
        screen.learn(News::Line(1, done()));
        assert_eq!(screen.ui.status, "forgive work: done");
        screen.orders.insert((1, 2), "forgive work".into());
        screen.learn(News::Lost(1, Trouble::Ended));
        assert!(screen.orders.is_empty(), "nobody answers any more");
    }

    /// The application is acted: what it is sent, and what it answers, is in order.
    #[test]
    fn orders_go_to_their_application_and_answers_come_back() {
        let socket = std::env::temp_dir().join(format!("pm-top-{}.sock", std::process::id()));
        // Left behind by a process of the same number.
        let _ = std::fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket).expect("the temporary folder is writable");
        let (mut screen, news) = screen();
        let (followed, reader) = (socket.clone(), screen.reader.clone());
        let thread = thread::spawn(move || follow(1, followed, Duration::from_secs(3600), &reader));
        let (mut stream, _) = listener.accept().unwrap();
        let mut requests = BufReader::new(stream.try_clone().unwrap()).lines();
        let mut asked = || requests.next().expect("it asks").unwrap();
        screen.learn(news.recv().unwrap());
        assert_eq!(asked(), r#"{"do":"events"}"#);
        assert_eq!(asked(), r#"{"do":"health"}"#);
        screen.give(forgive());
        assert_eq!(screen.ui.status, "forgive work …");
        assert_eq!(asked(), r#"{"do":"forgive","pool":1,"id":1}"#);
        stream.write_all(b"{\"ok\":\"events\"}\n{\"ok\":\"forg").unwrap();
        stream.write_all(b"ive\",\"id\":1}\n{\"error\":\"no\",\"id\":1}\n").unwrap();
        drop((stream, requests));
        let mut seen = Vec::new();
        loop {
            let heard = news.recv().unwrap();
            let is_last = matches!(heard, News::Lost(..));
            screen.learn(heard);
            seen.push(screen.ui.status.clone());
            if is_last {
                break;
            }
        }
        let done = "forgive work: done";
        let strange = "a mistake of this program: no";
        assert_eq!(seen, ["forgive work …", done, strange, strange]);
        thread.join().unwrap();
        std::fs::remove_file(socket).unwrap();
    }
}
