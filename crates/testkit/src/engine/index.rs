//! One index: tuples in the order of their keys.

use std::collections::BTreeMap;
use std::ops::Bound;

use tarantool_proto::ErrorCode;
use tarantool_proto::msgpack::{Reader, write};

use super::failure::Failure;
use super::key::{self, Key, Search};
use super::{IndexDefinition, Part, Tuple};

/// A TREE of tuples.
///
/// Where several tuples may have one key, those of the primary index follow in it. A unique index
/// may hold nil many times, so that keys with nil are such keys.
#[derive(Clone, Debug)]
pub(super) struct Index {
    pub(super) id: u32,
    pub(super) name: String,
    pub(super) is_unique: bool,
    pub(super) parts: Vec<Part>,
    /// The parts of the primary index that are not in `parts`.
    rest: Vec<Part>,
    tuples: BTreeMap<Key, Tuple>,
}

impl Index {
    /// `primary`: the parts of the primary index; none for that itself.
    pub(super) fn new(id: u32, definition: IndexDefinition, primary: &[Part]) -> Self {
        let IndexDefinition { name, is_unique, parts } = definition;
        let is_new = |part: &&Part| !parts.iter().any(|known| known.field == part.field);
        let rest = primary.iter().filter(is_new).cloned().collect();
        Self { id, name, is_unique, parts, rest, tuples: BTreeMap::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.tuples.len()
    }

    pub(super) fn get(&self, key: &[u8]) -> Option<&Tuple> {
        self.tuples.get(key)
    }

    /// Returns the tuple whose place it took.
    pub(super) fn insert(&mut self, key: Key, tuple: Tuple) -> Option<Tuple> {
        self.tuples.insert(key, tuple)
    }

    pub(super) fn remove(&mut self, key: &[u8]) -> Option<Tuple> {
        self.tuples.remove(key)
    }

    pub(super) fn clear(&mut self) {
        self.tuples = BTreeMap::new();
    }

    pub(super) fn tuples(&self) -> impl Iterator<Item = &Tuple> {
        self.tuples.values()
    }

    /// The tuples whose keys are within the bounds.
    pub(super) fn range(
        &self,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
    ) -> impl DoubleEndedIterator<Item = &Tuple> {
        // The map does not take bounds that exclude each other.
        let is_empty = match (lower, upper) {
            (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
            (Bound::Included(lower), Bound::Included(upper)) => lower > upper,
            (
                Bound::Included(lower) | Bound::Excluded(lower),
                Bound::Included(upper) | Bound::Excluded(upper),
            ) => lower >= upper,
        };
        let range = (!is_empty).then(|| self.tuples.range::<[u8], _>((lower, upper)));
        range.into_iter().flatten().map(|(_, tuple)| tuple)
    }

    /// The key of a tuple, of which `fields` are those that indexes need.
    pub(super) fn key_of(&self, fields: &[&[u8]]) -> Key {
        let mut out = Vec::with_capacity(32);
        let has_nil = key::encode(fields, &self.parts, &mut out);
        if !self.is_unique || has_nil {
            key::encode(fields, &self.rest, &mut out);
        }
        out.into()
    }

    /// The place of a tuple in this index as a MessagePack array: the values of its key, with those
    /// of the primary index if several tuples may have it.
    pub(super) fn position_of(&self, fields: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        let (parts, rest) = self.position_parts();
        write::array(&mut out, parts.len() + rest.len());
        for part in parts.iter().chain(rest) {
            out.extend_from_slice(key::field(fields, part));
        }
        out
    }

    /// The key at such a place. `None`: it is no place in this index.
    pub(super) fn key_at(&self, position: &[u8]) -> Option<Vec<u8>> {
        let (parts, rest) = self.position_parts();
        let mut reader = Reader::new(position);
        if reader.array() != Ok(parts.len() + rest.len()) {
            return None;
        }
        let (mut key, mut end) = (Vec::new(), Vec::new());
        let has_nil = key::read_values(&mut reader, parts, &mut key).ok()?.has_nil;
        key::read_values(&mut reader, rest, &mut end).ok()?;
        if !self.is_unique || has_nil {
            key.extend_from_slice(&end);
        }
        reader.is_empty().then_some(key)
    }

    fn position_parts(&self) -> (&[Part], &[Part]) {
        let is_exact = self.is_unique && !self.parts.iter().any(|part| part.is_nullable);
        (&self.parts, if is_exact { &[] } else { &self.rest })
    }

    /// The key of a request that must mean one tuple at most.
    ///
    /// # Errors
    /// 41: the index is not unique, 19: not all parts; and as [`Search::read`]. nil is no key.
    pub(super) fn exact_key(&self, key: &[u8]) -> Result<Vec<u8>, Failure> {
        if !self.is_unique {
            let text = "Get() doesn't support partial keys and non-unique indexes";
            return Err(Failure::new(ErrorCode::MORE_THAN_ONE_TUPLE, text));
        }
        let wanted = self.parts.len();
        let count = Reader::new(key).array();
        if let Ok(count) = count {
            if count != wanted {
                let text = format!(
                    "Invalid key part count in an exact match (expected {wanted}, got {count})"
                );
                return Err(Failure::new(ErrorCode::EXACT_MATCH, text));
            }
        }
        let never_nil = |part: &Part| Part { is_nullable: false, ..part.clone() };
        let parts: Vec<Part> = self.parts.iter().map(never_nil).collect();
        Search::read(key, &parts).map(|search| search.prefix)
    }
}
