//! Bounds for more than echo: the reads and writes of SockJS's HTTP transports, and of a broadcast,
//! without anything between them.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::raw::with_buffer;

/// Connections in pairs. The first line of one says `receive NUMBER`, of the other
/// `send NUMBER REQUEST ANSWER FRAME`: for each REQUEST bytes read from the sender, ANSWER bytes go
/// back to it, and FRAME bytes to the receiver. What the receiver sends is read and dropped.
#[tokio::main]
pub async fn pairs() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    let receivers: Receivers = Receivers::default();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(pair(stream, receivers.clone()));
    }
}

type Receivers = Arc<Mutex<HashMap<usize, Arc<TcpStream>>>>;

async fn pair(stream: TcpStream, receivers: Receivers) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let stream = stream.into_inner();
    let mut words = line.split_whitespace();
    let sends = words.next() == Some("send");
    let numbers: Vec<usize> = words.map_while(|word| word.parse().ok()).collect();
    match (sends, &numbers[..]) {
        (false, &[number]) => {
            let stream = Arc::new(stream);
            let known = (number, stream.clone());
            receivers.lock().expect("nobody panics").extend([known]);
            stream.try_write(b"ok")?;
            while read(&stream).await? > 0 {}
        }
        (true, &[number, request, answer, frame]) => {
            let receiver = receivers.lock().expect("nobody panics").remove(&number);
            let receiver = receiver.expect("the receiver comes first");
            stream.try_write(b"ok")?;
            let bytes = vec![b'x'; answer.max(frame)];
            let mut pending = 0;
            loop {
                let count = read(&stream).await?;
                if count == 0 {
                    break;
                }
                pending += count;
                while pending >= request {
                    pending -= request;
                    all_of(&stream, &bytes[..answer])?;
                    all_of(&receiver, &bytes[..frame])?;
                }
            }
        }
        (_, _) => panic!("{line:?}"),
    }
    Ok(())
}

/// Everybody gets what anybody sends.
#[tokio::main]
pub async fn broadcast() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    let members: Arc<Mutex<Vec<Arc<TcpStream>>>> = Arc::default();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let stream = Arc::new(stream);
        let members = members.clone();
        members.lock().expect("nobody panics").push(stream.clone());
        tokio::spawn(async move {
            loop {
                stream.readable().await?;
                let read: io::Result<usize> = with_buffer(|buffer| {
                    let count = stream.try_read(buffer)?;
                    for member in &*members.lock().expect("nobody panics") {
                        all_of(member, &buffer[..count])?;
                    }
                    Ok(count)
                });
                match read {
                    Ok(0) => return Ok(()),
                    Ok(_) => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err::<(), io::Error>(error),
                }
            }
        });
    }
}

async fn read(stream: &TcpStream) -> io::Result<usize> {
    loop {
        stream.readable().await?;
        match with_buffer(|buffer| stream.try_read(buffer)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            read => return read,
        }
    }
}

/// Few bytes are in flight on each connection: the socket takes them at once.
fn all_of(stream: &TcpStream, bytes: &[u8]) -> io::Result<()> {
    match stream.try_write(bytes)? {
        written if written == bytes.len() => Ok(()),
        _ => Err(io::Error::other("the socket's buffer is full")),
    }
}
