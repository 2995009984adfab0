//! A SockJS client over real sockets, for every transport, that shows each frame.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use adapter_tokio::sockjs::proto::{Kind, Transport};
use adapter_tokio::{WebSocket, connect};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An HTTP connection.
#[derive(Debug)]
pub struct Http {
    /// The socket, to be used in other ways.
    pub stream: TcpStream,
    come: Vec<u8>,
    chunked: bool,
    left: usize,
    over: bool,
}

impl Http {
    /// Connects.
    pub async fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.expect("it listens");
        stream.set_nodelay(true).expect("a socket");
        Self {
            stream,
            come: Vec::new(),
            chunked: false,
            left: 0,
            over: true,
        }
    }

    /// Sends a request; `fields` are whole lines with their ends.
    pub async fn ask(&mut self, method: &str, target: &str, fields: &str, body: &str) {
        let length = match method {
            "POST" => format!("Content-Length: {}\r\n", body.len()),
            _ => String::new(),
        };
        let request =
            format!("{method} {target} HTTP/1.1\r\nHost: h.test\r\n{fields}{length}\r\n{body}");
        let _ = self.stream.write_all(request.as_bytes()).await;
    }

    /// The status and the head of the response.
    pub async fn head(&mut self) -> io::Result<(u16, String)> {
        let end = loop {
            if let Some(end) = find(&self.come, b"\r\n\r\n") {
                break end;
            }
            self.fill().await?;
        };
        let head: Vec<u8> = self.come.drain(..end + 4).collect();
        let head = String::from_utf8_lossy(&head).into_owned();
        let status = head[9..12].parse().expect("a status");
        // Servers of other make write them otherwise.
        let fields = head.to_ascii_lowercase();
        self.chunked = fields.contains("transfer-encoding: chunked");
        let length = fields.split("content-length: ").nth(1);
        let length = length.and_then(|rest| rest.split("\r\n").next());
        self.left = length.map_or(0, |length| length.parse().expect("a length"));
        self.over = !self.chunked && self.left == 0;
        Ok((status, head))
    }

    /// The next piece of the body; `None` at its end.
    pub async fn piece(&mut self) -> io::Result<Option<Vec<u8>>> {
        if self.over {
            return Ok(None);
        }
        if self.chunked && self.left == 0 {
            let end = loop {
                if let Some(end) = find(&self.come, b"\r\n") {
                    break end;
                }
                self.fill().await?;
            };
            let line: Vec<u8> = self.come.drain(..end + 2).collect();
            let line = String::from_utf8_lossy(&line[..end]).into_owned();
            self.left = usize::from_str_radix(&line, 16).expect("a chunk");
            self.over = self.left == 0;
            let rest = self.take(self.left + 2).await?;
            let piece = rest[..self.left].to_vec();
            self.left = 0;
            return Ok((!self.over).then_some(piece));
        }
        let piece = self.take(self.left).await?;
        self.over = true;
        Ok(Some(piece))
    }

    /// The whole body.
    pub async fn body(&mut self) -> io::Result<String> {
        let mut body = Vec::new();
        while let Some(piece) = self.piece().await? {
            body.extend(piece);
        }
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    /// So many bytes, as they come.
    pub async fn raw(&mut self, n: usize) -> Vec<u8> {
        self.take(n).await.expect("they come")
    }

    async fn take(&mut self, n: usize) -> io::Result<Vec<u8>> {
        while self.come.len() < n {
            self.fill().await?;
        }
        let taken = self.come.drain(..n).collect();
        if self.come.is_empty() {
            // Whoever measures memory measures this side, too.
            self.come = Vec::new();
        }
        Ok(taken)
    }

    async fn fill(&mut self) -> io::Result<()> {
        let n = self.stream.read_buf(&mut self.come).await?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

/// A session, seen from the browser.
#[derive(Debug)]
pub struct Visitor {
    /// How it receives.
    pub transport: Transport,
    /// Where the server is.
    pub address: String,
    /// The path of the session, without the transport.
    pub path: String,
    /// Fields of every request.
    pub fields: String,
    /// The socket of a WebSocket transport.
    pub socket: Option<WebSocket>,
    /// The connection that receives.
    pub receiving: Option<Http>,
    sending: Option<Http>,
    body: Vec<u8>,
    frames: VecDeque<String>,
}

/// The transports that a client can be forced to use.
pub const TRANSPORTS: [Transport; 6] = [
    Transport::Websocket,
    Transport::XhrStreaming,
    Transport::EventSource,
    Transport::HtmlFile,
    Transport::Xhr,
    Transport::Jsonp,
];

impl Visitor {
    /// A new session that nothing was sent for yet.
    pub fn new(address: &str, prefix: &str, transport: Transport) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let id = COUNT.fetch_add(1, Ordering::Relaxed);
        Self {
            transport,
            address: address.to_owned(),
            path: format!("{prefix}/000/session{id}"),
            fields: String::new(),
            socket: None,
            receiving: None,
            sending: None,
            body: Vec::new(),
            frames: VecDeque::new(),
        }
    }

    /// A session that has got its `o`.
    pub async fn open(address: &str, prefix: &str, transport: Transport) -> Self {
        let mut visitor = Self::new(address, prefix, transport);
        assert_eq!(visitor.frame().await.as_deref(), Some("o"), "{transport}");
        visitor
    }

    /// Begins to receive, unless it does.
    pub async fn receive(&mut self) {
        if self.transport == Transport::Websocket {
            if self.socket.is_none() {
                let url = format!("ws://{}{}/websocket", self.address, self.path);
                self.socket = connect(&url).await.ok();
            }
            return;
        }
        if self.receiving.as_ref().is_some_and(|http| !http.over) {
            return;
        }
        let mut http = match self.receiving.take() {
            Some(http) => http,
            None => Http::connect(&self.address).await,
        };
        let (method, query) = match self.transport {
            Transport::Xhr | Transport::XhrStreaming => ("POST", ""),
            Transport::HtmlFile | Transport::Jsonp => ("GET", "?c=cb"),
            _ => ("GET", ""),
        };
        let target = format!("{}/{}{query}", self.path, self.transport);
        http.ask(method, &target, &self.fields, "").await;
        self.body.clear();
        http.over = false;
        http.chunked = false;
        http.left = usize::MAX;
        self.receiving = Some(http);
    }

    /// The next frame, without what the transport wraps around it; `None` when the connection ended
    /// without one. Heartbeats are frames, too.
    pub async fn frame(&mut self) -> Option<String> {
        loop {
            if let Some(frame) = self.frames.pop_front() {
                return Some(frame);
            }
            self.receive().await;
            if self.transport == Transport::Websocket {
                let message = self.socket.as_mut()?.recv().await?;
                return Some(message.as_text()?.to_owned());
            }
            let http = self.receiving.as_mut()?;
            if http.left == usize::MAX {
                let Ok((status, _)) = http.head().await else {
                    self.receiving = None;
                    return None;
                };
                if status != 200 {
                    return Some(status.to_string());
                }
            }
            match http.piece().await {
                Ok(Some(piece)) => {
                    self.body.extend(piece);
                    if self.transport.kind() == Kind::Polling {
                        self.body
                            .extend(http.body().await.unwrap_or_default().bytes());
                    }
                }
                // The next request goes on.
                Ok(None) => {}
                Err(_) => {
                    self.receiving = None;
                    return None;
                }
            }
            self.unwrap();
        }
    }

    /// The messages of the next frames that hold some.
    pub async fn messages(&mut self) -> Option<Vec<String>> {
        loop {
            let frame = self.frame().await?;
            match frame.as_bytes()[0] {
                b'a' => return serde_json::from_str(&frame[1..]).ok(),
                b'o' | b'h' => {}
                _ => return None,
            }
        }
    }

    /// Sends messages, and waits until they are accepted. The status; 204 over a WebSocket.
    pub async fn send(&mut self, messages: &[&str]) -> u16 {
        let json = serde_json::to_string(messages).expect("strings");
        if self.transport == Transport::Websocket {
            let socket = self.socket.as_mut().expect("it is open");
            return match socket.send(json).await {
                Ok(()) => 204,
                Err(_) => 0,
            };
        }
        let mut http = match self.sending.take() {
            Some(http) => http,
            None => Http::connect(&self.address).await,
        };
        let (transport, fields) = match self.transport {
            Transport::Jsonp => ("jsonp_send", "Content-Type: text/plain\r\n"),
            _ => ("xhr_send", ""),
        };
        let target = format!("{}/{transport}", self.path);
        let fields = format!("{}{fields}", self.fields);
        http.ask("POST", &target, &fields, &json).await;
        let Ok((status, _)) = http.head().await else {
            return 0;
        };
        let _ = http.body().await;
        self.sending = Some(http);
        if status == 200 { 204 } else { status }
    }

    /// Cuts the receiving connection.
    pub fn cut(&mut self) {
        self.receiving = None;
        self.socket = None;
    }

    /// Takes whole frames off the body.
    fn unwrap(&mut self) {
        loop {
            let text = String::from_utf8_lossy(&self.body).into_owned();
            let (begin, end) = match self.transport {
                Transport::Xhr | Transport::XhrStreaming => ("", "\n"),
                Transport::EventSource => ("data: ", "\r\n\r\n"),
                Transport::HtmlFile => ("<script>\np(", ");\n</script>\r\n"),
                Transport::Jsonp => ("cb(", ");\r\n"),
                _ => return,
            };
            let Some(from) = text.find(begin).map(|at| at + begin.len()) else {
                return;
            };
            let Some(to) = text[from..].find(end).map(|at| at + from) else {
                return;
            };
            let frame = &text[from..to];
            let frame = match self.transport {
                Transport::HtmlFile | Transport::Jsonp => {
                    serde_json::from_str(frame).expect("a string")
                }
                Transport::EventSource => frame.replace("%25", "%"),
                _ => frame.to_owned(),
            };
            self.body.drain(..to + end.len());
            // The prelude of xhr_streaming.
            if !frame.starts_with("hh") {
                self.frames.push_back(frame);
            }
        }
    }
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|part| part == needle)
}
