//! Every transport over a foreign HTTP stack: heads and bodies, but no connection and no HTTP/1.
//! A body that was fully taken is flushed, one that was dropped is aborted.

use std::sync::Arc;

use bytes::{Buf, Bytes};
use sockjs_proto::{
    Admit, Answer, AnySession, Capacity, Close, Config, Endpoint, Event, FromSession, Kind,
    ReceiverId, Service, Socket, ToSession, Transport, Wake,
};
use tests::asks::{ABOUT, ask, open_config};
use tests::frames::masked;
use tests::suite::verify::RFC;
use websocket_proto::handshake::Accept;
use websocket_proto::{Connection, Instant, Machine, Outbox};

const NOW: Instant = Instant::ZERO;

/// A stack with its application, which echoes.
struct Stack {
    service: Arc<Service>,
    endpoint: Endpoint<()>,
    heard: Vec<Event>,
}

/// The body of a response that may have no end.
struct Body(ReceiverId);

/// What one look at a body brings.
#[derive(Debug, Eq, PartialEq)]
enum Taken {
    Piece(String),
    Nothing,
    End,
}

impl Stack {
    fn new() -> Self {
        let service = Arc::new(Service::new(open_config()).unwrap());
        let endpoint = Endpoint::new(&service, Admit::All, Capacity::new(9), [1; 16]);
        Self {
            service,
            endpoint,
            heard: Vec::new(),
        }
    }

    /// A receiving request, whose response is its head and a body.
    fn receive(&mut self, line: &str) -> Body {
        let Answer::Receive(receive) = self.service.answer(&ask(line, &[]), &ABOUT) else {
            panic!("{line} receives");
        };
        assert_eq!(receive.head().status(), 200);
        let attach = ToSession::Attach {
            session: receive.session,
            wrapping: receive.wrapping,
            request: (),
        };
        let attached = self.tell(attach);
        let Some(FromSession::Attached(receiver)) = attached else {
            panic!("{attached:?}");
        };
        Body(receiver)
    }

    /// A sending request: its status and body.
    fn send(&mut self, line: &str, fields: &[&str], body: &'static str) -> (u16, Bytes) {
        let Answer::Send(sending) = self.service.answer(&ask(line, fields), &ABOUT) else {
            panic!("{line} sends");
        };
        let response = match sending.messages(&Bytes::from(body)) {
            Err(response) => response,
            Ok(messages) => {
                let send = ToSession::Send {
                    session: sending.session().clone(),
                    messages: messages.into(),
                };
                match self.tell(send) {
                    Some(FromSession::Delivered) => sending.accepted(),
                    Some(FromSession::UnknownSession) => sending.unknown_session(),
                    Some(FromSession::Closing) => sending.closing(),
                    other => panic!("{other:?}"),
                }
            }
        };
        (response.head.status(), response.body)
    }

    fn take(&mut self, body: &Body) -> Taken {
        let pull = ToSession::Pull {
            receiver: body.0,
            room: 1024,
        };
        match self.tell(pull) {
            Some(FromSession::Frame { bytes, .. }) => {
                Taken::Piece(String::from_utf8(bytes.to_vec()).unwrap())
            }
            Some(FromSession::Wait) => Taken::Nothing,
            Some(FromSession::End) => Taken::End,
            other => panic!("{other:?}"),
        }
    }

    /// The rest of a body, which is taken to its end.
    fn finish(&mut self, body: Body) -> String {
        let mut text = String::new();
        loop {
            match self.take(&body) {
                Taken::Piece(piece) => text += &piece,
                Taken::End => break,
                Taken::Nothing => panic!("no end behind {text:?}"),
            }
        }
        self.tell(ToSession::Flushed(body.0));
        text
    }

    fn drop(&mut self, body: Body) {
        self.tell(ToSession::Aborted(body.0));
    }

