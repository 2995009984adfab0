//! permessage-deflate: the codec against vectors, against DEFLATE of other hands, and its limits.

use miniz_oxide::deflate::core::{CompressorOxide, create_comp_flags_from_zip_params};
use miniz_oxide::deflate::stream::deflate as miniz_deflate;
use miniz_oxide::inflate::stream::{InflateState, inflate as miniz_inflate};
use miniz_oxide::{DataFormat, MZFlush};

use tests::deflate::{Blocks, inflate};
use tests::splits::for_each_split;
use websocket_proto::deflate::{Compressor, Effort, InflateError, Inflater, Progress};

type Outcome<T> = Result<T, InflateError>;
/// A way to inflate a message given in pieces.
type Way = fn(&mut Inflater, &[&[u8]]) -> Outcome<Vec<u8>>;

struct Row {
    id: &'static str,
    no_takeover: bool,
    /// The payloads of messages one after the other; only the last may fail.
    messages: Vec<(Vec<u8>, Outcome<Vec<u8>>)>,
}

const TAKEOVER: bool = false;
const NO_TAKEOVER: bool = true;

fn row<const N: usize>(
    id: &'static str,
    no_takeover: bool,
    messages: [(&[u8], Outcome<&[u8]>); N],
) -> Row {
    let messages = messages
        .map(|(payload, result)| (payload.to_vec(), result.map(<[u8]>::to_vec)))
        .to_vec();
    Row {
        id,
        no_takeover,
        messages,
    }
}

const HELLO: &[u8] = &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
const HELLO_AGAIN: &[u8] = &[0xf2, 0x00, 0x11, 0x00, 0x00];
const FINAL_HELLO: &[u8] = &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
const MANY_A: &[u8] = &[0x4a, 0x4c, 0x1c, 0x05, 0xc4, 0x02, 0x00, 0x00];

