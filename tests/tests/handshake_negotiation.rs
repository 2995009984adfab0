//! Extensions: the grammar of their lists, and what is agreed on permessage-deflate.

use tests::ids;
use websocket_proto::Role;
use websocket_proto::deflate::{Config, Params, ParamsError};
use websocket_proto::handshake::{Extensions, ExtensionsError};

/// A list in plain form: `name; param; param=value, name`.
fn plain(text: &[u8]) -> Result<String, ExtensionsError> {
    let list = Extensions::parse(text)?;
    let items = list.iter().map(|extension| {
        let params = extension.params().map(|(name, value)| match value {
            Some(value) => format!("; {name}={value}"),
            None => format!("; {name}"),
        });
        format!("{}{}", extension.name(), params.collect::<String>())
    });
    Ok(items.collect::<Vec<_>>().join(", "))
}

#[test]
fn lists() {
    use ExtensionsError::{Malformed, TooLong, TooMany};
    let items = |n: usize| vec!["a"; n].join(",");
    let params = |n: usize| format!("a{}", "; b=c".repeat(n));
    let (items16, params16) = (items(16), params(16));
    let (items17, params17) = (items(17), params(17));
    let long = |n: usize| format!("a{}", ",".repeat(n - 1));
    let (long4096, long4097) = (long(4096), long(4097));
    let rows: &[(&str, &str, Result<&str, ExtensionsError>)] = &[
        ("1.9-bare", "foo", Ok("foo")),
        ("1.9-params", "foo; a; b=2,bar;c", Ok("foo; a; b=2, bar; c")),
        (
            "1.9-spaces",
            " \tfoo \t; a\t = \t1 ,\tbar ",
            Ok("foo; a=1, bar"),
        ),
        ("1.9-quoted", "foo; a=\"1\"; b=\"x\"", Ok("foo; a=1; b=x")),
        (
            "1.9-escaped",
            "foo; a=\"\\1\\0\"; b=\"x\\y\"",
            Ok("foo; a=10; b=xy"),
        ),
        ("1.9-empty-elements", ", foo,, ,\tbar,", Ok("foo, bar")),
        ("1.9-only-empty-elements", " , ", Ok("")),
        ("1.9-same-name", "foo; a, foo", Ok("foo; a, foo")),
        ("1.9-separators-in-quotes", "foo; a=\"1,2\"", Err(Malformed)),
        ("1.9-trailing-semicolon", "a;", Err(Malformed)),
        ("1.9-no-name", "=x", Err(Malformed)),
        ("1.9-no-value", "a; b=", Err(Malformed)),
        ("1.9-empty-quotes", "a; b=\"\"", Err(Malformed)),
        ("1.9-open-quote", "a; b=\"c", Err(Malformed)),
        ("1.9-open-escape", "a; b=\"c\\", Err(Malformed)),
        ("1.9-text-behind-quote", "a; b=\"c\"d", Err(Malformed)),
        ("1.9-two-words", "a b", Err(Malformed)),
        ("1.9-control", "a\0", Err(Malformed)),
        ("1.9-non-ascii", "a; b=\"é\"", Err(Malformed)),
        ("1.9-quoted-name", "\"a\"", Err(Malformed)),
        (
            "1.9-16-items",
            &items16,
            Ok("a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a"),
        ),
        ("1.9-17-items", &items17, Err(TooMany)),
        ("1.9-16-params", &params16, Ok(&params16)),
        ("1.9-17-params", &params17, Err(TooMany)),
        ("1.9-4096-bytes", &long4096, Ok("a")),
        ("1.9-4097-bytes", &long4097, Err(TooLong)),
    ];
    ids::check("1.9", rows.iter().map(|row| row.0));
    for (id, text, expected) in rows {
        assert_eq!(
            plain(text.as_bytes()).as_deref(),
            expected.as_ref().map(|text| *text),
            "{id}"
        );
    }
}

