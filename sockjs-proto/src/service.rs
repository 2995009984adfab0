//! A service: every request has exactly one answer.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use core::time::Duration;

use bytes::Bytes;
use websocket_proto::handshake::{
    HostPolicy, Location, Policy, Refusal, RequestView, Strictness, Upgrade, is_upgrade,
};
use websocket_proto::http1::ResponseHead;

use crate::answer::{About, Answer, Receive, Response, Timed, Websocket};
use crate::config::{BaseUrl, Config, ConfigError, SessionCookie};
use crate::cors::{Cors, allowed_headers};
use crate::fields::{Common, Heads, More, cache_forever, set};
use crate::pages::{self, Info};
use crate::request::{Facts, Origin};
use crate::resource::{Resource, Verb};
use crate::sending::{Media, Sending, TEXT, text_response};
use crate::transport::{HTML, JAVASCRIPT};
use crate::{Callback, Route, SessionId, Transport, Transports, Wrapping, cookie, security};

/// A SockJS service: the rules by which requests below its prefix are answered. It has no state, so
/// that all connections can share one.
///
/// ```
/// use sockjs_proto::{About, Answer, Config, Service};
/// use websocket_proto::handshake::RequestView;
/// # use websocket_proto::http1::Version;
/// # struct Get(&'static str);
/// # impl RequestView for Get {
/// #     fn method(&self) -> &str { "GET" }
/// #     fn target(&self) -> &str { self.0 }
/// #     fn version(&self) -> Version { Version::Http11 }
/// #     fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> { [].into_iter() }
/// # }
///
/// let service = Service::new(Config { prefix: "/echo".into(), ..Config::default() })?;
/// let about = About { entropy: 7, ..About::default() }; // give real entropy instead
/// let Answer::Response(info) = service.answer(&Get("/echo/info?t=1"), &about) else {
///     unreachable!("info is a whole response");
/// };
/// assert_eq!(
///     info.body,
///     r#"{"websocket":true,"origins":["*:*"],"cookie_needed":false,"entropy":7}"#
/// );
/// # Ok::<(), sockjs_proto::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Service {
    config: Config,
    served: Transports,
    iframe: Bytes,
    iframe_etag: String,
    frame_ancestors: String,
    heads: Arc<Heads>,
    /// For clients that came without and with TLS.
    upgrades: [Policy; 2],
}

