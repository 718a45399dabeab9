//! How extension values pass through serde.

use std::fmt;

use serde::de::value::{BorrowedBytesDeserializer, I8Deserializer};
use serde::de::{self, DeserializeSeed, IntoDeserializer, Visitor};

use super::DecodeError;

/// Names the newtype as which extension values pass through serde; no user type has a `$` in its name.
///
/// A serializer gets bytes in it: the type's number and the payload. A visitor gets an enum, whose
/// variant is the type's number and whose content are the payload's bytes: no other value comes as
/// one. What is no extension comes as it is.
pub(crate) const TOKEN: &str = "$tarantool_proto::Ext";

/// The number of an extension's type. Shows as error messages name it.
#[derive(Clone, Copy)]
pub(crate) struct Kind(pub(crate) i8);

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            1 => "a decimal",
            2 => "a uuid",
            3 => "an error value",
            4 => "a datetime",
            6 => "an interval",
            7 => "a tuple",
            kind => return write!(f, "an extension of type {kind}"),
        })
    }
}

#[cold]
pub(super) fn unexpected(kind: i8, expected: &dyn de::Expected) -> DecodeError {
    let found = Kind(kind).to_string();
    de::Error::invalid_type(de::Unexpected::Other(&found), expected)
}

pub(super) struct Access<'de> {
    pub(super) kind: i8,
    pub(super) payload: &'de [u8],
}

impl<'de> de::EnumAccess<'de> for Access<'de> {
    type Error = DecodeError;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<(T::Value, Self), DecodeError> {
        let kind: I8Deserializer<DecodeError> = self.kind.into_deserializer();
        Ok((seed.deserialize(kind)?, self))
    }
}

impl<'de> de::VariantAccess<'de> for Access<'de> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        Err(unexpected(self.kind, &"nothing"))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<T::Value, DecodeError> {
        seed.deserialize(BorrowedBytesDeserializer::new(self.payload))
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        _length: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        Err(unexpected(self.kind, &visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        Err(unexpected(self.kind, &visitor))
    }
}
