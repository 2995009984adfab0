//! A complete adapter, and an echo server on it: one thread, tasks that cannot leave it, nothing to
//! spawn them with, timers in a list. What `docs/EMBEDDING.md` tells about adapters is this program.
//! `cargo run -p tests --example toy_adapter [ADDRESS]`

use std::cell::RefCell;
use std::future::Future;
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use adapter_core::proto::Instant;
use adapter_core::runtime::to_std;
use adapter_core::{Clock, Server, Stream, WebSocket};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Registry, Token};
use slab::Slab;

/// The runtime, as far as adapters are concerned: it has no values.
struct Toy;

impl Clock for Toy {
    type Sleep = Timer;

    fn sleep(deadline: Instant) -> Timer {
        Timer(deadline)
    }
}

/// A deadline; whoever polls it is woken when it has passed.
struct Timer(Instant);

impl Future for Timer {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.0 <= Toy::now() {
            return Poll::Ready(());
        }
        reactor(|reactor| reactor.timers.push((self.0, cx.waker().clone())));
        Poll::Pending
    }
}

/// A socket of mio and its place among those that the reactor watches.
struct Socket {
    stream: TcpStream,
    key: usize,
}

impl Stream for Socket {
    const VECTORED: bool = false;
    // mio tells once that bytes have come: only a read that would block has them all.
    const SHORT_READ_MEANS_EMPTY: bool = false;

    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let result = self.stream.read(buffer);
        self.or_wait(cx, result)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = self.stream.write(bytes);
        self.or_wait(cx, result)
    }

    fn poll_shutdown(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.stream.shutdown(Shutdown::Write))
    }
}

impl Socket {
    fn new(mut stream: TcpStream) -> io::Result<Self> {
        let key = reactor(|reactor| {
            let key = reactor.sockets.insert(None);
            let both = Interest::READABLE | Interest::WRITABLE;
            reactor.registry.register(&mut stream, Token(key), both)?;
            io::Result::Ok(key)
        })?;
        Ok(Self { stream, key })
    }

    fn or_wait<T>(&self, cx: &Context<'_>, result: io::Result<T>) -> Poll<io::Result<T>> {
        match result {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                reactor(|reactor| reactor.sockets[self.key] = Some(cx.waker().clone()));
                Poll::Pending
            }
            result => Poll::Ready(result),
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        reactor(|reactor| reactor.sockets.remove(self.key));
    }
}

/// Who waits for what. mio does the waiting.
struct Reactor {
    registry: Registry,
    sockets: Slab<Option<Waker>>,
    timers: Vec<(Instant, Waker)>,
}

thread_local! {
    static REACTOR: RefCell<Option<Reactor>> = const { RefCell::new(None) };
}

fn reactor<T>(work: impl FnOnce(&mut Reactor) -> T) -> T {
    REACTOR.with_borrow_mut(|reactor| work(reactor.as_mut().expect("main made one")))
}

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// A task is polled when its flag is set.
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:0".into());
    let mut listener = TcpListener::bind(address.parse().map_err(io::Error::other)?)?;
    println!("listening on ws://{}", listener.local_addr()?);
    let (mut poll, mut events) = (mio::Poll::new()?, Events::with_capacity(64));
    let registry = poll.registry().try_clone()?;
    registry.register(&mut listener, LISTENER, Interest::READABLE)?;
    REACTOR.set(Some(Reactor {
        registry,
        sockets: Slab::new(),
        timers: Vec::new(),
    }));

    let served = Rc::new(RefCell::new(0)); // not `Send`: nothing leaves the thread
    let server = Server::<Toy>::new().websocket("/", echo);
    let mut tasks: Vec<(Task, Arc<Flag>)> = Vec::new();
    loop {
        while let Ok((stream, peer)) = listener.accept() {
            let connection = server.serve_connection(Socket::new(stream)?, peer.into());
            let served = Rc::clone(&served);
            let task = async move {
                connection.await;
                *served.borrow_mut() += 1;
                eprintln!("served {} connections", served.borrow());
            };
            tasks.push((Box::pin(task), Arc::new(Flag(AtomicBool::new(true)))));
        }
        tasks.retain_mut(|(task, flag)| {
            let waker = Waker::from(Arc::clone(flag));
            !flag.0.swap(false, Ordering::Relaxed)
                || task
                    .as_mut()
                    .poll(&mut Context::from_waker(&waker))
                    .is_pending()
        });
        // Tasks may have woken each other; then there is no time to sleep.
        let busy = tasks.iter().any(|(_, flag)| flag.0.load(Ordering::Relaxed));
        let now = std::time::Instant::now();
        let next = reactor(|reactor| reactor.timers.iter().map(|(at, _)| *at).min());
        let left = next.map(|deadline| to_std(deadline).saturating_duration_since(now));
        let left = if busy { Some(Duration::ZERO) } else { left };
        poll.poll(&mut events, left)?;
        reactor(|reactor| {
            for event in &events {
                if let Some(waker) = reactor.sockets.get_mut(event.token().0) {
                    waker.take().into_iter().for_each(Waker::wake);
                }
            }
            let due = |(deadline, _): &mut (Instant, Waker)| *deadline <= Toy::now();
            reactor
                .timers
                .extract_if(.., due)
                .for_each(|(_, waker)| waker.wake());
        });
    }
}

async fn echo(mut ws: WebSocket) {
    while let Some(message) = ws.recv().await {
        if ws.send(message).await.is_err() {
            break;
        }
    }
}

const LISTENER: Token = Token(usize::MAX);