fn payloads() -> Vec<Row> {
    use InflateError::Corrupt;
    let hello = Ok(&b"Hello"[..]);
    let six = Blocks::default().stored(false, b"abcdef");
    let final_six = Blocks::default().stored(true, b"abcdef");
    vec![
        row("4.2-hello", TAKEOVER, [(HELLO, hello)]),
        row(
            "4.2-hello-takeover",
            TAKEOVER,
            [(HELLO, hello), (HELLO_AGAIN, hello), (HELLO_AGAIN, hello)],
        ),
        row(
            "4.2-hello-no-takeover",
            NO_TAKEOVER,
            [(HELLO, hello), (HELLO, hello)],
        ),
        row(
            "4.2-empty",
            TAKEOVER,
            [(&[0x00], Ok(b"")), (&[0x00], Ok(b""))],
        ),
        row(
            "4.2-empty-between",
            TAKEOVER,
            [(HELLO, hello), (&[0x00], Ok(b"")), (HELLO_AGAIN, hello)],
        ),
        row(
            "4.2-no-payload",
            TAKEOVER,
            [(HELLO, hello), (b"", Ok(b"")), (HELLO_AGAIN, hello)],
        ),
        row(
            "4.2-stored",
            TAKEOVER,
            [(
                &[
                    0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00,
                ],
                hello,
            )],
        ),
        row(
            "4.2-two-blocks",
            TAKEOVER,
            [(
                &[
                    0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00,
                ],
                hello,
            )],
        ),
        row("4.2-300-letters", TAKEOVER, [(MANY_A, Ok(&[b'a'; 300]))]),
        row(
            "4.2-final",
            TAKEOVER,
            [(FINAL_HELLO, hello), (FINAL_HELLO, hello)],
        ),
        row(
            "4.2-final-unpadded",
            TAKEOVER,
            [(&FINAL_HELLO[..7], hello), (HELLO_AGAIN, hello)],
        ),
        row(
            "4.2-final-keeps-window",
            NO_TAKEOVER,
            [(
                &final_six.a_match(true, 6).a_match(false, 9).payload(),
                Ok(b"abcdefabcabc"),
            )],
        ),
        row(
            "4.2-final-keeps-context",
            TAKEOVER,
            [
                (&six.payload(), Ok(b"abcdef")),
                (
                    &Blocks::default()
                        .stored(true, b"-")
                        .a_match(false, 7)
                        .payload(),
                    Ok(b"-abc"),
                ),
                (&Blocks::default().a_match(true, 10).bytes(), Ok(b"abc")),
            ],
        ),
        row(
            "4.2-final-before-context",
            TAKEOVER,
            [(FINAL_HELLO, hello), (HELLO_AGAIN, hello)],
        ),
        row(
            "4.2-final-without-context",
            NO_TAKEOVER,
            [
                (FINAL_HELLO, hello),
                (
                    &Blocks::default().empty(true).a_match(false, 5).payload(),
                    Err(Corrupt),
                ),
            ],
        ),
        row("4.2-truncated", TAKEOVER, [(&HELLO[..3], Err(Corrupt))]),
        // The four bytes that are appended are taken for the last of its data.
        row(
            "4.2-truncated-stored",
            TAKEOVER,
            [(b"\x00\x09\x00\xf6\xffHello", Err(Corrupt))],
        ),
        row(
            "4.2-truncated-final",
            TAKEOVER,
            [(&FINAL_HELLO[..6], Err(Corrupt))],
        ),
        row(
            "4.2-nothing-after-an-error",
            NO_TAKEOVER,
            [(&[0x06], Err(Corrupt))],
        ),
        row("4.2-block-type", TAKEOVER, [(&[0x06, 0x00], Err(Corrupt))]),
        row(
            "4.2-stored-length",
            TAKEOVER,
            [(&[0x00, 0x05, 0x00, 0xfa, 0xfe, 0x00], Err(Corrupt))],
        ),
        row(
            "4.2-too-far",
            TAKEOVER,
            [
                (HELLO, hello),
                (&Blocks::default().a_match(false, 6).payload(), Err(Corrupt)),
            ],
        ),
        row(
            "4.2-too-far-no-takeover",
            NO_TAKEOVER,
            [(HELLO, hello), (HELLO_AGAIN, Err(Corrupt))],
        ),
    ]
}

/// Inflates a message given in pieces, whole.
fn whole(inflater: &mut Inflater, pieces: &[&[u8]], limit: usize) -> Outcome<Vec<u8>> {
    let mut message = Vec::new();
    for piece in pieces {
        inflater.inflate(piece, &mut message, limit)?;
        assert!(message.len() <= limit);
    }
    inflater.finish(&mut message, limit)?;
    assert!(message.len() <= limit);
    Ok(message)
}

/// Inflates a message given in pieces, `room` bytes at a time, taking each away at once.
fn stepwise(inflater: &mut Inflater, pieces: &[&[u8]], room: usize) -> Outcome<Vec<u8>> {
    let mut message = Vec::new();
    for (i, piece) in pieces.iter().enumerate() {
        let last = i + 1 == pieces.len();
        let mut rest = *piece;
        loop {
            let mut chunk = Vec::new();
            let step = inflater.step(rest, last, &mut chunk, room)?;
            assert!(chunk.len() <= room);
            message.extend_from_slice(&chunk);
            rest = &rest[step.consumed..];
            match step.progress {
                Progress::Full => {}
                Progress::Hungry | Progress::Finished => {
                    assert_eq!(step.progress == Progress::Finished, last);
                    assert!(rest.is_empty());
                    break;
                }
            }
        }
    }
    Ok(message)
}

