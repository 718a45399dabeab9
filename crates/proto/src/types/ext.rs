//! Extension values whose meaning is not known here.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::extension;
use crate::msgpack::{EXT_TOKEN, write};

/// An extension value of any type, as its bytes.
///
/// Servers store and return types that they don't know in fields without a type, if the number is
/// positive; since 3.0 bytes of the types that they know are checked.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Ext {
    /// The number of the type.
    pub kind: i8,
    /// The payload.
    pub data: Vec<u8>,
}

impl Ext {
    /// The type of [`Decimal`](super::Decimal).
    pub const DECIMAL: i8 = 1;
    /// The type of [`Uuid`](super::Uuid).
    pub const UUID: i8 = 2;
    /// The type of [`ServerError`](crate::ServerError) as a value.
    pub const ERROR: i8 = 3;
    /// The type of [`Datetime`](super::Datetime).
    pub const DATETIME: i8 = 4;
    /// The type of [`Interval`](super::Interval).
    pub const INTERVAL: i8 = 6;
    /// The type of tuples that refer to a format (3.0).
    pub const TUPLE: i8 = 7;
    /// The type of Arrow data (3.3).
    pub const ARROW: i8 = 8;

    /// A value of type `kind` with this payload.
    #[must_use]
    pub fn new(kind: i8, data: impl Into<Vec<u8>>) -> Self {
        Self { kind, data: data.into() }
    }

    /// Appends it to `out` as a MessagePack value.
    pub fn encode(&self, out: &mut Vec<u8>) {
        write::ext(out, self.kind, &self.data);
    }
}

impl fmt::Debug for Ext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ext({}, {} bytes)", self.kind, self.data.len())
    }
}

/// In formats for people a pair of the type's number and the bytes.
impl Serialize for Ext {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return (self.kind, &self.data).serialize(serializer);
        }
        let mut tagged = Vec::with_capacity(1 + self.data.len());
        tagged.extend_from_slice(&self.kind.to_be_bytes());
        tagged.extend_from_slice(&self.data);
        extension::to_extension(&tagged, serializer)
    }
}

impl<'de> Deserialize<'de> for Ext {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let (kind, data) = Deserialize::deserialize(deserializer)?;
            return Ok(Self { kind, data });
        }
        deserializer.deserialize_newtype_struct(EXT_TOKEN, Visitor)
    }
}

struct Visitor;

impl<'de> de::Visitor<'de> for Visitor {
    type Value = Ext;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an extension")
    }

    fn visit_enum<A: de::EnumAccess<'de>>(self, access: A) -> Result<Ext, A::Error> {
        let (kind, data) = extension::parts(access)?;
        Ok(Ext { kind, data: data.into() })
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Ext, D::Error> {
        extension::from_bytes(deserializer, &self, |kind, data| Ok(Ext::new(kind, data)))
    }
}
