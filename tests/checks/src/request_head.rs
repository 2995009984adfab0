//! Request heads against the grammar of RFC 9112, written as splitting and looking.

use websocket_proto::http1::{Framing, HeadParser, Limits, ProtocolError, RequestHead};

use crate::planted;

/// A head is taken when the oracle below says so, and means the same however it is cut.
pub fn check(data: &[u8]) {
    let data = &data[..data.len().min(MOST)];
    let whole = parse(data, data.len().max(1));
    for most in [1, 7] {
        let chopped = parse(data, most);
        assert_eq!(brief(&chopped), brief(&whole), "{}", data.escape_ascii());
    }
    match (oracle(data), whole) {
        (None, Ok((taken, head))) => assert!(head.is_none() && taken == data.len()),
        // Wrong whatever comes next.
        (None, Err(_)) => {}
        (Some((expected, len)), Ok((taken, head))) => {
            let head = head.map(|head| (head.method().to_owned(), fields(&head), head.framing()));
            assert_eq!((head, taken), (expected, len), "{}", data.escape_ascii());
        }
        (Some((expected, _)), Err(error)) => {
            assert_eq!(expected, None, "{error:?} {}", data.escape_ascii());
        }
    }
}

type Parsed = Result<(usize, Option<RequestHead>), ProtocolError>;

fn parse(data: &[u8], most: usize) -> Parsed {
    let mut data = data.to_vec();
    if planted("head-bare-line-feed") && !data.contains(&b'\r') {
        data = String::from_utf8_lossy(&data).replace('\n', "\r\n").into();
    }
    if planted("head-second-length") {
        data = data.to_ascii_uppercase();
        let at = |data: &[u8]| {
            data.windows(15)
                .rposition(|name| name == b"CONTENT-LENGTH:")
        };
        if let Some(last) = at(&data).filter(|&last| at(&data[..last]).is_some()) {
            data[last] = b'X';
        }
    }
    let (mut parser, limits, mut taken) = (HeadParser::new(), Limits::default(), 0);
    for piece in data.chunks(most) {
        let (more, head) = parser.parse(piece, &limits)?;
        taken += more;
        if head.is_some() {
            return Ok((taken, head));
        }
        assert_eq!(more, piece.len());
    }
    Ok((taken, None))
}

fn brief(parsed: &Parsed) -> Result<(usize, Option<&[u8]>), ProtocolError> {
    let parsed = parsed.as_ref().map_err(|error| *error)?;
    Ok((parsed.0, parsed.1.as_ref().map(RequestHead::as_bytes)))
}

type Fields = Vec<(String, Vec<u8>)>;

fn fields(head: &RequestHead) -> Fields {
    let all = head.headers().iter();
    all.map(|(name, value)| (name.to_owned(), value.to_vec()))
        .collect()
}

/// The head, or nothing when it is wrong, and how long it is; nothing when it is not complete.
#[expect(clippy::type_complexity, reason = "read in one place")]
fn oracle(data: &[u8]) -> Option<(Option<(String, Fields, Framing)>, usize)> {
    let mut rest = data;
    for _ in 0..4 {
        rest = rest.strip_prefix(b"\r\n").unwrap_or(rest);
    }
    let skipped = data.len() - rest.len();
    let end = rest.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let text: String = rest[..end].iter().copied().map(char::from).collect();
    let mut lines = text.split("\r\n");
    let line = lines.next()?.to_owned();
    Some((head(&line, lines), skipped + end + 4))
}

fn head<'a>(line: &str, lines: impl Iterator<Item = &'a str>) -> Option<(String, Fields, Framing)> {
    let [method, target, version] = line.split(' ').collect::<Vec<_>>()[..] else {
        return None;
    };
    let minor = version.strip_prefix("HTTP/1.")?;
    let old = minor == "0";
    let absolute = !target.starts_with('/') && target != "*";
    let digit = minor.len() == 1 && minor.as_bytes()[0].is_ascii_digit();
    if !(digit && is_token(method, 32) && is_target(method, target)) {
        return None;
    }
    let mut fields = Fields::new();
    for line in lines {
        let (name, value) = line.split_once(':')?;
        let value = value.trim_matches([' ', '\t']);
        let legal = |c| c == '\t' || c >= ' ' && c != '\x7f';
        if !is_token(name, 256) || !value.chars().all(legal) {
            return None;
        }
        fields.push((name.to_owned(), value.chars().map(|c| c as u8).collect()));
    }
    let all = |wanted: &str| -> Vec<String> {
        let fits = fields
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        fits.map(|(_, value)| value.iter().copied().map(char::from).collect())
            .collect()
    };
    let host = match &all("host")[..] {
        [] => old,
        [host] if host.is_empty() => !absolute,
        [host] => is_authority(host),
        _ => false,
    };
    let framing = match (&all("content-length")[..], &all("transfer-encoding")[..]) {
        ([], []) => Framing::None,
        ([length], []) if length.bytes().all(|byte| byte.is_ascii_digit()) => {
            Framing::Length(length.parse().ok()?)
        }
        ([], [coding]) if !old && coding.eq_ignore_ascii_case("chunked") => Framing::Chunked,
        _ => return None,
    };
    let one = all("authorization").len() < 2;
    (host && one && fields.len() <= 100).then(|| (method.to_owned(), fields, framing))
}

fn is_token(text: &str, most: usize) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    (1..=most).contains(&text.len()) && text.chars().all(fits)
}

fn is_target(method: &str, target: &str) -> bool {
    if !target.chars().all(|c| c.is_ascii_graphic() && c != '#') {
        return false;
    }
    if method == "CONNECT" {
        return is_authority(target) && target.contains(':');
    }
    target.starts_with('/')
        || target == "*" && method == "OPTIONS"
        || target.split_once("://").is_some_and(|(scheme, rest)| {
            let fits = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.chars().all(fits)
                && is_authority(rest.split(['/', '?']).next().unwrap_or_default())
        })
}

/// RFC 9110 §7.2 with the host of RFC 3986, of which an address in brackets is not looked into.
fn is_authority(text: &str) -> bool {
    let (legal, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((ip, port)) => {
                let fits = |c: char| c.is_ascii_hexdigit() || ":.".contains(c);
                (!ip.is_empty() && ip.chars().all(fits), port.to_owned())
            }
            None => return false,
        },
        None => {
            let (host, port) = text.find(':').map_or((text, ""), |at| text.split_at(at));
            let fits = |c: char| c.is_ascii_alphanumeric() || "-._~%!$&'()*+,;=".contains(c);
            (!host.is_empty() && host.chars().all(fits), port.to_owned())
        }
    };
    let digits = port.strip_prefix(':').unwrap_or(&port);
    let port = port.is_empty() || port.starts_with(':');
    legal && port && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Below every limit in bytes that the oracle does not know.
const MOST: usize = 4096;
