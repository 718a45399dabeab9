//! SELECT (IPROTO reference, section 11).

use std::ops::Bound;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use tarantool_proto::{ErrorCode, IteratorType};

use super::failure::Failure;
use super::index::Index;
use super::key::{Search, after};
use super::space::Space;
use super::{IndexRef, Tuple};

/// What is looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Select<'a> {
    /// The number of the space.
    pub(crate) space: u32,
    /// The index, whose order the rows have.
    pub(crate) index: IndexRef<'a>,
    /// An [`IteratorType`]'s number.
    pub(crate) iterator: u32,
    /// How many rows are left out first.
    pub(crate) offset: u32,
    /// How many rows there are at most.
    pub(crate) limit: u32,
    /// A MessagePack array: the first parts of a key, or all of them.
    pub(crate) key: &'a [u8],
    /// Whether the position of the last row is wanted.
    pub(crate) fetch_position: bool,
    /// Where to go on: a position, before any `after_tuple`; empty for the start.
    pub(crate) after_position: Option<&'a [u8]>,
    /// Where to go on: a tuple.
    pub(crate) after_tuple: Option<&'a [u8]>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selected {
    /// The rows, in order.
    pub(crate) rows: Vec<Tuple>,
    /// The position of the last row, if it was wanted and there is one.
    pub(crate) position: Option<Vec<u8>>,
}

/// A part of an index, and the direction that it is read in.
struct Range {
    lower: Bound<Vec<u8>>,
    upper: Bound<Vec<u8>>,
    is_descending: bool,
}

/// # Errors
/// 1: unknown iterator, 35 or 148: no such index, 18, 20, 22 or 31: the key, 112: an iterator that
/// no TREE has, 247: the position.
pub(super) fn select(space: &Space, request: &Select<'_>) -> Result<Selected, Failure> {
    if request.iterator > IteratorType::Pp.number() {
        return Err(Failure::new(ErrorCode::ILLEGAL_PARAMS, "Invalid iterator type"));
    }
    let index = space.index(request.index)?;
    let search = Search::read(request.key, &index.parts)?;
    let Some(mut range) = range(request.iterator, search) else {
        let text = format!(
            "Index '{}' (TREE) of space '{}' (memtx) does not support requested iterator type",
            index.name, space.name
        );
        return Err(Failure::new(ErrorCode::UNSUPPORTED_INDEX_FEATURE, text));
    };
    if let Some(start) = start(space, index, request)? {
        range.go_on_after(start)?;
    }
    let lower = range.lower.as_ref().map(Vec::as_slice);
    let upper = range.upper.as_ref().map(Vec::as_slice);
    let tuples = index.range(lower, upper);
    let rows = if range.is_descending { cut(tuples.rev(), request) } else { cut(tuples, request) };
    let last = rows.last().filter(|_| request.fetch_position);
    let position = last
        .map(|tuple| BASE64.encode(index.position_of(&space.format.indexed(tuple))).into_bytes());
    Ok(Selected { rows, position })
}

fn cut<'a>(tuples: impl Iterator<Item = &'a Tuple>, request: &Select<'_>) -> Vec<Tuple> {
    let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    tuples.skip(count(request.offset)).take(count(request.limit)).cloned().collect()
}

/// `None`: no TREE has this iterator.
fn range(iterator: u32, search: Search) -> Option<Range> {
    let is = |kind: IteratorType| iterator == kind.number();
    let is_np_or_pp = is(IteratorType::Np) || is(IteratorType::Pp);
    let end = if is_np_or_pp { after(search.string_prefix()) } else { after(&search.prefix) };
    let is_empty = search.prefix.is_empty();
    let begin = if is_np_or_pp { search.string_prefix().to_vec() } else { search.prefix };
    // An empty key means the whole index, whichever side of it is asked for.
    let below = |bound: Option<Vec<u8>>| bound.map_or(Bound::Unbounded, Bound::Excluded);
    let from = |bound: Vec<u8>| if is_empty { Bound::Unbounded } else { Bound::Included(bound) };
    let ascending = |lower, upper| Range { lower, upper, is_descending: false };
    let descending = |lower, upper| Range { lower, upper, is_descending: true };
    Some(if is(IteratorType::Eq) {
        ascending(from(begin), below(end))
    } else if is(IteratorType::Req) {
        descending(from(begin), below(end))
    } else if is(IteratorType::All) || is(IteratorType::Ge) {
        ascending(from(begin), Bound::Unbounded)
    } else if is(IteratorType::Gt) || is(IteratorType::Np) {
        ascending(end.map_or(Bound::Unbounded, Bound::Included), Bound::Unbounded)
    } else if is(IteratorType::Le) {
        descending(Bound::Unbounded, below(end))
    } else if is(IteratorType::Lt) || is(IteratorType::Pp) {
        descending(Bound::Unbounded, below((!is_empty).then_some(begin)))
    } else {
        return None;
    })
}

impl Range {
    fn go_on_after(&mut self, key: Vec<u8>) -> Result<(), Failure> {
        let is_above = match &self.lower {
            Bound::Included(lower) => key >= *lower,
            Bound::Excluded(lower) => key > *lower,
            Bound::Unbounded => true,
        };
        let is_below = match &self.upper {
            Bound::Included(upper) => key <= *upper,
            Bound::Excluded(upper) => key < *upper,
            Bound::Unbounded => true,
        };
        if !(is_above && is_below) {
            return Err(bad_position());
        }
        let bound = if self.is_descending { &mut self.upper } else { &mut self.lower };
        *bound = Bound::Excluded(key);
        Ok(())
    }
}

/// The key to go on after, if there is one.
fn start(space: &Space, index: &Index, request: &Select<'_>) -> Result<Option<Vec<u8>>, Failure> {
    let position = match (request.after_position, request.after_tuple) {
        (Some([]), _) | (None, None) => return Ok(None),
        (Some(text), _) => BASE64.decode(text).ok(),
        (None, Some(tuple)) => Some(index.position_of(&space.format.indexed(tuple))),
    };
    let key = position.and_then(|position| index.key_at(&position));
    key.map(Some).ok_or_else(bad_position)
}

fn bad_position() -> Failure {
    Failure::new(ErrorCode::ITERATOR_POSITION, "Iterator position is invalid")
}
