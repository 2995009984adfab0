//! SockJS requests on an HTTP connection.

use std::fmt;
use std::sync::Arc;
use std::task::Context;

use sockjs_proto::{
    About, Answer, Conversation, FromSession, SessionId, ToSession, Transport, Websocket,
};
use websocket_proto::http1::RequestHead;
use websocket_proto::http1::server::{Connection, Event};
use websocket_proto::{Entropy as _, Instant, WallClock};

use super::attendant::Attendant;
use super::hub::Hub;
use super::runner::in_turn;
use super::stats::Reason;
use crate::request::ConnectionInfo;
use crate::{RequestInfo, SystemEntropy};

/// What an HTTP connection says to the sessions of the services it was asked for.
pub(crate) struct Serving {
    conversation: Conversation<Option<RequestInfo>, Place>,
    attendant: Arc<Attendant>,
    hubs: Arc<Vec<Arc<Hub>>>,
    /// Where the current request goes to.
    place: Place,
    /// Whether the peer is still there is being found out.
    looking: bool,
}

/// Which service of the server, and which shard of it.
#[derive(Clone, Copy, Debug)]
struct Place {
    // Small, since a connection keeps some.
    hub: u16,
    shard: u16,
}

impl Place {
    const fn hub(self) -> usize {
        self.hub as usize
    }

    const fn shard(self) -> usize {
        self.shard as usize
    }
}

/// A request for a WebSocket that may become a session.
pub(crate) struct Asking {
    pub(crate) hub: Arc<Hub>,
    pub(crate) websocket: Websocket,
    pub(crate) info: RequestInfo,
}

impl Serving {
    pub(crate) fn new(hubs: &Arc<Vec<Arc<Hub>>>) -> Self {
        Self {
            conversation: Conversation::new(),
            attendant: Arc::default(),
            hubs: Arc::clone(hubs),
            place: Place { hub: 0, shard: 0 },
            looking: false,
        }
    }

    /// Begins to answer a request that belongs to the service of that number. Its path behind the
    /// prefix begins at `rest`.
    pub(crate) fn begin(
        &mut self,
        now: Instant,
        http: &mut Connection,
        hub: usize,
        request: (RequestHead, usize),
        connection: &Arc<ConnectionInfo>,
        clock: Option<WallClock>,
    ) {
        let (head, rest) = request;
        let mut entropy = [0; 4];
        SystemEntropy.fill(&mut entropy);
        let about = About {
            now,
            clock: clock.unwrap_or_default(),
            entropy: u32::from_ne_bytes(entropy),
            secure: connection.origin(&head).secure,
        };
        let answer = self.hubs[hub].service.answer(&head, &about);
        let shard = count(&self.hubs[hub], &answer);
        let info = match &answer {
            Answer::Receive(_) | Answer::Websocket(_) => {
                Some(RequestInfo::new(head, rest, Arc::clone(connection)))
            }
            Answer::Send(_) | Answer::Response(_) | Answer::Timed(_) => None,
        };
        // There are few of either.
        let narrow = |number| u16::try_from(number).unwrap_or(u16::MAX);
        let place = Place {
            hub: narrow(hub),
            shard: narrow(shard),
        };
        self.place = place;
        self.conversation.begin(now, http, answer, place, info);
    }

    /// Whether the current request is a service's.
    pub(crate) fn is_answering(&self) -> bool {
        self.conversation.is_answering()
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.conversation.is_idle()
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.conversation.poll_timeout()
    }

    /// What HTTP told, other than a request.
    pub(crate) fn handle_event(&mut self, now: Instant, http: &mut Connection, event: Event) {
        let body = matches!(event, Event::Body(_) | Event::RequestEnd(_));
        let answered = !self.is_answering();
        self.conversation.handle_event(now, http, event);
        if body && !answered && !self.is_answering() {
            let place = self.place;
            self.hubs[place.hub()]
                .stripe(place.shard())
                .refused(Reason::Payload);
        }
    }

    /// Nothing more is to be read for now.
    pub(crate) fn input_is_dry(&mut self) {
        if std::mem::take(&mut self.looking) {
            self.conversation.probed();
        }
    }

