//! The state that matters: who is there, on which worker, under which name and in which rooms.
//!
//! It is kept in the parent, so that a worker's death costs nothing but connections; and it is pure:
//! it hears what happened, and says what the workers are to do.

use std::collections::{BTreeSet, HashMap};

use crate::browser::{Wish, Word};
use crate::line::{Order, SocketId};

/// Bounds, so that what one user is told stays within what a worker holds for a socket.
const LONGEST_NAME: usize = 24;
const LONGEST_TEXT: usize = 2000;
const ROOMS_OF_USER: usize = 20;
const USERS_OF_ROOM: usize = 2000;

/// In the order of the workers, so that those that have somebody in a room are found fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct UserId {
    pub(crate) worker: u64,
    pub(crate) socket: SocketId,
}

#[derive(Debug)]
struct User {
    name: String,
    rooms: BTreeSet<String>,
}

#[derive(Debug, Default)]
pub(crate) struct Hub {
    users: HashMap<UserId, User>,
    /// By their names in lower case.
    names: HashMap<String, UserId>,
    /// Those that have somebody in them.
    rooms: HashMap<String, BTreeSet<UserId>>,
    workers: BTreeSet<u64>,
    guests: u64,
    orders: Vec<(u64, String)>,
}

impl Hub {
    /// What the workers are to do because of what was heard: to each in this order.
    pub(crate) fn take_orders(&mut self) -> Vec<(u64, String)> {
        std::mem::take(&mut self.orders)
    }

    pub(crate) fn worker_up(&mut self, worker: u64) {
        self.workers.insert(worker);
    }

    /// Its users are gone with it.
    pub(crate) fn worker_gone(&mut self, worker: u64, why: &str) -> usize {
        self.workers.remove(&worker);
        let users: Vec<_> =
            self.users.keys().filter(|user| user.worker == worker).copied().collect();
        self.remove(&users, why);
        users.len()
    }

    pub(crate) fn opened(&mut self, user: UserId) {
        self.guests += 1;
        let name = format!("guest {}", self.guests);
        self.send(user, &Word::Welcome { worker: user.worker, name: &name });
        // Nobody can call himself so.
        self.names.insert(name.clone(), user);
        self.users.insert(user, User { name, rooms: BTreeSet::new() });
    }

    pub(crate) fn gone(&mut self, user: UserId, why: &str) {
        self.remove(&[user], why);
    }

    /// What a user said may be anything.
    pub(crate) fn said(&mut self, user: UserId, text: &str) {
        if !self.users.contains_key(&user) {
            return;
        }
        let (wish, granted) = match serde_json::from_str(text) {
            Ok(Wish::Name(name)) => ("name", self.name(user, &name)),
            Ok(Wish::Join(room)) => ("join", self.join(user, &room)),
            Ok(Wish::Leave(room)) => ("leave", self.leave(user, &room)),
            Ok(Wish::Say { room, text }) => ("say", self.say(user, &room, &text)),
            Err(_) => ("", Err("this is nothing that can be asked for")),
        };
        if let Err(why) = granted {
            self.send(user, &Word::Refused { wish, why });
        }
    }

    /// The operator says something to all.
    pub(crate) fn notice(&mut self, text: &str) {
        let text = Word::Notice { text }.to_json();
        for &worker in &self.workers {
            self.orders.push((worker, Order::All { text: &text }.to_string()));
        }
    }

    /// The operator disconnects a user. `false`: nobody is called so.
    pub(crate) fn kick(&mut self, name: &str) -> bool {
        let Some(&user) = self.names.get(&name.to_lowercase()) else { return false };
        let reason = "the operator has disconnected you";
        self.order(user.worker, Order::Close { socket: user.socket, reason });
        self.remove(&[user], "was disconnected by the operator");
        true
    }