#[test]
fn vectors() {
    let rows = payloads();
    for Row {
        id,
        no_takeover,
        messages,
    } in &rows
    {
        let ways: [(&str, Way); 4] = [
            ("whole", |inflater, pieces| whole(inflater, pieces, 1000)),
            ("steps of 1", |inflater, pieces| {
                stepwise(inflater, pieces, 1)
            }),
            ("steps of 7", |inflater, pieces| {
                stepwise(inflater, pieces, 7)
            }),
            ("steps of 1000", |inflater, pieces| {
                stepwise(inflater, pieces, 1000)
            }),
        ];
        let (last, before) = messages.split_last().unwrap();
        for (way, run) in ways {
            for release in [false, true] {
                for_each_split(&last.0, |pieces| {
                    let mut inflater = Inflater::new(15, *no_takeover);
                    for (payload, expected) in before {
                        assert_eq!(run(&mut inflater, &[payload]), *expected, "{id}, {way}");
                        if release {
                            inflater.release();
                        }
                    }
                    assert_eq!(
                        run(&mut inflater, pieces),
                        last.1,
                        "{id}, {way}, {pieces:x?}"
                    );
                    if last.1.is_err() {
                        assert_eq!(
                            run(&mut inflater, &[HELLO]),
                            Err(InflateError::Corrupt),
                            "{id}"
                        );
                        assert_eq!(
                            run(&mut inflater, &[b""]),
                            Err(InflateError::Corrupt),
                            "{id}"
                        );
                    }
                });
            }
        }
    }
    tests::ids::check("4.2", rows.iter().map(|row| row.id));
}

/// A message as pieces to compress.
type Pieces<'a> = &'a [&'a [u8]];
/// Id, takeover, whether memory is released between messages, and the messages with their payloads.
type CompressRow<'a> = (&'a str, bool, bool, &'a [(Pieces<'a>, &'a [u8])]);

#[test]
fn compressed_vectors() {
    let hello: Pieces<'_> = &[b"Hello"];
    let rows: &[CompressRow<'_>] = &[
        ("4.2-compress-hello", TAKEOVER, false, &[(hello, HELLO)]),
        (
            "4.2-compress-hello-takeover",
            TAKEOVER,
            false,
            &[(hello, HELLO), (hello, HELLO_AGAIN)],
        ),
        (
            "4.2-compress-hello-no-takeover",
            NO_TAKEOVER,
            false,
            &[(hello, HELLO), (hello, HELLO)],
        ),
        (
            "4.2-compress-empty",
            TAKEOVER,
            false,
            &[(&[b""], &[0x00]), (&[b""], &[0x00])],
        ),
        (
            "4.2-compress-empty-between",
            TAKEOVER,
            false,
            &[(hello, HELLO), (&[b""], &[0x00]), (hello, HELLO_AGAIN)],
        ),
        (
            "4.2-compress-empty-end",
            NO_TAKEOVER,
            false,
            &[
                (
                    &[b"Hello", b""],
                    b"\xf2\x48\xcd\xc9\xc9\x07\x00\x00\x00\xff\xff\x00",
                ),
                (hello, HELLO),
            ],
        ),
        (
            "4.2-compress-empty-piece",
            NO_TAKEOVER,
            false,
            &[(&[b"", b"Hello"], HELLO)],
        ),
        (
            "4.2-compress-released",
            TAKEOVER,
            true,
            &[(hello, HELLO), (hello, HELLO)],
        ),
    ];
    for (id, no_takeover, release, messages) in rows {
        let mut compressor = Compressor::new(15, *no_takeover, Effort::default());
        for (pieces, expected) in *messages {
            let mut payload = Vec::new();
            for (i, piece) in pieces.iter().enumerate() {
                compressor.compress(piece, i + 1 == pieces.len(), &mut payload);
            }
            assert_eq!(&payload, expected, "{id}");
            if *release {
                compressor.release();
            }
        }
    }
    tests::ids::check("4.2-compress", rows.iter().map(|row| row.0));
}

/// Bytes without a pattern, always the same ones.
fn noise() -> impl FnMut() -> u8 {
    let mut state = 1_u32;
    move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    }
}