    /// Tells sessions what there is to tell and writes what they answer. `true` when it is to be
    /// called again, whether or not anything moves.
    pub(crate) fn turn(&mut self, cx: &Context<'_>, now: Instant, http: &mut Connection) -> bool {
        let mut unsettled = true;
        for _ in 0..ROUNDS {
            for wake in self.attendant.take(cx) {
                self.conversation.wake(now, wake);
            }
            // What handlers say to it leaves in the same write.
            let ((), ran) = in_turn(|| self.exchange(now, http));
            if !ran {
                unsettled = false;
                break;
            }
        }
        // The stream is to be looked at.
        unsettled | (self.conversation.wants_probe() && !std::mem::replace(&mut self.looking, true))
    }

    fn exchange(&mut self, now: Instant, http: &mut Connection) {
        while let Some((place, message)) = self.conversation.poll_message(now, http) {
            if let Some(reply) = self.tell(now, place, message) {
                self.conversation.reply(now, http, reply);
            }
        }
    }

    fn tell(
        &self,
        now: Instant,
        place: Place,
        message: ToSession<Option<RequestInfo>>,
    ) -> Option<FromSession> {
        let hub = &self.hubs[place.hub()];
        tell(hub, place.shard(), &self.attendant, now, message)
    }

    /// The request that becomes a WebSocket, once everything before it is written.
    pub(crate) fn poll_websocket(&mut self, http: &mut Connection) -> Option<Asking> {
        let (place, websocket, info) = self.conversation.poll_websocket(http)?;
        Some(Asking {
            hub: Arc::clone(&self.hubs[place.hub()]),
            websocket,
            info: info?,
        })
    }

    /// The connection is lost: sessions hear what is to be known of it.
    fn give_up(&mut self) {
        let Some(hub) = self.hubs.first() else {
            return;
        };
        let now = (hub.now)();
        self.conversation.lost();
        // What is left to tell asks nothing of HTTP.
        let mut http = Connection::new(Arc::default(), now);
        self.exchange(now, &mut http);
    }
}

/// The task may be dropped at any time; the sessions learn it.
impl Drop for Serving {
    fn drop(&mut self) {
        if !self.is_idle() {
            self.give_up();
        }
    }
}

impl fmt::Debug for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serving")
            .field("conversation", &self.conversation)
            .finish_non_exhaustive()
    }
}

/// Counts a request; returns the shard of its session.
pub(crate) fn count(hub: &Hub, answer: &Answer) -> usize {
    match answer {
        Answer::Receive(receive) => {
            let shard = hub.shard_of(&receive.session);
            hub.stripe(shard).request(receive.wrapping.transport());
            return shard;
        }
        Answer::Send(sending) => {
            let shard = hub.shard_of(sending.session());
            hub.stripe(shard).request(sending.transport());
            return shard;
        }
        Answer::Websocket(websocket) => hub.stripe(0).request(websocket.transport),
        Answer::Response(response) => match response.head.status() {
            403 => hub.stripe(0).refused(Reason::Origin),
            404 => hub.stripe(0).refused(Reason::NotFound),
            400.. => hub.stripe(0).refused(Reason::Request),
            _ => {}
        },
        Answer::Timed(_) => {}
    }
    0
}

/// Tells a shard what a connection has for it.
pub(crate) fn tell(
    hub: &Arc<Hub>,
    shard: usize,
    attendant: &Arc<Attendant>,
    now: Instant,
    message: ToSession<Option<RequestInfo>>,
) -> Option<FromSession> {
    let stripe = hub.stripe(shard);
    let admit = |info, transport: Transport, id: SessionId| {
        hub.admit(info, transport, Some(id)).map_err(|why| {
            stripe.refused(why);
            why.status()
        })
    };
    let reply = hub.with_shard(shard, |state| state.handle(now, message, attendant, admit));
    match &reply {
        Some(FromSession::UnknownSession | FromSession::Closing) => {
            stripe.refused(Reason::UnknownSession);
        }
        Some(FromSession::Refused(503)) if hub.is_full() => stripe.refused(Reason::Capacity),
        _ => {}
    }
    reply
}

/// How often handlers are heard before what is there is written.
const ROUNDS: usize = 4;
