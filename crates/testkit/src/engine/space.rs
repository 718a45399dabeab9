//! One space: what requests do to its tuples.
//!
//! A request that changes something is first worked out without a change, as a [`Change`]: one that
//! is refused costs no copy of a space that a snapshot holds on to.

use std::sync::Arc;

use tarantool_proto::ErrorCode;
use tarantool_proto::msgpack::{Reader, Token, write};

use super::failure::Failure;
use super::format::{FIELDS_MAX, Format};
use super::index::Index;
use super::key::Key;
use super::text::text_of;
use super::update::{Mode, update};
use super::{IndexDefinition, IndexRef, SpaceDefinition, Tuple};

/// Indexes of one space, as many as a server allows.
const INDEXES_MAX: usize = 128;

#[derive(Clone, Debug)]
pub(super) struct Space {
    pub(super) id: u32,
    pub(super) name: String,
    pub(super) definition: SpaceDefinition,
    pub(super) format: Format,
    /// In the order of their numbers; the first, 0, is the primary one.
    pub(super) indexes: Vec<Index>,
    /// Of all tuples together.
    pub(super) bytes: usize,
}

/// What is to be done to each index: the key that goes, and the key and tuple that come.
#[derive(Debug)]
pub(super) struct Change {
    /// The tuple that the change is about: the new one, or the one that goes.
    pub(super) tuple: Tuple,
    moves: Vec<(Option<Key>, Option<Key>)>,
}

