//! DEFLATE (RFC 1951) for tests: an inflater that tells how far matches reach back, and a writer of
//! chosen blocks. Slow and plain on purpose, so that it can be read against the RFC.
#![expect(
    clippy::cast_possible_truncation,
    reason = "the values that become bytes were read as such"
)]

/// What [`inflate`] found.
#[derive(Debug, Default)]
pub struct Inflated {
    /// The data.
    pub output: Vec<u8>,
    /// The greatest distance of a match.
    pub distance: usize,
}

/// Inflates blocks until the input ends, `history` being what they may refer to.
///
/// # Panics
///
/// When the input is not whole blocks without a final one.
pub fn inflate(history: &[u8], input: &[u8]) -> Inflated {
    let mut bits = Bits { input, at: 0 };
    let mut inflated = Inflated {
        output: history.to_vec(),
        distance: 0,
    };
    while bits.at < input.len() * 8 {
        assert_eq!(bits.take(1), 0, "final block");
        match bits.take(2) {
            0 => {
                bits.at = bits.at.next_multiple_of(8);
                let (len, complement) = (bits.take(16), bits.take(16));
                assert_eq!(len, !complement & 0xffff);
                (0..len).for_each(|_| inflated.output.push(bits.take(8) as u8));
            }
            1 => {
                let mut lengths = [8; 288];
                lengths[144..256].fill(9);
                lengths[256..280].fill(7);
                block(
                    &mut bits,
                    &Code::new(&lengths),
                    &Code::new(&[5; 30]),
                    &mut inflated,
                );
            }
            2 => {
                let (literals, distances) = codes(&mut bits);
                block(&mut bits, &literals, &distances, &mut inflated);
            }
            _ => panic!("block type 3"),
        }
    }
    inflated.output.drain(..history.len());
    inflated
}

fn block(bits: &mut Bits<'_>, literals: &Code, distances: &Code, inflated: &mut Inflated) {
    loop {
        match bits.symbol(literals) {
            literal @ 0..256 => inflated.output.push(literal as u8),
            256 => return,
            symbol => {
                let (base, extra) = LENGTHS[symbol - 257];
                let length = base + bits.take(extra);
                let (base, extra) = distance_code(bits.symbol(distances));
                let distance = base + bits.take(extra);
                inflated.distance = inflated.distance.max(distance);
                for _ in 0..length {
                    inflated
                        .output
                        .push(inflated.output[inflated.output.len() - distance]);
                }
            }
        }
    }
}

/// RFC 1951 §3.2.7.
fn codes(bits: &mut Bits<'_>) -> (Code, Code) {
    let (literals, distances) = (bits.take(5) + 257, bits.take(5) + 1);
    let mut meta = [0; 19];
    for i in 0..bits.take(4) + 4 {
        meta[ORDER[i]] = bits.take(3) as u8;
    }
    let meta = Code::new(&meta);
    let mut lengths = Vec::new();
    while lengths.len() < literals + distances {
        let (length, times) = match bits.symbol(&meta) {
            16 => (*lengths.last().unwrap(), 3 + bits.take(2)),
            17 => (0, 3 + bits.take(3)),
            18 => (0, 11 + bits.take(7)),
            length => (length as u8, 1),
        };
        lengths.extend(std::iter::repeat_n(length, times));
    }
    let distances = lengths.split_off(literals);
    (Code::new(&lengths), Code::new(&distances))
}

struct Bits<'a> {
    input: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> usize {
        let bit = |at: usize| usize::from(self.input[at / 8] >> (at % 8) & 1);
        let value = (0..count).map(|i| bit(self.at + i) << i).sum();
        self.at += count;
        value
    }

    fn symbol(&mut self, code: &Code) -> usize {
        let (mut value, mut first, mut index) = (0, 0, 0);
        for count in code.counts {
            value = value << 1 | self.take(1);
            first <<= 1;
            if value < first + count {
                return code.symbols[index + value - first];
            }
            index += count;
            first += count;
        }
        panic!("no such code");
    }
}

/// A canonical Huffman code (RFC 1951 §3.2.2).
struct Code {
    /// How many symbols have each length from one bit on.
    counts: [usize; 15],
    /// By length, then by value.
    symbols: Vec<usize>,
}

impl Code {
    fn new(lengths: &[u8]) -> Self {
        let mut symbols: Vec<usize> = (0..lengths.len()).filter(|&i| lengths[i] != 0).collect();
        symbols.sort_by_key(|&i| lengths[i]);
        let mut counts = [0; 15];
        symbols
            .iter()
            .for_each(|&i| counts[usize::from(lengths[i]) - 1] += 1);
        Self { counts, symbols }
    }
}

/// Writes blocks that hold exactly what is asked for.
#[derive(Debug, Default)]
pub struct Blocks {
    bytes: Vec<u8>,
    used: usize,
}

impl Blocks {
    /// A stored block.
    pub fn stored(mut self, last: bool, data: &[u8]) -> Self {
        self.put(usize::from(last), 3);
        self.used = 0;
        self.put(data.len(), 16);
        self.put(!data.len() & 0xffff, 16);
        self.bytes.extend_from_slice(data);
        self
    }

    /// A block of fixed codes with one match of three bytes.
    pub fn a_match(mut self, last: bool, distance: usize) -> Self {
        self.put(usize::from(last) | 1 << 1, 3);
        self.put(0b100_0000, 7); // length 3 is code 257 = 0000001, its first bit first
        let code = (0..30)
            .rfind(|&code| distance_code(code).0 <= distance)
            .unwrap();
        self.put((0..5).map(|i| (code >> (4 - i) & 1) << i).sum(), 5);
        self.put(distance - distance_code(code).0, distance_code(code).1);
        self.put(0, 7);
        if last {
            self.used = 0;
        }
        self
    }

    /// An empty block of fixed codes.
    pub fn empty(mut self, last: bool) -> Self {
        self.put(usize::from(last) | 1 << 1, 3);
        self.put(0, 7);
        if last {
            self.used = 0;
        }
        self
    }

    /// The payload of a message: closed by the first byte of an empty stored block.
    pub fn payload(mut self) -> Vec<u8> {
        self.put(0, 3);
        self.bytes
    }

    /// The bytes so far.
    pub fn bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn put(&mut self, value: usize, count: usize) {
        for i in 0..count {
            if self.used == 0 {
                self.bytes.push(0);
            }
            *self.bytes.last_mut().unwrap() |= ((value >> i & 1) as u8) << self.used;
            self.used = (self.used + 1) % 8;
        }
    }
}

/// The least distance of a code and how many bits follow it (RFC 1951 §3.2.5).
fn distance_code(code: usize) -> (usize, usize) {
    let extra = (code / 2).saturating_sub(1);
    (
        if code < 2 {
            1 + code
        } else {
            1 + ((2 + code % 2) << extra)
        },
        extra,
    )
}

/// The order in which the lengths of the code of code lengths come (RFC 1951 §3.2.7).
const ORDER: [usize; 19] = [
    16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
];
/// The least length of each code from 257 on and how many bits follow it (RFC 1951 §3.2.5).
#[rustfmt::skip]
const LENGTHS: [(usize, usize); 29] = [
    (3, 0), (4, 0), (5, 0), (6, 0), (7, 0), (8, 0), (9, 0), (10, 0), (11, 1), (13, 1), (15, 1), (17, 1),
    (19, 2), (23, 2), (27, 2), (31, 2), (35, 3), (43, 3), (51, 3), (59, 3), (67, 4), (83, 4), (99, 4),
    (115, 4), (131, 5), (163, 5), (195, 5), (227, 5), (258, 0),
];
