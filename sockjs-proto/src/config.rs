//! The options of a service.

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;

use websocket_proto::handshake::{HostPolicy, OriginPolicy};
use websocket_proto::{Drafts, deflate};

use crate::{Close, Dialect, LoneSurrogates, Transport, Transports};

/// The options of a service, under the names that users of sockjs-node know where it has them.
///
/// Checked by [`Service::new`](crate::Service::new).
///
/// ```
/// use core::time::Duration;
/// use sockjs_proto::{Config, Service};
///
/// let config = Config {
///     prefix: "/chat".into(),
///     heartbeat_delay: Duration::from_secs(20),
///     ..Config::default()
/// };
/// assert!(Service::new(config).is_ok());
/// let error = Service::new(Config { prefix: "chat".into(), ..Config::default() }).unwrap_err();
/// assert_eq!(error.field, "prefix");
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    /// The path of the service: empty, or beginning but not ending with a slash, of any depth.
    /// Compared as it stands, without decoding. Default empty.
    pub prefix: String,
    /// The age of the protocol spoken. Default: the newest.
    pub dialect: Dialect,
    /// A streaming response ends once this many bytes of frames were written, since browsers keep
    /// all of it in memory. Default 128 KiB; more than 4 GiB is 4 GiB.
    pub response_limit: usize,
    /// A heartbeat is sent after so long without another frame. Default 25 s; see
    /// [`Service::heartbeat_delay`](crate::Service::heartbeat_delay).
    pub heartbeat_delay: Duration,
    /// A session without a receiver for so long is over. Default 5 s.
    pub disconnect_delay: Duration,
    /// Whether JSESSIONID is set, for load balancers that stick clients to a server by it. Default
    /// off; the dialects up to 0.2.1 set it always.
    pub jsessionid: SessionCookie,
    /// The client that the iframe page loads: a URL that begins with `/` or `http`. It must be of
    /// the same version as the page's own. Default: the newest 1.x from a public CDN.
    pub sockjs_url: String,
    /// Where clients should go on after `/info`. Default: where they are.
    pub base_url: BaseUrl,
    /// The transports served. The senders among them are served with the receivers that need them.
    /// Default all.
    pub transports: Transports,
    /// Whether WebSockets are served at all. Default true.
    pub websocket: bool,
    /// Whether `/websocket` is served, if WebSockets are. Default true.
    pub raw_websocket: bool,
    /// No CORS fields, no iframe page: only pages of the same origin can use HTTP transports.
    /// Default false.
    pub disable_cors: bool,
    /// The pages that may use the service, over any transport. `jsonp` and `htmlfile`, whose requests
    /// do not tell the page, are served under [`OriginPolicy::Any`] only. Default: pages of the same
    /// origin.
    pub origins: OriginPolicy,
    /// The names that the service may be asked by: the others are answered 403. Default: any.
    pub hosts: HostPolicy,
    /// What becomes of messages that are no Unicode text. Default: they pass.
    pub lone_surrogates: LoneSurrogates,
    /// The WebSocket drafts spoken. Default RFC 6455 alone.
    pub drafts: Drafts,
    /// The bounds of permessage-deflate. Default none: it is declined.
    pub deflate: Option<deflate::Config>,
    /// How messages share the frames of a WebSocket. Default batched.
    pub websocket_frames: WebsocketFrames,
    /// What keeps a WebSocket alive. Default pings.
    pub websocket_heartbeat: WebsocketHeartbeat,
    /// The close that clients see when the application names none. Default 1000 "Normal closure".
    pub default_close: Close,
    /// What is served after a receiver was cut. Default: the close 1002.
    pub after_cut: AfterCut,
    /// What a sender of a closing session is told. Default 404.
    pub send_to_closing: SendToClosing,
    /// The status for bodies and callbacks that are refused. Default 500.
    pub payload_errors: PayloadErrors,
    /// How long the application may think about admitting a session. Default 10 s.
    pub admission_deadline: Duration,
    /// How long the close of a session is served however often it is asked for. At least
    /// `disconnect_delay`. Default 30 s.
    pub closing_deadline: Duration,
    /// Longest body of a sender, in bytes. Default 1 MiB.
    pub max_body: usize,
    /// Longest WebSocket message, in bytes. Default 1 MiB.
    pub max_message: usize,
    /// Sends are refused while this many bytes or more of literals wait for a session's browser.
    /// Default 256 KiB.
    pub outgoing_mark: usize,
    /// Senders are parked while this many bytes or more wait for a session's application. Default
    /// 256 KiB.
    pub incoming_mark: usize,
    /// Or this many messages. Default 1024.
    pub incoming_messages: usize,
    /// Longest id of a session, in bytes; longer ones are 404. Default 256.
    pub max_session_id: usize,
    /// Sessions of all shards together. Default 100 000.
    pub max_sessions: usize,
    /// Ids of cut and closed sessions that are remembered. Default 10 000.
    pub remembered_ids: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            prefix: String::new(),
            dialect: Dialect::default(),
            response_limit: 128 * 1024,
            heartbeat_delay: Duration::from_secs(25),
            disconnect_delay: Duration::from_secs(5),
            jsessionid: SessionCookie::Off,
            sockjs_url: CLIENT.into(),
            base_url: BaseUrl::Same,
            transports: Transports::ALL,
            websocket: true,
            raw_websocket: true,
            disable_cors: false,
            origins: OriginPolicy::SameOrigin,
            hosts: HostPolicy::Any,
            lone_surrogates: LoneSurrogates::Wtf8,
            drafts: Drafts::default(),
            deflate: None,
            websocket_frames: WebsocketFrames::Batched,
            websocket_heartbeat: WebsocketHeartbeat::Ping,
            default_close: Close::NORMAL,
            after_cut: AfterCut::Interrupted,
            send_to_closing: SendToClosing::NotFound,
            payload_errors: PayloadErrors::ServerError,
            admission_deadline: Duration::from_secs(10),
            closing_deadline: Duration::from_secs(30),
            max_body: 1024 * 1024,
            max_message: 1024 * 1024,
            outgoing_mark: 256 * 1024,
            incoming_mark: 256 * 1024,
            incoming_messages: 1024,
            max_session_id: 256,
            max_sessions: 100_000,
            remembered_ids: 10_000,
        }
    }
}

