//! A SockJS service, before it is mounted on a server.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sockjs_proto::{Closed, Config, ConfigError, Message, Service};
use websocket_proto::connection;

use super::admission::{Admission, AdmissionRequest};
use super::handling::{Handling, handling};
use super::stats::{Counters, Stats};
use super::visitors::AddressLimits;
use super::{Session, SessionSender};
use crate::route::Handler;

/// A SockJS service: options and what is done with its sessions.
///
/// [`Server::sockjs`](crate::Server::sockjs) mounts it under its
/// [prefix](sockjs_proto::Config::prefix). Clones are the same service with the same
/// [statistics](Self::stats).
///
/// Raw WebSockets at `PREFIX/websocket` are sessions like all others: the handler sees them with
/// [`Transport::RawWebsocket`](sockjs_proto::Transport::RawWebsocket).
///
/// ```
/// use adapter_core::sockjs::proto::Config;
/// use adapter_core::{Session, SockJs};
///
/// async fn echo(mut session: Session) {
///     while let Some(message) = session.recv().await {
///         if session.send(message).await.is_err() {
///             break;
///         }
///     }
/// }
///
/// let config = Config { prefix: "/echo".into(), ..Config::default() };
/// let service = SockJs::new(config, echo)?;
/// # drop(service);
/// # Ok::<(), adapter_core::sockjs::proto::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct SockJs {
    pub(crate) service: Arc<Service>,
    pub(crate) app: App,
    pub(crate) on_admit: Option<Handler<AdmissionRequest, Admission>>,
    pub(crate) limits: Option<AddressLimits>,
    pub(crate) memory: Option<Duration>,
    pub(crate) terms: connection::Config,
    pub(crate) counters: Arc<Counters>,
}

/// What is done with sessions.
#[derive(Clone)]
pub(crate) enum App {
    Handler(Arc<Handling>),
    Callbacks(Arc<Callbacks>),
}

pub(crate) struct Callbacks {
    pub(crate) on_open: Box<OnOpen>,
    pub(crate) on_message: Box<OnMessage>,
    pub(crate) on_close: Box<OnClose>,
}

type OnOpen = dyn Fn(&SessionSender) + Send + Sync;
type OnMessage = dyn Fn(&SessionSender, Message) + Send + Sync;
type OnClose = dyn Fn(&SessionSender, &Closed) + Send + Sync;

impl SockJs {
    /// A service whose sessions `handler` serves.
    ///
    /// It returns nothing, or a `Result`: sessions of handlers that fail or panic are closed with 1011
    /// "Internal error", and nothing else is touched.
    ///
    /// # Errors
    ///
    /// An option that cannot be as it is, by name.
    pub fn new<F, Fut>(config: Config, handler: F) -> Result<Self, ConfigError>
    where
        F: Fn(Session) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: HandlerOutput> + Send + 'static,
    {
        Self::of(config, App::Handler(handling(handler)))
    }

    /// The same with a clone of `state` for each call: an `Arc` of what sessions share.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_state<T, F, Fut>(config: Config, state: T, handler: F) -> Result<Self, ConfigError>
    where
        T: Clone + Send + Sync + 'static,
        F: Fn(Session, T) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: HandlerOutput> + Send + 'static,
    {
        Self::new(config, move |session| handler(session, state.clone()))
    }

    /// A service without a task for each session: `on_open` when one begins, `on_message` for each
    /// message, `on_close` at the end, which is not told when `on_open` was not.
    ///
    /// The callbacks of one session are called one at a time and in order, by whichever task brought
    /// the news, so they must not block. A callback that panics closes its session with 1011.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    ///
    /// ```
    /// use adapter_core::SockJs;
    /// use adapter_core::sockjs::proto::Config;
    ///
    /// let config = Config { prefix: "/echo".into(), ..Config::default() };
    /// let service = SockJs::callbacks(
    ///     config,
    ///     |session| println!("{} is here", session.request().address()),
    ///     |session, message| {
    ///         if session.try_send(message).is_err() {
    ///             session.close(3001, "too slow");
    ///         }
    ///     },
    ///     |_session, closed| println!("{closed}"),
    /// )?;
    /// # drop(service);
    /// # Ok::<(), adapter_core::sockjs::proto::ConfigError>(())
    /// ```
    pub fn callbacks(
        config: Config,
        on_open: impl Fn(&SessionSender) + Send + Sync + 'static,
        on_message: impl Fn(&SessionSender, Message) + Send + Sync + 'static,
        on_close: impl Fn(&SessionSender, &Closed) + Send + Sync + 'static,
    ) -> Result<Self, ConfigError> {
        let callbacks = Callbacks {
            on_open: Box::new(on_open),
            on_message: Box::new(on_message),
            on_close: Box::new(on_close),
        };
        Self::of(config, App::Callbacks(Arc::new(callbacks)))
    }

