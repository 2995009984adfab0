//! Payloads to messages: RFC 7692 §7.2.2.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::error::Error;
use core::fmt;

use zlib_rs::{Inflate, InflateFlush, Status};

use super::history::History;

/// Inflates the messages of one direction.
///
/// A message is fed with any number of [`inflate`](Self::inflate) calls and a
/// [`finish`](Self::finish), which collect it whole and check its size while it grows; or with
/// [`step`](Self::step)s, which bound the output of each call so that even 64 MiB of zeros in 64 KiB
/// of input leave in pieces. What lies between its frames on the wire is of no concern here.
///
/// Codec memory is 47 KiB while a message is under way. Without context takeover nothing is kept
/// between messages; with it the codec stays, and beside it the last `1 << window_bits` bytes of
/// output, from which a codec can be built anew: after a final block (RFC 7692 §7.2.3.4) and after
/// [`release`](Self::release).
///
/// ```
/// use websocket_proto::deflate::{InflateError, Inflater};
///
/// let mut inflater = Inflater::new(15, true);
/// let mut message = Vec::new();
/// inflater.inflate(&[0xf2, 0x48, 0xcd], &mut message, 1024)?; // the fragments of RFC 7692 §7.2.3.1
/// inflater.inflate(&[0xc9, 0xc9, 0x07, 0x00], &mut message, 1024)?;
/// inflater.finish(&mut message, 1024)?;
/// assert_eq!(message, b"Hello");
/// # Ok::<(), InflateError>(())
/// ```
pub struct Inflater {
    codec: Codec,
    context_takeover: bool,
    /// Output that may be referred to and that the codec would lose with its state.
    history: History,
    /// How many bytes at the end of the caller's buffer are not in `history` yet.
    unsaved: usize,
    /// Input and output of the message under way.
    taken: usize,
    produced: usize,
    /// Final blocks in the message under way.
    finals: usize,
    /// No input came since the message began or a final block ended.
    fresh: bool,
    /// The codec holds no output back.
    drained: bool,
}

enum Codec {
    /// None is needed until the next message; owns no memory.
    Absent,
    Running(Box<Inflate>),
    /// The peer's data was refused; nothing after it can be understood.
    Failed,
}

/// What a [`step`](Inflater::step) did.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Step {
    /// How many bytes of the input were taken.
    pub consumed: usize,
    /// What comes next.
    pub progress: Progress,
}

/// Why a [`step`](Inflater::step) ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Progress {
    /// All input was taken and all of its output is there.
    Hungry,
    /// As much was produced as was allowed; there may be more even if all input was taken.
    Full,
    /// The message is complete.
    Finished,
}

/// Why a message cannot be inflated.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum InflateError {
    /// Not DEFLATE data, or cut short; close code 1007.
    Corrupt,
    /// More than the limit; close code 1009.
    TooBig,
    /// So many final blocks that starting anew after each costs more than the data is worth; close
    /// code 1008.
    FinalBlocks,
}

impl Inflater {
    /// An inflater for a peer whose compressor agreed to a window of `1 << window_bits` bytes (8 to
    /// 15) and, with `no_context_takeover`, to refer to nothing before the message.
    pub const fn new(window_bits: u8, no_context_takeover: bool) -> Self {
        Self {
            codec: Codec::Absent,
            context_takeover: !no_context_takeover,
            history: History::new(window_bits),
            unsaved: 0,
            taken: 0,
            produced: 0,
            finals: 0,
            fresh: true,
            drained: true,
        }
    }

    /// Takes all of `input` and appends what it inflates to.
    ///
    /// `out` must still end with what earlier calls appended for this message. It grows by doubling,
    /// and never holds more than one byte beyond `limit`, the longest message allowed, inclusive.
    ///
    /// # Errors
    ///
    /// Each ends the inflater: all later calls give [`InflateError::Corrupt`].
    pub fn inflate(
        &mut self,
        input: &[u8],
        out: &mut Vec<u8>,
        limit: usize,
    ) -> Result<(), InflateError> {
        self.limited(input, false, out, limit)
    }

    /// Ends the message: appends the last of it to `out`.
    ///
    /// A message without any payload, and one whose payload ends with a final block, are taken as
    /// complete although RFC 7692 §7.2.1 has the sender add a byte `00` to them.
    ///
    /// # Errors
    ///
    /// Those of [`inflate`](Self::inflate); [`InflateError::Corrupt`] also when the payload ends in
    /// the middle of a block.
    pub fn finish(&mut self, out: &mut Vec<u8>, limit: usize) -> Result<(), InflateError> {
        self.limited(&[], true, out, limit)
    }