    fn name(&mut self, user: UserId, name: &str) -> Result<(), &'static str> {
        let new = name.trim();
        let is_plain = |c: char| c.is_alphanumeric() || " ._'-".contains(c);
        if new.is_empty() || new.chars().count() > LONGEST_NAME || !new.chars().all(is_plain) {
            return Err("a name has up to 24 letters, digits, spaces and . _ ' -");
        }
        let key = new.to_lowercase();
        if key.starts_with("guest ") {
            return Err("guests get their names by themselves");
        }
        if self.names.get(&key).is_some_and(|&other| other != user) {
            return Err("somebody else has this name");
        }
        let Some(entry) = self.users.get_mut(&user) else { return Ok(()) };
        let old = std::mem::replace(&mut entry.name, new.to_owned());
        let rooms = entry.rooms.clone();
        self.names.remove(&old.to_lowercase());
        self.names.insert(key, user);
        self.send(user, &Word::Named { name: new });
        for room in &rooms {
            self.tell_room(room, &Word::Renamed { room, old: &old, new });
        }
        Ok(())
    }

    fn join(&mut self, user: UserId, room: &str) -> Result<(), &'static str> {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if room.is_empty() || room.len() > LONGEST_NAME || !room.chars().all(is_plain) {
            return Err("a room's name has up to 24 of a-z, 0-9 and -");
        }
        let Some(entry) = self.users.get_mut(&user) else { return Ok(()) };
        if entry.rooms.contains(room) {
            return Ok(());
        }
        if entry.rooms.len() == ROOMS_OF_USER {
            return Err("20 rooms at once are enough");
        }
        if self.rooms.get(room).is_some_and(|users| users.len() == USERS_OF_ROOM) {
            return Err("the room is full");
        }
        entry.rooms.insert(room.to_owned());
        let name = entry.name.clone();
        self.tell_room(room, &Word::Came { room, name: &name });
        let members = self.rooms.entry(room.to_owned()).or_default();
        members.insert(user);
        let names: Vec<&str> = members.iter().map(|user| &*self.users[user].name).collect();
        let joined = Word::Joined { room, names: &names }.to_json();
        let UserId { worker, socket } = user;
        self.order(worker, Order::Join { room, socket });
        self.order(worker, Order::Send { socket, text: &joined });
        Ok(())
    }

    fn leave(&mut self, user: UserId, room: &str) -> Result<(), &'static str> {
        let Some(entry) = self.users.get_mut(&user) else { return Ok(()) };
        if !entry.rooms.remove(room) {
            return Err("you are not in this room");
        }
        let name = entry.name.clone();
        self.order(user.worker, Order::Leave { room, socket: user.socket });
        self.send(user, &Word::Parted { room });
        self.take_out(user, room);
        self.tell_room(room, &Word::Left { room, names: &[&name], why: "left" });
        Ok(())
    }

    fn say(&mut self, user: UserId, room: &str, text: &str) -> Result<(), &'static str> {
        let Some(entry) = self.users.get(&user) else { return Ok(()) };
        if !entry.rooms.contains(room) {
            return Err("you are not in this room");
        }
        if text.trim().is_empty() || text.chars().count() > LONGEST_TEXT {
            return Err("a text has up to 2,000 characters, and is not empty");
        }
        let text = Word::Said { room, name: &entry.name, text }.to_json();
        self.tell_room_text(room, &text);
        Ok(())
    }

    /// Takes users out of everything, and tells each of their rooms once.
    fn remove(&mut self, users: &[UserId], why: &str) {
        let mut left: HashMap<String, Vec<String>> = HashMap::new();
        for user in users {
            let Some(User { name, rooms }) = self.users.remove(user) else { continue };
            self.names.remove(&name.to_lowercase());
            for room in rooms {
                self.take_out(*user, &room);
                left.entry(room).or_default().push(name.clone());
            }
        }
        for (room, names) in &left {
            let names: Vec<&str> = names.iter().map(|name| &**name).collect();
            self.tell_room(room, &Word::Left { room, names: &names, why });
        }
    }

    fn take_out(&mut self, user: UserId, room: &str) {
        let Some(members) = self.rooms.get_mut(room) else { return };
        members.remove(&user);
        if members.is_empty() {
            self.rooms.remove(room);
        }
    }

    fn order(&mut self, worker: u64, order: Order<'_>) {
        self.orders.push((worker, order.to_string()));
    }

    fn send(&mut self, user: UserId, word: &Word<'_>) {
        self.order(user.worker, Order::Send { socket: user.socket, text: &word.to_json() });
    }

    fn tell_room(&mut self, room: &str, word: &Word<'_>) {
        self.tell_room_text(room, &word.to_json());
    }

    /// One message to each worker that has somebody in the room.
    fn tell_room_text(&mut self, room: &str, text: &str) {
        let Some(members) = self.rooms.get(room) else { return };
        let mut from = UserId { worker: 0, socket: 0 };
        while let Some(&UserId { worker, .. }) = members.range(from..).next() {
            self.orders.push((worker, Order::Room { room, text }.to_string()));
            from = UserId { worker: worker + 1, socket: 0 };
        }
    }
}
