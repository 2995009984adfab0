//! Masking: RFC 6455 §5.3.
//!
//! Byte `i` of a payload is XORed with byte `i mod 4` of the key, so masking and unmasking are the
//! same.

use alloc::vec::Vec;

use crate::wide;
use crate::work;

/// XORs `data` with `key`. `phase` is the index of the first byte within its payload, or that index
/// modulo 4: a payload that comes in pieces is unmasked piece by piece.
///
/// ```
/// use websocket_proto::frame::mask;
///
/// let mut payload = *b"\x7f\x9f\x4d\x51\x58";
/// let (head, tail) = payload.split_at_mut(2);
/// mask::apply([0x37, 0xfa, 0x21, 0x3d], 0, head);
/// mask::apply([0x37, 0xfa, 0x21, 0x3d], 2, tail);
/// assert_eq!(&payload, b"Hello");
/// ```
pub fn apply(key: [u8; 4], phase: usize, data: &mut [u8]) {
    xor(rotated(key, phase), data);
}

/// Does what [`apply`] does, and tells whether every byte of the result is ASCII: such text needs no
/// second pass to be known as UTF-8.
pub fn apply_ascii(key: [u8; 4], phase: usize, data: &mut [u8]) -> bool {
    xor(rotated(key, phase), data) & NOT_ASCII == 0
}

/// Appends `src`, XORed with `key` from phase 0, to `out`.
pub fn copy(key: [u8; 4], src: &[u8], out: &mut Vec<u8>) {
    out.reserve(src.len());
    match src.len() {
        16.. => {
            let (blocks, rest) = src.as_chunks::<64>();
            append_chunks(key, blocks, out);
            append_chunks(key, rest.as_chunks::<16>().0, out);
            append_end::<16>(key, src, out);
        }
        8..16 => {
            append_chunks(key, src.as_chunks::<8>().0, out);
            append_end::<8>(key, src, out);
        }
        4..8 => {
            append_chunks(key, src.as_chunks::<4>().0, out);
            append_end::<4>(key, src, out);
        }
        0..4 => out.extend(src.iter().zip(key).map(|(byte, key)| byte ^ key)),
    }
}

/// XORs, and returns the OR of all words of the result.
#[inline(always)]
fn xor(key: [u8; 4], data: &mut [u8]) -> u32 {
    work::look(data.len());
    match data.len() {
        WIDE.. => wide::run(Xor { key, data }),
        257..WIDE => xor_blocks(key, data),
        129..=256 => xor_ends::<128>(key, data),
        65..=128 => xor_ends::<64>(key, data),
        33..=64 => xor_ends::<32>(key, data),
        17..=32 => xor_ends::<16>(key, data),
        9..=16 => xor_ends::<8>(key, data),
        4..=8 => xor_ends::<4>(key, data),
        0..4 => {
            let mut seen = 0;
            for (byte, key) in data.iter_mut().zip(key) {
                *byte ^= key;
                seen |= u32::from(*byte);
            }
            seen
        }
    }
}

/// XORs data of `N` to `2 * N` bytes as its first and its last `N`: both are read before anything is
/// written, and where they meet both write the same. A loop over single bytes at the end would cost
/// more than all the rest of a short payload.
#[inline(always)]
fn xor_ends<const N: usize>(key: [u8; 4], data: &mut [u8]) -> u32 {
    let (Some(&first), Some(&last)) = (data.first_chunk::<N>(), data.last_chunk::<N>()) else {
        return 0;
    };
    let (mut first, mut last) = (first, last);
    let mut seen = 0;
    seen |= xor_chunk(key, &mut first);
    seen |= xor_chunk(rotated(key, data.len()), &mut last);
    if let Some(place) = data.first_chunk_mut::<N>() {
        *place = first;
    }
    if let Some(place) = data.last_chunk_mut::<N>() {
        *place = last;
    }
    seen
}

/// XORs data of at least [`BLOCKS`] bytes, most of it in lines of the cache: a write across two of them
/// costs as much as two.
#[inline(always)]
fn xor_blocks(key: [u8; 4], data: &mut [u8]) -> u32 {
    let (Some(&first), Some(&last)) = (data.first_chunk::<LINE>(), data.last_chunk::<BLOCKS>())
    else {
        return 0;
    };
    let (mut first, mut last) = (first, last);
    let before = data.as_ptr().align_offset(LINE).min(data.len());
    let block_key = u32::from_ne_bytes(rotated(key, before));
    // So many lines that the compiler's loop, which takes several at once, leaves no rest.
    let blocks = data[before..].as_chunks_mut::<BLOCKS>().0;
    let mut seen = 0;
    for word in blocks.as_flattened_mut().as_chunks_mut::<4>().0 {
        let clear = u32::from_ne_bytes(*word) ^ block_key;
        *word = clear.to_ne_bytes();
        seen |= clear;
    }
    // The ends as in `xor_ends`; the blocks wrote the same where they meet.
    seen |= xor_chunk(key, &mut first) | xor_chunk(rotated(key, data.len()), &mut last);
    if let Some(place) = data.first_chunk_mut::<LINE>() {
        *place = first;
    }
    if let Some(place) = data.last_chunk_mut::<BLOCKS>() {
        *place = last;
    }
    seen
}

/// XORs one chunk, word by word, which compiles to whole vector registers.
#[inline(always)]
fn xor_chunk<const N: usize>(key: [u8; 4], chunk: &mut [u8; N]) -> u32 {
    let mut seen = 0;
    for word in words(chunk) {
        let clear = u32::from_ne_bytes(*word) ^ u32::from_ne_bytes(key);
        *word = clear.to_ne_bytes();
        seen |= clear;
    }
    seen
}

