//! JSON both ways: what is read, what is written, against serde_json as the oracle.

use bytes::Bytes;
use proptest::prelude::*;
use sockjs_proto::json::{self, Form, JsonError};
use sockjs_proto::{Embedding, Literal, LoneSurrogates, Message};
use tests::ids;
use websocket_proto::Utf8Bytes;

fn read(text: &[u8], form: Form) -> Result<Vec<Message>, JsonError> {
    json::messages(&Bytes::copy_from_slice(text), form, LoneSurrogates::Wtf8).map(Vec::from)
}

fn plain(text: &str) -> String {
    String::from_utf8(Literal::from(text).as_json().to_vec()).unwrap()
}

#[test]
fn frames_from_clients() {
    use JsonError::{Broken, Empty, NotStrings};
    type Expected = Result<&'static [&'static str], JsonError>;
    let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
    let deep_open = vec![b'['; 100_000];
    let rows: &[(&str, &[u8], Expected)] = &[
        ("1.6-array", br#"["a","b"]"#, Ok(&["a", "b"])),
        ("1.6-empty-array", b"[]", Ok(&[])),
        ("1.6-empty-string", br#"[""]"#, Ok(&[""])),
        (
            "1.6-white-space",
            b" [ \"a\" ,\r\n\t\"b\" ] ",
            Ok(&["a", "b"]),
        ),
        (
            "1.6-escapes",
            br#"["\"\\\/\b\f\n\r\t\u00e9"]"#,
            Ok(&["\"\\/\u{8}\u{c}\n\r\t\u{e9}"]),
        ),
        ("1.6-pair", br#"["\ud83d\ude00"]"#, Ok(&["\u{1f600}"])),
        (
            "1.6-raw-astral",
            "[\"\u{1f600}\u{2028}\"]".as_bytes(),
            Ok(&["\u{1f600}\u{2028}"]),
        ),
        ("1.6-nul", br#"["\u0000"]"#, Ok(&["\0"])),
        ("1.6-empty", b"", Err(Empty)),
        ("1.6-blank", b" ", Err(Broken)),
        ("1.6-string", br#""a""#, Err(NotStrings)),
        ("1.6-object", b"{}", Err(NotStrings)),
        ("1.6-proto", br#"{"__proto__":null}"#, Err(NotStrings)),
        ("1.6-number", b"1", Err(NotStrings)),
        ("1.6-null", b"null", Err(NotStrings)),
        ("1.6-mixed", br#"[1,null,{"a":2},"s"]"#, Err(NotStrings)),
        ("1.6-last-is-null", br#"["a",null]"#, Err(NotStrings)),
        ("1.6-huge-number", b"[1e999999]", Err(NotStrings)),
        ("1.6-nested", br#"[["a"]]"#, Err(NotStrings)),
        ("1.6-deep", &deep, Err(NotStrings)),
        ("1.6-deep-open", &deep_open, Err(Broken)),
        ("1.6-open", br#"["a"#, Err(Broken)),
        ("1.6-open-array", br#"["a""#, Err(Broken)),
        ("1.6-open-escape", br#"["\"#, Err(Broken)),
        ("1.6-trailing-comma", br#"["a",]"#, Err(Broken)),
        ("1.6-no-comma", br#"["a" "b"]"#, Err(Broken)),
        ("1.6-trailing", br#"["a"]x"#, Err(Broken)),
        ("1.6-bad-escape", br#"["\x"]"#, Err(Broken)),
        ("1.6-short-escape", br#"["\u12"]"#, Err(Broken)),
        ("1.6-control", b"[\"a\nb\"]", Err(Broken)),
        ("1.6-control-beside-escape", b"[\"\\n\n\"]", Err(Broken)),
        ("1.6-single-quotes", b"['a']", Err(Broken)),
        ("1.6-bom", b"\xef\xbb\xbf[]", Err(Broken)),
        ("1.6-not-utf-8", b"[\"\xff\"]", Err(Broken)),
        ("1.6-raw-surrogate", b"[\"\xed\xa0\x80\"]", Err(Broken)),
        ("1.6-array-of-numbers", b"[97,98]", Err(NotStrings)),
    ];
    ids::check("sockjs-1.6", rows.iter().map(|row| row.0));
    for (id, text, expected) in rows {
        match (read(text, Form::Array), expected) {
            (Ok(messages), Ok(expected)) => assert_eq!(messages, *expected, "{id}"),
            (result, Err(error)) => assert_eq!(result, Err(*error), "{id}"),
            (result, _) => panic!("{id}: {result:?}"),
        }
    }
    assert_eq!(read(br#" "a\n" "#, Form::ArrayOrString).unwrap(), ["a\n"]);
    assert_eq!(read(br#"["a"]"#, Form::ArrayOrString).unwrap(), ["a"]);
    assert_eq!(read(br#""a"#, Form::ArrayOrString), Err(Broken));
    assert_eq!(read(b"1", Form::ArrayOrString), Err(NotStrings));
}

#[test]
fn lone_surrogates() {
    for (text, wtf8, back) in [
        (r#"["\ud800"]"#, &b"\xed\xa0\x80"[..], r#""\ud800""#),
        (r#"["\uDFFF"]"#, b"\xed\xbf\xbf", r#""\udfff""#),
        (r#"["a\ud83dz"]"#, b"a\xed\xa0\xbdz", r#""a\ud83dz""#),
        (
            r#"["\ude00\ud83d"]"#,
            b"\xed\xb8\x80\xed\xa0\xbd",
            r#""\ude00\ud83d""#,
        ),
        (
            r#"["\ud83d\ud83d\ude00"]"#,
            b"\xed\xa0\xbd\xf0\x9f\x98\x80",
            r#""\ud83d\ud83d\ude00""#,
        ),
    ] {
        let message = read(text.as_bytes(), Form::Array).unwrap().remove(0);
        assert_eq!(message.as_wtf8(), wtf8);
        assert_eq!(message.as_str(), None);
        assert_eq!(Literal::new(&message).as_json(), back);
        let by = |policy| {
            json::messages(
                &Bytes::copy_from_slice(text.as_bytes()),
                Form::Array,
                policy,
            )
        };
        let replaced = by(LoneSurrogates::Replace).unwrap()[0].clone();
        assert_eq!(replaced.as_str().unwrap(), message.to_string_lossy());
        assert_eq!(by(LoneSurrogates::Reject), Err(JsonError::Broken));
    }
}

/// A message that fills a long body shares it; others are on their own.
#[test]
fn long_messages_share_their_text() {
    let long = "x".repeat(100_000);
    let text = Utf8Bytes::from(format!("[\"a\",\"{long}\"]"));
    let inner = text.as_bytes().as_ptr_range();
    let messages = json::messages_of_text(&text, Form::Array, LoneSurrogates::Wtf8).unwrap();
    assert_eq!(messages, ["a", &long]);
    assert!(!inner.contains(&messages[0].as_wtf8().as_ptr()));
    assert!(inner.contains(&messages[1].as_wtf8().as_ptr()));
}

/// Strings with something to find in every place around the borders of what is looked at together.
#[test]
fn what_stands_at_the_border_of_a_block_is_found() {
    let lengths = [
        0, 7, 8, 15, 16, 17, 24, 31, 79, 80, 81, 143, 144, 145, 191, 192, 193, 272, 4096,
    ];
    for length in lengths {
        let places = (0..length).filter(|at| length < 300 || at % 61 == 0 || at + 70 > length);
        for at in places {
            for special in [
                "\"",
                "\\",
                "\u{1f}",
                "\u{7f}",
                "\u{e9}",
                "\u{2028}",
                "\u{1f600}",
            ] {
                let text = ["x".repeat(at), special.into(), "y".repeat(length - at - 1)].concat();
                let json = plain(&text);
                assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
                let mut written = b"before".to_vec();
                Literal::write(&Message::from(text.as_str()), &mut written);
                assert_eq!(&written[6..], json.as_bytes());
                let frame = format!("[{json},{json}]");
                assert_eq!(
                    read(frame.as_bytes(), Form::Array).unwrap(),
                    [text.as_str(), &text]
                );
                if special == "\u{1f}" {
                    let raw = format!("[\"{text}\"]");
                    assert_eq!(read(raw.as_bytes(), Form::Array), Err(JsonError::Broken));
                }
            }
        }
    }
}

#[test]
fn escapes() {
    let rows: &[(&str, u32, u32, bool)] = &[
        ("1.7-controls", 0x0000, 0x001f, true),
        ("1.7-ascii", 0x0023, 0x005b, false),
        ("1.7-delete-and-latin", 0x007f, 0x200b, false),
        ("1.7-joiners", 0x200c, 0x200f, true),
        ("1.7-dashes", 0x2010, 0x2027, false),
        ("1.7-separators", 0x2028, 0x202f, true),
        ("1.7-punctuation", 0x2030, 0x205f, false),
        ("1.7-invisible", 0x2060, 0x206f, true),
        ("1.7-planes-of-letters", 0x2070, 0xd7ff, false),
        ("1.7-private", 0xe000, 0xffef, false),
        ("1.7-specials", 0xfff0, 0xffff, true),
        ("1.7-astral", 0x10000, 0x10fff, true),
        ("1.7-last-astral", 0x10f000, 0x10ffff, true),
    ];
    ids::check("sockjs-1.7", rows.iter().map(|row| row.0));
    for &(id, first, last, escaped) in rows {
        for c in (first..=last).filter_map(char::from_u32) {
            let expected = match c {
                '\u{8}' => "\"\\b\"".to_owned(),
                '\t' => "\"\\t\"".to_owned(),
                '\n' => "\"\\n\"".to_owned(),
                '\u{c}' => "\"\\f\"".to_owned(),
                '\r' => "\"\\r\"".to_owned(),
                c if escaped => {
                    let mut units = [0; 2];
                    let units = c.encode_utf16(&mut units).iter();
                    format!(
                        "\"{}\"",
                        units
                            .map(|unit| format!("\\u{unit:04x}"))
                            .collect::<String>()
                    )
                }
                c => format!("\"{c}\""),
            };
            assert_eq!(plain(&c.to_string()), expected, "{id} {:x}", u32::from(c));
        }
    }
    assert_eq!(plain("\"\\/"), r#""\"\\/""#);
}

/// Section 2.14: the suite's string of everything that must come back escaped.
#[test]
fn the_suites_escape_test() {
    let ranges = [
        0x200c..=0x200f,
        0x2028..=0x202f,
        0x2060..=0x206f,
        0xfff0..=0xffff,
    ];
    let units: Vec<u32> = ranges.into_iter().flatten().collect();
    assert_eq!(units.len(), 44);
    let text: String = units
        .iter()
        .filter_map(|&unit| char::from_u32(unit))
        .collect();
    let escaped: String = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
    assert_eq!(plain(&text), format!("\"{escaped}\""));
}

/// Any message, with an eye to what is escaped, and to lengths around the encoder's block.
fn any_text() -> impl Strategy<Value = String> {
    let character = prop_oneof![
        8 => proptest::char::range(' ', '~'),
        2 => any::<char>(),
        1 => proptest::char::range('\0', '\u{1f}'),
        1 => proptest::char::range('\u{2000}', '\u{2070}'),
        1 => proptest::char::range('\u{ffe0}', '\u{ffff}'),
        1 => proptest::sample::select(vec!['"', '\\', '<', '>', '&', '%', '/', '\u{d7ff}', '\u{e000}']),
    ];
    proptest::collection::vec(character, 0..100).prop_map(String::from_iter)
}

/// Any string of JavaScript, as JSON and as WTF-8.
fn any_units() -> impl Strategy<Value = (String, Vec<u8>)> {
    let unit = prop_oneof![4 => 0xd7f0..0xe010_u16, 1 => any::<u16>(), 4 => 0x20..0x7f_u16];
    proptest::collection::vec(unit, 0..40).prop_map(|units| {
        let json: String = units.iter().map(|unit| format!("\\u{unit:04X}")).collect();
        let mut wtf8 = Vec::new();
        for c in char::decode_utf16(units) {
            match c {
                Ok(c) => wtf8.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
                Err(lone) => {
                    let [high, low] = lone.unpaired_surrogate().to_be_bytes();
                    wtf8.extend([0xed, 0x80 | (high & 0xf) << 2 | low >> 6, 0x80 | low & 0x3f]);
                }
            }
        }
        (format!("[\"{json}\"]"), wtf8)
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(text in any_text()) {
        let literal = Literal::from(text.as_str());
        let json = std::str::from_utf8(literal.as_json()).unwrap();
        prop_assert_eq!(&serde_json::from_str::<String>(json).unwrap(), &text);
        let frame = format!("[{json}]");
        prop_assert_eq!(read(frame.as_bytes(), Form::Array).unwrap(), [text.as_str()]);
        for (embedding, forbidden) in [(Embedding::Script, ""), (Embedding::Html, "<>&")] {
            let embedded = std::str::from_utf8(literal.embedded(embedding)).unwrap();
            prop_assert!(!embedded.contains(|c| forbidden.contains(c) || c < ' '));
            let script = serde_json::from_str::<String>(&format!("\"{embedded}\"")).unwrap();
            prop_assert_eq!(script, json);
        }
        let event = std::str::from_utf8(literal.embedded(Embedding::EventStream)).unwrap();
        prop_assert_eq!(event.replace("%25", "%"), json);
        prop_assert_eq!(event.matches('%').count(), event.matches("%25").count());
    }

    #[test]
    fn strings_of_javascript_survive((json, wtf8) in any_units()) {
        let message = read(json.as_bytes(), Form::Array).unwrap().remove(0);
        prop_assert_eq!(message.as_wtf8(), &wtf8[..]);
        let again = format!("[{:?}]", Literal::new(&message));
        prop_assert_eq!(read(again.as_bytes(), Form::Array).unwrap().remove(0), message);
    }

    #[test]
    fn reading_agrees_with_serde_json(text in any_json()) {
        let ours = read(text.as_bytes(), Form::Array);
        let oracle = serde_json::from_str::<Vec<String>>(&text);
        match (&ours, &oracle) {
            (Ok(messages), Ok(strings)) => prop_assert_eq!(messages, strings),
            // `Vec<String>` has no lone surrogates.
            (Ok(messages), Err(_)) => prop_assert!(messages.iter().any(|m| m.as_str().is_none())),
            (Err(error), Ok(_)) => prop_assert!(false, "{:?}", error),
            (Err(JsonError::Empty), Err(_)) => prop_assert!(text.is_empty()),
            (Err(error), Err(_)) => {
                let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
                prop_assert_eq!(*error == JsonError::NotStrings, is_json);
            }
        }
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = read(&bytes, Form::ArrayOrString);
    }
}

/// Pieces of JSON in any order: now and then a document, mostly a defect.
fn any_json() -> impl Strategy<Value = String> {
    let pieces = [
        "[",
        "]",
        ",",
        "\"",
        "\"a\"",
        "\"b\\n\"",
        "\"\\ud800\"",
        "\\",
        "\\u00",
        "\\u00e9",
        "\\ude00",
        "\\n",
        "\\/",
        "\\x",
        "\\\"",
        "1",
        "{}",
        " ",
        "\n",
        "null",
        "\u{e9}",
        "[\"",
        "\"]",
        "\",\"",
        "\"\"",
    ];
    let piece = proptest::sample::select(pieces.to_vec());
    proptest::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}