/// Messages of many sizes: text with repeats near and far, noise, and one letter.
fn messages() -> Vec<Vec<u8>> {
    let mut noise = noise();
    [
        1, 3, 17, 100, 255, 256, 257, 1000, 4096, 10_000, 40_000, 70_001,
    ]
    .iter()
    .enumerate()
    .map(|(i, &len)| match i % 3 {
        0 => (0..len)
            .map(|_| b"etaoin shrdlu"[usize::from(noise() % 13)])
            .collect(),
        1 => {
            let word: Vec<u8> = (0..300).map(|_| noise()).collect();
            word.iter().copied().cycle().take(len).collect()
        }
        _ => (0..len)
            .map(|i| if i % 1000 < 20 { noise() } else { b'-' })
            .collect(),
    })
    .collect()
}

const SYNC_TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

#[test]
fn what_others_compress_is_inflated() {
    for no_takeover in [TAKEOVER, NO_TAKEOVER] {
        for level in [0, 1, 6, 9] {
            let new = || CompressorOxide::new(create_comp_flags_from_zip_params(level, -15, 0));
            let mut peer = new();
            let mut inflater = Inflater::new(15, no_takeover);
            let mut streamed = Inflater::new(15, no_takeover);
            // Each twice, so that the second refers to the first, which a release comes between.
            for message in messages().iter().flat_map(|message| [message; 2]) {
                let mut payload = vec![0; message.len() * 2 + 100];
                let result = miniz_deflate(&mut peer, message, &mut payload, MZFlush::Sync);
                assert_eq!(result.bytes_consumed, message.len());
                payload.truncate(result.bytes_written);
                assert!(payload.ends_with(&SYNC_TAIL));
                payload.truncate(payload.len() - 4);
                let pieces: Vec<&[u8]> = payload.chunks(payload.len() / 3 + 1).collect();
                assert!(whole(&mut inflater, &pieces, message.len()).as_ref() == Ok(message));
                assert!(stepwise(&mut streamed, &pieces, 999).as_ref() == Ok(message));
                inflater.release();
                if no_takeover {
                    peer = new();
                }
            }
        }
    }
}

#[test]
fn what_is_compressed_others_inflate() {
    for window_bits in 8..=15 {
        for no_takeover in [TAKEOVER, NO_TAKEOVER] {
            for level in 0..=9 {
                let memory = level.clamp(1, 9);
                let mut compressor =
                    Compressor::new(window_bits, no_takeover, Effort { level, memory });
                let new = || InflateState::new_boxed(DataFormat::Raw);
                let mut peer = new();
                let mut history = Vec::new();
                for message in messages()
                    .iter()
                    .filter(|message| message.len() < 20_000 || level == 6)
                {
                    let mut payload = Vec::new();
                    let (head, tail) = message.split_at(message.len() / 5);
                    for piece in [head, tail] {
                        compressor.compress(piece, piece.len() == tail.len(), &mut payload);
                    }
                    payload.extend_from_slice(&SYNC_TAIL);

                    let mut inflated = vec![0; message.len() + 1];
                    let result = miniz_inflate(&mut peer, &payload, &mut inflated, MZFlush::Sync);
                    assert_eq!(result.bytes_consumed, payload.len());
                    assert!(inflated[..result.bytes_written] == **message);

                    if level % 3 == 0 {
                        let plain = inflate(&history, &payload);
                        assert!(plain.output == **message);
                        let most = if window_bits == 8 {
                            1
                        } else {
                            1 << window_bits
                        };
                        assert!(plain.distance <= most, "{} {window_bits}", plain.distance);
                        history.extend_from_slice(message);
                    }
                    if no_takeover {
                        peer = new();
                        history.clear();
                    }
                }
            }
        }
    }
}

#[test]
fn the_end_of_a_flush_may_fall_anywhere_in_the_buffer() {
    // Sizes around the steps in which the output grows; noise stays as long as it is.
    let noise = &messages()[7..8].concat().repeat(40);
    for len in (100..140).chain(32_700..32_800) {
        let mut compressor = Compressor::new(
            15,
            NO_TAKEOVER,
            Effort {
                level: 0,
                memory: 8,
            },
        );
        let mut payload = Vec::new();
        compressor.compress(&noise[..len], true, &mut payload);
        let message = whole(&mut Inflater::new(15, NO_TAKEOVER), &[&payload], len);
        assert!(message.as_deref() == Ok(&noise[..len]), "{len}");
        payload.extend_from_slice(&SYNC_TAIL);
        assert!(inflate(&[], &payload).output == noise[..len], "{len}");
    }
}

