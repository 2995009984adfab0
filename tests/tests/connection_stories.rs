//! What happens on a connection over time: closing, timers, streams, backpressure.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use tests::frames::{hex, masked, unmasked};
use tests::pair::{Pair, counter, events, output};
use websocket_proto::connection::{
    Cause, Chunk, Closed, Config, Connection, Delivery, Event, Prepared, SendOptions, Timer,
};
use websocket_proto::handshake::{Agreed, Challenge};
use websocket_proto::{
    CloseCode, Draft, Instant, Machine, Message, MessageKind, Outbox, ProtocolError, ReadInterest,
    Refused, Utf8Bytes, deflate,
};

fn agreed() -> Agreed {
    Agreed::new(Draft::Rfc6455)
}

fn server(config: Config) -> Connection {
    Connection::server(agreed(), Arc::new(config), Outbox::new(), Instant::ZERO)
}

fn feed(machine: &mut Connection, now: Instant, bytes: &[u8]) -> usize {
    machine.receive(now, &mut bytes.to_vec())
}

fn closed(cause: Cause, code: CloseCode, reason: &'static str, clean: bool) -> Event {
    Event::Closed(Closed {
        cause,
        code,
        reason: Utf8Bytes::from_static(reason),
        clean,
    })
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn t2_after_our_close_frame_data_is_dropped_and_the_peers_ends_it() {
    let mut server = server(Config::default());
    let now = Instant::ZERO;
    server.close(now, CloseCode::GOING_AWAY, "bye").unwrap();
    server
        .close(now, CloseCode::NORMAL, "twice does nothing")
        .unwrap();
    assert_eq!(output(&mut server), hex("88 05 03e9 627965"));
    assert_eq!(
        server.send(Message::text("late")).unwrap_err().why,
        Refused::Closing
    );
    feed(
        &mut server,
        now,
        &[masked(0x81, b"data"), masked(0x89, b"ping")].concat(),
    );
    assert_eq!(output(&mut server), b"", "nothing follows a close frame");
    assert!(!server.is_finished());
    feed(&mut server, now, &hex("88 85 37fa213d 3413434452"));
    assert_eq!(
        events(&mut server),
        [closed(Cause::Local, CloseCode::GOING_AWAY, "bye", true)]
    );
    assert!(server.is_finished());
}

#[test]
fn t9_a_stream_that_ends_inside_a_frame_is_unclean() {
    let mut server = server(Config::default());
    feed(&mut server, Instant::ZERO, &hex("88 82 37fa"));
    server.receive_eof(Instant::ZERO);
    assert_eq!(
        events(&mut server),
        [closed(Cause::Eof, CloseCode::ABNORMAL, "", false)]
    );
    assert_eq!(output(&mut server), b"");
    assert!(server.is_finished());
}

#[test]
fn t11_close_frames_that_cross_are_not_answered() {
    let mut pair = Pair::new(&agreed(), &Config::default());
    pair.client.close(pair.now, CloseCode::NORMAL, "").unwrap();
    pair.server
        .close(pair.now, CloseCode::GOING_AWAY, "")
        .unwrap();
    pair.pump();
    assert_eq!(
        events(&mut pair.client),
        [closed(Cause::Local, CloseCode::GOING_AWAY, "", true)]
    );
    assert_eq!(
        events(&mut pair.server),
        [closed(Cause::Local, CloseCode::NORMAL, "", true)]
    );
    assert!(pair.server.is_finished());
    assert!(
        !pair.client.is_finished(),
        "RFC 6455 §7.1.1: the server closes TCP first"
    );
    pair.client.receive_eof(pair.now);
    assert!(pair.client.is_finished());
    assert_eq!(events(&mut pair.client), []);
}

#[test]
fn a_client_waits_only_so_long_for_the_server_to_close_tcp() {
    let mut pair = Pair::new(&agreed(), &Config::default());
    pair.server
        .close(pair.now, CloseCode(4001), "done")
        .unwrap();
    pair.pump();
    let told = closed(Cause::Peer, CloseCode(4001), "done", true);
    assert_eq!(events(&mut pair.client), [told]);
    pair.pass(Duration::from_millis(999));
    assert!(!pair.client.is_finished());
    pair.pass(Duration::from_millis(1));
    assert!(pair.client.is_finished());
}

#[test]
fn a_peer_that_never_answers_a_close_frame_is_given_up() {
    let mut server = server(Config::default());
    server.close(Instant::ZERO, CloseCode::NORMAL, "").unwrap();
    output(&mut server);
    assert_eq!(server.poll_timeout(), Some(Instant::ZERO + secs(10)));
    server.handle_timeout(Instant::ZERO + secs(9));
    assert_eq!(events(&mut server), []);
    server.handle_timeout(Instant::ZERO + secs(10));
    let told = closed(Cause::Timeout(Timer::Close), CloseCode::ABNORMAL, "", false);
    assert_eq!(events(&mut server), [told]);
    assert!(server.is_finished());
    assert_eq!(server.poll_timeout(), None, "no timer is left");
}

#[test]
fn codes_that_may_not_be_sent_are_refused() {
    let mut server = server(Config::default());
    for code in [0, 999, 1004, 1006, 1010, 1015, 2999, 5000] {
        let refused = server.close(Instant::ZERO, CloseCode(code), "");
        assert_eq!(refused, Err(Refused::BadCloseCode), "{code}");
    }
    assert_eq!(server.can_send(), Ok(()));
    server
        .close(Instant::ZERO, CloseCode::NO_STATUS, "ignored")
        .unwrap();
    assert_eq!(output(&mut server), hex("88 00"));
}

#[test]
fn the_answer_to_a_failure_waits_for_the_application_but_not_for_ever() {
    let mut server = server(Config::default());
    let now = Instant::ZERO;
    feed(
        &mut server,
        now,
        &[masked(0x81, b"good"), masked(0x83, b"")].concat(),
    );
    assert_eq!(
        output(&mut server),
        b"",
        "the good message may still be answered"
    );
    assert_eq!(server.read_interest(), ReadInterest::Nothing);
    server.handle_timeout(now + secs(10));
    assert_eq!(output(&mut server), hex("88 02 03ea"));
    assert_eq!(
        events(&mut server),
        [
            Event::Message(Message::text("good")),
            closed(
                Cause::Protocol(ProtocolError::UnknownOpcode),
                CloseCode::ABNORMAL,
                "",
                false
            )
        ]
    );
}

#[test]
fn with_fail_by_drop_no_close_frame_answers_a_failure() {
    let mut server = server(Config {
        fail_by_drop: true,
        ..Config::default()
    });
    feed(&mut server, Instant::ZERO, &hex("83 80 00000000"));
    assert_eq!(output(&mut server), b"");
    assert!(server.is_finished());
}

#[test]
fn pings_keep_a_silent_connection_and_measure_it() {
    let mut pair = Pair::new(&agreed(), &Config::default());
    let quiet = Arc::new(Config {
        ping_interval: None,
        ..Config::default()
    });
    pair.client = Connection::client(agreed(), quiet, counter(), pair.now);
    assert_eq!(pair.server.rtt(), None);
    pair.pass(secs(3600));
    let pings = events(&mut pair.client).len();
    assert_eq!(pings, 120, "one for every 30 s of silence");
    assert_eq!(
        events(&mut pair.server),
        [],
        "the keep-alive's pongs are not the application's"
    );
    assert_eq!(pair.server.rtt(), Some(Duration::ZERO));
    assert!(!pair.server.is_finished());
}

#[test]
fn a_dead_peer_is_noticed_by_its_missing_pong() {
    let mut server = server(Config::default());
    let mut now = Instant::ZERO;
    // Ping after 30 s of silence, give up 30 s later.
    for (at, written) in [(29, 0), (30, 10), (59, 0)] {
        now = Instant::ZERO + secs(at);
        // What a read that timed out brings is no sign of life.
        assert_eq!(server.receive(now, &mut []), 0);
        server.handle_timeout(now);
        assert_eq!(output(&mut server).len(), written, "after {at} s");
    }
    assert_eq!(server.poll_timeout(), Some(Instant::ZERO + secs(60)));
    server.handle_timeout(now + secs(1));
    let told = closed(Cause::Timeout(Timer::Pong), CloseCode::ABNORMAL, "", false);
    assert_eq!(events(&mut server), [told]);
}

#[test]
fn the_pong_deadline_pauses_while_a_ping_is_on_its_way_out() {
    let mut server = server(Config::default());
    server
        .send(Message::binary(vec![7; 20_000]))
        .expect("there is room");
    // A peer on a slow line takes 100 bytes a second, and the ping of second 30 lies behind them all.
    let mut now = Instant::ZERO;
    for second in 1..=210 {
        now = Instant::ZERO + secs(second);
        let outbox = server.outbox();
        outbox.advance(outbox.len().min(100));
        server.handle_timeout(now);
        assert_eq!(events(&mut server), [], "after {second} s");
    }
    assert!(server.outbox().is_empty());
    // From then on it is as late as any other.
    server.handle_timeout(now + secs(31));
    let told = closed(Cause::Timeout(Timer::Pong), CloseCode::ABNORMAL, "", false);
    assert_eq!(events(&mut server), [told]);
}

#[test]
fn the_pong_deadline_pauses_while_bytes_arrive() {
    let mut server = server(Config::default());
    server.handle_timeout(Instant::ZERO + secs(30));
    output(&mut server);
    // A long message crawls in; its sender cannot put a pong inside the frame.
    feed(
        &mut server,
        Instant::ZERO + secs(31),
        &hex("82 fe ffff 00000000"),
    );
    for at in 32..200 {
        let now = Instant::ZERO + secs(at);
        feed(&mut server, now, b"x");
        server.handle_timeout(now);
    }
    assert_eq!(events(&mut server), []);
    server.handle_timeout(Instant::ZERO + secs(199 + 30));
    assert_eq!(events(&mut server).len(), 1);
}

#[test]
fn the_applications_ping_tells_its_round_trip() {
    let mut pair = Pair::new(&agreed(), &Config::default());
    pair.server.ping(pair.now, b"one").unwrap();
    pair.server.ping(pair.now, b"two").unwrap();
    pair.now = pair.now + Duration::from_millis(70);
    pair.pump();
    let pong = |payload: &'static [u8], rtt| Event::Pong {
        payload: Bytes::from_static(payload),
        rtt,
    };
    assert_eq!(
        events(&mut pair.server),
        [
            pong(b"one", None),
            pong(b"two", Some(Duration::from_millis(70)))
        ]
    );
    let pings: Vec<_> = events(&mut pair.client);
    assert_eq!(
        pings,
        [
            Event::Ping(Bytes::from_static(b"one")),
            Event::Ping(Bytes::from_static(b"two"))
        ]
    );
    assert_eq!(pair.server.ping(pair.now, &[0; 126]), Err(Refused::TooBig));
    let hixie = Agreed::new(Draft::Hixie76);
    let mut old = Connection::server(hixie, Arc::default(), Outbox::new(), pair.now);
    assert_eq!(old.ping(pair.now, b""), Err(Refused::Unsupported));
}

