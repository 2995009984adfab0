//! The challenge of hixie-76: vectors, keys that hide no number, keys as our client makes them.

use tests::heads::Head;
use tests::ids;
use websocket_proto::Draft;
use websocket_proto::handshake::{
    Challenge, Client, ClientRequest, Url, hixie76_number, hixie76_numbers, hixie76_reply,
};

#[test]
fn vectors() {
    type Row<'a> = (&'a str, &'a str, u32, &'a str, u32, [u8; 8], [u8; 16]);
    let rows: [Row<'_>; 5] = [
        (
            "1.4-a",
            "4 @1  46546xW%0l 1 5",
            829_309_203,
            "12998 5 Y3 1  .P00",
            259_970_620,
            *b"^n:ds[4U",
            *b"8jKS'y:G*Co,Wxa-",
        ),
        (
            "1.4-b",
            "18x 6]8vM;54 *(5:  {   U1]8  z [  8",
            155_712_099,
            "1_ tx7X d  <  nw  334J702) 7]o}` 0",
            173_347_027,
            *b"Tm[K T2u",
            *b"fQJ,fN/4F4!~K~MH",
        ),
        (
            "1.4-c",
            "3e6b263  4 17 80",
            906_585_445,
            "17  9 G`ZD9   2 2b 7X 3 /r90",
            179_922_739,
            *b"WjN}|M(6",
            *b"n`9eBk9z$R8pOtVb",
        ),
        (
            "1.4-d",
            "36 7   74 i  92 2'm 9 0G",
            367_749_229,
            "y  R2 48 Q1O4  e|BV3 i5 1  u- 65",
            225_585_015,
            [0x01, 0xd1, 0xdd, 0x3b, 0xd1, 0x56, 0x63, 0xff],
            [
                0x0b, 0x99, 0xfa, 0x55, 0xbd, 0x01, 0x23, 0x7b, 0x45, 0xa2, 0xf1, 0xd0, 0x87, 0x8a,
                0xee, 0xeb,
            ],
        ),
        (
            "1.4-e",
            "1   38 wZ3f9 23O0 3l 0r",
            197_703_290,
            "27   0E 6 2  1665:< ;U 1H",
            300_690_739,
            [0x91, 0x25, 0x3e, 0xd3, 0xa9, 0xe7, 0x6a, 0x88],
            [
                0xb4, 0x9c, 0x6e, 0x40, 0x53, 0x04, 0x04, 0x26, 0xe5, 0x1b, 0xbf, 0x6c, 0xb7, 0x9f,
                0x1d, 0xf9,
            ],
        ),
    ];
    ids::check("1.4-vectors", rows.iter().map(|row| row.0));
    for (id, key1, number1, key2, number2, nonce, reply) in rows {
        assert_eq!(hixie76_number(key1.as_bytes()), Some(number1), "{id}");
        assert_eq!(hixie76_number(key2.as_bytes()), Some(number2), "{id}");
        let numbers = hixie76_numbers(key1.as_bytes(), key2.as_bytes()).unwrap();
        assert_eq!(numbers[..4], number1.to_be_bytes(), "{id}");
        assert_eq!(numbers[4..], number2.to_be_bytes(), "{id}");
        assert_eq!(hixie76_reply(numbers, nonce), reply, "{id}");
    }
}

#[test]
fn keys_that_hide_no_number() {
    let rows = [
        ("1.4-no-space", "12345", None),
        ("1.4-no-digit", "a b c", None),
        ("1.4-empty", "", None),
        ("1.4-trimmed-good", "1 0 2", Some(51)),
        ("1.4-remainder", "1 0 1", None),
        ("1.4-largest", "42949 67295", Some(u32::MAX)),
        ("1.4-quotient-too-large", "99999 999999", None),
        (
            "1.4-forty-digits",
            "1234567890123456789012345678901234567890 ",
            None,
        ),
        ("1.4-zero", "0 x", Some(0)),
        ("1.4-non-ascii-digits", "١ ٢", None),
    ];
    ids::check("1.4-bad-keys", rows.iter().map(|row| row.0));
    for (id, key, number) in rows {
        assert_eq!(hixie76_number(key.as_bytes()), number, "{id}");
        if number.is_none() {
            assert_eq!(hixie76_numbers(key.as_bytes(), b"1 0"), None, "{id}");
            assert_eq!(hixie76_numbers(b"1 0", key.as_bytes()), None, "{id}");
        }
    }
}

/// A small generator; any will do, as long as it gives every byte.
fn noise(mut state: u64) -> impl FnMut(&mut [u8]) + Send {
    move |bytes: &mut [u8]| {
        for byte in bytes {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            *byte = state.to_be_bytes()[0];
        }
    }
}

#[test]
fn keys_of_our_client() {
    let url: Url = "ws://server.test/demo".parse().unwrap();
    let request = ClientRequest {
        draft: Draft::Hixie76,
        ..ClientRequest::new(&url)
    };
    let mut orders = std::collections::HashSet::new();
    let mut numbers_seen = std::collections::HashSet::new();
    for seed in 0..500 {
        let client = Client::new(&request, &mut noise(seed)).unwrap();
        let bytes = client.request();
        let (text, nonce) = bytes.split_at(bytes.len() - 8);
        assert!(text.ends_with(b"\r\n\r\n"));
        let head = Head::parse(text);
        orders.insert(
            head.fields
                .iter()
                .map(|(name, _)| name.clone())
                .collect::<Vec<_>>(),
        );
        let keys =
            ["sec-websocket-key1", "sec-websocket-key2"].map(|name| head.field(name).unwrap());
        for key in keys {
            // Spaces would not survive at the ends; the text above was trimmed by the test's parser.
            assert!(text.windows(key.len() + 3).any(|line| {
                line.starts_with(b" ")
                    && line.ends_with(b"\r\n")
                    && &line[1..=key.len()] == key.as_bytes()
            }));
            let spaces = key.bytes().filter(|&byte| byte == b' ').count();
            let digits = key.bytes().filter(u8::is_ascii_digit).count();
            let others = key.len() - spaces - digits;
            assert!(
                (1..=12).contains(&spaces) && (1..=12).contains(&others),
                "{key:?}"
            );
            assert!(key.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            numbers_seen.insert(hixie76_number(key.as_bytes()).expect("a number"));
        }
        let numbers = hixie76_numbers(keys[0].as_bytes(), keys[1].as_bytes()).unwrap();
        let digest = hixie76_reply(numbers, nonce.try_into().unwrap());
        let answer = format!(
            "HTTP/1.1 101 X\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Origin: http://server.test\r\nSec-WebSocket-Location: {url}\r\n\r\n",
        );
        let agreed = client.verify(&Head::parse(answer.as_bytes())).unwrap();
        assert_eq!(agreed.challenge, Challenge::ClientExpectsDigest { digest });
    }
    assert!(orders.len() > 100, "the lines come in random order");
    assert!(numbers_seen.len() > 990, "the numbers are random");
}

#[test]
fn a_poor_source_still_gives_legal_keys() {
    let url: Url = "ws://server.test/".parse().unwrap();
    let request = ClientRequest {
        draft: Draft::Hixie76,
        ..ClientRequest::new(&url)
    };
    for byte in 0..=255 {
        let client = Client::new(&request, &mut |bytes: &mut [u8]| bytes.fill(byte)).unwrap();
        let bytes = client.request();
        let head = Head::parse(bytes);
        for name in ["sec-websocket-key1", "sec-websocket-key2"] {
            assert!(hixie76_number(head.field(name).unwrap().as_bytes()).is_some());
        }
    }
}
