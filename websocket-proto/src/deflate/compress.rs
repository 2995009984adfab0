//! Messages to payloads: RFC 7692 §7.2.1.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use zlib_rs::{Deflate, DeflateConfig, DeflateFlush, Status, Strategy};

/// Compresses the messages of one direction.
///
/// Codec memory is `132 KiB + (4 << window_bits) + (7 << (effort.memory + 6))`, 372 KiB at most by
/// default. It exists from the first [`compress`](Self::compress) on; without context takeover only
/// until the end of each message, and a message given in one piece then takes no larger window and
/// buffers than its length needs.
///
/// The size of a payload tells what repeats in it and, with takeover, in the messages before: an
/// attacker who can place text next to a secret guesses the secret (CRIME, BREACH). Leave such
/// messages uncompressed.
///
/// ```
/// use websocket_proto::deflate::{Compressor, Effort};
///
/// let mut compressor = Compressor::new(15, false, Effort::default());
/// let mut payload = Vec::new();
/// compressor.compress(b"Hello", true, &mut payload);
/// assert_eq!(payload, [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]);
///
/// payload.clear();
/// compressor.compress(b"Hello", true, &mut payload);
/// assert_eq!(payload, [0xf2, 0x00, 0x11, 0x00, 0x00], "refers to the first");
/// ```
pub struct Compressor {
    codec: Option<Box<Deflate>>,
    window_bits: u8,
    context_takeover: bool,
    effort: Effort,
}

/// How much time and memory a [`Compressor`] spends for small payloads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Effort {
    /// From 0 (stored, no compression) over 1 (fastest) to 9 (smallest). Default 6.
    pub level: u8,
    /// From 1 to 9: the codec's buffers take `7 << (memory + 6)` bytes. Default 8, 112 KiB.
    pub memory: u8,
}

impl Default for Effort {
    fn default() -> Self {
        Self {
            level: 6,
            memory: 8,
        }
    }
}

impl Compressor {
    /// A compressor whose matches reach back less than `1 << window_bits` bytes, and only within
    /// the message when `no_context_takeover`.
    ///
    /// `window_bits` are the agreed 9 to 15. For 8, which an agreement should not hold because the
    /// codec has no such window, runs of one byte are all that is compressed. Values of `effort`
    /// beyond their range count as the nearest in it.
    pub const fn new(window_bits: u8, no_context_takeover: bool, effort: Effort) -> Self {
        Self {
            codec: None,
            window_bits,
            context_takeover: !no_context_takeover,
            effort,
        }
    }

    /// Appends the payload of the next piece of a message to `out`; `last` ends the message.
    ///
    /// All of `input` can be inflated from what was appended so far. An empty piece that is not
    /// the last adds nothing; pieces may be cut into frames wherever the caller likes.
    pub fn compress(&mut self, input: &[u8], last: bool, out: &mut Vec<u8>) {
        if !input.is_empty() {
            let codec = self.codec.get_or_insert_with(|| {
                let whole = (last && !self.context_takeover).then_some(input.len());
                Box::new(Deflate::new_with_config(config(
                    self.window_bits,
                    self.effort,
                    whole,
                )))
            });
            flush(codec, input, out);
        }
        if last {
            if input.is_empty() {
                // RFC 7692 §7.2.3.6. It also ends a message whose pieces were all sent before: the
                // first byte of an empty stored block, of which the peer appends the rest.
                out.push(0x00);
            } else {
                debug_assert!(out.ends_with(&TAIL));
                out.truncate(out.len().saturating_sub(TAIL.len()));
            }
            if !self.context_takeover {
                self.codec = None;
            }
        }
    }

    /// Gives the codec's memory back, for connections that have gone quiet.
    ///
    /// The next message is compressed without reference to the earlier ones, which is legal at any
    /// time and costs only size.
    pub fn release(&mut self) {
        self.codec = None;
    }
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compressor")
            .field("window_bits", &self.window_bits)
            .field("context_takeover", &self.context_takeover)
            .field("effort", &self.effort)
            .field("allocated", &self.codec.is_some())
            .finish()
    }
}

/// The codec's settings for a message; `whole` is its length when it comes in one piece and leaves
/// no context, so that nothing larger than the message need be allocated and cleared for it.
fn config(window_bits: u8, effort: Effort, whole: Option<usize>) -> DeflateConfig {
    let needed = whole.map_or(u32::MAX, |len| {
        usize::BITS - len.saturating_add(LOOKAHEAD).leading_zeros()
    });
    let window = u32::from(window_bits).clamp(9, 15).min(needed.max(9));
    let memory = u32::from(effort.memory).clamp(1, 9).min(needed.max(7) - 6);
    DeflateConfig {
        level: i32::from(effort.level.min(9)),
        // Negative: no zlib header.
        window_bits: -(window as i32),
        mem_level: memory as i32,
        // Matches of distance one are right for every window.
        strategy: if window_bits < 9 {
            Strategy::Rle
        } else {
            Strategy::Default
        },
        ..DeflateConfig::default()
    }
}

/// Compresses `input` up to the empty stored block of a sync flush.
fn flush(codec: &mut Deflate, input: &[u8], out: &mut Vec<u8>) {
    let begin = codec.total_in();
    let mut room = (input.len() / 2).clamp(64, STEP);
    let mut rest = input;
    loop {
        let start = out.len();
        let written = codec.total_out();
        out.resize(start + room, 0);
        let status = codec.compress(rest, &mut out[start..], DeflateFlush::SyncFlush);
        debug_assert!(
            matches!(status, Ok(Status::Ok | Status::BufError)),
            "{status:?}"
        );
        let produced = difference(codec.total_out(), written);
        out.truncate(start + produced);
        rest = &input[difference(codec.total_in(), begin)..];
        // The codec stops short of a full buffer only when input and flush are complete.
        if produced < room && (rest.is_empty() || produced == 0) {
            return;
        }
        room = STEP;
    }
}

/// The codec counts in 64 bits; what one call moved fits a slice.
fn difference(after: u64, before: u64) -> usize {
    usize::try_from(after - before).unwrap_or(usize::MAX)
}

/// What a sync flush ends with and a payload leaves out (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
/// The codec never finds matches in the oldest 262 bytes of its window.
const LOOKAHEAD: usize = 262;
/// Output grows by at most this much at a time.
const STEP: usize = 16 * 1024;
