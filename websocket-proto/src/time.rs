//! Time as a number: the machines never read a clock.

use core::ops::{Add, Sub};
use core::time::Duration;

/// A point in time: nanoseconds since any fixed start that one program chose.
///
/// Only differences matter, except for [`WallClock`], which knows the Unix time of that start.
/// Arithmetic saturates, so a far deadline stays far instead of wrapping into the past.
///
/// ```
/// use core::time::Duration;
/// use websocket_proto::Instant;
///
/// let start = Instant::from_nanos(5);
/// let later = start + Duration::from_secs(1);
/// assert_eq!(later - start, Duration::from_secs(1));
/// assert_eq!(start - later, Duration::ZERO);
///
/// // A program with a clock:
/// let started = std::time::Instant::now();
/// let now = Instant::ZERO + started.elapsed();
/// # let _ = now;
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Instant(u64);

impl Instant {
    /// The start itself.
    pub const ZERO: Self = Self(0);
    /// Later than any deadline that can be met (584 years after the start).
    pub const FAR: Self = Self(u64::MAX);

    /// The instant `nanos` nanoseconds after the start.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The instant `millis` milliseconds after the start; handy in tests.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Nanoseconds since the start.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    #[inline]
    fn add(self, duration: Duration) -> Self {
        let nanos = duration.as_secs().saturating_mul(NANOS_PER_SEC);
        let nanos = nanos.saturating_add(duration.subsec_nanos().into());
        Self(self.0.saturating_add(nanos))
    }
}

impl Sub for Instant {
    type Output = Duration;

    /// The time from `earlier` to `self`, zero when `earlier` is in fact later.
    fn sub(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// Turns an [`Instant`] into Unix time: what `Date` and `Expires` fields need.
///
/// ```
/// use websocket_proto::{Instant, WallClock};
///
/// let clock = WallClock::new(784_111_777); // the Unix time, in seconds, of `Instant::ZERO`
/// assert_eq!(clock.http_date(Instant::ZERO).as_str(), "Sun, 06 Nov 1994 08:49:37 GMT");
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct WallClock {
    start: u64,
}

impl WallClock {
    /// A clock whose [`Instant::ZERO`] was `start` seconds after the Unix epoch.
    pub const fn new(start: u64) -> Self {
        Self { start }
    }

    /// Unix time in whole seconds at `now`.
    pub const fn unix_seconds(self, now: Instant) -> u64 {
        self.start.saturating_add(now.0 / 1_000_000_000)
    }

    /// The IMF-fixdate (RFC 9110 §5.6.7) of `now`.
    pub fn http_date(self, now: Instant) -> HttpDate {
        HttpDate::from_unix(self.unix_seconds(now))
    }
}

/// An IMF-fixdate: 29 ASCII bytes, as in `Sun, 06 Nov 1994 08:49:37 GMT`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HttpDate([u8; 29]);

impl HttpDate {
    /// The date of a Unix time in seconds; years after 9999 show as 9999-12-31.
    pub fn from_unix(seconds: u64) -> Self {
        let seconds = seconds.min(LAST_SECOND);
        let (days, of_day) = (seconds / 86_400, seconds % 86_400);
        let (year, month, day) = civil_from_days(days);
        let mut text = *b"Thu, 01 Jan 1970 00:00:00 GMT";
        // 1970-01-01 was a Thursday.
        text[..3].copy_from_slice(DAYS[pick((days + 4) % 7)]);
        two_digits(&mut text[5..7], day);
        text[8..11].copy_from_slice(MONTHS[pick(month - 1)]);
        two_digits(&mut text[12..14], year / 100);
        two_digits(&mut text[14..16], year % 100);
        two_digits(&mut text[17..19], of_day / 3600);
        two_digits(&mut text[20..22], of_day / 60 % 60);
        two_digits(&mut text[23..25], of_day % 60);
        Self(text)
    }

    /// The date as text.
    pub fn as_str(&self) -> &str {
        // Only ASCII is ever written above; the fallback cannot be reached.
        core::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The date as bytes, ready for the wire.
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Days since 1970-01-01 to (year, month 1-12, day 1-31), proleptic Gregorian, by eras of 400 years
/// that begin in March so that the leap day comes last.
const fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468; // days from 0000-03-01
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

fn two_digits(at: &mut [u8], value: u64) {
    const DIGITS: &[u8; 10] = b"0123456789";
    at[0] = DIGITS[pick(value / 10 % 10)];
    at[1] = DIGITS[pick(value % 10)];
}

/// A table index that the callers keep below 12.
#[expect(clippy::cast_possible_truncation, reason = "below 12")]
const fn pick(index: u64) -> usize {
    index as usize
}

const NANOS_PER_SEC: u64 = 1_000_000_000;
const DAYS: [&[u8; 3]; 7] = [b"Sun", b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat"];
const MONTHS: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];
const LAST_SECOND: u64 = 253_402_300_799; // 9999-12-31 23:59:59

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (seconds, text) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"),
            (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (u64::MAX, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            assert_eq!(HttpDate::from_unix(seconds).as_str(), text);
        }
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(Instant::FAR + Duration::MAX, Instant::FAR);
        assert_eq!(Instant::ZERO - Instant::FAR, Duration::ZERO);
    }
}
