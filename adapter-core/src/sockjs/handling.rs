//! The handler of a session, running.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tracing::Span;

use super::core::Core;
use super::{HandlerOutput, Session};
use crate::route::BoxFuture;

/// Begins to handle a session. Whoever polls the future tells the session
/// [what it came to](Core::handled).
pub(crate) type Handling = dyn Fn(&Arc<Core>, Span) -> BoxFuture<Outcome> + Send + Sync;

/// What a handler came to.
pub(crate) type Outcome = Result<(), String>;

/// What sessions are given to. All that a session's task needs lies in one box.
pub(crate) fn handling<F, Fut>(handler: F) -> Arc<Handling>
where
    F: Fn(Session) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: HandlerOutput> + Send + 'static,
{
    Arc::new(move |core, span| {
        let session = Session::new(core);
        let begin = AssertUnwindSafe(|| handler(session));
        match span.in_scope(|| catch_unwind(begin)) {
            Ok(future) if span.is_disabled() => Box::pin(Handled { future }),
            Ok(future) => {
                let handled = Handled { future };
                Box::pin(Spanned { handled, span })
            }
            Err(_) => Box::pin(std::future::ready(Err(PANICKED.to_owned()))),
        }
    })
}

pin_project! {
    struct Handled<Fut> {
        #[pin]
        future: Fut,
    }
}

pin_project! {
    // Mostly there is no span, and then no room for one.
    struct Spanned<Fut> {
        #[pin]
        handled: Handled<Fut>,
        span: Span,
    }
}

impl<Fut: Future<Output: HandlerOutput>> Future for Handled<Fut> {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let future = self.project().future;
        // What a panic may have left half done is the handler's own, which is dropped.
        let poll = AssertUnwindSafe(|| future.poll(cx).map(HandlerOutput::outcome));
        catch_unwind(poll).unwrap_or_else(|_| Poll::Ready(Err(PANICKED.to_owned())))
    }
}

impl<Fut: Future<Output: HandlerOutput>> Future for Spanned<Fut> {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let this = self.project();
        this.span.in_scope(|| this.handled.poll(cx))
    }
}

/// What is logged of a handler that did not return.
const PANICKED: &str = "it panicked";
