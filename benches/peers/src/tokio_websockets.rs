//! tokio-websockets.

use std::future::poll_fn;
use std::pin::Pin;

use bytes::Bytes;
use futures_core::Stream;
use futures_sink::Sink;
use tokio_websockets::{Limits, Message, ServerBuilder, WebSocketStream};

use crate::harness::Contender;
use crate::stream::{Endless, Once, ready};
use crate::workload::{ACCEPT, REQUEST};

fn server(stream: &'static [u8]) -> WebSocketStream<Endless> {
    ServerBuilder::new()
        .limits(Limits::default())
        .serve(Endless::new(stream))
}

pub fn decode(stream: &'static [u8], size: usize) -> Contender {
    let mut ws = server(stream);
    Contender::new("tokio-websockets 0.13 next", move |times| {
        ready(async {
            for _ in 0..times {
                let message = poll_fn(|cx| Pin::new(&mut ws).poll_next(cx)).await;
                let message = message.expect("no end").expect("legal frames");
                assert_eq!(message.as_payload().len(), size);
            }
        });
    })
}

pub fn send(payload: &Bytes, per_flush: usize) -> Contender {
    let payload = payload.clone();
    let mut ws = server(b"-");
    let name = if per_flush == 1 {
        "tokio-websockets 0.13 send"
    } else {
        "tokio-websockets 0.13 feed, flush"
    };
    Contender::new(name, move |times| {
        ready(async {
            for i in 1..=times {
                let mut ws = Pin::new(&mut ws);
                poll_fn(|cx| ws.as_mut().poll_ready(cx))
                    .await
                    .expect("room");
                ws.as_mut()
                    .start_send(Message::binary(payload.clone()))
                    .expect("room");
                if i % per_flush == 0 {
                    poll_fn(|cx| ws.as_mut().poll_flush(cx))
                        .await
                        .expect("nothing fails in memory");
                }
            }
        });
    })
}

pub fn handshake() -> Contender {
    let mut buffer = Vec::new();
    let builder = ServerBuilder::new();
    Contender::new("tokio-websockets 0.13 accept", move |times| {
        for _ in 0..times {
            buffer.clear();
            let stream = Once::new(REQUEST.as_bytes(), std::mem::take(&mut buffer));
            let (_, ws) = ready(builder.accept(stream)).expect("a legal request");
            buffer = ws.into_inner().answer;
        }
        assert!(String::from_utf8_lossy(&buffer).contains(ACCEPT));
    })
}
