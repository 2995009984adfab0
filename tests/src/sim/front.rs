//! A server's end of a connection: beside its sessions, or on another machine than they.

use std::collections::VecDeque;
use std::sync::Arc;

use sockjs_proto::{
    About, Answer, Capacity, Conversation, Endpoint, FromSession, Mount, ServerConnection, Service,
    Socket, ToSession, Wake, Websocket,
};
use websocket_proto::handshake::Accept;
use websocket_proto::http1::server::{self, Body, Event};
use websocket_proto::http1::{RequestHead, ResponseHead};
use websocket_proto::{Connection, Instant, Machine, Outbox, ReadInterest, connection};

use super::around::Around;

/// The end.
#[derive(Debug)]
pub(super) enum Front {
    /// Sessions answer inside the same call.
    Near(Box<ServerConnection<RequestHead>>),
    Far(Box<Far>),
}

/// What all connections of one server share.
#[derive(Debug)]
pub(super) struct Shared {
    mount: Mount,
    service: Arc<Service>,
    http: Arc<server::Config>,
    websocket: Arc<connection::Config>,
    capacity: Capacity,
}

/// Everything that passes between it and its sessions takes time, and stays in order.
#[derive(Debug)]
pub(super) struct Far {
    speaks: Speaks,
    conversation: Conversation<RequestHead>,
    asks: VecDeque<(Instant, ToSession<RequestHead>)>,
    news: VecDeque<(Instant, News)>,
    counted_on: bool,
}

#[derive(Debug)]
enum Speaks {
    Http(Box<server::Connection>),
    Socket(Box<Socket>),
}

#[derive(Debug)]
enum News {
    Reply(FromSession),
    Wake(Wake),
}

impl Shared {
    pub(super) fn new(service: Service, http: server::Config, capacity: Capacity) -> Self {
        Self {
            mount: Mount::new(service.clone(), http.clone(), capacity.clone()),
            websocket: Arc::new(Socket::connection_config(&service)),
            service: Arc::new(service),
            http: Arc::new(http),
            capacity,
        }
    }

    pub(super) fn service(&self) -> &Service {
        &self.service
    }

    pub(super) fn accept(&self, around: &Around) -> Front {
        let now = around.now;
        if around.plan.hop == 0 {
            return Front::Near(Box::new(ServerConnection::new(self.mount.clone(), now)));
        }
        let http = server::Connection::new(Arc::clone(&self.http), now);
        Front::Far(Box::new(Far {
            speaks: Speaks::Http(Box::new(http)),
            conversation: Conversation::new(),
            asks: VecDeque::new(),
            news: VecDeque::new(),
            counted_on: false,
        }))
    }
}

impl Front {
    /// Answers what came, and speaks with the sessions.
    pub(super) fn exchange(
        &mut self,
        around: &mut Around,
        shared: &Shared,
        endpoint: &mut Endpoint<RequestHead>,
    ) {
        match self {
            Self::Near(near) => {
                near.exchange(around.now, endpoint, &mut |bytes: &mut [u8]| bytes.fill(7));
            }
            Self::Far(far) => far.exchange(around, shared, endpoint),
        }
    }

    pub(super) fn conversation(&mut self) -> &mut Conversation<RequestHead> {
        match self {
            Self::Near(near) => near.conversation(),
            Self::Far(far) => &mut far.conversation,
        }
    }

    pub(super) fn socket(&mut self) -> Option<&mut Socket> {
        match self {
            Self::Near(near) => near.socket(),
            Self::Far(far) => match &mut far.speaks {
                Speaks::Socket(socket) => Some(socket),
                Speaks::Http(_) => None,
            },
        }
    }

    /// Whether it wants a turn because of that.
    pub(super) fn wake(&mut self, around: &mut Around, wake: Wake) -> bool {
        match self {
            Self::Near(near) => near.wake(around.now, wake),
            Self::Far(far) if matches!(far.speaks, Speaks::Socket(_)) => false,
            Self::Far(far) => {
                let at = around.hop(far.news.back().map(|(at, _)| *at));
                far.news.push_back((at, News::Wake(wake)));
                false
            }
        }
    }

    /// No byte moves any more.
    pub(super) fn abort(&mut self, around: &Around, endpoint: &mut Endpoint<RequestHead>) {
        match self {
            Self::Near(near) => near.abort(around.now, endpoint),
            Self::Far(far) => match &mut far.speaks {
                Speaks::Socket(socket) => socket.abort(),
                Speaks::Http(http) => {
                    far.conversation.lost();
                    http.abort();
                }
            },
        }
    }

    /// When something arrives from the sessions, or at them.
    pub(super) fn arrives(&self) -> Option<Instant> {
        match self {
            Self::Near(_) => None,
            Self::Far(far) => {
                let asks = far.asks.front().map(|(at, _)| *at);
                let news = far.news.front().map(|(at, _)| *at);
                asks.into_iter()
                    .chain(news)
                    .chain(far.conversation.poll_timeout())
                    .min()
            }
        }
    }

