//! Text of request heads, made short by a table of what clients and proxies always say, as HPACK's
//! static table does it (RFC 7541 appendix A). It comes back byte for byte, whatever it was.

/// The short form of `text`, behind what `out` holds.
///
/// ASCII stands for itself, a byte from [`FIRST`] on for a phrase, and [`LITERAL`] before a byte that
/// is no ASCII.
pub(crate) fn shorten(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if !byte.is_ascii() {
            out.extend_from_slice(&[LITERAL, byte]);
            continue;
        }
        let (from, to) = STARTS[usize::from(byte)];
        let known = &PHRASES[usize::from(from)..usize::from(to)];
        let longest = (from..).zip(known).find_map(|(index, phrase)| {
            Some((index, after.strip_prefix(&phrase.as_bytes()[1..])?))
        });
        match longest {
            Some((index, behind)) => {
                out.push(FIRST + index);
                rest = behind;
            }
            None => out.push(byte),
        }
    }
}

/// What was [shortened](shorten), in full.
pub(crate) fn expand(short: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(4 * short.len());
    let mut bytes = short.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            LITERAL => text.extend(bytes.next()),
            FIRST.. => {
                let phrase = PHRASES.get(usize::from(byte - FIRST));
                text.extend_from_slice(phrase.copied().unwrap_or_default().as_bytes());
            }
            _ => text.push(byte),
        }
    }
    text
}

/// Where in the table the phrases with this first byte are.
const STARTS: [(u8, u8); 128] = {
    let mut starts = [(0, 0); 128];
    let mut index: u8 = 0;
    while (index as usize) < PHRASES.len() {
        let first = PHRASES[index as usize].as_bytes()[0] as usize;
        if starts[first].1 == 0 {
            starts[first].0 = index;
        }
        index += 1;
        starts[first].1 = index;
    }
    starts
};

/// The byte of the first phrase.
const FIRST: u8 = 0x80;
/// Before a byte that is no ASCII.
const LITERAL: u8 = 0xff;

