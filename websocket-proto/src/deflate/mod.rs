//! permessage-deflate (RFC 7692): what can be agreed on, and the codec.
//!
//! With the feature `deflate`, `Compressor` and `Inflater` are the two directions of a connection:
//! payloads in, payloads out, knowing nothing of frames. Both own no codec memory until their first
//! message, and none between messages when the context is not taken over.

#[cfg(feature = "deflate")]
mod compress;
#[cfg(feature = "deflate")]
mod history;
#[cfg(feature = "deflate")]
mod inflate;
mod params;

#[cfg(feature = "deflate")]
pub use compress::{Compressor, Effort};
#[cfg(feature = "deflate")]
pub use inflate::{InflateError, Inflater, Progress, Step};
pub(crate) use params::NAME;
pub use params::{Answer, Config, Params, ParamsError};
