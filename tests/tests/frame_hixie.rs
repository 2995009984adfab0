//! The frames of hixie-75 and hixie-76, as bytes.

use bytes::{Buf, Bytes};
use tests::{ids, splits};
use websocket_proto::frame::hixie::{self, Decoder, Error, Step};
use websocket_proto::{Draft, Outbox, Utf8Bytes};

/// What a decoder tells, pieces of text joined.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Told {
    Text(Vec<u8>),
    /// Text whose end has not come.
    Part(Vec<u8>),
    Close,
    Discarded,
    Failed(Error),
}

use Told::{Close, Discarded, Failed, Part, Text};

fn decode(draft: Draft, pieces: &[&[u8]]) -> Vec<Told> {
    let mut decoder = Decoder::new(draft, MAX);
    let mut told = Vec::new();
    let mut part = Vec::new();
    'pieces: for &piece in pieces {
        let mut rest = piece;
        loop {
            let (taken, step) = match decoder.decode(rest) {
                Ok(progress) => progress,
                Err(error) => {
                    told.push(Failed(error));
                    break 'pieces;
                }
            };
            match step {
                Step::Need => {
                    assert_eq!(taken, rest.len(), "it needs more but leaves some");
                    continue 'pieces;
                }
                Step::Text { at, last } => {
                    assert!(last || !at.is_empty(), "a piece without text");
                    part.extend_from_slice(&rest[at]);
                    if last {
                        told.push(Text(std::mem::take(&mut part)));
                    }
                }
                Step::Close => told.push(Close),
                Step::Discarded => told.push(Discarded),
            }
            rest = &rest[taken..];
        }
    }
    if !part.is_empty() {
        told.insert(
            told.iter()
                .take_while(|told| !matches!(told, Failed(_)))
                .count(),
            Part(part),
        );
    }
    told
}

struct Row {
    id: &'static str,
    draft: Draft,
    wire: Vec<u8>,
    told: Vec<Told>,
}

/// `head` and `n` bytes of filling, then what follows.
fn wire(head: &[u8], n: usize, tail: &[u8]) -> Vec<u8> {
    [head, &vec![b'x'; n], tail].concat()
}

/// A frame with this `length` of `n` bytes is skipped; the message behind it is read.
fn skipped(id: &'static str, length: &[u8], n: usize) -> Row {
    let wire = wire(&[&[0x80], length].concat(), n, b"\x00ok\xff");
    Row {
        id,
        draft: Draft::Hixie76,
        wire,
        told: vec![Discarded, text(b"ok")],
    }
}

fn text(text: &[u8]) -> Told {
    Text(text.to_vec())
}

