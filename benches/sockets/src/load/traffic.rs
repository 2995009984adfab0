//! What is sent and expected: a ring of different messages of one size.

use std::fmt::Write;
use std::rc::Rc;

use clap::ValueEnum;

/// What a message consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Any octets.
    Binary,
    /// ASCII letters and digits, the same in JSON.
    Text,
}

/// Messages that are sent over and over. No two in flight on a connection are equal, so that one
/// that is lost, doubled or out of order is seen.
pub struct Ring {
    pub kind: Kind,
    messages: Vec<Vec<u8>>,
    depth: usize,
}

impl Ring {
    pub fn new(kind: Kind, size: usize, depth: usize) -> Rc<Self> {
        let many = (RING_BYTES / size.max(1)).min(RING_MESSAGES);
        let count = many.max(depth + 1);
        let messages = (0..count).map(|i| message(kind, size, i)).collect();
        Rc::new(Self {
            kind,
            messages,
            depth,
        })
    }

    pub fn message(&self, number: u64) -> &[u8] {
        &self.messages[(number % self.messages.len() as u64) as usize]
    }

    /// The messages as bytes on the wire, without end.
    pub fn encoded(&self, mut encode: impl FnMut(&[u8], &mut Vec<u8>)) -> Cycle {
        let mut bytes = Vec::new();
        let mut each = 0;
        // What is sent at once stays in one piece: the beginning is repeated behind the end.
        let repeated = self.messages.iter().cycle();
        for message in repeated.take(self.messages.len() + self.depth) {
            let start = bytes.len();
            encode(message, &mut bytes);
            each = bytes.len() - start;
        }
        Cycle {
            period: (each * self.messages.len()) as u64,
            each: each as u64,
            bytes,
        }
    }
}

/// The messages of a [`Ring`] on the wire.
pub struct Cycle {
    bytes: Vec<u8>,
    period: u64,
    each: u64,
}

impl Cycle {
    /// How long one message is on the wire.
    pub fn each(&self) -> u64 {
        self.each
    }

    /// What stands at a place of the endless stream, at most so much.
    pub fn at(&self, place: u64, most: u64) -> &[u8] {
        let start = place % self.period;
        let end = (start + most).min(self.bytes.len() as u64);
        &self.bytes[start as usize..end as usize]
    }

    /// Whether `bytes` stand at that place.
    pub fn matches(&self, mut place: u64, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            let expected = self.at(place, bytes.len() as u64);
            let (now, rest) = bytes.split_at(expected.len());
            if now != expected {
                return false;
            }
            place += now.len() as u64;
            bytes = rest;
        }
        true
    }
}

fn message(kind: Kind, size: usize, number: usize) -> Vec<u8> {
    let mut text = String::new();
    write!(text, "{number:04}").expect("a String takes all");
    let mut bytes = text.into_bytes();
    let mut noise = number as u64 + 1;
    while bytes.len() < size {
        noise = noise.wrapping_mul(6364136223846793005).wrapping_add(1);
        let octet = (noise >> 56) as u8;
        bytes.push(match kind {
            Kind::Binary => octet,
            Kind::Text => b'a' + octet % 26,
        });
    }
    bytes.truncate(size);
    bytes
}

/// Few enough to stay in the cache beside the buffers of the sockets.
const RING_BYTES: usize = 256 * 1024;
const RING_MESSAGES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_is_lost_or_out_of_order_is_seen() {
        let ring = Ring::new(Kind::Binary, 16, 4);
        let cycle = ring.encoded(|message, out| out.extend_from_slice(message));
        let all: Vec<u8> = (0..150).flat_map(|i| ring.message(i).to_vec()).collect();
        for cut in 0..=all.len() {
            assert!(cycle.matches(0, &all[..cut]) && cycle.matches(cut as u64, &all[cut..]));
        }
        let mut swapped = all.clone();
        swapped[..32].rotate_left(16);
        for (wrong, place) in [(&all[..], 16), (&all[16..], 0), (&swapped[..], 0)] {
            assert!(!cycle.matches(place, wrong), "{place}");
        }
    }

    #[test]
    fn what_goes_out_at_once_is_in_one_piece() {
        for (size, depth) in [(16, 16), (125, 1), (65_536, 16), (7, 63)] {
            let ring = Ring::new(Kind::Text, size, depth);
            let cycle = ring.encoded(|message, out| out.extend_from_slice(message));
            for first in 0..100 {
                let batch = (size * depth) as u64;
                let place = first * size as u64;
                assert_eq!(cycle.at(place, batch).len() as u64, batch, "{size} {depth}");
            }
        }
    }
}