    fn tell(&mut self, message: ToSession<()>) -> Option<FromSession> {
        let answer = self.endpoint.handle(NOW, message);
        while let Some(wake) = self.endpoint.poll_wake() {
            let (Wake::Opened(key) | Wake::Session(key)) = wake else {
                continue;
            };
            while let Some(event) = self.endpoint.poll_event(key) {
                application(&mut self.endpoint.session(key), &event);
                self.heard.push(event);
            }
        }
        answer
    }
}

fn application(session: &mut dyn AnySession, event: &Event) {
    match event {
        Event::Message(message) if message.as_str() == Some("bye") => {
            session.close(NOW, Close::new(3000, "Go away!"));
        }
        Event::Message(message) => session.send(message.clone()).unwrap(),
        Event::Open | Event::Writable | Event::Closed(_) => {}
    }
}

/// A receiving transport: its request, what stands before the first frame, and around each.
const RECEIVERS: [(Transport, &str, usize, &str, &str); 5] = [
    (Transport::Xhr, "POST /echo/0/s/xhr", 0, "", "\n"),
    (
        Transport::XhrStreaming,
        "POST /echo/0/s/xhr_streaming",
        2049,
        "",
        "\n",
    ),
    (
        Transport::EventSource,
        "GET /echo/0/s/eventsource",
        2,
        "data: ",
        "\r\n\r\n",
    ),
    (
        Transport::HtmlFile,
        "GET /echo/0/s/htmlfile?c=cb",
        1029,
        "<script>\np(\"",
        "\");\n</script>\r\n",
    ),
    (
        Transport::Jsonp,
        "GET /echo/0/s/jsonp?c=cb",
        0,
        "/**/cb(\"",
        "\");\r\n",
    ),
];

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

