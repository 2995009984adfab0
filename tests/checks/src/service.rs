//! One TCP connection of a SockJS server, whatever its bytes ask for: pages, any transport, a WebSocket
//! of any draft. Cut anywhere, the application hears the same and the client reads the same; sessions
//! begin and end once; and when the client has gone, everything comes to an end.

use bytes::Buf;
use sockjs_proto::{
    Admit, AnySession, Capacity, Cause, Close, Config, Dialect, Endpoint, Event, Mount,
    ServerConnection, Service, SessionKey, WebsocketFrames,
};
use websocket_proto::handshake::OriginPolicy;
use websocket_proto::http1::{RequestHead, server};
use websocket_proto::{Instant, Machine, Refused};

use crate::planted;
use crate::served::lengths;

/// The first two bytes choose the dialect and the pieces; the others are what the client sends.
pub fn check(data: &[u8]) {
    let [dialect, seed, input @ ..] = data else {
        return;
    };
    let dialect = Dialect::ALL[usize::from(*dialect) % Dialect::ALL.len()];
    let whole = Visit::new(dialect).run(input, || usize::MAX);
    let mut input = input.to_vec();
    if planted("service-loses-a-letter-when-cut") {
        input = String::from_utf8_lossy(&input).replace("[\"", "[").into();
    }
    for most in [1, 7, 200] {
        let chopped = Visit::new(dialect).run(&input, lengths((*seed).into(), most));
        assert_eq!(chopped.log, whole.log);
        let text = |visit: &Visit| essence(&visit.output).escape_ascii().to_string();
        assert_eq!(text(&chopped), text(&whole));
    }
}

/// What a client read, without what hangs on when it wrote: the place of a pong, and the number of them
/// if there are many (RFC 6455 §5.5.3); and whose code a close frame has, ours or the client's, which
/// comes first when both close.
fn essence(output: &[u8]) -> Vec<u8> {
    let accepts = b"Sec-WebSocket-Accept:";
    let find = |text: &[u8], from: usize| {
        let mut windows = output[from..].windows(text.len());
        windows
            .position(|window| window == text)
            .map(|at| from + at)
    };
    let head = find(accepts, 0).and_then(|at| find(b"\r\n\r\n", at));
    let (http, mut frames) = output.split_at(head.map_or(output.len(), |at| at + 4));
    let mut essence = http.to_vec();
    while let &[first, second, ref rest @ ..] = frames {
        // What a server sends here has no mask, and is shorter than 64 KiB.
        let (start, len) = match (second, rest) {
            (126, [high, low, ..]) => (4, usize::from(u16::from_be_bytes([*high, *low]))),
            (len, _) => (2, usize::from(len)),
        };
        let (frame, behind) = frames.split_at(start + len);
        frames = behind;
        match first {
            PONG => {}
            CLOSE => essence.push(CLOSE),
            _ => essence.extend_from_slice(frame),
        }
    }
    assert!(frames.is_empty(), "half a frame");
    essence
}

/// A server with one client, and an application that sends back what it hears.
struct Visit {
    now: Instant,
    connection: ServerConnection<RequestHead>,
    endpoint: Endpoint<RequestHead>,
    /// Sessions over HTTP that have not ended.
    sessions: Vec<SessionKey>,
    /// Whether the session over a WebSocket has ended.
    socket_ended: bool,
    /// What the application heard, in order.
    log: Vec<String>,
    /// What the client read.
    output: Vec<u8>,
}

impl Visit {
    fn new(dialect: Dialect) -> Self {
        let config = Config {
            prefix: "/s".into(),
            dialect,
            origins: OriginPolicy::Any,
            response_limit: 300,
            max_body: 2000,
            max_message: 2000,
            // How many messages share a frame hangs on how they come.
            websocket_frames: WebsocketFrames::OneMessage,
            ..Config::default()
        };
        let service = Service::new(config).expect("good options");
        let capacity = Capacity::new(20);
        let endpoint = Endpoint::new(&service, Admit::All, capacity.clone(), [7; 16]);
        let mount = Mount::new(service, server::Config::default(), capacity);
        Self {
            now: Instant::ZERO,
            connection: ServerConnection::new(mount, Instant::ZERO),
            endpoint,
            sessions: Vec::new(),
            socket_ended: false,
            log: Vec::new(),
            output: Vec::new(),
        }
    }

