//! Callers and peers who do what is allowed at the worst moment.

use std::sync::Arc;
use std::time::Duration;

use tests::echo::echo_trace;
use tests::frames::{masked, unmasked};
use tests::pair::{Pair, counter, events, output};
use websocket_proto::connection::{Cause, Config, Connection, Delivery, Event, Timer};
use websocket_proto::handshake::{Agreed, Challenge};
use websocket_proto::{
    CloseCode, Draft, Instant, Machine, Message, MessageKind, Outbox, ProtocolError, ReadInterest,
    Refused, deflate,
};

const NOW: Instant = Instant::ZERO;

fn server_of(agreed: Agreed, config: Config) -> Connection {
    Connection::server(agreed, Arc::new(config), Outbox::new(), NOW)
}

fn server(config: Config) -> Connection {
    server_of(Agreed::new(Draft::Rfc6455), config)
}

fn awaits_nonce() -> Agreed {
    Agreed {
        challenge: Challenge::ServerAwaitsNonce {
            numbers: *b"1nA\x13\x0f\x7e\xd6<",
        },
        ..Agreed::new(Draft::Hixie76)
    }
}

fn compressed() -> Agreed {
    Agreed {
        deflate: Some(deflate::Params::default()),
        ..Agreed::new(Draft::Rfc6455)
    }
}

fn feed(machine: &mut Connection, bytes: &[u8]) -> usize {
    machine.receive(NOW, &mut bytes.to_vec())
}

/// Feeds all of `bytes` as a driver does that reads straight to the message where that is offered.
fn drive(machine: &mut Connection, bytes: &[u8]) -> Vec<Event> {
    let (mut rest, mut told) = (bytes, Vec::new());
    while !rest.is_empty() {
        if let Some(room) = machine.direct_read() {
            let n = room.len().min(rest.len()).min(10_000);
            room[..n].copy_from_slice(&rest[..n]);
            machine.direct_filled(NOW, n);
            rest = &rest[n..];
        } else {
            let taken = feed(machine, &rest[..rest.len().min(1500)]);
            rest = &rest[taken..];
        }
        told.extend(events(machine));
    }
    told
}

#[test]
fn streamed_delivery_gathers_nothing_whichever_way_it_is_read() {
    let mut server = server(Config {
        delivery: Delivery::Streamed,
        ..Config::default()
    });
    let text = "κόσμε".repeat(20_000);
    let mut pieces = String::new();
    for event in drive(&mut server, &masked(0x81, text.as_bytes())) {
        let Event::Chunk(chunk) = event else {
            panic!("{event:?} in streamed delivery");
        };
        assert!(chunk.payload.len() <= 64 * 1024, "gathered");
        pieces.push_str(std::str::from_utf8(&chunk.payload).expect("each chunk is text"));
    }
    assert_eq!(pieces, text);
}

#[test]
fn a_payload_read_straight_after_the_end_is_dropped() {
    let input = masked(0x82, &[7; 100_000]);
    for end in [
        |machine: &mut Connection| machine.close(NOW, CloseCode::NORMAL, "").expect("legal"),
        Connection::abort,
    ] {
        let mut server = server(Config::default());
        feed(&mut server, &input[..50_000]);
        let room = server
            .direct_read()
            .expect("half of a large payload is missing");
        let n = room.len().min(input.len() - 50_000);
        room[..n].copy_from_slice(&input[50_000..][..n]);
        end(&mut server);
        server.direct_filled(NOW, n);
        feed(&mut server, &input[50_000 + n..]);
        feed(&mut server, &masked(0x88, b"\x03\xe8"));
        let told = events(&mut server);
        assert!(matches!(&told[..], [Event::Closed(_)]), "{told:?}");
        assert!(server.is_finished());
    }
}

