//! The data of the embedded server: spaces, indexes and what requests do to them.
//!
//! It behaves as memtx of a server 3.7 with TREE indexes does, to its codes and texts of errors.
//! What it leaves out: other kinds of indexes, paths and collations, constraints, sequences.

mod definition;
#[cfg(test)]
mod differential;
mod extension;
mod failure;
mod field_type;
mod format;
mod index;
mod key;
mod scalar;
mod schema;
mod select;
mod space;
#[cfg(test)]
mod tests;
mod text;
mod update;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tarantool_proto::ErrorCode;

pub(crate) use self::definition::{FieldDefinition, IndexDefinition, Part, SpaceDefinition};
pub(crate) use self::failure::Failure;
pub(crate) use self::field_type::FieldType;
use self::format::TUPLE_SIZE_MAX;
pub(crate) use self::select::{Select, Selected};
use self::space::{Change, Space};

/// A tuple: a MessagePack array, byte for byte as it was sent.
pub(crate) type Tuple = Arc<[u8]>;

/// Numbers of the spaces that a caller makes begin here.
const FIRST_ID: u32 = 512;
const LAST_ID: u32 = 0x7fff_ffff;

/// All spaces.
///
/// A clone is a snapshot: it shares the spaces, and one is copied when it is changed while it is
/// shared.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    spaces: BTreeMap<u32, Stored>,
    names: HashMap<String, u32>,
    schema_version: u64,
    /// Where versions of spaces come from: none comes twice, not even for a space that was dropped
    /// and made again.
    changes: u64,
    /// How many bytes a tuple of spaces made from now on may have.
    pub(crate) tuple_size_max: usize,
}

/// A space, and the number of its latest change: beside it, or the number could not change without
/// a copy of a space that is shared.
#[derive(Clone, Debug)]
struct Stored {
    space: Arc<Space>,
    version: u64,
}

/// Which space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SpaceRef<'a> {
    /// The one with this number.
    Id(u32),
    /// The one with this name.
    Name(&'a [u8]),
}

/// Which index of a space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IndexRef<'a> {
    /// The one with this number; 0 is the primary one.
    Id(u32),
    /// The one with this name.
    Name(&'a [u8]),
}

impl Database {
    /// With the system's spaces only.
    pub(crate) fn new() -> Self {
        let mut database = Self {
            spaces: BTreeMap::new(),
            names: HashMap::new(),
            schema_version: 1,
            changes: 0,
            tuple_size_max: TUPLE_SIZE_MAX,
        };
        for (id, definition, indexes) in schema::system_spaces() {
            let mut space = Space::new(id, definition, TUPLE_SIZE_MAX);
            for (number, definition) in indexes {
                let made = space.create_index(number, definition);
                debug_assert_eq!(made, Ok(()));
            }
            database.names.insert(space.name.clone(), id);
            database.spaces.insert(id, Stored { space: Arc::new(space), version: 0 });
        }
        for id in database.spaces.keys().copied().collect::<Vec<_>>() {
            database.publish(id);
        }
        database
    }

    /// Grows with each change of the schema.
    pub(crate) fn schema_version(&self) -> u64 {
        self.schema_version
    }

    /// Makes a space without indexes and returns its number.
    ///
    /// # Errors
    /// 10: the name or the number is taken, 9: there can be no such number, 149: two fields have
    /// one name.
    pub(crate) fn create_space(&mut self, definition: SpaceDefinition) -> Result<u32, Failure> {
        let name = definition.name.clone();
        let next = || {
            let last = self.spaces.keys().next_back().copied().unwrap_or_default();
            last.saturating_add(1).max(FIRST_ID)
        };
        let id = definition.id.unwrap_or_else(next);
        let is_taken = self.names.contains_key(&name) || self.spaces.contains_key(&id);
        if is_taken {
            let text = format!("Space '{name}' already exists");
            return Err(Failure::new(ErrorCode::SPACE_EXISTS, text));
        }
        let problem = match id {
            0 => "space id 0 is reserved",
            id if id > LAST_ID => "space id is too big",
            id if schema::SYSTEM_IDS.contains(&id) => "space id is for the system",
            _ => "",
        };
        if !problem.is_empty() {
            let text = format!("Failed to create space '{name}': {problem}");
            return Err(Failure::new(ErrorCode::CREATE_SPACE, text));
        }
        let mut fields: Vec<_> = definition.format.iter().map(|field| &field.name).collect();
        fields.sort_unstable();
        if let Some([field, _]) = fields.windows(2).find(|pair| pair.first() == pair.last()) {
            let text = format!("Space field '{field}' is duplicate");
            return Err(Failure::new(ErrorCode::SPACE_FIELD_IS_DUPLICATE, text));
        }
        self.names.insert(name, id);
        let space = Arc::new(Space::new(id, definition, self.tuple_size_max));
        self.spaces.insert(id, Stored { space, version: 0 });
        self.schema_changed(id);
        Ok(id)
    }

