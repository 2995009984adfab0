//! What everybody was told, in plain lists, and what must hold between them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sockjs_proto::{Cause, Close, Closed, SendToClosing};
use websocket_proto::{Instant, connection};

use super::plan::{Plan, Wants};
use super::wire::{End, Link};

/// The lists.
#[derive(Debug, Default)]
pub(super) struct Oracle {
    pub(super) tracks: Vec<Track>,
    pub(super) lives: Vec<Life>,
    /// For which session a connection was last asked to receive.
    pub(super) receives: BTreeMap<usize, usize>,
}

/// What a client holds for one session: an id over HTTP, or a socket.
#[derive(Debug)]
pub(super) struct Track {
    pub(super) id: String,
    pub(super) wants: Wants,
    pub(super) http: bool,
    /// Sessions of the server that had this id, one after the other.
    pub(super) lives: Vec<usize>,
    /// What the client has sent.
    pub(super) sent: Vec<String>,
    /// How many of that it was told to have arrived.
    pub(super) acknowledged: usize,
    /// Which of them applications have heard.
    heard: Vec<bool>,
    /// The session that the client hears of.
    current: Option<usize>,
    /// A connection was lost with a request on it.
    pub(super) cut: bool,
    /// Asked twice at once.
    pub(super) doubled: bool,
    /// The client went away before the session told it to.
    pub(super) left: bool,
    pub(super) links: Vec<usize>,
    /// When a receiver was there last.
    pub(super) attached: Instant,
    /// What its WebSocket carries is compressed.
    pub(super) opaque: bool,
    /// The program has let the session begin only to close it.
    pub(super) turned_away: Option<Close>,
}

/// One session as its application sees it.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) track: usize,
    /// What was accepted from the application.
    pub(super) accepted: Vec<String>,
    /// Where the next message of its client is expected, once there was one.
    hears: Option<usize>,
    /// Which of it the client has.
    received: Vec<bool>,
    /// Those before have come, or are lost for good.
    next: usize,
    /// The client has missed what no kernel had taken: with a response that was complete, so that
    /// another came, and was lost before it was written.
    skipped: bool,
    pub(super) open: bool,
    pub(super) closed: Option<Closed>,
    /// What the application has closed it with.
    pub(super) close: Option<Close>,
    /// Its bytes cannot be searched.
    pub(super) opaque: bool,
}

impl Track {
    pub(super) fn new(id: String, wants: Wants, http: bool) -> Self {
        Self {
            id,
            wants,
            http,
            lives: Vec::new(),
            sent: Vec::new(),
            acknowledged: 0,
            heard: Vec::new(),
            current: None,
            cut: false,
            doubled: false,
            left: false,
            links: Vec::new(),
            attached: Instant::ZERO,
            opaque: false,
            turned_away: None,
        }
    }

    /// What no application has heard of the first so many messages.
    pub(super) fn unheard(&self, upto: usize) -> impl Iterator<Item = &String> {
        let heard = |nth: usize| self.heard.get(nth).copied().unwrap_or_default();
        self.sent[..upto]
            .iter()
            .enumerate()
            .filter(move |(nth, _)| !heard(*nth))
            .map(|(_, text)| text)
    }
}

impl Oracle {
    /// Which session over HTTP has this id.
    pub(super) fn track(&self, id: &str) -> usize {
        let found = self
            .tracks
            .iter()
            .position(|track| track.http && track.id == id);
        found.expect("an id that somebody uses")
    }

    /// Which session is in this WebSocket.
    pub(super) fn socket_track(&self, link: usize) -> usize {
        let here = |track: &Track| !track.http && track.links.contains(&link);
        self.tracks
            .iter()
            .position(here)
            .expect("a client with a WebSocket")
    }

    /// For which session a receiver was asked for here.
    pub(super) fn asks(&self, link: usize) -> usize {
        self.receives[&link]
    }

    /// A session has begun.
    pub(super) fn begin(&mut self, track: usize) -> usize {
        let opaque = self.tracks[track].opaque;
        let life = self.lives.len();
        self.tracks[track].lives.push(life);
        self.lives.push(Life {
            track,
            accepted: Vec::new(),
            hears: None,
            received: Vec::new(),
            next: 0,
            skipped: false,
            open: false,
            closed: None,
            close: None,
            opaque,
        });
        life
    }