impl Config {
    /// The transports that are served, with all that turns some of them off.
    pub fn served(&self) -> Transports {
        use Transport::{
            EventSource, HtmlFile, Jsonp, JsonpSend, RawWebsocket, Websocket, Xhr, XhrSend,
            XhrStreaming,
        };
        let off = |transport| match transport {
            Websocket => !self.websocket,
            RawWebsocket => !self.websocket || !self.raw_websocket,
            // These tell no origin, so that a list could not be kept.
            Jsonp | HtmlFile => self.origins != OriginPolicy::Any,
            Xhr | XhrStreaming | EventSource | XhrSend | JsonpSend => false,
        };
        let mut receivers = self.transports;
        for transport in Transport::ALL
            .into_iter()
            .filter(|&transport| off(transport))
        {
            receivers = receivers.without(transport);
        }
        let needs = |sender, receivers_of: &[Transport], set: Transports| match receivers_of
            .iter()
            .any(|&receiver| set.contains(receiver))
        {
            true => set.with(sender),
            false => set.without(sender),
        };
        let set = needs(
            XhrSend,
            &[Xhr, XhrStreaming, EventSource, HtmlFile, Jsonp],
            receivers,
        );
        needs(JsonpSend, &[Jsonp], set)
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let Self {
            prefix, sockjs_url, ..
        } = self;
        let visible = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        let rules = [
            (
                "prefix",
                prefix.is_empty() || prefix.starts_with('/'),
                "begins with a slash or is empty",
            ),
            (
                "prefix",
                !prefix.ends_with('/'),
                "does not end with a slash",
            ),
            (
                "prefix",
                visible(prefix) && !prefix.contains(['?', '#', ';']),
                "is a path of visible ASCII characters without ?, # and ;",
            ),
            (
                "sockjs_url",
                sockjs_url.starts_with('/')
                    || sockjs_url.starts_with("http://")
                    || sockjs_url.starts_with("https://"),
                "begins with / or http:// or https://",
            ),
            (
                "sockjs_url",
                visible(sockjs_url) && !sockjs_url.contains(['"', '<', '>', '&']),
                "has visible ASCII characters only, and none of \" < > &",
            ),
            (
                "drafts",
                !self.served().contains(Transport::Websocket) || self.drafts != Drafts::NONE,
                "names at least one draft, or websocket is off",
            ),
            (
                "default_close",
                matches!(self.default_close.code, 1000 | 3000..=4999),
                "has the code 1000 or one from 3000 to 4999",
            ),
            (
                "default_close",
                self.default_close.reason.len() <= LONGEST_REASON,
                "has a reason of at most 123 bytes",
            ),
            (
                "closing_deadline",
                self.closing_deadline >= self.disconnect_delay,
                "is not shorter than disconnect_delay",
            ),
            (
                "base_url",
                match &self.base_url {
                    BaseUrl::Fixed(url) => !url.is_empty(),
                    BaseUrl::Same | BaseUrl::PerRequest(_) => true,
                },
                "is not empty",
            ),
        ];
        let durations = [
            ("heartbeat_delay", self.heartbeat_delay),
            ("disconnect_delay", self.disconnect_delay),
            ("admission_deadline", self.admission_deadline),
        ];
        let sizes = [
            ("response_limit", self.response_limit),
            ("max_body", self.max_body),
            ("max_message", self.max_message),
            ("outgoing_mark", self.outgoing_mark),
            ("incoming_mark", self.incoming_mark),
            ("incoming_messages", self.incoming_messages),
            ("max_session_id", self.max_session_id),
            ("max_sessions", self.max_sessions),
        ];
        let positive = durations
            .into_iter()
            .map(|(field, duration)| (field, !duration.is_zero()))
            .chain(sizes.into_iter().map(|(field, size)| (field, size > 0)))
            .map(|(field, holds)| (field, holds, "is more than zero"));
        match rules
            .into_iter()
            .chain(positive)
            .find(|&(_, holds, _)| !holds)
        {
            Some((field, _, rule)) => Err(ConfigError { field, rule }),
            None => Ok(()),
        }
    }
}

