//! What the permessage-deflate codec holds, and what it holds at most.

use tests::heap::{Counting, growth};
use websocket_proto::deflate::{Compressor, Effort, InflateError, Inflater, Progress};

#[global_allocator]
static HEAP: Counting = Counting;

const MIB: usize = 1 << 20;
/// The codec's window of 32 KiB and its tables.
const INFLATER: usize = 47 * 1024;
const STEP: usize = 16 * 1024;

#[test]
fn stories() {
    let stories: &[(&str, fn())] = &[
        ("4.4-bomb", bomb),
        ("4.4-bomb-in-steps", bomb_in_steps),
        ("4.4-lazy", lazy),
        ("4.4-none-between-messages", none_between_messages),
        ("4.4-none-after-an-error", none_after_an_error),
        ("4.4-takeover-released", takeover_released),
        (
            "4.4-compressor-none-between-messages",
            compressor_none_between_messages,
        ),
        ("4.4-compressor-small-message", compressor_small_message),
    ];
    for (_, story) in stories {
        story();
    }
    tests::ids::check("4.4-memory", stories.iter().map(|story| story.0));
}

fn compress(compressor: &mut Compressor, message: &[u8]) -> Vec<u8> {
    let mut payload = Vec::new();
    compressor.compress(message, true, &mut payload);
    payload
}

/// 64 KiB that inflate to 64 MiB.
fn a_bomb() -> Vec<u8> {
    let mut part = compress(
        &mut Compressor::new(15, true, Effort::default()),
        &vec![0; MIB],
    );
    part.extend_from_slice(&[0x00, 0x00, 0xff, 0xff]);
    let mut bomb = part.repeat(64);
    bomb.push(0x00);
    assert!(bomb.len() < 70_000, "{}", bomb.len());
    bomb
}

fn bomb() {
    let bomb = a_bomb();
    for frame in [64, 1400, bomb.len()] {
        let (fed, growth) = growth(|| {
            let mut inflater = Inflater::new(15, true);
            let mut message = Vec::new();
            let mut fed = 0;
            for piece in bomb.chunks(frame) {
                fed += piece.len();
                match inflater.inflate(piece, &mut message, MIB) {
                    Ok(()) => assert!(message.len() <= MIB),
                    Err(error) => {
                        assert_eq!(error, InflateError::TooBig);
                        break;
                    }
                }
            }
            fed
        });
        assert!(fed <= 1200 + frame, "noticed after {fed} bytes");
        assert!(growth.peak <= MIB + 32 * 1024 + STEP, "{growth:?}");
        assert_eq!(growth.left, 0);
    }
}

fn bomb_in_steps() {
    let bomb = a_bomb();
    for no_takeover in [false, true] {
        let (total, growth) = growth(|| {
            let mut inflater = Inflater::new(15, no_takeover);
            let (mut rest, mut total) = (&bomb[..], 0);
            loop {
                let mut chunk = Vec::new();
                let step = inflater.step(rest, true, &mut chunk, 64 * 1024).unwrap();
                assert!(chunk.len() <= 64 * 1024);
                rest = &rest[step.consumed..];
                total += chunk.len();
                match step.progress {
                    Progress::Finished => return total,
                    Progress::Full => {}
                    Progress::Hungry => panic!("all was given"),
                }
            }
        });
        assert_eq!(total, 64 * MIB);
        assert!(
            growth.peak <= 64 * 1024 + INFLATER + 32 * 1024,
            "{growth:?}"
        );
        assert_eq!(growth.left, 0);
    }
}

fn lazy() {
    let (_machines, growth) = growth(|| {
        (
            Inflater::new(15, false),
            Compressor::new(15, false, Effort::default()),
        )
    });
    assert_eq!(growth.peak, 0);
}

fn none_between_messages() {
    let payload = compress(
        &mut Compressor::new(15, true, Effort::default()),
        &[b'x'; 100_000],
    );
    let mut inflater = Inflater::new(15, true);
    for _ in 0..3 {
        let ((), growth) = growth(|| {
            let mut message = Vec::new();
            inflater.inflate(&payload, &mut message, MIB).unwrap();
            inflater.finish(&mut message, MIB).unwrap();
        });
        assert!(growth.peak >= INFLATER - STEP);
        assert_eq!(growth.left, 0);
    }
}

fn none_after_an_error() {
    let mut inflater = Inflater::new(15, false);
    let ((), growth) = growth(|| {
        let mut message = Vec::new();
        let stored = b"\x00\x05\x00\xfa\xffHello\x00";
        inflater.inflate(stored, &mut message, MIB).unwrap();
        inflater.finish(&mut message, MIB).unwrap();
        let error = inflater.inflate(&[0x06], &mut message, MIB);
        assert_eq!(error, Err(InflateError::Corrupt));
    });
    assert!(growth.peak > INFLATER - STEP);
    assert_eq!(growth.left, 0);
}

fn takeover_released() {
    for (window_bits, len, most) in [
        (15, 100_000, 32 * 1024),
        (12, 100_000, 4096),
        (15, 300, 600),
    ] {
        let payload = compress(
            &mut Compressor::new(15, true, Effort::default()),
            &vec![b'x'; len],
        );
        let mut inflater = Inflater::new(window_bits, false);
        let mut run = || {
            growth(|| {
                let mut message = Vec::new();
                inflater.inflate(&payload, &mut message, MIB).unwrap();
                inflater.finish(&mut message, MIB).unwrap();
            })
            .1
        };
        let left = run().left;
        assert!(
            (INFLATER - STEP..=INFLATER + most).contains(&left),
            "{left}"
        );
        assert!(
            run().left <= most,
            "the second message finds all but the rest of the window in place"
        );
        let ((), _) = growth(|| inflater.release());
        drop(payload);
        let held = tests::heap::held();
        drop(inflater);
        let history = held - tests::heap::held();
        assert!(history <= most, "{history} of {most}");
    }
}

fn compressor_none_between_messages() {
    let message = vec![b'x'; 100_000];
    for (window_bits, memory) in [(15, 8), (15, 1), (9, 8), (12, 5)] {
        let mut compressor = Compressor::new(window_bits, true, Effort { level: 6, memory });
        let mut payload = Vec::with_capacity(200_000);
        let ((), growth) = growth(|| compressor.compress(&message, true, &mut payload));
        let documented = 132 * 1024 + (4 << window_bits) + (7 << (memory + 6));
        assert!(growth.peak <= documented, "{growth:?} {documented}");
        assert!(growth.peak + 4096 >= documented, "{growth:?} {documented}");
        assert_eq!(growth.left, 0);
    }
}

fn compressor_small_message() {
    let mut compressor = Compressor::new(15, true, Effort::default());
    let mut payload = Vec::with_capacity(1024);
    let ((), growth) = growth(|| compressor.compress(&[b'x'; 100], true, &mut payload));
    assert!(growth.peak < 150 * 1024, "{growth:?}");
    assert_eq!(growth.left, 0);
}
