//! What holds for every stream of requests, however it is cut and whoever answers.

use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use checks::chunked::check_pieces;
use checks::http1::check_stream;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use websocket_proto::http1::ResponseHead;
use websocket_proto::http1::server::{Body, Config, Connection, Event, Misuse};
use websocket_proto::{Instant, Machine};

const NOW: Instant = Instant::ZERO;

/// At least so many cases; more with `PROPTEST_CASES`.
fn config(cases: u32) -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig {
        failure_persistence: None,
        cases: default.cases.max(cases),
        ..default
    }
}

fn request() -> impl Strategy<Value = Vec<u8>> {
    let line = (
        select(vec!["GET", "POST", "HEAD", "PUT", "OPTIONS"]),
        0..7u8,
        select(vec!["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0"]),
    );
    let fields = vec(
        select(vec![
            "X: 1",
            "Connection: close",
            "connection: keep-alive, x",
            "Expect: 100-continue",
            "Expect: miracles",
            "Cookie: a=b",
            "Content-Length: 0",
            "X-Long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ]),
        0..3,
    );
    let body = prop_oneof![
        3 => Just(None),
        2 => (0..300usize).prop_map(|len| Some((vec![len], false))),
        2 => vec(0..100usize, 0..5).prop_map(|chunks| Some((chunks, true))),
    ];
    (line, fields, body).prop_map(|((method, what, version), fields, body)| {
        let mut out = format!("{method} /{what} {version}\r\nHost: h\r\n");
        for field in fields {
            out += field;
            out += "\r\n";
        }
        match body {
            None => out += "\r\n",
            Some((lens, false)) => {
                let len: usize = lens.iter().sum();
                out += &format!("Content-Length: {len}\r\n\r\n{}", "b".repeat(len));
            }
            Some((chunks, true)) => {
                out += "Transfer-Encoding: chunked\r\n\r\n";
                for len in chunks.into_iter().filter(|&len| len > 0) {
                    out += &format!("{len:x};x=y\r\n{}\r\n", "c".repeat(len));
                }
                out += "0\r\nT: railer\r\n\r\n";
            }
        }
        out.into_bytes()
    })
}

fn input() -> impl Strategy<Value = Vec<u8>> {
    let mutation = (
        0..1_000_000usize,
        0..3u8,
        select(b" \r\n:x0\0;\xff".to_vec()),
    );
    (vec(request(), 0..5), vec(mutation, 0..2), any::<bool>()).prop_map(
        |(requests, mutations, mutate)| {
            let mut out = requests.concat();
            for (place, how, byte) in mutations {
                let at = out.len() * place / 1_000_000;
                match how {
                    _ if out.is_empty() || !mutate => {}
                    0 => out[at] = byte,
                    1 => out.insert(at, byte),
                    _ => drop(out.remove(at)),
                }
            }
            out
        },
    )
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn any_chopping_of_requests_tells_and_writes_the_same(
        input in input(),
        seed in any::<u64>(),
        outbox_mark in select(vec![1, 100, 64 * 1024]),
        inbound_mark in select(vec![1, 100, 64 * 1024]),
    ) {
        let config = Config { outbox_mark, inbound_mark, ..Config::default() };
        check_stream(&config, &input, seed);
    }
}

fn chunked() -> impl Strategy<Value = Vec<u8>> {
    let chunk = prop_oneof![
        8 => (1..40usize, select(vec!["", ";a", ";a=b", " ;a=\"x;y\"", "\t ; ", ";\u{e9}"]), 0..4usize)
            .prop_map(|(len, extension, zeros)| {
                let size = format!("{}{len:x}", "0".repeat(zeros));
                format!("{size}{extension}\r\n{}\r\n", "d".repeat(len)).into_bytes()
            }),
        1 => vec(select(b"0123456789abcdefABCDEF \t;\r\nxg+-_".to_vec()), 0..6),
    ];
    let mutation = (
        0..1_000_000usize,
        0..3u8,
        select(b"0aF \t;\r\n\0x\x7f-".to_vec()),
    );
    (vec(chunk, 0..5), vec(mutation, 0..3)).prop_map(|(chunks, mutations)| {
        let mut out = chunks.concat();
        out.extend_from_slice(b"0\r\n\r\n");
        for (place, how, byte) in mutations {
            let at = out.len() * place / 1_000_000;
            match how {
                0 => out[at] = byte,
                1 => out.insert(at, byte),
                _ => drop(out.remove(at)),
            }
        }
        out
    })
}

proptest! {
    #![proptest_config(config(3000))]

    #[test]
    fn chunks_mean_what_their_grammar_says(chunks in chunked(), most in select(vec![1, 5, 1000])) {
        check_pieces(&chunks, most);
    }

    #[test]
    fn deadlines_lie_ahead_and_a_silent_peer_is_given_up(
        input in input(),
        steps in vec((1..200usize, 0..20_000u64), 1..30),
    ) {
        let mut now = NOW;
        let mut machine = Connection::new(Arc::new(Config::default()), now);
        let (mut rest, mut answered) = (&input[..], 0);
        let mut steps = steps.into_iter();
        loop {
            match steps.next() {
                Some((len, millis)) => {
                    now = now + Duration::from_millis(millis);
                    let len = len.min(rest.len());
                    let taken = machine.receive(now, &mut rest[..len].to_vec());
                    rest = &rest[taken..];
                }
                None => match machine.poll_timeout() {
                    Some(next) => now = next.max(now),
                    None => break,
                },
            }
            machine.handle_timeout(now);
            prop_assert!(machine.poll_timeout().is_none_or(|next| next > now));
            // A response that a timer gave starts the clock of writes.
            machine.handle_timeout(now);
            let next = machine.poll_timeout();
            machine.handle_timeout(now);
            prop_assert_eq!(machine.poll_timeout(), next, "calling twice changes nothing");
            while let Some(event) = machine.poll_event() {
                if let Event::Request(_) = event {
                    answered += 1;
                    let result = machine.respond(now, &ResponseHead::new(200), Body::Empty);
                    prop_assert!(matches!(result, Ok(()) | Err(Misuse::Closed)));
                }
            }
            if answered % 2 == 0 {
                let outbox = machine.outbox();
                outbox.advance(outbox.len());
            }
        }
        prop_assert!(machine.is_finished());
        prop_assert!(machine.poll_timeout().is_none());
    }
}
