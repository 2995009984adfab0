//! The bound: TCP echo that sends back what a read brought, with one buffer for each thread.

use std::cell::RefCell;
use std::hint::black_box;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use adapter_tokio::proto::frame::mask;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

pub fn echo() -> io::Result<()> {
    serve(|_| ())
}

/// The same, with what nobody is spared whose clients mask: it looks at every byte and writes it anew. It
/// knows of no frame and checks nothing; the key changes no byte.
pub fn echo_unmasked() -> io::Result<()> {
    serve(|bytes| mask::apply(black_box([0; 4]), 0, bytes))
}

#[tokio::main]
async fn serve(work: fn(&mut [u8])) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(Echo {
            stream,
            unsent: Unsent::default(),
            work,
        });
    }
}

struct Echo {
    stream: TcpStream,
    unsent: Unsent,
    work: fn(&mut [u8]),
}

impl Future for Echo {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self {
            stream,
            unsent,
            work,
        } = &mut *self;
        loop {
            while let Some(bytes) = unsent.bytes() {
                let written = ready!(Pin::new(&mut *stream).poll_write(cx, bytes))?;
                unsent.written(written);
            }
            let read = with_buffer(|buffer| {
                let mut buffer = ReadBuf::new(buffer);
                ready!(Pin::new(&mut *stream).poll_read(cx, &mut buffer))?;
                work(buffer.filled_mut());
                let bytes = buffer.filled();
                match Pin::new(&mut *stream).poll_write(cx, bytes) {
                    Poll::Ready(written) => unsent.keep(&bytes[written?..]),
                    Poll::Pending => unsent.keep(bytes),
                }
                Poll::Ready(Ok::<usize, io::Error>(bytes.len()))
            });
            if ready!(read)? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

/// What the socket did not take at once.
#[derive(Default)]
pub struct Unsent {
    bytes: Vec<u8>,
    start: usize,
}

impl Unsent {
    pub fn bytes(&self) -> Option<&[u8]> {
        let bytes = &self.bytes[self.start..];
        (!bytes.is_empty()).then_some(bytes)
    }

    pub fn written(&mut self, count: usize) {
        self.start += count;
        if self.start == self.bytes.len() {
            *self = Self::default();
        }
    }

    pub fn keep(&mut self, rest: &[u8]) {
        self.bytes.extend_from_slice(rest);
    }
}

/// Lends the thread's buffer.
pub fn with_buffer<T>(use_it: impl FnOnce(&mut [u8]) -> T) -> T {
    thread_local!(static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; BUFFER_SIZE]));
    BUFFER.with_borrow_mut(|buffer| use_it(buffer))
}

/// With 16 or 64 KiB it is up to twice as dear where messages are large, and no cheaper elsewhere.
const BUFFER_SIZE: usize = 128 * 1024;