#[inline(always)]
fn words<const N: usize>(chunk: &mut [u8; N]) -> core::slice::IterMut<'_, [u8; 4]> {
    chunk.as_chunks_mut::<4>().0.iter_mut()
}

/// [`xor_blocks`] of a long payload.
struct Xor<'a> {
    key: [u8; 4],
    data: &'a mut [u8],
}

impl wide::Task for Xor<'_> {
    type Output = u32;

    #[inline(always)]
    fn run(self) -> u32 {
        xor_blocks(self.key, self.data)
    }
}

#[inline(always)]
fn append_chunks<const N: usize>(key: [u8; 4], chunks: &[[u8; N]], out: &mut Vec<u8>) {
    for chunk in chunks {
        let mut chunk = *chunk;
        xor_chunk(key, &mut chunk);
        out.extend_from_slice(&chunk);
    }
}

/// Appends what is left of `src` behind its chunks of `N`: its last `N` bytes, over those of them
/// that are there.
#[inline(always)]
fn append_end<const N: usize>(key: [u8; 4], src: &[u8], out: &mut Vec<u8>) {
    let left = src.len() % N;
    if let Some(&end) = src.last_chunk::<N>()
        && left > 0
    {
        let mut end = end;
        xor_chunk(rotated(key, src.len()), &mut end);
        out.truncate(out.len() - (N - left));
        out.extend_from_slice(&end);
    }
}

/// The key as it stands `phase` bytes into a payload.
#[inline(always)]
fn rotated(key: [u8; 4], phase: usize) -> [u8; 4] {
    let [low, ..] = phase.to_le_bytes();
    u32::from_le_bytes(key)
        .rotate_right(8 * u32::from(low % 4))
        .to_le_bytes()
}

/// A line of the cache, and the widest vector.
const LINE: usize = 64;
const BLOCKS: usize = 4 * LINE;
/// From here on wider vectors gain more than the choice of them costs.
const WIDE: usize = 384;
/// The bits that no ASCII byte has.
const NOT_ASCII: u32 = 0x8080_8080;

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

    /// RFC 6455 §5.3, to the letter.
    fn by_definition(key: [u8; 4], phase: usize, data: &[u8]) -> Vec<u8> {
        data.iter()
            .enumerate()
            .map(|(i, byte)| byte ^ key[(phase + i) % 4])
            .collect()
    }

    fn sample(len: usize) -> Vec<u8> {
        (0..=u8::MAX)
            .map(|i| i.wrapping_mul(151))
            .cycle()
            .take(len)
            .collect()
    }

    #[test]
    fn every_length_phase_and_offset() {
        for len in (0..300).chain([383, 384, 385, 1000, 4095, 4096, 4097, 9000]) {
            let data = sample(len + 64);
            for phase in [0, 1, 2, 3, 4, 7, usize::MAX] {
                let clear = by_definition(KEY, phase % 4, &data[..len]);
                for offset in 0..64 {
                    let mut buffer = data.clone();
                    buffer[offset..][..len].copy_from_slice(&data[..len]);
                    let around = buffer.clone();
                    apply(KEY, phase, &mut buffer[offset..][..len]);
                    assert_eq!(
                        buffer[offset..][..len],
                        clear,
                        "{len} bytes at {offset} from phase {phase}"
                    );
                    assert_eq!(buffer[..offset], around[..offset]);
                    assert_eq!(buffer[offset + len..], around[offset + len..]);
                }
            }
        }
    }

    /// The safe code as it is compiled for every kind of vector.
    #[test]
    fn every_width_of_vectors_gives_the_same() {
        for len in (BLOCKS..BLOCKS + 300).chain([1000, 4097]) {
            let clear: Vec<u8> = (0..0x80).cycle().take(len).collect();
            for phase in 0..4 {
                for offset in 0..64 {
                    // Every byte outside ASCII is seen, wherever in a block it stands.
                    let at = (offset * 7 + phase * 64) % len;
                    let mut clear = clear.clone();
                    clear[at] |= 0x80 * u8::from(offset % 2 == 0);
                    let masked = by_definition(KEY, phase, &clear);
                    let mut buffer = alloc::vec![0; len + 64];
                    let mut task = |width: usize| {
                        let data = &mut buffer[offset..][..len];
                        data.copy_from_slice(&masked);
                        let key = rotated(KEY, phase);
                        let seen = wide::run_nth(Xor { key, data }, width)?;
                        assert_eq!(buffer[offset..][..len], clear);
                        Some(seen & NOT_ASCII != 0)
                    };
                    for width in 0..wide::WIDTHS {
                        let seen = task(width);
                        assert!(seen.is_none_or(|seen| seen == (offset % 2 == 0)));
                    }
                }
            }
        }
    }

    #[test]
    fn a_masked_copy_is_appended() {
        for len in (0..200).chain([4095, 4096, 4097, 8192, 9001]) {
            let mut out = b"head".to_vec();
            copy(KEY, &sample(len), &mut out);
            assert_eq!(out[..4], *b"head");
            assert_eq!(out[4..], by_definition(KEY, 0, &sample(len)), "{len} bytes");
        }
    }

    #[test]
    fn one_byte_outside_ascii_is_seen_wherever_it_stands() {
        for len in 0..200 {
            let clear: Vec<u8> = (0..0x80).cycle().take(len).collect();
            for phase in 0..4 {
                let mut data = by_definition(KEY, phase, &clear);
                assert!(apply_ascii(KEY, phase, &mut data));
                assert_eq!(data, clear);
                for at in 0..len {
                    let mut clear = clear.clone();
                    clear[at] |= 0x80;
                    let mut data = by_definition(KEY, phase, &clear);
                    assert!(!apply_ascii(KEY, phase, &mut data), "byte {at} of {len}");
                    assert_eq!(data, clear);
                }
            }
        }
    }
}
