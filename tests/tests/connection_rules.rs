//! The rules of frames and messages (RFC 6455 §5, §7, §8), and the transcripts of closing, each run
//! whole, byte by byte and at every cut.

use tests::echo::{Trace, echo_trace};
use tests::frames::{hex, masked};
use tests::ids;
use websocket_proto::connection::{Cause, Closed, Config, Event};
use websocket_proto::handshake::Agreed;
use websocket_proto::{CloseCode, Draft, Message, ProtocolError, Utf8Bytes};

fn trace(draft: Draft, input: &[u8]) -> Trace {
    echo_trace(&Agreed::new(draft), &Config::default(), input)
}

fn closed(trace: &Trace) -> Option<&Closed> {
    match trace.events.last() {
        Some(Event::Closed(closed)) => Some(closed),
        _ => None,
    }
}

struct Broken {
    id: &'static str,
    draft: Draft,
    input: Vec<u8>,
    error: ProtocolError,
    /// The code of the close frame that answers.
    code: u16,
}

fn broken(id: &'static str, input: Vec<u8>, error: ProtocolError, code: u16) -> Broken {
    Broken {
        id,
        draft: Draft::Rfc6455,
        input,
        error,
        code,
    }
}

fn violations() -> Vec<Broken> {
    use ProtocolError::*;
    let text = |bytes: &[u8]| masked(0x81, bytes);
    let close = |body: &[u8]| masked(0x88, body);
    let kosme = [
        0xce, 0xba, 0xe1, 0xbd, 0xb9, 0xcf, 0x83, 0xce, 0xbc, 0xce, 0xb5,
    ];
    let with = |tail: &[u8]| [&kosme[..], tail].concat();
    vec![
        broken("F1-rsv1", masked(0xc1, b"Hello"), ReservedBits, 1002),
        broken("F1-rsv2", masked(0xa1, b"Hello"), ReservedBits, 1002),
        broken("F1-rsv3", masked(0x91, b""), ReservedBits, 1002),
        broken("F2-opcode-3", masked(0x83, b""), UnknownOpcode, 1002),
        broken("F2-opcode-7", masked(0x87, b"x"), UnknownOpcode, 1002),
        broken("F2-opcode-b", masked(0x8b, b""), UnknownOpcode, 1002),
        broken("F2-opcode-f", masked(0x8f, b"x"), UnknownOpcode, 1002),
        broken("F3-unmasked", hex("81 05 48656c6c6f"), UnmaskedFrame, 1002),
        broken(
            "F4-msb",
            hex("82 ff 80 00000000000000 37fa213d"),
            LengthTooLarge,
            1002,
        ),
        broken(
            "F4-all-ones",
            hex("82 ff ffffffffffffffff"),
            LengthTooLarge,
            1002,
        ),
        broken(
            "F5-16-bit",
            hex("81 fe 0005 37fa213d"),
            LengthNotMinimal,
            1002,
        ),
        broken(
            "F5-16-bit-125",
            hex("81 fe 007d 37fa213d"),
            LengthNotMinimal,
            1002,
        ),
        broken(
            "F5-64-bit",
            hex("81 ff 0000000000000005 37fa213d"),
            LengthNotMinimal,
            1002,
        ),
        broken(
            "F5-64-bit-65535",
            hex("81 ff 000000000000ffff"),
            LengthNotMinimal,
            1002,
        ),
        broken(
            "F6-fragmented-ping",
            masked(0x09, b""),
            FragmentedControl,
            1002,
        ),
        broken(
            "F6-fragmented-close",
            masked(0x08, b""),
            FragmentedControl,
            1002,
        ),
        broken(
            "F6-ping-126",
            masked(0x89, &[b'x'; 126]),
            ControlTooLong,
            1002,
        ),
        broken("F6-ping-64-bit", hex("89 ff"), ControlTooLong, 1002),
        broken(
            "F8-no-start",
            masked(0x80, b"x"),
            UnexpectedContinuation,
            1002,
        ),
        broken(
            "F8-empty-no-start",
            masked(0x80, b""),
            UnexpectedContinuation,
            1002,
        ),
        broken(
            "F8-new-inside",
            [masked(0x01, b"a"), text(b"b")].concat(),
            ExpectedContinuation,
            1002,
        ),
        broken(
            "F8-after-end",
            masked(0x00, b"c"),
            UnexpectedContinuation,
            1002,
        ),
        broken("F9-rsv1-on-ping", masked(0xc9, b""), ReservedBits, 1002),
        broken(
            "F10-surrogate",
            text(&with(&[0xed, 0xa0, 0x80, 0x65])),
            InvalidUtf8,
            1007,
        ),
        broken(
            "F10-above-10ffff",
            text(&with(&[0xf4, 0x90, 0x80, 0x80])),
            InvalidUtf8,
            1007,
        ),
        broken("F10-overlong", text(&[0xc0, 0x80]), InvalidUtf8, 1007),
        broken(
            "F10-open-end",
            text(&[0xce, 0xba, 0xe1, 0xbd]),
            InvalidUtf8,
            1007,
        ),
        broken(
            "F10-open-end-fragments",
            [masked(0x01, &[0xce]), masked(0x80, &[])].concat(),
            InvalidUtf8,
            1007,
        ),
        broken(
            "F10-across-fragments",
            [masked(0x01, &[0xf4]), masked(0x80, &[0x90])].concat(),
            InvalidUtf8,
            1007,
        ),
        broken("F14-length-1", close(b"a"), CloseBodyLength, 1002),
        broken(
            "F14-reason",
            close(&[0x03, 0xe8, 0xce]),
            CloseReasonNotUtf8,
            1007,
        ),
        broken("F15-999", close(&999u16.to_be_bytes()), BadCloseCode, 1002),
        broken(
            "F15-1005",
            close(&1005u16.to_be_bytes()),
            BadCloseCode,
            1002,
        ),
        broken(
            "F15-65535",
            close(&65535u16.to_be_bytes()),
            BadCloseCode,
            1002,
        ),
        Broken {
            id: "F10-hybi-07",
            draft: Draft::Hybi07,
            input: text(&[0xff]),
            error: InvalidUtf8,
            code: 1002,
        },
        Broken {
            id: "F10-hybi-08",
            draft: Draft::Hybi08,
            input: text(&[0xff]),
            error: InvalidUtf8,
            code: 1007,
        },
    ]
}

