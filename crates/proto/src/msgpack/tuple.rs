//! Tuples that come with the names of their fields (3.0): extension 7 and TUPLE_FORMATS.

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{self, DeserializeSeed};

use super::de::Deserializer;
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
pub(super) struct Named<'a, 'de> {
    pub(super) de: &'a mut Deserializer<'de>,
    pub(super) format: u64,
    pub(super) index: usize,
    /// Fields whose value has not been read.
    pub(super) left: usize,
}

impl Deserializer<'_> {
    /// Whether fields of this format have names.
    pub(super) fn has_names(&mut self, format: u64) -> Result<bool, DecodeError> {
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
