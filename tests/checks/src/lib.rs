//! What must hold for any bytes: oracles and invariants of every machine.
//!
//! Each [`Target`] is run by libFuzzer (`fuzz/`), and over its corpus by `cargo test`. The property
//! tests share what is behind them.

pub mod chunked;
pub mod extensions;
pub mod handshake;
pub mod hixie;
pub mod http1;
pub mod hybi;
pub mod inflate;
pub mod json;
pub mod pair;
pub mod request_head;
pub mod response_head;
pub mod served;
pub mod service;
pub mod silence;
pub mod sockjs;
pub mod stream;
pub mod two;
pub mod upgrade;
pub mod utf8;
pub mod world;

/// A check of any bytes, which panics when something does not hold.
pub type Check = fn(&[u8]);

/// A check and its name, which its corpus has too.
pub type Target = (&'static str, Check);

/// Every check.
pub const TARGETS: &[Target] = &[
    ("chunked", chunked::check),
    ("extensions", extensions::check),
    ("handshake", handshake::check),
    ("hixie", hixie::check),
    ("http1", http1::check),
    ("hybi", hybi::check),
    ("inflate", inflate::check),
    ("json", json::check),
    ("pair", pair::check),
    ("request_head", request_head::check),
    ("response_head", response_head::check),
    ("service", service::check),
    ("silence", silence::check),
    ("sockjs", sockjs::check),
    ("upgrade", upgrade::check),
    ("utf8", utf8::check),
];

/// Whether the machines are to break the rule that `name` stands for.
///
/// A check asks where it hands bytes to a machine or takes them from it, and does there what the
/// broken machine would do. Never, but with the feature `plants`.
#[cfg(feature = "plants")]
pub(crate) fn planted(name: &str) -> bool {
    static PLANT: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    let plant = PLANT.get_or_init(|| std::env::var("PLANT").ok());
    plant.as_deref() == Some(name)
}

#[cfg(not(feature = "plants"))]
pub(crate) const fn planted(_: &str) -> bool {
    false
}
