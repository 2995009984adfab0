//! The grammar of `Sec-WebSocket-Extensions`, against one written the other way round.

use websocket_proto::handshake::{Extensions, ExtensionsError};

use crate::planted;

type List = Vec<(String, Vec<(String, Option<String>)>)>;

/// What is taken, and what it means, is what the oracle below says.
pub fn check(data: &[u8]) {
    let mut seen = data.to_vec();
    if planted("extensions-empty-parameter") {
        seen = data.strip_suffix(b";").unwrap_or(data).to_vec();
    }
    let read = Extensions::parse(&seen).map(|list| {
        let items = list.iter().map(|item| {
            let params = item.params();
            let owned = params.map(|(name, value)| (name.into(), value.map(Into::into)));
            (item.name().into(), owned.collect())
        });
        items.collect::<List>()
    });
    match (read, oracle(data)) {
        (Ok(list), Some(expected)) => assert_eq!(list, expected),
        (Err(ExtensionsError::Malformed), None) => {}
        (Err(ExtensionsError::TooMany), Some(expected)) => assert!(
            expected.len() > Extensions::MAX_ITEMS
                || expected
                    .iter()
                    .any(|item| item.1.len() > Extensions::MAX_PARAMS)
        ),
        // Found before the end.
        (Err(ExtensionsError::TooMany), None) => {}
        (Err(ExtensionsError::TooLong), _) => assert!(data.len() > Extensions::MAX_BYTES),
        (read, expected) => panic!("{read:?} instead of {expected:?}"),
    }
}

/// RFC 6455 §9.1: splits at what stands outside of quotes, then looks at the parts.
fn oracle(data: &[u8]) -> Option<List> {
    let text: String = data.iter().copied().map(char::from).collect();
    let mut list = List::new();
    for item in split(&text, ',') {
        if item.trim_matches(SPACE).is_empty() {
            continue;
        }
        let mut parts = split(&item, ';').into_iter();
        let name = token(&parts.next()?)?;
        let params = parts.map(|part| match part.split_once('=') {
            None => Some((token(&part)?, None)),
            Some((name, value)) => Some((token(name)?, Some(unquote(value)?))),
        });
        list.push((name, params.collect::<Option<_>>()?));
    }
    Some(list)
}

/// A quoted string begins behind `=` and white space only; anywhere else a quote is wrong anyway.
fn split(text: &str, at: char) -> Vec<String> {
    let (mut parts, mut quoted, mut escaped) = (vec![String::new()], false, false);
    for c in text.chars() {
        if c == at && !quoted {
            parts.push(String::new());
            continue;
        }
        match c {
            '"' if !escaped => quoted = !quoted,
            _ => {}
        }
        escaped = quoted && c == '\\' && !escaped;
        parts.last_mut().expect("one at least").push(c);
    }
    parts
}

fn unquote(value: &str) -> Option<String> {
    let value = value.trim_matches(SPACE);
    let Some(quoted) = value.strip_prefix('"') else {
        return token(value);
    };
    let (mut chars, mut plain) = (quoted.chars(), String::new());
    loop {
        match chars.next()? {
            '"' => break,
            '\\' => plain.push(chars.next()?),
            c => plain.push(c),
        }
    }
    // No white space within the quotes, nothing behind them.
    let whole = chars.next().is_none() && !plain.starts_with(SPACE) && !plain.ends_with(SPACE);
    if whole { token(&plain) } else { None }
}

fn token(text: &str) -> Option<String> {
    let text = text.trim_matches(SPACE);
    let fits = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    (!text.is_empty() && text.chars().all(fits)).then(|| text.to_owned())
}

const SPACE: [char; 2] = [' ', '\t'];
