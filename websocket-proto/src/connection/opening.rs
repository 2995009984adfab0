//! The end of a hixie-76 handshake, which comes after its headers (draft-hixie-76 §1.3).
//!
//! A proxy that follows HTTP passes on nothing behind the request's head until it has seen the 101.
//! So the 101 goes out at once, and the eight bytes of the client's nonce and the sixteen of the
//! server's answer are the first bytes of the connection.

use crate::frame::ProtocolError;
use crate::handshake::{Challenge, hixie76_reply};

/// What is missing of the handshake.
#[derive(Debug)]
pub(super) enum Opening {
    /// A server waits for eight bytes.
    Nonce {
        numbers: [u8; 8],
        nonce: [u8; 8],
        have: usize,
    },
    /// A client waits for exactly these sixteen bytes.
    Digest { expected: [u8; 16], have: usize },
}

/// How far the handshake came.
#[derive(Debug)]
pub(super) enum Progress {
    /// All input was taken; more is needed.
    Need,
    /// Complete after `taken` bytes of the input; a server answers with the digest.
    Done {
        taken: usize,
        digest: Option<[u8; 16]>,
    },
}

impl Opening {
    pub(super) const fn new(challenge: Challenge) -> Option<Self> {
        match challenge {
            Challenge::None => None,
            Challenge::ServerAwaitsNonce { numbers } => Some(Self::Nonce {
                numbers,
                nonce: [0; 8],
                have: 0,
            }),
            Challenge::ClientExpectsDigest { digest } => Some(Self::Digest {
                expected: digest,
                have: 0,
            }),
        }
    }

    pub(super) fn receive(&mut self, input: &[u8]) -> Result<Progress, ProtocolError> {
        match self {
            Self::Nonce {
                numbers,
                nonce,
                have,
            } => {
                let taken = input.len().min(nonce.len() - *have);
                nonce[*have..*have + taken].copy_from_slice(&input[..taken]);
                *have += taken;
                if *have < nonce.len() {
                    return Ok(Progress::Need);
                }
                Ok(Progress::Done {
                    taken,
                    digest: Some(hixie76_reply(*numbers, *nonce)),
                })
            }
            Self::Digest { expected, have } => {
                let taken = input.len().min(expected.len() - *have);
                // draft-hixie-76 §4.1: a wrong byte fails the connection.
                if input[..taken] != expected[*have..*have + taken] {
                    return Err(ProtocolError::BadDigest);
                }
                *have += taken;
                if *have < expected.len() {
                    return Ok(Progress::Need);
                }
                Ok(Progress::Done {
                    taken,
                    digest: None,
                })
            }
        }
    }
}
