//! Insert of Arrow columns.

use super::{Body, Identifier, Request, Subject};
use crate::capability::Capability;
use crate::keys::{Key, RequestType};
use crate::msgpack::EncodeError;

/// Adds many rows at once, given as columns in the Arrow format.
///
/// Server 3.3, enterprise; community servers answer with error
/// [`UNSUPPORTED`](crate::ErrorCode::UNSUPPORTED).
#[derive(Clone, Copy, Debug)]
pub struct InsertArrow<'a> {
    space: Identifier<'a>,
    data: &'a [u8],
}

impl<'a> InsertArrow<'a> {
    /// Into this space. The rows are given by [`data`](Self::data).
    #[must_use]
    pub fn into(space: impl Into<Identifier<'a>>) -> Self {
        Self { space: space.into(), data: &[] }
    }

    /// The rows: a record batch as Arrow's IPC format has it, sent as it is.
    #[must_use]
    pub fn data(mut self, data: &'a [u8]) -> Self {
        self.data = data;
        self
    }
}

impl Request for InsertArrow<'_> {
    fn request_type(&self) -> RequestType {
        RequestType::INSERT_ARROW
    }

    fn subject(&self) -> Subject {
        Subject::with_space(RequestType::INSERT_ARROW, self.space)
    }

    fn encode(&self, body: &mut Body<'_>) -> Result<(), EncodeError> {
        body.require(Capability::InsertArrow);
        body.space(self.space);
        extension(body.entry(Key::ARROW), self.data)
    }
}

/// The extension type of Arrow data.
const ARROW: u8 = 8;

/// Appends an extension with the smallest header.
fn extension(out: &mut Vec<u8>, data: &[u8]) -> Result<(), EncodeError> {
    let length = u32::try_from(data.len())
        .map_err(|_| EncodeError::new("Arrow data cannot be over 4 GiB"))?;
    match length {
        1 | 2 | 4 | 8 | 16 => out.push(0xd4 + length.trailing_zeros() as u8),
        0..=0xff => out.extend_from_slice(&[0xc7, length as u8]),
        0x100..=0xffff => {
            out.push(0xc8);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            out.push(0xc9);
            out.extend_from_slice(&length.to_be_bytes());
        }
    }
    out.push(ARROW);
    out.extend_from_slice(data);
    Ok(())
}
