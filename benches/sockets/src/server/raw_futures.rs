//! The same bound on async-std and smol, twice: as their documents show it (read, and wait when
//! there is nothing), and with the wait first, which saves the read that fails.

use std::io;
use std::net::TcpStream as Socket;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::io::{AsyncRead, AsyncWrite};

use crate::raw::{Unsent, with_buffer};

pub fn async_std() -> io::Result<()> {
    async_std::task::block_on(async {
        let listener = async_std::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on {}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            async_std::task::spawn(Echo::new(stream));
        }
    })
}

pub fn smol() -> io::Result<()> {
    smol::block_on(async {
        let listener = smol::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on {}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            smol::spawn(Echo::new(stream)).detach();
        }
    })
}

/// async-std does not show readiness; its sockets are those of async-io, which does.
pub fn async_std_ready() -> io::Result<()> {
    async_std::task::block_on(async {
        let listener = listen()?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.get_ref().set_nodelay(true)?;
            async_std::task::spawn(Echo::new(Ready(stream)));
        }
    })
}

pub fn smol_ready() -> io::Result<()> {
    smol::block_on(async {
        let listener = listen()?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.get_ref().set_nodelay(true)?;
            smol::spawn(Echo::new(Ready(stream))).detach();
        }
    })
}

fn listen() -> io::Result<smol::Async<std::net::TcpListener>> {
    let listener = smol::Async::<std::net::TcpListener>::bind(([127, 0, 0, 1], 0))?;
    println!("listening on {}", listener.get_ref().local_addr()?);
    Ok(listener)
}

struct Echo<S> {
    stream: S,
    unsent: Unsent,
}

impl<S> Echo<S> {
    fn new(stream: S) -> Self {
        Self {
            stream,
            unsent: Unsent::default(),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Future for Echo<S> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, unsent } = &mut *self;
        loop {
            while let Some(bytes) = unsent.bytes() {
                let written = ready!(Pin::new(&mut *stream).poll_write(cx, bytes))?;
                unsent.written(written);
            }
            let read = with_buffer(|buffer| {
                let count = ready!(Pin::new(&mut *stream).poll_read(cx, buffer))?;
                match Pin::new(&mut *stream).poll_write(cx, &buffer[..count]) {
                    Poll::Ready(written) => unsent.keep(&buffer[written?..count]),
                    Poll::Pending => unsent.keep(&buffer[..count]),
                }
                Poll::Ready(Ok::<usize, io::Error>(count))
            });
            if ready!(read)? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

/// A socket that is read only when it was reported readable.
struct Ready(smol::Async<Socket>);

impl AsyncRead for Ready {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.0.poll_readable(cx))?;
        let mut stream = &self.0;
        Pin::new(&mut stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Ready {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut stream = &self.0;
        Pin::new(&mut stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
