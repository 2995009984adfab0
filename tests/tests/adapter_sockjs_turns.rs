//! Handlers of sessions over HTTP run in the turn of the connection that brings their news, on every
//! runtime: what they answer is there before the connection does.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Once;
use std::thread;
use std::time::Duration;

use adapter_core::sockjs::proto::Config;
use adapter_core::{Server, Session, SockJs};
use smol::channel::bounded;
use tests::on_every_runtime;
use tests::rt::{Rt, sleep};
use tests::serve::Running;
use websocket_proto::handshake::OriginPolicy;

on_every_runtime!(
    three_sends_and_a_poll,
    what_is_said_at_the_beginning_leaves_with_the_beginning,
    handlers_are_woken_from_anywhere,
    a_handler_that_wakes_itself_starves_nobody,
);

/// A connection that waits for each answer, and blocks meanwhile.
struct Http(BufReader<TcpStream>);

impl Http {
    fn connect(server: &Running) -> Self {
        let stream = TcpStream::connect(&server.address).expect("it listens");
        stream.set_nodelay(true).expect("a socket");
        let late = Some(Duration::from_secs(20));
        stream.set_read_timeout(late).expect("a socket");
        Self(BufReader::new(stream))
    }

    fn ask(&mut self, path: &str, body: &str) {
        let length = body.len();
        let request =
            format!("POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n{body}");
        let stream = self.0.get_mut();
        stream.write_all(request.as_bytes()).expect("it is open");
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    }

    /// The status, and how long the body is when it is told.
    fn head(&mut self) -> (String, Option<usize>) {
        let status = self.line()[9..12].to_owned();
        let mut length = None;
        loop {
            let line = self.line();
            if line.is_empty() {
                return (status, length);
            }
            if let Some(value) = line.strip_prefix("Content-Length: ") {
                length = value.parse().ok();
            }
        }
    }

    fn chunk(&mut self) -> String {
        let length = usize::from_str_radix(&self.line(), 16).expect("a length");
        self.octets(length + 2).trim_end().to_owned()
    }

    fn octets(&mut self, length: usize) -> String {
        let mut octets = vec![0; length];
        self.0.read_exact(&mut octets).expect("all of it");
        String::from_utf8(octets).expect("text")
    }

    /// A request and its whole answer.
    fn post(&mut self, path: &str, body: &str) -> (String, String) {
        self.ask(path, body);
        let (status, length) = self.head();
        if let Some(length) = length {
            return (status, self.octets(length).trim_end().to_owned());
        }
        let mut all = String::new();
        if status != "204" {
            loop {
                let chunk = self.chunk();
                if chunk.is_empty() {
                    break;
                }
                all += &chunk;
            }
        }
        (status, all)
    }
}

/// Smol has one thread by itself.
fn more_threads() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let executor: &'static smol::Executor<'static> = Box::leak(Box::default());
        for _ in 0..2 {
            thread::spawn(move || smol::block_on(executor.run(smol::future::pending::<()>())));
        }
        adapter_smol::spawn_on(executor);
    });
}

async fn serve<R: Rt>(service: SockJs) -> Running {
    more_threads();
    Running::start(Server::<R>::new().sockjs(service)).await
}

fn config() -> Config {
    Config {
        prefix: "/s".into(),
        origins: OriginPolicy::Any,
        ..Config::default()
    }
}

async fn echo(mut session: Session) {
    while let Some(message) = session.recv().await {
        if session.send(message).await.is_err() {
            break;
        }
    }
}

fn answer(status: &str, text: &str) -> (String, String) {
    (status.to_owned(), text.to_owned())
}

async fn three_sends_and_a_poll<R: Rt>() {
    let server = serve::<R>(SockJs::new(config(), echo).unwrap()).await;
    let mut polling = Http::connect(&server);
    let mut sending = Http::connect(&server);
    for n in 0..200 {
        let path = |transport| format!("/s/000/vector{n}/{transport}");
        assert_eq!(polling.post(&path("xhr"), ""), answer("200", "o"));
        for message in ["[\"a\"]", "[\"b\"]", "[\"c\"]"] {
            assert_eq!(sending.post(&path("xhr_send"), message), answer("204", ""));
        }
        let all = answer("200", "a[\"a\",\"b\",\"c\"]");
        assert_eq!(polling.post(&path("xhr"), ""), all, "session {n}");
    }
}

async fn what_is_said_at_the_beginning_leaves_with_the_beginning<R: Rt>() {
    let greet = async |session: Session| {
        session.send("welcome").await.expect("it is open");
        smol::future::pending::<()>().await;
    };
    let server = serve::<R>(SockJs::new(config(), greet).unwrap()).await;
    let mut http = Http::connect(&server);
    http.ask("/s/000/one/xhr_streaming", "");
    assert_eq!(http.head().0, "200");
    assert_eq!(http.chunk(), "h".repeat(2048));
    assert_eq!(http.chunk(), "o");
    assert_eq!(http.chunk(), "a[\"welcome\"]");
    // It is kept although nobody is going to wake it.
    let mut sending = Http::connect(&server);
    let sent = sending.post("/s/000/one/xhr_send", "[\"x\"]");
    assert_eq!(sent, answer("204", ""));
}

async fn handlers_are_woken_from_anywhere<R: Rt>() {
    let relay = async |session: Session| {
        let (news, told) = bounded(1);
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(5));
            news.send_blocking("news").expect("it listens");
        });
        while let Ok(text) = told.recv().await {
            session.send(text).await.expect("it is open");
        }
        sleep(Duration::from_millis(5)).await;
    };
    let server = serve::<R>(SockJs::new(config(), relay).unwrap()).await;
    let mut http = Http::connect(&server);
    http.ask("/s/000/one/xhr_streaming", "");
    http.head();
    http.chunk();
    for frame in ["o", "a[\"news\"]", "c[1000,\"Normal closure\"]"] {
        assert_eq!(http.chunk(), frame);
    }
}

async fn a_handler_that_wakes_itself_starves_nobody<R: Rt>() {
    let restless = async |mut session: Session| {
        let restless = async {
            loop {
                smol::future::yield_now().await;
            }
        };
        let echo = async {
            while let Some(message) = session.recv().await {
                session.send(message).await.expect("it is open");
            }
        };
        smol::future::or(echo, restless).await;
    };
    let server = serve::<R>(SockJs::new(config(), restless).unwrap()).await;
    let mut http = Http::connect(&server);
    assert_eq!(http.post("/s/000/one/xhr", ""), answer("200", "o"));
    let mut sending = Http::connect(&server);
    let sent = sending.post("/s/000/one/xhr_send", "[\"x\"]");
    assert_eq!(sent, answer("204", ""));
    let got = http.post("/s/000/one/xhr", "");
    assert_eq!(got, answer("200", "a[\"x\"]"));
    http.ask("/s/000/one/xhr", "");
    drop(http);
}
