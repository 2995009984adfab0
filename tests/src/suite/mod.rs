//! A server with the services that the protocol's test suites ask for, and clients without sockets.

mod client;
mod reply;
pub mod verify;

use std::fmt::Write as _;
use std::time::Duration;

use sockjs_proto::{
    Admit, AnySession, Capacity, Close, Config, Dialect, Endpoint, Event, Mount, ServerConnection,
    Service, SessionCookie, Wake,
};
use websocket_proto::handshake::OriginPolicy;
use websocket_proto::http1::{RequestHead, server};
use websocket_proto::{Drafts, Instant, Machine};

use client::{Client, Fin};
pub use reply::Reply;

/// What an application does about an event.
pub type Application = fn(Instant, &mut dyn AnySession, Event);

/// The server of one dialect, on virtual time.
#[derive(Debug)]
pub struct Server {
    /// Virtual time.
    pub now: Instant,
    sites: Vec<Site>,
    clients: Vec<Client>,
    ids: u32,
}

/// One service.
#[derive(Debug)]
struct Site {
    mount: Mount,
    endpoint: Endpoint<RequestHead>,
    application: Application,
    log: Vec<String>,
}

impl Server {
    /// The suites' services in that dialect.
    pub fn new(dialect: Dialect) -> Self {
        let config = |prefix: &str| Config {
            prefix: prefix.into(),
            dialect,
            response_limit: 4096,
            origins: OriginPolicy::Any,
            drafts: Drafts::ALL,
            sockjs_url: "http://localhost/sockjs.js".into(),
            ..Config::default()
        };
        Self::serving(vec![
            (config("/echo"), echo as Application),
            (
                Config {
                    websocket: false,
                    ..config("/disabled_websocket_echo")
                },
                echo,
            ),
            (
                Config {
                    jsessionid: SessionCookie::On,
                    ..config("/cookie_needed_echo")
                },
                echo,
            ),
            (config("/close"), close),
        ])
    }

    /// Services of one's own.
    ///
    /// # Panics
    ///
    /// When an option is wrong.
    pub fn serving(services: Vec<(Config, Application)>) -> Self {
        let site = |(config, application): (Config, Application)| {
            let capacity = Capacity::new(config.max_sessions);
            let service = Service::new(config).expect("good options");
            let endpoint = Endpoint::new(&service, Admit::All, capacity.clone(), [7; 16]);
            Site {
                mount: Mount::new(service, server::Config::default(), capacity),
                endpoint,
                application,
                log: Vec::new(),
            }
        };
        Self {
            now: Instant::ZERO,
            sites: services.into_iter().map(site).collect(),
            clients: Vec::new(),
            ids: 0,
        }
    }

    /// A session URL that nobody has used, below the prefix.
    pub fn session(&mut self, prefix: &str) -> String {
        self.ids += 1;
        format!("{prefix}/000/session-{}", self.ids)
    }

    /// A request on a connection of its own, and the whole response to it.
    ///
    /// # Panics
    ///
    /// When it is not complete.
    pub fn ask(&mut self, line: &str, fields: &[&str], body: &str) -> Reply {
        let client = self.begin(line, fields, body);
        let reply = self.reply(client);
        assert!(reply.complete, "{line}: {reply:?}");
        self.hang_up(client);
        reply
    }

    /// [`ask`](Self::ask) by GET.
    pub fn get(&mut self, target: &str) -> Reply {
        self.ask(&format!("GET {target}"), &[], "")
    }

    /// [`ask`](Self::ask) by POST.
    pub fn post(&mut self, target: &str, body: &str) -> Reply {
        self.ask(&format!("POST {target}"), &[], body)
    }

    /// Begins a request on a connection of its own.
    pub fn begin(&mut self, line: &str, fields: &[&str], body: &str) -> usize {
        let target = line.split(' ').nth(1).unwrap_or_default();
        let client = self.connect(target);
        self.send(client, request(line, fields, body).as_bytes());
        client
    }

