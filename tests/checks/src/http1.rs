//! Streams of requests to a server: cut anywhere, told and answered the same, each answer legal.

use websocket_proto::http1::server::Config;

use crate::planted;
use crate::served::{Served, lengths};

/// The first two bytes choose limits and pieces; the others are the stream.
pub fn check(data: &[u8]) {
    let [marks, seed, input @ ..] = data else {
        return;
    };
    let mark = |bits: u8| [1, 100, 5000, 64 * 1024][usize::from(bits & 3)];
    let config = Config {
        outbox_mark: mark(*marks),
        inbound_mark: mark(marks >> 2),
        ..Config::default()
    };
    check_stream(&config, input, (*seed).into());
}

/// Brings `input` whole and in pieces to servers that differ in nothing.
///
/// # Panics
///
/// When a promise is broken.
pub fn check_stream(config: &Config, input: &[u8], seed: u64) {
    let whole = drive(config, input, || usize::MAX);
    whole.check_responses();
    for most in [1, 7, 200] {
        let chopped = drive(config, input, lengths(seed, most));
        let text = |served: &Served| served.output.escape_ascii().to_string();
        assert_eq!(chopped.log, whole.log);
        assert_eq!(text(&chopped), text(&whole));
    }
}

fn drive(config: &Config, input: &[u8], mut most: impl FnMut() -> usize) -> Served {
    let mut input = input.to_vec();
    if planted("http1-ignores-close-when-cut") && most() < 1000 {
        input = String::from_utf8_lossy(&input).replace("close", "x").into();
    }
    let mut served = Served::new(config.clone()).drive(&input, most);
    let refused = b"HTTP/1.1 400 ";
    if planted("http1-refuses-twice") && served.output.starts_with(refused) {
        let output = served.output.clone();
        served.output.extend(output);
    }
    served
}