#[test]
fn lists_are_never_misread() {
    // Every text of up to five of these characters: what is accepted can be written plainly, and
    // reads the same then.
    let alphabet = b"ab;,=\"\\ ";
    for length in 0..=5_u32 {
        for number in 0..alphabet.len().pow(length) {
            let digit = |at| alphabet[number / alphabet.len().pow(at) % alphabet.len()];
            let text: Vec<u8> = (0..length).map(digit).collect();
            if let Ok(once) = plain(&text) {
                assert_eq!(
                    plain(once.as_bytes()).as_deref(),
                    Ok(once.as_str()),
                    "{text:?}"
                );
            }
        }
    }
}

#[test]
fn hostile_lists_end_at_the_limit() {
    // S4: an open quote and escapes, below the limit of length and beyond it.
    for (escapes, expected) in [
        (2000, ExtensionsError::Malformed),
        (16 * 1024, ExtensionsError::TooLong),
    ] {
        let text = format!("a; b=\"{}", "\\c".repeat(escapes));
        assert_eq!(plain(text.as_bytes()), Err(expected));
    }
    assert_eq!(plain(&[b' '; 64 * 1024]), Err(ExtensionsError::TooLong));
    assert_eq!(plain(&[b' '; 4096]), Ok(String::new()));
}

/// The server's answer to a whole list of offers.
fn answer(config: &Config, offers: &str) -> Option<(Params, String)> {
    let list = Extensions::parse(offers.as_bytes()).unwrap();
    let mut offers = list
        .iter()
        .filter(|offer| offer.name() == "permessage-deflate");
    let answer = offers.find_map(|offer| config.answer(offer.params()))?;
    Some((answer.params, answer.text()))
}

/// A client's check of an answer.
fn verify(config: &Config, answer: &str) -> Result<Params, ParamsError> {
    let list = Extensions::parse(answer.as_bytes()).unwrap();
    let extension = list.iter().next().unwrap();
    config.verify(extension.params())
}

#[test]
fn answers() {
    let open = Config::default();
    let small = Config {
        server_no_context_takeover: true,
        client_no_context_takeover: true,
        server_max_window_bits: 10,
        client_max_window_bits: 11,
    };
    const D: &str = "permessage-deflate";
    const BOTH: &str = "; server_no_context_takeover; client_no_context_takeover";
    let rows: &[(&str, &Config, &str, Option<&str>)] = &[
        ("4.1-bare", &open, "", Some("")),
        (
            "4.1-client-bits-bare",
            &open,
            "; client_max_window_bits",
            Some(""),
        ),
        (
            "4.1-client-bits-value",
            &open,
            "; client_max_window_bits=12",
            Some("; client_max_window_bits=12"),
        ),
        (
            "4.1-client-bits-8",
            &open,
            "; client_max_window_bits=8",
            Some("; client_max_window_bits=8"),
        ),
        (
            "4.1-server-bits-10",
            &open,
            "; server_max_window_bits=10",
            Some("; server_max_window_bits=10"),
        ),
        (
            "4.1-server-bits-15",
            &open,
            "; server_max_window_bits=15",
            Some("; server_max_window_bits=15"),
        ),
        (
            "4.1-server-bits-8",
            &open,
            "; server_max_window_bits=8",
            None,
        ),
        (
            "4.1-server-bits-8-then-bare",
            &open,
            "; server_max_window_bits=8, permessage-deflate",
            Some(""),
        ),
        (
            "4.1-server-bits-bare",
            &open,
            "; server_max_window_bits",
            None,
        ),
        (
            "4.1-first-acceptable",
            &open,
            "; x, permessage-deflate; server_no_context_takeover, permessage-deflate",
            Some("; server_no_context_takeover"),
        ),
        (
            "4.1-takeover-asked",
            &open,
            "; server_no_context_takeover",
            Some("; server_no_context_takeover"),
        ),
        (
            "4.1-takeover-hint",
            &open,
            "; client_no_context_takeover",
            Some("; client_no_context_takeover"),
        ),
        (
            "4.1-takeover-value",
            &open,
            "; server_no_context_takeover=1",
            None,
        ),
        (
            "4.1-unknown-parameter",
            &open,
            "; client_max_window_bit",
            None,
        ),
        (
            "4.1-repeated-parameter",
            &open,
            "; client_max_window_bits; client_max_window_bits=10",
            None,
        ),
        ("4.5-deflate-stream", &open, "-stream", None),
        (
            "4.5-webkit-deflate-frame",
            &open,
            "-x, x-webkit-deflate-frame, deflate-frame",
            None,
        ),
        (
            "4.5-others",
            &open,
            "2, permessage-compress; method=deflate, perframe-compress, permessage-bzip2, mux, \
             constructor, __proto__, PERMESSAGE-DEFLATE",
            None,
        ),
        (
            "4.1-quoted-value",
            &open,
            "; server_max_window_bits=\"1\\0\"",
            Some("; server_max_window_bits=10"),
        ),
        // It keeps to 10 bits itself and says so only when asked; a client that was not told of the
        // parameter cannot be limited.
        ("4.1-small-server", &small, "", Some(BOTH)),
        (
            "4.1-small-server-knows-bits",
            &small,
            "; client_max_window_bits; server_max_window_bits=12",
            Some(
                "; server_no_context_takeover; client_no_context_takeover; \
                 server_max_window_bits=10; client_max_window_bits=11",
            ),
        ),
    ];
    ids::check("4.1-answers", rows.iter().map(|row| row.0));
    for (id, config, offer, expected) in rows {
        let answer = answer(config, &format!("{D}{offer}")).map(|(_, text)| text);
        assert_eq!(
            answer,
            expected.map(|expected| format!("{D}{expected}")),
            "{id}"
        );
    }
    let (params, _) = answer(&small, D).unwrap();
    assert_eq!(
        (params.server_max_window_bits, params.client_max_window_bits),
        (10, 15)
    );
}

