//! As much of RFC 6455 as a client needs that knows what comes.

use std::net::SocketAddr;

use memchr::memmem;

use crate::session::{Failure, Outcome};
use crate::traffic::Kind;

/// What a browser sends. The key is the one of RFC 6455 §1.3.
pub fn request(address: SocketAddr, path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nPragma: no-cache\r\n\
         Cache-Control: no-cache\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 \
         (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n\
         Accept-Language: en-US,en;q=0.9\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

/// The head of the answer, as far as it came.
#[derive(Default)]
pub struct Upgrade {
    head: Vec<u8>,
}

impl Upgrade {
    /// What follows the head, once it is there and right.
    pub fn receive<'a>(&mut self, bytes: &'a [u8]) -> Outcome<Option<&'a [u8]>> {
        let before = self.head.len();
        self.head.extend_from_slice(bytes);
        let Some(end) = memmem::find(&self.head, b"\r\n\r\n") else {
            return Ok(None);
        };
        let right = self.head.starts_with(b"HTTP/1.1 101 ")
            && memmem::find(&self.head, b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=").is_some();
        if !right {
            return Err(Failure::unexpected("no upgrade", &self.head));
        }
        Ok(Some(&bytes[end + 4 - before..]))
    }
}

/// A client's frame.
pub fn masked(kind: Kind, payload: &[u8], out: &mut Vec<u8>) {
    masked_frame(opcode(kind), payload, out);
}

/// The answer to a ping.
pub fn pong(payload: &[u8], out: &mut Vec<u8>) {
    masked_frame(PONG, payload, out);
}

fn masked_frame(opcode: u8, payload: &[u8], out: &mut Vec<u8>) {
    header(opcode, payload.len(), MASKED, out);
    let number = payload.iter().take(4).map(|&octet| u32::from(octet));
    let key = number.fold(0x9e37_79b9_u32, |key, octet| {
        key.wrapping_mul(0x0100_0193) ^ octet
    });
    let key = key.to_be_bytes();
    out.extend_from_slice(&key);
    let octets = payload.iter().zip(key.iter().cycle());
    out.extend(octets.map(|(octet, key)| octet ^ key));
}

/// A server's frame.
pub fn plain(kind: Kind, payload: &[u8], out: &mut Vec<u8>) {
    header(opcode(kind), payload.len(), 0, out);
    out.extend_from_slice(payload);
}

fn opcode(kind: Kind) -> u8 {
    match kind {
        Kind::Text => TEXT,
        Kind::Binary => BINARY,
    }
}

fn header(opcode: u8, length: usize, masked: u8, out: &mut Vec<u8>) {
    out.push(FIN | opcode);
    if length < 126 {
        out.push(masked | length as u8);
    } else if let Ok(length) = u16::try_from(length) {
        out.push(masked | 126);
        out.extend_from_slice(&length.to_be_bytes());
    } else {
        out.push(masked | 127);
        out.extend_from_slice(&(length as u64).to_be_bytes());
    }
}

/// A whole frame of a server.
pub struct Frame<'a> {
    pub opcode: u8,
    pub payload: &'a [u8],
}

/// Takes one frame from the front, if it is whole.
pub fn take_frame<'a>(bytes: &mut &'a [u8]) -> Outcome<Option<Frame<'a>>> {
    let [first, length, rest @ ..] = *bytes else {
        return Ok(None);
    };
    if first & 0xf0 != FIN || length & MASKED != 0 {
        return Err(Failure::unexpected("not a whole message in a frame", bytes));
    }
    let (length, rest) = match *length {
        126 => match rest.split_first_chunk::<2>() {
            Some((length, rest)) => (u64::from(u16::from_be_bytes(*length)), rest),
            None => return Ok(None),
        },
        127 => match rest.split_first_chunk::<8>() {
            Some((length, rest)) => (u64::from_be_bytes(*length), rest),
            None => return Ok(None),
        },
        length => (u64::from(length), rest),
    };
    let length = usize::try_from(length).map_err(|_| Failure::new("a frame without end"))?;
    if rest.len() < length {
        return Ok(None);
    }
    let (payload, rest) = rest.split_at(length);
    let opcode = first & 0x0f;
    *bytes = rest;
    Ok(Some(Frame { opcode, payload }))
}

pub const TEXT: u8 = 1;
const BINARY: u8 = 2;
pub const PING: u8 = 9;
const PONG: u8 = 10;
const FIN: u8 = 0x80;
const MASKED: u8 = 0x80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_taken_when_it_is_whole() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536] {
            let payload = vec![b'x'; length];
            let mut bytes = Vec::new();
            plain(Kind::Text, &payload, &mut bytes);
            for cut in [0, 1, 2, 3, 9, bytes.len() - 1] {
                let mut part = &bytes[..cut.min(bytes.len() - 1)];
                assert!(take_frame(&mut part).is_ok_and(|frame| frame.is_none()));
            }
            bytes.push(0x88);
            let mut rest = &bytes[..];
            let frame = take_frame(&mut rest).unwrap().unwrap();
            assert_eq!(
                (frame.opcode, frame.payload, rest),
                (1, &payload[..], &[0x88][..])
            );
        }
    }

    #[test]
    fn frames_of_clients_are_masked() {
        // RFC 6455 §5.7 has the unmasked one.
        let (mut client, mut server) = (Vec::new(), Vec::new());
        masked(Kind::Text, b"Hello", &mut client);
        plain(Kind::Text, b"Hello", &mut server);
        assert_eq!(server, b"\x81\x05Hello");
        assert_eq!(client[..2], [0x81, 0x85]);
        let octets = client[6..].iter().zip(client[2..6].iter().cycle());
        assert_eq!(octets.map(|(a, b)| a ^ b).collect::<Vec<_>>(), b"Hello");
    }

    #[test]
    fn an_upgrade_needs_the_right_answer() {
        let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
            Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
        let answer = format!("{head}\x01o");
        for cut in 0..head.len() {
            let mut upgrade = Upgrade::default();
            let (first, second) = answer.as_bytes().split_at(cut);
            assert!(upgrade.receive(first).is_ok_and(|rest| rest.is_none()));
            assert!(
                upgrade
                    .receive(second)
                    .is_ok_and(|rest| rest == Some(b"\x01o"))
            );
        }
        let wrong = head.replace("s3pPL", "xxxxx");
        assert!(Upgrade::default().receive(wrong.as_bytes()).is_err());
    }
}
