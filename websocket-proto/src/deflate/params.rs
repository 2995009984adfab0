//! What two sides can agree on (RFC 7692 §7.1): offers, answers and their check.

use alloc::string::String;
use core::fmt::{self, Write as _};

use crate::Role;

/// What both sides agreed on (RFC 7692 §7.1).
///
/// The window bits bound *compressors*. A decompressor may always use the full window of 15 bits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Params {
    /// The server resets its compressor for each message.
    pub server_no_context_takeover: bool,
    /// The client resets its compressor for each message.
    pub client_no_context_takeover: bool,
    /// Base-2 logarithm of the server's LZ77 window, 8-15.
    pub server_max_window_bits: u8,
    /// Base-2 logarithm of the client's LZ77 window, 8-15.
    pub client_max_window_bits: u8,
}

impl Params {
    /// Base-2 logarithm of the window that the compressor of `role` may use, 8-15.
    pub const fn max_window_bits(self, role: Role) -> u8 {
        match role {
            Role::Client => self.client_max_window_bits,
            Role::Server => self.server_max_window_bits,
        }
    }

    /// Whether `role` resets its compressor for each message.
    pub const fn no_context_takeover(self, role: Role) -> bool {
        match role {
            Role::Client => self.client_no_context_takeover,
            Role::Server => self.server_no_context_takeover,
        }
    }

    /// Whether a compressor made of zlib can keep to the agreed window.
    ///
    /// It cannot with 8 bits, so a client of whom the server demands 8 sends every message
    /// uncompressed, which RFC 7692 §6 always allows. Our server never agrees to 8 for itself.
    pub const fn can_compress(self, role: Role) -> bool {
        self.max_window_bits(role) >= OWN_BITS_MIN
    }
}

/// RFC 7692's defaults: context taken over both ways, full windows.
impl Default for Params {
    fn default() -> Self {
        Self {
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: BITS_MAX,
            client_max_window_bits: BITS_MAX,
        }
    }
}

/// What one side is willing to do: for a server the bounds of its answers, for a client its offer.
///
/// Bits out of range count as the nearest legal value. That is 9-15 for one's own compressor
/// (zlib has no 8-bit window) and 8-15 for the peer's.
///
/// ```
/// use websocket_proto::deflate::Config;
///
/// // A server that keeps no memory between messages.
/// let config = Config {
///     server_no_context_takeover: true,
///     client_no_context_takeover: true,
///     ..Config::default()
/// };
/// let answer = config.answer([("client_max_window_bits", None::<&str>)]).unwrap();
/// assert_eq!(
///     answer.text(),
///     "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
/// );
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Config {
    /// The server resets its compressor for each message: as a client, asks for it.
    pub server_no_context_takeover: bool,
    /// The client resets its compressor for each message: as a server, demands it.
    pub client_no_context_takeover: bool,
    /// Base-2 logarithm of the largest window for the server's compressor.
    pub server_max_window_bits: u8,
    /// Base-2 logarithm of the largest window for the client's compressor. A server can only
    /// demand it of a client that says it knows the parameter.
    pub client_max_window_bits: u8,
}

/// Context taken over both ways, full windows.
impl Default for Config {
    fn default() -> Self {
        let Params {
            server_no_context_takeover,
            client_no_context_takeover,
            server_max_window_bits,
            client_max_window_bits,
        } = Params::default();
        Self {
            server_no_context_takeover,
            client_no_context_takeover,
            server_max_window_bits,
            client_max_window_bits,
        }
    }
}

impl Config {
    /// A server's answer to one offer, given as its parameters; `None` declines it.
    ///
    /// An offer is declined when a parameter is unknown, repeated or has a wrong value (RFC 7692
    /// §7), or when it wants an 8-bit window of our compressor. The next offer may still do.
    pub fn answer<'a, V: AsRef<str>>(
        &self,
        offer: impl IntoIterator<Item = (&'a str, Option<V>)>,
    ) -> Option<Answer> {
        let offer = Stated::read(offer).ok()?;
        let own_bits = self.server_max_window_bits.clamp(OWN_BITS_MIN, BITS_MAX);
        let server_max_window_bits = offer
            .server_max_window_bits
            .unwrap_or(BITS_MAX)
            .min(own_bits);
        if server_max_window_bits < OWN_BITS_MIN {
            return None;
        }
        let client_max_window_bits = match offer.client_max_window_bits {
            // RFC 7692 §7.1.2.2: a client that did not offer the parameter cannot be limited.
            Bits::Absent => BITS_MAX,
            Bits::Bare => self.client_bits(),
            Bits::Value(bits) => bits.min(self.client_bits()),
        };
        Some(Answer {
            params: Params {
                server_no_context_takeover: offer.server_no_context_takeover
                    || self.server_no_context_takeover,
                // RFC 7692 §7.1.1.2: in an offer this is a hint, which spares us a window.
                client_no_context_takeover: offer.client_no_context_takeover
                    || self.client_no_context_takeover,
                server_max_window_bits,
                client_max_window_bits,
            },
            states_server_bits: offer.server_max_window_bits.is_some(),
        })
    }

