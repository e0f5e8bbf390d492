//! What a browser and the parent say to each other, in JSON. The workers in between do not look.

use serde::{Deserialize, Serialize};

/// What a user wants.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Wish {
    Name(String),
    Join(String),
    Leave(String),
    Say { room: String, text: String },
}

/// What a user is told. `Welcome` comes first, `Notice` from the operator.
#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Word<'a> {
    Welcome { worker: u64, name: &'a str },
    Named { name: &'a str },
    Refused { wish: &'a str, why: &'a str },
    Joined { room: &'a str, names: &'a [&'a str] },
    Parted { room: &'a str },
    Came { room: &'a str, name: &'a str },
    Left { room: &'a str, names: &'a [&'a str], why: &'a str },
    Renamed { room: &'a str, old: &'a str, new: &'a str },
    Said { room: &'a str, name: &'a str, text: &'a str },
    Notice { text: &'a str },
}

impl Word<'_> {
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("text, numbers and lists of text are JSON")
    }
}