    /// A connection to the service that owns a path.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub fn connect(&mut self, target: &str) -> usize {
        let path = target.split('?').next().unwrap_or_default();
        let owner = |site: &Site| site.mount.service().owns(path);
        let site = self.sites.iter().position(owner).expect("a service");
        let connection = ServerConnection::new(self.sites[site].mount.clone(), self.now);
        self.clients.push(Client::new(site, connection));
        self.clients.len() - 1
    }

    /// Bytes from a client.
    pub fn send(&mut self, client: usize, bytes: &[u8]) {
        self.clients[client].input.extend_from_slice(bytes);
        self.turn();
    }

    /// What came since the last look, as bytes.
    pub fn bytes(&mut self, client: usize) -> Vec<u8> {
        let client = &mut self.clients[client];
        client.output[core::mem::replace(&mut client.seen, client.output.len())..].to_vec()
    }

    /// The response to the oldest request that was not looked at. When it is complete, the next look
    /// is at the next one.
    pub fn reply(&mut self, client: usize) -> Reply {
        let client = &mut self.clients[client];
        let over = client.fin == Fin::Over;
        let (reply, length) = Reply::parse(&client.output[client.seen..], over);
        if reply.complete {
            client.seen += length;
            client.chunks = 0;
        }
        reply
    }

    /// Whether the current response has its end.
    pub fn reply_is_complete(&self, client: usize) -> bool {
        let client = &self.clients[client];
        let bytes = &client.output[client.seen..];
        Reply::parse(bytes, client.fin == Fin::Over).0.complete
    }

    /// The next chunk of the response that is under way.
    ///
    /// # Panics
    ///
    /// When none has come.
    pub fn chunk(&mut self, client: usize) -> String {
        let client = &mut self.clients[client];
        let (reply, _) = Reply::parse(&client.output[client.seen..], client.fin == Fin::Over);
        let chunk = reply.chunks.get(client.chunks);
        client.chunks += 1;
        String::from_utf8(chunk.expect("a chunk").clone()).expect("text")
    }

    /// Whether no further chunk and no end has come.
    pub fn is_waiting(&self, client: usize) -> bool {
        let client = &self.clients[client];
        let (reply, _) = Reply::parse(&client.output[client.seen..], client.fin == Fin::Over);
        !reply.complete && reply.chunks.len() == client.chunks
    }

    /// Whether the server has ended the connection.
    pub fn is_over(&self, client: usize) -> bool {
        self.clients[client].fin == Fin::Over
    }

    /// The client ends its side.
    pub fn hang_up(&mut self, client: usize) {
        let client = &mut self.clients[client];
        if client.fin == Fin::No {
            client.fin = Fin::Sent;
        }
        self.turn();
    }

    /// The client's end has arrived, and nobody looks until something else happens.
    pub fn vanish(&mut self, client: usize) {
        self.clients[client].fin = Fin::Sent;
    }

    /// The transport fails.
    pub fn cut(&mut self, client: usize) {
        let client = &mut self.clients[client];
        let site = &mut self.sites[client.site];
        client.connection.abort(self.now, &mut site.endpoint);
        client.fin = Fin::Over;
        self.turn();
    }

    /// From now on nobody looks whether this client is still there.
    pub fn look_away(&mut self, client: usize) {
        self.clients[client].looks = false;
    }

    /// The connection is dropped.
    pub fn forget(&mut self, client: usize) {
        self.clients.remove(client);
    }

    /// How many more bytes the kernel takes of a connection.
    pub fn limit(&mut self, client: usize, room: usize) {
        self.clients[client].room = room;
        self.turn();
    }

    /// The connection comes to its polite end.
    pub fn shut_down(&mut self, client: usize) {
        self.clients[client].connection.shutdown();
        self.turn();
    }

    /// What the application of the service below a prefix heard since the last look, one event each.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub fn log(&mut self, prefix: &str) -> Vec<String> {
        let owner = |site: &&mut Site| site.mount.service().owns(prefix);
        let site = self.sites.iter_mut().find(owner).expect("a service");
        core::mem::take(&mut site.log)
    }

    /// The endpoint of the service below a prefix.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub fn endpoint(&mut self, prefix: &str) -> &mut Endpoint<RequestHead> {
        let owner = |site: &&mut Site| site.mount.service().owns(prefix);
        let site = self.sites.iter_mut().find(owner).expect("a service");
        &mut site.endpoint
    }

    /// The connection, to look at.
    pub fn connection(&mut self, client: usize) -> &mut ServerConnection<RequestHead> {
        &mut self.clients[client].connection
    }

    /// Lets time pass, firing each timer when it is due.
    pub fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(at) = self.deadline().filter(|&at| at <= end) {
            self.now = self.now.max(at);
            for client in &mut self.clients {
                client.connection.handle_timeout(self.now);
            }
            for site in &mut self.sites {
                site.endpoint.handle_timeout(self.now);
            }
            self.turn();
            let next = self.deadline();
            assert!(next.is_none_or(|next| next > self.now), "due twice");
        }
        self.now = end;
        self.turn();
    }

    fn deadline(&self) -> Option<Instant> {
        let alive = self.clients.iter().filter(|client| client.fin != Fin::Over);
        let clients = alive.filter_map(|client| client.connection.poll_timeout());
        let sites = self.sites.iter();
        let sites = sites.filter_map(|site| site.endpoint.poll_timeout());
        clients.chain(sites).min()
    }

    /// Turns of all connections until nothing moves.
    pub fn turn(&mut self) {
        loop {
            let mut moved = false;
            for client in &mut self.clients {
                moved |= client.turn(&mut self.sites[client.site], self.now);
            }
            for at in 0..self.sites.len() {
                while let Some(wake) = self.sites[at].endpoint.poll_wake() {
                    moved = true;
                    self.wake(at, wake);
                }
            }
            if !moved {
                return;
            }
        }
    }

    fn wake(&mut self, at: usize, wake: Wake) {
        let site = &mut self.sites[at];
        match wake {
            Wake::Opened(key) | Wake::Session(key) => {
                while let Some(event) = site.endpoint.poll_event(key) {
                    note(&mut site.log, &event);
                    (site.application)(self.now, &mut site.endpoint.session(key), event);
                }
            }
            Wake::Receiver(_) | Wake::CheckReceiver(_) | Wake::Sender(_) => {
                let here = self.clients.iter_mut().filter(|client| client.site == at);
                let meant = here.filter_map(|client| {
                    let meant = client.connection.wake(self.now, wake);
                    (meant && client.fin != Fin::Over).then_some(())
                });
                assert!(meant.count() <= 1, "{wake:?} is for one");
            }
            Wake::Admission => panic!("all are admitted"),
        }
    }
}