    /// A client's offer: the value of `Sec-WebSocket-Extensions`.
    pub fn offer(&self) -> String {
        let mut text = String::from(NAME);
        state_flags(
            &mut text,
            self.server_no_context_takeover,
            self.client_no_context_takeover,
        );
        let server_bits = self.asked_server_bits();
        if server_bits < BITS_MAX {
            state_bits(&mut text, SERVER_MAX_WINDOW_BITS, server_bits);
        }
        match self.own_client_bits() {
            BITS_MAX => push(&mut text, CLIENT_MAX_WINDOW_BITS),
            bits => state_bits(&mut text, CLIENT_MAX_WINDOW_BITS, bits),
        }
        text
    }

    /// Checks a server's answer to [`offer`](Self::offer), given as its parameters.
    ///
    /// # Errors
    ///
    /// What the offer does not permit. The client must then fail the connection (RFC 7692 §5.1).
    pub fn verify<'a, V: AsRef<str>>(
        &self,
        answer: impl IntoIterator<Item = (&'a str, Option<V>)>,
    ) -> Result<Params, ParamsError> {
        let answer = Stated::read(answer)?;
        // RFC 7692 §7.1.1.1 and §7.1.2.1: a server accepts these by repeating them.
        if self.server_no_context_takeover && !answer.server_no_context_takeover {
            return Err(ParamsError::NotHonoured);
        }
        let asked = self.asked_server_bits();
        let server_max_window_bits = match answer.server_max_window_bits {
            // RFC 7692 §7.1.2.1: a server may limit itself without being asked.
            Some(bits) if bits <= asked => bits,
            Some(_) => return Err(ParamsError::NotOffered),
            None if asked == BITS_MAX => BITS_MAX,
            None => return Err(ParamsError::NotHonoured),
        };
        let offered = self.own_client_bits();
        let client_max_window_bits = match answer.client_max_window_bits {
            Bits::Absent => offered,
            Bits::Bare => return Err(ParamsError::BadValue),
            Bits::Value(bits) if bits <= offered => bits,
            Bits::Value(_) => return Err(ParamsError::NotOffered),
        };
        Ok(Params {
            server_no_context_takeover: answer.server_no_context_takeover,
            client_no_context_takeover: answer.client_no_context_takeover
                || self.client_no_context_takeover,
            server_max_window_bits,
            client_max_window_bits,
        })
    }

    /// What a server demands of a client's compressor.
    fn client_bits(&self) -> u8 {
        self.client_max_window_bits.clamp(BITS_MIN, BITS_MAX)
    }

    /// What a client asks of the server's compressor.
    fn asked_server_bits(&self) -> u8 {
        self.server_max_window_bits.clamp(BITS_MIN, BITS_MAX)
    }

    /// What a client says of its own compressor.
    fn own_client_bits(&self) -> u8 {
        self.client_max_window_bits.clamp(OWN_BITS_MIN, BITS_MAX)
    }
}

/// A server's answer to an offer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Answer {
    /// What is agreed.
    pub params: Params,
    /// A server must repeat `server_max_window_bits` when asked; unasked it may, but some clients
    /// fail on it.
    states_server_bits: bool,
}

impl Answer {
    /// The value of `Sec-WebSocket-Extensions`, with only the parameters that bind somebody.
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(TEXT_MAX);
        text.push_str(NAME);
        let params = self.params;
        state_flags(
            &mut text,
            params.server_no_context_takeover,
            params.client_no_context_takeover,
        );
        if self.states_server_bits {
            state_bits(
                &mut text,
                SERVER_MAX_WINDOW_BITS,
                params.server_max_window_bits,
            );
        }
        if params.client_max_window_bits < BITS_MAX {
            state_bits(
                &mut text,
                CLIENT_MAX_WINDOW_BITS,
                params.client_max_window_bits,
            );
        }
        text
    }
}