#[test]
fn a_close_before_the_hixie_76_nonce_leaves_behind_the_digest() {
    for delay in [0, 25] {
        for (closing_frame, end) in [
            (true, &b"\x00early\xff\xff\x00"[..]),
            (false, b"\x00early\xff"),
        ] {
            let mut server = server_of(
                awaits_nonce(),
                Config {
                    first_frame_delay: Duration::from_millis(delay),
                    hixie76_closing_frame: closing_frame,
                    ..Config::default()
                },
            );
            server.send(Message::text("early")).expect("held back");
            server.close(NOW, CloseCode::NORMAL, "").expect("legal");
            assert_eq!(
                server.send(Message::text("late")).unwrap_err().why,
                Refused::Closing
            );
            assert_eq!(output(&mut server), b"");
            assert_eq!(events(&mut server), []);
            feed(&mut server, b"^n:ds[4U");
            if delay == 0 {
                assert_eq!(output(&mut server), [b"8jKS'y:G*Co,Wxa-", end].concat());
            } else {
                assert_eq!(output(&mut server), b"8jKS'y:G*Co,Wxa-");
                assert_eq!(events(&mut server), []);
                server.handle_timeout(Instant::from_millis(delay));
                assert_eq!(output(&mut server), end);
            }
            if closing_frame {
                assert!(!server.is_finished(), "the peer's closing frame is due");
                feed(&mut server, b"\xff\x00");
            }
            let told = events(&mut server);
            assert!(
                matches!(&told[..], [Event::Closed(closed)] if closed.cause == Cause::Local),
                "{told:?}"
            );
            assert!(server.is_finished());
        }
    }
}

#[test]
fn a_close_before_a_hixie_76_nonce_that_never_comes_ends_in_time() {
    let mut server = server_of(awaits_nonce(), Config::default());
    server.send(Message::text("early")).expect("held back");
    server.close(NOW, CloseCode::NORMAL, "").expect("legal");
    let deadline = server.poll_timeout().expect("bounded");
    server.handle_timeout(deadline);
    assert_eq!(output(&mut server), b"", "no frame in place of the digest");
    let told = events(&mut server);
    assert!(
        matches!(&told[..], [Event::Closed(closed)] if closed.cause == Cause::Timeout(Timer::Close)),
        "{told:?}"
    );
    assert!(server.is_finished());
}

/// A hixie-76 server behind its digest, with a frame that waits 25 ms.
fn with_a_held_frame(closing_frame: bool) -> Connection {
    let mut server = server_of(
        awaits_nonce(),
        Config {
            first_frame_delay: Duration::from_millis(25),
            hixie76_closing_frame: closing_frame,
            ..Config::default()
        },
    );
    server.send(Message::text("hi")).expect("held back");
    feed(&mut server, b"^n:ds[4U");
    server
}

#[test]
fn a_close_waits_with_the_first_frame() {
    let at = Instant::from_millis;
    for closing_frame in [true, false] {
        let mut server = with_a_held_frame(closing_frame);
        server.close(at(3), CloseCode::NORMAL, "").expect("legal");
        assert_eq!(
            server.send(Message::text("late")).unwrap_err().why,
            Refused::Closing
        );
        assert_eq!(output(&mut server), b"8jKS'y:G*Co,Wxa-");
        assert_eq!(server.poll_timeout(), Some(at(25)));
        server.handle_timeout(at(24));
        assert_eq!((output(&mut server), events(&mut server)), (vec![], vec![]));
        server.handle_timeout(at(25));
        let (end, finished) = if closing_frame {
            (&b"\x00hi\xff\xff\x00"[..], false)
        } else {
            (&b"\x00hi\xff"[..], true)
        };
        assert_eq!(output(&mut server), end);
        assert_eq!(server.is_finished(), finished);
        if closing_frame {
            assert_eq!(
                server.poll_timeout(),
                Some(at(25 + 10_000)),
                "for the answer"
            );
            server.receive(at(30), &mut b"\x00late\xff\xff\x00".to_vec());
        }
        let told = events(&mut server);
        assert!(
            matches!(&told[..], [Event::Closed(closed)] if closed.cause == Cause::Local),
            "{told:?}"
        );
        assert!(server.is_finished());
    }
}

