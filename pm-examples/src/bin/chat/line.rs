//! What the parent and a worker say to each other, one message of the link each.
//!
//! A message is a line of words and, where it carries text, that text behind the line's end, as it
//! is: it may be anything, line ends included.
//!
//! | the parent says | and means |
//! |---|---|
//! | `send SOCKET` + text | this text to that socket |
//! | `room ROOM` + text | to all sockets in the room |
//! | `all` + text | to all sockets |
//! | `join ROOM SOCKET`, `leave ROOM SOCKET` | the socket is in the room from now on, or no longer |
//! | `close SOCKET` + reason | close it, and say why |
//!
//! | a worker says | and means |
//! |---|---|
//! | `opened SOCKET` | somebody has connected |
//! | `said SOCKET` + text | and has said this |
//! | `gone SOCKET` + reason | and is gone |

use std::fmt;

/// The number of a socket in its worker; none is given twice.
pub(crate) type SocketId = u64;

/// What the parent says to a worker.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Order<'a> {
    Send { socket: SocketId, text: &'a str },
    Room { room: &'a str, text: &'a str },
    All { text: &'a str },
    Join { room: &'a str, socket: SocketId },
    Leave { room: &'a str, socket: SocketId },
    Close { socket: SocketId, reason: &'a str },
}

/// What a worker says to the parent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum News<'a> {
    Opened { socket: SocketId },
    Said { socket: SocketId, text: &'a str },
    Gone { socket: SocketId, reason: &'a str },
}

/// A message that is none of those above.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("the other side said what is no message of theirs")]
pub(crate) struct NoMessage;

impl<'a> Order<'a> {
    pub(crate) fn parse(message: &'a [u8]) -> Result<Self, NoMessage> {
        let (line, text) = split(message)?;
        let words: Vec<&str> = line.split(' ').collect();
        Ok(match (&words[..], text) {
            (["send", socket], Some(text)) => Self::Send { socket: number(socket)?, text },
            (["room", room], Some(text)) => Self::Room { room, text },
            (["all"], Some(text)) => Self::All { text },
            (["join", room, socket], None) => Self::Join { room, socket: number(socket)? },
            (["leave", room, socket], None) => Self::Leave { room, socket: number(socket)? },
            (["close", socket], Some(reason)) => Self::Close { socket: number(socket)?, reason },
            _ => return Err(NoMessage),
        })
    }
}

impl<'a> News<'a> {
    pub(crate) fn parse(message: &'a [u8]) -> Result<Self, NoMessage> {
        let (line, text) = split(message)?;
        let (word, socket) = line.split_once(' ').ok_or(NoMessage)?;
        let socket = number(socket)?;
        Ok(match (word, text) {
            ("opened", None) => Self::Opened { socket },
            ("said", Some(text)) => Self::Said { socket, text },
            ("gone", Some(reason)) => Self::Gone { socket, reason },
            _ => return Err(NoMessage),
        })
    }
}

/// The line of words, and the text behind it.
fn split(message: &[u8]) -> Result<(&str, Option<&str>), NoMessage> {
    let message = str::from_utf8(message).map_err(|_| NoMessage)?;
    Ok(message.split_once('\n').map_or((message, None), |(line, text)| (line, Some(text))))
}

fn number(word: &str) -> Result<SocketId, NoMessage> {
    word.parse().map_err(|_| NoMessage)
}

impl fmt::Display for Order<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send { socket, text } => write!(f, "send {socket}\n{text}"),
            Self::Room { room, text } => write!(f, "room {room}\n{text}"),
            Self::All { text } => write!(f, "all\n{text}"),
            Self::Join { room, socket } => write!(f, "join {room} {socket}"),
            Self::Leave { room, socket } => write!(f, "leave {room} {socket}"),
            Self::Close { socket, reason } => write!(f, "close {socket}\n{reason}"),
        }
    }
}

impl fmt::Display for News<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened { socket } => write!(f, "opened {socket}"),
            Self::Said { socket, text } => write!(f, "said {socket}\n{text}"),
            Self::Gone { socket, reason } => write!(f, "gone {socket}\n{reason}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [&str; 5] = ["", "hello", "\n\nroom lobby\nno\r\n", "close 1", "grüße \0 🐢"];

    #[test]
    fn every_message_arrives_as_it_was_said_whatever_its_text() {
        for text in TEXTS {
            let (socket, room, reason) = (u64::MAX, "lobby", text);
            for order in [
                Order::Send { socket, text },
                Order::Room { room, text },
                Order::All { text },
                Order::Join { room, socket },
                Order::Leave { room, socket },
                Order::Close { socket, reason },
            ] {
                assert_eq!(Order::parse(order.to_string().as_bytes()), Ok(order));
            }
            for news in [
                News::Opened { socket },
                News::Said { socket, text },
                News::Gone { socket, reason },
            ] {
                assert_eq!(News::parse(news.to_string().as_bytes()), Ok(news));
            }
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for message in
            ["", "\n", "said", "said 1", "said x\n", "said -1\n", "said 1 2\n", "opened 1\n", "all"]
        {
            assert_eq!(News::parse(message.as_bytes()), Err(NoMessage), "{message}");
            assert_eq!(Order::parse(message.as_bytes()), Err(NoMessage), "{message}");
        }
        assert_eq!(News::parse(b"said 1\n\xff"), Err(NoMessage));
        assert_eq!(Order::parse(b"join  1"), Ok(Order::Join { room: "", socket: 1 }));
    }
}
