//! Response heads and bodies as a client reads them: cut anywhere, and against the status line's
//! grammar.

use websocket_proto::http1::client::{Config, Event, Exchange, Request};
use websocket_proto::{Instant, Machine};

use crate::planted;
use crate::served::lengths;

const NOW: Instant = Instant::ZERO;

/// The first byte chooses the method, the second the pieces; the others are the response.
pub fn check(data: &[u8]) {
    let [method, seed, response @ ..] = data else {
        return;
    };
    let method = ["GET", "HEAD", "POST"][usize::from(method % 3)];
    let whole = read(method, response, || usize::MAX);
    for most in [1, 3, 50] {
        let chopped = read(method, response, lengths((*seed).into(), most));
        assert_eq!(chopped, whole, "{}", response.escape_ascii());
    }
    let head = whole.0.first().filter(|first| !first.starts_with("closed"));
    if let Some(told) = head {
        let status = status(response).expect("a legal head");
        assert!(
            told.starts_with(&format!("{status} ")),
            "{told} for {status}"
        );
    }
}

/// What the client is told, with the body joined, and how much it took.
fn read(method: &str, response: &[u8], mut most: impl FnMut() -> usize) -> (Vec<String>, usize) {
    let request = Request::new(method, "/").and_then(|request| request.header("Host", "h"));
    let request = request.and_then(|request| request.header("Connection", "Upgrade"));
    let request = request.and_then(|request| request.header("Upgrade", "websocket"));
    let mut exchange =
        Exchange::new(&request.expect("legal"), Config::default(), NOW).expect("host");
    let mut seen = response.to_vec();
    if planted("response-folded-field")
        && let Some(at) = seen.windows(3).position(|fold| fold == b"\r\n ")
    {
        seen[at..at + 2].fill(b' ');
    }
    if planted("response-status-of-a-letter") && seen.get(9) == Some(&b'x') {
        seen[9] = b'2';
    }
    let (mut told, mut body, mut rest, mut taken) = (Vec::new(), Vec::new(), &seen[..], 0);
    let mut ended = false;
    loop {
        let piece = &rest[..rest.len().min(most())];
        let n = exchange.receive(NOW, &mut piece.to_vec());
        (rest, taken) = (&rest[n..], taken + n);
        if rest.is_empty() && !ended {
            ended = true;
            exchange.receive_eof(NOW);
        }
        let mut moved = n > 0;
        while let Some(event) = exchange.poll_event() {
            assert!(
                !told
                    .last()
                    .is_some_and(|last: &String| last.starts_with("closed"))
            );
            moved = true;
            match event {
                Event::Body(data) => body.extend_from_slice(&data),
                Event::Interim(head) | Event::Switched(head) | Event::Response { head, .. } => {
                    let fields: Vec<_> = head.headers().iter().collect();
                    told.push(format!("{} {} {fields:?}", head.status(), head.reason()));
                }
                Event::End { trailers, .. } => told.push(format!("end {trailers:?}")),
                Event::Closed(closed) => told.push(format!("closed {closed:?}")),
                event => panic!("{event:?}"),
            }
        }
        if !moved {
            told.push(body.escape_ascii().to_string());
            let failed = told.iter().any(|told| told.starts_with("closed Protocol"));
            // Of what is wrong any part may be taken.
            return (told, if failed { 0 } else { taken });
        }
    }
}

/// RFC 9112 §4; the space behind the code may be missing when there is no reason.
fn status(response: &[u8]) -> Option<u16> {
    let end = response.windows(2).position(|bytes| bytes == b"\r\n")?;
    let block = response.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let fields = response[end..block].split(|&byte| byte == b'\n').skip(1);
    let mut legal = fields.map(|line| line.first().is_some_and(|&byte| byte > b' '));
    let line: String = response[..end].iter().copied().map(char::from).collect();
    let mut words = line.splitn(3, ' ');
    let (version, code) = (words.next()?, words.next()?);
    let digits = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit());
    let known = version.len() == 8 && version.starts_with("HTTP/1.");
    (known && digits && legal.all(|line| line)).then(|| code.parse().ok())?
}
