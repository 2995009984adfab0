//! fastwebsockets. Its handshake needs hyper, so there is none to compare in memory.

use bytes::Bytes;
use fastwebsockets::{FragmentCollector, Frame, Payload, Role, WebSocket};

use crate::harness::Contender;
use crate::stream::{Endless, ready};

pub fn decode(stream: &'static [u8], size: usize) -> Contender {
    let ws = WebSocket::after_handshake(Endless::new(stream), Role::Server);
    let mut ws = FragmentCollector::new(ws);
    Contender::new("fastwebsockets 0.10 FragmentCollector", move |times| {
        ready(async {
            for _ in 0..times {
                let frame = ws.read_frame().await.expect("legal frames");
                assert_eq!(frame.payload.len(), size);
            }
        });
    })
}

pub fn send(payload: &Bytes) -> Contender {
    let payload = payload.clone();
    let mut ws = WebSocket::after_handshake(Endless::new(b"-"), Role::Server);
    Contender::new("fastwebsockets 0.10 write_frame", move |times| {
        ready(async {
            for _ in 0..times {
                let frame = Frame::binary(Payload::Borrowed(&payload));
                ws.write_frame(frame)
                    .await
                    .expect("nothing fails in memory");
            }
        });
    })
}