/// In the order of their first bytes, and of those that begin with the same the longest first. Lines of
/// browsers, of the usual WebSocket clients, and of proxies.
const PHRASES: &[&str] = &[
    "\r\n",
    " Mobile/15E148 Safari/604.1\r\n",
    " Safari/605.1.15\r\n",
    " like Mac OS X",
    " HTTP/1.1\r\n",
    " Edg/",
    "\"Google Chrome\";v=\"",
    "\"Chromium\";v=\"",
    ") AppleWebKit/605.1.15 (KHTML, like Gecko) Version/",
    ") AppleWebKit/537.36 (KHTML, like Gecko) Chrome/",
    ") Gecko/20100101 Firefox/",
    ".0.0.0 Mobile Safari/537.36",
    ".0.0.0 Safari/537.36",
    ".com",
    "/xhr_streaming HTTP/1.1\r\n",
    "/xhr HTTP/1.1\r\n",
    "127.0.0.1:",
    "==\r\n",
    "Accept-Encoding: gzip, deflate, br, zstd\r\n",
    "Accept-Encoding: gzip, deflate, br\r\n",
    "Accept-Language: en-US,en;q=0.5\r\n",
    "Accept-Language: en-US,en;q=0.9\r\n",
    "Accept-Encoding: gzip, deflate\r\n",
    "Authorization: Bearer ",
    "Authorization: Basic ",
    "Accept-Encoding: ",
    "Accept-Language: ",
    "Accept: */*\r\n",
    "Connection: keep-alive, Upgrade\r\n",
    "CF-Visitor: {\"scheme\":\"https\"}\r\n",
    "Content-Type: text/plain\r\n",
    "Cache-Control: no-cache\r\n",
    "Connection: keep-alive\r\n",
    "Connection: Upgrade\r\n",
    "Connection: upgrade\r\n",
    "Content-Length: 0\r\n",
    "CF-Connecting-IP: ",
    "CF-RAY: ",
    "Cookie: ",
    "DNT: 1\r\n",
    "Forwarded: for=",
    "GET /",
    "Host: ",
    "Linux; Android 10; K",
    "Macintosh; Intel Mac OS X 10.15; rv:",
    "Macintosh; Intel Mac OS X 10_15_7",
    "Mozilla/5.0 (",
    "Origin: https://",
    "Origin: http://",
    "Pragma: no-cache\r\n",
    "Priority: u=1, i\r\n",
    "POST /",
    "Referer: ",
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n",
    "Sec-WebSocket-Extensions: permessage-deflate\r\n",
    "Sec-Fetch-Site: same-origin\r\n",
    "Sec-Fetch-Site: cross-site\r\n",
    "Sec-Fetch-Dest: websocket\r\n",
    "Sec-Fetch-Mode: websocket\r\n",
    "Sec-Fetch-Site: same-site\r\n",
    "Sec-WebSocket-Version: 13\r\n",
    "Sec-WebSocket-Extensions: ",
    "Sec-WebSocket-Protocol: ",
    "Sec-Fetch-Dest: empty\r\n",
    "Sec-Fetch-Mode: cors\r\n",
    "Sec-WebSocket-Key: ",
    "Sec-GPC: 1\r\n",
    "User-Agent: Mozilla/5.0 (",
    "Upgrade: websocket\r\n",
    "User-Agent: ",
    "Via: 1.1 ",
    "Windows NT 10.0; Win64; x64",
    "X11; Ubuntu; Linux x86_64; rv:",
    "X-Forwarded-Proto: https\r\n",
    "X-Forwarded-Proto: http\r\n",
    "X-Forwarded-Port: 443\r\n",
    "X-Forwarded-Host: ",
    "X-Forwarded-For: ",
    "X11; Linux x86_64",
    "X-Request-ID: ",
    "X-Real-IP: ",
    "authorization: Bearer ",
    "accept-encoding: ",
    "accept-language: ",
    "accept: */*\r\n",
    "content-type: text/plain\r\n",
    "cache-control: no-cache\r\n",
    "connection: Upgrade\r\n",
    "connection: upgrade\r\n",
    "content-length: 0\r\n",
    "cookie: ",
    "en;q=0.",
    "https://",
    "http://",
    "host: ",
    "iPhone; CPU iPhone OS ",
    "localhost:",
    "origin: https://",
    "origin: http://",
    "permessage-deflate",
    "pragma: no-cache\r\n",
    "referer: ",
    "sec-websocket-extensions: permessage-deflate; client_max_window_bits\r\n",
    "sec-ch-ua-platform: \"Windows\"\r\n",
    "sec-ch-ua-platform: \"macOS\"\r\n",
    "sec-websocket-version: 13\r\n",
    "sec-websocket-extensions: ",
    "sec-websocket-protocol: ",
    "sec-fetch-dest: empty\r\n",
    "sec-ch-ua-mobile: ?0\r\n",
    "sec-fetch-mode: cors\r\n",
    "sec-ch-ua-platform: \"",
    "sec-websocket-key: ",
    "sec-ch-ua: \"",
    "user-agent: Mozilla/5.0 (",
    "upgrade: websocket\r\n",
    "user-agent: ",
    "websocket",
    "x-forwarded-proto: https\r\n",
    "x-forwarded-proto: http\r\n",
    "x-forwarded-port: 443\r\n",
    "x-forwarded-host: ",
    "x-forwarded-for: ",
    "x-request-id: ",
    "x-real-ip: ",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn short(text: &[u8]) -> Vec<u8> {
        let mut short = Vec::new();
        shorten(text, &mut short);
        short
    }

    #[test]
    fn the_table_is_in_order() {
        assert!(PHRASES.len() < usize::from(LITERAL - FIRST));
        for pair in PHRASES.windows(2) {
            let key =
                |phrase: &'static str| (phrase.as_bytes()[0], usize::MAX - phrase.len(), phrase);
            assert!(key(pair[0]) < key(pair[1]), "{pair:?}");
        }
        for (index, phrase) in (FIRST..).zip(PHRASES) {
            assert!(phrase.is_ascii(), "{phrase:?}");
            assert_eq!(short(phrase.as_bytes()), [index], "{phrase:?}");
        }
    }

    #[test]
    fn every_text_comes_back() {
        let browser = "GET /chat?room=%C3%A9 HTTP/1.1\r\nHost: example.com\r\nConnection: keep-alive, Upgrade\r\n\
            User-Agent: Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nX-Name: J\u{fc}rgen \u{1f600}\r\n\r\n";
        let all: Vec<u8> = (0..=255).chain((0..=255).rev()).collect();
        for text in [
            browser.as_bytes(),
            &all,
            b"",
            b"Sec-WebSocket-Ke",
            b"\r\n\r\n\r",
        ] {
            for cut in 0..=text.len() {
                assert_eq!(expand(&short(&text[..cut])), &text[..cut]);
            }
        }
    }

    #[test]
    fn what_browsers_send_is_short() {
        let head = "GET /echo HTTP/1.1\r\nHost: localhost:8081\r\nConnection: Upgrade\r\nPragma: no-cache\r\n\
            Cache-Control: no-cache\r\nUser-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 \
            (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36\r\nUpgrade: websocket\r\n\
            Origin: http://localhost:8081\r\nSec-WebSocket-Version: 13\r\n\
            Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-US,en;q=0.9\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
            Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";
        let short = short(head.as_bytes());
        assert!(
            6 * short.len() < head.len(),
            "{} of {}",
            short.len(),
            head.len()
        );
    }
}
