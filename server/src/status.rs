//! What other programs ask a server: whether it is well, and what it has done.

use std::future::ready;
use std::net::IpAddr;
use std::time::Instant;

use adapter_core::sockjs::Stats;
use adapter_core::{
    Address, HttpRoute, Request, Response, Route, ServerHandle, SockJs, TrustedProxies,
};
use serde_json::{Map, Value, json};

/// Who may see the numbers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Audience {
    /// Clients on this machine that call it `localhost` or by an address.
    Local,
    /// Clients at these addresses.
    Listed(TrustedProxies),
    /// Everybody.
    Any,
}

/// `/healthz`.
pub(crate) fn health() -> Route {
    HttpRoute::get(async |_| {
        Response::new(200)
            .header("Content-Type", "text/plain; charset=utf-8")
            .header("Cache-Control", "no-store")
            .with_body("ok\n")
    })
    .into()
}

/// `/stats`: numbers about the server and its services, for those who may see them.
pub(crate) struct StatsPage {
    started: Instant,
    server: ServerHandle,
    services: Vec<SockJs>,
    audience: Audience,
}

impl StatsPage {
    /// Numbers about a server and these services of it.
    pub(crate) fn new(server: ServerHandle, services: &[SockJs], audience: Audience) -> Self {
        Self {
            started: Instant::now(),
            server,
            services: services.to_vec(),
            audience,
        }
    }

    /// Answers with the numbers.
    pub(crate) fn route(self) -> Route {
        HttpRoute::get(move |request| ready(self.answer(&request))).into()
    }

    fn answer(&self, request: &Request) -> Response {
        if !self.may_see(request) {
            return Response::new(403);
        }
        Response::new(200)
            .header("Content-Type", "application/json")
            .header("Cache-Control", "no-store")
            .header("X-Content-Type-Options", "nosniff")
            .with_body(format!("{:#}\n", self.numbers()))
    }

    fn may_see(&self, request: &Request) -> bool {
        let address = request.client_address();
        match &self.audience {
            Audience::Local => {
                is_local(&address) && !is_passed_on(request, &address) && is_meant(request)
            }
            Audience::Listed(networks) => networks.trusts(&address),
            Audience::Any => true,
        }
    }

    fn numbers(&self) -> Value {
        let services: Map<String, Value> = self
            .services
            .iter()
            .map(|service| {
                (
                    service.config().prefix.clone(),
                    of_service(&service.stats()),
                )
            })
            .collect();
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "uptime_seconds": self.started.elapsed().as_secs(),
            "connections": self.server.connections(),
            "services": services,
        })
    }
}

fn is_local(address: &Address) -> bool {
    match address {
        Address::Tcp(address) => address.ip().to_canonical().is_loopback(),
        Address::Unix(_) => true,
        _ => false,
    }
}

/// Whether a proxy that nobody told us about brings the request: everybody looks local behind one on
/// this machine.
fn is_passed_on(request: &Request, address: &Address) -> bool {
    address == request.peer_address()
        && ["Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"]
            .iter()
            .any(|name| request.headers().contains(name))
}

/// Whether the client named this machine by a name that no page can make point here. The browser of a
/// page whose own name was made to (DNS rebinding) is as local as any, and lets it read the answer.
fn is_meant(request: &Request) -> bool {
    let Some(host) = request.head().host() else {
        return true; // browsers always name it
    };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let literal = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    name.eq_ignore_ascii_case("localhost") || literal.unwrap_or(name).parse::<IpAddr>().is_ok()
}

fn of_service(stats: &Stats) -> Value {
    let transports: Map<String, Value> = stats
        .transports()
        .map(|(transport, part)| {
            let numbers = json!({
                "requests": part.requests,
                "opened": part.opened,
                "closed": part.closed,
                "messages_in": part.messages_in,
                "messages_out": part.messages_out,
                "bytes_in": part.bytes_in,
                "bytes_out": part.bytes_out,
            });
            (transport.name().to_owned(), numbers)
        })
        .collect();
    json!({
        "sessions": stats.sessions(),
        "messages_in": stats.messages_in(),
        "messages_out": stats.messages_out(),
        "broadcasts_skipped": stats.skipped,
        "transports": transports,
        "refusals": counters(stats.refusals.iter()),
        "closes": counters(stats.closes.iter()),
    })
}

fn counters(counters: impl Iterator<Item = (&'static str, u64)>) -> Map<String, Value> {
    counters
        .map(|(name, count)| (name.to_owned(), count.into()))
        .collect()
}
