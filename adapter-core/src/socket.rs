//! A WebSocket on a server's connection, with its handler beside it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};

use websocket_proto::connection::Connection;
use websocket_proto::{CloseCode, Instant};

use crate::Stream;
use crate::connection::{App, Stage};
use crate::desk::Tray;
use crate::route::BoxFuture;
use crate::shared::Shared;

/// The machine, which the handles share, and the handler that holds them.
pub(crate) struct SocketStage {
    shared: Arc<Shared>,
    handler: Option<BoxFuture<()>>,
    tray: Tray,
}

impl SocketStage {
    /// `handler` is `None` when it panicked already.
    pub(crate) fn new(shared: Arc<Shared>, handler: Option<BoxFuture<()>>) -> Self {
        let stage = Self {
            shared,
            handler,
            tray: Tray::default(),
        };
        if stage.handler.is_none() {
            stage.panicked();
        }
        stage
    }

    fn panicked(&self) {
        tracing::error!(path = self.shared.kept.info().path(), "handler panicked");
        self.close(CloseCode::INTERNAL, "Internal error");
    }

    fn close(&self, code: CloseCode, reason: &str) {
        // The codes used here are legal, and a connection that is closing already stays as it is.
        let _ = self.shared.close(code, reason);
    }
}

impl Stage for SocketStage {
    type Machine = Connection;

    fn with<T>(
        &mut self,
        cx: &mut Context<'_>,
        look: impl FnOnce(&mut Context<'_>, &mut Connection) -> T,
    ) -> T {
        self.look(cx, |cx, machine| (look(cx, machine), false)).0
    }

    fn look<T>(
        &mut self,
        cx: &mut Context<'_>,
        look: impl FnOnce(&mut Context<'_>, &mut Connection) -> (T, bool),
    ) -> (T, bool) {
        self.shared.turn(cx, &mut self.tray, look)
    }

    fn poll_app<S: Stream>(
        &mut self,
        cx: &mut Context<'_>,
        _now: Instant,
        _stream: Option<&S>,
        woken: bool,
    ) -> App {
        let due = std::mem::take(&mut self.tray.due) || woken;
        let Some(handler) = self.handler.as_mut().filter(|_| due) else {
            return App::Waits;
        };
        // What a panic may have left half done is the handler's own, which is dropped, and the machine,
        // which is not touched while application code runs.
        let shared = &self.shared;
        let heavy = self.tray.is_heavy();
        let polled = self.tray.offer(Arc::as_ptr(shared), cx, |cx| {
            if heavy {
                shared.lay_answers();
            }
            let polled = catch_unwind(AssertUnwindSafe(|| handler.as_mut().poll(cx)));
            if heavy {
                shared.clear_answers();
            }
            polled
        });
        match polled {
            Ok(Poll::Pending) => return App::Waits,
            Ok(Poll::Ready(())) => {
                self.handler = None;
                self.close(CloseCode::NORMAL, "");
            }
            Err(_) => {
                self.handler = None;
                self.panicked();
            }
        }
        App::GoesOn
    }

    fn try_rest(&mut self, cx: &Context<'_>) -> bool {
        !self.tray.due && self.shared.try_rest(cx, &mut self.tray)
    }

    fn drain(&mut self) {
        self.close(CloseCode::GOING_AWAY, "");
    }

    fn abort(&mut self) {
        self.shared.abort();
    }

    fn is_idle(&self) -> bool {
        self.handler.is_none()
    }
}