    /// Whether a session counts on a receiver here, which may not know that yet, or be gone.
    pub(super) const fn is_counted_on(&self) -> bool {
        match self {
            Self::Near(_) => false,
            Self::Far(far) => far.counted_on,
        }
    }

    /// Whether its sessions know all there is to know.
    pub(super) fn is_done(&self) -> bool {
        match self {
            Self::Near(_) => true,
            Self::Far(far) => far.asks.is_empty() && far.conversation.is_idle(),
        }
    }

    fn machine(&self) -> &dyn Machine {
        match self {
            Self::Near(near) => &**near,
            Self::Far(far) => match &far.speaks {
                Speaks::Http(http) => &**http,
                Speaks::Socket(socket) => &**socket,
            },
        }
    }

    fn machine_mut(&mut self) -> &mut dyn Machine {
        match self {
            Self::Near(near) => &mut **near,
            Self::Far(far) => match &mut far.speaks {
                Speaks::Http(http) => &mut **http,
                Speaks::Socket(socket) => &mut **socket,
            },
        }
    }
}

impl Far {
    fn exchange(
        &mut self,
        around: &mut Around,
        shared: &Shared,
        endpoint: &mut Endpoint<RequestHead>,
    ) {
        let now = around.now;
        let Self {
            speaks,
            conversation,
            asks,
            news,
            counted_on,
        } = self;
        let Speaks::Http(http) = speaks else {
            return;
        };
        loop {
            while let Some(event) = http.poll_event() {
                let Event::Request(head) = event else {
                    conversation.handle_event(now, http, event);
                    continue;
                };
                let answer: Answer = shared.service.answer(&head, &About::default());
                conversation.begin(now, http, answer, (), head);
            }
            let mut moved = false;
            while let Some(((), message)) = conversation.poll_message(now, http) {
                let at = around.hop(asks.back().map(|(at, _)| *at));
                asks.push_back((at, message));
            }
            while asks.front().is_some_and(|(at, _)| *at <= now) {
                if let Some((_, message)) = asks.pop_front() {
                    around.tell(|| format!("the sessions are told {message:?}"));
                    let gone = matches!(message, ToSession::Flushed(_) | ToSession::Aborted(_));
                    *counted_on &= !gone;
                    let Some(reply) = endpoint.handle(now, message) else {
                        continue;
                    };
                    *counted_on |= matches!(reply, FromSession::Attached(_));
                    let at = around.hop(news.back().map(|(at, _)| *at));
                    news.push_back((at, News::Reply(reply)));
                }
            }
            while news.front().is_some_and(|(at, _)| *at <= now) {
                moved = true;
                match news.pop_front() {
                    Some((_, News::Reply(reply))) => conversation.reply(now, http, reply),
                    Some((_, News::Wake(wake))) => drop(conversation.wake(now, wake)),
                    None => {}
                }
            }
            if !moved {
                break;
            }
        }
        if let Some(((), websocket, _)) = conversation.poll_websocket(http) {
            self.switch(now, shared, websocket);
        }
    }

    fn switch(&mut self, now: Instant, shared: &Shared, websocket: Websocket) {
        let Speaks::Http(http) = &mut self.speaks else {
            return;
        };
        let Websocket {
            transport, upgrade, ..
        } = websocket;
        let Some(permit) = shared.capacity.take() else {
            let head = ResponseHead::new(503).close();
            return http
                .respond(now, &head, Body::Empty)
                .expect("a request waits");
        };
        let accepted = upgrade
            .accept(Accept::default())
            .expect("nothing is asked for");
        let fresh = server::Connection::new(Arc::clone(&shared.http), now);
        match std::mem::replace(&mut **http, fresh).upgrade() {
            Ok(mut outbox) => {
                accepted.queue(&mut outbox);
                let terms = Arc::clone(&shared.websocket);
                let connection = Connection::server(accepted.agreed(), terms, outbox, now);
                let service = Arc::clone(&shared.service);
                let socket = Socket::new(connection, service, transport, Some(permit), now);
                self.speaks = Speaks::Socket(Box::new(socket));
                self.news.clear();
            }
            Err(closed) => *http = closed,
        }
    }
}

impl Machine for Front {
    fn receive(&mut self, now: Instant, input: &mut [u8]) -> usize {
        self.machine_mut().receive(now, input)
    }

    fn receive_eof(&mut self, now: Instant) {
        self.machine_mut().receive_eof(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.machine().poll_timeout()
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

    fn is_finished(&self) -> bool {
        self.machine().is_finished()
    }

    fn direct_read(&mut self) -> Option<&mut [u8]> {
        self.machine_mut().direct_read()
    }

    fn direct_filled(&mut self, now: Instant, n: usize) {
        self.machine_mut().direct_filled(now, n);
    }
}
