//! Blocks of lines from bytes: where a head ends.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use memchr::memchr;

use super::{Limits, ProtocolError};
use crate::work;

/// The limits of one field block, and what exceeding them is called.
pub(super) struct Bounds {
    /// How many empty lines may stand before the first line, and what more of them are.
    empty_lines: (u8, ProtocolError),
    pub(super) start_line: usize,
    pub(super) block: usize,
    pub(super) fields: usize,
    pub(super) field_name: usize,
    pub(super) field_value: usize,
    pub(super) too_large: ProtocolError,
    pub(super) too_many: ProtocolError,
}

impl Bounds {
    pub(super) fn of_request(limits: &Limits) -> Self {
        Self::of_head(limits, (MAX_EMPTY_LINES, ProtocolError::RequestLine))
    }

    pub(super) fn of_response(limits: &Limits) -> Self {
        Self::of_head(limits, (0, ProtocolError::StatusLine))
    }

    fn of_head(limits: &Limits, empty_lines: (u8, ProtocolError)) -> Self {
        Self {
            empty_lines,
            start_line: usize::from(limits.start_line.min(limits.head)),
            block: limits.head.into(),
            fields: limits.fields.into(),
            field_name: limits.field_name.into(),
            field_value: limits.field_value.into(),
            too_large: ProtocolError::HeadTooLarge,
            too_many: ProtocolError::TooManyFields,
        }
    }

    pub(super) fn of_trailers(limits: &Limits) -> Self {
        Self {
            empty_lines: (0, ProtocolError::FieldName),
            start_line: usize::MAX,
            block: limits.trailers.into(),
            // The collector takes the first line for a start line.
            fields: usize::from(limits.trailer_fields).saturating_sub(1),
            field_name: limits.field_name.into(),
            field_value: limits.field_value.into(),
            too_large: ProtocolError::TrailersTooLarge,
            too_many: ProtocolError::TrailersTooLarge,
        }
    }
}

/// Finds the empty line that ends a block of lines, and keeps a block that is not complete.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// The block so far, when it did not come in one piece.
    partial: Vec<u8>,
    /// Length of the block so far.
    len: usize,
    /// Length of its last line so far.
    line: usize,
    /// How many lines are complete.
    complete: u16,
    /// How many empty lines stood before the block.
    skipped: u8,
    /// The last byte was a carriage return.
    after_cr: bool,
}

/// A complete block with its empty line, and how many lines it has besides that and the first.
pub(super) type Block<'a> = (Cow<'a, [u8]>, usize);

impl Lines {
    pub(super) const fn new() -> Self {
        Self {
            partial: Vec::new(),
            len: 0,
            line: 0,
            complete: 0,
            skipped: 0,
            after_cr: false,
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        // A lone CR is the beginning of an empty line.
        self.len == 0 || self.len == 1 && self.after_cr
    }

    /// Whether nothing at all came since the last block.
    pub(super) const fn is_fresh(&self) -> bool {
        self.len == 0 && self.skipped == 0
    }

    /// Takes bytes up to the end of a block, which is ready for the next one then.
    ///
    /// Every limit is checked before the bytes that exceed it matter, and `first_line` runs as soon
    /// as the first line is complete: what is wrong depends on the bytes and not on their cutting.
    pub(super) fn collect<'a>(
        &mut self,
        input: &'a [u8],
        bounds: &Bounds,
        mut first_line: impl FnMut(&[u8]) -> Result<(), ProtocolError>,
    ) -> Result<(usize, Option<Block<'a>>), ProtocolError> {
        let mut start = 0;
        let mut at = 0;
        while at < input.len() {
            let found = memchr(b'\n', &input[at..]);
            let end = found.map_or(input.len(), |i| at + i + 1);
            let piece = &input[at..end];
            work::look(piece.len());
            self.len += piece.len();
            self.line += piece.len();
            let before_lf = if found.is_some() {
                &piece[..piece.len() - 1]
            } else {
                piece
            };
            self.after_cr = before_lf
                .last()
                .map_or(self.after_cr, |&byte| byte == b'\r');
            let content = self.line - usize::from(found.is_some()) - usize::from(self.after_cr);
            if self.complete == 0 && content > bounds.start_line {
                return Err(ProtocolError::StartLineTooLong);
            }
            if self.len > bounds.block {
                return Err(bounds.too_large);
            }
            if !self.partial.is_empty() {
                self.partial.extend_from_slice(piece);
            }
            at = end;
            if found.is_none() {
                break;
            }
            if !self.after_cr {
                return Err(ProtocolError::BareLineFeed);
            }
            self.after_cr = false;
            self.line = 0;
            if content > 0 {
                if self.complete == 0 {
                    work::look(content);
                    let text = if self.partial.is_empty() {
                        &input[start..]
                    } else {
                        &self.partial
                    };
                    first_line(&text[..content])?;
                } else if usize::from(self.complete) > bounds.fields {
                    return Err(bounds.too_many);
                }
                self.complete = self.complete.saturating_add(1);
            } else if self.complete == 0 {
                // RFC 9112 §2.2: a server should ignore at least one empty line.
                let (most, error) = bounds.empty_lines;
                if self.skipped == most {
                    return Err(error);
                }
                self.skipped += 1;
                self.partial = Vec::new();
                self.len = 0;
                start = at;
            } else {
                work::look(self.len);
                return Ok((at, Some(self.finish(&input[start..at]))));
            }
        }
        if self.partial.is_empty() && start < input.len() {
            self.partial = Vec::from(&input[start..]);
        }
        Ok((input.len(), None))
    }

    fn finish<'a>(&mut self, input: &'a [u8]) -> Block<'a> {
        let fields = usize::from(self.complete).saturating_sub(1);
        let text = match core::mem::take(&mut self.partial) {
            partial if partial.is_empty() => Cow::Borrowed(input),
            partial => Cow::Owned(partial),
        };
        self.len = 0;
        self.complete = 0;
        self.skipped = 0;
        (text, fields)
    }

    #[cfg(test)]
    pub(super) const fn memory(&self) -> usize {
        self.partial.capacity()
    }
}

/// Robust clients of old sent some after a body; RFC 9112 §2.2 asks to ignore at least one.
const MAX_EMPTY_LINES: u8 = 4;
