//! tungstenite.

use bytes::Bytes;
use tungstenite::protocol::{Role, WebSocket};
use tungstenite::{Message, accept};

use crate::harness::Contender;
use crate::stream::{Endless, Once};
use crate::workload::{ACCEPT, REQUEST};

pub fn decode(stream: &'static [u8], size: usize) -> Contender {
    let mut ws = WebSocket::from_raw_socket(Endless::new(stream), Role::Server, None);
    Contender::new("tungstenite 0.30 read", move |times| {
        for _ in 0..times {
            match ws.read().expect("legal frames") {
                Message::Text(text) => assert_eq!(text.len(), size),
                Message::Binary(bytes) => assert_eq!(bytes.len(), size),
                other => panic!("{other}"),
            }
        }
    })
}

pub fn send(payload: &Bytes, per_flush: usize) -> Contender {
    let payload = payload.clone();
    let mut ws = WebSocket::from_raw_socket(Endless::new(b"-"), Role::Server, None);
    let name = if per_flush == 1 {
        "tungstenite 0.30 send"
    } else {
        "tungstenite 0.30 write, flush"
    };
    Contender::new(name, move |times| {
        for i in 1..=times {
            ws.write(Message::Binary(payload.clone()))
                .expect("nothing fails in memory");
            if i % per_flush == 0 {
                ws.flush().expect("nothing fails in memory");
            }
        }
    })
}

pub fn handshake() -> Contender {
    let mut buffer = Vec::new();
    Contender::new("tungstenite 0.30 accept", move |times| {
        for _ in 0..times {
            buffer.clear();
            let stream = Once::new(REQUEST.as_bytes(), std::mem::take(&mut buffer));
            let ws = accept(stream).expect("a legal request");
            buffer = ws.into_inner().answer;
        }
        assert!(String::from_utf8_lossy(&buffer).contains(ACCEPT));
    })
}