#[test]
fn a_match_may_reach_over_the_whole_window() {
    for window_bits in 8..=15 {
        let size = 1 << window_bits;
        let noise: Vec<u8> = messages().concat()[..size].to_vec();
        for (first, last) in [(size, 0), (size - 1, 1), (1, size - 1)] {
            let (first, last) = noise.split_at(first.min(size - last));
            // The match is in a message of its own, with and without a final block before it.
            for final_block in [false, true] {
                for release in [false, true] {
                    let mut inflater = Inflater::new(window_bits, TAKEOVER);
                    for part in [first, last].into_iter().filter(|part| !part.is_empty()) {
                        let mut payload =
                            Blocks::default().stored(final_block, &part[..part.len() - 1]);
                        payload = payload.stored(false, &part[part.len() - 1..]);
                        let message = whole(&mut inflater, &[&payload.payload()], size);
                        assert!(message.as_deref() == Ok(part));
                    }
                    if release {
                        inflater.release();
                    }
                    let mut payload = Blocks::default();
                    if final_block {
                        payload = payload.empty(true);
                    }
                    let payload = payload.a_match(false, size).payload();
                    let message = whole(&mut inflater, &[&payload], size);
                    assert_eq!(message.as_deref(), Ok(&noise[..3]), "{window_bits}");
                }
            }
        }
    }
}

#[test]
fn too_long_comes_before_what_is_wrong_behind_it() {
    // The codec finds a wrong code in the call that gives the first byte.
    let payload = b"\xfa\x0c\x00\xf3\x10\x03\xf2\x08\xcd\xc9\xc9\x07\xff\x00g";
    for_each_split(payload, |pieces| {
        let mut inflater = Inflater::new(15, NO_TAKEOVER);
        let message = whole(&mut inflater, pieces, 0);
        assert_eq!(message, Err(InflateError::TooBig));
        assert_eq!(whole(&mut inflater, pieces, 0), Err(InflateError::Corrupt));
    });
}

#[test]
fn limits() {
    use InflateError::{FinalBlocks, TooBig};
    let noise = messages().concat();
    let stored = Blocks::default().stored(false, &noise[..1000]).payload();
    let finals = |count: usize, size: usize| {
        let mut payload = Blocks::default();
        for _ in 0..count {
            payload = payload.stored(true, &noise[..size]);
        }
        payload.stored(false, b"").payload()
    };
    let (free, cheap, dear) = (finals(1000, 0), finals(3000, 0), finals(3000, 64));
    let rows = [
        ("4.4-exact", &stored[..], 1000, Ok(1000)),
        ("4.4-one-more", &stored, 999, Err(TooBig)),
        ("4.4-zero", &[0x00], 0, Ok(0)),
        ("4.4-zero-exceeded", HELLO, 0, Err(TooBig)),
        ("4.4-held-back-by-the-codec", MANY_A, 299, Err(TooBig)),
        ("4.4-final-blocks", &cheap, 1000, Err(FinalBlocks)),
        ("4.4-final-blocks-paid-for", &dear, 200_000, Ok(192_000)),
    ];
    for (id, payload, limit, expected) in &rows {
        let run = |pieces: &[&[u8]]| {
            let mut inflater = Inflater::new(15, NO_TAKEOVER);
            let message = whole(&mut inflater, pieces, *limit).map(|message| message.len());
            assert_eq!(message, *expected, "{id}");
        };
        if payload.len() < 2000 {
            for_each_split(payload, run);
        } else {
            for size in [1, 1400, 16_384] {
                run(&payload.chunks(size).collect::<Vec<_>>());
            }
        }
    }
    let mut inflater = Inflater::new(15, TAKEOVER);
    for _ in 0..3 {
        assert_eq!(
            whole(&mut inflater, &[&free], 0),
            Ok(vec![]),
            "they count by message"
        );
    }
    tests::ids::check("4.4", rows.iter().map(|row| row.0));
}

