//! A service that is mounted on a server.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use sockjs_proto::{
    Admit, Capacity, Close, Config, Endpoint, Permit, Service, SessionId, Socket, Transport,
    Verdict,
};
use tracing::Span;
use websocket_proto::{Entropy as _, Instant, connection};

use super::SessionRequest;
use super::admission::{Admission, AdmissionRequest, Kind};
use super::core::Core;
use super::runner::Runner;
use super::service::{App, SockJs, shards};
use super::shard::{Shard, State};
use super::stats::{Counters, Reason, Stripe};
use super::visitors::{AddressLimits, TooMany, Visitors};
use crate::route::{BoxFuture, Handler, call};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::{RequestInfo, Runtime, Spawner, SystemEntropy};

/// A service on a runtime: its shards, and what their sessions need of the outside.
pub(crate) struct Hub {
    pub(crate) service: Arc<Service>,
    pub(crate) app: App,
    on_admit: Option<Handler<AdmissionRequest, Admission>>,
    limits: Option<AddressLimits>,
    pub(crate) counters: Arc<Counters>,
    /// What the WebSockets of the service are made with.
    pub(crate) sockets: Arc<connection::Config>,
    shards: Box<[Shard]>,
    hasher: RandomState,
    capacity: Capacity,
    visitors: Arc<Visitors>,
    draining: AtomicBool,
    pub(crate) now: fn() -> Instant,
    spawn: fn(BoxFuture<()>),
    spawner: fn() -> Spawner,
    /// What the runtime gave when the first session began.
    anywhere: OnceLock<Spawner>,
    pub(crate) sleep: fn(Instant) -> BoxFuture<()>,
}

impl Hub {
    pub(crate) fn mount<R: Runtime>(service: SockJs) -> Self {
        Self::new(
            service,
            R::now,
            |task| R::spawn(task),
            R::spawner,
            |deadline| Box::pin(async move { drop(R::sleep(deadline).await) }),
        )
    }

    pub(crate) fn new(
        service: SockJs,
        now: fn() -> Instant,
        spawn: fn(BoxFuture<()>),
        spawner: fn() -> Spawner,
        sleep: fn(Instant) -> BoxFuture<()>,
    ) -> Self {
        let SockJs {
            service,
            app,
            on_admit,
            limits,
            memory,
            terms,
            counters,
        } = service;
        let config = service.config();
        let shards = shards();
        let capacity = Capacity::new(config.max_sessions);
        let admit = match on_admit {
            Some(_) => Admit::Ask,
            None => Admit::All,
        };
        let portion = Service::new(Config {
            remembered_ids: config.remembered_ids.div_ceil(shards),
            ..config.clone()
        });
        // The same options were checked before.
        let portion = portion.as_ref().unwrap_or(&service);
        let shard = |index| {
            let mut key = [0; 16];
            SystemEntropy.fill(&mut key);
            let endpoint = Endpoint::new(portion, admit, capacity.clone(), key);
            Shard::new(
                index,
                match memory {
                    Some(memory) => endpoint.with_memory(memory),
                    None => endpoint,
                },
            )
        };
        Self {
            shards: (0..shards).map(shard).collect(),
            sockets: Arc::new(Socket::connection_config_over(&service, terms)),
            service,
            app,
            on_admit,
            limits,
            counters,
            hasher: RandomState::new(),
            capacity,
            visitors: Arc::default(),
            draining: AtomicBool::new(false),
            now,
            spawn,
            spawner,
            anywhere: OnceLock::new(),
            sleep,
        }
    }

    /// Where a session lives.
    pub(crate) fn shard_of(&self, session: &SessionId) -> usize {
        let hash = self.hasher.hash_one(session.as_bytes());
        // The remainder is below the number of shards.
        usize::try_from(hash % self.shards.len() as u64).unwrap_or_default()
    }

    pub(crate) fn with_shard<T>(
        self: &Arc<Self>,
        index: usize,
        work: impl FnOnce(&mut State) -> T,
    ) -> T {
        self.shards[index].with(self, work)
    }

    /// What is known of a request that would begin a session, or the status to refuse it with.
    pub(crate) fn admit(
        &self,
        info: RequestInfo,
        transport: Transport,
        id: Option<SessionId>,
    ) -> Result<SessionRequest, Reason> {
        if self.draining.load(Ordering::Acquire) {
            return Err(Reason::Capacity);
        }
        let limits = match self.limits {
            Some(limits) => limits,
            None if info.knows_proxies() => AddressLimits::default(),
            None => AddressLimits::NONE,
        };
        let address = info.client_address();
        let visit = self.visitors.enter((self.now)(), &address, limits);
        let visit = visit.map_err(|TooMany| Reason::Address)?;
        Ok(SessionRequest::new(&info, transport, id, visit))
    }

    /// Room for a session over a WebSocket.
    pub(crate) fn permit(&self) -> Option<Permit> {
        self.capacity.take()
    }

    /// Whether there are as many sessions as may be.
    pub(crate) fn is_full(&self) -> bool {
        self.capacity.used() >= self.service.config().max_sessions
    }

    /// Runs a task of a session. The caller may be any thread.
    pub(crate) fn spawn(&self, task: BoxFuture<()>) {
        self.anywhere.get_or_init(self.spawner)(task);
    }

    /// Whether the application wants to be asked.
    pub(crate) fn asks(&self) -> bool {
        self.on_admit.is_some()
    }

