//! MessagePack as IPROTO uses it: a checked reader, shortest-form writing, and serde over both.
//!
//! Everything here works on byte slices that may come from a hostile peer: lengths are checked
//! before they are used, nesting is limited, and every error names the byte where it happened.

mod de;
mod error;
mod ext;
mod parts;
mod raw;
mod reader;
mod ser;
mod tuple;
pub mod write;

pub use de::{Deserializer, from_slice};
pub use error::{DecodeError, EncodeError};
pub(crate) use ext::{Kind, TOKEN as EXT_TOKEN};
pub(crate) use raw::Bytes;
pub use raw::Raw;
pub use reader::{Reader, Token};
pub use ser::{Serializer, write_array, write_key, write_value};

/// Deepest nesting that typed decoding follows; deeper values are an error, never a stack overflow.
///
/// The server itself limits values that pass through Lua to 128 levels.
pub const DEPTH_MAX: usize = 256;
