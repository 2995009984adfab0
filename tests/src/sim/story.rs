//! What happened, a line for each step.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use websocket_proto::Instant;

/// A record that outlives a world which fails, or none: a line is written only if somebody will read
/// it.
#[derive(Clone, Debug, Default)]
pub(super) struct Story(Option<Rc<RefCell<Vec<String>>>>);

impl Story {
    pub(super) fn recorded() -> Self {
        Self(Some(Rc::default()))
    }

    pub(super) fn tell(&self, now: Instant, line: impl FnOnce() -> String) {
        if let Some(lines) = &self.0 {
            lines.borrow_mut().push(format!("{} {}", At(now), line()));
        }
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.0
            .as_ref()
            .map(|lines| lines.borrow().clone())
            .unwrap_or_default()
    }
}

/// Virtual time in seconds.
struct At(Instant);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.as_nanos() / 1000;
        write!(f, "{:5}.{:06}", micros / 1_000_000, micros % 1_000_000)
    }
}

/// The beginning of some bytes, in a line.
pub(super) fn brief(bytes: &[u8]) -> String {
    let shown = bytes[..bytes.len().min(BRIEF)].escape_ascii();
    if bytes.len() > BRIEF {
        format!("{} bytes \"{shown}\"..", bytes.len())
    } else {
        format!("\"{shown}\"")
    }
}

const BRIEF: usize = 90;