#[rustfmt::skip]
fn rows() -> Vec<Row> {
    use Draft::{Hixie75, Hixie76};

    let row = |id, draft, wire: &[u8], told: &[Told]| {
        Row { id, draft, wire: wire.to_vec(), told: told.to_vec() }
    };
    let x = |n| vec![b'x'; n];
    vec![
        row("2.1-text", Hixie76, b"\x00Hello\xff", &[text(b"Hello")]),
        row("2.1-text-empty", Hixie75, b"\x00\xff", &[text(b"")]),
        row("2.1-text-not-ascii", Hixie76, b"\x00\xce\xba\xe1\xbd\xb9\xff", &[text("\u{3ba}\u{1f79}".as_bytes())]),
        // The drafts replace what is not UTF-8; that is for the reader of the bytes.
        row("2.1-text-not-utf8", Hixie75, b"\x00\xce\x00\xfe\xff", &[text(b"\xce\x00\xfe")]),
        row("2.1-text-twice", Hixie75, b"\x00a\xff\x00b\xff", &[text(b"a"), text(b"b")]),
        row("2.1-text-at-limit", Hixie76, &wire(b"\x00", MAX, b"\xff"), &[Text(x(MAX))]),
        row("2.1-text-over-limit", Hixie76, &wire(b"\x00", MAX + 1, b"\xff"), &[Part(x(MAX)), Failed(Error::TooBig)]),
        row("2.1-text-without-end", Hixie76, b"\x00Hel", &[Part(b"Hel".to_vec())]),
        row("2.1-close-76", Hixie76, b"\x00a\xff\xff\x00", &[text(b"a"), Close]),
        row("2.1-close-76-padded", Hixie76, b"\xff\x80\x80\x00", &[Close]),
        row("2.1-close-75-is-discarded", Hixie75, b"\xff\x00\x00a\xff", &[Discarded, text(b"a")]),
        row("2.1-discard-sentinel", Hixie76, b"\x05a\x00\xff\x7f\xff\x00b\xff", &[Discarded, Discarded, text(b"b")]),
        row("2.1-discard-sentinel-over-limit", Hixie76, &wire(b"\x01", MAX + 1, b"\xff"), &[Failed(Error::TooBig)]),
        skipped("2.1-discard-length-0", b"\x00", 0),
        skipped("2.1-discard-length-127", b"\x7f", 127),
        skipped("2.1-discard-length-128", b"\x81\x00", 128),
        skipped("2.1-discard-length-4660-padded", b"\x80\xa4\x34", 4660),
        skipped("2.1-discard-length-16383", b"\xff\x7f", 16383),
        skipped("2.1-discard-length-16384", b"\x81\x80\x00", 16384),
        row("2.1-discard-length-over-limit", Hixie76, b"\x80\x81\x80\x01", &[Failed(Error::TooBig)]),
        row("2.1-discard-length-2-31", Hixie75, b"\x80\x88\x80\x80\x80\x00", &[Failed(Error::TooBig)]),
        skipped("2.1-length-nine-bytes", b"\x80\x80\x80\x80\x80\x80\x80\x80\x03", 3),
        row("2.1-length-ten-bytes", Hixie76, b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x03abc", &[Failed(Error::BadLength)]),
        row("2.1-length-flood", Hixie76, &[&[0x80][..], &[0xff; 1 << 20]].concat(), &[Failed(Error::BadLength)]),
    ]
}

#[test]
fn every_frame_at_every_cut() {
    let rows = rows();
    for row in &rows {
        splits::for_each_split(&row.wire, |pieces| {
            assert!(
                decode(row.draft, pieces) == row.told,
                "{} in {} pieces",
                row.id,
                pieces.len()
            );
        });
    }
    ids::check("2.1", rows.iter().map(|row| row.id));
}

#[test]
fn a_flood_of_length_bytes_is_refused_at_the_ninth() {
    let mut decoder = Decoder::new(Draft::Hixie76, MAX);
    assert_eq!(decoder.decode(&[0x80]), Ok((1, Step::Need)));
    assert_eq!(decoder.decode(&[0xff; 8]), Ok((8, Step::Need)));
    assert_eq!(decoder.decode(&[0xff]), Err(Error::BadLength));
}

#[test]
fn what_is_encoded_is_decoded() {
    for len in [0, 1, 125, Outbox::COPY_MAX, Outbox::COPY_MAX + 1, MAX] {
        let payload = Bytes::from(vec![b'x'; len]);
        let mut outbox = Outbox::new();
        hixie::encode_text(Utf8Bytes::from_bytes(payload.clone()).unwrap(), &mut outbox);
        hixie::encode_close(&mut outbox);
        if len > Outbox::COPY_MAX {
            assert_eq!(outbox.chunk(), [0]);
            outbox.advance(1);
            assert_eq!(
                outbox.chunk().as_ptr(),
                payload.as_ptr(),
                "long text is not copied"
            );
            outbox.advance(len);
            assert_eq!(outbox.chunk(), b"\xff\xff\x00");
            continue;
        }
        let wire = outbox.copy_to_bytes(outbox.len());
        assert_eq!(wire.len(), 1 + len + 1 + 2);
        assert_eq!(decode(Draft::Hixie76, &[&wire]), [text(&payload), Close]);
    }
}

/// As large as the largest skipped frame of the table.
const MAX: usize = 16384;