#[test]
fn checks_of_an_answer() {
    use ParamsError::{BadValue, NotHonoured, NotOffered, Repeated, Unknown};
    let open = Config::default();
    let asks = Config {
        server_max_window_bits: 10,
        client_max_window_bits: 12,
        ..Config::default()
    };
    let resets = Config {
        server_no_context_takeover: true,
        ..Config::default()
    };
    let params = |server_max_window_bits, client_max_window_bits| {
        Ok(Params {
            server_max_window_bits,
            client_max_window_bits,
            ..Params::default()
        })
    };
    let rows: &[(&str, &Config, &str, Result<Params, ParamsError>)] = &[
        ("4.1-v-bare", &open, "", params(15, 15)),
        (
            "4.1-v-server-bits-unasked",
            &open,
            "; server_max_window_bits=9",
            params(9, 15),
        ),
        (
            "4.1-v-server-bits-smaller",
            &asks,
            "; server_max_window_bits=8",
            params(8, 12),
        ),
        (
            "4.1-v-server-bits-larger",
            &asks,
            "; server_max_window_bits=11",
            Err(NotOffered),
        ),
        ("4.1-v-server-bits-ignored", &asks, "", Err(NotHonoured)),
        ("4.1-v-takeover-ignored", &resets, "", Err(NotHonoured)),
        (
            "4.1-v-client-bits",
            &open,
            "; client_max_window_bits=9",
            params(15, 9),
        ),
        (
            "4.1-v-client-bits-8",
            &open,
            "; client_max_window_bits=8",
            params(15, 8),
        ),
        (
            "4.1-v-client-bits-larger",
            &asks,
            "; server_max_window_bits=10; client_max_window_bits=13",
            Err(NotOffered),
        ),
        (
            "4.1-v-client-bits-bare",
            &open,
            "; client_max_window_bits",
            Err(BadValue),
        ),
        (
            "4.1-v-server-bits-bare",
            &open,
            "; server_max_window_bits",
            Err(BadValue),
        ),
        (
            "4.1-v-takeover-value",
            &open,
            "; client_no_context_takeover=1",
            Err(BadValue),
        ),
        ("4.1-v-unknown", &open, "; max_window_bits=10", Err(Unknown)),
        (
            "4.1-v-repeated",
            &open,
            "; server_no_context_takeover; server_no_context_takeover",
            Err(Repeated),
        ),
    ];
    ids::check("4.1-verify", rows.iter().map(|row| row.0));
    for (id, config, text, expected) in rows {
        assert_eq!(
            verify(config, &format!("permessage-deflate{text}")),
            *expected,
            "{id}"
        );
    }
    // Told to use a window that zlib has not, the client keeps its messages plain.
    let eight = verify(&open, "permessage-deflate; client_max_window_bits=8").unwrap();
    assert!(!eight.can_compress(Role::Client) && eight.can_compress(Role::Server));
}

