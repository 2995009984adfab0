//! Text as it arrives, against the standard library.

use websocket_proto::utf8::{self, Validator};

use crate::planted;

/// Whole, byte by byte and cut in two anywhere: valid text is taken, and anything else fails at the
/// byte where std says that it cannot go on.
pub fn check(data: &[u8]) {
    let data = &data[..data.len().min(MOST)];
    let expected = std::str::from_utf8(data);
    assert_eq!(utf8::is_valid(data), expected.is_ok());
    feed(data, data.chunks(1));
    for cut in 0..=data.len() {
        let (head, tail) = data.split_at(cut);
        feed(data, [head, tail]);
    }
}

fn feed<'a>(data: &[u8], pieces: impl IntoIterator<Item = &'a [u8]>) {
    let (mut validator, mut before) = (Validator::new(), 0);
    let mut failed = None;
    for piece in pieces {
        if let Err(invalid) = validator.feed(piece) {
            failed = Some(before + invalid.position);
            break;
        }
        before += piece.len();
    }
    if planted("utf8-surrogates") && data.starts_with(b"\xed\xa0\x80") {
        failed = None;
    }
    match std::str::from_utf8(data) {
        Ok(_) => {
            assert_eq!(failed, None);
            assert!(validator.is_boundary() && validator.finish().is_ok());
        }
        Err(error) => match error.error_len() {
            None => {
                assert_eq!(failed, None);
                assert_eq!(validator.unfinished(), data.len() - error.valid_up_to());
                assert!(validator.finish().is_err());
            }
            // Of what std calls invalid, the last byte that it looked at may be the first of the
            // next character, or be the impossible one itself.
            Some(len) => {
                let at = error.valid_up_to();
                let possible = (1..=3).take_while(|&n| is_start(&data[at..data.len().min(at + n)]));
                assert_eq!(failed, Some(at + possible.last().unwrap_or(0)), "{len}");
            }
        },
    }
}

/// Whether these bytes begin a character that they do not complete.
fn is_start(bytes: &[u8]) -> bool {
    matches!(std::str::from_utf8(bytes), Err(error) if error.valid_up_to() == 0 && error.error_len().is_none())
}

/// Each cut is as much work as the text.
const MOST: usize = 512;
