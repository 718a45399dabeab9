//! Values of unknown shape.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, EnumAccess, MapAccess, SeqAccess};
use serde::ser::{Serialize, Serializer};

use super::{Datetime, Decimal, Ext, Interval, Uuid, extension};
use crate::ServerError;
use crate::msgpack::EXT_TOKEN;

/// Any value that a server may send, for rows and results whose shape is not known.
///
/// A type with the columns that are expected is faster and says what does not fit. Nested deeper
/// than [`DEPTH_MAX`](crate::msgpack::DEPTH_MAX) levels a value is an error, as is a malformed
/// extension of a type that is known here; servers before 3.0 store those too.
///
/// ```
/// use tarantool_proto::msgpack;
/// use tarantool_proto::types::Value;
///
/// let row: Value = msgpack::from_slice(&[0x93, 0x01, 0xa3, b'A', b'n', b'n', 0xc0])?;
/// assert_eq!(row, Value::Array(vec![1_u64.into(), "Ann".into(), Value::Nil]));
/// # Ok::<(), msgpack::DecodeError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// nil
    #[default]
    Nil,
    /// true or false
    Bool(bool),
    /// A non-negative integer.
    Uint(u64),
    /// A negative integer.
    Int(i64),
    /// A 32-bit float.
    F32(f32),
    /// A 64-bit float.
    F64(f64),
    /// A string.
    Str(String),
    /// Binary data, or a string that is not UTF-8.
    Bin(Vec<u8>),
    /// An array.
    Array(Vec<Self>),
    /// A map, as its pairs in the order in which they came: keys may be of any type, and repeat.
    Map(Vec<(Self, Self)>),
    /// A decimal.
    Decimal(Decimal),
    /// A UUID.
    Uuid(Uuid),
    /// A point in time.
    Datetime(Datetime),
    /// An interval. Boxed, as it is larger than all others and rare.
    Interval(Box<Interval>),
    /// An error.
    Error(ServerError),
    /// An extension of another type.
    Ext(Ext),
}

impl Value {
    /// Whether it is nil.
    #[must_use]
    pub const fn is_nil(&self) -> bool {
        matches!(self, Self::Nil)
    }

    /// The number, if it is an integer of that range.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Uint(number) => Some(*number),
            Self::Int(number) => (*number).try_into().ok(),
            _ => None,
        }
    }

    /// The number, if it is an integer of that range.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Uint(number) => (*number).try_into().ok(),
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// The number, if it is a float.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::F32(number) => Some((*number).into()),
            Self::F64(number) => Some(*number),
            _ => None,
        }
    }

    /// The text, if it is a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The values, if it is an array.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(values) => Some(values),
            _ => None,
        }
    }

    /// The value of the first pair with this key, if it is a map with one.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Self::Map(pairs) = self else { return None };
        pairs.iter().find(|(name, _)| name.as_str() == Some(key)).map(|(_, value)| value)
    }
}

macro_rules! from {
    ($($type:ty => $variant:ident;)*) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}

from! {
    bool => Bool;
    u8 => Uint;
    u16 => Uint;
    u32 => Uint;
    u64 => Uint;
    f32 => F32;
    f64 => F64;
    &str => Str;
    String => Str;
    Vec<u8> => Bin;
    Vec<Self> => Array;
    Vec<(Self, Self)> => Map;
    Decimal => Decimal;
    Uuid => Uuid;
    Datetime => Datetime;
    Interval => Interval;
    ServerError => Error;
    Ext => Ext;
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        u64::try_from(number).map_or(Self::Int(number), Self::Uint)
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        i64::from(number).into()
    }
}

/// `None` is nil.
impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nil, Into::into)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Nil => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Uint(number) => serializer.serialize_u64(*number),
            Self::Int(number) => serializer.serialize_i64(*number),
            Self::F32(number) => serializer.serialize_f32(*number),
            Self::F64(number) => serializer.serialize_f64(*number),
            Self::Str(text) => serializer.serialize_str(text),
            Self::Bin(bytes) => serializer.serialize_bytes(bytes),
            Self::Array(values) => serializer.collect_seq(values),
            Self::Map(pairs) => {
                serializer.collect_map(pairs.iter().map(|(key, value)| (key, value)))
            }
            Self::Decimal(value) => value.serialize(serializer),
            Self::Uuid(value) => value.serialize(serializer),
            Self::Datetime(value) => value.serialize(serializer),
            Self::Interval(value) => value.serialize(serializer),
            Self::Error(value) => value.serialize(serializer),
            Self::Ext(value) => value.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(EXT_TOKEN, Visitor)
    }
}

struct Visitor;

/// What is reserved for values before they come: an array that has only been announced must not
/// take more than its header did.
const RESERVED_MAX: usize = 16;

macro_rules! visit {
    ($($method:ident: $type:ty;)*) => {$(
        fn $method<E>(self, value: $type) -> Result<Value, E> {
            Ok(value.into())
        }
    )*};
}

impl<'de> de::Visitor<'de> for Visitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    visit! {
        visit_bool: bool;
        visit_u64: u64;
        visit_i64: i64;
        visit_f32: f32;
        visit_f64: f64;
        visit_str: &str;
        visit_string: String;
        visit_byte_buf: Vec<u8>;
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Value, E> {
        Ok(Value::Bin(bytes.into()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Nil)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Nil)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Value, A::Error> {
        let reserved = values.size_hint().unwrap_or(0).min(RESERVED_MAX);
        let mut array = Vec::with_capacity(reserved);
        while let Some(value) = values.next_element()? {
            array.push(value);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Value, A::Error> {
        let reserved = pairs.size_hint().unwrap_or(0).min(RESERVED_MAX);
        let mut map = Vec::with_capacity(reserved);
        while let Some(pair) = pairs.next_entry()? {
            map.push(pair);
        }
        Ok(Value::Map(map))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<Value, A::Error> {
        let (kind, payload) = extension::parts(access)?;
        Ok(match kind {
            Ext::DECIMAL => Value::Decimal(extension::make(kind, payload)?),
            Ext::UUID => Value::Uuid(extension::make(kind, payload)?),
            Ext::ERROR => Value::Error(extension::make(kind, payload)?),
            Ext::DATETIME => Value::Datetime(extension::make(kind, payload)?),
            Ext::INTERVAL => Value::Interval(Box::new(extension::make(kind, payload)?)),
            _ => Value::Ext(Ext::new(kind, payload)),
        })
    }
}
