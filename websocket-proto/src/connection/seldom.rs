//! What the sending half of few connections has, and of most not for long.

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use bytes::Bytes;

use super::streamed::Streamed;
use crate::{Entropy, Outbox};

#[cfg(feature = "deflate")]
use crate::deflate::Compressor;

/// Parts of an [`Outgoing`](super::Outgoing) that an idle connection of a server does without.
#[derive(Default)]
pub(super) struct Seldom {
    /// Mask keys, for a client of a draft that masks.
    pub(super) masks: Option<Box<dyn Entropy>>,
    /// A message that is sent in chunks.
    pub(super) streamed: Option<Streamed>,
    /// Payloads of pongs that are not in the outbox yet, oldest first.
    #[expect(
        clippy::box_collection,
        reason = "one word where there are none, as most often"
    )]
    pub(super) pongs: Option<Box<VecDeque<Bytes>>>,
    /// Frames that wait for the end of a hixie-76 handshake.
    pub(super) held: Option<Box<Outbox>>,
    #[cfg(feature = "deflate")]
    pub(super) compressor: Option<Box<Compressor>>,
}

impl Seldom {
    pub(super) fn is_empty(&self) -> bool {
        let Self {
            masks: None,
            streamed: None,
            pongs: None,
            held: None,
            #[cfg(feature = "deflate")]
                compressor: None,
        } = self
        else {
            return false;
        };
        true
    }
}
