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

/// Begins to handle a session. The future ends with the handler, and has closed the session then.
pub(crate) type Handling = dyn Fn(&Arc<Core>, Span) -> BoxFuture<()> + Send + Sync;

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
            Ok(future) => Box::pin(Handled {
                future,
                core: Arc::clone(core),
                span: (!span.is_disabled()).then(|| Box::new(span)),
            }),
            Err(_) => {
                core.handled(Err(PANICKED.to_owned()));
                Box::pin(std::future::ready(()))
            }
        }
    })
}

pin_project! {
    struct Handled<Fut> {
        #[pin]
        future: Fut,
        core: Arc<Core>,
        // Boxed: mostly there is none.
        span: Option<Box<Span>>,
    }
}

impl<Fut: Future<Output: HandlerOutput>> Future for Handled<Fut> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let future = this.future;
        // What a panic may have left half done is the handler's own, which is dropped.
        let poll = AssertUnwindSafe(|| future.poll(cx).map(HandlerOutput::outcome));
        let entered = this.span.as_ref().map(|span| span.enter());
        let polled = catch_unwind(poll);
        drop(entered);
        let outcome = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(outcome)) => outcome,
            Err(_) => Err(PANICKED.to_owned()),
        };
        this.core.handled(outcome);
        Poll::Ready(())
    }
}

/// What is logged of a handler that did not return.
const PANICKED: &str = "it panicked";