    fn limited(
        &mut self,
        input: &[u8],
        last: bool,
        out: &mut Vec<u8>,
        limit: usize,
    ) -> Result<(), InflateError> {
        let failed = matches!(self.codec, Codec::Failed);
        // One byte more tells the exact limit from too much.
        let room = limit.saturating_sub(self.produced).saturating_add(1);
        match self.run(input, last, out, room).map(|step| step.progress) {
            Ok(Progress::Hungry | Progress::Finished) => Ok(()),
            Ok(Progress::Full) => Err(self.fail(InflateError::TooBig)),
            // The codec may find a later mistake in the call that fills the room. Had the input been cut
            // there, the message would have been too long first.
            Err(_) if !failed && self.produced > limit => Err(InflateError::TooBig),
            Err(error) => Err(error),
        }
    }

    /// Appends at most `room` bytes to `out`; the caller may drain it between calls.
    ///
    /// `last` says that the message ends with `input`. After [`Progress::Full`] the rest of the
    /// input, perhaps nothing, is to be given again, and `last` with it. Each call does work for at
    /// most `room` bytes of output. A message fed by steps is fed by steps from beginning to end.
    ///
    /// # Errors
    ///
    /// [`InflateError::Corrupt`] and [`InflateError::FinalBlocks`], as for
    /// [`inflate`](Self::inflate) and [`finish`](Self::finish).
    ///
    /// ```
    /// use websocket_proto::deflate::{InflateError, Inflater, Progress};
    ///
    /// let payload = [0x4a, 0x4c, 0x1c, 0x05, 0xc4, 0x02, 0x00, 0x00]; // 300 times "a"
    /// let mut inflater = Inflater::new(15, true);
    /// let mut input = &payload[..];
    /// let mut pieces = Vec::new();
    /// loop {
    ///     let mut piece = Vec::new();
    ///     let step = inflater.step(input, true, &mut piece, 128)?;
    ///     input = &input[step.consumed..];
    ///     pieces.push(piece.len());
    ///     if step.progress == Progress::Finished {
    ///         break;
    ///     }
    /// }
    /// assert_eq!(pieces, [128, 128, 44]);
    /// # Ok::<(), InflateError>(())
    /// ```
    pub fn step(
        &mut self,
        input: &[u8],
        last: bool,
        out: &mut Vec<u8>,
        room: usize,
    ) -> Result<Step, InflateError> {
        let step = self.run(input, last, out, room)?;
        self.save(out);
        Ok(step)
    }

    /// Gives the codec's memory back between messages, for connections that have gone quiet.
    ///
    /// With context takeover at most `1 << window_bits` bytes stay; the next message builds the
    /// codec from them. Does nothing while a message is under way.
    pub fn release(&mut self) {
        if self.taken == 0 && matches!(self.codec, Codec::Running(_)) {
            self.codec = Codec::Absent;
        }
    }

    fn run(
        &mut self,
        input: &[u8],
        last: bool,
        out: &mut Vec<u8>,
        room: usize,
    ) -> Result<Step, InflateError> {
        let end = out.len().saturating_add(room);
        let mut consumed = 0;
        let mut piece = input.len().saturating_mul(4).clamp(FIRST_STEP, STEP);
        loop {
            let rest = &input[consumed..];
            if rest.is_empty() && self.drained {
                return self
                    .ended(last, out)
                    .map(|progress| Step { consumed, progress });
            }
            let left = end - out.len();
            if left == 0 {
                return Ok(Step {
                    consumed,
                    progress: Progress::Full,
                });
            }
            piece = piece.min(left);
            grow(out, piece, left);
            consumed += self.turn(rest, out, piece).map_err(|e| self.fail(e))?;
            piece = (2 * piece).min(STEP);
        }
    }

    /// All input was taken and nothing of its output waits.
    fn ended(&mut self, last: bool, out: &[u8]) -> Result<Progress, InflateError> {
        if matches!(self.codec, Codec::Failed) {
            return Err(InflateError::Corrupt);
        }
        if !last {
            return Ok(Progress::Hungry);
        }
        if !self.fresh {
            self.feed_tail().map_err(|error| self.fail(error))?;
        }
        self.end_message(out);
        Ok(Progress::Finished)
    }

    /// Feeds what the sender has cut off (RFC 7692 §7.2.2).
    ///
    /// It ends an empty stored block that the payload has begun (RFC 7692 §7.2.1), so nothing comes
    /// out and the codec, told to stop at the end of a block, does not touch the byte behind. For a
    /// payload that was cut short the tail is data of an unfinished block.
    fn feed_tail(&mut self) -> Result<(), InflateError> {
        let Codec::Running(codec) = &mut self.codec else {
            return Err(InflateError::Corrupt);
        };
        let before = (codec.total_in(), codec.total_out());
        let status = codec.decompress(&TAIL, &mut [0], InflateFlush::Block);
        let consumed = difference(codec.total_in(), before.0);
        let produced = difference(codec.total_out(), before.1);
        match status {
            Ok(Status::Ok) if consumed == TAIL.len() - 1 && produced == 0 => Ok(()),
            Ok(Status::Ok | Status::BufError | Status::StreamEnd) | Err(_) => {
                Err(InflateError::Corrupt)
            }
        }
    }

