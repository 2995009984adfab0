//! Runs the real binary and talks to it with other people's code.
#![allow(dead_code, reason = "each test program uses a part")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use tungstenite::WebSocket;
use tungstenite::client::IntoClientRequest;
use tungstenite::handshake::client::Response;

/// The program with its arguments, not yet started.
pub(crate) fn program<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockjs-server"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub(crate) fn output<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Output {
    program(arguments).output().expect("the binary runs")
}

/// Checks that the program refuses its arguments with exit code 2 and one line with these parts.
pub(crate) fn refused(arguments: &[&str], parts: &[&str]) {
    let out = output(arguments.iter().copied());
    let text = String::from_utf8(out.stderr).expect("UTF-8");
    assert_eq!(out.status.code(), Some(2), "{arguments:?}: {text}");
    assert!(text.starts_with("sockjs-server: "), "{arguments:?}: {text}");
    assert_eq!(text.matches('\n').count(), 1, "{arguments:?}: {text}");
    for part in parts {
        assert!(
            text.contains(part),
            "{arguments:?}: {part:?} is missing in {text}"
        );
    }
    assert!(out.stdout.is_empty(), "{arguments:?}");
}

/// A running server; it is killed when a test is done with it.
pub(crate) struct Server {
    child: Child,
    lines: Receiver<String>,
    /// What stands after `listening on`, in the order of the listeners.
    pub(crate) addresses: Vec<String>,
}

impl Server {
    /// On a free port.
    pub(crate) fn start() -> Self {
        Self::start_with(["--listen", "127.0.0.1:0"])
    }

    /// With as many listeners as there are `--listen` among the arguments.
    pub(crate) fn start_with<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Self {
        let arguments: Vec<&str> = arguments.into_iter().collect();
        let listeners = arguments.iter().filter(|&&one| one == "--listen").count();
        let mut child = program(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let mut server = Self {
            child,
            lines,
            addresses: Vec::new(),
        };
        for _ in 0..listeners {
            let line = server.lines.recv_timeout(PATIENCE).unwrap_or_else(|_| {
                drop(server.child.kill());
                let mut errors = String::new();
                let stderr = server.child.stderr.as_mut().expect("a pipe");
                drop(stderr.read_to_string(&mut errors));
                panic!("the server is not ready: {errors}")
            });
            let address = line.strip_prefix("listening on ").expect("a ready line");
            server.addresses.push(address.to_owned());
        }
        server
    }

    /// `host:port` of the first listener.
    pub(crate) fn host(&self) -> &str {
        self.addresses[0].split("//").nth(1).expect("a URL")
    }

    pub(crate) fn connect(&self) -> TcpStream {
        patient(TcpStream::connect(self.host()).expect("the server accepts"))
    }

    /// One plain request and its whole answer.
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.request(&format!("GET {path} HTTP/1.1\r\nHost: {}\r\n", self.host()))
    }

    /// One plain request in the oldest version of HTTP, whose responses have no framing.
    pub(crate) fn get_old(&self, path: &str) -> Answer {
        self.request(&format!("GET {path} HTTP/1.0\r\nHost: {}\r\n", self.host()))
    }

    /// The answer to a request head without its last empty line; the connection is closed after it.
    pub(crate) fn request(&self, head: &str) -> Answer {
        exchange(self.connect(), head)
    }

    /// A WebSocket at `path`.
    pub(crate) fn websocket(&self, path: &str) -> WebSocket<TcpStream> {
        self.try_websocket(path, &[])
            .expect("the handshake succeeds")
            .0
    }

    /// Tries a WebSocket at `path` with more fields in the request.
    pub(crate) fn try_websocket(
        &self,
        path: &str,
        fields: &[(&'static str, &str)],
    ) -> Result<(WebSocket<TcpStream>, Response), Box<tungstenite::Error>> {
        let mut request = format!("ws://{}{path}", self.host())
            .into_client_request()
            .expect("a URL");
        for (name, value) in fields {
            request
                .headers_mut()
                .insert(*name, value.parse().expect("a field"));
        }
        tungstenite::client(request, self.connect()).map_err(|error| match error {
            tungstenite::HandshakeError::Failure(error) => Box::new(error),
            tungstenite::HandshakeError::Interrupted(_) => panic!("the handshake takes too long"),
        })
    }

    /// The names of its threads, cut to fifteen bytes.
    #[cfg(target_os = "linux")]
    pub(crate) fn threads(&self) -> Vec<String> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id()));
        tasks
            .expect("it runs")
            .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok())
            .map(|name| name.trim_end().to_owned())
            .collect()
    }

    /// The status of the answer to a WebSocket's handshake: 101 when it succeeds.
    pub(crate) fn handshake_status(&self, path: &str, fields: &[(&'static str, &str)]) -> u16 {
        match self.try_websocket(path, fields).map_err(|error| *error) {
            Ok(_) => 101,
            Err(tungstenite::Error::Http(response)) => response.status().as_u16(),
            Err(other) => panic!("{path}: {other}"),
        }
    }

    /// Sends a signal by its name, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill")
            .args(["-s", name, &pid])
            .status()
            .expect("kill runs");
        assert!(status.success());
    }

    /// The exit status, waited for as long as the drain may take and a little more.
    pub(crate) fn wait(mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE + Duration::from_secs(5);
        loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                return status;
            }
            assert!(Instant::now() < deadline, "the server does not end");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It fails for a server that has ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// An HTTP response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find_map(|(found, value)| found.eq_ignore_ascii_case(name).then_some(value))
    }
}

/// Writes a request head, adds that the connection ends with it, and reads until it does.
pub(crate) fn exchange(stream: impl Read + Write, head: &str) -> Answer {
    exchange_with_body(stream, head, "")
}

/// The same with a body behind the head.
pub(crate) fn exchange_with_body(mut stream: impl Read + Write, head: &str, body: &str) -> Answer {
    let request = format!("{head}Connection: close\r\n\r\n{body}");
    stream
        .write_all(request.as_bytes())
        .expect("the request is taken");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("the server closes");
    let text = String::from_utf8(bytes).expect("a response in UTF-8");
    let (head, body) = text.split_once("\r\n\r\n").expect("a response head");
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .expect("a status line");
    Answer {
        status,
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

pub(crate) fn patient(stream: TcpStream) -> TcpStream {
    stream
        .set_read_timeout(Some(PATIENCE))
        .expect("a socket option");
    stream
}

/// What is no longer slow but stuck, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(20);
