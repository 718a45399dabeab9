//! What the types of extensions have in common: their way through serde.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Deserializer, EnumAccess, Unexpected, VariantAccess};
use serde::ser::Serializer;

use super::InvalidValue;
use crate::msgpack::{Bytes, EXT_TOKEN, Kind};

/// A type whose values are extensions of one type.
pub(super) trait Extension: Sized {
    const KIND: i8;

    /// Reads the payload.
    fn from_payload(payload: &[u8]) -> Result<Self, InvalidValue>;

    /// Takes a number that stands where a value of this type may.
    fn from_integer(_number: i128) -> Option<Self> {
        None
    }
}

/// Serializes a value as text in formats for people, else as `tagged`: the number of the type and
/// the payload.
pub(super) fn serialize<S: Serializer>(
    text: &impl fmt::Display,
    tagged: &[u8],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() {
        return serializer.collect_str(text);
    }
    to_extension(tagged, serializer)
}

/// Serializes an extension value: the number of the type and the payload.
pub(super) fn to_extension<S: Serializer>(tagged: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_newtype_struct(EXT_TOKEN, &Bytes(tagged))
}

/// The opposite of [`serialize`].
pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Extension + std::str::FromStr<Err = InvalidValue>,
    D: Deserializer<'de>,
{
    if deserializer.is_human_readable() {
        return deserializer.deserialize_any(TextVisitor(PhantomData));
    }
    from_extension(deserializer)
}

/// Decodes an extension value.
pub(super) fn from_extension<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Extension,
    D: Deserializer<'de>,
{
    deserializer.deserialize_newtype_struct(EXT_TOKEN, ExtensionVisitor(PhantomData))
}

/// Type and payload of an extension as our deserializer hands it on.
pub(super) fn parts<'de, A: EnumAccess<'de>>(access: A) -> Result<(i8, &'de [u8]), A::Error> {
    let (kind, content) = access.variant()?;
    Ok((kind, content.newtype_variant()?))
}

/// Reads an extension from the bytes as which other formats have it.
pub(super) fn from_bytes<'de, T, D: Deserializer<'de>>(
    deserializer: D,
    expected: &dyn de::Expected,
    make: impl FnOnce(i8, &[u8]) -> Result<T, D::Error>,
) -> Result<T, D::Error> {
    deserializer.deserialize_bytes(BytesVisitor { expected, make, error: PhantomData })
}

struct BytesVisitor<'e, F, E> {
    expected: &'e dyn de::Expected,
    make: F,
    error: PhantomData<E>,
}

impl<'de, T, E, F> de::Visitor<'de> for BytesVisitor<'_, F, E>
where
    E: de::Error,
    F: FnOnce(i8, &[u8]) -> Result<T, E>,
{
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expected.fmt(f)
    }

    fn visit_bytes<E2: de::Error>(self, bytes: &[u8]) -> Result<T, E2> {
        match bytes {
            [kind, payload @ ..] => {
                (self.make)(i8::from_be_bytes([*kind]), payload).map_err(E2::custom)
            }
            [] => Err(E2::invalid_type(Unexpected::Bytes(bytes), &self)),
        }
    }
}

/// `T` from its payload, or why not: another type, or malformed.
pub(super) fn make<T: Extension, E: de::Error>(kind: i8, payload: &[u8]) -> Result<T, E> {
    if kind != T::KIND {
        let found = Kind(kind).to_string();
        return Err(E::invalid_type(
            Unexpected::Other(&found),
            &ExtensionVisitor::<T>(PhantomData),
        ));
    }
    T::from_payload(payload)
        .map_err(|error| E::custom(format_args!("malformed {}: {error}", Noun(T::KIND))))
}

/// The type without an article.
struct Noun(i8);

impl fmt::Display for Noun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Kind(self.0).to_string();
        f.write_str(name.split_once(' ').map_or(&*name, |(_, noun)| noun))
    }
}

struct ExtensionVisitor<T>(PhantomData<T>);

impl<'de, T: Extension> de::Visitor<'de> for ExtensionVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Kind(T::KIND))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<T, A::Error> {
        let (kind, payload) = parts(access)?;
        make(kind, payload)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        T::from_integer(number.into())
            .ok_or_else(|| E::invalid_type(Unexpected::Unsigned(number), &self))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        T::from_integer(number.into())
            .ok_or_else(|| E::invalid_type(Unexpected::Signed(number), &self))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        from_bytes(deserializer, &self, make)
    }
}

struct TextVisitor<T>(PhantomData<T>);

impl<T> de::Visitor<'_> for TextVisitor<T>
where
    T: Extension + std::str::FromStr<Err = InvalidValue>,
{
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} as text", Kind(T::KIND))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        T::from_integer(number.into())
            .ok_or_else(|| E::invalid_type(Unexpected::Unsigned(number), &self))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        T::from_integer(number.into())
            .ok_or_else(|| E::invalid_type(Unexpected::Signed(number), &self))
    }
}
