//! A thread for each application: it asks, and passes on what is said.

use std::path::PathBuf;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use pm_runtime::Event;
use pm_runtime::operator::protocol::{Command, Done, Line};
use ratatui::crossterm::event;

use crate::client::{Connection, Requests, Trouble};

/// What there is to be known.
pub(crate) enum News {
    /// An application hears requests.
    Opened(u32, Requests),
    Line(u32, Line),
    /// It has not answered for long; it may yet.
    Silent(u32),
    /// Nothing more will be heard over this connection.
    Lost(u32, Trouble),
    /// The user has pressed a key, or the window has another size.
    Input(event::Event),
    /// It is time to go.
    Quit,
}

/// Who wants to know; `Err`: nobody does any more.
pub(crate) type Reader = SyncSender<News>;
struct NobodyListens;

/// How many times it was asked in vain before it counts as silent.
const PATIENCE: u32 = 3;

/// Follows an application until it ends, or nobody wants to know.
pub(crate) fn follow(pid: u32, socket: PathBuf, interval: Duration, reader: &Reader) {
    let lost = match Connection::open(&socket) {
        Ok(connection) => listen(pid, connection, interval, reader),
        Err(trouble) => Ok(trouble),
    };
    if let Ok(trouble) = lost {
        // It fails where nobody listens any more.
        let _ = reader.send(News::Lost(pid, trouble));
    }
}

/// Listens as long as there is anything to be heard; returns why there is not.
fn listen(
    pid: u32,
    mut connection: Connection,
    interval: Duration,
    reader: &Reader,
) -> Result<Trouble, NobodyListens> {
    let tell = |news| reader.send(news).map_err(|_| NobodyListens);
    let mut requests = match begin(&connection) {
        Ok((requests, commands)) => {
            tell(News::Opened(pid, commands))?;
            requests
        }
        Err(trouble) => return Ok(trouble),
    };
    // Rounds since it was asked and has not answered.
    let (mut asked, mut answers) = (None, false);
    loop {
        match &mut asked {
            Some(rounds) => {
                *rounds += 1;
                if *rounds == PATIENCE {
                    tell(News::Silent(pid))?;
                }
            }
            None => match requests.send(Command::Health, None) {
                // Why it has hung up it may have said.
                Ok(()) | Err(Trouble::Ended) => asked = Some(0),
                Err(trouble) => return Ok(trouble),
            },
        }
        let deadline = Instant::now() + interval;
        loop {
            match connection.line_by(deadline) {
                // It lets nobody in.
                Ok(Some(Line::Error { error, id: None })) if !answers => {
                    return Ok(Trouble::Refused(error));
                }
                Ok(Some(line)) => {
                    answers = true;
                    if matches!(line, Line::Ok { done: Done::Health(_), .. }) {
                        asked = None;
                    }
                    if is_of_interest(&line) {
                        tell(News::Line(pid, line))?;
                    }
                }
                Ok(None) => break,
                Err(trouble) => return Ok(trouble),
            }
        }
    }
}

/// Where requests go, of this thread and of the user; events are asked for.
fn begin(connection: &Connection) -> Result<(Requests, Requests), Trouble> {
    let mut requests = connection.requests()?;
    match requests.send(Command::Events, None) {
        // Why it has hung up it may have said.
        Ok(()) | Err(Trouble::Ended) => Ok((requests, connection.requests()?)),
        Err(trouble) => Err(trouble),
    }
}

/// There may be many events, of which the screen shows few.
fn is_of_interest(line: &Line) -> bool {
    match line {
        Line::Event { event, .. } => matches!(
            event,
            Event::Crashed(_)
                | Event::Killed(_)
                | Event::BudgetExhausted { .. }
                | Event::Healed { .. }
        ),
        Line::Ok { .. } | Line::Error { .. } => true,
    }
}

/// Passes on what the user does, until nobody wants to know.
pub(crate) fn watch_keys(reader: &Reader) {
    loop {
        let news = event::read().map_or(News::Quit, News::Input);
        let is_last = matches!(news, News::Quit);
        if reader.send(news).is_err() || is_last {
            return;
        }
    }
}
