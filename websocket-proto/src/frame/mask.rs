//! Masking: RFC 6455 §5.3.
//!
//! Byte `i` of a payload is XORed with byte `i mod 4` of the key, so masking and unmasking are the
//! same.

use alloc::vec::Vec;

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

/// XORs, and returns the OR of all bytes of the result in words.
#[inline(always)]
fn xor(key: [u8; 4], data: &mut [u8]) -> u32 {
    match data.len() {
        128.. => xor_chunks::<128>(key, data),
        64..128 => xor_chunks::<64>(key, data),
        32..64 => xor_chunks::<32>(key, data),
        16..32 => xor_chunks::<16>(key, data),
        8..16 => xor_chunks::<8>(key, data),
        4..8 => xor_chunks::<4>(key, data),
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

/// XORs data of at least `N` bytes in chunks of `N`.
///
/// The bytes behind the last whole chunk belong to one that overlaps it, read before anything is
/// written: both write the same values where they meet. A loop over single bytes there would cost
/// more than all the rest of a short payload.
#[inline(always)]
fn xor_chunks<const N: usize>(key: [u8; 4], data: &mut [u8]) -> u32 {
    let end_key = rotated(key, data.len());
    let Some(&end) = data.last_chunk::<N>() else {
        return 0;
    };
    let (mut end, mut seen) = (end, 0);
    for chunk in data.as_chunks_mut::<N>().0 {
        seen |= xor_chunk(key, chunk);
    }
    seen |= xor_chunk(end_key, &mut end);
    if let Some(last) = data.last_chunk_mut::<N>() {
        *last = end;
    }
    seen
}

/// XORs one chunk, word by word, which compiles to whole vector registers.
#[inline(always)]
fn xor_chunk<const N: usize>(key: [u8; 4], chunk: &mut [u8; N]) -> u32 {
    let mut seen = 0;
    for word in chunk.as_chunks_mut::<4>().0 {
        let clear = u32::from_ne_bytes(*word) ^ u32::from_ne_bytes(key);
        *word = clear.to_ne_bytes();
        seen |= clear;
    }
    seen
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
        for len in (0..200).chain([255, 256, 1000, 4095, 4096, 4097, 9000]) {
            let data = sample(len + 16);
            for phase in [0, 1, 2, 3, 4, 7, usize::MAX] {
                for offset in 0..16 {
                    let mut masked = data.clone();
                    apply(KEY, phase, &mut masked[offset..][..len]);
                    let mut expected = data.clone();
                    expected[offset..][..len].copy_from_slice(&by_definition(
                        KEY,
                        phase % 4,
                        &data[offset..][..len],
                    ));
                    assert_eq!(
                        masked, expected,
                        "{len} bytes at {offset} from phase {phase}"
                    );
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
