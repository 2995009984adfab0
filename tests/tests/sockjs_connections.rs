//! Sessions over HTTP/1 connections that are slow, cut, shared and pipelined.

use core::time::Duration;

use sockjs_proto::{Config, Dialect};
use tests::splits::for_each_split;
use tests::suite::verify::RFC;
use tests::suite::{Server, echo, request};
use websocket_proto::handshake::OriginPolicy;
use websocket_proto::{Machine, ReadInterest};

fn server() -> Server {
    Server::new(Dialect::Newest)
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_poll_behind_the_answer_to_the_last_meets_no_other() {
    let mut server = server();
    let poll = request("POST /echo/000/s/xhr", &[], "");
    let client = server.begin("POST /echo/000/s/xhr", &[], "");
    assert_eq!(server.reply(client).text(), "o\n");
    for message in ["a", "b", "c"] {
        // The answer is queued and the kernel has not even taken it when the next poll comes.
        server.limit(client, 0);
        server.send(client, poll.as_bytes());
        server.tell("/echo/000/s", &format!("[\"{message}\"]"));
        server.send(client, poll.as_bytes());
        server.tell("/echo/000/s", r#"["next"]"#);
        server.limit(client, usize::MAX);
        assert_eq!(server.reply(client).text(), format!("a[\"{message}\"]\n"));
        assert_eq!(server.reply(client).text(), "a[\"next\"]\n");
    }
    assert_eq!(server.log("/echo").len(), 7, "one open, six messages");
}

#[test]
fn a_poll_on_another_connection_need_not_wait_for_the_kernel() {
    let mut server = server();
    let url = server.open("/echo");
    let first = server.begin(&format!("POST {url}/xhr"), &[], "");
    server.limit(first, 0);
    server.tell(&url, r#"["a"]"#);
    let second = server.begin(&format!("POST {url}/xhr"), &[], "");
    assert!(server.is_waiting(second));
    server.tell(&url, r#"["b"]"#);
    assert_eq!(server.reply(second).text(), "a[\"b\"]\n");
    server.limit(first, usize::MAX);
    assert_eq!(server.reply(first).text(), "a[\"a\"]\n");
}

#[test]
fn a_cut_before_the_last_byte_ends_the_session_even_behind_a_successor() {
    let mut server = server();
    let url = server.open("/echo");
    let first = server.begin(&format!("POST {url}/xhr"), &[], "");
    server.limit(first, 30);
    server.tell(&url, r#"["a"]"#);
    let second = server.begin(&format!("POST {url}/xhr"), &[], "");
    server.cut(first);
    let close = "c[1002,\"Connection interrupted\"]\n";
    assert_eq!(server.reply(second).text(), close);
    let log = server.log("/echo");
    assert_eq!(log.len(), 3);
    assert!(log[2].starts_with("closed: a receiver was cut"), "{log:?}");
}

#[test]
fn a_cut_behind_the_last_byte_ends_nothing() {
    let mut server = server();
    let url = server.session("/echo");
    let client = server.begin(&format!("POST {url}/xhr"), &[], "");
    assert_eq!(server.reply(client).text(), "o\n");
    server.cut(client);
    server.tell(&url, r#"["a"]"#);
    assert_eq!(server.poll(&url), "a[\"a\"]\n");
}

#[test]
fn the_disconnect_delay_begins_when_the_kernel_has_the_answer() {
    let mut server = server();
    let url = server.session("/echo");
    let client = server.connect(&url);
    server.limit(client, 10);
    server.send(
        client,
        request(&format!("POST {url}/xhr"), &[], "").as_bytes(),
    );
    server.pass(20 * SECOND);
    assert_eq!(server.endpoint("/echo").session_count(), 1);
    server.limit(client, usize::MAX);
    server.pass(4 * SECOND);
    assert_eq!(server.endpoint("/echo").session_count(), 1);
    server.pass(2 * SECOND);
    assert_eq!(server.endpoint("/echo").session_count(), 0);
}

#[test]
fn a_client_that_stops_reading_is_cut() {
    let mut server = server();
    let url = server.session("/echo");
    let client = server.begin(&format!("POST {url}/xhr_streaming"), &[], "");
    server.limit(client, 0);
    server.tell(&url, r#"["a"]"#);
    server.pass(31 * SECOND);
    assert!(server.is_over(client));
    let close = "c[1002,\"Connection interrupted\"]\n";
    assert_eq!(server.poll(&url), close);
}

#[test]
fn a_poll_whose_answer_is_not_taken_is_cut() {
    let mut server = server();
    let url = server.open("/echo");
    let client = server.begin(&format!("POST {url}/xhr"), &[], "");
    server.limit(client, 30);
    server.tell(&url, r#"["a"]"#);
    server.pass(31 * SECOND);
    assert!(server.is_over(client));
    let log = server.log("/echo");
    assert!(log[2].starts_with("closed: a receiver was cut"), "{log:?}");
    let close = "c[1002,\"Connection interrupted\"]\n";
    assert_eq!(server.poll(&url), close);
}

#[test]
fn a_stream_pauses_with_its_client_and_loses_nothing() {
    let config = Config {
        origins: OriginPolicy::Any,
        response_limit: usize::MAX,
        ..Config::default()
    };
    let mut server = Server::serving(vec![(config, echo)]);
    let client = server.begin("POST /000/s/xhr_streaming", &[], "");
    server.limit(client, 0);
    let text = "x".repeat(10_000);
    for n in 0..30 {
        server.tell("/000/s", &format!("[\"{n:02}{text}\"]"));
        let waits = server.connection(client).outbox().len();
        assert!(waits <= 2 * 64 * 1024, "{waits}");
    }
    server.limit(client, usize::MAX);
    let body = server.reply(client);
    let frames = body.text().lines().skip(2).collect::<String>();
    let messages: Vec<_> = frames.split(|c: char| "[],\"a".contains(c)).collect();
    let messages = messages.into_iter().filter(|text| !text.is_empty());
    let numbers: Vec<u32> = messages.map(|text| text[..2].parse().unwrap()).collect();
    assert_eq!(numbers, (0..30).collect::<Vec<_>>());
}

#[test]
fn a_newcomer_takes_the_place_of_one_whose_end_was_not_seen_yet() {
    for transport in ["xhr", "xhr_streaming"] {
        let mut server = server();
        let url = server.open("/echo");
        let first = server.begin(&format!("POST {url}/{transport}"), &[], "");
        server.vanish(first);
        let second = server.poll(&url);
        assert_eq!(second, "c[1002,\"Connection interrupted\"]\n");
    }
}

#[test]
fn a_look_that_nobody_takes_is_over_after_a_second() {
    let mut server = server();
    let url = server.open("/echo");
    let first = server.begin(&format!("POST {url}/xhr"), &[], "");
    server.look_away(first);
    let second = server.begin(&format!("POST {url}/xhr"), &[], "");
    assert!(server.is_waiting(second) && !server.reply_is_complete(second));
    server.pass(SECOND);
    let close = "c[2010,\"Another connection still open\"]\n";
    assert_eq!(server.reply(second).text(), close);
    assert!(server.is_waiting(first));
}

#[test]
fn requests_behind_a_waiting_poll_wait() {
    let mut server = server();
    let send = request("POST /echo/000/s/xhr_send", &[], r#"["mine"]"#);
    let poll = request("POST /echo/000/s/xhr", &[], "");
    let client = server.connect("/echo");
    server.send(client, [&*poll, &*poll, &*send, &*poll].concat().as_bytes());
    assert_eq!(server.reply(client).text(), "o\n");
    assert!(!server.reply_is_complete(client));
    server.tell("/echo/000/s", r#"["another's"]"#);
    assert_eq!(server.reply(client).text(), "a[\"another's\"]\n");
    assert_eq!(server.reply(client).status, 204);
    assert_eq!(server.reply(client).text(), "a[\"mine\"]\n");
}

#[test]
fn any_chopping_of_a_connection_gives_the_same() {
    let poll = request("POST /echo/000/s/xhr", &[], "ignored");
    let send = request(
        "POST /echo/000/s/xhr_send",
        &["Expect: 100-continue"],
        r#"["a","b"]"#,
    );
    let form = "Content-Type: application/x-www-form-urlencoded";
    let form = request("POST /echo/000/s/jsonp_send", &[form], "d=%5B%22c%22%5D");
    let end = request("GET /echo/000/s/websocket", RFC, "");
    let mut input = [&*poll, &*send, &*form, &*poll, &*end]
        .concat()
        .into_bytes();
    input.extend_from_slice(&tests::frames::masked(0x81, b"[\"d\"]"));
    let mut expected = None;
    for_each_split(&input, |pieces| {
        let mut server = server();
        let client = server.connect("/echo");
        for piece in pieces {
            server.send(client, piece);
        }
        let output = server.bytes(client);
        assert!(output.ends_with(b"\x81\x01o\x81\x06a[\"d\"]"));
        let log = server.log("/echo");
        assert_eq!(log.len(), 1 + 3 + 1 + 1);
        let expected = expected.get_or_insert_with(|| (output.clone(), log.clone()));
        // Frames that leave in one write are one frame each, whatever the cut.
        assert_eq!((&output, &log), (&expected.0, &expected.1));
    });
}

#[test]
fn a_websocket_comes_when_the_polls_before_it_are_written() {
    let mut server = server();
    let client = server.connect("/echo");
    server.limit(client, 0);
    let poll = request("POST /echo/000/s/xhr", &[], "");
    let end = request("GET /echo/000/t/websocket", RFC, "");
    server.send(client, (poll + &end).as_bytes());
    assert!(server.connection(client).socket().is_none());
    server.limit(client, usize::MAX);
    assert!(server.connection(client).socket().is_some());
    assert_eq!(server.reply(client).text(), "o\n");
    assert_eq!(server.reply(client).status, 101);
    assert_eq!(server.bytes(client), b"\x81\x01o");
}

#[test]
fn the_body_of_a_receiver_is_ignored_and_hides_no_end() {
    let mut server = server();
    let url = server.open("/echo");
    let client = server.begin(&format!("POST {url}/xhr"), &[], "a body nobody wants");
    assert!(server.is_waiting(client));
    assert_eq!(server.connection(client).read_interest(), ReadInterest::Eof);
    server.hang_up(client);
    let close = "c[1002,\"Connection interrupted\"]\n";
    assert_eq!(server.poll(&url), close);
}

#[test]
fn bodies_have_a_limit_and_the_page_may_read_the_refusal() {
    let config = Config {
        origins: OriginPolicy::Any,
        max_body: 10,
        ..Config::default()
    };
    let mut server = Server::serving(vec![(config, echo)]);
    let url = server.open("");
    let line = format!("POST {url}/xhr_send");
    let origin = "Origin: http://a.b";
    server.tell(&url, r#"["123456"]"#);
    let chunked = "5\r\n[\"123\r\n6\r\n4567\"]\r\n0\r\n\r\n";
    for (fields, body) in [
        (&["Content-Length: 11"][..], ""),
        (&["Content-Length: 11", "Expect: 100-continue"], ""),
        (&["Content-Length: 18446744073709551615"], ""),
        (&["Transfer-Encoding: chunked"], chunked),
    ] {
        let fields = [fields, &[origin]].concat();
        let client = server.connect("/000");
        let head = request(&line, &fields, "");
        server.send(client, (head + body).as_bytes());
        let reply = server.reply(client);
        assert_eq!(reply.status, 413, "{fields:?}");
        reply.verify_cors("http://a.b", true);
        assert!(server.is_over(client));
    }
    assert_eq!(server.poll(&url), "a[\"123456\"]\n");
}

#[test]
fn a_receiver_with_an_endless_body_begins_no_session() {
    let mut server = server();
    let fields = ["Content-Length: 1000000"];
    let client = server.begin("POST /echo/000/s/xhr", &fields, "");
    assert_eq!(server.reply(client).status, 413);
    assert!(server.is_over(client));
    assert_eq!(server.endpoint("/echo").session_count(), 0);
}

#[test]
fn a_shutdown_lets_browsers_ask_elsewhere() {
    let mut server = server();
    for (line, end) in [
        ("POST xhr", "h\n"),
        ("GET jsonp?c=cb", "/**/cb(\"h\");\r\n"),
        ("POST xhr_streaming", "hhhh\n"),
        ("GET eventsource", "\r\n"),
    ] {
        let url = server.open("/echo");
        let (method, transport) = line.split_once(' ').unwrap();
        let client = server.begin(&format!("{method} {url}/{transport}"), &[], "");
        server.shut_down(client);
        let reply = server.reply(client);
        assert!(reply.complete && server.is_over(client), "{line}");
        assert!(reply.text().ends_with(end), "{line}: {}", reply.text());
        server.tell(&url, r#"["a"]"#);
        assert_eq!(server.poll(&url), "a[\"a\"]\n", "{line}");
    }
}

#[test]
fn a_first_poll_during_a_shutdown_still_opens() {
    let mut server = server();
    let client = server.connect("/echo");
    server.send(client, b"POST /echo/000/s/xhr HTTP/1.1\r\nHo");
    server.shut_down(client);
    server.send(client, b"st: localhost\r\n\r\n");
    let reply = server.reply(client);
    assert_eq!(reply.text(), "o\n");
    assert_eq!(reply.field("Connection"), Some("close"));
    assert!(server.is_over(client));
}

#[test]
fn too_many_sessions_are_told_so() {
    let config = Config {
        origins: OriginPolicy::Any,
        max_sessions: 1,
        ..Config::default()
    };
    let mut server = Server::serving(vec![(config, echo)]);
    let url = server.open("");
    let reply = server.ask("POST /000/other/xhr", &["Origin: http://a.b"], "");
    assert_eq!((reply.status, reply.text()), (503, ""));
    reply.verify_cors("http://a.b", true);
    let reply = server.ask("GET /000/other/websocket", RFC, "");
    assert_eq!(reply.status, 503);
    server.tell(&url, r#"["a"]"#);
    assert_eq!(server.poll(&url), "a[\"a\"]\n");
}

#[test]
fn a_websocket_gives_its_place_back() {
    let config = Config {
        origins: OriginPolicy::Any,
        max_sessions: 1,
        ..Config::default()
    };
    let mut server = Server::serving(vec![(config, echo)]);
    let (client, _) = server.upgrade("/000/a/websocket", RFC, b"");
    assert_eq!(server.ask("POST /000/b/xhr", &[], "").status, 503);
    server.cut(client);
    server.forget(client);
    assert_eq!(server.poll("/000/b"), "o\n");
}

#[test]
fn a_probe_for_chunking_that_is_cut_or_slow() {
    let mut server = server();
    let client = server.begin("POST /echo/chunking_test", &[], "");
    server.limit(client, 0);
    server.pass(4 * SECOND);
    server.limit(client, usize::MAX);
    assert_eq!(server.reply(client).chunks.len(), 7);
    let client = server.begin("POST /echo/chunking_test", &[], "");
    server.hang_up(client);
    assert!(server.is_over(client));
    assert!(!server.reply(client).complete);
}