#[test]
fn a_first_frame_that_waits_behind_a_close_is_not_lost_when_the_peer_ends() {
    for closing_frame in [true, false] {
        for end in [
            |server: &mut Connection| server.receive_eof(NOW),
            |server: &mut Connection| assert_eq!(feed(server, b"\xff\x00"), 2),
        ] {
            let mut server = with_a_held_frame(closing_frame);
            server.close(NOW, CloseCode::NORMAL, "").expect("legal");
            end(&mut server);
            let end: &[u8] = if closing_frame { b"\xff\x00" } else { b"" };
            let expected = [b"8jKS'y:G*Co,Wxa-", &b"\x00hi\xff"[..], end].concat();
            assert_eq!(output(&mut server), expected);
            assert!(matches!(&events(&mut server)[..], [Event::Closed(_)]));
            assert!(server.is_finished());
        }
    }
}

#[test]
fn a_first_frame_that_waits_a_little_is_not_lost_at_the_end_of_the_input() {
    let mut server = with_a_held_frame(true);
    server.receive_eof(NOW);
    let output = output(&mut server);
    assert!(output.ends_with(b"\x00hi\xff"), "{output:?}");
    assert!(matches!(&events(&mut server)[..], [Event::Closed(_)]));
}

#[test]
fn an_unlimited_message_may_be_compressed_and_fragmented() {
    let mut pair = Pair::new(
        &compressed(),
        &Config {
            max_message: usize::MAX,
            ..Config::default()
        },
    );
    let text = "again ".repeat(1000);
    let (head, tail) = text.split_at(700);
    for (piece, last) in [(head, false), (tail, true)] {
        let piece = piece.to_owned().into();
        pair.client
            .send_chunk(MessageKind::Text, piece, last)
            .expect("room");
    }
    pair.pump();
    assert_eq!(
        events(&mut pair.server),
        [Event::Message(Message::text(text))]
    );
}

#[test]
fn the_limit_counts_what_a_compressed_message_inflates_to() {
    let limit = 64 * 1024;
    let mut pair = Pair::new(
        &compressed(),
        &Config {
            max_message: limit,
            outbox_mark: usize::MAX,
            ..Config::default()
        },
    );
    // Bytes that cannot be compressed, flushed so often that they grow.
    let mut noise = vec![0; limit];
    counter().fill(&mut noise);
    for (index, piece) in noise.chunks(64).enumerate() {
        let last = (index + 1) * 64 == limit;
        let piece = piece.to_vec().into();
        pair.client
            .send_chunk(MessageKind::Binary, piece, last)
            .expect("room");
    }
    pair.pump();
    let told = events(&mut pair.server);
    let whole = matches!(&told[..], [Event::Message(message)] if message.as_bytes() == &noise[..]);
    assert!(whole, "{:?}", told.last());
}

#[test]
fn of_two_defects_in_a_compressed_text_the_first_is_told() {
    let mut payload = Vec::new();
    deflate::Compressor::new(15, true, deflate::Effort::default()).compress(
        b"ok \xff then",
        false,
        &mut payload,
    );
    payload.extend_from_slice(b"\x07 no block begins like this");
    let input = masked(0xc1, &payload);
    let trace = echo_trace(&compressed(), &Config::default(), &input);
    let streamed = Config {
        delivery: Delivery::Streamed,
        ..Config::default()
    };
    for told in [
        trace.events,
        drive(&mut server_of(compressed(), streamed), &input),
    ] {
        let Some(Event::Closed(closed)) = told.last() else {
            panic!("{told:?}");
        };
        assert_eq!(closed.cause, Cause::Protocol(ProtocolError::InvalidUtf8));
    }
}

#[test]
fn chunks_of_a_compressed_message_are_worth_their_events() {
    let digits: String = (0..60_000_u32)
        .map(|i| i.wrapping_mul(2_654_435_761).to_string())
        .collect();
    let mut payload = Vec::new();
    let mut compressor = deflate::Compressor::new(15, true, deflate::Effort::default());
    compressor.compress(digits.as_bytes(), true, &mut payload);
    let config = Config {
        delivery: Delivery::Streamed,
        inbound_mark: usize::MAX,
        ..Config::default()
    };
    let mut server = server_of(compressed(), config);
    let input = masked(0xc1, &payload);
    assert_eq!(feed(&mut server, &input), input.len());
    let chunks = events(&mut server);
    assert!(digits.len() > 500_000);
    assert!(
        chunks.len() <= 1 + digits.len() / (16 * 1024),
        "{} chunks",
        chunks.len()
    );
}

