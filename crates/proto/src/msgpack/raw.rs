//! One value as the bytes it is made of.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{DecodeError, Reader};

/// Names the newtype by which [`Raw`] passes through serde; no user type has a `$` in its name.
pub(super) const TOKEN: &str = "$tarantool_proto::Raw";

/// One MessagePack value that is passed on as it is, without decoding.
///
/// As a field or an argument it is copied into the request verbatim; as the type of a column or a
/// result it borrows the value's bytes from the reply.
///
/// ```
/// use tarantool_proto::msgpack::{self, Raw};
///
/// let raw = Raw::new(&[0x92, 0x01, 0xa1, b'x'])?;          // [1, "x"]
/// let (id, name): (u32, &str) = msgpack::from_slice(raw.as_bytes())?;
/// assert_eq!((id, name), (1, "x"));
/// # Ok::<(), msgpack::DecodeError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Raw<'a>(&'a [u8]);

impl<'a> Raw<'a> {
    /// Wraps `bytes`, which must be exactly one MessagePack value.
    ///
    /// # Errors
    /// The bytes are not MessagePack, or more or less than one value.
    pub fn new(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        reader.skip()?;
        if !reader.is_empty() {
            let at = reader.offset();
            return Err(DecodeError::new("bytes follow after the value").at(at));
        }
        Ok(Self(bytes))
    }

    /// The value's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.0
    }
}

impl fmt::Debug for Raw<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Raw({} bytes)", self.0.len())
    }
}

impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(TOKEN, &Bytes(self.0))
    }
}

/// What a newtype with a meaning of its own has in it.
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl<'de> Deserialize<'de> for Raw<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Raw<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a MessagePack value")
            }

            fn visit_borrowed_bytes<E: de::Error>(self, bytes: &'de [u8]) -> Result<Raw<'de>, E> {
                Ok(Raw(bytes))
            }
        }
        deserializer.deserialize_newtype_struct(TOKEN, Visitor)
    }
}
