//! A connection, as sessions see it.

use std::task::{Context, Waker};

use sockjs_proto::{ReceiverId, SenderId, Wake};

use crate::sync::{Mutex, lock};

/// Where a connection is told that it has to look at a session again.
#[derive(Debug, Default)]
pub(crate) struct Attendant(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    waker: Option<Waker>,
    wakes: Wakes,
}

/// What the connection has not seen yet. It has one request at a time, so that whoever is named
/// last is the one that matters.
#[derive(Debug, Default)]
struct Wakes {
    receiver: Option<ReceiverId>,
    check: Option<ReceiverId>,
    sender: Option<SenderId>,
}

impl Wakes {
    const fn is_empty(&self) -> bool {
        self.receiver.is_none() && self.check.is_none() && self.sender.is_none()
    }
}

impl Attendant {
    /// Leaves a wake; returns who is to be woken, unless they are already.
    pub(crate) fn put(&self, wake: Wake) -> Option<Waker> {
        let mut inner = lock(&self.0);
        let told = !inner.wakes.is_empty();
        match wake {
            Wake::Receiver(id) => inner.wakes.receiver = Some(id),
            Wake::CheckReceiver(id) => inner.wakes.check = Some(id),
            Wake::Sender(id) => inner.wakes.sender = Some(id),
            // Not for connections.
            Wake::Admission | Wake::Opened(_) | Wake::Session(_) => return None,
        }
        if told { None } else { inner.waker.clone() }
    }

    /// Takes the wakes, and has the task of `cx` woken by those to come.
    pub(crate) fn take(&self, cx: &Context<'_>) -> impl Iterator<Item = Wake> + use<> {
        let mut inner = lock(&self.0);
        match &mut inner.waker {
            Some(known) if known.will_wake(cx.waker()) => {}
            place => *place = Some(cx.waker().clone()),
        }
        let Wakes {
            receiver,
            check,
            sender,
        } = std::mem::take(&mut inner.wakes);
        let receivers = receiver.map(Wake::Receiver).into_iter();
        receivers
            .chain(check.map(Wake::CheckReceiver))
            .chain(sender.map(Wake::Sender))
    }
}