    /// Makes an index over the tuples that are there, and returns its number. The first one, 0, is
    /// the primary index.
    ///
    /// # Errors
    /// 36: no such space, 14, 24, 27, 85 or 152: it cannot be like that, 3, 23 or 39: the tuples do
    /// not fit.
    pub(crate) fn create_index(
        &mut self,
        space: u32,
        definition: IndexDefinition,
    ) -> Result<u32, Failure> {
        let changed = self.writable(space)?;
        let id = changed.next_index_id();
        Arc::make_mut(changed).create_index(id, definition)?;
        self.schema_changed(space);
        Ok(id)
    }

    /// Removes a space with its indexes.
    ///
    /// # Errors
    /// 36: there is none.
    pub(crate) fn drop_space(&mut self, space: u32) -> Result<(), Failure> {
        self.writable(space)?;
        self.unpublish(space);
        if let Some(dropped) = self.spaces.remove(&space) {
            self.names.remove(&dropped.space.name);
        }
        self.schema_version += 1;
        Ok(())
    }

    /// Removes all tuples of a space.
    ///
    /// # Errors
    /// 36: there is none.
    pub(crate) fn truncate(&mut self, space: u32) -> Result<(), Failure> {
        Arc::make_mut(self.writable(space)?).truncate();
        self.changed(space);
        Ok(())
    }

    /// The number of tuples in a space.
    ///
    /// # Errors
    /// 36: there is none.
    pub(crate) fn len(&self, space: u32) -> Result<usize, Failure> {
        Ok(self.space(space)?.len())
    }

    /// The number of the space of this name.
    pub(crate) fn space_id(&self, name: &str) -> Option<u32> {
        self.names.get(name).copied()
    }

    /// The number of a space.
    ///
    /// # Errors
    /// 36: there is none.
    pub(crate) fn resolve(&self, space: SpaceRef<'_>) -> Result<u32, Failure> {
        match space {
            SpaceRef::Id(id) => self.space(id).map(|space| space.id),
            SpaceRef::Name(name) => {
                let id = std::str::from_utf8(name).ok().and_then(|name| self.space_id(name));
                id.ok_or_else(|| no_such_space(&String::from_utf8_lossy(name)))
            }
        }
    }

    /// Reads tuples in the order of an index.
    ///
    /// # Errors
    /// 1: unknown iterator, 36, 35 or 148: no such space or index, 18, 20, 22 or 31: the key, 112:
    /// an iterator that no TREE has, 247: the position.
    pub(crate) fn select(&self, request: &Select<'_>) -> Result<Selected, Failure> {
        select::select(self.space(request.space)?, request)
    }

    /// Stores a tuple with a new key, and returns it.
    ///
    /// # Errors
    /// 3: there is a tuple with this key; 20, 22, 23, 38, 39 or 110: the tuple; 35 or 36: there is
    /// no index or space; 5: the space is the system's.
    pub(crate) fn insert(&mut self, space: u32, tuple: &[u8]) -> Result<Tuple, Failure> {
        let change = self.writable(space)?.insert(tuple)?;
        Ok(self.apply(space, change))
    }

    /// Stores a tuple in the place of any with the same primary key, and returns it.
    ///
    /// # Errors
    /// 3: another tuple has the same key in another index; and as [`Self::insert`].
    pub(crate) fn replace(&mut self, space: u32, tuple: &[u8]) -> Result<Tuple, Failure> {
        let change = self.writable(space)?.replace(tuple)?;
        Ok(self.apply(space, change))
    }

    /// Changes the tuple with this key, and returns what it became; `None`: there is none.
    ///
    /// # Errors
    /// 18, 19, 20, 22, 41: the key; 94: the primary key would change; those of operations; and as
    /// [`Self::replace`].
    pub(crate) fn update(
        &mut self,
        space: u32,
        index: IndexRef<'_>,
        key: &[u8],
        operations: &[u8],
        index_base: u32,
    ) -> Result<Option<Tuple>, Failure> {
        let change = self.writable(space)?.update(index, key, operations, index_base)?;
        Ok(change.map(|change| self.apply(space, change)))
    }

    /// Stores a tuple, or changes the one with the same primary key. Operations that do not fit the
    /// tuple, or would change its primary key, do nothing.
    ///
    /// # Errors
    /// Malformed operations, and as [`Self::replace`].
    pub(crate) fn upsert(
        &mut self,
        space: u32,
        tuple: &[u8],
        operations: &[u8],
        index_base: u32,
    ) -> Result<(), Failure> {
        if let Some(change) = self.writable(space)?.upsert(tuple, operations, index_base)? {
            self.apply(space, change);
        }
        Ok(())
    }

