//! What keys mean.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Key {
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    /// To the next part of the screen, or back.
    Next,
    Back,
    RespawnPool,
    RespawnWorker,
    Unspawn,
    Forgive,
    Yes,
    Help,
    /// Away with what is in front.
    Escape,
    Quit,
    /// No other key: whoever is asked has not said yes.
    Other,
}

/// `None`: it is let go.
pub(crate) fn read(event: KeyEvent) -> Option<Key> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    if event.modifiers.contains(KeyModifiers::CONTROL) {
        return Some(match event.code {
            KeyCode::Char('c' | 'd') => Key::Quit,
            _ => Key::Other,
        });
    }
    Some(match event.code {
        KeyCode::Up | KeyCode::Char('k') => Key::Up,
        KeyCode::Down | KeyCode::Char('j') => Key::Down,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown | KeyCode::Char(' ') => Key::PageDown,
        KeyCode::Home | KeyCode::Char('g') => Key::First,
        KeyCode::End | KeyCode::Char('G') => Key::Last,
        KeyCode::Tab | KeyCode::Right | KeyCode::Char('l') => Key::Next,
        KeyCode::BackTab | KeyCode::Left | KeyCode::Char('h') => Key::Back,
        KeyCode::Char('r') => Key::RespawnPool,
        KeyCode::Char('R') => Key::RespawnWorker,
        KeyCode::Char('u') => Key::Unspawn,
        KeyCode::Char('f') => Key::Forgive,
        KeyCode::Char('y') => Key::Yes,
        KeyCode::Char('?') | KeyCode::F(1) => Key::Help,
        KeyCode::Esc => Key::Escape,
        KeyCode::Char('q') => Key::Quit,
        _ => Key::Other,
    })
}

pub(crate) const HELP: &str = "\
up, down, k, j      choose a row, or scroll the reports
page up, page down  the same by ten
g, G                to the first, to the last
tab                 to the workers, to the reports of crashes and kills, and back to the pools
r                   respawn the pool: others in the places of all workers, each when it is ready
R                   respawn the worker alone
u                   unspawn the pool, or, where the workers are chosen from, the worker
f                   forgive: the pool's crash budget is whole again, nothing is refused any more
?                   this
q                   quit

r, R and u ask first: y does it, any other key does not.

busy                workers that have a load, of all
waiting             queries that no worker has begun, also those handed to one that does something else
in flight           queries that workers were handed
rate/s              queries that ended, since the last look
run, wait           how long queries ran, and waited to begin, over the last minute
failed              queries that began and ended in an error; the notes tell of timeouts and panics
runs for            how long the query runs that a worker has had for longest; yellow: unusually long
cpu %               of one core, since the last look
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shift_key_tells_one_worker_from_all() {
        let key = |code| read(KeyEvent::new(code, KeyModifiers::NONE));
        assert_eq!(key(KeyCode::Char('r')), Some(Key::RespawnPool));
        assert_eq!(key(KeyCode::Char('R')), Some(Key::RespawnWorker));
        assert_eq!(key(KeyCode::Char('y')), Some(Key::Yes));
        assert_eq!(key(KeyCode::Char('Y')), Some(Key::Other), "a `y` alone");
        let control = |letter| read(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL));
        assert_eq!((control('c'), control('r')), (Some(Key::Quit), Some(Key::Other)));
        let released = KeyEvent { kind: KeyEventKind::Release, ..KeyEvent::from(KeyCode::Esc) };
        assert_eq!(read(released), None);
    }
}