impl Service {
    /// Checks the options.
    ///
    /// # Errors
    ///
    /// The first option that cannot be as it is, by name.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        config.check()?;
        let iframe = Bytes::from(pages::iframe(&config.sockjs_url, config.dialect));
        let upgrades = [false, true].map(|secure| Policy {
            drafts: config.drafts,
            origins: config.origins.clone(),
            // Looked at for every request, whether it is an upgrade or not.
            hosts: HostPolicy::Any,
            deflate: config.deflate.clone(),
            location: Location::new(secure),
            strictness: Strictness::Lenient,
        });
        Ok(Self {
            served: config.served(),
            iframe_etag: pages::etag(&iframe),
            frame_ancestors: security::frame_ancestors(&config.origins),
            heads: Arc::new(Heads::new(config.dialect)),
            iframe,
            upgrades,
            config,
        })
    }

    /// The options.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// The transports that are served.
    pub const fn served(&self) -> Transports {
        self.served
    }

    /// When a heartbeat is due on a transport. JSONP clients give up after 35 s, so that theirs
    /// comes after 30 s at the latest, whatever the option says.
    pub fn heartbeat_delay(&self, transport: Transport) -> Duration {
        match transport {
            Transport::Jsonp => self.config.heartbeat_delay.min(JSONP_PATIENCE),
            Transport::Websocket
            | Transport::RawWebsocket
            | Transport::Xhr
            | Transport::XhrStreaming
            | Transport::EventSource
            | Transport::HtmlFile
            | Transport::XhrSend
            | Transport::JsonpSend => self.config.heartbeat_delay,
        }
    }

    /// Whether a path, without its query, is this service's to answer. Where prefixes nest, the
    /// longest one owns a path.
    pub fn owns(&self, path: &str) -> bool {
        self.below(path).is_some()
    }

    /// The answer to a request. Whatever the method, path, fields and version, there is exactly one;
    /// it is the same over every version of HTTP.
    pub fn answer(&self, request: &impl RequestView, about: &About) -> Answer {
        let facts = Facts::of(request);
        if !self.config.hosts.check(facts.authority) {
            return Answer::Response(self.forbidden(request));
        }
        let Some(route) = self.route(facts.path) else {
            return Answer::Response(self.not_found(request));
        };
        let resource = Resource::from(route);
        match (resource.verb(facts.method), resource) {
            (Verb::NotAllowed(allow), _) => {
                let mut head = ResponseHead::new(405);
                set(&mut head, "Allow", allow);
                Answer::Response(empty(closing_if_upgrade(head, request)))
            }
            (_, resource) if !self.lets_pass(&facts, resource) => {
                Answer::Response(self.origin_refused(request, resource))
            }
            (Verb::Preflight(methods), resource) => {
                Answer::Response(self.preflight(&facts, resource, methods, about))
            }
            (Verb::Use, Resource::Greeting) => {
                let mut head = ResponseHead::new(200);
                set(&mut head, "Content-Type", TEXT);
                Answer::Response(text_response(head, pages::GREETING))
            }
            (Verb::Use, Resource::Iframe) => Answer::Response(self.iframe(request, about)),
            (Verb::Use, Resource::Info) => Answer::Response(self.info(&facts, about)),
            (Verb::Use, Resource::ChunkingTest) => {
                let mut head = self
                    .common(&facts, resource, None)
                    .head(200, Some(JAVASCRIPT));
                security::unbuffered(&mut head);
                Answer::Timed(Timed {
                    head,
                    chunks: pages::CHUNKS,
                })
            }
            (Verb::Use, Resource::Websocket(transport, session)) => {
                self.websocket(request, &facts, transport, session, about)
            }
            (Verb::Use, Resource::Receiver(transport, session)) => {
                self.receiver(&facts, transport, session, about)
            }
            (Verb::Use, Resource::Sender(transport, session)) => {
                let common = self.common(&facts, resource, self.cookie(&facts, about));
                let media = Media::of(facts.content_type, transport);
                let session = SessionId::from(session);
                Answer::Send(Sending::new(
                    session,
                    transport,
                    media,
                    common,
                    &self.config,
                ))
            }
        }
    }

    /// What of a path stands behind the prefix.
    fn below<'a>(&self, path: &'a str) -> Option<&'a str> {
        let below = path.strip_prefix(self.config.prefix.as_str())?;
        (below.is_empty() || below.starts_with('/')).then_some(below)
    }

    fn route<'a>(&self, path: &'a str) -> Option<Route<'a>> {
        let route = Route::parse(self.below(path)?)?;
        let served = match route {
            Route::Greeting | Route::Info | Route::ChunkingTest => true,
            Route::Iframe => !self.config.disable_cors,
            Route::RawWebsocket => self.served.contains(Transport::RawWebsocket),
            Route::Session {
                session, transport, ..
            } => self.served.contains(transport) && session.len() <= self.config.max_session_id,
        };
        served.then_some(route)
    }

    /// Whether the origin policy lets a request be answered.
    fn lets_pass(&self, facts: &Facts<'_>, resource: Resource<'_>) -> bool {
        match resource {
            // Pages are followed and framed from anywhere without telling an origin; whom the
            // iframe page serves is said by its `frame-ancestors`.
            Resource::Greeting | Resource::Iframe => {
                facts.origin == Origin::Absent || facts.passes(&self.config.origins)
            }
            Resource::Info
            | Resource::ChunkingTest
            | Resource::Websocket(..)
            | Resource::Receiver(..)
            | Resource::Sender(..) => facts.passes(&self.config.origins),
        }
    }

    fn iframe(&self, request: &impl RequestView, about: &About) -> Response {
        let unchanged = pages::is_unchanged(request, &self.iframe_etag);
        let mut head = ResponseHead::new(if unchanged { 304 } else { 200 });
        if !unchanged {
            set(&mut head, "Content-Type", HTML);
        }
        set(&mut head, "ETag", &self.iframe_etag);
        cache_forever(&mut head, about);
        security::iframe(&mut head, &self.config.origins, &self.frame_ancestors);
        let body = if unchanged {
            Bytes::new()
        } else {
            self.iframe.clone()
        };
        Response { head, body }
    }

    fn info(&self, facts: &Facts<'_>, about: &About) -> Response {
        let per_request;
        let base_url = match &self.config.base_url {
            BaseUrl::Same => None,
            BaseUrl::Fixed(url) => Some(url.as_str()),
            BaseUrl::PerRequest(function) => {
                per_request = function.call(facts.asked(about.secure));
                per_request.as_deref()
            }
        };
        let info = Info {
            websocket: self.served.contains(Transport::Websocket),
            cors: !self.config.disable_cors,
            cookie_needed: self.sets_cookie(),
            entropy: about.entropy,
            base_url,
        };
        let head = self
            .common(facts, Resource::Info, None)
            .head(200, Some("application/json; charset=UTF-8"));
        Response {
            head,
            body: info.json().into(),
        }
    }

    /// A preflight says for a year which methods a page may use.
    fn preflight(
        &self,
        facts: &Facts<'_>,
        resource: Resource<'_>,
        methods: &'static str,
        about: &About,
    ) -> Response {
        let cookie = match resource {
            Resource::Receiver(..) | Resource::Sender(..) => self.cookie(facts, about),
            // The dialects that set it always set it here too.
            _ if self.config.dialect.always_sets_cookie() => self.cookie(facts, about),
            _ => None,
        };
        let mut head = ResponseHead::new(204);
        cache_forever(&mut head, about);
        self.common(facts, resource, cookie).write(&mut head);
        if self.config.disable_cors || self.config.dialect.preflight_has_allow() {
            set(&mut head, "Allow", methods);
        }
        if !self.config.disable_cors {
            set(&mut head, "Access-Control-Allow-Methods", methods);
            set(&mut head, "Access-Control-Max-Age", "31536000");
        }
        empty(head)
    }

    fn receiver(
        &self,
        facts: &Facts<'_>,
        transport: Transport,
        session: &str,
        about: &About,
    ) -> Answer {
        let resource = Resource::Receiver(transport, session);
        let common = self.common(facts, resource, self.cookie(facts, about));
        let wrapping = match transport {
            Transport::XhrStreaming => Ok(Wrapping::XhrStreaming),
            Transport::EventSource => Ok(Wrapping::EventSource),
            Transport::HtmlFile if facts.navigation => {
                // As a page of its own it would run what the session's messages hold.
                return Answer::Response(empty(common.head(403, None)));
            }
            Transport::HtmlFile => {
                Callback::from_query(facts.query).map(|callback| Wrapping::HtmlFile { callback })
            }
            Transport::Jsonp => Callback::from_query(facts.query).map(|callback| Wrapping::Jsonp {
                callback,
                comment: self.config.dialect.jsonp_comment(),
            }),
            Transport::Xhr
            | Transport::Websocket
            | Transport::RawWebsocket
            | Transport::XhrSend
            | Transport::JsonpSend => Ok(Wrapping::Xhr),
        };
        match wrapping {
            Ok(wrapping) => Answer::Receive(Receive {
                session: session.into(),
                wrapping,
                common,
            }),
            Err(error) => {
                let mut head = common.head(self.config.payload_errors.status(), Some(TEXT));
                security::no_sniffing(&mut head);
                Answer::Response(text_response(head, error.text()))
            }
        }
    }

    fn websocket(
        &self,
        request: &impl RequestView,
        facts: &Facts<'_>,
        transport: Transport,
        session: Option<&str>,
        about: &About,
    ) -> Answer {
        let dialect = self.config.dialect;
        let refused = |text| {
            let mut head = ResponseHead::new(400);
            set(&mut head, "Content-Type", TEXT);
            Answer::Response(text_response(closing_if_upgrade(head, request), text))
        };
        if !is_upgrade(request) {
            return refused(dialect.bad_upgrade());
        }
        if !facts.connection_upgrade {
            return refused(dialect.bad_connection());
        }
        let policy = &self.upgrades[usize::from(about.secure)];
        match Upgrade::read(request, policy) {
            Ok(upgrade) => Answer::Websocket(Websocket {
                transport,
                session: session.map(SessionId::from),
                upgrade,
            }),
            // Drafts 7 and 8 have another field for it, which only the handshake knows.
            Err(Refusal::OriginRefused) => {
                let resource = Resource::Websocket(transport, session);
                Answer::Response(self.origin_refused(request, resource))
            }
            Err(refusal) => {
                let mut head = ResponseHead::new(refusal.status());
                for (name, value) in refusal.fields(policy.drafts) {
                    if !matches!(name, "Connection" | "Content-Length") {
                        set(&mut head, name, value);
                    }
                }
                Answer::Response(empty(head.close()))
            }
        }
    }

    fn origin_refused(&self, request: &impl RequestView, resource: Resource<'_>) -> Response {
        let old = self.config.dialect.unverified_origin();
        match (resource, old) {
            (Resource::Websocket(..), Some(text)) => {
                let mut head = ResponseHead::new(400);
                set(&mut head, "Content-Type", TEXT);
                text_response(closing_if_upgrade(head, request), text)
            }
            _ => self.forbidden(request),
        }
    }

    /// 403, and no field that would let the page read even that. Nothing was stored.
    fn forbidden(&self, request: &impl RequestView) -> Response {
        let mut head = ResponseHead::new(403);
        set(&mut head, "Cache-Control", self.config.dialect.no_cache());
        set(&mut head, "Vary", "Origin");
        empty(closing_if_upgrade(head, request))
    }

    fn not_found(&self, request: &impl RequestView) -> Response {
        let mut head = ResponseHead::new(404);
        set(&mut head, "Content-Type", TEXT);
        // An uncached 404 ends with the mistake of configuration that caused it.
        set(&mut head, "Cache-Control", self.config.dialect.no_cache());
        text_response(
            closing_if_upgrade(head, request),
            "404 Error: Page not found\n",
        )
    }

    fn common(
        &self,
        facts: &Facts<'_>,
        resource: Resource<'_>,
        cookie: Option<Box<str>>,
    ) -> Common {
        let dialect = self.config.dialect;
        let cors = resource.is_cross_origin() && !self.config.disable_cors;
        let headers = if cors {
            allowed_headers(facts, dialect)
        } else {
            None
        };
        Common {
            heads: Arc::clone(&self.heads),
            cors: cors.then(|| Cors::of(facts, dialect)),
            more: (headers.is_some() || cookie.is_some())
                .then(|| Box::new(More { headers, cookie })),
        }
    }

    fn sets_cookie(&self) -> bool {
        self.config.dialect.always_sets_cookie()
            || !matches!(self.config.jsessionid, SessionCookie::Off)
    }

    fn cookie(&self, facts: &Facts<'_>, about: &About) -> Option<Box<str>> {
        let always = self.config.dialect.always_sets_cookie();
        cookie::set_cookie(&self.config.jsessionid, always, facts.asked(about.secure))
    }
}

fn empty(head: ResponseHead) -> Response {
    Response {
        head,
        body: Bytes::new(),
    }
}

/// Behind a request for a WebSocket that was refused there may be bytes that are no request, the
/// nonce of hixie-76 for instance.
fn closing_if_upgrade(head: ResponseHead, request: &impl RequestView) -> ResponseHead {
    if is_upgrade(request) {
        head.close()
    } else {
        head
    }
}

/// JSONP clients give up after 35 s.
const JSONP_PATIENCE: Duration = Duration::from_secs(30);
