//! JSON in and out, against serde_json.

use bytes::Bytes;
use sockjs_proto::json::{self, Form, JsonError};
use sockjs_proto::{Embedding, Literal, LoneSurrogates, Message};
use websocket_proto::Utf8Bytes;

use crate::planted;

/// `data` as what a client sends, and as what an application sends.
pub fn check(data: &[u8]) {
    reads(data);
    if let Ok(text) = std::str::from_utf8(data) {
        writes(text);
    }
}

fn read(text: &[u8]) -> Result<Vec<Message>, JsonError> {
    let mut text = text.to_vec();
    if planted("json-comma-behind-the-last") && text.ends_with(b",]") {
        text.remove(text.len() - 2);
    }
    json::messages(&text.into(), Form::Array, LoneSurrogates::Wtf8).map(Vec::from)
}

fn reads(data: &[u8]) {
    // A WebSocket's text takes another way, and long bodies do.
    if let Ok(text) = Utf8Bytes::try_from(data.to_vec()) {
        let (form, policy) = (Form::Array, LoneSurrogates::Wtf8);
        let messages = json::messages(text.as_bytes(), form, policy);
        assert_eq!(json::messages_of_text(&text, form, policy), messages);
        let padded = [data, &[b' '; 4096]].concat().into();
        let padded = json::messages(&padded, form, policy);
        assert!(padded == messages || data.is_empty() && padded == Err(JsonError::Broken));
    }
    let oracle = serde_json::from_slice::<Vec<String>>(data);
    match (read(data), oracle) {
        (Ok(messages), Ok(strings)) => assert_eq!(messages, strings),
        // A `String` has no lone surrogates.
        (Ok(messages), Err(_)) => {
            assert!(messages.iter().any(|message| message.as_str().is_none()));
            let reject = LoneSurrogates::Reject;
            let rejected = json::messages(&Bytes::copy_from_slice(data), Form::Array, reject);
            assert_eq!(rejected, Err(JsonError::Broken));
            for message in messages {
                let again = format!("[{:?}]", Literal::new(&message));
                assert_eq!(read(again.as_bytes()), Ok(vec![message]));
            }
        }
        (Err(error), Ok(_)) => panic!("{error:?}"),
        (Err(JsonError::Empty), Err(_)) => assert!(data.is_empty()),
        (Err(error), Err(_)) => {
            let is_json = serde_json::from_slice::<serde_json::Value>(data).is_ok();
            // A `Value` is not as deep as what is only skipped, and has lone surrogates in no key.
            assert!(error == JsonError::NotStrings || !is_json, "{error:?}");
        }
    }
}

fn writes(text: &str) {
    let literal = Literal::from(text);
    let mut json = std::str::from_utf8(literal.as_json())
        .expect("text")
        .to_owned();
    if planted("json-line-separator") {
        json = json.replace("\\u2028", "\u{2028}");
    }
    assert_eq!(
        serde_json::from_str::<String>(&json).expect("a string"),
        text
    );
    assert!(
        !json.contains(|c| matches!(c, '\u{200c}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{2060}'..='\u{206f}' | '\u{fff0}'..='\u{ffff}')),
        "clients of SockJS want these escaped"
    );
    assert_eq!(read(format!("[{json}]").as_bytes()), Ok(vec![text.into()]));
    for (embedding, forbidden) in [(Embedding::Script, ""), (Embedding::Html, "<>&")] {
        let embedded = std::str::from_utf8(literal.embedded(embedding)).expect("text");
        assert!(!embedded.contains(|c| forbidden.contains(c) || c < ' '));
        let script = serde_json::from_str::<String>(&format!("\"{embedded}\""));
        assert_eq!(script.expect("a string"), json);
    }
    let event = std::str::from_utf8(literal.embedded(Embedding::EventStream)).expect("text");
    assert_eq!(event.replace("%25", "%"), json);
    assert_eq!(event.matches('%').count(), event.matches("%25").count());
}