/// Why the parameters of an answer cannot be used.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ParamsError {
    /// A parameter that RFC 7692 does not define.
    Unknown,
    /// A parameter that stands there twice.
    Repeated,
    /// A value that is missing, superfluous, or not one of 8 to 15 in plain decimal.
    BadValue,
    /// A window larger than offered.
    NotOffered,
    /// The answer leaves out what was asked for.
    NotHonoured,
}

impl fmt::Display for ParamsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "unknown parameter",
            Self::Repeated => "repeated parameter",
            Self::BadValue => "bad parameter value",
            Self::NotOffered => "window larger than offered",
            Self::NotHonoured => "a parameter asked for is missing",
        })
    }
}

impl core::error::Error for ParamsError {}

/// The parameters of one offer or answer, as they stand there.
#[derive(Default)]
struct Stated {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    client_max_window_bits: Bits,
}

#[derive(Clone, Copy, Default, Eq, PartialEq)]
enum Bits {
    #[default]
    Absent,
    Bare,
    Value(u8),
}

impl Stated {
    fn read<'a, V: AsRef<str>>(
        params: impl IntoIterator<Item = (&'a str, Option<V>)>,
    ) -> Result<Self, ParamsError> {
        let mut stated = Self::default();
        for (name, value) in params {
            let value = value.as_ref().map(AsRef::as_ref);
            let repeated = match name {
                SERVER_NO_CONTEXT_TAKEOVER => stated.server_no_context_takeover,
                CLIENT_NO_CONTEXT_TAKEOVER => stated.client_no_context_takeover,
                SERVER_MAX_WINDOW_BITS => stated.server_max_window_bits.is_some(),
                CLIENT_MAX_WINDOW_BITS => stated.client_max_window_bits != Bits::Absent,
                _ => return Err(ParamsError::Unknown),
            };
            if repeated {
                return Err(ParamsError::Repeated);
            }
            match (name, value) {
                (SERVER_NO_CONTEXT_TAKEOVER, None) => stated.server_no_context_takeover = true,
                (CLIENT_NO_CONTEXT_TAKEOVER, None) => stated.client_no_context_takeover = true,
                (SERVER_MAX_WINDOW_BITS, Some(value)) => {
                    stated.server_max_window_bits = Some(window_bits(value)?);
                }
                (CLIENT_MAX_WINDOW_BITS, None) => stated.client_max_window_bits = Bits::Bare,
                (CLIENT_MAX_WINDOW_BITS, Some(value)) => {
                    stated.client_max_window_bits = Bits::Value(window_bits(value)?);
                }
                (_, _) => return Err(ParamsError::BadValue),
            }
        }
        Ok(stated)
    }
}

/// RFC 7692 §7.1.2: a decimal integer without leading zeros, 8 to 15.
fn window_bits(value: &str) -> Result<u8, ParamsError> {
    match value.as_bytes() {
        [digit @ b'8'..=b'9'] => Ok(digit - b'0'),
        [b'1', digit @ b'0'..=b'5'] => Ok(10 + (digit - b'0')),
        _ => Err(ParamsError::BadValue),
    }
}

fn state_flags(text: &mut String, server: bool, client: bool) {
    for (name, stated) in [
        (SERVER_NO_CONTEXT_TAKEOVER, server),
        (CLIENT_NO_CONTEXT_TAKEOVER, client),
    ] {
        if stated {
            push(text, name);
        }
    }
}

fn state_bits(text: &mut String, name: &str, bits: u8) {
    push(text, name);
    // Writing to a `String` cannot fail.
    let _ = write!(text, "={bits}");
}

fn push(text: &mut String, name: &str) {
    text.push_str("; ");
    text.push_str(name);
}

/// The registered name of the extension.
pub(crate) const NAME: &str = "permessage-deflate";
const SERVER_NO_CONTEXT_TAKEOVER: &str = "server_no_context_takeover";
const CLIENT_NO_CONTEXT_TAKEOVER: &str = "client_no_context_takeover";
const SERVER_MAX_WINDOW_BITS: &str = "server_max_window_bits";
const CLIENT_MAX_WINDOW_BITS: &str = "client_max_window_bits";
const BITS_MIN: u8 = 8;
const BITS_MAX: u8 = 15;
/// zlib's raw deflate silently uses a larger window than 8 bits when told to use 8.
const OWN_BITS_MIN: u8 = 9;
/// The name and all four parameters with two-digit values.
const TEXT_MAX: usize = 128;