#[test]
fn violations_are_answered_with_one_close_frame_and_told_last() {
    let rows = violations();
    for row in &rows {
        // A good message before the bad frame is delivered and answered first.
        let input = [
            masked(0x82, b"good"),
            row.input.clone(),
            masked(0x82, b"never"),
        ]
        .concat();
        let trace = trace(row.draft, &input);
        assert_eq!(trace.events.len(), 2, "{}: {:?}", row.id, trace.events);
        assert_eq!(
            trace.events[0],
            Event::Message(Message::binary(&b"good"[..])),
            "{}",
            row.id
        );
        let expected = Closed {
            cause: Cause::Protocol(row.error),
            code: CloseCode::ABNORMAL,
            reason: Utf8Bytes::new(),
            clean: false,
        };
        assert_eq!(closed(&trace), Some(&expected), "{}", row.id);
        let code = row.code.to_be_bytes();
        let output = [&b"\x82\x04good\x88\x02"[..], &code].concat();
        assert_eq!(trace.output, output, "{}", row.id);
    }
    ids::check("2.2", rows.iter().map(|row| row.id));
}

#[test]
fn older_drafts_take_lengths_that_are_not_minimal() {
    let mut input = hex("81 fe 0005 37fa213d");
    input.extend_from_slice(&hex("7f9f4d5158"));
    for draft in [Draft::Hybi07, Draft::Hybi08] {
        assert_eq!(trace(draft, &input).output, b"\x81\x05Hello");
    }
}

struct Transcript {
    id: &'static str,
    input: Vec<u8>,
    output: Vec<u8>,
    /// Cause, code and cleanness, when it ends.
    end: Option<(Cause, u16, bool)>,
}

fn transcripts() -> Vec<Transcript> {
    let row = |id, input: &str, output: &str, end| Transcript {
        id,
        input: hex(input),
        output: hex(output),
        end,
    };
    let broken = |error| Some((Cause::Protocol(error), 1006, false));
    vec![
        row(
            "T1",
            "81 85 37fa213d 7f9f4d5158 88 82 37fa213d 3412",
            "81 05 48656c6c6f 88 02 03e8",
            Some((Cause::Peer, 1000, true)),
        ),
        row(
            "T3",
            "88 80 37fa213d",
            "88 00",
            Some((Cause::Peer, 1005, true)),
        ),
        row(
            "T4",
            "01 83 37fa213d 7f9f4d 89 81 37fa213d 56 80 82 37fa213d 5b95",
            "8a 01 61 81 05 48656c6c6f",
            None,
        ),
        row(
            "T5",
            "81 84 37fa213d f940d5ad",
            "88 02 03ef",
            broken(ProtocolError::InvalidUtf8),
        ),
        row(
            "T6",
            "81 05 48656c6c6f",
            "88 02 03ea",
            broken(ProtocolError::UnmaskedFrame),
        ),
        row(
            "T7",
            "88 82 37fa213d 3417",
            "88 02 03ea",
            broken(ProtocolError::BadCloseCode),
        ),
        row(
            "T8",
            &"89 80 37fa213d".repeat(10),
            &"8a 00".repeat(10),
            None,
        ),
        row(
            "T10",
            "88 82 37fa213d 3412 88 82 37fa213d 3412",
            "88 02 03e8",
            Some((Cause::Peer, 1000, true)),
        ),
        row(
            "T12",
            "82 ff 0000010000000000 37fa213d",
            "88 02 03f1",
            broken(ProtocolError::MessageTooBig),
        ),
    ]
}

#[test]
fn closing_transcripts() {
    for row in transcripts() {
        let trace = trace(Draft::Rfc6455, &row.input);
        assert_eq!(trace.output, row.output, "{}", row.id);
        let end = closed(&trace).map(|closed| (closed.cause, closed.code.0, closed.clean));
        assert_eq!(end, row.end, "{}", row.id);
    }
    // T2, T9 and T11 are stories of `connection_closing.rs`.
    ids::check(
        "3.5",
        transcripts()
            .iter()
            .map(|row| row.id)
            .chain(["T2", "T9", "T11"]),
    );
}

#[test]
fn fails_at_the_first_byte_that_breaks_a_rule() {
    // (what, how many bytes are enough)
    for (id, enough) in [
        ("F1-rsv1", 1),
        ("F2-opcode-3", 1),
        ("F3-unmasked", 2),
        ("F4-msb", 3),
        ("F6-ping-126", 2),
        ("F8-no-start", 1),
        ("F10-above-10ffff", 6 + 13),
        ("F6-fragmented-ping", 1),
    ] {
        let row = violations().into_iter().find(|row| row.id == id).expect(id);
        let before = trace(row.draft, &row.input[..enough - 1]);
        assert_eq!(
            before,
            Trace::default(),
            "{id}: nothing to say before byte {enough}"
        );
        assert!(
            closed(&trace(row.draft, &row.input[..enough])).is_some(),
            "{id}"
        );
    }
}