impl Space {
    pub(super) fn new(id: u32, definition: SpaceDefinition, tuple_size_max: usize) -> Self {
        let format = Format::new(definition.field_count, &definition.format, tuple_size_max);
        let name = definition.name.clone();
        Self { id, name, definition, format, indexes: Vec::new(), bytes: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.indexes.first().map_or(0, Index::len)
    }

    /// # Errors
    /// 35 or 148: there is none.
    pub(super) fn index(&self, index: IndexRef<'_>) -> Result<&Index, Failure> {
        let found = self.indexes.iter().find(|known| match index {
            IndexRef::Id(id) => known.id == id,
            IndexRef::Name(name) => known.name.as_bytes() == name,
        });
        found.ok_or_else(|| match index {
            IndexRef::Id(id) => {
                let text = format!("No index #{id} is defined in space '{}'", self.name);
                Failure::new(ErrorCode::NO_SUCH_INDEX_ID, text)
            }
            IndexRef::Name(name) => {
                let name = String::from_utf8_lossy(name);
                let text = format!("No index '{name}' is defined in space '{}'", self.name);
                Failure::new(ErrorCode::NO_SUCH_INDEX_NAME, text)
            }
        })
    }

    fn primary(&self) -> Result<&Index, Failure> {
        self.index(IndexRef::Id(0))
    }

    /// The number that the next index gets.
    pub(super) fn next_index_id(&self) -> u32 {
        self.indexes.last().map_or(0, |index| index.id.saturating_add(1))
    }

    /// Makes an index over the tuples that are there.
    ///
    /// # Errors
    /// 14, 24, 27, 85, 152: the definition; 3, 23, 39: the tuples.
    pub(super) fn create_index(
        &mut self,
        id: u32,
        definition: IndexDefinition,
    ) -> Result<(), Failure> {
        self.check_index(&definition)?;
        let mut format = self.format.clone();
        definition.parts.iter().try_for_each(|part| format.require(part))?;
        let primary = self.indexes.first().map_or(&[][..], |index| &index.parts);
        let mut index = Index::new(id, definition, primary);
        for tuple in self.indexes.first().into_iter().flat_map(Index::tuples) {
            let key = index.key_of(&format.check(tuple)?);
            if let Some(other) = index.get(&key) {
                return Err(self.duplicate(&index, other, tuple));
            }
            index.insert(key, Arc::clone(tuple));
        }
        self.format = format;
        self.indexes.push(index);
        Ok(())
    }

    fn check_index(&self, definition: &IndexDefinition) -> Result<(), Failure> {
        let IndexDefinition { name, is_unique, parts } = definition;
        if self.indexes.iter().any(|known| known.name == *name) {
            let text = format!("Index '{name}' already exists");
            return Err(Failure::new(ErrorCode::INDEX_EXISTS, text));
        }
        let is_primary = self.indexes.is_empty();
        let is_twice = |(nth, field): (usize, usize)| {
            parts.iter().skip(nth + 1).any(|other| other.field == field)
        };
        let unordered = parts.iter().find(|part| !part.kind.is_ordered());
        let problem = if is_primary && !is_unique {
            "primary key must be unique".into()
        } else if parts.is_empty() {
            "part count must be positive".into()
        } else if parts.len() > usize::from(u8::MAX) {
            "too many key parts".into()
        } else if self.indexes.len() >= INDEXES_MAX {
            format!("there may be {INDEXES_MAX} indexes")
        } else if parts.iter().any(|part| part.field >= FIELDS_MAX) {
            "field no is too big".into()
        } else if let Some(part) = unordered {
            format!("field type '{}' is not supported", part.kind.name())
        } else if parts.iter().map(|part| part.field).enumerate().any(is_twice) {
            "same key part is indexed twice".into()
        } else if is_primary && parts.iter().any(|part| part.is_nullable) {
            let text =
                format!("Primary index of space '{}' can not contain nullable parts", self.name);
            return Err(Failure::new(ErrorCode::NULLABLE_PRIMARY, text));
        } else {
            return Ok(());
        };
        let text =
            format!("Can't create or modify index '{name}' in space '{}': {problem}", self.name);
        Err(Failure::new(ErrorCode::MODIFY_INDEX, text))
    }

    /// # Errors
    /// 3: there is such a tuple; and as [`Format::check`]; 35: there is no index.
    pub(super) fn insert(&self, tuple: &[u8]) -> Result<Change, Failure> {
        let fields = self.format.check(tuple)?;
        self.primary()?;
        self.change(None, tuple, &fields)
    }

    /// # Errors
    /// 3: there is a tuple with the same key in another index; and as [`Self::insert`].
    pub(super) fn replace(&self, tuple: &[u8]) -> Result<Change, Failure> {
        let fields = self.format.check(tuple)?;
        let primary = self.primary()?;
        self.change(primary.get(&primary.key_of(&fields)), tuple, &fields)
    }

    /// `None`: there is no such tuple.
    ///
    /// # Errors
    /// 35, 148: no such index; and as [`Index::exact_key`].
    pub(super) fn delete(
        &self,
        index: IndexRef<'_>,
        key: &[u8],
    ) -> Result<Option<Change>, Failure> {
        let index = self.index(index)?;
        let Some(tuple) = index.get(&index.exact_key(key)?) else {
            return Ok(None);
        };
        let fields = self.format.indexed(tuple);
        let moves = self.indexes.iter().map(|index| (Some(index.key_of(&fields)), None));
        Ok(Some(Change { tuple: Arc::clone(tuple), moves: moves.collect() }))
    }

    /// `None`: there is no such tuple.
    ///
    /// # Errors
    /// As [`Self::delete`], [`update`] and [`Self::replace`]; 94: the primary key would change.
    pub(super) fn update(
        &self,
        index: IndexRef<'_>,
        key: &[u8],
        operations: &[u8],
        index_base: u32,
    ) -> Result<Option<Change>, Failure> {
        let index = self.index(index)?;
        let Some(old) = index.get(&index.exact_key(key)?) else {
            return Ok(None);
        };
        let new = self.apply(old, operations, index_base, Mode::Update)?;
        let fields = self.format.check(&new)?;
        let primary = self.primary()?;
        // A key that another tuple has is an error of its own.
        if primary.get(&primary.key_of(&fields)).is_none() {
            let text = format!(
                "Attempt to modify a tuple field which is part of primary index in space '{}'",
                self.name
            );
            return Err(Failure::new(ErrorCode::CANT_UPDATE_PRIMARY_KEY, text));
        }
        self.change(Some(old), &new, &fields).map(Some)
    }

    /// `None`: operations would change the primary key, which a server logs and leaves.
    ///
    /// # Errors
    /// As [`Self::replace`]; malformed operations, and a result that does not fit the format.
    pub(super) fn upsert(
        &self,
        tuple: &[u8],
        operations: &[u8],
        index_base: u32,
    ) -> Result<Option<Change>, Failure> {
        let fields = self.format.check(tuple)?;
        let primary = self.primary()?;
        let key = primary.key_of(&fields);
        let Some(old) = primary.get(&key) else {
            // Malformed operations are refused even when none is to be applied; what they would
            // make of the tuple does not matter.
            match self.apply(tuple, operations, index_base, Mode::Upsert) {
                Err(failure) if failure.code != ErrorCode::MEMTX_MAX_TUPLE_SIZE => {
                    return Err(failure);
                }
                _ => {}
            }
            return self.change(None, tuple, &fields).map(Some);
        };
        let new = self.apply(old, operations, index_base, Mode::Upsert)?;
        let fields = self.format.check(&new)?;
        if primary.key_of(&fields) != key {
            return Ok(None);
        }
        self.change(Some(old), &new, &fields).map(Some)
    }

    pub(super) fn apply_change(&mut self, change: Change) {
        for (index, (old, new)) in self.indexes.iter_mut().zip(change.moves) {
            let mut gone = None;
            if let Some(old) = old.filter(|old| new.as_ref() != Some(old)) {
                gone = index.remove(&old);
            }
            let has_new = new.is_some();
            if let Some(new) = new {
                gone = index.insert(new, Arc::clone(&change.tuple)).or(gone);
            }
            if index.id == 0 {
                let added = if has_new { change.tuple.len() } else { 0 };
                let removed = gone.map_or(0, |gone| gone.len());
                self.bytes = (self.bytes + added).saturating_sub(removed);
            }
        }
    }

    pub(super) fn truncate(&mut self) {
        self.indexes.iter_mut().for_each(Index::clear);
        self.bytes = 0;
    }

    /// Puts `new` in the place of `old`.
    fn change(&self, old: Option<&Tuple>, new: &[u8], fields: &[&[u8]]) -> Result<Change, Failure> {
        let old_fields = old.map(|old| self.format.indexed(old));
        let mut moves = Vec::with_capacity(self.indexes.len());
        for index in &self.indexes {
            let key = index.key_of(fields);
            match index.get(&key) {
                Some(other) if old.is_none_or(|old| !Arc::ptr_eq(old, other)) => {
                    return Err(self.duplicate(index, other, new));
                }
                _ => moves.push((old_fields.as_ref().map(|old| index.key_of(old)), Some(key))),
            }
        }
        Ok(Change { tuple: new.into(), moves })
    }

    fn apply(
        &self,
        tuple: &[u8],
        operations: &[u8],
        index_base: u32,
        mode: Mode,
    ) -> Result<Vec<u8>, Failure> {
        let field_number = |name: &str| self.format.field_number(name);
        let new = update(tuple, operations, index_base, mode, &field_number)?;
        Ok(if self.format.has_double() { self.widen(tuple, &new) } else { new })
    }

    /// Makes 64-bit floats of those with 32 bits that have come into fields of type `double`: so a
    /// server stores the results of arithmetic there. Assigned ones it would leave as they are.
    fn widen(&self, old: &[u8], new: &[u8]) -> Vec<u8> {
        let (mut old, mut reader) = (Reader::new(old), Reader::new(new));
        let (_, count) = (old.array(), reader.array().unwrap_or(0));
        let mut out = Vec::with_capacity(new.len());
        write::array(&mut out, count);
        for number in 0..count {
            let (before, Ok(field)) = (old.raw().unwrap_or_default(), reader.raw()) else {
                break;
            };
            match Reader::new(field).token() {
                Ok(Token::F32(value)) if before != field && self.format.is_double(number) => {
                    write::f64(&mut out, f64::from(value));
                }
                _ => out.extend_from_slice(field),
            }
        }
        out
    }

    fn duplicate(&self, index: &Index, old: &[u8], new: &[u8]) -> Failure {
        let text = format!(
            "Duplicate key exists in unique index \"{}\" in space \"{}\" with old tuple - {} and \
             new tuple - {}",
            index.name,
            self.name,
            text_of(old),
            text_of(new)
        );
        Failure::new(ErrorCode::TUPLE_FOUND, text)
    }
}