#[test]
fn a_flood_of_pings_costs_sixteen_pongs() {
    let mut server = server(Config {
        inbound_mark: usize::MAX,
        ..Config::default()
    });
    for i in 0..100_000u32 {
        feed(&mut server, Instant::ZERO, &masked(0x89, &i.to_be_bytes()));
        while server.poll_event().is_some() {}
    }
    let expected: Vec<u8> = (100_000 - 16..100_000u32)
        .flat_map(|i| unmasked(0x8a, &i.to_be_bytes()))
        .collect();
    assert_eq!(output(&mut server), expected);
}

#[test]
fn unread_events_stop_the_input_and_nothing_is_lost() {
    let mut pair = Pair::new(
        &agreed(),
        &Config {
            inbound_mark: 1000,
            ..Config::default()
        },
    );
    for i in 0..100u32 {
        pair.client
            .send(Message::binary(i.to_be_bytes().to_vec()))
            .unwrap();
    }
    pair.pump();
    assert_eq!(pair.server.read_interest(), ReadInterest::Nothing);
    assert!(
        !pair.client.outbox().is_empty(),
        "the rest waits at the sender"
    );
    let mut got = Vec::new();
    while let Some(event) = pair.server.poll_event() {
        let Event::Message(message) = event else {
            panic!("{event:?}")
        };
        got.push(message.into_bytes().get_u32());
        pair.pump();
    }
    assert_eq!(got, (0..100).collect::<Vec<_>>());
}

