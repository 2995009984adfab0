//! Sessions that live inside a WebSocket.

use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use sockjs_proto::{
    AnySession, Capacity, Cause, Close, Config, Dialect, Event, Literal, Message, Service, Socket,
    Transport, WebsocketFrames, WebsocketHeartbeat,
};
use tests::frames::{masked, unmasked};
use tests::splits::for_each_split;
use websocket_proto::handshake::{Agreed, Challenge};
use websocket_proto::{
    Connection, Draft, Instant, Machine, Outbox, ReadInterest, Refused, connection, deflate,
};

const NOW: Instant = Instant::ZERO;

struct Story {
    socket: Socket,
    now: Instant,
    events: Vec<Event>,
    /// Whether what comes is sent back.
    echo: bool,
}

fn story(config: Config, draft: Draft, transport: Transport) -> Story {
    story_of(config, Agreed::new(draft), transport)
}

fn story_of(config: Config, agreed: Agreed, transport: Transport) -> Story {
    let service = Arc::new(Service::new(config).unwrap());
    let terms = Arc::new(Socket::connection_config(&service));
    let ws = Connection::server(agreed, terms, Outbox::new(), NOW);
    let permit = Capacity::new(1).take();
    let socket = Socket::new(ws, service, transport, permit, NOW);
    Story {
        socket,
        now: NOW,
        events: Vec::new(),
        echo: true,
    }
}

fn sockjs() -> Story {
    story(Config::default(), Draft::Rfc6455, Transport::Websocket)
}

fn raw() -> Story {
    story(Config::default(), Draft::Rfc6455, Transport::RawWebsocket)
}

impl Story {
    fn receive(&mut self, bytes: &[u8]) {
        let mut bytes = bytes.to_vec();
        let mut rest = &mut bytes[..];
        while !rest.is_empty() {
            let taken = self.socket.receive(self.now, rest);
            rest = &mut rest[taken..];
            assert!(self.work() || taken > 0, "neither input nor events move");
        }
    }

    fn text(&mut self, text: &str) {
        self.receive(&masked(0x81, text.as_bytes()));
    }

    fn work(&mut self) -> bool {
        let before = self.events.len();
        while let Some(event) = self.socket.poll_event() {
            if let Event::Message(message) = &event
                && self.echo
            {
                let refused = self.socket.send(message.clone()).err();
                assert!(refused.is_none_or(|refused| refused.why == Refused::Closing));
            }
            self.events.push(event);
        }
        self.events.len() > before
    }

    fn output(&mut self) -> Vec<u8> {
        let outbox = self.socket.outbox();
        outbox.copy_to_bytes(outbox.len()).to_vec()
    }

    fn closed(&mut self) -> sockjs_proto::Closed {
        self.work();
        match self.events.last() {
            Some(Event::Closed(closed)) => closed.clone(),
            other => panic!("{other:?} is not the end"),
        }
    }

    fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(at) = self.socket.poll_timeout().filter(|&at| at <= end) {
            self.now = at;
            self.socket.handle_timeout(at);
            assert!(
                self.socket.poll_timeout().is_none_or(|next| next > at),
                "due twice"
            );
        }
        self.now = end;
    }
}

fn texts(frames: &[&str]) -> Vec<u8> {
    frames
        .iter()
        .flat_map(|frame| unmasked(0x81, frame.as_bytes()))
        .collect()
}

fn close_frame(code: u16, reason: &str) -> Vec<u8> {
    unmasked(0x88, &[&code.to_be_bytes(), reason.as_bytes()].concat())
}

fn message(text: &str) -> Event {
    Event::Message(Message::from(text))
}

