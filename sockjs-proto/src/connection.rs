//! One connection of a program that serves one SockJS service.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;

use websocket_proto::handshake::Accept;
use websocket_proto::http1::server::{self, Body, Event};
use websocket_proto::http1::{RequestHead, ResponseHead};
use websocket_proto::{Connection, Entropy, Instant, Machine, Outbox, ReadInterest, connection};

use crate::answer::{About, Websocket};
use crate::endpoint::UNAVAILABLE;
use crate::{Capacity, Conversation, Endpoint, Service, Socket, Wake};

/// A service, and what else all its connections share.
#[derive(Clone, Debug)]
pub struct Mount {
    service: Arc<Service>,
    http: Arc<server::Config>,
    websocket: Arc<connection::Config>,
    capacity: Capacity,
}

impl Mount {
    /// `capacity` bounds the sessions over WebSockets together with those of the endpoint that has it
    /// too.
    pub fn new(service: Service, http: server::Config, capacity: Capacity) -> Self {
        Self {
            http: Arc::new(http),
            websocket: Arc::new(Socket::connection_config(&service)),
            service: Arc::new(service),
            capacity,
        }
    }

    /// The service.
    pub fn service(&self) -> &Service {
        &self.service
    }
}

/// One TCP connection of a server: HTTP/1, the service's answers, and then perhaps a [`Socket`].
///
/// The driver moves its bytes as those of any [`Machine`]. Sessions over HTTP live in an
/// [`Endpoint`], one for all connections, which is handed to [`exchange`](Self::exchange). One turn:
///
/// 1. bytes in ([`receive`](Machine::receive)), or a deadline ([`handle_timeout`](Machine::handle_timeout));
/// 2. [`exchange`](Self::exchange);
/// 3. the endpoint's wakes: sessions to the application, the others to the connection whose
///    [`wake`](Self::wake) says that it was meant, which then has a turn;
/// 4. bytes out; when some were written, another turn.
///
/// For a WebSocket, [`socket`](Self::socket) is the session. `R` is made of each request's head, and
/// is what [`Endpoint::request`] tells of a session: the head itself, for instance.
///
/// A session that opens, says something, hears something and is closed:
///
/// ```
/// use bytes::Buf;
/// use sockjs_proto::{
///     Admit, AnySession, Capacity, Close, Config, Endpoint, Event, Message, Mount,
///     ServerConnection, Service, Wake,
/// };
/// use websocket_proto::http1::{RequestHead, server};
/// use websocket_proto::{Instant, Machine};
///
/// /// One turn: a request, what the application does about it, the answer without its head.
/// fn turn(
///     connection: &mut ServerConnection<RequestHead>,
///     endpoint: &mut Endpoint<RequestHead>,
///     request: &str,
///     application: fn(&mut dyn AnySession, Event),
/// ) -> String {
///     let now = Instant::ZERO;
///     let mut entropy = |bytes: &mut [u8]| bytes.fill(7); // ask the operating system instead
///     let mut input = request.as_bytes().to_vec();
///     let mut written = Vec::new();
///     loop {
///         let taken = connection.receive(now, &mut input);
///         input.drain(..taken);
///         connection.exchange(now, endpoint, &mut entropy);
///         while let Some(wake) = endpoint.poll_wake() {
///             match wake {
///                 Wake::Opened(key) | Wake::Session(key) => {
///                     while let Some(event) = endpoint.poll_event(key) {
///                         application(&mut endpoint.session(key), event);
///                     }
///                 }
///                 wake => {
///                     connection.wake(now, wake); // the only one here
///                     connection.exchange(now, endpoint, &mut entropy);
///                 }
///             }
///         }
///         let outbox = connection.outbox();
///         if outbox.is_empty() && taken == 0 {
///             let text = String::from_utf8(written).unwrap();
///             return text.split_once("\r\n\r\n").unwrap().1.into();
///         }
///         written.extend(outbox.copy_to_bytes(outbox.len()));
///     }
/// }
///
/// let service = Service::new(Config { prefix: "/echo".into(), ..Config::default() })?;
/// let capacity = Capacity::new(100);
/// let mut endpoint = Endpoint::new(&service, Admit::All, capacity.clone(), [7; 16]);
/// let mount = Mount::new(service, server::Config::default(), capacity);
/// let mut connection = ServerConnection::new(mount, Instant::ZERO);
///
/// let echo = |session: &mut dyn AnySession, event: Event| match event {
///     Event::Message(message) if message == Message::from("bye") => {
///         session.close(Instant::ZERO, Close::new(3000, "Go away!"));
///     }
///     Event::Message(message) => session.send(message).expect("room"),
///     _ => {}
/// };
/// let poll = "POST /echo/000/abc/xhr HTTP/1.1\r\nHost: h\r\n\r\n";
/// let post = "POST /echo/000/abc/xhr_send HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n\r\n";
///
/// let mut ask = |request: &str| turn(&mut connection, &mut endpoint, request, echo);
/// assert_eq!(ask(poll), "2\r\no\n\r\n0\r\n\r\n");
/// assert_eq!(ask(&format!("{post}[\"hey\"]")), "");
/// assert_eq!(ask(poll), "9\r\na[\"hey\"]\n\r\n0\r\n\r\n");
/// assert_eq!(ask(&format!("{post}[\"bye\"]")), "");
/// assert_eq!(ask(poll), "13\r\nc[3000,\"Go away!\"]\n\r\n0\r\n\r\n");
/// # Ok::<(), sockjs_proto::ConfigError>(())
/// ```
pub struct ServerConnection<R> {
    mount: Mount,
    speaks: Speaks<R>,
    conversation: Conversation<R>,
    secure: bool,
}

