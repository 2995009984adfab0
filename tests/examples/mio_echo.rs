//! An echo server of thousands of connections on one thread: a loop around mio, and the machines by
//! hand. An idle connection has no buffer, no task and no timer of its own.
//! `cargo run -p tests --example mio_echo [ADDRESS]`

use std::io::ErrorKind::{ConnectionAborted, Interrupted, WouldBlock};
use std::io::{self, Read, Write};
use std::{net::Shutdown, sync::Arc, time::Duration};

use bytes::Buf;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;
use websocket_proto::handshake::Policy;
use websocket_proto::{Event, Instant, Machine, ReadInterest, Refused, Server, http1};

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:0".into());
    let mut listener = TcpListener::bind(address.parse().map_err(io::Error::other)?)?;
    println!("listening on ws://{}", listener.local_addr()?);
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(1024));
    let registry = poll.registry().try_clone()?;
    registry.register(&mut listener, LISTENER, Interest::READABLE)?;
    let start = std::time::Instant::now();
    let now = || Instant::ZERO + start.elapsed();
    let (mut peers, mut bytes, mut sweep) = (Slab::<Peer>::new(), vec![0; 128 * 1024], now());
    loop {
        unless_waiting(poll.poll(&mut events, Some(TICK)))?;
        let mut due: Vec<usize> = events.iter().map(|event| event.token().0).collect();
        while let Ok((mut stream, _)) = listener.accept() {
            let place = peers.vacant_entry();
            let interest = Interest::READABLE | Interest::WRITABLE;
            registry.register(&mut stream, Token(place.key()), interest)?;
            let (machine, held) = (Server::new(Arc::default(), now()), Vec::new());
            place.insert(Peer {
                stream,
                machine,
                held,
                lingers: None,
            });
        }
        if sweep <= now() {
            sweep = now() + TICK;
            let late = peers.iter().filter(|(_, peer)| peer.is_late(now()));
            due.extend(late.map(|(key, _)| key));
        }
        for key in due {
            let turned = peers.get_mut(key).map(|peer| peer.turn(&mut bytes, now()));
            if let Some(Err(_)) = turned {
                peers.remove(key); // closes the socket
            }
        }
    }
}

struct Peer {
    stream: TcpStream,
    machine: Server,
    held: Vec<u8>,            // was read, and not taken by the machine yet
    lingers: Option<Instant>, // until when the peer may end its side, once ours is ended
}

impl Peer {
    fn is_late(&self, now: Instant) -> bool {
        let deadline = self.lingers.or(self.machine.poll_timeout());
        deadline.is_some_and(|deadline| deadline <= now)
    }

    /// Does all that can be done without waiting; an error is the end of the connection.
    fn turn(&mut self, buffer: &mut [u8], now: Instant) -> io::Result<()> {
        while self.lingers.is_none() {
            let mut moved = self.input(buffer, now)?;
            self.machine.handle_timeout(now);
            moved |= self.work(now);
            while self.machine.outbox().has_remaining()
                && let Some(n) = unless_waiting(self.stream.write(self.machine.outbox().chunk()))?
            {
                self.machine.outbox().advance(n);
                moved = true;
            }
            if self.machine.is_finished() && self.machine.outbox().is_empty() {
                // Closing a socket with unread input would destroy our last words on their way.
                self.stream.shutdown(Shutdown::Write)?;
                self.lingers = Some(now + LINGER);
            } else if !moved {
                return Ok(());
            }
        }
        while self.lingers > Some(now) {
            match unless_waiting(self.stream.read(buffer))? {
                None => return Ok(()),
                Some(0) => break,
                Some(_) => {}
            }
        }
        Err(ConnectionAborted.into())
    }

    /// Offers the machine what it has not taken, or else what comes next. Whether it took anything.
    fn input(&mut self, buffer: &mut [u8], now: Instant) -> io::Result<bool> {
        if !self.held.is_empty() || self.machine.read_interest() != ReadInterest::Data {
            let taken = self.machine.receive(now, &mut self.held);
            self.held.drain(..taken);
            return Ok(taken > 0);
        }
        let n = unless_waiting(self.stream.read(buffer))?;
        if n == Some(0) {
            self.machine.receive_eof(now);
        }
        let input = &mut buffer[..n.unwrap_or(0)];
        let taken = self.machine.receive(now, input);
        self.held = input[taken..].to_vec();
        Ok(n.is_some())
    }

    /// The application: answers the request, and sends messages back while there is room.
    fn work(&mut self, now: Instant) -> bool {
        if let Server::Http(http) = &mut self.machine
            && let Some(http1::server::Event::Request(request)) = http.poll_event()
        {
            let machine = std::mem::replace(&mut self.machine, Server::new(Arc::default(), now));
            self.machine = machine.answer(&request, &Policy::default(), Arc::default(), now);
            return true;
        }
        let mut worked = false;
        while let Server::WebSocket(ws) = &mut self.machine
            && ws.can_send() != Err(Refused::Full)
            && let Some(event) = ws.poll_event()
        {
            worked = true;
            if let Event::Message(message) = event {
                let _ = ws.send(message); // refused only when the connection is closing
            }
        }
        worked
    }
}

/// `None` when there is nothing to do without waiting.
fn unless_waiting<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if matches!(error.kind(), WouldBlock | Interrupted) => Ok(None),
        result => result.map(Some),
    }
}

const LISTENER: Token = Token(usize::MAX);
const LINGER: Duration = Duration::from_secs(2); // that the peer may take to end its side
const TICK: Duration = Duration::from_millis(100); // that a timer may be late