/// An option that cannot be as it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ConfigError {
    /// Its name.
    pub field: &'static str,
    /// What holds of it when it is right.
    pub rule: &'static str,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the option `{}` must be one that {}",
            self.field, self.rule
        )
    }
}

impl core::error::Error for ConfigError {}

/// What an option that is a function may look at.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Asked<'a> {
    /// The path, whole and not decoded.
    pub path: &'a str,
    /// The authority asked for: `Host`, or that of the target.
    pub host: Option<&'a str>,
    /// The origin of the page.
    pub origin: Option<&'a str>,
    /// The JSESSIONID that the client sent, if it is a harmless one.
    pub jsessionid: Option<&'a str>,
    /// Whether the client came over TLS.
    pub secure: bool,
}

/// An option as a function of the request. `None` from it: as if the option were off.
#[derive(Clone)]
pub struct PerRequest(Arc<Function>);

type Function = dyn Fn(Asked<'_>) -> Option<String> + Send + Sync;

impl PerRequest {
    /// Wraps a function.
    pub fn new(function: impl Fn(Asked<'_>) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(function))
    }

    pub(crate) fn call(&self, asked: Asked<'_>) -> Option<String> {
        (self.0)(asked)
    }
}

impl fmt::Debug for PerRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PerRequest")
    }
}

/// Whether and how JSESSIONID is set.
#[derive(Clone, Debug, Default)]
pub enum SessionCookie {
    /// It is not.
    #[default]
    Off,
    /// `JSESSIONID=..; path=/` with the value that the client sent, or `dummy`.
    On,
    /// A whole `Set-Cookie` value. One with control characters is not sent.
    PerRequest(PerRequest),
}

/// Where clients should go on after `/info`.
#[derive(Clone, Debug, Default)]
pub enum BaseUrl {
    /// Where they are.
    #[default]
    Same,
    /// There: an absolute URL, or one relative to the page.
    Fixed(String),
    /// Where the function says.
    PerRequest(PerRequest),
}

/// How messages share the frames of a WebSocket.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum WebsocketFrames {
    /// All that wait, in one.
    #[default]
    Batched,
    /// Each in its own, as sockjs-node sends them.
    OneMessage,
}

/// What keeps a WebSocket alive.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum WebsocketHeartbeat {
    /// Pings of the WebSocket protocol; the drafts without them get frames.
    #[default]
    Ping,
    /// `h` frames too, which the client's application can see.
    PingAndFrame,
}

/// What is served to a browser whose receiver was cut, so that messages may be lost.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum AfterCut {
    /// The close 1002, until the disconnect delay has passed.
    #[default]
    Interrupted,
    /// A new session.
    Open,
}

/// What a sender of a closing session is told.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum SendToClosing {
    /// 404, so that its application learns of the loss.
    #[default]
    NotFound,
    /// Success, as by sockjs-node; the messages are dropped.
    Accept,
}

/// The status for bodies and callbacks that are refused.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum PayloadErrors {
    /// 500, which the protocol asks for.
    #[default]
    ServerError,
    /// 400, as by sockjs-go.
    BadRequest,
}

impl PayloadErrors {
    pub(crate) const fn status(self) -> u16 {
        match self {
            Self::ServerError => 500,
            Self::BadRequest => 400,
        }
    }
}

const CLIENT: &str = "https://cdn.jsdelivr.net/npm/sockjs-client@1/dist/sockjs.min.js";
/// RFC 6455 §5.5: 125 bytes, less the code.
const LONGEST_REASON: usize = 123;
