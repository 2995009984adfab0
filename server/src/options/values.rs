//! How values of options are written: sizes, times, drafts, levels.

use std::num::{NonZeroU16, NonZeroU32, NonZeroUsize};
use std::str::FromStr;
use std::time::Duration;

use adapter_core::TrustedProxies;
use parse_size::Config;
use sockjs_proto::Dialect;
use tracing_subscriber::filter::LevelFilter;
use websocket_proto::{Draft, Drafts};

/// How often the server pings.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Pings {
    /// Never.
    Off,
    /// After so much silence.
    Every(Duration),
}

impl FromStr for Pings {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            Ok(Self::Off)
        } else {
            duration(text).map(Self::Every)
        }
    }
}

/// A bound that can be left out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum AtMost {
    /// There is none.
    Off,
    /// So many.
    Count(NonZeroU32),
}

impl AtMost {
    /// The bound, if there is one.
    pub(crate) fn bound(self) -> Option<u32> {
        match self {
            Self::Off => None,
            Self::Count(count) => Some(count.get()),
        }
    }
}

impl FromStr for AtMost {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            Ok(Self::Off)
        } else {
            let count = NonZeroU32::try_from(count(text)?);
            count
                .map(Self::Count)
                .map_err(|_| format!("must be at most {}", u32::MAX))
        }
    }
}

/// An address, a network such as `10.0.0.0/8`, or `unix`; as it is written.
pub(super) fn network(text: &str) -> Result<String, String> {
    match TrustedProxies::new([text]) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// A [`network`], or `any`.
pub(super) fn audience(text: &str) -> Result<String, String> {
    if text == ANY {
        Ok(text.to_owned())
    } else {
        network(text)
    }
}

/// A size in bytes, such as `64k` or `16MiB`; every unit counts in steps of 1024.
pub(super) fn size(text: &str) -> Result<usize, String> {
    let bytes = Config::new()
        .with_binary()
        .parse_size(text)
        .map_err(|_| "not a size such as 64k or 16MiB".to_owned())?;
    match usize::try_from(bytes) {
        Ok(0) => Err(ZERO.to_owned()),
        Ok(size) => Ok(size),
        Err(_) => Err("too large for this system".to_owned()),
    }
}

/// A [`size`] of what is kept in places of 16 bits.
pub(super) fn short_size(text: &str) -> Result<u16, String> {
    u16::try_from(size(text)?).map_err(|_| too_large())
}

/// A number of things, at least one.
pub(super) fn count(text: &str) -> Result<NonZeroUsize, String> {
    let count = text.parse().map_err(|_| "not a whole number".to_owned())?;
    NonZeroUsize::new(count).ok_or_else(|| ZERO.to_owned())
}

/// A [`count`] of what is counted in 16 bits.
pub(super) fn short_count(text: &str) -> Result<NonZeroU16, String> {
    NonZeroU16::try_from(count(text)?).map_err(|_| too_large())
}

/// A time span, such as `500ms` or `1m 30s`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if duration.is_zero() {
        Err(ZERO.to_owned())
    } else {
        Ok(duration)
    }
}

/// A list of drafts by their short names, such as `76,13`.
pub(super) fn drafts(text: &str) -> Result<Drafts, String> {
    text.split(',')
        .map(|name| {
            Draft::from_name(name.trim())
                .ok_or_else(|| format!("{name} is not a draft: there are 75, 76, 7, 8 and 13"))
        })
        .collect()
}

/// An age of the SockJS protocol by its name.
pub(super) fn dialect(text: &str) -> Result<Dialect, String> {
    Dialect::from_name(text).ok_or_else(|| {
        let names = Dialect::ALL.map(Dialect::name).join(", ");
        format!("{text} is not one of {names}")
    })
}

pub(super) fn level(text: &str) -> Result<LevelFilter, String> {
    match text {
        "off" => Ok(LevelFilter::OFF),
        "error" => Ok(LevelFilter::ERROR),
        "warn" => Ok(LevelFilter::WARN),
        "info" => Ok(LevelFilter::INFO),
        "debug" => Ok(LevelFilter::DEBUG),
        "trace" => Ok(LevelFilter::TRACE),
        other => Err(format!(
            "{other} is not one of off, error, warn, info, debug, trace"
        )),
    }
}

fn too_large() -> String {
    format!("must be at most {}", u16::MAX)
}

/// Everybody.
pub(super) const ANY: &str = "any";
const ZERO: &str = "must be more than zero";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("1", 1),
            ("64k", 65_536),
            ("64K", 65_536),
            ("64KB", 65_536),
            ("64KiB", 65_536),
            ("16MiB", 16 << 20),
            ("1.5k", 1_536),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "k", "-1", "64x", "0", "0k", "99999999999999999999"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations() {
        for (text, millis) in [
            ("10s", 10_000),
            ("500ms", 500),
            ("1m 30s", 90_000),
            ("2h", 7_200_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "10", "s", "-1s", "0s", "1 fortnight"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
