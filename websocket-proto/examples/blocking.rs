//! An echo server without a runtime: blocking sockets, a thread for each, the machine driven by hand.
//!
//! ```text
//! cargo run -p websocket-proto --example blocking -- [--once] [ADDRESS]
//! ```
#![expect(clippy::disallowed_methods, reason = "machines own no clock, we do")]

use std::io::{self, ErrorKind, Read};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::{Duration, Instant as Clock};
use std::{env, sync::Arc, thread};

use bytes::Buf;
use websocket_proto::{Event, Instant, Machine, Refused, Server, handshake::Policy, http1};

fn main() -> io::Result<()> {
    let (once, address): (Vec<_>, Vec<_>) = env::args().skip(1).partition(|arg| arg == "--once");
    let listener = TcpListener::bind(address.first().map_or("127.0.0.1:0", String::as_str))?;
    println!("listening on ws://{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept()?;
        let connection = thread::spawn(|| serve(stream));
        if !once.is_empty() {
            return connection.join().expect("a connection does not panic");
        }
    }
}

/// The life of one connection. The machine never sees the socket: it is told what was read and what
/// time it is, and says what to write and when to wake it.
fn serve(mut stream: TcpStream) -> io::Result<()> {
    // A stalled peer is the kernel's to notice: nobody asks the machine while a write blocks.
    stream.set_write_timeout(Some(Duration::from_secs(30)))?;
    let start = Clock::now();
    let now = || Instant::ZERO + start.elapsed();
    let mut machine = Server::new(Arc::default(), now());
    // What was read and the machine has not taken yet is `buffer[held]`.
    let (mut buffer, mut held) = ([0; 16 * 1024], 0..0);
    while !machine.is_finished() {
        if held.is_empty() {
            let left = machine.poll_timeout().map(|deadline| deadline - now());
            // Zero is not a timeout.
            stream.set_read_timeout(left.map(|left| left.max(Duration::from_millis(1))))?;
            match stream.read(&mut buffer) {
                Ok(0) => machine.receive_eof(now()),
                Ok(n) => held = 0..n,
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(e) => return Err(e),
            }
        }
        held.start += machine.receive(now(), &mut buffer[held.clone()]);
        machine.handle_timeout(now());
        if let Server::Http(http) = &mut machine
            && let Some(http1::server::Event::Request(request)) = http.poll_event()
        {
            machine = machine.answer(&request, &Policy::default(), Arc::default(), now());
        }
        while let Server::WebSocket(ws) = &mut machine
            && let Some(event) = ws.poll_event()
        {
            if ws.can_send() == Err(Refused::Full) {
                io::copy(&mut ws.outbox().reader(), &mut stream)?;
            }
            if let Event::Message(message) = event {
                // Refused only once the connection is closing: nobody waits for an echo.
                let _ = ws.send(message);
            }
        }
        io::copy(&mut machine.outbox().reader(), &mut stream)?;
    }
    // Closing a socket with unread input would destroy our last words on their way.
    stream.shutdown(Shutdown::Write)?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    io::copy(&mut stream.take(64 * 1024), &mut io::sink()).map(drop)
}