    /// Brings `input` in pieces of at most `most()` bytes, and its end.
    fn run(mut self, input: &[u8], mut most: impl FnMut() -> usize) -> Self {
        let mut rest = input;
        while !rest.is_empty() {
            let mut piece = rest[..rest.len().min(most())].to_vec();
            let taken = self.connection.receive(self.now, &mut piece);
            rest = &rest[taken..];
            let worked = self.work();
            // Only time helps a client that waits, for instance with one request behind another.
            if !worked && taken == 0 && !self.pass() {
                break;
            }
        }
        self.connection.receive_eof(self.now);
        self.work();
        for _ in 0..PATIENCE {
            if planted("service-forgets-a-deadline") || !self.pass() {
                break;
            }
        }
        assert!(self.connection.is_finished(), "{:?}", self.connection);
        assert_eq!(self.endpoint.session_count(), 0, "{:?}", self.log);
        assert!(self.sessions.is_empty());
        assert_eq!(self.socket_ended, self.connection.socket().is_some());
        self
    }

    /// Lets the time pass to the next deadline. `false` when there is none.
    fn pass(&mut self) -> bool {
        let deadlines = [self.connection.poll_timeout(), self.endpoint.poll_timeout()];
        let Some(next) = deadlines.into_iter().flatten().min() else {
            return false;
        };
        self.now = self.now.max(next);
        self.connection.handle_timeout(self.now);
        self.endpoint.handle_timeout(self.now);
        self.work();
        true
    }

    /// Turns, until nothing moves.
    fn work(&mut self) -> bool {
        let mut any = false;
        while self.turn() {
            any = true;
        }
        any
    }

    fn turn(&mut self) -> bool {
        let before = (self.log.len(), self.output.len());
        let mut entropy = |bytes: &mut [u8]| bytes.fill(7);
        self.connection
            .exchange(self.now, &mut self.endpoint, &mut entropy);
        let mut woken = false;
        while let Some(wake) = self.endpoint.poll_wake() {
            woken |= self.connection.wake(self.now, wake);
        }
        for key in self.endpoint.sessions().collect::<Vec<_>>() {
            if !self.sessions.contains(&key) {
                self.sessions.push(key);
            }
        }
        for key in self.sessions.clone() {
            while let Some(event) = self.endpoint.poll_event(key) {
                let name = format!("{:?}", self.endpoint.id(key));
                let ended = hear(
                    &mut self.log,
                    self.now,
                    &name,
                    &mut self.endpoint.session(key),
                    event,
                );
                if ended {
                    self.sessions.retain(|other| *other != key);
                }
            }
        }
        if let Some(socket) = self.connection.socket() {
            while let Some(event) = socket.poll_event() {
                assert!(!self.socket_ended, "{event:?} behind the end");
                self.socket_ended = hear(&mut self.log, self.now, SOCKET, socket, event);
            }
        }
        let outbox = self.connection.outbox();
        let written = outbox.copy_to_bytes(outbox.len());
        self.output.extend_from_slice(&written);
        woken || before != (self.log.len(), self.output.len())
    }
}

/// What the application does. `true` when it was the end.
fn hear(
    log: &mut Vec<String>,
    now: Instant,
    name: &str,
    session: &mut dyn AnySession,
    mut event: Event,
) -> bool {
    if let Event::Closed(closed) = &mut event
        && name == SOCKET
        && !matches!(closed.cause, Cause::Socket(_))
    {
        // We have closed. What a client does wrong with its WebSocket behind that is seen only if it comes
        // at once.
        closed.in_doubt = false;
    }
    log.push(format!("{name} {event:?}"));
    match event {
        Event::Message(message) if message == "bye" => {
            session.close(now, Close::new(3000, "Go away!"));
        }
        Event::Message(message) => {
            let refused = session.send(message).map_err(|refused| refused.why).err();
            assert!(refused.is_none_or(|why| matches!(why, Refused::Full | Refused::Closing)));
        }
        Event::Open | Event::Writable => {}
        Event::Closed(_) => return true,
    }
    false
}

/// How the session over a WebSocket is called.
const SOCKET: &str = "socket";
/// The first byte of a pong.
const PONG: u8 = 0x8a;
/// The first byte of a close frame.
const CLOSE: u8 = 0x88;
/// Deadlines until everything has ended.
const PATIENCE: usize = 100;
