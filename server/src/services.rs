//! The SockJS services: those that test suites and clients ask for, and a chat.

mod chat;
mod room;
mod ticker;

use adapter_core::{Group, Runtime, Session, SockJs};
use sockjs_proto::{Config, ConfigError, SessionCookie};
use websocket_proto::handshake::OriginPolicy;

use self::chat::Chat;
use crate::client_file::ClientFile;
use crate::options::Options;

/// Every service, by its prefix.
///
/// # Errors
///
/// Options that do not go together, in one line.
pub(crate) fn all<R: Runtime>(
    options: &Options,
    origins: &OriginPolicy,
    client: Option<&ClientFile>,
) -> Result<Vec<SockJs>, String> {
    let at = |prefix: &str| {
        let config = Config {
            prefix: prefix.to_owned(),
            drafts: options.drafts,
            origins: origins.clone(),
            hosts: options.hosts(),
            ..options.sockjs.config()
        };
        match client {
            None => config,
            Some(client) => Config {
                sockjs_url: client.path(prefix),
                ..config
            },
        }
    };
    let services = [
        SockJs::new(
            Config {
                // What the test suites count on.
                response_limit: 4096,
                ..at("/echo")
            },
            echo,
        ),
        SockJs::new(
            Config {
                websocket: false,
                raw_websocket: false,
                ..at("/disabled_websocket_echo")
            },
            echo,
        ),
        SockJs::new(
            Config {
                jsessionid: SessionCookie::On,
                ..at("/cookie_needed_echo")
            },
            echo,
        ),
        SockJs::new(at("/close"), close),
        SockJs::new(at("/ticker"), ticker::serve::<R>),
        SockJs::new(at("/amplify"), amplify),
        SockJs::with_state(at("/broadcast"), Group::new(), broadcast),
        SockJs::with_state(at("/chat"), Chat::new(), Chat::serve),
    ];
    let limits = options.sockjs.address_limits();
    services
        .into_iter()
        .map(|service| {
            let service = service.map_err(|error| wrong(&error))?;
            let service = service.websocket_terms(options.limits.websocket());
            Ok(match limits {
                None => service,
                Some(limits) => service.address_limits(limits),
            })
        })
        .collect()
}

fn wrong(error: &ConfigError) -> String {
    let option = error.field.replace('_', "-");
    format!("--{option} must be one that {}", error.rule)
}

async fn echo(mut session: Session) {
    while let Some(message) = session.recv().await {
        if session.send(message).await.is_err() {
            break;
        }
    }
}

/// Closes at once.
async fn close(session: Session) {
    session.close(3000, "Go away!");
}

/// Answers n with 2^n times `x`, up to n = 18, and anything else as 1.
async fn amplify(mut session: Session) {
    while let Some(message) = session.recv().await {
        let asked = message.as_str().and_then(|text| text.parse().ok());
        let exponent = asked.filter(|n| (1..19_u32).contains(n)).unwrap_or(1);
        if session.send("x".repeat(1 << exponent)).await.is_err() {
            break;
        }
    }
}

/// Sends what one says to all.
async fn broadcast(mut session: Session, group: Group) {
    group.join(&session);
    while let Some(message) = session.recv().await {
        group.send(message);
    }
}
