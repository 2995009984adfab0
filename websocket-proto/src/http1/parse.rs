//! Heads from bytes (RFC 9112 §2 to §5), resumable at every byte.

use alloc::vec::Vec;

use super::fields::Fields;
use super::framing::MeaningReader;
use super::headers::{Place, place};
use super::lines::{Bounds, Lines};
use super::scan::usual_fields;
use super::start_line::{RequestLine, StatusLine};
use super::{Limits, ProtocolError, RequestHead, ResponseHead};
use crate::words::first_control;
use crate::work;

/// Collects one request head after the other.
///
/// Bytes behind a head are left alone. The work is linear however the bytes are cut: a head that
/// comes in one piece is read from the caller's buffer and copied once; an incomplete one is kept
/// here, and the search for its end goes on where it stopped.
///
/// ```
/// use websocket_proto::http1::{HeadParser, Limits};
///
/// let mut parser = HeadParser::new();
/// let limits = Limits::default();
/// assert_eq!(parser.parse(b"GET /a?b=c HTTP/1.1\r\nHo", &limits)?.0, 23);
/// let (taken, head) = parser.parse(b"st: h\r\n\r\nnext", &limits)?;
/// let head = head.expect("complete");
/// assert_eq!((taken, head.path(), head.query()), (9, "/a", Some("b=c")));
/// # Ok::<(), websocket_proto::http1::ProtocolError>(())
/// ```
#[derive(Debug, Default)]
pub struct HeadParser {
    lines: Lines,
    line: RequestLine,
}

impl HeadParser {
    /// A parser at the start of a head.
    pub const fn new() -> Self {
        Self {
            lines: Lines::new(),
            line: RequestLine::EMPTY,
        }
    }

    /// Takes bytes up to the end of a head; returns how many, and the head once it is complete.
    /// Fewer than all are taken only then.
    ///
    /// # Errors
    ///
    /// The first rule that the head breaks. Nothing may be parsed from this peer afterwards.
    pub fn parse(
        &mut self,
        input: &[u8],
        limits: &Limits,
    ) -> Result<(usize, Option<RequestHead>), ProtocolError> {
        let mut head = None;
        let taken = self.parse_into(&mut head, input, limits)?;
        Ok((taken, head))
    }

    /// The same, and puts the head where it is to be.
    pub(super) fn parse_into(
        &mut self,
        head: &mut Option<RequestHead>,
        input: &[u8],
        limits: &Limits,
    ) -> Result<usize, ProtocolError> {
        let bounds = Bounds::of_request(limits);
        if self.lines.is_fresh() {
            *head = Self::parse_whole(input, &bounds);
            if let Some(head) = head {
                return Ok(head.as_bytes().len());
            }
        }
        let start = |text: &[u8]| {
            self.line = RequestLine::parse(text)?;
            Ok(())
        };
        let (taken, text) = self.lines.collect(input, &bounds, start)?;
        if let Some((text, count)) = text {
            let line = self.line;
            *head = with_fields(&text, line.end(), count, &bounds, |headers| {
                request_head(&text, headers, line).map(Some)
            })?;
        }
        Ok(taken)
    }

    /// A head that is all there, without fault and usual, in one look. Whatever else there is,
    /// [`parse`](Self::parse) finds out, which takes the same heads and others.
    #[inline]
    fn parse_whole(input: &[u8], bounds: &Bounds) -> Option<RequestHead> {
        let input = &input[..input.len().min(bounds.block)];
        let line_end = first_control(&input[..input.len().min(bounds.start_line)]);
        let (line, rest) = input.split_at_checked(line_end)?;
        if !rest.starts_with(b"\r\n") {
            return None;
        }
        let line = RequestLine::parse(line).ok()?;
        let fields = line_end + "\r\n".len();
        let mut index = [Place::default(); USUAL_FIELDS];
        let mut free = index[..bounds.fields.min(USUAL_FIELDS)].iter_mut();
        let mut meaning = MeaningReader::new();
        let end = usual_fields(input, fields, bounds, |found| {
            let slot = free.next().ok_or(bounds.too_many)?;
            *slot = place(found.start, found.name.len()).ok_or(bounds.too_large)?;
            meaning.read(found.name, found.untrimmed)
        });
        let left = free.len();
        let Some(end) = end else {
            work::look(input.len());
            return None;
        };
        let text = &input[..end];
        work::look(text.len());
        let count = bounds.fields.min(USUAL_FIELDS) - left;
        let index = index.get(..count)?;
        let meaning = meaning
            .finish(line.version(), line.is_absolute(text))
            .ok()?;
        RequestHead::new(text, index, line, meaning)
    }

    /// Whether no byte of a head is held; empty lines before it do not count.
    pub const fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// How much memory is held.
    #[cfg(test)]
    pub(super) const fn memory(&self) -> usize {
        self.lines.memory()
    }
}

/// Collects one response head after the other; [`HeadParser`] for clients.
#[derive(Debug, Default)]
pub(super) struct ResponseParser {
    lines: Lines,
    line: StatusLine,
}

