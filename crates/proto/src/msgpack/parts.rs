//! The parts of compound values, as serde asks for them one by one: elements, pairs, variants.

use serde::de::value::BorrowedBytesDeserializer;
use serde::de::{self, DeserializeSeed, Visitor};
use serde::forward_to_deserialize_any;

use super::de::Deserializer;
use super::{DecodeError, Token, raw};

/// What the asked type expects of an array.
#[derive(Clone, Copy)]
pub(super) enum Wanted {
    Any,
    Count(usize),
    Fields(&'static [&'static str]),
}

pub(super) struct Sequence<'a, 'de, const APART: bool> {
    pub(super) de: &'a mut Deserializer<'de>,
    pub(super) left: usize,
    pub(super) index: usize,
    pub(super) wanted: Wanted,
}

impl<'de, const APART: bool> de::SeqAccess<'de> for Sequence<'_, 'de, APART> {
    type Error = DecodeError;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        let index = self.index;
        self.index += 1;
        let (name, wanted) = match self.wanted {
            Wanted::Any => (None, 0),
            Wanted::Count(count) => (None, count),
            Wanted::Fields(fields) => (fields.get(index).copied(), fields.len()),
        };
        if self.left > 0 {
            self.left -= 1;
            let value = seed.deserialize(&mut *self.de);
            return value.map(Some).map_err(|error| error.inside(index, name));
        }
        if index < wanted {
            let value = seed.deserialize(Absent);
            return value.map(Some).map_err(|error| error.missing().inside(index, name));
        }
        Ok(None)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

/// A column that the row does not have.
struct Absent;

impl<'de> de::Deserializer<'de> for Absent {
    type Error = DecodeError;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_none()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        if name == raw::TOKEN {
            return visitor.visit_borrowed_bytes(&[0xc0]);
        }
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

pub(super) struct Pairs<'a, 'de> {
    pub(super) de: &'a mut Deserializer<'de>,
    pub(super) left: usize,
}

impl<'de> de::MapAccess<'de> for Pairs<'_, 'de> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, DecodeError> {
        if self.left == 0 {
            return Ok(None);
        }
        let key = seed.deserialize(&mut *self.de)?;
        // Counted only when the value is read too, so that what is left can be skipped in pairs.
        Ok(Some(key))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, DecodeError> {
        self.left -= 1;
        seed.deserialize(&mut *self.de)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

pub(super) struct Variant<'a, 'de> {
    pub(super) de: &'a mut Deserializer<'de>,
    pub(super) with_value: bool,
}

impl<'de> de::EnumAccess<'de> for Variant<'_, 'de> {
    type Error = DecodeError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self), DecodeError> {
        let name = self.de.reader.clone();
        let variant = match self.de.reader.token()? {
            Token::Str(bytes) => seed.deserialize(BorrowedBytesDeserializer::new(bytes))?,
            _ => {
                self.de.reader = name;
                seed.deserialize(&mut *self.de)?
            }
        };
        Ok((variant, self))
    }
}

impl<'de> de::VariantAccess<'de> for Variant<'_, 'de> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        if self.with_value { self.de.reader.skip() } else { Ok(()) }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<T::Value, DecodeError> {
        self.require_value()?;
        seed.deserialize(self.de)
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.require_value()?;
        self.de.columns(Wanted::Count(length), visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.require_value()?;
        self.de.columns(Wanted::Fields(fields), visitor)
    }
}

impl Variant<'_, '_> {
    fn require_value(&self) -> Result<(), DecodeError> {
        if self.with_value {
            return Ok(());
        }
        Err(DecodeError::new("expected a variant with a value, found its name alone"))
    }
}
