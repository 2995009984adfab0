//! `/ticker`: `tick!` each second.

use std::pin::pin;
use std::time::Duration;

use adapter_core::{Runtime, Session};
use sockjs_proto::Message;

/// Serves one session until it is over; what its client says is dropped.
pub(super) async fn serve<R: Runtime>(session: Session) {
    let (sender, receiver) = session.split();
    drop(receiver);
    let mut next = R::now() + PERIOD;
    let mut sleep = pin!(R::sleep(next));
    loop {
        sleep.as_mut().await;
        if sender.send(Message::from_static("tick!")).await.is_err() {
            break;
        }
        next = R::now().max(next + PERIOD);
        R::reset(sleep.as_mut(), next);
    }
}

const PERIOD: Duration = Duration::from_secs(1);
