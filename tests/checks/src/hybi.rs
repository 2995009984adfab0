//! Streams of frames, in each role and profile: cut anywhere, told and answered the same; messages
//! are what a decoder without state says, at most one close frame is written, and nothing behind it.

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
        draft: [Draft::Rfc6455, Draft::Hybi08, Draft::Hybi07][usize::from(bits >> 1 & 3).min(2)],
        role: [Role::Server, Role::Client][usize::from(bits & 1)],
        deflate: [None, None, Some(false), Some(true)][usize::from(bits >> 3 & 3)],
        config: Config {
            delivery: [Delivery::Whole, Delivery::Streamed][usize::from(bits >> 5 & 1)],
            fail_by_drop: bits & 0x40 != 0,
            max_message: 20_000,
            ..Config::default()
        },
    };
    let mut seen = input.to_vec();
    if planted("hybi-reserved-bits")
        && let Some(first) = seen.first_mut()
    {
        *first &= 0x8f;
    }
    let trace = check_stream(&terms, &seen, (*seed).into());
    if terms.deflate.is_none() && terms.config.delivery == Delivery::Whole {
        let told = trace.told.iter().filter_map(|told| match told {
            Told::Event(Event::Message(message)) => Some(message.as_bytes().to_vec()),
            Told::Event(_) | Told::Chunks { .. } => None,
        });
        let told: Vec<_> = told.collect();
        assert_eq!(told, messages(input, &terms));
    }
}

/// What a stream of frames says before its first mistake (RFC 6455 §5).
fn messages(mut rest: &[u8], terms: &Terms) -> Vec<Vec<u8>> {
    let (mut told, mut open) = (Vec::new(), None::<(u8, Vec<u8>)>);
    while let Some((first, payload, behind)) = frame(rest, terms) {
        rest = behind;
        let fin = first & 0x80 != 0;
        match (first & 0x7f, &mut open) {
            (9 | 10, _) if fin => continue,
            (0, Some((_, parts))) => parts.extend(payload),
            (kind @ (1 | 2), None) => open = Some((kind, payload)),
            _ => break,
        }
        if fin && let Some((kind, message)) = open.take() {
            if kind == 1 && std::str::from_utf8(&message).is_err() {
                break;
            }
            told.push(message);
        }
    }
    told
}

/// The first byte of a whole frame, its payload without the mask, and what is behind it.
fn frame<'a>(bytes: &'a [u8], terms: &Terms) -> Option<(u8, Vec<u8>, &'a [u8])> {
    let masked = terms.role == Role::Server;
    let (&[first, second], rest) = bytes.split_first_chunk()?;
    if (second & 0x80 != 0) != masked {
        return None;
    }
    // RFC 6455 §5.5, and the drafts: 125 at most, so that the second byte has room for it.
    if first & 8 != 0 && second & 0x7f > 125 {
        return None;
    }
    let (len, rest) = match second & 0x7f {
        126 => {
            let (len, rest) = rest.split_first_chunk()?;
            (usize::from(u16::from_be_bytes(*len)), rest)
        }
        127 => {
            let (len, rest) = rest.split_first_chunk()?;
            (usize::try_from(u64::from_be_bytes(*len)).ok()?, rest)
        }
        len => (usize::from(len), rest),
    };
    // RFC 6455 §5.2: the minimal number of bytes MUST be used. The drafts before do not ask for it.
    let minimal = match second & 0x7f {
        126 => len > 125,
        127 => len > 0xffff,
        _ => true,
    } || terms.draft != Draft::Rfc6455;
    let (mask, rest) = if masked {
        rest.split_at_checked(4)?
    } else {
        (&[0; 4][..], rest)
    };
    let (payload, rest) = rest.split_at_checked(len).filter(|_| minimal)?;
    let plain = payload
        .iter()
        .zip(mask.iter().cycle())
        .map(|(byte, mask)| byte ^ mask);
    Some((first, plain.collect(), rest))
}
