//! The heads of [`http1`] as handshakes see them, and what [`http1`] sends for them.

use super::{Client, Refusal, RequestView, ResponseView};
use crate::http1::client::{Config, Exchange};
use crate::http1::{RequestHead, ResponseHead, Version};
use crate::{Drafts, Instant};

impl RequestView for RequestHead {
    fn method(&self) -> &str {
        self.method()
    }

    fn target(&self) -> &str {
        self.target()
    }

    fn version(&self) -> Version {
        self.version()
    }

    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.headers().iter()
    }

    fn byte_fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.byte_fields()
    }
}

impl ResponseView for ResponseHead {
    fn status(&self) -> u16 {
        self.status()
    }

    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.headers().iter()
    }
}

impl Client {
    /// Sends the request over our [`http1`](crate::http1).
    ///
    /// [`verify`](Self::verify) the head that comes with
    /// [`Switched`](crate::http1::client::Event::Switched). Every other response is a refusal, whose
    /// head and body the exchange goes on to tell.
    ///
    /// ```
    /// use websocket_proto::handshake::{Client, ClientRequest};
    /// use websocket_proto::http1::client::{Config, Event};
    /// use websocket_proto::{Instant, Machine};
    ///
    /// let url = "ws://example.com/chat".parse().unwrap();
    /// let mut entropy = |bytes: &mut [u8]| bytes.fill(0); // give a strong source instead
    /// let client = Client::new(&ClientRequest::new(&url), &mut entropy).unwrap();
    /// let mut exchange = client.exchange(Config::default(), Instant::ZERO);
    /// // ... what waits in `exchange.outbox()` goes to the server, and its answer comes back:
    /// let mut answer = *b"HTTP/1.1 101 Switching Protocols\r\n\
    ///     Upgrade: websocket\r\nConnection: Upgrade\r\n\
    ///     Sec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n\r\n";
    /// exchange.receive(Instant::ZERO, &mut answer);
    /// let Some(Event::Switched(head)) = exchange.poll_event() else { panic!("refused") };
    /// assert_eq!(client.verify(&head).unwrap().draft, client.draft());
    /// ```
    pub fn exchange(&self, config: Config, now: Instant) -> Exchange {
        Exchange::verbatim(self.request().clone(), config, now)
    }
}

impl Refusal {
    /// The answer as a head for [`http1`](crate::http1), which adds the fields that it owns. The
    /// connection must end with it.
    pub fn response(self, enabled: Drafts) -> ResponseHead {
        let mut head = ResponseHead::new(self.status());
        for (name, value) in self.fields(enabled) {
            // Refused are `Connection` and `Content-Length`, which the machine writes itself.
            let _ = head.append(name, value);
        }
        head.close()
    }
}
