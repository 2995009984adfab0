//! What the suites demand of many answers.

use sockjs_proto::Dialect;

use super::{Reply, Server};

impl Reply {
    /// 404, without a cookie.
    ///
    /// # Panics
    ///
    /// When it is something else.
    pub fn verify_404(&self) {
        assert_eq!(self.status, 404);
        self.verify_no_cookie();
    }

    /// 405, with the methods that there are and nothing else.
    ///
    /// # Panics
    ///
    /// When it is something else.
    pub fn verify_405(&self, allow: &str) {
        assert_eq!(self.status, 405);
        assert_eq!(self.field("Allow"), Some(allow));
        assert_eq!(self.field("Content-Type"), None);
        assert_eq!(self.text(), "");
        self.verify_no_cookie();
    }

    /// The cookie that balancers look for.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub fn verify_cookie(&self) {
        assert_eq!(self.field("Set-Cookie"), Some("JSESSIONID=dummy; path=/"));
    }

    /// No cookie.
    ///
    /// # Panics
    ///
    /// When there is one.
    pub fn verify_no_cookie(&self) {
        assert_eq!(self.field("Set-Cookie"), None);
    }

    /// That a page of this origin may read it, with credentials or without.
    ///
    /// # Panics
    ///
    /// When it is otherwise.
    pub fn verify_cors(&self, allow: &str, credentials: bool) {
        assert_eq!(self.field("Access-Control-Allow-Origin"), Some(allow));
        let credentials = credentials.then_some("true");
        assert_eq!(self.field("Access-Control-Allow-Credentials"), credentials);
    }

    /// That nobody keeps it.
    ///
    /// # Panics
    ///
    /// When somebody may.
    pub fn verify_not_cached(&self, dialect: Dialect) {
        assert_eq!(self.field("Cache-Control"), Some(dialect.no_cache()));
        for name in ["Expires", "ETag", "Last-Modified"] {
            assert_eq!(self.field(name), None);
        }
    }

    /// That it is kept for a year.
    ///
    /// # Panics
    ///
    /// When it is not.
    pub fn verify_cached(&self) {
        let value = Some("public, max-age=31536000");
        assert_eq!(self.field("Cache-Control"), value);
        assert!(self.field("Expires").is_some());
        assert_eq!(self.field("Last-Modified"), None);
    }

    /// A preflight: empty, kept for a year.
    ///
    /// # Panics
    ///
    /// When it is something else.
    pub fn verify_preflight(&self) {
        assert_eq!((self.status, self.text()), (204, ""));
        self.verify_cached();
        assert_eq!(self.field("Access-Control-Max-Age"), Some("31536000"));
    }
}

impl Server {
    /// Opens a session by a poll.
    ///
    /// # Panics
    ///
    /// When it does not open.
    pub fn open(&mut self, prefix: &str) -> String {
        let url = self.session(prefix);
        let reply = self.post(&format!("{url}/xhr"), "");
        assert_eq!((reply.status, reply.text()), (200, "o\n"));
        url
    }

    /// What the session's next poll brings.
    ///
    /// # Panics
    ///
    /// When its status is not 200.
    pub fn poll(&mut self, url: &str) -> String {
        let reply = self.post(&format!("{url}/xhr"), "");
        assert_eq!(reply.status, 200);
        reply.text().into()
    }

    /// Sends messages by `xhr_send`.
    ///
    /// # Panics
    ///
    /// When they are not taken.
    pub fn tell(&mut self, url: &str, messages: &str) {
        let reply = self.post(&format!("{url}/xhr_send"), messages);
        assert_eq!((reply.status, reply.text()), (204, ""));
    }

    /// Asks for a WebSocket, and reads what came behind the 101.
    ///
    /// # Panics
    ///
    /// When it is refused.
    pub fn upgrade(&mut self, url: &str, fields: &[&str], behind: &[u8]) -> (usize, Reply) {
        let line = format!("GET {url}");
        let client = self.connect(url);
        let mut bytes = super::request(&line, fields, "").into_bytes();
        bytes.extend_from_slice(behind);
        self.send(client, &bytes);
        let reply = self.reply(client);
        assert_eq!(reply.status, 101, "{reply:?}");
        assert_eq!(reply.field("Content-Length"), None);
        (client, reply)
    }
}

/// The fields of a handshake of RFC 6455, whose key has the answer
/// `HSmrc0sMlYUkAGmm5OPpG2HaGWk=`.
pub const RFC: &[&str] = &[
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==",
];

/// The fields of one of hixie-76, whose nonce `aaaaaaaa` has the answer [`DIGEST`].
pub const HIXIE: &[&str] = &[
    "Connection: Upgrade",
    "Upgrade: WebSocket",
    "Origin: http://localhost:9324",
    "Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5",
    "Sec-WebSocket-Key2: 12998 5 Y3 1  .P00",
];

/// See [`HIXIE`].
pub const DIGEST: [u8; 16] = [
    0xca, 0x34, 0x00, 0xd8, 0xa5, 0x08, 0x47, 0x97, 0x2c, 0xd5, 0x71, 0x5a, 0xba, 0xbf, 0x43, 0x7b,
];