#[test]
fn a_full_outbox_refuses_and_tells_of_room_once() {
    let mut server = server(Config {
        outbox_mark: 100,
        ..Config::default()
    });
    let message = Message::binary(vec![7; 150]);
    server
        .send(message.clone())
        .expect("a queue refuses only when it is over its mark already");
    let refused = server.send(message.clone()).unwrap_err();
    assert_eq!((refused.why, refused.payload), (Refused::Full, message));
    assert_eq!(events(&mut server), []);
    let outbox = server.outbox();
    outbox.advance(outbox.len() - 51);
    assert_eq!(events(&mut server), []);
    server.outbox().advance(1);
    assert_eq!(events(&mut server), [Event::Writable]);
    assert_eq!(events(&mut server), []);
}

#[test]
fn a_peer_that_takes_nothing_is_given_up() {
    let mut server = server(Config {
        ping_interval: None,
        ..Config::default()
    });
    server.send(Message::text("0123456789")).unwrap();
    let at = |seconds| Instant::ZERO + secs(seconds);
    server.handle_timeout(at(1)); // what a driver does after a write that left bytes behind
    assert_eq!(server.poll_timeout(), Some(at(31)));
    server.outbox().advance(3);
    server.handle_timeout(at(20)); // progress
    assert_eq!(server.poll_timeout(), Some(at(50)));
    server.handle_timeout(at(49));
    assert_eq!(events(&mut server), []);
    server.handle_timeout(at(50));
    let told = closed(
        Cause::Timeout(Timer::WriteStall),
        CloseCode::ABNORMAL,
        "",
        false,
    );
    assert_eq!(events(&mut server), [told]);
    assert!(server.is_finished() && server.outbox().is_empty());
}