#[test]
fn marks_of_zero_still_let_one_message_pass() {
    let mut pair = Pair::new(
        &Agreed::new(Draft::Rfc6455),
        &Config {
            outbox_mark: 0,
            inbound_mark: 0,
            ..Config::default()
        },
    );
    for text in ["one", "two"] {
        pair.client
            .send(Message::text(text))
            .expect("nothing waits");
        let refused = pair
            .client
            .send(Message::text("more"))
            .expect_err("one waits");
        assert_eq!(refused.why, Refused::Full);
        pair.pump();
        assert_eq!(
            events(&mut pair.server),
            [Event::Message(Message::text(text))]
        );
        assert_eq!(events(&mut pair.client), [Event::Writable]);
    }
    pair.client.ping(NOW, b"x").expect("open");
    pair.pump();
    assert_eq!(events(&mut pair.server), [Event::Ping(b"x"[..].into())]);
    pair.pump();
    assert!(matches!(
        &events(&mut pair.client)[..],
        [Event::Pong { .. }]
    ));
}

#[test]
fn the_peers_close_frame_is_heard_behind_events_that_nobody_takes() {
    for draft in [Draft::Hixie76, Draft::Rfc6455] {
        let mut server = server_of(
            Agreed::new(draft),
            Config {
                inbound_mark: 10,
                ..Config::default()
            },
        );
        let (text, close) = if draft.is_hybi() {
            (masked(0x81, b"unread text"), masked(0x88, b"\x03\xe8"))
        } else {
            (b"\x00unread text\xff".to_vec(), b"\xff\x00".to_vec())
        };
        feed(&mut server, &text);
        assert_eq!(feed(&mut server, &text), 0, "full");
        assert_eq!(server.read_interest(), ReadInterest::Nothing);
        server.close(NOW, CloseCode::NORMAL, "").expect("legal");
        assert_eq!(
            server.read_interest(),
            ReadInterest::Data,
            "what comes is dropped"
        );
        for input in [&text, &close] {
            assert_eq!(feed(&mut server, input), input.len());
        }
        assert!(server.is_finished());
        let told = events(&mut server);
        assert!(
            matches!(&told[..], [Event::Message(_), Event::Closed(closed)] if closed.clean),
            "{told:?}"
        );
    }
}

#[test]
fn nothing_is_told_twice_whatever_comes_after_the_end() {
    let mut client = Connection::client(
        Agreed::new(Draft::Rfc6455),
        Arc::new(Config::default()),
        counter(),
        NOW,
    );
    feed(&mut client, &unmasked(0x88, b""));
    assert!(matches!(&events(&mut client)[..], [Event::Closed(_)]));
    output(&mut client);
    for _ in 0..2 {
        let garbage = [0xff; 100];
        assert_eq!(feed(&mut client, &garbage), garbage.len());
        client
            .close(NOW, CloseCode::NORMAL, "")
            .expect("does nothing");
        client.receive_eof(NOW);
        client.abort();
        client.handle_timeout(NOW + Duration::from_secs(3600));
        assert_eq!(events(&mut client), []);
        assert_eq!(output(&mut client), b"");
        assert_eq!(client.poll_timeout(), None);
    }
}

#[test]
fn a_keep_alive_does_not_blame_the_peer_for_our_own_pause() {
    let mut server = server(Config {
        inbound_mark: 1,
        ..Config::default()
    });
    feed(&mut server, &masked(0x82, b"unread"));
    for seconds in 1..200 {
        let now = NOW + Duration::from_secs(seconds);
        server.handle_timeout(now);
        assert!(server.poll_timeout().is_none_or(|next| next > now));
        output(&mut server);
    }
    let told = events(&mut server);
    assert!(matches!(&told[..], [Event::Message(_)]), "{told:?}");
    server.handle_timeout(NOW + Duration::from_secs(300));
    server.handle_timeout(NOW + Duration::from_secs(400));
    let told = events(&mut server);
    assert!(
        matches!(&told[..], [Event::Closed(closed)] if closed.cause == Cause::Timeout(Timer::Pong)),
        "{told:?}"
    );
}