    /// Removes the tuple with this key and returns it; `None`: there is none.
    ///
    /// # Errors
    /// 18, 19, 20, 22, 41: the key; 35, 148 or 36: there is no index or space; 5: the space is the
    /// system's.
    pub(crate) fn delete(
        &mut self,
        space: u32,
        index: IndexRef<'_>,
        key: &[u8],
    ) -> Result<Option<Tuple>, Failure> {
        let change = self.writable(space)?.delete(index, key)?;
        Ok(change.map(|change| self.apply(space, change)))
    }

    /// How many bytes the tuples of all spaces have.
    pub(crate) fn bytes(&self) -> usize {
        self.spaces.values().map(|stored| stored.space.bytes).sum()
    }

    /// Another number after each change of the space; `None`: there is no such space.
    pub(crate) fn space_version(&self, space: u32) -> Option<u64> {
        self.spaces.get(&space).map(|stored| stored.version)
    }

    /// Takes over a space from a snapshot that was changed. The caller has made sure that this one
    /// was not changed meanwhile; a space that is gone is left so.
    pub(crate) fn adopt(&mut self, other: &Self, space: u32) {
        if let (Some(mine), Some(theirs)) = (self.spaces.get_mut(&space), other.spaces.get(&space))
        {
            if !Arc::ptr_eq(&mine.space, &theirs.space) {
                mine.space = Arc::clone(&theirs.space);
                self.changed(space);
            }
        }
    }

    fn space(&self, id: u32) -> Result<&Space, Failure> {
        let stored = self.spaces.get(&id).ok_or_else(|| no_such_space(&id.to_string()))?;
        Ok(&stored.space)
    }

    fn writable(&mut self, id: u32) -> Result<&mut Arc<Space>, Failure> {
        let stored = self.spaces.get_mut(&id).ok_or_else(|| no_such_space(&id.to_string()))?;
        let space = &mut stored.space;
        if schema::SYSTEM_IDS.contains(&id) {
            let text = format!("The embedded server lets nobody write to space '{}'", space.name);
            return Err(Failure::new(ErrorCode::UNSUPPORTED, text));
        }
        Ok(space)
    }

    fn apply(&mut self, space: u32, change: Change) -> Tuple {
        let tuple = Arc::clone(&change.tuple);
        if let Some(changed) = self.spaces.get_mut(&space) {
            Arc::make_mut(&mut changed.space).apply_change(change);
            self.changed(space);
        }
        tuple
    }

    fn changed(&mut self, space: u32) {
        self.changes += 1;
        if let Some(changed) = self.spaces.get_mut(&space) {
            changed.version = self.changes;
        }
    }

    fn schema_changed(&mut self, space: u32) {
        self.schema_version += 1;
        self.changed(space);
        self.publish(space);
    }

    /// Brings the rows of the system's spaces about a space up to date.
    fn publish(&mut self, id: u32) {
        let Some(Stored { space, .. }) = self.spaces.get(&id) else {
            return;
        };
        let space_row = schema::space_row(space);
        let index_rows = space.indexes.iter().map(|index| schema::index_row(id, index));
        let index_rows: Vec<_> = index_rows.collect();
        for view in schema::SPACE_VIEWS {
            self.change_view(view, |view| view.replace(&space_row).ok());
        }
        for view in schema::INDEX_VIEWS {
            for row in &index_rows {
                self.change_view(view, |view| view.replace(row).ok());
            }
        }
    }

    /// Removes the rows of the system's spaces about a space.
    fn unpublish(&mut self, id: u32) {
        let Some(Stored { space, .. }) = self.spaces.get(&id) else {
            return;
        };
        let numbers: Vec<u32> = space.indexes.iter().map(|index| index.id).collect();
        let primary = IndexRef::Id(0);
        for view in schema::SPACE_VIEWS {
            let key = schema::key(&[id]);
            self.change_view(view, |view| view.delete(primary, &key).ok().flatten());
        }
        for view in schema::INDEX_VIEWS {
            for number in &numbers {
                let key = schema::key(&[id, *number]);
                self.change_view(view, |view| view.delete(primary, &key).ok().flatten());
            }
        }
    }

    fn change_view(&mut self, view: u32, work: impl FnOnce(&Space) -> Option<Change>) {
        if let Some(change) = self.spaces.get(&view).and_then(|stored| work(&stored.space)) {
            self.apply(view, change);
        }
    }
}

fn no_such_space(name: &str) -> Failure {
    Failure::new(ErrorCode::NO_SUCH_SPACE, format!("Space '{name}' does not exist"))
}
