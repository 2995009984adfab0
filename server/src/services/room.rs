//! What is said in the chat, and who is there.
//!
//! Messages are JSON objects. A client says `{"join": name}` once and then `{"say": text}`. It is told
//! `{"welcome": {"members": [..], "recent": [..]}}` or `{"refused": why}`, and then `{"joined": name}`,
//! `{"left": name}` and `{"said": {"from": .., "text": .., "at": milliseconds}}`, its own included.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// What a client says.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Request {
    Join(String),
    Say(String),
}

impl Request {
    /// Reads a message; `None` for what is none of this chat.
    pub(super) fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// What a client is told.
#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Reply<'a> {
    Welcome {
        members: &'a BTreeSet<String>,
        recent: &'a VecDeque<Said>,
    },
    Refused(&'static str),
    Joined(&'a str),
    Left(&'a str),
    Said(&'a Said),
}

impl Reply<'_> {
    pub(super) fn json(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers have a JSON form")
    }
}

/// Something that somebody said.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Said {
    from: String,
    text: String,
    /// Milliseconds since 1970.
    at: u64,
}

/// Who is here, and what was said last.
#[derive(Debug, Default)]
pub(super) struct Room {
    members: BTreeSet<String>,
    recent: VecDeque<Said>,
}

impl Room {
    /// Lets somebody in, under the name with the white space around it cut off; the error says why not.
    pub(super) fn join(&mut self, name: &str) -> Result<String, &'static str> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > LONGEST_NAME {
            return Err("A name has 1 to 32 characters.");
        }
        if name.chars().any(char::is_control) {
            return Err("A name has no control characters.");
        }
        if self.members.len() >= MOST_MEMBERS {
            return Err("The room is full.");
        }
        if !self.members.insert(name.to_owned()) {
            return Err("Somebody here has this name.");
        }
        Ok(name.to_owned())
    }

    pub(super) fn leave(&mut self, name: &str) {
        self.members.remove(name);
    }

    /// What a newcomer is told.
    pub(super) fn welcome(&self) -> String {
        let Self { members, recent } = self;
        Reply::Welcome { members, recent }.json()
    }

    /// Keeps what was said for those who come later, and gives the text for those who are here.
    pub(super) fn say(&mut self, from: &str, text: &str, at: SystemTime) -> Option<String> {
        if text.trim().is_empty() || text.chars().count() > LONGEST_TEXT {
            return None;
        }
        let since_1970 = at
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let said = Said {
            from: from.to_owned(),
            text: text.to_owned(),
            at: millis(since_1970),
        };
        let told = Reply::Said(&said).json();
        if self.recent.len() == REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back(said);
        Some(told)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

const LONGEST_NAME: usize = 32;
const LONGEST_TEXT: usize = 2000;
/// A list of more names is of no use to anybody.
const MOST_MEMBERS: usize = 1000;
/// A screenful or two.
const REMEMBERED: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests() {
        for (text, request) in [
            (r#"{"join":"Ann"}"#, Some(Request::Join("Ann".to_owned()))),
            (r#"{"say":"hi"}"#, Some(Request::Say("hi".to_owned()))),
            (r#"{"say":1}"#, None),
            (r#"{"shout":"hi"}"#, None),
            (r#"{"join":"a","say":"b"}"#, None),
            ("join", None),
            ("", None),
        ] {
            assert_eq!(Request::read(text), request, "{text}");
        }
    }

    #[test]
    fn names() {
        let mut room = Room::default();
        assert_eq!(room.join("  Ann "), Ok("Ann".to_owned()));
        for (name, part) in [
            ("", "32"),
            (" \n ", "32"),
            (&"x".repeat(33), "32"),
            ("a\u{7}b", "control"),
            ("Ann", "has this name"),
        ] {
            let why = room.join(name).expect_err(name);
            assert!(why.contains(part), "{name:?}: {why}");
        }
        assert_eq!(room.join(&"ü".repeat(32)), Ok("ü".repeat(32)));
        room.leave("Ann");
        assert_eq!(room.join("Ann"), Ok("Ann".to_owned()));
    }

    #[test]
    fn a_newcomer_sees_who_is_here_and_what_was_said_last() {
        let mut room = Room::default();
        room.join("Ann").expect("the name is free");
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(5);
        let told = room
            .say("Ann", "hi", at)
            .expect("there is something to say");
        assert_eq!(told, r#"{"said":{"from":"Ann","text":"hi","at":5}}"#);
        assert_eq!(
            room.welcome(),
            r#"{"welcome":{"members":["Ann"],"recent":[{"from":"Ann","text":"hi","at":5}]}}"#
        );
        assert_eq!(room.say("Ann", " ", at), None);
        assert_eq!(room.say("Ann", &"x".repeat(2001), at), None);
        for _ in 0..60 {
            room.say("Ann", "again", at)
                .expect("there is something to say");
        }
        assert_eq!(room.recent.len(), REMEMBERED);
    }
}