impl ResponseParser {
    /// As [`HeadParser::parse`].
    pub(super) fn parse(
        &mut self,
        input: &[u8],
        limits: &Limits,
    ) -> Result<(usize, Option<ResponseHead>), ProtocolError> {
        let bounds = Bounds::of_response(limits);
        let start = |text: &[u8]| {
            self.line = StatusLine::parse(text)?;
            Ok(())
        };
        let (taken, text) = self.lines.collect(input, &bounds, start)?;
        let Some((text, count)) = text else {
            return Ok((taken, None));
        };
        let line = self.line;
        with_fields(&text, line.end + 2, count, &bounds, |_| Ok(()))?;
        let fields = lines(&text, line.end + 2);
        let phrase = text.get(line.reason()).unwrap_or_default();
        Ok((taken, Some(ResponseHead::parsed(line, phrase, fields))))
    }
}

/// Collects a trailer section (RFC 9112 §7.1.2).
#[derive(Debug, Default)]
pub(super) struct TrailerParser {
    lines: Lines,
}

impl TrailerParser {
    /// Takes bytes up to the empty line; as [`HeadParser::parse`].
    pub(super) fn parse(
        &mut self,
        input: &[u8],
        limits: &Limits,
    ) -> Result<(usize, Option<Fields>), ProtocolError> {
        let bounds = Bounds::of_trailers(limits);
        let (taken, text) =
            self.lines
                .collect(input, &bounds, |_| match limits.trailer_fields {
                    0 => Err(ProtocolError::TrailersTooLarge),
                    _ => Ok(()),
                })?;
        let Some((text, count)) = text else {
            return Ok((taken, None));
        };
        // Without a start line the first line is a field, too.
        with_fields(&text, 0, count + 1, &bounds, |_| Ok(()))?;
        Ok((taken, Some(lines(&text, 0))))
    }
}

