//! Responses to bytes: status line, framing fields, chunks.
//!
//! Heads hold only checked text, so nothing written here can end a line early.

use alloc::vec::Vec;

use bytes::Bytes;

use super::ResponseHead;
use super::fields::Fields;
use crate::{HttpDate, Outbox};

/// The framing fields of a response (RFC 9112 §6).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum LengthField {
    /// Neither: the response has no body, or ends with the connection.
    None,
    ContentLength(u64),
    Chunked,
}

/// What `Connection` says (RFC 9112 §9.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Persistence {
    /// HTTP/1.1's default.
    Implied,
    /// An HTTP/1.0 peer asked for it and is told that it got it.
    KeepAlive,
    Close,
}

pub(super) fn write_head(
    out: &mut Outbox,
    head: &ResponseHead,
    more: &[(&str, &str)],
    length: LengthField,
    persistence: Persistence,
    date: Option<HttpDate>,
) {
    let size = |(name, value): &(&str, &str)| name.len() + value.len() + ": \r\n".len();
    let more_size = more.iter().map(size).sum::<usize>();
    out.append_with(
        HEAD_SIZE + head.fields().as_lines().len() + more_size,
        |out| {
            write_status_line(out, head);
            if let Some(date) = date.filter(|_| !head.has().date) {
                write_field(out, "Date", date.as_bytes());
            }
            // RFC 9110 §7.8: whoever sends Upgrade lists it in Connection.
            let connection: &[u8] = match (persistence, head.has().upgrade) {
                (Persistence::Implied, false) => b"",
                (Persistence::Implied, true) => b"Upgrade",
                (Persistence::KeepAlive, false) => b"keep-alive",
                (Persistence::KeepAlive, true) => b"Upgrade, keep-alive",
                (Persistence::Close, false) => b"close",
                (Persistence::Close, true) => b"Upgrade, close",
            };
            if !connection.is_empty() {
                write_field(out, "Connection", connection);
            }
            match length {
                LengthField::None => {}
                LengthField::ContentLength(length) => {
                    out.extend_from_slice(b"Content-Length: ");
                    write_number(out, length);
                    out.extend_from_slice(b"\r\n");
                }
                LengthField::Chunked => write_field(out, "Transfer-Encoding", b"chunked"),
            }
            out.extend_from_slice(head.fields().as_lines());
            for (name, value) in more {
                write_field(out, name, value.as_bytes());
            }
            out.extend_from_slice(b"\r\n");
        },
    );
}

/// Writes an interim response: its fields and nothing of ours (RFC 9110 §15.2).
pub(super) fn write_interim(out: &mut Outbox, head: &ResponseHead) {
    out.append_with(HEAD_SIZE + head.fields().as_lines().len(), |out| {
        write_status_line(out, head);
        out.extend_from_slice(head.fields().as_lines());
        out.extend_from_slice(b"\r\n");
    });
}

/// Writes the response to a request that cannot be served.
pub(super) fn write_refusal(
    out: &mut Outbox,
    status: u16,
    keep: Persistence,
    date: Option<HttpDate>,
) {
    write_head(
        out,
        &ResponseHead::new(status),
        &[],
        LengthField::ContentLength(0),
        keep,
        date,
    );
}

/// Writes `data`, which is not empty, as one chunk (RFC 9112 §7.1).
pub(super) fn write_chunk(out: &mut Outbox, data: Bytes) {
    out.append_with(CHUNK_FRAMING + data.len().min(Outbox::COPY_MAX), |out| {
        let digits = (usize::BITS - data.len().leading_zeros()).div_ceil(4);
        for digit in (0..digits).rev() {
            out.push(b"0123456789abcdef"[data.len() >> (4 * digit) & 0xf]);
        }
        out.extend_from_slice(b"\r\n");
    });
    out.push(data);
    out.append(b"\r\n");
}

pub(super) fn write_last_chunk(out: &mut Outbox, trailers: &Fields) {
    out.append_with(CHUNK_FRAMING + trailers.as_lines().len(), |out| {
        out.extend_from_slice(b"0\r\n");
        out.extend_from_slice(trailers.as_lines());
        out.extend_from_slice(b"\r\n");
    });
}

fn write_status_line(out: &mut Vec<u8>, head: &ResponseHead) {
    // RFC 9112 §2.3: our own version, whatever the request's was.
    let mut start = *b"HTTP/1.1 000 ";
    start[9..12].copy_from_slice(&status_digits(head.status()));
    out.extend_from_slice(&start);
    out.extend_from_slice(head.reason().as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// A status code has three digits (RFC 9110 §15).
pub(crate) fn status_digits(status: u16) -> [u8; 3] {
    [status / 100, status / 10, status].map(|digit| DIGITS[usize::from(digit % 10)])
}

fn write_field(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

pub(super) fn write_number(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0; 20];
    let mut left = number;
    let mut start = digits.len();
    loop {
        start -= 1;
        // The remainder is below 10.
        digits[start] = DIGITS[usize::try_from(left % 10).unwrap_or_default()];
        left /= 10;
        if left == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

/// The usual reason phrase of a status (RFC 9110 §15 and its registry); empty for unknown ones.
pub const fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        102 => "Processing",
        103 => "Early Hints",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        511 => "Network Authentication Required",
        _ => "",
    }
}

const DIGITS: &[u8; 10] = b"0123456789";
/// Fits a status line and the fields that the machine adds.
const HEAD_SIZE: usize = 192;
/// A chunk's size and the line breaks around it.
const CHUNK_FRAMING: usize = 20;
