//! How many bytes are looked at: a counter in place of a clock, for tests alone.
//!
//! Whatever scans, checks or changes bytes that a peer sent says so with [`look`]. Then the tests
//! below can feed the longest input byte by byte and see that each byte was looked at a few times
//! and not once more for every byte that came after it.

/// So many bytes are looked at.
#[cfg(not(test))]
#[inline(always)]
pub(crate) const fn look(_: usize) {}

#[cfg(test)]
pub(crate) use counted::look;

#[cfg(test)]
mod counted {
    #[allow(
        unused_extern_crates,
        reason = "it is there already with the feature `std`"
    )]
    extern crate std;

    use core::cell::Cell;

    std::thread_local! {
        static LOOKS: Cell<usize> = const { Cell::new(0) };
    }

    /// So many bytes are looked at.
    pub(crate) fn look(bytes: usize) {
        LOOKS.set(LOOKS.get() + bytes);
    }

    /// How many bytes `run` looks at, each as often as it does.
    pub(super) fn looks(run: impl FnOnce()) -> usize {
        let before = LOOKS.get();
        run();
        LOOKS.get() - before
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;
    use alloc::sync::Arc;
    use alloc::vec::Vec;

    use super::counted::looks;
    use crate::connection::{Config, Connection, Delivery, Event};
    use crate::handshake::Agreed;
    use crate::http1::{HeadParser, Limits, client, server};
    use crate::{Draft, Instant, Machine, Outbox};

    const NOW: Instant = Instant::ZERO;

    /// Feeds `input` in pieces of `size`, takes events and drops output; all of it must be taken.
    fn feed<M: Machine>(
        machine: &mut M,
        input: &[u8],
        size: usize,
        mut events: impl FnMut(&mut M),
    ) {
        for piece in input.chunks(size) {
            let mut piece = Vec::from(piece);
            let mut rest = &mut piece[..];
            while !rest.is_empty() {
                let taken = machine.receive(NOW, rest);
                rest = &mut rest[taken..];
                events(machine);
                let outbox = machine.outbox();
                let written = outbox.len();
                bytes::Buf::advance(outbox, written);
            }
        }
    }

    /// A field block of `len` bytes, in many fields or few.
    fn fields(len: usize, value: usize) -> String {
        let mut block = String::new();
        while block.len() + value + 7 < len {
            block += &format!("A: {}\r\n", "x".repeat(value));
        }
        let rest = len - block.len() - 5;
        block + &format!("A: {}\r\n", "x".repeat(rest))
    }

    #[test]
    fn the_largest_request_head_byte_by_byte() {
        let limits = Limits::default();
        let most = usize::from(limits.head);
        for value in [170, 4000] {
            for len in [most / 2, most] {
                let start = "GET / HTTP/1.1\r\nHost: h\r\n";
                let head = format!("{start}{}\r\n", fields(len - start.len() - 2, value));
                assert_eq!(head.len(), len);
                for size in [1, 7] {
                    let mut parser = HeadParser::new();
                    let mut heads = 0;
                    let work = looks(|| {
                        for piece in head.as_bytes().chunks(size) {
                            let (taken, parsed) = parser.parse(piece, &limits).unwrap();
                            assert_eq!(taken, piece.len());
                            heads += usize::from(parsed.is_some());
                        }
                    });
                    assert_eq!(heads, 1);
                    assert!(parser.is_empty());
                    assert!((len..=3 * len).contains(&work), "{work} for {len} bytes");
                }
            }
        }
    }

    #[test]
    fn request_lines_and_their_empty_lines_byte_by_byte() {
        let limits = Limits::default();
        let line = "a".repeat(usize::from(limits.start_line) - 14);
        let head = format!("\r\n\r\nGET /{line} HTTP/1.1\r\nHost: h\r\n\r\n");
        let mut parser = HeadParser::new();
        let work = looks(|| {
            for piece in head.as_bytes().chunks(1) {
                parser.parse(piece, &limits).unwrap();
            }
        });
        assert!(work <= 3 * head.len(), "{work} for {} bytes", head.len());
    }

    #[test]
    fn many_requests_in_one_piece() {
        let request = "GET /a HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\n";
        let input = request.repeat(1000);
        let mut rest = input.as_bytes();
        let work = looks(|| {
            while !rest.is_empty() {
                let parsed = HeadParser::new().parse(rest, &Limits::default());
                rest = &rest[parsed.unwrap().0..];
            }
        });
        assert!(work <= 3 * input.len(), "{work} for {} bytes", input.len());
    }

    #[test]
    fn the_largest_response_head_and_trailers_byte_by_byte() {
        let limits = Limits::default();
        let start = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n";
        let head = usize::from(limits.head) - start.len() - 2;
        let trailers = usize::from(limits.trailers) - 2;
        let response = format!(
            "{start}{}\r\n1;a=\"{}\"\r\nx\r\n0\r\n{}\r\n",
            fields(head, 200),
            "b".repeat(200),
            fields(trailers, 200),
        );
        let request = client::Request::new("GET", "/").unwrap();
        let request = request.header("Host", "h").unwrap();
        let mut exchange = client::Exchange::new(&request, client::Config::default(), NOW).unwrap();
        let mut ended = false;
        let work = looks(|| {
            feed(&mut exchange, response.as_bytes(), 1, |exchange| {
                while let Some(event) = exchange.poll_event() {
                    ended |= matches!(event, client::Event::End { .. });
                }
            });
        });
        assert!(ended, "all of it is legal");
        assert!(work <= 3 * response.len(), "{work} for {}", response.len());
    }

    #[test]
    fn a_chunked_body_byte_by_byte() {
        let mut input = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n".into();
        for nth in 0..2000 {
            input += if nth % 2 == 0 {
                "1\r\nx\r\n"
            } else {
                "a\r\n0123456789\r\n"
            };
        }
        input += "0\r\n\r\n";
        let input: String = input;
        let mut connection = server::Connection::new(Arc::default(), NOW);
        let mut ended = false;
        let work = looks(|| {
            feed(&mut connection, input.as_bytes(), 1, |connection| {
                while let Some(event) = connection.poll_event() {
                    match event {
                        server::Event::Request(_) => connection.read_body(NOW, u64::MAX).unwrap(),
                        server::Event::RequestEnd(_) => ended = true,
                        _ => {}
                    }
                }
            });
        });
        assert!(ended, "all of it is legal");
        assert!(work <= 3 * input.len(), "{work} for {}", input.len());
    }

    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = Vec::from([first, 0x80 | 127]);
        frame.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        if let Ok(len @ ..=125) = u8::try_from(payload.len()) {
            frame.truncate(1);
            frame.push(0x80 | len);
        } else if let Ok(len) = u16::try_from(payload.len()) {
            frame.truncate(1);
            frame.push(0x80 | 126);
            frame.extend_from_slice(&len.to_be_bytes());
        }
        frame.extend_from_slice(b"\0\0\0\0");
        frame.extend_from_slice(payload);
        frame
    }

    /// What a server looks at while `input`, which holds one message, comes in pieces of `size`.
    fn message(
        agreed: Agreed,
        delivery: Delivery,
        limit: usize,
        input: &[u8],
        size: usize,
    ) -> usize {
        let config = Config {
            delivery,
            max_message: limit,
            ..Config::default()
        };
        let mut machine = Connection::server(agreed, Arc::new(config), Outbox::new(), NOW);
        let mut len = 0;
        let work = looks(|| {
            feed(&mut machine, input, size, |machine| {
                while let Some(event) = machine.poll_event() {
                    match event {
                        Event::Message(message) => len += message.as_bytes().len(),
                        Event::Chunk(chunk) => len += chunk.payload.len(),
                        event => panic!("{event:?}"),
                    }
                }
            });
        });
        assert_eq!(len, limit, "the largest message is told");
        work
    }

    #[test]
    fn the_largest_message_byte_by_byte() {
        let characters = "aé漢😀".chars().cycle();
        for len in [1 << 15, 1 << 16] {
            let mut text: String = characters.clone().take(len / 4).collect();
            text += &"x".repeat(len - text.len());
            let text = text.as_bytes();
            let mut fragments = frame(0x01, &text[..64]);
            for piece in text[64..].chunks(64) {
                fragments.extend(frame(0x00, piece));
            }
            fragments.extend(frame(0x80, b""));
            let hixie = [b"\x00", text, b"\xff"].concat();
            let plain = [
                (Draft::Rfc6455, frame(0x81, text)),
                (Draft::Rfc6455, fragments),
                (Draft::Hixie76, hixie),
            ];
            for (draft, input) in plain {
                for delivery in [Delivery::Whole, Delivery::Streamed] {
                    for size in [1, 3, 1000] {
                        let work = message(Agreed::new(draft), delivery, len, &input, size);
                        assert!(
                            (len..=4 * input.len()).contains(&work),
                            "{work} for {len} bytes of {draft:?} in pieces of {size}, {delivery:?}"
                        );
                    }
                }
            }
        }
    }

    #[cfg(feature = "deflate")]
    #[test]
    fn the_largest_compressed_message_byte_by_byte() {
        use crate::deflate;
        for len in [1 << 15, 1 << 16] {
            let text: String = (0..)
                .map(|n: u32| format!("{n:x}é"))
                .take(len / 4)
                .collect();
            let mut end = len;
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            let mut payload = Vec::new();
            let effort = deflate::Effort::default();
            deflate::Compressor::new(15, true, effort).compress(
                &text.as_bytes()[..end],
                true,
                &mut payload,
            );
            let agreed = || Agreed {
                deflate: Some(deflate::Params::default()),
                ..Agreed::new(Draft::Rfc6455)
            };
            for delivery in [Delivery::Whole, Delivery::Streamed] {
                for size in [1, 1000] {
                    let input = frame(0xc1, &payload);
                    let work = message(agreed(), delivery, end, &input, size);
                    assert!(
                        (end..=4 * end).contains(&work),
                        "{work} for {end} bytes in pieces of {size}, {delivery:?}"
                    );
                }
            }
        }
    }
}