#[test]
fn a_failed_transport_ends_it_once() {
    let mut server = server(Config::default());
    feed(&mut server, Instant::ZERO, &masked(0x81, b"last"));
    server.abort();
    server.abort();
    assert_eq!(
        events(&mut server),
        [
            Event::Message(Message::text("last")),
            closed(Cause::Transport, CloseCode::ABNORMAL, "", false)
        ]
    );
    assert_eq!(events(&mut server), []);
}

/// The sizes at which lengths change their form, and around.
const SIZES: [usize; 12] = [
    0,
    1,
    125,
    126,
    127,
    128,
    4096,
    4097,
    65_535,
    65_536,
    65_537,
    1 << 20,
];

#[test]
fn messages_of_all_sizes_arrive_whole_however_the_wire_chops() {
    for draft in Draft::ALL {
        for chop in [usize::MAX, 1000, 7, 1] {
            let mut pair = Pair::new(&Agreed::new(draft), &Config::default());
            pair.chop = chop;
            for size in SIZES {
                if chop < 1000 && size > 70_000 {
                    continue;
                }
                let text: String = "aé漢😀".chars().cycle().take(size / 3).collect();
                let mut messages = vec![Message::text(text)];
                if draft.is_hybi() {
                    messages.push(Message::binary(
                        (0..=u8::MAX).cycle().take(size).collect::<Vec<_>>(),
                    ));
                }
                for message in messages {
                    for (from, to) in [(true, false), (false, true)] {
                        let ends = [&mut pair.client, &mut pair.server];
                        ends[usize::from(!from)].send(message.clone()).unwrap();
                        pair.pump();
                        let ends = [&mut pair.client, &mut pair.server];
                        let got = events(ends[usize::from(!to)]);
                        assert!(
                            got == [Event::Message(message.clone())],
                            "{draft} {size} {chop}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn the_exact_limit_passes_and_one_byte_more_is_too_big() {
    for draft in Draft::ALL {
        let config = Config {
            max_message: 1000,
            ..Config::default()
        };
        for (len, passes) in [(1000, true), (1001, false)] {
            let mut pair = Pair::new(&Agreed::new(draft), &config);
            pair.client.send(Message::text("x".repeat(len))).unwrap();
            pair.pump();
            let last = events(&mut pair.server).pop();
            assert_eq!(
                matches!(last, Some(Event::Message(_))),
                passes,
                "{draft} {len}"
            );
            if !passes {
                let cause = Cause::Protocol(ProtocolError::MessageTooBig);
                assert!(matches!(last, Some(Event::Closed(Closed { cause: c, .. })) if c == cause));
            }
        }
    }
    // The sum over fragments counts.
    let mut server = server(Config {
        max_message: 10,
        ..Config::default()
    });
    feed(
        &mut server,
        Instant::ZERO,
        &[masked(0x02, &[0; 6]), masked(0x80, &[0; 5])].concat(),
    );
    assert_eq!(output(&mut server), hex("88 02 03f1"));
}

#[test]
fn fragments_go_out_and_come_together() {
    let mut pair = Pair::new(&agreed(), &Config::default());
    let options = SendOptions::default().fragmented(NonZeroUsize::new(3).unwrap());
    pair.server
        .send_with(Message::text("Hello, you"), options)
        .unwrap();
    let wire = output(&mut pair.server);
    let frames: Vec<u8> = [
        unmasked(0x01, b"Hel"),
        unmasked(0x00, b"lo,"),
        unmasked(0x00, b" yo"),
        unmasked(0x80, b"u"),
    ]
    .concat();
    assert_eq!(wire, frames);
    feed(&mut pair.client, pair.now, &wire);
    assert_eq!(
        events(&mut pair.client),
        [Event::Message(Message::text("Hello, you"))]
    );
}

#[test]
fn messages_stream_in_both_directions() {
    let config = Config {
        delivery: Delivery::Streamed,
        max_message: 4,
        ..Config::default()
    };
    let mut pair = Pair::new(&agreed(), &config);
    let euro = "€".as_bytes();
    for (chunk, last) in [
        (&euro[..1], false),
        (&euro[1..], false),
        (b"more than four", true),
    ] {
        pair.client
            .send_chunk(MessageKind::Text, Bytes::copy_from_slice(chunk), last)
            .unwrap();
        let refused = pair
            .client
            .send(Message::text("x"))
            .map_err(|error| error.why);
        assert_eq!(
            refused,
            if last {
                Ok(())
            } else {
                Err(Refused::Interleaved)
            }
        );
    }
    pair.pump();
    let chunk = |payload: &'static str, first, last| {
        let payload = Bytes::from_static(payload.as_bytes());
        Event::Chunk(Chunk {
            kind: MessageKind::Text,
            payload,
            first,
            last,
        })
    };
    assert_eq!(
        events(&mut pair.server),
        [
            chunk("€", true, false),
            chunk("more than four", false, true),
            chunk("x", true, true)
        ]
    );
}

#[test]
fn chunks_that_are_no_text_are_refused_and_may_be_replaced() {
    let mut server = server(Config::default());
    let chunk = |bytes: &'static [u8]| Bytes::from_static(bytes);
    let text = MessageKind::Text;
    server.send_chunk(text, chunk(b"\xe2\x82"), false).unwrap();
    let refused = server.send_chunk(text, chunk(b"\x20"), true).unwrap_err();
    assert_eq!(
        (refused.why, refused.payload),
        (Refused::NotUtf8, chunk(b"\x20"))
    );
    let refused = server.send_chunk(text, chunk(b""), true).unwrap_err();
    assert_eq!(
        refused.why,
        Refused::NotUtf8,
        "the text may not end inside a character"
    );
    let refused = server
        .send_chunk(MessageKind::Binary, chunk(b"x"), true)
        .unwrap_err();
    assert_eq!(refused.why, Refused::Interleaved);
    server.send_chunk(text, chunk(b"\xac"), true).unwrap();
    assert_eq!(
        output(&mut server),
        [unmasked(0x01, b"\xe2\x82"), unmasked(0x80, b"\xac")].concat()
    );
}

#[test]
fn prepared_messages_are_the_same_bytes_on_every_server_connection() {
    for len in [5, 5000] {
        let prepared = Prepared::new(Message::text("p".repeat(len)));
        for draft in Draft::ALL {
            let mut pair = Pair::new(&Agreed::new(draft), &Config::default());
            pair.server.send_prepared(&prepared).unwrap();
            pair.client.send_prepared(&prepared).unwrap();
            pair.pump();
            for side in [&mut pair.client, &mut pair.server] {
                assert_eq!(
                    events(side),
                    [Event::Message(prepared.message().clone())],
                    "{draft}"
                );
            }
        }
    }
}

#[test]
fn the_hixie_76_nonce_may_come_late_and_frames_wait_for_its_answer() {
    let numbers = hex("316e41130f7ed63c").try_into().unwrap();
    let agreed = Agreed {
        challenge: Challenge::ServerAwaitsNonce { numbers },
        ..Agreed::new(Draft::Hixie76)
    };
    let mut head = Outbox::new();
    head.append(b"HTTP/1.1 101 ...\r\n\r\n");
    let config = Arc::new(Config::default());
    let mut server = Connection::server(agreed.clone(), config, head, Instant::ZERO);
    assert_eq!(
        output(&mut server),
        b"HTTP/1.1 101 ...\r\n\r\n",
        "before the nonce is there"
    );
    server.send(Message::text("early")).unwrap();
    assert_eq!(output(&mut server), b"");
    for byte in b"^n:ds[4" {
        feed(&mut server, Instant::ZERO, &[*byte]);
        assert_eq!(output(&mut server), b"");
    }
    feed(&mut server, Instant::ZERO, b"U\x00hi\xff");
    assert_eq!(output(&mut server), b"8jKS'y:G*Co,Wxa-\x00early\xff");
    assert_eq!(events(&mut server), [Event::Message(Message::text("hi"))]);

    let config = Arc::new(Config {
        first_frame_delay: Duration::from_millis(25),
        ..Config::default()
    });
    let mut server = Connection::server(agreed.clone(), config, Outbox::new(), Instant::ZERO);
    server.send(Message::text("early")).unwrap();
    feed(&mut server, Instant::ZERO, b"^n:ds[4U");
    assert_eq!(output(&mut server), b"8jKS'y:G*Co,Wxa-");
    server.handle_timeout(Instant::from_millis(24));
    assert_eq!(output(&mut server), b"");
    server.handle_timeout(Instant::from_millis(25));
    assert_eq!(output(&mut server), b"\x00early\xff");

    let mut server = Connection::server(agreed, Arc::default(), Outbox::new(), Instant::ZERO);
    server.handle_timeout(Instant::ZERO + secs(10));
    let told = closed(Cause::Timeout(Timer::Nonce), CloseCode::ABNORMAL, "", false);
    assert_eq!(
        (events(&mut server), output(&mut server)),
        (vec![told], vec![])
    );
}

#[test]
fn a_hixie_76_client_checks_the_digest() {
    let digest = *b"8jKS'y:G*Co,Wxa-";
    let agreed = Agreed {
        challenge: Challenge::ClientExpectsDigest { digest },
        ..Agreed::new(Draft::Hixie76)
    };
    let client = || Connection::client(agreed.clone(), Arc::default(), counter(), Instant::ZERO);
    let mut good = client();
    feed(&mut good, Instant::ZERO, b"8jKS'y:G*Co,Wxa-\x00hi\xff");
    assert_eq!(events(&mut good), [Event::Message(Message::text("hi"))]);
    let mut bad = client();
    bad.send(Message::text("never goes out")).unwrap();
    feed(&mut bad, Instant::ZERO, b"8jKS'y:G*Co,Wxa.");
    let cause = Cause::Protocol(ProtocolError::BadDigest);
    assert_eq!(
        events(&mut bad),
        [closed(cause, CloseCode::ABNORMAL, "", false)]
    );
    assert_eq!(output(&mut bad), b"");
}

#[test]
fn hixie_connections_end_as_their_drafts_say() {
    for (draft, wire, clean) in [
        (Draft::Hixie75, "", false),
        (Draft::Hixie76, "ff ff00", true),
    ] {
        let mut pair = Pair::new(&Agreed::new(draft), &Config::default());
        let half = Bytes::from_static(b"half");
        pair.server
            .send_chunk(MessageKind::Text, half, false)
            .unwrap();
        output(&mut pair.server);
        pair.server.close(pair.now, CloseCode::NORMAL, "").unwrap();
        // The closing frame needs the open text ended first; without one the cut shows.
        assert_eq!(output(&mut pair.server), hex(wire), "{draft}");
        assert_eq!(pair.server.is_finished(), !clean);
    }
    let mut pair = Pair::new(&Agreed::new(Draft::Hixie76), &Config::default());
    pair.client.close(pair.now, CloseCode::NORMAL, "").unwrap();
    pair.pump();
    let told = closed(Cause::Peer, CloseCode::NO_STATUS, "", true);
    assert_eq!(events(&mut pair.server), [told]);
    let refused = pair.server.send(Message::binary(vec![1])).unwrap_err();
    assert_eq!(refused.why, Refused::Unsupported);
}

#[test]
fn hixie_text_that_is_not_utf_8_is_mended_or_refused() {
    for (strict, expected) in [(false, Some("a\u{fffd}b")), (true, None)] {
        let config = Config {
            strict_hixie_text: strict,
            ..Config::default()
        };
        let agreed = Agreed::new(Draft::Hixie76);
        let mut server = Connection::server(agreed, Arc::new(config), Outbox::new(), Instant::ZERO);
        feed(&mut server, Instant::ZERO, b"\x00a\xc0b\xff");
        let got = match server.poll_event() {
            Some(Event::Message(message)) => message.as_text().map(String::from),
            _ => None,
        };
        assert_eq!(got.as_deref(), expected);
    }
}

fn compressed(no_context_takeover: bool) -> Agreed {
    let params = deflate::Params {
        server_no_context_takeover: no_context_takeover,
        client_no_context_takeover: no_context_takeover,
        server_max_window_bits: 15,
        client_max_window_bits: 12,
    };
    Agreed {
        deflate: Some(params),
        ..agreed()
    }
}

#[test]
fn compressed_messages_arrive_in_every_delivery() {
    for no_context_takeover in [true, false] {
        for delivery in [Delivery::Whole, Delivery::Streamed] {
            let config = Config {
                delivery,
                compress_above: 0,
                ..Config::default()
            };
            let mut pair = Pair::new(&compressed(no_context_takeover), &config);
            pair.chop = 100;
            for size in SIZES {
                let text: String = "aé漢😀".chars().cycle().take(size / 3).collect();
                let options = SendOptions::default().fragmented(NonZeroUsize::new(50).unwrap());
                pair.client
                    .send_with(Message::text(text.clone()), options)
                    .unwrap();
                pair.server.send(Message::text(text.clone())).unwrap();
                pair.client.ping(pair.now, b"between").unwrap();
                let mut got = [String::new(), String::new()];
                loop {
                    pair.pump();
                    let mut any = false;
                    for (side, got) in [&mut pair.client, &mut pair.server]
                        .into_iter()
                        .zip(&mut got)
                    {
                        for event in events(side) {
                            any = true;
                            match event {
                                Event::Message(message) => got.push_str(message.as_text().unwrap()),
                                Event::Chunk(chunk) => {
                                    got.push_str(std::str::from_utf8(&chunk.payload).unwrap());
                                }
                                Event::Ping(_) | Event::Pong { .. } => {}
                                other => panic!("{other:?}"),
                            }
                        }
                    }
                    if !any {
                        break;
                    }
                }
                assert!(got == [text.clone(), text], "{size} {delivery:?}");
            }
        }
    }
}

#[test]
fn a_bomb_is_refused_whole_and_handed_out_in_bounded_pieces_streamed() {
    let mut sender = Connection::client(compressed(true), Arc::default(), counter(), Instant::ZERO);
    sender.send(Message::binary(vec![0; 8 << 20])).unwrap();
    let mut wire = output(&mut sender);
    assert!(wire.len() < 10_000);
    let receiver = |config| {
        Connection::server(
            compressed(true),
            Arc::new(config),
            Outbox::new(),
            Instant::ZERO,
        )
    };
    let mut whole = receiver(Config {
        max_message: 1 << 20,
        ..Config::default()
    });
    feed(&mut whole, Instant::ZERO, &wire);
    let cause = Cause::Protocol(ProtocolError::MessageTooBig);
    assert_eq!(
        events(&mut whole),
        [closed(cause, CloseCode::ABNORMAL, "", false)]
    );
    assert_eq!(output(&mut whole), hex("88 02 03f1"));

    let mut streamed = receiver(Config {
        delivery: Delivery::Streamed,
        ..Config::default()
    });
    let (mut rest, mut total, mut calls) = (&mut wire[..], 0, 0);
    while !rest.is_empty() {
        let taken = streamed.receive(Instant::ZERO, rest);
        rest = &mut rest[taken..];
        let waiting: usize = events(&mut streamed)
            .iter()
            .map(|event| match event {
                Event::Chunk(chunk) => chunk.payload.len(),
                other => panic!("{other:?}"),
            })
            .sum();
        assert!(waiting <= 64 * 1024 + 70 * 1024, "{waiting} bytes at once");
        total += waiting;
        calls += 1;
    }
    assert_eq!(total, 8 << 20);
    assert!(calls > 50, "backpressure in between");
}

#[test]
fn a_secret_can_stay_out_of_the_compressors_window() {
    let config = Config {
        compress_above: 0,
        ..Config::default()
    };
    let mut pair = Pair::new(&compressed(false), &config);
    let secret = Message::text("secret secret secret");
    pair.server
        .send_with(secret.clone(), SendOptions::default().uncompressed())
        .unwrap();
    assert_eq!(output(&mut pair.server)[0], 0x81, "RSV1 is not set");
    pair.server.send(secret).unwrap();
    assert_eq!(output(&mut pair.server)[0], 0xc1);
}

#[test]
fn short_messages_are_not_compressed() {
    let mut pair = Pair::new(&compressed(true), &Config::default());
    for (len, first) in [(1023, 0x81), (1024, 0xc1)] {
        pair.server.send(Message::text("x".repeat(len))).unwrap();
        assert_eq!(output(&mut pair.server)[0], first, "{len}");
    }
}

#[test]
fn floods_of_tiny_fragments_are_refused_and_honest_ones_pass() {
    let honest = [
        masked(0x02, &[1; 64]),
        masked(0x00, &[1; 64]).repeat(65_534),
        masked(0x80, &[1; 64]),
    ];
    let flood = [masked(0x02, b""), masked(0x00, b"x").repeat(2000)];
    for (input, passes) in [(honest.concat(), true), (flood.concat(), false)] {
        let mut server = server(Config::default());
        feed(&mut server, Instant::ZERO, &input);
        match events(&mut server).pop() {
            Some(Event::Message(message)) => assert!(passes && message.as_bytes().len() == 4 << 20),
            Some(Event::Closed(closed)) => {
                assert_eq!(
                    closed.cause,
                    Cause::Protocol(ProtocolError::TooManyFragments)
                );
                assert!(!passes);
                assert_eq!(output(&mut server), hex("88 02 03f0"));
            }
            other => panic!("{other:?}"),
        }
    }
}