    /// The application's decision, in time.
    pub(crate) fn decision(&self, request: SessionRequest) -> BoxFuture<Admission> {
        let Some(decide) = &self.on_admit else {
            return Box::pin(std::future::ready(Admission::accept()));
        };
        let deadline = (self.now)() + self.service.config().admission_deadline;
        match call(decide, AdmissionRequest(request)) {
            Some(decision) => Box::pin(Deciding {
                decision,
                alarm: (self.sleep)(deadline),
            }),
            None => Box::pin(std::future::ready(Admission::refuse(500))),
        }
    }

    pub(crate) fn stripe(&self, index: usize) -> &Stripe {
        self.counters.stripe(index)
    }

    /// The server ends: every session is closed, none begins.
    pub(crate) fn drain(self: &Arc<Self>) {
        if self.draining.swap(true, Ordering::AcqRel) {
            return;
        }
        let now = (self.now)();
        for index in 0..self.shards.len() {
            let due = self.with_shard(index, |state| state.close_all(now, &GOING_AWAY));
            due.into_iter().for_each(std::task::Waker::wake);
        }
    }
}

/// Errands of shards.
impl Hub {
    /// Notes that a session has begun.
    pub(crate) fn begin(&self, core: &Core) -> Span {
        let request = core.request();
        let transport = request.transport();
        let span = match request.id() {
            Some(id) => tracing::debug_span!("session", %id, %transport),
            None => tracing::debug_span!("session", %transport),
        };
        span.in_scope(
            || tracing::debug!(address = %request.address(), %transport, "session opened"),
        );
        core.stripe().opened(transport);
        // Its admission may have begun before the end of the server did.
        if self.draining.load(Ordering::Acquire) {
            core.close(GOING_AWAY);
        }
        span
    }

    /// A session has begun in a shard.
    pub(super) fn open(self: &Arc<Self>, core: Arc<Core>) {
        let span = self.begin(&core);
        match &self.app {
            App::Handler(handler) => {
                // Here is the runtime; wakes come from anywhere.
                self.anywhere.get_or_init(self.spawner);
                core.handle(&Runner::new(&core, handler(&core, span)));
            }
            App::Callbacks(_) => span.in_scope(|| core.run_callbacks()),
        }
    }

    /// A session in a shard asks to begin.
    pub(super) fn ask(
        self: &Arc<Self>,
        shard: usize,
        admission: sockjs_proto::Admission<Box<SessionRequest>>,
    ) {
        let hub = Arc::clone(self);
        (self.spawn)(Box::pin(async move {
            let sockjs_proto::Admission { id, request, .. } = admission;
            let verdict = match hub.decision(SessionRequest::clone(&request)).await.0 {
                Kind::Accept(data) => Verdict::Accept(Box::new(request.with_data(data))),
                Kind::Refuse(status) => {
                    hub.stripe(shard).refused(Reason::Admission);
                    Verdict::Refuse(status)
                }
                Kind::Close(close) => {
                    hub.stripe(shard).refused(Reason::Admission);
                    Verdict::Close(close)
                }
            };
            // Too late when the client is gone.
            hub.shards[shard].decide(&hub, id, verdict);
        }));
    }

    /// Lets the timers of a shard fire that are due: see [`Shard::tick`].
    pub(super) fn tick(self: &Arc<Self>, shard: usize, cx: &Context<'_>) -> Option<Instant> {
        self.shards[shard].tick(self, cx, (self.now)())
    }

    /// A shard has a deadline and nobody who waits for it.
    pub(super) fn start_alarm(self: &Arc<Self>, shard: usize) {
        (self.spawn)(Box::pin(AlarmTask {
            hub: Arc::clone(self),
            shard,
            sleep: None,
            done: false,
        }));
    }
}

/// Wakes a shard at its deadlines, as long as there are some.
struct AlarmTask {
    hub: Arc<Hub>,
    shard: usize,
    /// The timer, and the deadline it is for.
    sleep: Option<(Instant, BoxFuture<()>)>,
    done: bool,
}

impl Future for AlarmTask {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        loop {
            let Some(next) = this.hub.tick(this.shard, cx) else {
                this.done = true;
                return Poll::Ready(());
            };
            let timer = match this.sleep.take() {
                Some((deadline, timer)) if deadline == next => timer,
                Some(_) | None => (this.hub.sleep)(next),
            };
            let (_, timer) = this.sleep.insert((next, timer));
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            this.sleep = None;
        }
    }
}

impl Drop for AlarmTask {
    fn drop(&mut self) {
        if !self.done {
            self.hub.shards[self.shard].abandon();
        }
    }
}

/// A decision with a deadline.
struct Deciding {
    decision: BoxFuture<Admission>,
    alarm: BoxFuture<()>,
}

impl Future for Deciding {
    type Output = Admission;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Admission> {
        let decision = &mut self.decision;
        match catch_unwind(AssertUnwindSafe(|| decision.as_mut().poll(cx))) {
            Ok(Poll::Ready(admission)) => return Poll::Ready(admission),
            Ok(Poll::Pending) => {}
            Err(_) => {
                tracing::error!("admission panicked");
                return Poll::Ready(Admission::refuse(500));
            }
        }
        match self.alarm.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Admission::refuse(503)),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub")
            .field("prefix", &self.service.config().prefix)
            .field("shards", &self.shards.len())
            .finish_non_exhaustive()
    }
}

/// The server ends.
pub(crate) const GOING_AWAY: Close = Close::new(1001, "Going away");