enum Speaks<R> {
    Http(Box<server::Connection>),
    /// And what is known of the request it came from.
    Socket(Box<Socket>, R),
}

impl<R: From<RequestHead>> ServerConnection<R> {
    /// A connection on which nothing has come yet.
    pub fn new(mount: Mount, now: Instant) -> Self {
        let http = server::Connection::new(Arc::clone(&mount.http), now);
        Self {
            mount,
            speaks: Speaks::Http(Box::new(http)),
            conversation: Conversation::new(),
            secure: false,
        }
    }

    /// Tells that the client came over TLS, whether it ends here or at a trusted proxy.
    #[must_use]
    pub fn secured(mut self) -> Self {
        self.secure = true;
        self
    }

    /// Answers what came, and lets the sessions of `endpoint` know. `entropy` is the operating
    /// system's generator.
    pub fn exchange(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint<R>,
        entropy: &mut impl Entropy,
    ) {
        if let Speaks::Http(http) = &mut self.speaks {
            loop {
                while let Some(event) = http.poll_event() {
                    let Event::Request(head) = event else {
                        self.conversation.handle_event(now, http, event);
                        continue;
                    };
                    let mut random = [0; 4];
                    entropy.fill(&mut random);
                    let about = About {
                        now,
                        clock: self.mount.http.wall.unwrap_or_default(),
                        entropy: u32::from_ne_bytes(random),
                        secure: self.secure,
                    };
                    let answer = self.mount.service.answer(&head, &about);
                    let request = R::from(head);
                    self.conversation.begin(now, http, answer, (), request);
                }
                let Some(((), message)) = self.conversation.poll_message(now, http) else {
                    break;
                };
                if let Some(reply) = endpoint.handle(now, message) {
                    self.conversation.reply(now, http, reply);
                }
            }
            if let Some(((), websocket, request)) = self.conversation.poll_websocket(http) {
                self.switch(now, websocket, request);
            }
        }
    }

    /// A wake of the endpoint. `true` when it was for this connection, which then wants an
    /// [`exchange`](Self::exchange).
    pub fn wake(&mut self, now: Instant, wake: Wake) -> bool {
        self.conversation.wake(now, wake)
    }

    /// What is being said about HTTP's requests: by which names the endpoint wakes this connection,
    /// and whether it is to be looked at.
    pub const fn conversation(&mut self) -> &mut Conversation<R> {
        &mut self.conversation
    }

    /// The session over a WebSocket that this connection has become.
    pub fn socket(&mut self) -> Option<&mut Socket> {
        match &mut self.speaks {
            Speaks::Socket(socket, _) => Some(socket),
            Speaks::Http(_) => None,
        }
    }

    /// What is known of the request that the WebSocket came from.
    pub const fn request(&self) -> Option<&R> {
        match &self.speaks {
            Speaks::Socket(_, request) => Some(request),
            Speaks::Http(_) => None,
        }
    }

