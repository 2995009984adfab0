//! Sessions in their connections: what is sent while the task rests, or comes to rest, is written.

use std::sync::Arc;
use std::task::Context;

use bytes::Buf as _;
use loom::thread;
use sockjs_proto::{Literal, Socket, Transport};
use websocket_proto::handshake::Agreed;
use websocket_proto::{Connection, Draft, Machine as _, Outbox};

use super::{Bell, NOW, info, service};
use crate::shared::Turn;
use crate::sockjs::core::{Core, Link};
use crate::sockjs::socket::Cell;
use crate::sockjs::{Group, SessionSender};

fn open() -> (Arc<Cell>, Arc<Core>) {
    let (hub, _) = service(1000);
    let (sockets, agreed) = (Arc::clone(&hub.sockets), Agreed::new(Draft::Rfc6455));
    let connection = Connection::server(agreed, sockets, Outbox::new(), NOW);
    let transport = Transport::Websocket;
    let request = hub.admit(info(), transport, None).ok().unwrap();
    let socket = Socket::new(connection, Arc::clone(&hub.service), transport, None, NOW);
    let cell = Arc::new(Cell::new(socket));
    let link = Link::Socket(Arc::clone(&cell), 0);
    (cell, Arc::new(Core::new(&hub, link, request)))
}

/// What a look of the task writes, and how it ends.
fn written(cell: &Cell, core: &Core, cx: &mut Context<'_>) -> (String, Turn) {
    cell.turn(core, cx, |_, socket| {
        let outbox = socket.outbox();
        let bytes = outbox.copy_to_bytes(outbox.len());
        (String::from_utf8_lossy(&bytes).into_owned(), true)
    })
}

#[test]
fn a_task_that_rests_writes_what_is_sent_in_order() {
    for rested in [false, true] {
        loom::model(move || {
            let (cell, core) = open();
            let (sender, group) = (SessionSender(Arc::clone(&core)), Group::new());
            group.join(&sender);
            let (bell, waker) = Bell::new();
            let mut cx = Context::from_waker(&waker);
            if rested {
                assert_eq!(written(&cell, &core, &mut cx).1, Turn::Rests);
            }
            let sending = thread::spawn(move || {
                sender.try_send_literal(&Literal::from("one")).unwrap();
                assert_eq!(group.send("two").sent, 1);
                (sender, group)
            });
            let (mut all, turn) = written(&cell, &core, &mut cx);
            let ends = sending.join().unwrap();
            assert!(all.contains("two") || bell.rang() || turn != Turn::Rests);
            all += &written(&cell, &core, &mut cx).0;
            let places = ["one", "two"].map(|word| all.find(word));
            assert!(places[0].is_some() && places[0] < places[1], "{all}");
            drop(ends);
        });
    }
}
