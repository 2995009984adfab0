//! Streams of the hixie drafts, in each role: cut anywhere, told and answered the same, and the texts
//! are those that a decoder without state finds.

use websocket_proto::connection::{Config, Delivery, Event};
use websocket_proto::{Draft, Role};

use crate::planted;
use crate::stream::{Terms, Told, check_stream};

/// The first two bytes choose the terms and the pieces; the others are the stream.
pub fn check(data: &[u8]) {
    let [bits, seed, input @ ..] = data else {
        return;
    };
    let terms = Terms {
        draft: [Draft::Hixie75, Draft::Hixie76][usize::from(bits & 1)],
        role: [Role::Server, Role::Client][usize::from(bits >> 1 & 1)],
        deflate: None,
        config: Config {
            delivery: [Delivery::Whole, Delivery::Streamed][usize::from(bits >> 2 & 1)],
            max_message: 20_000,
            ..Config::default()
        },
    };
    let mut seen = input.to_vec();
    if planted("hixie-length-is-not-skipped") && seen.first() == Some(&0x80) {
        seen[1..].first_mut().into_iter().for_each(|len| *len = 0);
    }
    let trace = check_stream(&terms, &seen, (*seed).into());
    if terms.config.delivery == Delivery::Whole {
        let told = trace.told.iter().filter_map(|told| match told {
            Told::Event(Event::Message(message)) => {
                Some(String::from_utf8(message.as_bytes().to_vec()).expect("text"))
            }
            Told::Event(_) | Told::Chunks { .. } => None,
        });
        let expected = texts(input, terms.draft == Draft::Hixie76);
        assert_eq!(told.collect::<Vec<_>>(), expected);
    }
}

/// hixie-76 §5.3, and the same in hixie-75 but for the closing frame.
fn texts(mut rest: &[u8], closes: bool) -> Vec<String> {
    let mut texts = Vec::new();
    while let Some((&kind, behind)) = rest.split_first() {
        if kind < 0x80 {
            let Some(end) = behind.iter().position(|&byte| byte == 0xff) else {
                break;
            };
            if kind == 0 {
                texts.push(String::from_utf8_lossy(&behind[..end]).into_owned());
            }
            rest = &behind[end + 1..];
            continue;
        }
        // Longer lengths are refused, whatever they say.
        let digits = behind.iter().take(9).position(|byte| byte & 0x80 == 0);
        let Some(digits) = digits else {
            break;
        };
        let len = behind[..=digits].iter().try_fold(0_usize, |len, byte| {
            len.checked_mul(128)?.checked_add(usize::from(byte & 0x7f))
        });
        if closes && kind == 0xff && len == Some(0) {
            break;
        }
        let skipped = len.and_then(|len| behind[digits + 1..].get(len..));
        let Some(behind) = skipped else {
            break;
        };
        rest = behind;
    }
    texts
}