#[test]
fn frames_of_the_client() {
    let rows: &[(&str, &str, &[&str])] = &[
        ("1.13-array", r#"["a"]"#, &["a"]),
        ("1.13-array-of-two", r#"["a","b"]"#, &["a", "b"]),
        ("1.13-string", r#""a""#, &["a"]),
        ("1.13-escapes", r#"["\u0041\"\n"]"#, &["A\"\n"]),
        ("1.13-spaces", " [ \"a\" ] ", &["a"]),
        ("1.13-empty-text", "", &[]),
        ("1.13-empty-array", "[]", &[]),
        ("1.13-empty-message", r#"[""]"#, &[""]),
        ("1.13-quotes-within", r#"["a","b\"]"]"#, &["a", "b\"]"]),
    ];
    tests::ids::check("sockjs-1.13-frames", rows.iter().map(|&(id, ..)| id));
    for (id, text, messages) in rows {
        for_each_split(&masked(0x81, text.as_bytes()), |pieces| {
            let mut story = sockjs();
            pieces.iter().for_each(|piece| story.receive(piece));
            story.work();
            let expected: Vec<Event> = [Event::Open]
                .into_iter()
                .chain(messages.iter().map(|text| message(text)))
                .collect();
            assert_eq!(story.events, expected, "{id}");
        });
    }
}

#[test]
fn what_is_no_frame() {
    let rows: &[(&str, u8, &str)] = &[
        ("1.13-broken-json", 0x81, "[\"a"),
        ("1.13-broken-string", 0x81, "\"a"),
        ("1.13-number", 0x81, "[\"a\",1]"),
        ("1.13-object", 0x81, "{\"a\":1}"),
        ("1.13-binary", 0x82, "[\"a\"]"),
    ];
    tests::ids::check("sockjs-1.13-broken", rows.iter().map(|&(id, ..)| id));
    for (id, opcode, text) in rows {
        // What comes before is answered, what comes behind is not heard.
        let input = [
            masked(0x81, b"[\"before\"]"),
            masked(*opcode, text.as_bytes()),
            masked(0x81, b"[\"behind\"]"),
        ];
        for_each_split(&input.concat(), |pieces| {
            let mut story = sockjs();
            pieces.iter().for_each(|piece| story.receive(piece));
            let last_words = [
                texts(&["o", "a[\"before\"]", "c[3000,\"Broken framing.\"]"]),
                close_frame(3000, "Broken framing."),
            ];
            assert_eq!(story.output(), last_words.concat(), "{id}");
            story.receive(&masked(0x88, &3000u16.to_be_bytes()));
            let closed = story.closed();
            assert_eq!((closed.cause, closed.code), (Cause::Framing, 3000), "{id}");
            assert_eq!(story.events.len(), 3, "{id}");
            assert!(story.socket.is_finished());
        });
        // Clients of old get no frame of the session.
        for dialect in Dialect::ALL
            .into_iter()
            .filter(|&dialect| dialect != Dialect::Newest)
        {
            let config = Config {
                dialect,
                ..Config::default()
            };
            let mut story = story(config, Draft::Rfc6455, Transport::Websocket);
            story.receive(&input.concat());
            let last_words = [
                texts(&["o", "a[\"before\"]"]),
                close_frame(3000, "Broken framing."),
            ];
            assert_eq!(story.output(), last_words.concat(), "{id} {dialect}");
        }
    }
}

#[test]
fn messages_sent_before_one_write_share_a_frame() {
    let mut story = sockjs();
    for text in ["a", "b", "c"] {
        story.socket.send(Message::from(text)).unwrap();
    }
    story
        .socket
        .send_literal(Literal::from("d\u{200c}"))
        .unwrap();
    assert_eq!(story.output(), texts(&["o", r#"a["a","b","c","d\u200c"]"#]));
    // Up to a length.
    let long = "x".repeat(40_000);
    for _ in 0..3 {
        story.socket.send(Message::from(long.as_str())).unwrap();
    }
    let frames = [
        format!("a[\"{long}\",\"{long}\"]"),
        format!("a[\"{long}\"]"),
    ];
    assert_eq!(story.output(), texts(&[&frames[0], &frames[1]]));

    let config = Config {
        websocket_frames: WebsocketFrames::OneMessage,
        ..Config::default()
    };
    let mut story = self::story(config, Draft::Rfc6455, Transport::Websocket);
    story.socket.send(Message::from("a")).unwrap();
    story.socket.send(Message::from("b")).unwrap();
    assert_eq!(story.output(), texts(&["o", "a[\"a\"]", "a[\"b\"]"]));
}

/// However they were encoded, and wherever in a frame they stand.
#[test]
fn literals_are_sent_as_messages_are() {
    let texts = ["", "50% \u{200c}", &"y".repeat(5000), &"z".repeat(70_000)];
    let params = deflate::Params {
        server_no_context_takeover: false,
        client_no_context_takeover: false,
        server_max_window_bits: 15,
        client_max_window_bits: 15,
    };
    let open = |draft, deflate| {
        let config = Config {
            deflate: Some(deflate::Config::default()).filter(|_| deflate),
            ..Config::default()
        };
        let agreed = Agreed {
            deflate: deflate.then_some(params),
            ..Agreed::new(draft)
        };
        story_of(config, agreed, Transport::Websocket)
    };
    for (draft, deflate) in [
        (Draft::Rfc6455, false),
        (Draft::Rfc6455, true),
        (Draft::Hixie75, false),
    ] {
        for first in 0..texts.len() {
            for literals in 0..8 {
                let (mut plain, mut mixed) = (open(draft, deflate), open(draft, deflate));
                for (index, text) in texts.iter().cycle().skip(first).take(3).enumerate() {
                    plain.socket.send(Message::from(*text)).unwrap();
                    if literals >> index & 1 == 0 {
                        mixed.socket.send(Message::from(*text)).unwrap();
                    } else {
                        mixed.socket.send_literal(Literal::from(*text)).unwrap();
                    }
                    assert_eq!(plain.socket.buffered(), mixed.socket.buffered());
                }
                assert!(
                    plain.output() == mixed.output(),
                    "{draft:?} {first} {literals}"
                );
            }
        }
    }
}

#[test]
fn a_close_of_ours_is_told_twice() {
    for (close, code, reason) in [
        (Close::new(3000, "Go away!"), 3000, "Go away!"),
        (Close::NORMAL, 1000, "Normal closure"),
        // No code for the wire of a WebSocket.
        (Close::new(1006, "lost"), 1000, "lost"),
        (Close::new(77, "odd"), 1000, "odd"),
    ] {
        let mut story = sockjs();
        story.socket.send(Message::from("a")).unwrap();
        story.socket.close(NOW, close.clone());
        story.socket.close(NOW, Close::new(3001, "again"));
        let refused = story.socket.send(Message::from("b")).unwrap_err();
        assert_eq!(
            (refused.why, refused.payload),
            (Refused::Closing, Message::from("b"))
        );
        let frame = format!("c[{},\"{}\"]", close.code, close.reason.as_str());
        let last_words = [texts(&["o", "a[\"a\"]", &frame]), close_frame(code, reason)];
        assert_eq!(story.output(), last_words.concat());
        story.receive(&masked(0x88, &code.to_be_bytes()));
        let closed = story.closed();
        assert_eq!((closed.cause, closed.code), (Cause::Local, close.code));
        assert!(!closed.in_doubt);
        assert_eq!(story.socket.poll_event(), None);
    }
}

#[test]
fn a_close_of_the_peer_comes_after_its_messages() {
    for last in [masked(0x88, b"\x0b\xb9bye"), Vec::new()] {
        let input = [masked(0x81, b"[\"a\",\"b\"]"), last.clone()].concat();
        for_each_split(&input, |pieces| {
            let mut story = sockjs();
            pieces.iter().for_each(|piece| story.receive(piece));
            if last.is_empty() {
                story.socket.receive_eof(NOW);
            }
            let closed = story.closed();
            assert_eq!(story.events[..3], [Event::Open, message("a"), message("b")]);
            let output = story.output();
            assert!(
                output.starts_with(&texts(&["o", "a[\"a\",\"b\"]"])),
                "both are answered"
            );
            if last.is_empty() {
                assert_eq!(closed.cause, Cause::Socket(connection::Cause::Eof));
                assert!(closed.in_doubt);
            } else {
                assert_eq!(closed.cause, Cause::Socket(connection::Cause::Peer));
                assert_eq!(
                    (closed.code, closed.reason.as_str(), closed.in_doubt),
                    (3001, "bye", false)
                );
            }
        });
    }
    // An application that does not look is given a while.
    let mut story = sockjs();
    let mut input = masked(0x81, b"[\"a\"]");
    story.socket.receive(NOW, &mut input);
    story.socket.receive_eof(NOW);
    assert_eq!(story.socket.read_interest(), ReadInterest::Nothing);
    assert!(!story.socket.is_finished());
    story.pass(Duration::from_secs(10));
    assert!(story.socket.is_finished());
    story.work();
    assert_eq!(story.events.len(), 3);
}

#[test]
fn a_lost_transport_leaves_messages_in_doubt() {
    let mut story = sockjs();
    story.text("[\"a\"]");
    story.output();
    story.socket.send(Message::from("b")).unwrap();
    story.socket.abort();
    let closed = story.closed();
    assert_eq!(closed.cause, Cause::Socket(connection::Cause::Transport));
    assert_eq!(
        (closed.code, closed.unsent, closed.in_doubt),
        (1006, 1, true)
    );
}

#[test]
fn a_slow_application_stops_the_peer() {
    let config = Config {
        incoming_messages: 2,
        ..Config::default()
    };
    let mut story = story(config, Draft::Rfc6455, Transport::Websocket);
    let mut input = masked(0x81, b"[\"a\"]").repeat(5);
    let taken = story.socket.receive(NOW, &mut input);
    assert_eq!(
        (taken, story.socket.read_interest()),
        (11 * 2, ReadInterest::Nothing)
    );
    story.work();
    assert_eq!(story.socket.read_interest(), ReadInterest::Data);
}

#[test]
fn a_slow_peer_stops_the_application() {
    let config = Config {
        outgoing_mark: 1000,
        ..Config::default()
    };
    let mut story = story(config, Draft::Rfc6455, Transport::Websocket);
    story.work();
    let long = Message::from("x".repeat(2000));
    story.socket.send(long.clone()).unwrap();
    assert_eq!(
        story.socket.send(long.clone()).unwrap_err().why,
        Refused::Full
    );
    assert!(!story.work());
    // Its last words are not refused.
    story.output();
    assert!(story.socket.has_events());
    story.work();
    assert_eq!(story.events, [Event::Open, Event::Writable]);
    story.socket.send(long).unwrap();
    story.socket.close(NOW, Close::NORMAL);
    assert!(
        story
            .output()
            .ends_with(&close_frame(1000, "Normal closure"))
    );
}

#[test]
fn nobody_is_told_of_room_behind_the_end() {
    let config = Config {
        outgoing_mark: 10,
        ..Config::default()
    };
    let mut story = story(config, Draft::Rfc6455, Transport::Websocket);
    story.work();
    story.socket.send(Message::from("0123456789")).unwrap();
    let refused = story.socket.send(Message::from("x")).unwrap_err();
    assert_eq!(refused.why, Refused::Full);
    story.socket.abort();
    story.closed();
    assert!(!story.socket.has_events());
    assert_eq!(story.socket.poll_event(), None);
}

#[test]
fn long_messages_are_read_straight_to_their_place() {
    let mut story = sockjs();
    let text = "x".repeat(500_000);
    let frame = masked(0x81, format!("[\"{text}\"]").as_bytes());
    let mut rest = &frame[..];
    let mut direct = 0;
    while !rest.is_empty() {
        let n = match story.socket.direct_read() {
            Some(room) => {
                let n = room.len().min(rest.len());
                room[..n].copy_from_slice(&rest[..n]);
                story.socket.direct_filled(NOW, n);
                direct += n;
                n
            }
            None => {
                let mut piece = rest[..rest.len().min(10_000)].to_vec();
                story.socket.receive(NOW, &mut piece)
            }
        };
        rest = &rest[n..];
    }
    assert!(direct > 400_000);
    story.work();
    assert_eq!(story.events, [Event::Open, message(&text)]);
}

#[test]
fn raw_sockets_carry_messages_as_they_are() {
    let mut story = raw();
    for text in ["a", "", "[\"b\"]", "\u{ffff}"] {
        story.text(text);
    }
    assert_eq!(story.output(), texts(&["a", "", "[\"b\"]", "\u{ffff}"]));
    story
        .socket
        .send_literal(Literal::from("\u{200c}\"x"))
        .unwrap();
    assert_eq!(story.output(), texts(&["\u{200c}\"x"]));
    story.socket.close(NOW, Close::new(3000, "Go away!"));
    assert_eq!(story.output(), close_frame(3000, "Go away!"));
    let mut story = raw();
    story.receive(&masked(0x82, b"a"));
    assert_eq!(story.output(), close_frame(1003, "Text only"));
    story.receive(&masked(0x88, &1003u16.to_be_bytes()));
    assert_eq!(story.closed().cause, Cause::Binary);
}

#[test]
fn heartbeats() {
    // Pings where there are any, and frames if asked for.
    let mut story = sockjs();
    story.output();
    story.pass(Duration::from_secs(25));
    assert_eq!(story.output()[0], 0x89);
    let config = Config {
        websocket_heartbeat: WebsocketHeartbeat::PingAndFrame,
        ..Config::default()
    };
    let mut story = self::story(config, Draft::Rfc6455, Transport::Websocket);
    story.output();
    story.pass(Duration::from_secs(25));
    assert!(story.output().starts_with(&texts(&["h"])));

    let mut story = self::story(Config::default(), Draft::Hixie75, Transport::Websocket);
    assert_eq!(story.output(), b"\0o\xff");
    story.pass(Duration::from_secs(25));
    assert_eq!(story.output(), b"\0h\xff");
    story.pass(Duration::from_secs(20));
    story.receive(b"\0[\"a\"]\xff");
    assert_eq!(story.output(), b"\0a[\"a\"]\xff");
    story.pass(Duration::from_secs(24));
    assert_eq!(story.output(), b"");
    story.pass(Duration::from_secs(1));
    assert_eq!(story.output(), b"\0h\xff");
    story.socket.close(story.now, Close::new(3000, "Go away!"));
    assert_eq!(story.output(), b"\0c[3000,\"Go away!\"]\xff");
    assert!(story.socket.is_finished());
}

#[test]
fn the_end_in_hixie_76() {
    for (dialect, end) in [
        (Dialect::V0_2, &b""[..]),
        (Dialect::V0_2_1, b"\xff\0"),
        (Dialect::Newest, b"\xff\0"),
    ] {
        let config = Config {
            dialect,
            ..Config::default()
        };
        let mut story = story(config, Draft::Hixie76, Transport::Websocket);
        story.work();
        story.output();
        story.socket.close(NOW, Close::new(3000, "Go away!"));
        let output = story.output();
        assert_eq!(
            output,
            [b"\0c[3000,\"Go away!\"]\xff", end].concat(),
            "{dialect}"
        );
        if end.is_empty() {
            assert!(story.socket.is_finished());
            assert_eq!(story.closed().cause, Cause::Local);
            assert_eq!(story.socket.poll_event(), None);
        }
    }
}

/// TCP ends without waiting for the peer, so nobody knows what it has got.
#[test]
fn what_was_sent_before_a_close_in_hixie_76_is_in_doubt() {
    for sends in [true, false] {
        let mut story = story(Config::default(), Draft::Hixie76, Transport::Websocket);
        story.work();
        if sends {
            story.socket.send(Message::from("a")).unwrap();
        }
        story.socket.close(NOW, Close::new(3000, "Go away!"));
        let closed = story.closed();
        assert_eq!((closed.unsent, closed.in_doubt), (0, sends));
    }
}

/// A handler may run, send and close before the client's nonce has come.
#[test]
fn a_close_before_the_end_of_a_hixie_76_handshake_waits_for_it() {
    let rows = [
        (
            Dialect::V0_2,
            &b"\0o\xff\0a[\"a\"]\xff\0c[3000,\"Go away!\"]\xff"[..],
        ),
        (
            Dialect::Newest,
            b"\0o\xff\0a[\"a\"]\xff\0c[3000,\"Go away!\"]\xff\xff\0",
        ),
        (
            Dialect::V0_2_1,
            b"\0o\xff\0a[\"a\"]\xff\0c[3000,\"Go away!\"]\xff\xff\0",
        ),
    ];
    for (dialect, frames) in rows {
        let config = Config {
            dialect,
            ..Config::default()
        };
        let agreed = Agreed {
            challenge: Challenge::ServerAwaitsNonce {
                numbers: *b"1nA\x13\x0f\x7e\xd6<",
            },
            ..Agreed::new(Draft::Hixie76)
        };
        let mut early = story_of(config, agreed, Transport::Websocket);
        early.socket.send("a".into()).expect("room");
        early.socket.close(NOW, Close::new(3000, "Go away!"));
        assert_eq!(early.output(), b"");
        assert!(!early.socket.is_finished());
        assert_eq!(early.socket.read_interest(), ReadInterest::Data);
        early.receive(b"^n:ds[4U");
        let delay = dialect.hixie76_first_frame_delay();
        if delay.is_zero() {
            assert_eq!(early.output(), [b"8jKS'y:G*Co,Wxa-", frames].concat());
        } else {
            assert_eq!(early.output(), b"8jKS'y:G*Co,Wxa-");
            assert!(!early.socket.is_finished());
            assert_eq!(early.socket.poll_timeout(), Some(NOW + delay));
            early.socket.handle_timeout(NOW + delay);
            assert_eq!(early.output(), frames);
        }
        assert!(early.socket.is_finished());
        assert_eq!(early.closed().cause, Cause::Local);
        assert_eq!(early.events.len(), 2, "{:?}", early.events);
    }
}
