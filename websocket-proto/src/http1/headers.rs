//! A view of header or trailer fields.

use core::fmt;

use memchr::memchr;

use super::syntax::{list, trim};

/// A view of fields in the order they were sent.
///
/// Look-up is linear and ignores the case of names; with the number of fields bounded that is both
/// the fastest and immune to crafted collisions.
#[derive(Clone, Copy)]
pub struct Headers<'a>(Lines<'a>);

impl<'a> Headers<'a> {
    /// The fields of a head that was received.
    pub(super) const fn indexed(lines: Indexed<'a>) -> Self {
        Self(Lines::Indexed(lines))
    }

    /// The fields of checked lines.
    pub(super) const fn lines(lines: &'a [u8]) -> Self {
        Self(Lines::Plain(lines))
    }

    /// How many fields there are.
    pub fn len(self) -> usize {
        match self.0 {
            Lines::Indexed(lines) => lines.index.len(),
            Lines::Plain(_) => self.0.count(),
        }
    }

    /// Whether there is no field.
    pub const fn is_empty(self) -> bool {
        match self.0 {
            Lines::Indexed(lines) => lines.index.is_empty(),
            Lines::Plain(lines) => lines.is_empty(),
        }
    }

    /// The value of the first field called `name`, without white space around it.
    pub fn get(self, name: &str) -> Option<&'a [u8]> {
        let mut lines = self.0;
        lines.find(|line| line.is(name)).map(Line::value)
    }

    /// Whether a field called `name` is there.
    pub fn contains(self, name: &str) -> bool {
        let mut lines = self.0;
        lines.any(|line| line.is(name))
    }

    /// The values of all fields called `name`, in order.
    pub fn get_all<'n>(self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        self.0.filter(move |line| line.is(name)).map(Line::value)
    }

    /// All fields: the name as it was sent, and the value.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, &'a [u8])> + use<'a> {
        // Every name was checked to be a token, so the fallback is out of reach.
        let name = |line: Line<'a>| core::str::from_utf8(line.name()).unwrap_or_default();
        self.0.map(move |line| (name(line), line.value()))
    }

    /// All fields with their names as bytes, which saves checking that those are text, and the white
    /// space around their values.
    pub(super) fn byte_pairs(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        self.0.map(|line| (line.name(), line.untrimmed()))
    }

    /// The members of the comma-separated list called `name`, across repeated fields and without
    /// empty ones (RFC 9110 §5.6.1). A comma inside a quoted string also separates.
    pub fn tokens<'n>(self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        self.get_all(name)
            .flat_map(list)
            .filter(|member| !member.is_empty())
    }

    /// Whether the list called `name` has the member `token`, compared without case.
    pub fn has_token(self, name: &str, token: &str) -> bool {
        self.tokens(name)
            .any(|member| member.eq_ignore_ascii_case(token.as_bytes()))
    }
}

impl fmt::Debug for Headers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = self
            .iter()
            .map(|(name, value)| (name, value.escape_ascii()));
        f.debug_map()
            .entries(values.map(|(name, value)| (name, Shown(value))))
            .finish()
    }
}

/// Prints an escaped value in quotes.
struct Shown<'a>(core::slice::EscapeAscii<'a>);

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

/// Field lines that were checked, one after the other.
#[derive(Clone, Copy)]
enum Lines<'a> {
    Indexed(Indexed<'a>),
    /// Nothing but the lines.
    Plain(&'a [u8]),
}

/// The lines of a head that ends with its empty line, at known places.
#[derive(Clone, Copy)]
pub(super) struct Indexed<'a> {
    pub(super) text: &'a [u8],
    pub(super) index: &'a [Place],
}

impl<'a> Indexed<'a> {
    /// As [`Headers::byte_pairs`].
    #[inline]
    pub(super) fn byte_pairs(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        self.map(|line| (line.name(), line.untrimmed()))
    }
}

impl<'a> Iterator for Indexed<'a> {
    type Item = Line<'a>;

    #[inline]
    fn next(&mut self) -> Option<Line<'a>> {
        let (&place, rest) = self.index.split_first()?;
        let (start, name) = read(place);
        let end = match rest.first() {
            Some(&next) => read(next).0,
            None => self.text.len().checked_sub("\r\n".len())?,
        };
        self.index = rest;
        let line = self.text.get(start..end.checked_sub("\r\n".len())?)?;
        Some(Line { line, name })
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    #[inline]
    fn next(&mut self) -> Option<Line<'a>> {
        match self {
            Self::Indexed(lines) => lines.next(),
            Self::Plain(lines) => {
                let (line, rest) = lines.split_at_checked(memchr(b'\n', lines)? + 1)?;
                *lines = rest;
                let line = line.strip_suffix(b"\r\n")?;
                let name = memchr(b':', line)?;
                Some(Line { line, name })
            }
        }
    }
}

/// A field line without its end.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    line: &'a [u8],
    /// Length of the name; a colon follows.
    name: usize,
}

impl<'a> Line<'a> {
    #[inline]
    fn name(self) -> &'a [u8] {
        self.line.get(..self.name).unwrap_or_default()
    }

    #[inline]
    fn untrimmed(self) -> &'a [u8] {
        self.line.get(self.name + 1..).unwrap_or_default()
    }

    fn value(self) -> &'a [u8] {
        trim(self.untrimmed())
    }

    fn is(self, name: &str) -> bool {
        self.name == name.len() && self.name().eq_ignore_ascii_case(name.as_bytes())
    }
}

/// Where a field line starts in its text, and the length of its name: all that has to be known, as
/// the next line starts where this one ends.
///
/// It is bytes so that an index can share the allocation of its text.
pub(super) type Place = [u8; 4];

/// The place of a line; `None` behind the first 64 KiB.
#[inline(always)]
pub(super) fn place(start: usize, name: usize) -> Option<Place> {
    let (start, name) = (u16::try_from(start).ok()?, u16::try_from(name).ok()?);
    let place = u32::from(name) << u16::BITS | u32::from(start);
    Some(place.to_le_bytes())
}

/// Start and length of the name.
fn read([a, b, c, d]: Place) -> (usize, usize) {
    let number = |bytes| usize::from(u16::from_le_bytes(bytes));
    (number([a, b]), number([c, d]))
}