    /// Comes to a polite end over HTTP: no further request is taken, and a receiver's response ends
    /// at the next [`exchange`](Self::exchange). A WebSocket is the application's to close.
    pub fn shutdown(&mut self) {
        match &mut self.speaks {
            Speaks::Http(http) => self.conversation.shutdown(http),
            Speaks::Socket(..) => {}
        }
    }

    /// The transport failed: no byte will move any more. The sessions hear of it at once; a socket
    /// has a last event.
    pub fn abort(&mut self, now: Instant, endpoint: &mut Endpoint<R>) {
        match &mut self.speaks {
            Speaks::Socket(socket, _) => socket.abort(),
            Speaks::Http(http) => {
                self.conversation.lost();
                http.abort();
                while let Some(((), message)) = self.conversation.poll_message(now, http) {
                    endpoint.handle(now, message);
                }
            }
        }
    }

    fn switch(&mut self, now: Instant, websocket: Websocket, request: R) {
        let Websocket {
            transport, upgrade, ..
        } = websocket;
        let Speaks::Http(http) = &mut self.speaks else {
            return;
        };
        let Some(permit) = self.mount.capacity.take() else {
            return refuse(now, http, &ResponseHead::new(UNAVAILABLE));
        };
        let accepted = match upgrade.accept(Accept::default()) {
            Ok(accepted) => accepted,
            Err(error) => {
                let drafts = self.mount.service.config().drafts;
                return refuse(now, http, &error.refusal().response(drafts));
            }
        };
        let successor = server::Connection::new(Arc::clone(&self.mount.http), now);
        match core::mem::replace(&mut **http, successor).upgrade() {
            Ok(mut outbox) => {
                accepted.queue(&mut outbox);
                let terms = Arc::clone(&self.mount.websocket);
                let connection = Connection::server(accepted.agreed(), terms, outbox, now);
                let service = Arc::clone(&self.mount.service);
                let socket = Socket::new(connection, service, transport, Some(permit), now);
                self.speaks = Speaks::Socket(Box::new(socket), request);
            }
            // A request waits, so this is the way out of a connection that was closed meanwhile.
            Err(closed) => *http = closed,
        }
    }
}

fn refuse(now: Instant, http: &mut server::Connection, head: &ResponseHead) {
    let head = head.clone().close();
    // Refused only by a connection that is closed, which is told by its own event.
    let _ = http.respond(now, &head, Body::Empty);
}

impl<R> ServerConnection<R> {
    fn machine(&self) -> &dyn Machine {
        match &self.speaks {
            Speaks::Http(http) => &**http,
            Speaks::Socket(socket, _) => &**socket,
        }
    }

    fn machine_mut(&mut self) -> &mut dyn Machine {
        match &mut self.speaks {
            Speaks::Http(http) => &mut **http,
            Speaks::Socket(socket, _) => &mut **socket,
        }
    }
}

impl<R> Machine for ServerConnection<R> {
    fn receive(&mut self, now: Instant, input: &mut [u8]) -> usize {
        self.machine_mut().receive(now, input)
    }

    fn receive_eof(&mut self, now: Instant) {
        self.machine_mut().receive_eof(now);
    }

    /// Besides the machine's own deadlines, when to call
    /// [`exchange`](ServerConnection::exchange) although nothing came.
    fn poll_timeout(&self) -> Option<Instant> {
        let machine = self.machine().poll_timeout();
        machine
            .into_iter()
            .chain(self.conversation.poll_timeout())
            .min()
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.machine_mut().handle_timeout(now);
    }

    fn outbox(&mut self) -> &mut Outbox {
        self.machine_mut().outbox()
    }

    fn read_interest(&self) -> ReadInterest {
        self.machine().read_interest()
    }

    /// Also when the endpoint has heard of everything that was written.
    fn is_finished(&self) -> bool {
        self.machine().is_finished() && self.conversation.is_idle()
    }

    fn direct_read(&mut self) -> Option<&mut [u8]> {
        self.machine_mut().direct_read()
    }

    fn direct_filled(&mut self, now: Instant, n: usize) {
        self.machine_mut().direct_filled(now, n);
    }
}

impl<R> fmt::Debug for ServerConnection<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("ServerConnection");
        match &self.speaks {
            Speaks::Http(http) => debug.field("http", http),
            Speaks::Socket(socket, _) => debug.field("socket", socket),
        };
        debug
            .field("conversation", &self.conversation)
            .finish_non_exhaustive()
    }
}
