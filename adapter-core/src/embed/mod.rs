//! Services for servers that speak HTTP themselves.
//!
//! A [request](Visitor) head in, a response head and body out: whoever has an HTTP stack of its own,
//! of whatever version, needs no more to serve SockJS ([`Mounted`]) and WebSockets ([`Upgradable`])
//! beside everything else it serves. `adapter-tokio` does so for tower, axum and hyper.

mod sockjs;
mod websocket;

use std::sync::Arc;

use websocket_proto::handshake::Accepted;
use websocket_proto::http1::RequestHead;

use crate::request::ConnectionInfo;
use crate::{Address, TrustedProxies};

pub use sockjs::{Answer, Joined, Joining, Mounted, Posting, Receiving, Timed};
pub use sockjs_proto::Response;
pub use websocket::{Switching, Upgradable};

/// A request, as another HTTP stack hands it over.
///
/// A head of HTTP/2 is given as HTTP/1.1 would spell it: with `Host`, and one `Cookie` field.
#[derive(Debug)]
pub struct Visitor {
    /// The head. Its path begins with the service's prefix, whatever a router took off it.
    pub head: RequestHead,
    /// Who is at the other end of the socket.
    pub peer: Address,
    /// Whether that socket is encrypted.
    pub secure: bool,
}

impl Visitor {
    fn connection(&self, proxies: Option<Arc<TrustedProxies>>) -> Arc<ConnectionInfo> {
        let mut connection = ConnectionInfo::new(self.peer.clone(), Address::Unknown, proxies);
        connection.proxied_tls = self.secure;
        Arc::new(connection)
    }
}

/// The fields of a 101.
type Fields = Vec<(Box<str>, Box<str>)>;

fn fields_of(accepted: &Accepted<'_>) -> Fields {
    let fields = accepted.fields();
    fields
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

fn borrowed(fields: &Fields) -> impl Iterator<Item = (&str, &str)> {
    fields.iter().map(|(name, value)| (&**name, &**value))
}
