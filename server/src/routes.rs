//! What the server serves where.

use adapter_core::{
    Acceptance, HttpRoute, Response, Runtime, Server, UpgradeRequest, WebSocket, WebSocketRoute,
};
use websocket_proto::deflate;
use websocket_proto::handshake::OriginPolicy;
use websocket_proto::{CloseCode, Draft, Role};

use crate::client_file::ClientFile;
use crate::options::Options;
use crate::status::StatsPage;
use crate::{console, services, status};

/// A server with every route of the program and no listener yet; the error is one line.
pub(crate) fn server<R: Runtime>(
    options: &Options,
    origins: &OriginPolicy,
) -> Result<Server<R>, String> {
    let mut server = Server::new()
        .http(options.limits.http())
        .max_connections(options.limits.max_connections.get())
        .route("/favicon.ico", HttpRoute::get(async |_| Response::new(204)))
        .route("/*", HttpRoute::any(async |_| not_found()));
    for asset in &console::ASSETS {
        server = server.route(asset.path, asset.route());
    }
    for (path, route) in [("/ws/echo", echo_route()), ("/ws/close", close_route())] {
        let route = route
            .drafts(options.drafts)
            .origins(origins.clone())
            .hosts(options.hosts())
            .config(options.limits.websocket());
        server = server.route(path, route);
    }
    if let Some(proxies) = options.sockjs.trusted_proxies() {
        server = server.trusted_proxies(proxies);
    }
    let client = match &options.sockjs.sockjs_client {
        Some(path) => Some(ClientFile::read(path)?),
        None => None,
    };
    let services = services::all::<R>(options, origins, client.as_ref())?;
    for service in &services {
        if let Some(client) = &client {
            server = server.route(client.path(&service.config().prefix), client.route());
        }
        server = server.sockjs(service.clone());
    }
    let stats = StatsPage::new(server.handle(), &services, options.sockjs.audience());
    Ok(server
        .route("/healthz", status::health())
        .route("/stats", stats.route()))
}

/// `/ws/echo`: sends back what it gets. It agrees to the first subprotocol that is offered, since a
/// browser refuses a connection that ignores its list.
fn echo_route() -> WebSocketRoute {
    // Without takeover an idle connection keeps no window of the codec.
    let deflate = deflate::Config {
        server_no_context_takeover: true,
        client_no_context_takeover: true,
        ..deflate::Config::default()
    };
    WebSocketRoute::new(echo)
        .deflate(deflate)
        .on_upgrade(
            async |request| Ok(Acceptance::new().subprotocol(request.subprotocols().next())),
        )
}

async fn echo(mut socket: WebSocket) {
    while let Some(message) = socket.recv().await {
        if socket.send(message).await.is_err() {
            break;
        }
    }
}

/// `/ws/close?code=..&reason=..`: closes at once. A code that no server may send is refused with 400.
fn close_route() -> WebSocketRoute {
    WebSocketRoute::new(close).on_upgrade(async |request: UpgradeRequest| {
        match Farewell::read(request.query()) {
            Ok(_) => Ok(Acceptance::new()),
            Err(why) => Err(short(400, why)),
        }
    })
}

async fn close(mut socket: WebSocket) {
    // Both were looked at before the upgrade, so neither can fail here.
    if let Ok(farewell) = Farewell::read(socket.request().query()) {
        let _closed = socket.close(farewell.code, &farewell.reason).await;
    }
}

/// What `/ws/close` is asked to say.
#[derive(Debug, Eq, PartialEq)]
struct Farewell {
    code: CloseCode,
    reason: String,
}

impl Farewell {
    fn read(query: Option<&str>) -> Result<Self, &'static str> {
        let mut farewell = Self {
            code: CloseCode::NORMAL,
            reason: String::new(),
        };
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            match &*name {
                "code" => {
                    let code = value
                        .parse()
                        .map(CloseCode)
                        .map_err(|_| "the code is no number")?;
                    if !code.may_be_sent(Draft::Rfc6455, Role::Server) {
                        return Err("a server may not send this code");
                    }
                    farewell.code = code;
                }
                "reason" => farewell.reason = value.into_owned(),
                _ => {}
            }
        }
        Ok(farewell)
    }
}

fn not_found() -> Response {
    short(404, "there is nothing here")
}

fn short(status: u16, text: &'static str) -> Response {
    Response::new(status)
        .header("Content-Type", "text/plain; charset=utf-8")
        .with_body(format!("{text}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn farewells() {
        for (query, code, reason) in [
            (None, 1000, ""),
            (Some(""), 1000, ""),
            (Some("code=4001"), 4001, ""),
            (Some("code=3000&reason=go+away%21"), 3000, "go away!"),
            (Some("reason=gr%C3%BC%C3%9Fe&other=1"), 1000, "grüße"),
        ] {
            let farewell = Farewell {
                code: CloseCode(code),
                reason: reason.to_owned(),
            };
            assert_eq!(Farewell::read(query), Ok(farewell), "{query:?}");
        }
        for query in [
            "code=",
            "code=x",
            "code=-1",
            "code=65536",
            "code=0",
            "code=999",
            "code=1005",
            "code=1006",
            "code=5000",
        ] {
            assert!(Farewell::read(Some(query)).is_err(), "{query}");
        }
    }
}