/// Parses the field lines of `text` behind `start`, of which there are `count`, checks their sizes
/// and hands them to `take`.
fn with_fields<T>(
    text: &[u8],
    start: usize,
    count: usize,
    bounds: &Bounds,
    take: impl FnOnce(&[httparse::Header<'_>]) -> Result<T, ProtocolError>,
) -> Result<T, ProtocolError> {
    let block = &text[start..];
    let (mut few, mut some, mut many);
    let space = match count {
        0..=16 => {
            few = [httparse::EMPTY_HEADER; 16];
            &mut few[..]
        }
        17..=32 => {
            some = [httparse::EMPTY_HEADER; 32];
            &mut some[..]
        }
        _ => {
            many = alloc::vec![httparse::EMPTY_HEADER; count];
            &mut many[..]
        }
    };
    let headers = match httparse::parse_headers(block, space) {
        Ok(httparse::Status::Complete((end, headers))) if end == block.len() => headers,
        Err(httparse::Error::TooManyHeaders) => return Err(bounds.too_many),
        // The one error of httparse has two causes, and lines are only split up here.
        Err(httparse::Error::HeaderName) if has_folded_line(block) => {
            return Err(ProtocolError::FoldedField);
        }
        Err(httparse::Error::HeaderName) => return Err(ProtocolError::FieldName),
        Ok(_) | Err(_) => return Err(ProtocolError::FieldValue),
    };
    for header in headers.iter() {
        check_sizes(header, bounds)?;
    }
    take(headers)
}

#[inline]
fn check_sizes(header: &httparse::Header<'_>, bounds: &Bounds) -> Result<(), ProtocolError> {
    if header.name.is_empty() {
        return Err(ProtocolError::FieldName);
    }
    if header.name.len() > bounds.field_name || header.value.len() > bounds.field_value {
        return Err(bounds.too_large);
    }
    Ok(())
}

/// Makes a head of its parts, once their meaning is clear.
fn request_head(
    text: &[u8],
    headers: &[httparse::Header<'_>],
    line: RequestLine,
) -> Result<RequestHead, ProtocolError> {
    let mut meaning = MeaningReader::new();
    for header in headers {
        meaning.read(header.name.as_bytes(), header.value)?;
    }
    let meaning = meaning.finish(line.version(), line.is_absolute(text))?;
    // Blocks are at most 64 KiB long, so every place can be told.
    let index: Vec<Place> = headers
        .iter()
        .map(|header| place(start(text, header), header.name.len()).unwrap_or_default())
        .collect();
    RequestHead::new(text, &index, line, meaning).ok_or(ProtocolError::HeadTooLarge)
}

/// Where the line of `header`, which lies in `text`, starts.
fn start(text: &[u8], header: &httparse::Header<'_>) -> usize {
    (header.name.as_ptr() as usize).wrapping_sub(text.as_ptr() as usize)
}

/// The lines of a block from `start` to its empty line.
fn lines(block: &[u8], start: usize) -> Fields {
    let end = block.len().saturating_sub("\r\n".len());
    Fields::parsed(Vec::from(block.get(start..end).unwrap_or_default()))
}

fn has_folded_line(block: &[u8]) -> bool {
    block
        .split(|&byte| byte == b'\n')
        .any(|line| matches!(line, [b' ' | b'\t', ..]))
}

/// Browsers send 10 to 20 fields, a proxy adds a handful.
const USUAL_FIELDS: usize = 32;

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;

    use super::*;

    /// All that a head says, or what is wrong with it.
    fn meaning(pieces: &[&[u8]], limits: &Limits) -> Result<(usize, String), ProtocolError> {
        let (mut parser, mut taken) = (HeadParser::new(), 0);
        for piece in pieces {
            let (more, head) = parser.parse(piece, limits)?;
            taken += more;
            if let Some(head) = head {
                let meaning = (head.framing(), head.keep_alive(), head.expectation());
                return Ok((taken, format!("{head:?} {meaning:?}")));
            }
        }
        Ok((taken, String::new()))
    }

    /// A head that comes in two pieces is read by the collector alone.
    fn check_both_ways(text: &[u8], limits: &Limits) {
        let (first, rest) = text.split_at(1);
        assert_eq!(
            meaning(&[text], limits),
            meaning(&[first, rest], limits),
            "{}",
            text.escape_ascii()
        );
    }

    #[test]
    fn what_is_read_at_one_look_is_what_the_collector_reads() {
        let text = b"POST /a?b HTTP/1.1\r\nHost: h.test:80\r\nContent-Length:\t 5 \r\nA-1:\r\n\
            Connection: close\r\nexpect: 100-continue\r\nA-Name-Of-More-Than-8: \xe9 b\r\n\r\nbody";
        let limits = Limits::default();
        for at in 0..text.len() {
            let (before, behind) = text.split_at(at);
            check_both_ways(&[before, &behind[1..]].concat(), &limits);
            for byte in 0..=u8::MAX {
                check_both_ways(&[before, &[byte], &behind[1..]].concat(), &limits);
            }
            for inserted in [
                &b"\r"[..],
                b"\n",
                b" ",
                b":",
                b"\t",
                b"a",
                b"\r\n",
                b"\r\n\r\n",
            ] {
                check_both_ways(&[before, inserted, behind].concat(), &limits);
            }
        }
        for more in 0..40 {
            let fields = "A: b\r\n".repeat(more);
            let text = format!("GET / HTTP/1.1\r\nHost: h\r\n{fields}\r\n");
            for fields in [1, 31, 32, 33, 100] {
                check_both_ways(text.as_bytes(), &Limits { fields, ..limits });
            }
            for head in [27, 28, 34, 35, 200] {
                check_both_ways(text.as_bytes(), &Limits { head, ..limits });
            }
        }
        for len in 0..20 {
            let value = "v".repeat(len);
            let text = format!("GET / HTTP/1.1\r\nHost: h\r\nX{value}: {value}\r\n\r\n");
            for most in [4, 8, 9, 16] {
                let (field_name, field_value) = (most, most);
                check_both_ways(
                    text.as_bytes(),
                    &Limits {
                        field_name,
                        ..limits
                    },
                );
                check_both_ways(
                    text.as_bytes(),
                    &Limits {
                        field_value,
                        ..limits
                    },
                );
            }
        }
    }

    /// Where httparse alone would see it otherwise: what it says, what we say.
    #[test]
    fn differences_to_httparse() {
        use ProtocolError as E;
        for (input, httparse_takes, ours) in [
            ("GET / HTTP/1.1\r\nHost: h\r\n\r\n", true, None),
            ("GET / HTTP/1.1\nHost: h\n\n", true, Some(E::BareLineFeed)),
            (
                "GET / HTTP/1.1\r\nHost: h\n\r\n",
                true,
                Some(E::BareLineFeed),
            ),
            (
                "\n\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
                true,
                Some(E::BareLineFeed),
            ),
            (
                "\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
                true,
                Some(E::RequestLine),
            ),
            ("GET /#a HTTP/1.1\r\nHost: h\r\n\r\n", true, Some(E::Target)),
            ("GET a HTTP/1.1\r\nHost: h\r\n\r\n", true, Some(E::Target)),
            (
                "GET /\u{e9} HTTP/1.1\r\nHost: h\r\n\r\n",
                true,
                Some(E::Target),
            ),
            ("GET / HTTP/1.2\r\nHost: h\r\n\r\n", false, None),
            (
                "GET / HTTP/2.0\r\nHost: h\r\n\r\n",
                false,
                Some(E::UnsupportedVersion),
            ),
            ("GET / http/1.1\r\nHost: h\r\n\r\n", false, Some(E::Version)),
            ("GET / HTTP/1.1\r\n\r\n", true, Some(E::Host)),
        ] {
            let mut headers = [httparse::EMPTY_HEADER; 16];
            let theirs = httparse::Request::new(&mut headers).parse(input.as_bytes());
            assert_eq!(theirs.is_ok(), httparse_takes, "{input:?}");
            let parsed = HeadParser::new().parse(input.as_bytes(), &Limits::default());
            match ours {
                None => assert!(matches!(parsed, Ok((_, Some(_)))), "{input:?}"),
                Some(error) => assert_eq!(parsed.err(), Some(error), "{input:?}"),
            }
        }
    }
}
