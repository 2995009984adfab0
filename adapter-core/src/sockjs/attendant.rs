//! A connection, as sessions see it.

use std::task::{Context, Waker};

use sockjs_proto::Wake;

use crate::sync::{Mutex, lock};

/// Where a connection is told that it has to look at a session again.
#[derive(Debug, Default)]
pub(crate) struct Attendant(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    waker: Option<Waker>,
    /// What the connection has not seen yet: a few, since it has one request at a time.
    wakes: Vec<Wake>,
}

impl Attendant {
    /// Leaves a wake; returns who is to be woken, unless they are already.
    pub(crate) fn put(&self, wake: Wake) -> Option<Waker> {
        let mut inner = lock(&self.0);
        let told = !inner.wakes.is_empty();
        if !inner.wakes.contains(&wake) {
            inner.wakes.push(wake);
        }
        if told { None } else { inner.waker.clone() }
    }

    /// Takes the wakes, and has the task of `cx` woken by those to come.
    pub(crate) fn take(&self, cx: &Context<'_>) -> Vec<Wake> {
        let mut inner = lock(&self.0);
        match &mut inner.waker {
            Some(known) if known.will_wake(cx.waker()) => {}
            place => *place = Some(cx.waker().clone()),
        }
        std::mem::take(&mut inner.wakes)
    }
}