/// Two messages by the two senders.
fn send_both(stack: &mut Stack) {
    let sent = stack.send("POST /echo/0/s/xhr_send", &[], r#"["a"]"#);
    assert_eq!(sent, (204, Bytes::new()));
    let sent = stack.send("POST /echo/0/s/jsonp_send", &[FORM], "d=%5B%22b%22%5D");
    assert_eq!(sent, (200, "ok".into()));
}

#[test]
fn every_receiver_and_sender() {
    for (transport, line, prelude, before, after) in RECEIVERS {
        let quoted = matches!(transport, Transport::HtmlFile | Transport::Jsonp);
        let frame = |text: &str| {
            let text = if quoted {
                text.replace('"', "\\\"")
            } else {
                text.into()
            };
            format!("{before}{text}{after}")
        };
        let mut stack = Stack::new();
        let body = stack.receive(line);
        if prelude > 0 {
            let Taken::Piece(piece) = stack.take(&body) else {
                panic!("{transport} has a prelude");
            };
            assert_eq!(piece.len(), prelude, "{transport}");
        }
        let close = frame(r#"c[3000,"Go away!"]"#);
        match transport.kind() {
            Kind::Polling => {
                assert_eq!(stack.finish(body), frame("o"));
                send_both(&mut stack);
                let body = stack.receive(line);
                assert_eq!(stack.finish(body), frame(r#"a["a","b"]"#));
                let body = stack.receive(line);
                assert_eq!(stack.take(&body), Taken::Nothing);
                stack.send("POST /echo/0/s/xhr_send", &[], r#"["bye"]"#);
                assert_eq!(stack.finish(body), close);
            }
            Kind::Streaming => {
                assert_eq!(stack.take(&body), Taken::Piece(frame("o")));
                assert_eq!(stack.take(&body), Taken::Nothing);
                send_both(&mut stack);
                let both = Taken::Piece(frame(r#"a["a","b"]"#));
                assert_eq!(stack.take(&body), both);
                stack.send("POST /echo/0/s/xhr_send", &[], r#"["bye"]"#);
                assert_eq!(stack.finish(body), close);
            }
            Kind::Socket | Kind::Sending => unreachable!("these receive"),
        }
        assert!(matches!(stack.heard.last(), Some(Event::Closed(closed)) if closed.code == 3000));
        let (status, _) = stack.send("POST /echo/0/s/xhr_send", &[], r#"["a"]"#);
        assert_eq!(status, 404, "{transport}: the session is over");
    }
}

#[test]
fn a_dropped_body_ends_the_session() {
    for (transport, line, ..) in RECEIVERS {
        let mut stack = Stack::new();
        let body = stack.receive("POST /echo/0/s/xhr");
        assert_eq!(stack.finish(body), "o\n");
        let body = stack.receive(line);
        while stack.take(&body) != Taken::Nothing {}
        stack.drop(body);
        assert!(matches!(stack.heard.last(), Some(Event::Closed(_))));
        let body = stack.receive("POST /echo/0/s/xhr");
        let close = "c[1002,\"Connection interrupted\"]\n";
        assert_eq!(stack.finish(body), close, "{transport}");
    }
}

#[test]
fn a_body_that_is_dropped_with_its_last_frame_untaken_ends_the_session() {
    let mut stack = Stack::new();
    let body = stack.receive("POST /echo/0/s/xhr");
    assert_eq!(stack.take(&body), Taken::Piece("o\n".into()));
    stack.drop(body);
    assert!(matches!(stack.heard.last(), Some(Event::Closed(_))));
}

#[test]
fn both_websockets() {
    for (transport, line, hello, echo) in [
        (
            Transport::Websocket,
            "GET /echo/0/s/websocket",
            &b"\x81\x01o"[..],
            &b"\x81\x07a[\"hi\"]"[..],
        ),
        (
            Transport::RawWebsocket,
            "GET /echo/websocket",
            b"",
            b"\x81\x06[\"hi\"]",
        ),
    ] {
        let stack = Stack::new();
        let fields = [RFC, &["Host: h"]].concat();
        let answer = stack.service.answer(&ask(line, &fields), &ABOUT);
        let Answer::Websocket(websocket) = answer else {
            panic!("{answer:?}");
        };
        assert_eq!(websocket.transport, transport);
        let accepted = websocket.upgrade.accept(Accept::default()).unwrap();
        let names: Vec<_> = accepted.fields().map(|(name, _)| name).collect();
        assert_eq!(names, ["Upgrade", "Connection", "Sec-WebSocket-Accept"]);
        let config = Arc::new(Socket::connection_config(&stack.service));
        let connection = Connection::server(accepted.agreed(), config, Outbox::new(), NOW);
        let service = Arc::clone(&stack.service);
        let mut socket = Socket::new(connection, service, transport, None, NOW);
        assert_eq!(socket.outbox().chunk(), hello);
        socket.outbox().clear();
        socket.receive(NOW, &mut masked(0x81, b"[\"hi\"]"));
        while let Some(event) = socket.poll_event() {
            application(&mut socket, &event);
        }
        assert_eq!(socket.outbox().chunk(), echo);
    }
}

#[test]
fn pages_are_whole_responses() {
    let service = Service::new(Config::default()).unwrap();
    for (line, status) in [
        ("GET /", 200),
        ("GET /info", 200),
        ("GET /iframe.html", 200),
        ("OPTIONS /0/s/xhr", 204),
        ("GET /0/s/xhr", 405),
        ("GET /nowhere", 404),
    ] {
        let Answer::Response(response) = service.answer(&ask(line, &[]), &ABOUT) else {
            panic!("{line} is a whole response");
        };
        assert_eq!(response.head.status(), status, "{line}");
        for name in ["Connection", "Content-Length", "Transfer-Encoding", "Date"] {
            assert!(!response.head.headers().contains(name), "{line}: {name}");
        }
    }
    let answer = service.answer(&ask("POST /chunking_test", &[]), &ABOUT);
    assert!(matches!(answer, Answer::Timed(timed) if timed.chunks.len() == 7));
}