    /// One call of the codec, appending up to `room` bytes; gives what was consumed.
    fn turn(
        &mut self,
        input: &[u8],
        out: &mut Vec<u8>,
        room: usize,
    ) -> Result<usize, InflateError> {
        let codec = match &mut self.codec {
            Codec::Running(codec) => codec,
            Codec::Absent => self.codec.start(&self.history)?,
            Codec::Failed => return Err(InflateError::Corrupt),
        };
        let start = out.len();
        out.resize(start + room, 0);
        let before = (codec.total_in(), codec.total_out());
        let status = codec.decompress(input, &mut out[start..], InflateFlush::NoFlush);
        let consumed = difference(codec.total_in(), before.0);
        let produced = difference(codec.total_out(), before.1);
        out.truncate(start + produced);

        self.fresh &= consumed == 0;
        self.drained = produced < room;
        self.taken = self.taken.saturating_add(consumed);
        self.produced = self.produced.saturating_add(produced);
        self.unsaved = self.unsaved.saturating_add(produced);
        match status {
            Ok(Status::StreamEnd) => self.begin_stream(out)?,
            Ok(Status::Ok | Status::BufError) if consumed == 0 && produced == 0 => {
                if !input.is_empty() {
                    return Err(InflateError::Corrupt);
                }
            }
            Ok(Status::Ok | Status::BufError) => {}
            Err(_) => return Err(InflateError::Corrupt),
        }
        Ok(consumed)
    }

    /// After a final block: a new stream that may refer to the output so far.
    fn begin_stream(&mut self, out: &[u8]) -> Result<(), InflateError> {
        self.finals += 1;
        if self.finals > FREE_FINALS + self.taken / BYTES_PER_FINAL {
            return Err(InflateError::FinalBlocks);
        }
        self.save(out);
        if let Codec::Running(codec) = &mut self.codec {
            codec.reset(false);
            self.history.teach(codec)?;
        }
        self.fresh = true;
        Ok(())
    }

    fn end_message(&mut self, out: &[u8]) {
        if self.context_takeover {
            self.save(out);
        } else {
            self.codec = Codec::Absent;
            self.history.clear();
        }
        self.unsaved = 0;
        self.taken = 0;
        self.produced = 0;
        self.finals = 0;
        self.fresh = true;
    }

    fn save(&mut self, out: &[u8]) {
        self.history
            .push(&out[out.len().saturating_sub(self.unsaved)..]);
        self.unsaved = 0;
    }

    fn fail(&mut self, error: InflateError) -> InflateError {
        self.codec = Codec::Failed;
        self.history.clear();
        error
    }
}

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflater")
            .field("context_takeover", &self.context_takeover)
            .field("taken", &self.taken)
            .field("produced", &self.produced)
            .field("allocated", &matches!(self.codec, Codec::Running(_)))
            .finish_non_exhaustive()
    }
}

impl Codec {
    fn start(&mut self, history: &History) -> Result<&mut Inflate, InflateError> {
        // The codec's window is of the largest size whatever is asked for.
        let mut codec = Box::new(Inflate::new(false, 15));
        history.teach(&mut codec)?;
        *self = Self::Running(codec);
        match self {
            Self::Running(codec) => Ok(codec),
            Self::Absent | Self::Failed => Err(InflateError::Corrupt),
        }
    }
}

impl fmt::Display for InflateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Corrupt => "the compressed data is corrupt",
            Self::TooBig => "the inflated message is over the limit",
            Self::FinalBlocks => "the compressed data has too many final blocks",
        })
    }
}

impl Error for InflateError {}

/// Makes room for `piece` bytes, by doubling but never for more than `allowed`.
fn grow(out: &mut Vec<u8>, piece: usize, allowed: usize) {
    if out.capacity() - out.len() < piece {
        out.reserve_exact(out.len().clamp(piece, allowed));
    }
}

/// The codec counts in 64 bits; what one call moved fits a slice.
fn difference(after: u64, before: u64) -> usize {
    usize::try_from(after - before).unwrap_or(usize::MAX)
}

/// What the sender cuts off the end of a message (RFC 7692 §7.2.1), and a byte behind it.
const TAIL: [u8; 5] = [0x00, 0x00, 0xff, 0xff, 0x00];
/// Output is inflated in pieces, the first of four times the input, then doubling up to this. Longer
/// ones gain nothing: the codec copies the last 32 KiB of each into its window.
const STEP: usize = 64 * 1024;
/// The smallest first piece: the codec's fast loop needs room for one match of 258 bytes.
const FIRST_STEP: usize = 512;
/// Starting anew after a final block copies up to 32 KiB, which two bytes of input can ask for.
/// Senders that flush with final blocks have one per message or per write.
const FREE_FINALS: usize = 1024;
const BYTES_PER_FINAL: usize = 64;