fn note(log: &mut Vec<String>, event: &Event) {
    let mut line = String::new();
    let written = match event {
        Event::Open => write!(line, "open"),
        Event::Message(message) => write!(line, "message {}", message.to_string_lossy()),
        Event::Writable => write!(line, "writable"),
        Event::Closed(closed) => write!(line, "closed: {closed}"),
    };
    written.expect("memory");
    log.push(line);
}

/// A request in HTTP/1.1, if `line` does not say otherwise.
pub fn request(line: &str, fields: &[&str], body: &str) -> String {
    let version = if line.contains(" HTTP/") {
        ""
    } else {
        " HTTP/1.1"
    };
    let mut head = format!("{line}{version}\r\nHost: localhost\r\n");
    for field in fields {
        head += field;
        head += "\r\n";
    }
    if !body.is_empty() {
        head += &format!("Content-Length: {}\r\n", body.len());
    }
    head + "\r\n" + body
}

/// Says what it hears.
///
/// # Panics
///
/// When there is no room.
pub fn echo(_: Instant, session: &mut dyn AnySession, event: Event) {
    if let Event::Message(message) = event {
        session.send(message).expect("room");
    }
}

/// Goes away at once.
pub fn close(now: Instant, session: &mut dyn AnySession, event: Event) {
    if event == Event::Open {
        session.close(now, Close::new(3000, "Go away!"));
    }
}