#[test]
fn values_of_window_bits() {
    // S11, in both roles and for both parameters.
    let mut values: Vec<String> = (0..100).map(|bits| bits.to_string()).collect();
    let odd = [
        "08",
        "009",
        "-1",
        "+9",
        "0x9",
        "1e1",
        "9.0",
        "10a",
        "256",
        "18446744073709551625",
    ];
    values.extend(odd.map(str::to_owned));
    let config = Config::default();
    for value in values {
        let bits = value
            .parse::<u8>()
            .ok()
            .filter(|bits| (8..=15).contains(bits) && *bits < 100);
        let bits = bits.filter(|bits| bits.to_string() == value);
        let server = format!("permessage-deflate; server_max_window_bits={value}");
        let client = format!("permessage-deflate; client_max_window_bits={value}");
        let agreed = |answer: Option<(Params, String)>| answer.map(|(params, _)| params);
        assert_eq!(
            agreed(answer(&config, &server)).map(|params| params.server_max_window_bits),
            bits.filter(|&bits| bits >= 9),
            "{server}",
        );
        assert_eq!(
            agreed(answer(&config, &client)).map(|params| params.client_max_window_bits),
            bits,
            "{client}",
        );
        assert_eq!(
            verify(&config, &server)
                .ok()
                .map(|params| params.server_max_window_bits),
            bits
        );
        assert_eq!(
            verify(&config, &client)
                .ok()
                .map(|params| params.client_max_window_bits),
            bits
        );
    }
    assert_eq!(
        config.answer([("server_max_window_bits", Some(""))]),
        None,
        "an empty value, which the grammar does not let through",
    );
}

/// What stands in an offer or an answer.
fn stated<'a>(text: &'a str, name: &str) -> Option<Option<&'a str>> {
    text.split("; ")
        .skip(1)
        .find_map(|param| match param.split_once('=') {
            Some((param, value)) => (param == name).then_some(Some(value)),
            None => (param == name).then_some(None),
        })
}

fn configs(own_min: u8) -> impl Iterator<Item = Config> {
    (0..4_u8).flat_map(move |flags| {
        [own_min, 9, 12, 15].into_iter().flat_map(move |server| {
            [8, 9, 11, 15].map(|client| Config {
                server_no_context_takeover: flags & 1 != 0,
                client_no_context_takeover: flags & 2 != 0,
                server_max_window_bits: server,
                client_max_window_bits: client,
            })
        })
    })
}

