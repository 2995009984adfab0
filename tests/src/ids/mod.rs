//! The rows that must have a test, by section of the specification.
//!
//! A section is a list of row ids. The test that runs a section's table calls [`check`] with the ids
//! it ran; `tests/tests/ids.rs` fails when a section is claimed by no test file.

mod connection;
mod deflate;
mod frame;
mod handshake;
mod http1;
pub mod security;
mod sockjs;
mod sockjs_sessions;

/// A section and the ids of its rows.
pub type Section = (&'static str, &'static [&'static str]);

/// Every section.
pub fn sections() -> impl Iterator<Item = Section> {
    [
        http1::SECTIONS,
        handshake::SECTIONS,
        frame::SECTIONS,
        deflate::SECTIONS,
        connection::SECTIONS,
        sockjs::SECTIONS,
        sockjs_sessions::SECTIONS,
    ]
    .into_iter()
    .flatten()
    .copied()
}

/// Fails unless `ran` holds exactly the ids of `section`, each at least once.
///
/// # Panics
///
/// Names the ids that were not run, and those that the section does not have.
pub fn check<'a>(section: &str, ran: impl IntoIterator<Item = &'a str>) {
    let (_, wanted) = sections()
        .find(|(name, _)| *name == section)
        .unwrap_or_else(|| panic!("no section {section}"));
    let ran: Vec<&str> = ran.into_iter().collect();
    let missing: Vec<_> = wanted.iter().filter(|id| !ran.contains(id)).collect();
    let unknown: Vec<_> = ran.iter().filter(|id| !wanted.contains(id)).collect();
    assert!(
        missing.is_empty(),
        "section {section}: rows without a test: {missing:?}"
    );
    assert!(
        unknown.is_empty(),
        "section {section}: rows not in the list: {unknown:?}"
    );
}
