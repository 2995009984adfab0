//! The proto crates in a program that has neither std nor libc.
//!
//! Each step stands for something an embedder does. The exit status is the number of the step that
//! failed, counted from 1; 0 when all went well.
#![no_std]
#![no_main]

extern crate alloc;
#[cfg(feature = "extern-std")]
extern crate std;

mod bare;
mod codec;
mod connection;
mod sockjs;

use core::fmt::Write;

/// What is shown, in order.
const STEPS: [(&str, fn()); 9] = [
    ("a masked frame", codec::a_masked_frame),
    ("a large frame", codec::a_large_frame),
    ("text in pieces", codec::text_in_pieces),
    ("a hixie message", codec::a_hixie_message),
    ("a handshake", connection::a_handshake),
    ("a masked echo", connection::a_masked_echo),
    ("a ping timeout", connection::a_ping_timeout),
    ("a closing handshake", connection::a_closing_handshake),
    ("a SockJS session", sockjs::a_session),
];

fn main() {
    for (number, (name, step)) in (1..).zip(STEPS) {
        bare::exit_on_panic_with(number);
        step();
        let _ = writeln!(bare::Stdout, "no_std: {name}");
    }
}
