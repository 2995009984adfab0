//! Unmasking a payload where it lies.

use std::hint::black_box;

use websocket_proto::frame::mask;

use crate::floor;
use crate::harness::Contender;

pub const OURS: &str = "ours, mask::apply";
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

pub fn contenders(size: usize, offset: usize) -> Vec<Contender> {
    vec![
        unmask(OURS, size, offset, |data| mask::apply(KEY, 0, data)),
        unmask("ours, mask::apply_ascii", size, offset, |data| {
            black_box(mask::apply_ascii(KEY, 0, data));
        }),
        unmask("fastwebsockets 0.10 unmask", size, offset, |data| {
            fastwebsockets::unmask(data, KEY);
        }),
        unmask("sockudo-ws 3.1 apply_mask", size, offset, |data| {
            sockudo_ws::simd::apply_mask(data, KEY);
        }),
        floor::copy_of(&vec![0x55; size].into()),
    ]
}

/// `offset` is counted from a border of 64 bytes.
fn unmask(
    name: &'static str,
    size: usize,
    offset: usize,
    unmask: impl Fn(&mut [u8]) + 'static,
) -> Contender {
    // A payload has just come from the kernel. Right behind its last turn, its bytes would still be on
    // their way to the cache, which slows down whoever reads them in other pieces than it wrote.
    let copies = (TOGETHER / size).max(1);
    let apart = (size + offset).next_multiple_of(64);
    let mut buffer = vec![0x55; copies * apart + 64];
    let border = buffer.as_ptr().align_offset(64);
    let mut next = 0;
    Contender::new(name, move |times| {
        for _ in 0..times {
            let start = border + next * apart + offset;
            next = if next + 1 == copies { 0 } else { next + 1 };
            unmask(black_box(&mut buffer[start..][..size]));
        }
        black_box(&mut buffer);
    })
}

/// What all copies of a payload take; they fit the first-level cache.
const TOGETHER: usize = 16 * 1024;
