//! The whole program on each runtime.

mod support;

use std::thread;

use support::Server;
use tungstenite::Message;

const RUNTIMES: [&str; 3] = ["tokio", "async-std", "smol"];

#[test]
fn each_serves_pages_and_websockets_with_any_number_of_workers() {
    for runtime in RUNTIMES {
        for workers in ["1", "3"] {
            let listen = ["--listen", "127.0.0.1:0", "--workers", workers];
            let server = Server::start_with(listen.into_iter().chain(["--runtime", runtime]));
            assert_eq!(server.get("/").status, 200, "{runtime}");
            let mut sockets: Vec<_> = (0..20).map(|_| server.websocket("/ws/echo")).collect();
            for (n, socket) in sockets.iter_mut().enumerate() {
                let message = Message::binary(vec![1; n * 5000]);
                socket.send(message.clone()).expect("sent");
                assert_eq!(socket.read().expect("echoed"), message, "{runtime}");
            }
        }
    }
}

#[cfg(unix)]
#[test]
fn each_ends_in_order() {
    for runtime in RUNTIMES {
        let server = Server::start_with(["--listen", "127.0.0.1:0", "--runtime", runtime]);
        let mut socket = server.websocket("/ws/echo");
        server.signal("TERM");
        let client = thread::spawn(move || while socket.read().is_ok() {});
        assert_eq!(server.wait().code(), Some(0), "{runtime}");
        client.join().expect("no panic");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn each_has_the_workers_it_was_told() {
    for (runtime, name) in [
        ("tokio", "tokio-rt-worker"),
        ("async-std", "async-std"),
        ("smol", "smol"),
    ] {
        let server = Server::start_with([
            "--listen",
            "127.0.0.1:0",
            "--runtime",
            runtime,
            "--workers",
            "3",
        ]);
        assert_eq!(server.get("/").status, 200);
        let threads = server.threads();
        let workers = threads
            .iter()
            .filter(|thread| name.starts_with(thread.as_str()));
        assert_eq!(workers.count(), 3, "{runtime}: {threads:?}");
    }
}