    /// The application was told of a message.
    pub(super) fn hear(&mut self, life: usize, text: &str, accepts_lost: bool) {
        let told = &mut self.lives[life];
        assert!(
            told.open && told.closed.is_none(),
            "a message outside of its session"
        );
        let track = &mut self.tracks[told.track];
        let first = track.lives[0] == life && track.turned_away.is_none();
        let nth = track.sent.iter().position(|sent| sent == text);
        let nth = nth.unwrap_or_else(|| panic!("{text:?} was never sent"));
        track.heard.resize(track.sent.len(), false);
        assert!(
            !std::mem::replace(&mut track.heard[nth], true),
            "{text:?} is heard twice"
        );
        // A further session of the same id begins anywhere.
        let expected = told.hears.unwrap_or(if first { 0 } else { nth });
        let lost = !first && accepts_lost && nth > expected;
        assert!(
            nth == expected || lost,
            "{:?} is missing before {text:?}",
            track.sent[expected]
        );
        told.hears = Some(nth + 1);
    }

    /// A message was accepted from the application.
    pub(super) fn accept(&mut self, life: usize, text: String) {
        let told = &mut self.lives[life];
        assert!(told.close.is_none(), "nothing is accepted behind a close");
        told.accepted.push(text);
        told.received.push(false);
    }

    /// The client was told that its session is open.
    pub(super) fn open(&mut self, track: usize) {
        self.tracks[track].current = None;
    }

    /// The client has got a message.
    pub(super) fn receive(&mut self, links: &[Link], track: usize, text: &str) {
        let told = &self.tracks[track];
        // The `o` of a further session of this id may have been lost, or be on another connection.
        let said = |&life: &usize| self.lives[life].accepted.iter().any(|sent| sent == text);
        let life = told
            .current
            .filter(said)
            .or_else(|| told.lives.iter().copied().rfind(said));
        let life = life.unwrap_or_else(|| panic!("{text:?} was never sent"));
        let doubled = told.doubled;
        self.tracks[track].current = Some(life);
        let told = &mut self.lives[life];
        let from = if doubled { 0 } else { told.next };
        let found = told.accepted[from..].iter().position(|sent| sent == text);
        let at = from + found.unwrap_or_else(|| panic!("{text:?} came twice, or out of order"));
        assert!(!told.received[at], "{text:?} came twice");
        told.received[at] = true;
        if !doubled {
            told.next = at + 1;
            let mut skipped = false;
            for lost in &self.lives[life].accepted[from..at] {
                let went = self.was_cut_off(links, track, lost);
                assert!(
                    went || self.has_lost(links, track),
                    "{lost:?} is lost before {text:?}"
                );
                skipped |= !went;
            }
            self.lives[life].skipped |= skipped;
        }
    }

    /// The application was told of the end.
    pub(super) fn close(
        &mut self,
        links: &[Link],
        plan: &Plan,
        now: Instant,
        life: usize,
        closed: Closed,
    ) {
        let told = &self.lives[life];
        let track = &self.tracks[told.track];
        assert!(
            told.open && told.closed.is_none(),
            "one end, behind the beginning"
        );
        assert!(
            closed.unsent <= told.accepted.len(),
            "more unsent than sent"
        );
        let framed = told.accepted.len() - closed.unsent;
        // A client that has closed does not listen any more.
        let heard = closed.cause != Cause::Socket(connection::Cause::Peer);
        if !told.opaque && heard {
            let written = self.written(links, track);
            for (at, text) in told.accepted.iter().enumerate() {
                let went = written.contains(tag(text));
                assert!(
                    at < framed || !went,
                    "{text:?} counts as unsent and went out"
                );
                assert!(
                    at >= framed || went || closed.in_doubt,
                    "{text:?} never went out and is neither unsent nor in doubt"
                );
            }
        }
        match closed.cause {
            Cause::Local => {
                let close = told.close.as_ref().expect("the application has closed");
                assert_eq!((closed.code, &closed.reason), (close.code, &close.reason));
            }
            Cause::Interrupted => assert!(
                track.http && (track.cut || track.doubled || track.left),
                "no receiver was cut"
            ),
            Cause::Disconnected => {
                let waited = now - track.attached;
                let delay = plan.config.disconnect_delay;
                let last = track.lives.last() == Some(&life);
                // Who is slow hears of it when others are there already.
                let prompt = track.wants != Wants::SlowEcho;
                let early = waited < delay && last && prompt && !track.doubled;
                assert!(track.http && !early, "after {waited:?} already");
                let late = Duration::from_millis(plan.busy);
                let most = if late.is_zero() {
                    delay
                } else {
                    delay * 2 + late * 3
                };
                let most = most + Duration::from_micros(plan.hop) * 6;
                assert!(waited <= most || !prompt, "not before {waited:?}");
            }
            Cause::Socket(cause) => {
                use connection::Cause::{Eof, Local, Peer, Protocol, Timeout, Transport};
                match cause {
                    Peer => {
                        assert!(track.left, "the client has not closed");
                        assert_eq!(track.unheard(track.sent.len()).count(), 0, "before a close");
                    }
                    Eof | Transport => {
                        assert!(track.cut || track.left, "nothing was cut: {cause}");
                    }
                    Timeout(_) => assert!(!plan.calm, "{cause}"),
                    Local => assert!(told.close.is_some()),
                    Protocol(error) => panic!("no client breaks the protocol: {error}"),
                    other => panic!("no such cause: {other}"),
                }
            }
            other => panic!("no client does this: {other}"),
        }
        self.lives[life].closed = Some(closed);
    }