    fn of(config: Config, app: App) -> Result<Self, ConfigError> {
        Ok(Self {
            service: Arc::new(Service::new(config)?),
            app,
            on_admit: None,
            limits: None,
            memory: None,
            terms: connection::Config::default(),
            counters: Arc::new(Counters::new(shards())),
        })
    }

    /// Decides about each session before it begins: see [`Admission`]. It may take its time, up to the
    /// [deadline](sockjs_proto::Config::admission_deadline), after which the request is refused with
    /// 503 and the future dropped. A decision that panics refuses with 500.
    ///
    /// The same is asked for every transport. Nothing is stored before, and the application sees the
    /// session only after.
    #[must_use]
    pub fn on_admit<F, Fut>(self, decide: F) -> Self
    where
        F: Fn(AdmissionRequest) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Admission> + Send + 'static,
    {
        Self {
            on_admit: Some(Arc::new(move |request| Box::pin(decide(request)))),
            ..self
        }
    }

    /// How many sessions one client address may have and begin. By default there are no such limits,
    /// or [those of `AddressLimits`](AddressLimits::default) once the server knows its
    /// [trusted proxies](crate::Server::trusted_proxies): before that, everybody behind a proxy has
    /// its address.
    #[must_use]
    pub fn address_limits(self, limits: AddressLimits) -> Self {
        Self {
            limits: Some(limits),
            ..self
        }
    }

    /// Remembers the ids of cut and closed sessions for longer than the disconnect delay, so that an
    /// even later poll is told of the end instead of beginning anew.
    #[must_use]
    pub fn memory(self, memory: Duration) -> Self {
        Self {
            memory: Some(memory),
            ..self
        }
    }

    /// The timers of its WebSockets: of `terms`, what is said of pongs, the closing handshake, stalled
    /// writes and the nonce of hixie-76 holds. Pings are as frequent as the service's heartbeats.
    #[must_use]
    pub fn websocket_terms(self, terms: connection::Config) -> Self {
        Self { terms, ..self }
    }

    /// The options.
    pub fn config(&self) -> &Config {
        self.service.config()
    }

    /// The rules by which requests are answered.
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// What the service has done so far, wherever it is mounted.
    pub fn stats(&self) -> Stats {
        self.counters.snapshot()
    }
}

impl fmt::Debug for SockJs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SockJs")
            .field("config", self.config())
            .field("on_admit", &self.on_admit.is_some())
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// What a handler of sessions may return: nothing, or a `Result` whose error is logged.
pub trait HandlerOutput {
    /// Whether it failed, in words.
    fn outcome(self) -> Result<(), String>;
}

impl HandlerOutput for () {
    fn outcome(self) -> Result<(), String> {
        Ok(())
    }
}

impl<E: fmt::Display> HandlerOutput for Result<(), E> {
    fn outcome(self) -> Result<(), String> {
        self.map_err(|error| error.to_string())
    }
}

/// More shards than threads, so that two of them seldom want the same.
pub(crate) fn shards() -> usize {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    (SHARDS_PER_THREAD * threads)
        .next_power_of_two()
        .min(MOST_SHARDS)
}

const SHARDS_PER_THREAD: usize = 4;
#[cfg(not(loom))]
const MOST_SHARDS: usize = 256;
/// All interleavings of one are many.
#[cfg(loom)]
const MOST_SHARDS: usize = 1;
