//! Tuples that come with the names of their fields (3.0): extension 7 and TUPLE_FORMATS.

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{self, DeserializeSeed, Visitor};

use super::de::Deserializer;
use super::parts::Wanted;
use super::{DecodeError, Reader};

/// The type of the extension: the number of a format, and the tuple as an array.
pub(super) const KIND: i8 = 7;

/// The formats that came with a reply, of which one at a time is looked at.
#[derive(Debug)]
pub(super) struct Formats<'de> {
    /// A map from the number of a format to its fields, each a map with a `name`.
    map: &'de [u8],
    id: Option<u64>,
    names: Vec<&'de str>,
}

impl<'de> Formats<'de> {
    pub(super) const fn new(map: &'de [u8]) -> Self {
        Self { map, id: None, names: Vec::new() }
    }

    /// The names of a format's fields, in their order; none for a format that is not there. A name
    /// that is no text is empty.
    fn names(&mut self, id: u64) -> Result<&[&'de str], DecodeError> {
        if self.id != Some(id) {
            self.id = None;
            self.names.clear();
            let mut reader = Reader::new(self.map);
            for _ in 0..reader.map()? {
                if reader.uint()? == id {
                    self.names.clear();
                    read_names(&mut reader, &mut self.names)?;
                } else {
                    reader.skip()?;
                }
            }
            self.id = Some(id);
        }
        Ok(&self.names)
    }
}

fn read_names<'de>(reader: &mut Reader<'de>, names: &mut Vec<&'de str>) -> Result<(), DecodeError> {
    for _ in 0..reader.array()? {
        let mut name = "";
        for _ in 0..reader.map()? {
            if reader.str_bytes()? == b"name" {
                name = std::str::from_utf8(reader.str_bytes()?).unwrap_or_default();
            } else {
                reader.skip()?;
            }
        }
        names.push(name);
    }
    Ok(())
}

/// The fields of a tuple, each with its name.
struct Named<'a, 'de> {
    de: &'a mut Deserializer<'de>,
    format: u64,
    index: usize,
    /// Fields whose value has not been read.
    left: usize,
}

impl<'de> Deserializer<'de> {
    /// A tuple as an array, or by the names of its fields for a type that has names.
    #[cold]
    pub(super) fn tuple<V: Visitor<'de>>(
        &mut self,
        payload: &'de [u8],
        wanted: Wanted,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let within = self.reader.within(payload);
        let behind = std::mem::replace(&mut self.reader, within);
        let format = self.reader.uint()?;
        let at = self.reader.offset();
        let length = self.reader.array()?;
        let value = if matches!(wanted, Wanted::Fields(_)) && self.has_names(format)? {
            self.nested(at, |this| {
                let mut named = Named { de: this, format, index: 0, left: length };
                let value = visitor.visit_map(&mut named)?;
                for _ in 0..named.left {
                    this.reader.skip()?;
                }
                Ok(value)
            })?
        } else {
            self.array::<true, V>(at, length, wanted, visitor)?
        };
        if !self.reader.is_empty() {
            let at = self.reader.offset();
            return Err(DecodeError::new("bytes follow after the tuple").at(at));
        }
        self.reader = behind;
        Ok(value)
    }

    /// Whether fields of this format have names.
    fn has_names(&mut self, format: u64) -> Result<bool, DecodeError> {
        match &mut self.formats {
            Some(formats) => Ok(!formats.names(format)?.is_empty()),
            None => Ok(false),
        }
    }
}

impl<'de> Named<'_, 'de> {
    /// The name of the field that comes next. A value in between may have been of another format.
    fn name(&mut self) -> Result<Option<&'de str>, DecodeError> {
        match &mut self.de.formats {
            Some(formats) => Ok(formats.names(self.format)?.get(self.index).copied()),
            None => Ok(None),
        }
    }
}

impl<'de> de::MapAccess<'de> for Named<'_, 'de> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, DecodeError> {
        // A tuple may go on beyond its format, with fields that have no name.
        match self.name()? {
            Some(name) if self.left > 0 => {
                seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, DecodeError> {
        let index = self.index;
        self.index += 1;
        self.left -= 1;
        seed.deserialize(&mut *self.de).map_err(|error| error.inside(index, None))
    }
}