#[test]
fn an_answer_is_within_what_the_offer_permits() {
    let flag = |name: &str| ["".to_owned(), format!("; {name}"), format!("; {name}=1")];
    let bits = |name: &'static str| {
        let values = (7..=16).map(move |bits| format!("; {name}={bits}"));
        ["".to_owned(), format!("; {name}")]
            .into_iter()
            .chain(values)
            .collect::<Vec<_>>()
    };
    let (server_flags, client_flags) = (
        flag("server_no_context_takeover"),
        flag("client_no_context_takeover"),
    );
    let (server_bits, client_bits) = (
        bits("server_max_window_bits"),
        bits("client_max_window_bits"),
    );
    let number =
        |value: Option<Option<&str>>| value.flatten().and_then(|bits| bits.parse::<u8>().ok());
    for config in configs(8) {
        for a in &server_flags {
            for b in &client_flags {
                for c in &server_bits {
                    for d in &client_bits {
                        let offer = format!("permessage-deflate{a}{b}{c}{d}");
                        let legal = !a.contains('=')
                            && !b.contains('=')
                            && (c.is_empty()
                                || number(stated(&offer, "server_max_window_bits"))
                                    .is_some_and(|bits| (9..=15).contains(&bits)))
                            && number(stated(&offer, "client_max_window_bits"))
                                .is_none_or(|bits| (8..=15).contains(&bits));
                        match answer(&config, &offer) {
                            None => assert!(!legal, "{offer} {config:?}"),
                            Some((params, text)) => {
                                assert!(legal, "{offer}");
                                permitted(&config, &offer, &text, params);
                            }
                        }
                    }
                }
            }
        }
    }
}

fn permitted(config: &Config, offer: &str, text: &str, params: Params) {
    let why = format!("{offer} -> {text} {params:?} {config:?}");
    let has = |text, name| stated(text, name).is_some();
    // The flags: both as asked and as configured, in text as in numbers.
    for (name, configured, agreed) in [
        (
            "server_no_context_takeover",
            config.server_no_context_takeover,
            params.server_no_context_takeover,
        ),
        (
            "client_no_context_takeover",
            config.client_no_context_takeover,
            params.client_no_context_takeover,
        ),
    ] {
        assert_eq!(agreed, configured || has(offer, name), "{why}");
        assert_eq!(agreed, has(text, name), "{why}");
    }
    for (name, agreed) in [
        ("server_max_window_bits", params.server_max_window_bits),
        ("client_max_window_bits", params.client_max_window_bits),
    ] {
        let answered = stated(text, name).map(|value| value.unwrap().parse::<u8>().unwrap());
        let offered = stated(offer, name);
        assert!((8..=15).contains(&agreed), "{why}");
        match (offered, answered) {
            (None, None) => {}
            (None, Some(_)) => panic!("not offered: {why}"),
            (Some(_), None) => assert!(name.starts_with("client") && agreed == 15, "{why}"),
            (Some(limit), Some(bits)) => {
                assert_eq!(bits, agreed, "{why}");
                assert!(
                    limit.is_none_or(|limit| bits <= limit.parse().unwrap()),
                    "{why}"
                );
            }
        }
    }
    assert!(params.can_compress(Role::Server), "{why}");
    assert!(
        params.server_max_window_bits <= config.server_max_window_bits.max(9),
        "{why}"
    );
    if has(offer, "client_max_window_bits") {
        assert!(
            params.client_max_window_bits <= config.client_max_window_bits,
            "{why}"
        );
    } else {
        assert_eq!(params.client_max_window_bits, 15, "{why}");
    }
}

#[test]
fn both_sides_read_an_answer_alike() {
    let mut agreed = 0;
    for client in configs(8) {
        let offer = client.offer();
        for server in configs(9) {
            // Only our own offer of an 8-bit window for the server is declined.
            let Some((params, text)) = answer(&server, &offer) else {
                assert_eq!(client.server_max_window_bits, 8);
                continue;
            };
            agreed += 1;
            let seen = verify(&client, &text).unwrap_or_else(|why| panic!("{offer} {text} {why}"));
            // The server may do better than it says, never worse.
            assert!(params.server_max_window_bits <= seen.server_max_window_bits);
            assert!(seen.client_max_window_bits <= params.client_max_window_bits);
            assert_eq!(
                params.server_no_context_takeover,
                seen.server_no_context_takeover
            );
            assert_eq!(
                params.client_no_context_takeover,
                seen.client_no_context_takeover
            );
        }
    }
    assert!(agreed > 2000, "{agreed}");
}
