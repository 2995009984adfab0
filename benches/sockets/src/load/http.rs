//! Responses on a kept connection.

use memchr::memmem;

use crate::session::{Failure, Outcome};

/// Reads one response after another.
#[derive(Default)]
pub struct Responses {
    state: State,
    /// A line or head that has not come whole.
    partial: Vec<u8>,
}

#[derive(Default)]
enum State {
    #[default]
    Head,
    Length(u64),
    ChunkSize,
    Chunk(u64),
    ChunkEnd,
    /// After the last chunk.
    Trailer,
}

/// A part of a response.
pub enum Piece<'a> {
    Body(&'a [u8]),
    End,
}

impl Responses {
    /// Takes the next part from the front; `None` when more bytes are needed.
    pub fn next<'a>(&mut self, bytes: &mut &'a [u8]) -> Outcome<Option<Piece<'a>>> {
        loop {
            match self.state {
                State::Head => {
                    let Some(head) = self.until(b"\r\n\r\n", bytes) else {
                        return Ok(None);
                    };
                    self.state = after(&head)?;
                }
                State::Length(0) => {
                    self.state = State::Head;
                    return Ok(Some(Piece::End));
                }
                State::Length(left) => {
                    let Some((body, left)) = body(bytes, left) else {
                        return Ok(None);
                    };
                    self.state = State::Length(left);
                    return Ok(Some(Piece::Body(body)));
                }
                State::ChunkSize => {
                    let Some(line) = self.until(b"\r\n", bytes) else {
                        return Ok(None);
                    };
                    self.state = match httparse::parse_chunk_size(&line) {
                        Ok(httparse::Status::Complete((_, 0))) => State::Trailer,
                        Ok(httparse::Status::Complete((_, size))) => State::Chunk(size),
                        _ => return Err(Failure::unexpected("no size of a chunk", &line)),
                    };
                }
                State::Chunk(0) => self.state = State::ChunkEnd,
                State::Chunk(left) => {
                    let Some((body, left)) = body(bytes, left) else {
                        return Ok(None);
                    };
                    self.state = State::Chunk(left);
                    return Ok(Some(Piece::Body(body)));
                }
                State::ChunkEnd | State::Trailer => {
                    let Some(line) = self.until(b"\r\n", bytes) else {
                        return Ok(None);
                    };
                    if line != b"\r\n" {
                        return Err(Failure::unexpected("more than the chunk", &line));
                    }
                    if let State::Trailer = self.state {
                        self.state = State::Head;
                        return Ok(Some(Piece::End));
                    }
                    self.state = State::ChunkSize;
                }
            }
        }
    }

    /// What ends with `end`, once it is whole.
    fn until(&mut self, end: &[u8], bytes: &mut &[u8]) -> Option<Vec<u8>> {
        let before = self.partial.len();
        self.partial.extend_from_slice(bytes);
        // The end may have begun before.
        match memmem::find(&self.partial, end) {
            Some(found) => {
                self.partial.truncate(found + end.len());
                *bytes = &bytes[self.partial.len() - before..];
                Some(std::mem::take(&mut self.partial))
            }
            None => {
                *bytes = &[];
                None
            }
        }
    }
}

fn body<'a>(bytes: &mut &'a [u8], left: u64) -> Option<(&'a [u8], u64)> {
    if bytes.is_empty() {
        return None;
    }
    let count = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
    let (body, rest) = bytes.split_at(count);
    *bytes = rest;
    Some((body, left - count as u64))
}

/// What follows a head.
fn after(head: &[u8]) -> Outcome<State> {
    let mut fields = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut fields);
    let parsed = response.parse(head);
    let (Ok(httparse::Status::Complete(_)), Some(code @ (200 | 204))) = (parsed, response.code)
    else {
        return Err(Failure::unexpected("the server refused", head));
    };
    let field = |name: &str| {
        let mut fields = response.headers.iter();
        let field = fields.find(|field| field.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(field.value).ok()
    };
    if field("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
        return Err(Failure::unexpected("the connection is not kept", head));
    }
    if code == 204 {
        return Ok(State::Length(0));
    }
    if field("transfer-encoding").is_some() {
        return Ok(State::ChunkSize);
    }
    let length = field("content-length").and_then(|value| value.parse().ok());
    length
        .map(State::Length)
        .ok_or_else(|| Failure::unexpected("a body without an end", head))
}

#[cfg(test)]
mod tests {
    use super::*;

    const THREE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\na[1]\
        HTTP/1.1 204 No Content\r\nContent-Type: text/plain\r\n\r\n\
        HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhh\r\na\r\n0123456789\r\n0\r\n\r\n";

    #[test]
    fn responses_come_in_any_pieces() {
        for size in 1..=THREE.len() {
            let mut responses = Responses::default();
            let mut seen = String::new();
            for mut bytes in THREE.as_bytes().chunks(size) {
                while let Some(piece) = responses.next(&mut bytes).expect("they are right") {
                    match piece {
                        Piece::Body(body) => seen.push_str(std::str::from_utf8(body).unwrap()),
                        Piece::End => seen.push('|'),
                    }
                }
            }
            assert_eq!(seen, "a[1]||hh0123456789|", "in pieces of {size}");
        }
    }

    #[test]
    fn what_no_session_answers_is_a_failure() {
        for wrong in [
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\n",
            "a[\"x\"]\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        ] {
            let mut bytes = wrong.as_bytes();
            assert!(Responses::default().next(&mut bytes).is_err(), "{wrong}");
        }
    }
}