    /// Whether the application has closed a session of the client's.
    pub(super) fn is_closed(&self, track: usize) -> bool {
        let track = &self.tracks[track];
        let closes = |&life: &usize| self.lives[life].close.is_some();
        track.turned_away.is_some() || track.lives.iter().any(closes)
    }

    /// Whether a client may be told of this close now.
    pub(super) fn check_close(&self, track: usize, code: u16, reason: &str) {
        let track = &self.tracks[track];
        let close = |close: &Close| (close.code, close.reason.as_str()) == (code, reason);
        let by_application = track
            .lives
            .iter()
            .any(|&life| self.lives[life].close.as_ref().is_some_and(close))
            || track.turned_away.as_ref().is_some_and(close);
        assert!(
            by_application
                || code == 2010 && (track.doubled || track.cut)
                || code == 1002 && (track.doubled || track.cut),
            "nobody has closed with {code} {reason:?}"
        );
    }

    /// Everything has come to its end.
    pub(super) fn finish(&self, links: &[Link], plan: &Plan) {
        for (nth, life) in self.lives.iter().enumerate() {
            let track = &self.tracks[life.track];
            let Some(closed) = &life.closed else {
                panic!("session {nth} of {} has no end", track.id);
            };
            assert!(
                !life.skipped || closed.in_doubt,
                "{} has lost messages and ended: {closed:?}",
                track.id
            );
            let framed = life.accepted.len() - closed.unsent;
            for (at, text) in life.accepted.iter().enumerate() {
                assert!(
                    !life.received[at] || at < framed,
                    "{text:?} came and counts as unsent"
                );
                let excused = at >= framed
                    || life.received[at]
                    || track.left
                    || closed.in_doubt
                        && !life.opaque
                        && !self.written(links, track).contains(tag(text))
                    || self.was_cut_off(links, life.track, text);
                assert!(
                    excused,
                    "{text:?} never came, and {} ended: {closed:?}",
                    track.id
                );
            }
        }
        for track in &self.tracks {
            let dropped = plan.config.send_to_closing == SendToClosing::Accept
                && track
                    .lives
                    .iter()
                    .any(|&life| self.lives[life].close.is_some())
                || track.turned_away.is_some();
            assert!(
                track.unheard(track.acknowledged).count() == 0 || dropped,
                "{} of {} was acknowledged and never heard",
                track.acknowledged,
                track.id
            );
        }
    }

    /// Whether a message went out on a connection that was lost since.
    fn was_cut_off(&self, links: &[Link], track: usize, text: &str) -> bool {
        self.lives[self.tracks[track].lives[0]].opaque
            || self
                .lost(links, track)
                .any(|link| tags(&link.to_client.written).contains(tag(text)))
    }

    /// Whether a connection of the client's was lost.
    fn has_lost(&self, links: &[Link], track: usize) -> bool {
        self.lost(links, track).next().is_some()
    }

    fn lost<'a>(&'a self, links: &'a [Link], track: usize) -> impl Iterator<Item = &'a Link> {
        let track = self.tracks[track].links.iter();
        track.map(|&link| &links[link]).filter(|link| {
            link.is_down() || link.is_closed(End::Client) || link.is_closed(End::Server)
        })
    }

    /// All messages that a kernel has taken for a client.
    fn written<'a>(&self, links: &'a [Link], track: &Track) -> BTreeSet<&'a str> {
        let of = |&link: &usize| tags(&links[link].to_client.written);
        track.links.iter().flat_map(of).collect()
    }
}

/// What a message begins with, which no other does.
fn tag(text: &str) -> &str {
    &text[..=text.find(';').expect("a tag")]
}

/// All tags in what went over a wire.
fn tags(bytes: &[u8]) -> BTreeSet<&str> {
    let from = |at: usize| {
        let end = bytes[at..]
            .iter()
            .take(LONGEST_TAG)
            .position(|&byte| byte == b';')?;
        std::str::from_utf8(&bytes[at..=at + end]).ok()
    };
    let starts = (0..bytes.len()).filter(|&at| bytes[at] == b'#');
    starts.filter_map(from).collect()
}

const LONGEST_TAG: usize = 24;
