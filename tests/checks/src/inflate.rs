//! permessage-deflate against miniz_oxide, which shares no code with zlib.

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};
use websocket_proto::deflate::{Compressor, Effort, InflateError, Inflater, Progress};

use crate::planted;

/// The first two bytes choose the limit and the cut; the others are a payload, and a message.
pub fn check(data: &[u8]) {
    let [limit, cut, payload @ ..] = data else {
        return;
    };
    let limit = usize::from(*limit) * 16;
    let cut = usize::from(*cut).min(payload.len());
    foreign(payload, cut, limit);
    round_trip(payload, cut);
}

/// What a peer may send: the same as the other decoder, whole, in two and in steps.
fn foreign(payload: &[u8], cut: usize, limit: usize) {
    let whole = collect(&[payload], limit);
    let (head, tail) = payload.split_at(cut);
    assert_eq!(collect(&[head, tail], limit), whole);
    if let Ok(message) = &whole {
        assert!(message.len() <= limit);
        assert_eq!(step(payload, 7), Ok(message.clone()));
    }
    let Some(expected) = oracle(payload) else {
        return; // A final block, behind which RFC 7692 goes on and others stop; or no DEFLATE.
    };
    match whole {
        Ok(message) => assert_eq!(message, expected),
        Err(InflateError::TooBig) => assert!(expected.len() > limit),
        Err(error) => panic!("{error:?}"),
    }
}

fn collect(pieces: &[&[u8]], mut limit: usize) -> Result<Vec<u8>, InflateError> {
    if planted("inflate-limit-off-by-one") {
        limit += 1;
    }
    let (mut inflater, mut message) = (Inflater::new(15, true), Vec::new());
    for piece in pieces {
        inflater.inflate(piece, &mut message, limit)?;
    }
    inflater.finish(&mut message, limit)?;
    Ok(message)
}

fn step(mut payload: &[u8], room: usize) -> Result<Vec<u8>, InflateError> {
    let (mut inflater, mut message) = (Inflater::new(15, true), Vec::new());
    loop {
        let mut piece = Vec::new();
        let step = inflater.step(payload, true, &mut piece, room)?;
        assert!(piece.len() <= room);
        message.extend(piece);
        payload = &payload[step.consumed..];
        if step.progress == Progress::Finished {
            return Ok(message);
        }
    }
}

/// What `payload` inflates to, when it is whole blocks of which none is the last (RFC 7692 §7.2.2).
fn oracle(payload: &[u8]) -> Option<Vec<u8>> {
    let (mut decoder, mut output) = (DecompressorOxide::new(), vec![0; 64 * 1024]);
    // Without the second flag a reference to before the beginning would find zeros.
    let flags = TINFL_FLAG_HAS_MORE_INPUT | TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let mut len = 0;
    let mut feed = |input: &[u8], expected| {
        let (status, taken, more) = decompress(&mut decoder, input, &mut output, len, flags);
        len += more;
        (status == expected && taken == input.len()).then_some(more)
    };
    feed(payload, TINFLStatus::NeedsMoreInput)?;
    // Only between blocks is what was cut off, and then one more block, the end of nothing.
    let tail = feed(&[0, 0, 0xff, 0xff], TINFLStatus::NeedsMoreInput)?;
    let last = feed(&[1, 0, 0, 0xff, 0xff], TINFLStatus::Done)?;
    output.truncate(len);
    (tail + last == 0).then_some(output)
}

/// Two messages, the second of which may refer to the first.
fn round_trip(message: &[u8], cut: usize) {
    let mut compressor = Compressor::new(15, false, Effort::default());
    let mut inflater = Inflater::new(15, false);
    for _ in 0..2 {
        let (mut payload, mut back) = (Vec::new(), Vec::new());
        compressor.compress(&message[..cut], false, &mut payload);
        compressor.compress(&message[cut..], true, &mut payload);
        if planted("inflate-forgets") {
            inflater = Inflater::new(15, false);
        }
        inflater
            .inflate(&payload, &mut back, message.len())
            .expect("our own");
        inflater.finish(&mut back, message.len()).expect("our own");
        assert_eq!(back, message);
    }
}