#[test]
fn the_sum_of_several_calls_counts() {
    let mut inflater = Inflater::new(15, NO_TAKEOVER);
    let mut message = b"not part of it".to_vec();
    assert_eq!(inflater.inflate(HELLO, &mut message, 9), Ok(()));
    assert_eq!(inflater.inflate(&SYNC_TAIL, &mut message, 9), Ok(()));
    assert_eq!(
        inflater.inflate(HELLO, &mut message, 9),
        Err(InflateError::TooBig)
    );
}

#[test]
fn broken_payloads_break_alike_however_they_are_cut() {
    let mut noise = noise();
    let mut fates = [0; 4];
    for (i, message) in messages()[..8].iter().cycle().take(400).enumerate() {
        let mut payload = Vec::new();
        Compressor::new(15, NO_TAKEOVER, Effort::default()).compress(message, true, &mut payload);
        let before = Blocks::default().stored(i % 5 == 0, b"before");
        payload.splice(..0, before.bytes());
        for _ in 0..i % 4 {
            let at = (usize::from(noise()) << 8 | usize::from(noise())) % payload.len();
            payload[at] ^= 1 << (noise() % 8);
        }
        payload.truncate(payload.len() - usize::from(i % 3 == 0));

        let limit = message.len() + 200 * (i % 2);
        let inflater = || Inflater::new(15, NO_TAKEOVER);
        let expected = whole(&mut inflater(), &[&payload], limit);
        let bytes: Vec<&[u8]> = payload.chunks(1).collect();
        assert!(whole(&mut inflater(), &bytes, limit) == expected, "{i}");
        if expected != Err(InflateError::TooBig) {
            for (pieces, room) in [(&[&payload[..]][..], 1), (&bytes, 100), (&bytes, 3)] {
                assert!(
                    stepwise(&mut inflater(), pieces, room) == expected,
                    "{i} {room}"
                );
            }
        }
        fates[match expected {
            Ok(_) => 0,
            Err(InflateError::Corrupt) => 1,
            Err(InflateError::TooBig) => 2,
            Err(_) => 3,
        }] += 1;
    }
    assert!(fates[..3].iter().all(|&count| count > 20), "{fates:?}");
}

#[test]
fn nothing_is_released_in_the_middle_of_a_message() {
    let mut inflater = Inflater::new(15, TAKEOVER);
    let mut message = Vec::new();
    for byte in HELLO {
        inflater.release();
        assert_eq!(inflater.inflate(&[*byte], &mut message, 9), Ok(()));
    }
    assert_eq!(inflater.finish(&mut message, 9), Ok(()));
    assert_eq!(message, b"Hello");
}

#[test]
fn output_may_wait_when_no_input_is_left() {
    let mut inflater = Inflater::new(15, TAKEOVER);
    let (mut rest, mut output, mut waits) = (MANY_A, 0, 0);
    loop {
        let mut chunk = Vec::new();
        let step = inflater.step(rest, false, &mut chunk, 10).unwrap();
        rest = &rest[step.consumed..];
        output += chunk.len();
        waits += usize::from(rest.is_empty() && step.progress == Progress::Full);
        if step.progress == Progress::Hungry {
            break;
        }
    }
    assert_eq!((output, rest.len()), (300, 0));
    assert!(waits > 0, "some of it came after all input was taken");
    let step = inflater.step(&[], true, &mut Vec::new(), 10).unwrap();
    assert_eq!(step.progress, Progress::Finished);
}

#[test]
fn the_codecs_can_cross_threads() {
    fn check<T: Send + Sync>() {}
    check::<Inflater>();
    check::<Compressor>();
}
